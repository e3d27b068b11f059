//! Reads everything that bears on whether Mixpanel can write, side by side where one answer does not need another.
//! Reads only.
//!
//! What the caller may not read stands in the evidence as such and stops nothing; only credentials and the network do.

use std::future::ready;

use time::OffsetDateTime;

use super::bucket::{Beyond, Location, beyond, locate, nothing, settings_of};
use super::exports::exports;
use super::role::{Depth, policies_of, readable, whole_role};
use super::roles::{may_be_mixpanels, writers_among};
use super::simulate::{Heard, Simulation};
use crate::aws::iam::RoleSummary;
use crate::aws::s3::Presence;
use crate::aws::{Aws, Cause, Failure, Session};
use crate::details::form_of;
use crate::encryption::{BucketEncryption, Form, KeyInUse, Method};
use crate::names::{AccountId, BucketName, PolicyArn, ProjectId, Region, RoleName};
use crate::observed::existing::Writer;
use crate::observed::{Bucket, Caller, Reading, Role, Simulated, Unread, probe_name};
use crate::policy::{Document, build, read};
use crate::verify::evidence::{BucketFacts, BucketStanding, Evidence, Grant, KeyStanding, Subject};
use crate::verify::freshness::Exports;

/// What is to be looked at.
#[derive(Debug, Clone)]
pub(crate) struct Looked<'a> {
    /// The role.
    pub(crate) role: &'a RoleName,
    /// The bucket; else the only one that the role's policies name.
    pub(crate) bucket: Option<&'a BucketName>,
    /// The account that the bucket is said to be of; the caller's own where nobody says.
    pub(crate) bucket_account: Option<&'a AccountId>,
    /// "Encryption" and "KMS Key ID", where they were given.
    pub(crate) form: Option<Form>,
    /// The project, where it was given.
    pub(crate) project: Option<&'a ProjectId>,
}

/// Several buckets that the role may write to, where one has to be named.
#[derive(Debug, Clone)]
pub(crate) struct SeveralBuckets(pub(crate) Vec<BucketName>);

/// Reads, and puts what was found of the form into the subject. The outer failure is of credentials or the network.
pub(crate) async fn evidence(
    session: &Session,
    caller: &Caller,
    looked: &Looked<'_>,
    mut subject: Subject,
) -> Result<Result<(Subject, Evidence), SeveralBuckets>, Failure> {
    let aws = Aws::new(session, &session.home_region());
    let (role, policies, among_roles) = tokio::try_join!(
        readable(aws.role(looked.role)),
        policies_of(&aws, looked.role, Depth::DOCUMENTS),
        roles_and_probe(&aws, looked.role),
    )?;
    let (role, unread_role) = match role {
        Reading::Known(role) => (role, None),
        Reading::Unreadable(denied) => (None, Some(denied)),
    };
    let (grants, unread_grants) = policies.into_grants()?;
    let documents = || grants.iter().map(|grant| &grant.document);
    let name = match looked.bucket {
        Some(bucket) => Some(bucket.clone()),
        None => {
            let named: Vec<BucketName> = read::buckets_written(documents()).into_iter().collect();
            match named.as_slice() {
                [] => None,
                [only] => Some(only.clone()),
                _ => return Ok(Err(SeveralBuckets(named))),
            }
        }
    };
    let (bucket, boundary) = tokio::try_join!(
        async {
            let Some(name) = name else { return Ok(None) };
            let standing = standing_of(session, &name, &caller.account, looked.bucket_account).await?;
            Ok(Some((name, standing)))
        },
        boundary_of(&aws, role.as_ref()),
    )?;
    let mut known = Known {
        caller: caller.clone(),
        role_name: looked.role.clone(),
        role,
        unread_role,
        grants,
        unread_grants,
        bucket,
        form: looked.form.clone().unwrap_or_default(),
        project: looked.project,
        exports: None,
    };
    if looked.form.is_none() {
        known.form = likely_form(session, &known).await;
    }
    let simulated = known.simulated(session, Heard::Long);
    let rest = known.rest(session, ready(Ok(among_roles)), ready(Ok(boundary)), simulated);
    let evidence = rest.await?;
    subject.form = known.form;
    settle_project(&mut subject, &evidence);
    Ok(Ok((subject, evidence)))
}

