//! The access table: each call that Mixpanel makes, and what the documents say of it.
//!
//! After AssumeRole, Mixpanel's session belongs to the customer's own account. So in a bucket of that account the
//! role's policies suffice; a bucket of another account has to allow as well, and a key always has to delegate.

mod context;

use super::evidence::{BucketFacts, BucketStanding, Evidence, KeyStanding, Subject};
use super::freshness::{Family, day_prefix};
use crate::names::{BucketName, ProjectToken};
use crate::observed::{Key, Reading, Role};
use crate::policy::Document;
use crate::policy::evaluate::explain::{Judgement, judge};
use crate::policy::evaluate::{
    AuthorizationRequest, Decision, Doubt, Layer, Named, Policies, Principal, Refusal, RequestContext, Rule, Source,
    decide,
};
use crate::policy::trust::Trust;

/// What stands for a project's ID where nobody gave one.
const SOME_PROJECT: &str = "0";
/// How many of the projects that the documents name are tried: each takes a judgement of its own.
const MOST_PROJECTS: usize = 16;

/// A project's ID that is none of these.
fn some_project(named: &[String]) -> String {
    let mut id = SOME_PROJECT.to_owned();
    while named.contains(&id) {
        id.push('0');
    }
    id
}

/// The call, undecided since it depends on the project's ID.
fn hanging_on_project(mut access: Access, why: &str) -> Access {
    access.depends_on_project = true;
    access.judgement.decision = Decision::Unknown {
        because: [format!("the project's ID: {why} (--project-id)")].into(),
        by: Vec::new(),
        doubt: Doubt::Allow,
    };
    access
}

/// What Mixpanel calls, in IAM's words.
pub(crate) const ACTIONS: [&str; 7] = [
    "sts:AssumeRole",
    "s3:ListBucket",
    "s3:PutObject",
    "s3:GetObject",
    "s3:DeleteObject",
    "kms:GenerateDataKey",
    "kms:Decrypt",
];

/// A call that Mixpanel makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// It assumes the role with this ExternalId.
    AssumeRole(ProjectToken),
    /// It lists the bucket.
    List,
    /// It writes an object.
    Put(Family),
    /// It reads one.
    Get(Family),
    /// It removes one.
    Delete(Family),
    /// S3 encrypts an object for it.
    EncryptObject,
    /// S3 decrypts: at every reading, and when a multipart upload is put together.
    DecryptObject,
}

impl Call {
    /// The action in IAM's words.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Self::AssumeRole(_) => "sts:AssumeRole",
            Self::List => "s3:ListBucket",
            Self::Put(_) => "s3:PutObject",
            Self::Get(_) => "s3:GetObject",
            Self::Delete(_) => "s3:DeleteObject",
            Self::EncryptObject => "kms:GenerateDataKey",
            Self::DecryptObject => "kms:Decrypt",
        }
    }

    /// What it is for, in a few words.
    pub(crate) fn purpose(&self) -> String {
        match self {
            Self::AssumeRole(token) => format!("with the token {token}"),
            Self::List => "the bucket".into(),
            Self::Put(family) | Self::Get(family) | Self::Delete(family) => {
                format!("{}/", family.folder())
            }
            Self::EncryptObject => "every upload".into(),
            Self::DecryptObject => "reading, and multipart uploads".into(),
        }
    }

    /// Whether S3 is asked.
    pub(crate) fn is_of_s3(&self) -> bool {
        self.action().starts_with("s3:")
    }

    /// Whether KMS is asked.
    pub(crate) fn is_of_kms(&self) -> bool {
        self.action().starts_with("kms:")
    }
}

/// A call, and what becomes of it.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// The call.
    pub(crate) call: Call,
    /// What the documents say, and why.
    pub(crate) judgement: Judgement,
    /// What the role's policies and boundary say, without the policy of the bucket or the key: what the policy
    /// simulator is asked. `None` for the call that is not the role's.
    pub(crate) by_role: Option<Decision>,
    /// Whether it is decided by which project's it is, and nobody said.
    pub(crate) depends_on_project: bool,
}

impl Access {
    /// Whether it is known to be allowed.
    pub(crate) fn is_allowed(&self) -> bool {
        matches!(self.judgement.decision, Decision::Allowed { .. })
    }

    /// Whether what becomes of it cannot be known.
    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self.judgement.decision, Decision::Unknown { .. })
    }
}

