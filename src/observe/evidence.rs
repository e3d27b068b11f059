//! Reads everything that bears on whether Mixpanel can write, side by side where one answer does not need another.
//! Reads only.
//!
//! What the caller may not read stands in the evidence as such and stops nothing; only credentials and the network do.

use time::OffsetDateTime;
use tokio::task::JoinSet;

use super::exporters::{may_be_mixpanels, writers_among};
use super::exports::exports;
use super::probe::whole_role;
use super::simulate::Simulation;
use crate::aws::iam::RoleSummary;
use crate::aws::s3::Presence;
use crate::aws::{Aws, Cause, Failure, Session};
use crate::details::form_of;
use crate::encryption::{BucketEncryption, Form, KeyInUse, Method};
use crate::names::{AccountId, BucketName, PolicyArn, ProjectId, Region, RoleName};
use crate::observed::{Caller, Reading, Role, Unread, probe_name};
use crate::plan::teardown::Writer;
use crate::policy::{Document, build, read};
use crate::verify::evidence::{BucketFacts, BucketStanding, Evidence, Grant, KeyStanding, Subject};

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
pub(crate) struct SeveralBuckets(pub Vec<BucketName>);

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// What was read.
    pub(crate) evidence: Evidence,
    /// What Mixpanel's form says, as given or as AWS tells.
    pub(crate) form: Form,
}

/// Reads. The outer failure is of credentials or the network.
pub(crate) async fn evidence(
    session: &Session,
    caller: &Caller,
    looked: &Looked<'_>,
) -> Result<Result<Found, SeveralBuckets>, Failure> {
    let aws = Aws::new(session, &session.home_region());
    let (role, grants, (roles, probe)) = tokio::try_join!(
        readable(aws.role(looked.role)),
        grants_of(&aws, looked.role),
        roles_and_probe(&aws, looked.role),
    )?;
    let (role, unread_role) = match role {
        Reading::Known(role) => (role, None),
        Reading::Unreadable(denied) => (None, Some(denied)),
    };
    let name = match looked.bucket {
        Some(bucket) => Some(bucket.clone()),
        None => {
            let documents = grants.known.iter().map(|grant| &grant.document);
            let named: Vec<BucketName> = read::buckets_written(documents).into_iter().collect();
            match named.as_slice() {
                [] => None,
                [only] => Some(only.clone()),
                _ => return Ok(Err(SeveralBuckets(named))),
            }
        }
    };
    let (bucket, boundary) = tokio::try_join!(
        async {
            match &name {
                Some(name) => standing_of(session, name, &caller.account, looked.bucket_account)
                    .await
                    .map(Some),
                None => Ok(None),
            }
        },
        boundary_of(&aws, role.as_ref()),
    )?;
    let facts = match &bucket {
        Some(BucketStanding::Here(facts)) => Some(facts),
        _ => None,
    };
    let region = facts.map_or_else(|| session.home_region(), |facts| facts.settings.region.clone());
    let mut form = match (&looked.form, &role, facts) {
        (Some(form), _, _) => form.clone(),
        (None, Some(role), Some(facts)) => {
            let documents = grants.known.iter().map(|grant| &grant.document);
            let keys = read::keys_used(documents);
            form_of(role, &keys, &region, &facts.settings.encryption).0
        }
        _ => Form::default(),
    };
    let there = Aws::new(session, &region);
    // A bucket may name its key by ID or alias, and the form wants the ARN.
    if let (Method::Kms, None, None, Some(facts)) = (form.encryption, &form.key, &looked.form, facts)
        && let Some(key) = facts
            .settings
            .encryption
            .known()
            .and_then(|default| default.as_ref()?.named_key())
        && let Ok(Some(found)) = there.key(key).await
    {
        form.key = Some(found.arn);
    }
    let default = facts.and_then(|facts| facts.settings.encryption.known()?.as_ref());
    let (key, exports, simulated, sharing, token_version) = tokio::try_join!(
        key_of(session, &region, &form, default),
        async {
            match (&name, facts) {
                (Some(name), Some(facts)) => {
                    let exports = exports(&there, name, &facts.owner, looked.project);
                    readable(exports).await.map(Some)
                }
                _ => Ok(None),
            }
        },
        async {
            match (&role, &name) {
                (Some(role), Some(bucket)) => {
                    let project = looked.project;
                    let asked = Simulation {
                        role,
                        bucket,
                        region: &region,
                        form: &form,
                        project,
                    };
                    asked.reading(&aws).await
                }
                _ => Ok(None),
            }
        },
        async {
            match (&name, facts) {
                (Some(name), Some(facts)) => {
                    let policy = &facts.settings.policy;
                    let sharing = sharing(&aws, looked.role, roles, name, policy);
                    sharing.await.map(Some)
                }
                _ => Ok(None),
            }
        },
        token_version(&aws, &region),
    )?;
    Ok(Ok(Found {
        evidence: Evidence {
            caller: caller.clone(),
            now: OffsetDateTime::now_utc(),
            role_name: looked.role.clone(),
            role,
            unread_role,
            grants: grants.known,
            unread_grants: grants.unread,
            boundary,
            bucket: name.zip(bucket),
            sharing,
            probe,
            key,
            simulated,
            token_version,
            exports,
        },
        form,
    }))
}