/// What AWS tells of the form. A bucket may name its key by ID or alias, and the form wants the ARN.
async fn likely_form(session: &Session, known: &Known<'_>) -> Form {
    let (Some(role), Some(facts)) = (&known.role, known.facts()) else {
        return Form::default();
    };
    let settings = &facts.settings;
    let keys = read::keys_used(known.grants.iter().map(|grant| &grant.document));
    let mut form = form_of(role, &keys, &settings.region, &settings.encryption).0;
    if form.encryption == Method::Kms
        && form.key.is_none()
        && let Some(key) = settings
            .encryption
            .known()
            .and_then(|default| default.as_ref()?.named_key())
        && let Ok(Some(found)) = Aws::new(session, &settings.region).key(key).await
    {
        form.key = Some(found.arn);
    }
    form
}

/// What is known of a set-up before the rest is read: its role with what grants it something, and its bucket.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) caller: Caller,
    pub(super) role_name: RoleName,
    pub(super) role: Option<Role>,
    pub(super) unread_role: Option<Unread>,
    pub(super) grants: Vec<Grant>,
    pub(super) unread_grants: Vec<Unread>,
    pub(super) bucket: Option<(BucketName, BucketStanding)>,
    pub(super) form: Form,
    pub(super) project: Option<&'a ProjectId>,
    /// What was exported, where nobody has to look.
    pub(super) exports: Option<Exports>,
}

/// All roles of the account, and the role of this one's live proofs, if there is one.
pub(super) type AmongRoles = (Reading<Vec<RoleSummary>>, Option<Reading<Option<Role>>>);

impl Known<'_> {
    fn facts(&self) -> Option<&BucketFacts> {
        match &self.bucket {
            Some((_, BucketStanding::Here(facts))) => Some(facts),
            _ => None,
        }
    }

    /// Where the bucket is, or else where the caller is at home.
    fn region(&self, session: &Session) -> Region {
        let facts = self.facts();
        facts.map_or_else(|| session.home_region(), |facts| facts.settings.region.clone())
    }

    /// Asks the policy simulator, where there is something to ask about.
    pub(super) async fn simulated(
        &self,
        session: &Session,
        heard: Heard<'_>,
    ) -> Result<Option<Reading<Vec<Simulated>>>, Failure> {
        let (Some(role), Some((bucket, _))) = (&self.role, &self.bucket) else {
            return Ok(None);
        };
        let region = self.region(session);
        let simulation = Simulation {
            role,
            bucket,
            region: &region,
            form: &self.form,
            project: self.project,
        };
        simulation.reading(&Aws::new(session, &region), heard).await
    }

    /// Reads the rest, side by side.
    pub(super) async fn rest(
        &self,
        session: &Session,
        among_roles: impl Future<Output = Result<AmongRoles, Failure>>,
        boundary: impl Future<Output = Result<Option<Reading<Document>>, Failure>>,
        simulated: impl Future<Output = Result<Option<Reading<Vec<Simulated>>>, Failure>>,
    ) -> Result<Evidence, Failure> {
        let region = self.region(session);
        let there = Aws::new(session, &region);
        let facts = self.facts();
        let name = self.bucket.as_ref().map(|(name, _)| name);
        let default = facts.and_then(|facts| facts.settings.encryption.known()?.as_ref());
        let exports = async {
            match (&self.exports, name, facts) {
                (Some(exports), ..) => Ok(Some(Reading::Known(exports.clone()))),
                (None, Some(name), Some(facts)) => {
                    let exports = exports(&there, name, &facts.owner, self.project);
                    readable(exports).await.map(Some)
                }
                _ => Ok(None),
            }
        };
        let among_roles = async {
            let (roles, probe) = among_roles.await?;
            let of_own_name = |roles: &Vec<RoleSummary>| {
                let own = roles.iter().find(|other| other.name == self.role_name);
                own.map(|own| own.id.clone())
            };
            let id = roles.known().and_then(of_own_name);
            let sharing = match (name, facts) {
                (Some(name), Some(facts)) => {
                    let policy = &facts.settings.policy;
                    Some(sharing(&there, &self.role_name, roles, name, policy).await?)
                }
                _ => None,
            };
            Ok((id, probe, sharing))
        };
        let (key, exports, simulated, (id, probe, sharing), token_version, boundary) = tokio::try_join!(
            key_of(session, &region, &self.form, default),
            exports,
            simulated,
            among_roles,
            token_version(&there, &region),
            boundary,
        )?;
        let role = self.role.clone().map(|role| Role {
            // One that was made just now has an ID that only the list tells.
            id: id.filter(|_| role.id.is_empty()).unwrap_or_else(|| role.id.clone()),
            ..role
        });
        Ok(Evidence {
            caller: self.caller.clone(),
            now: OffsetDateTime::now_utc(),
            role_name: self.role_name.clone(),
            role,
            unread_role: self.unread_role.clone(),
            grants: self.grants.clone(),
            unread_grants: self.unread_grants.clone(),
            boundary,
            bucket: self.bucket.clone(),
            sharing,
            probe,
            key,
            simulated,
            token_version,
            exports,
        })
    }
}