impl Access {
    /// What decides, in a line: a statement, or the layer in which none allows it.
    pub(crate) fn reason(&self) -> String {
        match &self.judgement.decision {
            Decision::Allowed { by } => {
                let by: Vec<String> = by.iter().map(source_text).collect();
                by.join(", ")
            }
            Decision::Denied(Refusal::Statement(source)) => {
                format!("denied by {}", source_text(source))
            }
            Decision::Denied(Refusal::NoAllow(layer)) => match layer {
                Layer::Identity => "no policy of the role allows it".into(),
                Layer::Boundary => "the permissions boundary does not allow it".into(),
                Layer::Resource if self.call.is_of_kms() => "the key's policy does not allow it".into(),
                Layer::Resource if self.call.is_of_s3() => {
                    "the policy of the bucket, which is another account's, does not allow it".into()
                }
                Layer::Resource => "no statement of the trust policy allows it".into(),
            },
            Decision::Unknown { because, by, .. } => {
                let because: Vec<&str> = because.iter().map(String::as_str).collect();
                let because = format!("hangs on {}", because.join(", "));
                match by.first() {
                    Some(source) => format!("{because}, by {}", source_text(source)),
                    None => because,
                }
            }
        }
    }
}

/// Whether the documents treat a role that stands in for the real one otherwise: they name the real one, or go by its
/// tags.
pub(crate) fn stand_in_differs(subject: &Subject, evidence: &Evidence, stand_in: &Role) -> bool {
    let other = Evidence {
        role: Some(stand_in.clone()),
        ..evidence.clone()
    };
    let refused = |access: &Access| !access.call.action().starts_with("sts:") && !access.is_allowed();
    let real = table(subject, evidence);
    let other = table(subject, &other);
    other.iter().filter(|access| refused(access)).count() > real.iter().filter(|access| refused(access)).count()
}

/// A statement's place, for people.
pub(crate) fn source_text(source: &Source) -> String {
    let number = source.statement + 1;
    match &source.sid {
        Some(sid) => format!("statement {number} ({sid}) of {}", source.policy),
        None => format!("statement {number} of {}", source.policy),
    }
}

/// The table: empty where there is no role, and without the bucket's or the key's calls where there is none.
pub(crate) fn table(subject: &Subject, evidence: &Evidence) -> Vec<Access> {
    let Some(role) = &evidence.role else {
        return Vec::new();
    };
    let mut table: Vec<Access> = assumptions(subject, evidence, role).collect();
    if let Some((bucket, BucketStanding::Here(facts))) = &evidence.bucket {
        let asked = RoleCalls {
            subject,
            evidence,
            role,
            bucket,
            facts,
        };
        table.extend(asked.of_s3());
        table.extend(asked.of_kms());
    }
    table
}

/// The tokens with which Mixpanel comes: those that were given, or else those that the role trusts.
fn tokens(subject: &Subject, role: &Role) -> Vec<ProjectToken> {
    if !subject.tokens.is_empty() {
        return subject.tokens.clone();
    }
    let trusted = Trust::new(&role.trust, &role.arn).external_ids();
    trusted.iter().filter_map(|id| id.parse().ok()).collect()
}

/// The trust policy of the role, at the time of the evidence.
pub(crate) fn trust<'a>(evidence: &Evidence, role: &'a Role) -> Trust<'a> {
    Trust::new(&role.trust, &role.arn).at(evidence.now)
}

fn assumptions<'a>(subject: &Subject, evidence: &Evidence, role: &'a Role) -> impl Iterator<Item = Access> + use<'a> {
    let trust = trust(evidence, role);
    tokens(subject, role).into_iter().map(move |token| Access {
        judgement: trust.judge_for_mixpanel(Some(token.expose())),
        call: Call::AssumeRole(token),
        by_role: None,
        depends_on_project: false,
    })
}

/// What the role may do by itself: its policies, under its permissions boundary.
pub(crate) fn role_policies(evidence: &Evidence) -> Policies<'_> {
    let identity = evidence.grants.iter().map(|grant| Named {
        name: grant.name.clone(),
        document: &grant.document,
    });
    let mut unreadable: Vec<(Layer, String)> = evidence
        .unread_grants
        .iter()
        .map(|denied| {
            let what = format!("a policy of the role ({denied})");
            (Layer::Identity, what)
        })
        .collect();
    let boundary = match &evidence.boundary {
        None => None,
        Some(Reading::Known(document)) => Some(Named {
            name: "permissions boundary".into(),
            document,
        }),
        Some(Reading::Unreadable(denied)) => {
            let what = format!("the permissions boundary ({denied})");
            unreadable.push((Layer::Boundary, what));
            None
        }
    };
    Policies {
        identity: identity.collect(),
        boundary,
        resource: None,
        unreadable,
        rule: Rule::Either,
    }
}

/// The calls of one session of the role's.
struct RoleCalls<'a> {
    subject: &'a Subject,
    evidence: &'a Evidence,
    role: &'a Role,
    bucket: &'a BucketName,
    facts: &'a BucketFacts,
}