/// [`evidence`] as [`Subject`] and [`Evidence`], with what was found about the form put into the subject.
pub(crate) fn complete(mut subject: Subject, found: Found) -> (Subject, Evidence) {
    subject.form = found.form;
    settle_project(&mut subject, &found.evidence);
    (subject, found.evidence)
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

/// `Unreadable` for what the caller may not read, and for what makes no sense.
pub(super) async fn readable<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<Reading<T>, Failure> {
    match call.await {
        Ok(value) => Ok(Reading::Known(value)),
        Err(failure) => failure.unread().map(Reading::Unreadable),
    }
}

/// `None` where the answer is an error of no meaning here, as some stores that speak S3's protocol give to what they do
/// not know. What decides whether Mixpanel gets in is not read so.
pub(super) async fn unless_odd<T>(
    call: impl Future<Output = Result<Reading<T>, Failure>>,
) -> Result<Option<Reading<T>>, Failure> {
    match call.await {
        Ok(reading) => Ok(Some(reading)),
        Err(failure) if failure.cause == Cause::Other => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What grants something to a role.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// What could be read.
    pub(super) known: Vec<Grant>,
    /// What could not.
    pub(super) unread: Vec<Unread>,
}

/// Everything that grants something to the role: AWS's own policies too, since one of them may be what lets Mixpanel
/// write.
pub(super) async fn grants_of(aws: &Aws, role: &RoleName) -> Result<Grants, Failure> {
    let (attached, inline) = tokio::try_join!(
        readable(aws.attached_policies(role)),
        readable(aws.inline_policy_names(role))
    )?;
    let mut grants = Grants::default();
    let mut reads: JoinSet<Result<Reading<Option<Grant>>, Failure>> = JoinSet::new();
    match attached {
        Reading::Known(arns) => {
            for arn in arns {
                let aws = aws.clone();
                reads.spawn(async move {
                    let Ok(parsed) = arn.parse::<PolicyArn>() else {
                        return Ok(Reading::Known(None));
                    };
                    let document = readable(aws.managed_document(&parsed)).await?;
                    Ok(document.map(|document| {
                        document.map(|document| Grant {
                            name: format!("policy {}", parsed.policy_name()),
                            arn: Some(arn),
                            document,
                        })
                    }))
                });
            }
        }
        Reading::Unreadable(denied) => grants.unread.push(denied),
    }
    match inline {
        Reading::Known(names) => {
            for name in names {
                let (aws, role) = (aws.clone(), role.clone());
                reads.spawn(async move {
                    let policy = readable(aws.inline_policy(&role, &name)).await?;
                    Ok(policy.map(|policy| {
                        Some(Grant {
                            name: format!("inline policy {}", policy.name),
                            arn: None,
                            document: policy.document,
                        })
                    }))
                });
            }
        }
        Reading::Unreadable(denied) => grants.unread.push(denied),
    }
    for read in reads.join_all().await {
        match read {
            Ok(Reading::Known(grant)) => grants.known.extend(grant),
            Ok(Reading::Unreadable(denied)) => grants.unread.push(denied),
            // It went away between the list and the look.
            Err(failure) if failure.cause == Cause::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    grants.known.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(grants)
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

/// All roles of the account, and the role of this one's live proofs, if there is one.
pub(super) async fn roles_and_probe(
    aws: &Aws,
    role: &RoleName,
) -> Result<(Reading<Vec<RoleSummary>>, Option<Reading<Option<Role>>>), Failure> {
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
    let mut home = Aws::new(session, &session.home_region());
    let mut presence = home.bucket_presence(bucket, account).await?;
    // S3 says where a bucket is before it looks at whose it is: that is asked there.
    if let Presence::Elsewhere(region) = presence {
        home = Aws::new(session, &region);
        presence = match home.bucket_presence(bucket, account).await {
            Ok(Presence::Here(None)) => Presence::Here(Some(region)),
            Err(failure) if region.is_opt_in() && failure.cause != Cause::Timeout => {
                return Ok(BucketStanding::Disabled(region));
            }
            presence => presence?,
        };
    }
    let region = match presence {
        Presence::Missing => return Ok(BucketStanding::Missing),
        Presence::Refused => {
            if home.bucket_presence_of_anybody(bucket).await? != Presence::Refused {
                return Ok(BucketStanding::Strangers);
            }
            let ours = readable(home.owns_bucket(bucket)).await?;
            return Ok(BucketStanding::Refused {
                ours: ours.known().copied(),
            });
        }
        Presence::Here(region) => region.unwrap_or_else(|| session.home_region()),
        Presence::Elsewhere(region) => region,
    };
    let aws = Aws::new(session, &region);
    let owner = account;
    let settings = tokio::try_join!(
        super::settings_of(&aws, bucket, owner, region.clone()),
        unless_odd(aws.keeps_versions(bucket, owner)),
        unless_odd(aws.default_retention(bucket, owner)),
        unless_odd(aws.requester_pays(bucket, owner)),
    );
    let (settings, versioned, retention, requester_pays) = match settings {
        Err(failure) if failure.may_be_opt_in_region() && region.is_opt_in() => {
            return Ok(BucketStanding::Disabled(region));
        }
        settings => settings?,
    };
    Ok(BucketStanding::Here(Box::new(BucketFacts {
        owner: account.clone(),
        settings,
        versioned,
        retention,
        requester_pays,
    })))
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