/// Takes the only project of which there are exports for the one that is meant.
pub(super) fn settle_project(subject: &mut Subject, evidence: &Evidence) {
    if subject.project.is_none()
        && let Some(Reading::Known(exports)) = &evidence.exports
        && exports.not_read.is_empty()
        && let [only] = exports.read.as_slice()
    {
        subject.project = Some(only.project.clone());
    }
}

/// The document of a role's permissions boundary; `None` where it has none.
pub(crate) async fn boundary_of(aws: &Aws, role: Option<&Role>) -> Result<Option<Reading<Document>>, Failure> {
    let Some(boundary) = role.and_then(|role| role.boundary.as_deref()) else {
        return Ok(None);
    };
    let Ok(arn) = boundary.parse::<PolicyArn>() else {
        return Ok(None);
    };
    let document = readable(aws.managed_document(&arn)).await?;
    Ok(Some(match document {
        Reading::Known(Some(document)) => Reading::Known(document),
        // IAM does not let a policy go that is a boundary; one that is gone bounds everything.
        Reading::Known(None) => Reading::Known(Document::new(Vec::new())),
        Reading::Unreadable(denied) => Reading::Unreadable(denied),
    }))
}

pub(super) async fn roles_and_probe(aws: &Aws, role: &RoleName) -> Result<AmongRoles, Failure> {
    let roles = readable(aws.roles()).await?;
    let probe = match (probe_name(role), &roles) {
        (None, _) => None,
        // The list says so already.
        (Some(name), Reading::Known(roles)) if roles.iter().all(|role| role.name != name) => Some(Reading::Known(None)),
        (Some(name), _) => Some(readable(whole_role(aws, &name)).await?),
    };
    Ok((roles, probe))
}

/// The other roles through which Mixpanel may write to the bucket.
pub(super) async fn sharing(
    aws: &Aws,
    role: &RoleName,
    roles: Reading<Vec<RoleSummary>>,
    bucket: &BucketName,
    policy: &Reading<Option<Document>>,
) -> Result<Reading<Vec<Writer>>, Failure> {
    match roles {
        Reading::Unreadable(denied) => Ok(Reading::Unreadable(denied)),
        Reading::Known(mut roles) => {
            roles.retain(|other| other.name != *role && may_be_mixpanels(other));
            let writers = writers_among(aws, roles, bucket, policy).await?;
            Ok(Reading::Known(writers))
        }
    }
}

