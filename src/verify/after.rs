//! What stands after a plan was run and read back: what was observed before, with the plan's changes in it, and what
//! neither of them says. So `setup` ends with the judgement that `verify` gives, and reads nothing twice for it.

use time::OffsetDateTime;

use super::evidence::{BucketFacts, BucketStanding, Evidence, Grant, KeyStanding, Subject};
use crate::details::Details;
use crate::encryption::{BucketEncryption, Form};
use crate::names::{IamPath, KeyArn, PolicyArn};
use crate::observed::{Bucket, LifecycleRule, Observed, Ownership, PublicAccess, Reading, Role, Simulated};
use crate::plan::teardown::Writer;
use crate::plan::{Action, Plan, Resource};
use crate::policy::Document;
use crate::spec::{ABORT_RULE_ID, SetupSpec};
use crate::verify::freshness::Exports;

/// What `setup` leaves.
#[derive(Debug)]
pub(crate) struct After<'a> {
    /// What was wanted.
    pub(crate) spec: &'a SetupSpec,
    /// What stood before.
    pub(crate) observed: &'a Observed,
    /// What was done.
    pub(crate) plan: &'a Plan,
    /// The key that was made, if one was.
    pub(crate) new_key: Option<&'a KeyArn>,
    /// What Mixpanel is told.
    pub(crate) details: &'a Details,
}

/// What has to be read beside, in the words of [`Evidence`] and [`BucketFacts`].
#[derive(Debug)]
pub(crate) struct Beside {
    /// The role's unique ID, which a new role has only now.
    pub(crate) role_id: Option<String>,
    /// The key that encrypts what Mixpanel writes.
    pub(crate) key: KeyStanding,
    /// The document of the permissions boundary.
    pub(crate) boundary: Option<Reading<Document>>,
    /// Whether the bucket keeps versions.
    pub(crate) versioned: Option<Reading<bool>>,
    /// Object Lock's default retention.
    pub(crate) retention: Option<Reading<Option<String>>>,
    /// Whether the requester pays.
    pub(crate) requester_pays: Option<Reading<bool>>,
    /// The other roles through which Mixpanel may write to the bucket.
    pub(crate) sharing: Option<Reading<Vec<Writer>>>,
    /// The role of this one's live proofs.
    pub(crate) probe: Option<Reading<Option<Role>>>,
    /// What the policy simulator says.
    pub(crate) simulated: Option<Reading<Vec<Simulated>>>,
    /// Which version of tokens the global STS endpoint gives out.
    pub(crate) token_version: Option<Reading<Option<i32>>>,
    /// What was exported so far.
    pub(crate) exports: Option<Reading<Exports>>,
}