impl RoleCalls<'_> {
    fn of_s3(&self) -> Vec<Access> {
        let mut calls = vec![Call::List];
        for call in [Call::Put, Call::Get, Call::Delete] {
            calls.extend(Family::ALL.map(call));
        }
        calls.into_iter().map(|call| self.s3_access(call)).collect()
    }

    fn s3_access(&self, call: Call) -> Access {
        if let Some(project) = &self.subject.project {
            return self.s3_access_of(call, project.as_str());
        }
        // What one project may not, another may: the documents may name a project's folder.
        let named = self.projects_named();
        let access = self.s3_access_of(call.clone(), &some_project(&named));
        for project in named.iter().take(MOST_PROJECTS) {
            let other = self.s3_access_of(call.clone(), project);
            if other.is_allowed() != access.is_allowed() {
                let (may, may_not) = match other.is_allowed() {
                    true => (project.as_str(), "others"),
                    false => ("others", project.as_str()),
                };
                let judgement = other.judgement;
                let why = format!("{may} may, {may_not} may not");
                return hanging_on_project(Access { judgement, ..access }, &why);
            }
        }
        match named.len() > MOST_PROJECTS {
            true => hanging_on_project(access, "the documents name very many"),
            false => access,
        }
    }

    /// The projects whose folders, at the bucket's first level, the documents tell from others:
    /// `arn:aws:s3:::bucket/123/*`, and one for each pattern such as `arn:aws:s3:::bucket/12*`.
    fn projects_named(&self) -> Vec<String> {
        let documents = self.evidence.grants.iter().map(|grant| &grant.document);
        let boundary = self.evidence.boundary.as_ref();
        let resources = documents
            .chain(boundary.and_then(Reading::known))
            .chain(self.bucket_policy())
            .flat_map(Document::statements)
            .flat_map(|statement| [statement.resources(), statement.excepted_resources()].concat());
        let mut projects: Vec<String> = resources
            .filter_map(|resource| resource.split_once('/')?.1.split('/').next())
            .map(|folder| folder.replace('*', "").replace('?', "7"))
            .filter(|folder| !folder.is_empty() && folder.bytes().all(|b| b.is_ascii_digit()))
            .collect();
        projects.sort();
        projects.dedup();
        projects
    }

    fn bucket_policy(&self) -> Option<&Document> {
        self.facts.settings.policy.known()?.as_ref()
    }

    fn s3_access_of(&self, call: Call, project: &str) -> Access {
        let bucket = self.bucket;
        let object = |family: Family| {
            let folder = match family {
                Family::Events => day_prefix(project, self.evidence.now.date()),
                other => other.prefix(project),
            };
            format!("arn:aws:s3:::{bucket}/{folder}export.json.gz")
        };
        let resource = match call {
            Call::Put(family) | Call::Get(family) | Call::Delete(family) => object(family),
            _ => format!("arn:aws:s3:::{bucket}"),
        };
        let request = self.request(call.action(), &resource, self.s3_context(&call));
        let document = self.bucket_policy();
        let mut policies = role_policies(self.evidence);
        policies.rule = if self.facts.owner.as_str() == self.role.arn.account() {
            Rule::Either
        } else {
            Rule::Both
        };
        policies.resource = document.map(|document| Named {
            name: format!("policy of bucket {bucket}"),
            document,
        });
        if let Reading::Unreadable(denied) = &self.facts.settings.policy {
            let what = format!("the bucket's policy ({denied})");
            policies.unreadable.push((Layer::Resource, what));
        }
        self.access(call, request, &policies)
    }

    fn access(&self, call: Call, request: AuthorizationRequest, policies: &Policies<'_>) -> Access {
        let mut by_role = role_policies(self.evidence);
        by_role.rule = Rule::Either;
        Access {
            call,
            by_role: Some(decide(&request, &by_role)),
            judgement: judge(request, policies),
            depends_on_project: false,
        }
    }

    fn request(&self, action: &str, resource: &str, context: RequestContext) -> AuthorizationRequest {
        AuthorizationRequest {
            principal: Principal::Session {
                account: self.role.arn.account().to_owned(),
                role_arn: self.role.arn.to_string(),
            },
            action: action.to_owned(),
            resource: resource.to_owned(),
            context,
        }
    }

    fn of_kms(&self) -> Vec<Access> {
        let KeyStanding::Here { key, policy } = &self.evidence.key else {
            return Vec::new();
        };
        // A key of another region is never asked.
        if key.arn.region() != self.facts.settings.region.as_str() {
            return Vec::new();
        }
        [Call::EncryptObject, Call::DecryptObject]
            .map(|call| self.kms_access(call, key, policy))
            .into()
    }

    fn kms_access(&self, call: Call, key: &Key, policy: &Reading<Document>) -> Access {
        let request = self.request(call.action(), key.arn.as_str(), self.kms_context(&key.arn));
        let mut policies = role_policies(self.evidence);
        policies.rule = match key.arn.account() == self.role.arn.account() {
            true => Rule::KeyPolicy,
            false => Rule::Both,
        };
        match policy {
            Reading::Known(document) => {
                policies.resource = Some(Named {
                    name: "key policy".into(),
                    document,
                });
            }
            Reading::Unreadable(denied) => {
                let what = format!("the key's policy ({denied})");
                policies.unreadable.push((Layer::Resource, what));
            }
        }
        self.access(call, request, &policies)
    }
}