/// Which version of tokens the global STS endpoint gives out; `None` where the region takes every version.
pub(super) async fn token_version(aws: &Aws, region: &Region) -> Result<Option<Reading<Option<i32>>>, Failure> {
    match region.is_opt_in() {
        true => readable(aws.global_token_version()).await.map(Some),
        false => Ok(None),
    }
}

/// The bucket, wherever it is. Every request names the account that it should be of, but for one, which tells a
/// stranger's bucket that is open to the caller from one that may not be looked at.
async fn standing_of(
    session: &Session,
    bucket: &BucketName,
    caller: &AccountId,
    said: Option<&AccountId>,
) -> Result<BucketStanding, Failure> {
    let account = said.unwrap_or(caller);
    let (region, aws) = match locate(session, &session.home_region(), bucket, account, nothing).await? {
        Location::Missing => return Ok(BucketStanding::Missing),
        Location::Disabled(region, _) => return Ok(BucketStanding::Disabled(region)),
        Location::Refused(aws) => {
            if aws.bucket_presence_of_anybody(bucket).await? != Presence::Refused {
                return Ok(BucketStanding::Strangers);
            }
            let ours = readable(aws.owns_bucket(bucket)).await?;
            return Ok(BucketStanding::Refused {
                ours: ours.known().copied(),
            });
        }
        Location::Here { region, aws, .. } => (region, aws),
    };
    let settings = tokio::try_join!(
        settings_of(&aws, bucket, account, region.clone()),
        beyond(&aws, bucket, account)
    );
    let (settings, beyond) = match settings {
        Err(failure) if failure.may_be_opt_in_region() && region.is_opt_in() => {
            return Ok(BucketStanding::Disabled(region));
        }
        settings => settings?,
    };
    Ok(BucketStanding::Here(Box::new(facts_of(account, settings, beyond))))
}

pub(super) fn facts_of(owner: &AccountId, settings: Bucket, beyond: Beyond) -> BucketFacts {
    BucketFacts {
        owner: owner.clone(),
        settings,
        versioned: beyond.versioned,
        retention: beyond.retention,
        requester_pays: beyond.requester_pays,
    }
}

/// The key that S3 uses for what Mixpanel writes: the form's, or else the bucket's default.
pub(crate) async fn key_of(
    session: &Session,
    region: &Region,
    form: &Form,
    default: Option<&BucketEncryption>,
) -> Result<KeyStanding, Failure> {
    let reference = match form.key_in_use(default) {
        KeyInUse::None => return Ok(KeyStanding::NotUsed),
        // DescribeKey makes the key of an AWS alias that has none yet, and this only reads.
        // <https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html>
        KeyInUse::AwsManaged => return Ok(KeyStanding::AwsManaged),
        KeyInUse::Named(reference) => reference.to_owned(),
    };
    // A key is asked where it is, which need not be where it is wanted.
    let named_region = reference
        .strip_prefix("arn:")
        .and_then(|arn| arn.split(':').nth(2)?.parse().ok());
    let aws = Aws::new(session, named_region.as_ref().unwrap_or(region));
    let key = match aws.key(&reference).await {
        Ok(Some(key)) => key,
        Ok(None) => return Ok(KeyStanding::Missing(reference)),
        // What is no name of a key at all, such as `aws/s3`.
        Err(failure) if failure.cause == Cause::Other => {
            return Ok(KeyStanding::Missing(reference));
        }
        Err(failure) => return Ok(KeyStanding::Unreadable(reference, failure.unread()?)),
    };
    // AWS writes the policy of its own keys, and it is known. Emulators make them with that of a customer's key.
    if !key.customer_managed {
        let arn = &key.arn;
        let policy = build::aws_managed_key(arn.account(), arn.region());
        return Ok(KeyStanding::Here {
            key: Box::new(key),
            policy: Reading::Known(policy),
        });
    }
    let policy = aws.key_policy(&key.arn).await?;
    Ok(KeyStanding::Here {
        key: Box::new(key),
        policy,
    })
}