impl After<'_> {
    /// What Mixpanel is told, as something to judge.
    pub(crate) fn subject(&self) -> Subject {
        Subject {
            tokens: self.spec.tokens.iter().cloned().collect(),
            region: Some(self.spec.region.clone()),
            form: Form {
                encryption: self.details.encryption,
                key: self.details.kms_key_id.clone(),
                is_declared: true,
            },
            ..Subject::default()
        }
    }

    /// Whether the plan made the bucket.
    pub(crate) fn makes_bucket(&self) -> bool {
        self.observed.bucket.is_none()
    }

    /// Whether the plan changed something of which IAM may not have heard everywhere yet.
    pub(crate) fn changes_iam(&self) -> bool {
        self.plan
            .steps
            .iter()
            .any(|step| matches!(step.resource, Resource::Role | Resource::Policy))
    }

    /// What stands now.
    pub(crate) fn evidence(&self, beside: Beside, now: OffsetDateTime) -> Evidence {
        let mut role = self.role();
        if let Some(id) = beside.role_id {
            role.id = id;
        }
        Evidence {
            caller: self.observed.caller.clone(),
            now,
            role_name: self.spec.role.clone(),
            grants: self.grants(&role),
            role: Some(role),
            unread_role: None,
            unread_grants: Vec::new(),
            boundary: beside.boundary,
            bucket: Some((
                self.spec.bucket.clone(),
                BucketStanding::Here(Box::new(BucketFacts {
                    owner: self.spec.account.clone(),
                    settings: self.bucket(),
                    versioned: beside.versioned,
                    retention: beside.retention,
                    requester_pays: beside.requester_pays,
                })),
            )),
            sharing: beside.sharing,
            probe: beside.probe,
            key: beside.key,
            simulated: beside.simulated,
            token_version: beside.token_version,
            exports: beside.exports,
        }
    }

    /// The bucket's default encryption now.
    pub(crate) fn default_encryption(&self) -> Option<BucketEncryption> {
        self.bucket().encryption.known().cloned().flatten()
    }

    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.plan.steps.iter().map(|step| &step.action)
    }

    /// The role now. One that was just made has no unique ID yet, as far as is known.
    pub(crate) fn role(&self) -> Role {
        let spec = self.spec;
        let mut role = self.observed.role.clone().unwrap_or_else(|| Role {
            name: spec.role.clone(),
            id: String::new(),
            arn: self.details.role.clone(),
            path: self.plan.role_path().cloned().unwrap_or_else(IamPath::root),
            trust: Document::new(Vec::new()),
            tags: Vec::new(),
            boundary: None,
            last_used: None,
            attached: Vec::new(),
            inline: Vec::new(),
            aws_managed: Vec::new(),
        });
        for action in self.actions() {
            match action {
                Action::CreateRole {
                    trust, boundary, tags, ..
                } => {
                    role.trust.clone_from(trust);
                    role.boundary = boundary.as_ref().map(ToString::to_string);
                    role.tags.clone_from(tags);
                }
                Action::UpdateTrust { document, .. } => role.trust.clone_from(document),
                Action::SetBoundary { boundary, .. } => role.boundary = Some(boundary.to_string()),
                Action::TagRole(tags) => {
                    role.tags.retain(|tag| tags.iter().all(|new| new.key != tag.key));
                    role.tags.extend(tags.iter().cloned());
                }
                Action::AttachPolicy(arn) => role.attached.push(arn.to_string()),
                Action::PutInlinePolicy { name, document, .. } => {
                    let said = role.inline.iter_mut().find(|inline| inline.name == *name);
                    if let Some(inline) = said {
                        inline.document.clone_from(document);
                    }
                }
                _ => {}
            }
        }
        role
    }

    fn grants(&self, role: &Role) -> Vec<Grant> {
        let managed = role.attached.iter().filter_map(|arn| {
            let parsed: PolicyArn = arn.parse().ok()?;
            let written = self.actions().find_map(|action| match action {
                Action::CreatePolicy { arn, document, .. } | Action::ReplacePolicyDocument { arn, document, .. }
                    if *arn == parsed =>
                {
                    document.resolved(self.new_key)
                }
                _ => None,
            });
            let before = || Some(self.observed.policy(&parsed)?.document.clone());
            Some(Grant {
                name: format!("policy {}", parsed.policy_name()),
                arn: Some(arn.clone()),
                document: written.or_else(before)?,
            })
        });
        let inline = role.inline.iter().map(|inline| Grant {
            name: format!("inline policy {}", inline.name),
            arn: None,
            document: inline.document.clone(),
        });
        let aws_managed = role.aws_managed.iter().map(|policy| Grant {
            name: format!("policy {}", policy.arn.policy_name()),
            arn: Some(policy.arn.to_string()),
            document: policy.document.clone(),
        });
        managed.chain(inline).chain(aws_managed).collect()
    }

    /// The bucket now.
    pub(crate) fn bucket(&self) -> Bucket {
        let region = || self.spec.region.clone();
        let before = self.observed.bucket.clone();
        let mut bucket = before.unwrap_or_else(|| Bucket::new_born(region()));
        for action in self.actions() {
            match action {
                Action::CreateBucket { tags } | Action::TagBucket { tags, .. } => {
                    bucket.tags = Reading::Known(tags.clone());
                }
                Action::BlockPublicAccess => bucket.public_access = Reading::Known(PublicAccess::all()),
                Action::TurnAclsOff => bucket.ownership = Reading::Known(Ownership::enforced()),
                Action::SetEncryption { default, .. } => {
                    bucket.encryption = Reading::Known(default.resolved(self.new_key));
                }
                Action::SetBucketPolicy { document, .. } => {
                    bucket.policy = Reading::Known(Some(document.clone()));
                }
                Action::AbortUnfinishedUploads { .. } => {
                    if let Reading::Known(lifecycle) = &mut bucket.lifecycle {
                        lifecycle.rules.push(LifecycleRule {
                            id: ABORT_RULE_ID.into(),
                            enabled: true,
                            aborts_uploads: true,
                            ..LifecycleRule::default()
                        });
                    }
                }
                _ => {}
            }
        }
        bucket
    }
}
