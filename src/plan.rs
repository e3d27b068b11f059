//! What must change, as a function of what is wanted and what is there. Pure: no AWS, no async, no terminal.
//!
//! A [`Step`] says what it does, why, and which steps it waits for. Steps that do not wait for one another run side by
//! side; the sub-resources of one bucket form a chain, since S3 refuses conflicting changes of one bucket.
//!
//! What this program did not make is left as it is. A bucket that exists is used unchanged, and what could be hardened
//! is an
//! [`Offer`]. A role or a policy that is not tagged as ours is used where it already says what is wanted, under whatever name,
//! and is a [`Conflict`] where it does not.

mod bucket;
mod difference;
mod exposure;
mod policies;
pub(crate) mod projected;
mod role;
pub(crate) mod teardown;

pub(crate) use difference::Difference;

use serde::Serialize;

use crate::encryption::{BucketEncryption, Encryption, KmsKey, WantedDefault};
use crate::names::{AliasName, BucketName, IamPath, KeyArn, PolicyArn, Tag};
use crate::observed::{Lifecycle, Observed};
use crate::policy::Document;
use crate::policy::merge::{SameSid, with_document};
use crate::policy::{build, read};
use crate::spec::{Hardening, SetupSpec};

/// What has to be done, in an order in which it could be done one by one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    /// What changes.
    pub(crate) steps: Vec<Step>,
    /// What stays, and is worth a word.
    pub(crate) unchanged: Vec<Unchanged>,
    /// What could be hardened of somebody else's bucket, and is not.
    pub(crate) offers: Vec<Offer>,
    /// What stays open when all of it is done: who else gets into the role, and what it may do beyond Mixpanel's page.
    pub(crate) exposures: Vec<Exposure>,
}

/// Something that a person has to know before they agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Exposure {
    /// What kind of thing.
    pub(crate) resource: Resource,
    /// The thing's name or ARN.
    pub(crate) id: String,
    /// Whether `verify` fails on it; else it warns.
    pub(crate) open: bool,
    /// What is open, and where that stands.
    pub(crate) what: String,
}

/// One change; `A` is what AWS is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step<A = Action> {
    /// What kind of change.
    pub(crate) change: Change,
    /// What kind of thing.
    pub(crate) resource: Resource,
    /// The thing's name or ARN.
    pub(crate) id: String,
    /// What happens, in a few words after the thing's name.
    pub(crate) summary: String,
    /// What AWS is asked to do.
    pub(crate) action: A,
    /// The steps, by index, that have to be done before.
    pub(crate) depends_on: Vec<usize>,
    /// What is there and what comes instead, where something that is there is changed.
    pub(crate) diff: Option<Difference>,
}

/// Something that would make a bucket of somebody else's safer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    /// What.
    pub(crate) hardening: Hardening,
    /// What would happen, in a few words.
    pub(crate) summary: String,
    /// What is there, and what would come instead.
    pub(crate) diff: Option<Difference>,
}

/// Something that is used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unchanged {
    /// What kind of thing.
    pub(crate) resource: Resource,
    /// The thing's name or ARN.
    pub(crate) id: String,
    /// Why it stays, or what stays of it.
    pub(crate) note: String,
}

/// Something of a wanted name that is not ours and is not what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conflict {
    /// What kind of thing.
    pub(crate) resource: Resource,
    /// The thing's name or ARN.
    pub(crate) id: String,
    /// How it differs.
    pub(crate) difference: String,
    /// The difference by statement, where it is a document.
    pub(crate) diff: Option<Difference>,
    /// What gets past it.
    pub(crate) remedy: Remedy,
}

/// What gets past a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Another name, or a change by hand.
    None,
    /// Taking it over, with `--adopt`.
    Adopt,
    /// Letting Mixpanel into a role that does not trust it, with `--open-role` and the role's name.
    OpenRole,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// Something new.
    Create,
    /// Something that is there is changed.
    Update,
    /// A policy is attached to the role.
    Attach,
    /// A policy is detached from the role.
    Detach,
    /// Something goes.
    Delete,
    /// This program's mark is taken off something that it had taken over.
    Release,
}

/// The kinds of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Resource {
    /// A bucket or one of its sub-resources.
    Bucket,
    /// A role.
    Role,
    /// A customer-managed policy.
    Policy,
    /// A KMS key.
    Key,
}

impl Resource {
    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Role => "role",
            Self::Policy => "policy",
            Self::Key => "key",
        }
    }
}

/// What AWS is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Make a symmetric key with rotation, and name it.
    CreateKey {
        /// Its alias.
        alias: AliasName,
        /// Its description.
        description: String,
        /// Its tags.
        tags: Vec<Tag>,
    },
    /// Make a bucket.
    CreateBucket {
        /// Its tags.
        tags: Vec<Tag>,
    },
    /// Replace the bucket's tags.
    TagBucket {
        /// What they were.
        before: Before<Vec<Tag>>,
        /// All of them.
        tags: Vec<Tag>,
    },
    /// Turn all four public-access blocks on.
    BlockPublicAccess,
    /// Turn ACLs off.
    TurnAclsOff,
    /// Set the default encryption.
    SetEncryption {
        /// What it was.
        before: Before<Option<BucketEncryption>>,
        /// What it shall be.
        default: WantedDefault,
    },
    /// Replace the bucket's policy.
    SetBucketPolicy {
        /// What it said.
        before: Before<Option<Document>>,
        /// What it shall say.
        document: Document,
    },
    /// Add the rule that aborts unfinished uploads to those that are there.
    AbortUnfinishedUploads {
        /// Those that were there.
        before: Before<Lifecycle>,
    },
    /// Make a customer-managed policy.
    CreatePolicy {
        /// Its ARN to be.
        arn: PolicyArn,
        /// Its path.
        path: IamPath,
        /// Its description.
        description: String,
        /// What it says.
        document: PolicyDocument,
        /// Its tags.
        tags: Vec<Tag>,
    },
    /// Remove a version of a customer-managed policy, so that there is room for another.
    DeletePolicyVersion {
        /// The policy's ARN.
        arn: PolicyArn,
        /// The version's ID.
        version: String,
        /// What the policy said when that version was chosen.
        before: Document,
    },
    /// Give a customer-managed policy a new default version.
    ReplacePolicyDocument {
        /// Its ARN.
        arn: PolicyArn,
        /// What it said.
        before: Document,
        /// What it shall say.
        document: PolicyDocument,
    },
    /// Add tags to a customer-managed policy.
    TagPolicy {
        /// Its ARN.
        arn: PolicyArn,
        /// The tags to add.
        tags: Vec<Tag>,
    },
    /// Make the role, narrow from its first moment.
    CreateRole {
        /// Its path.
        path: IamPath,
        /// Who may assume it.
        trust: Document,
        /// Its permissions boundary.
        boundary: Option<PolicyArn>,
        /// Its description.
        description: String,
        /// Its tags.
        tags: Vec<Tag>,
    },
    /// Replace who may assume the role.
    UpdateTrust {
        /// Who could.
        before: Document,
        /// Who may.
        document: Document,
    },
    /// Set the role's permissions boundary.
    SetBoundary {
        /// What it was.
        before: Option<String>,
        /// What it shall be.
        boundary: PolicyArn,
    },
    /// Add tags to the role.
    TagRole(Vec<Tag>),
    /// Replace an inline policy of the role.
    PutInlinePolicy {
        /// Its name.
        name: String,
        /// What it said.
        before: Document,
        /// What it shall say.
        document: Document,
    },
    /// Attach a policy to the role.
    AttachPolicy(PolicyArn),
}

/// What was there of something that a step replaces whole. It is read again right before, so that what somebody else
/// wrote meanwhile is not overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Before<T> {
    /// The thing is made by the same plan, so nobody else has written to it.
    Unborn,
    /// This.
    Was(T),
}

/// A policy's document: known now, or only once this plan's key has an ARN.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PolicyDocument {
    /// Known now.
    Ready(Document),
    /// Mixpanel's KMS policy for the key that this plan makes, merged into what is there.
    KmsForNewKey {
        /// What is there.
        into: Option<Document>,
    },
}

impl PolicyDocument {
    /// The document to show; a placeholder stands for an ARN that is not known yet.
    pub(crate) fn preview(&self) -> Document {
        match self {
            Self::Ready(document) => document.clone(),
            Self::KmsForNewKey { into } => merged_kms(into.as_ref(), &build::kms_placeholder()),
        }
    }

    /// The document to write, where the key that it may name is made.
    pub(crate) fn resolved(&self, new_key: Option<&KeyArn>) -> Option<Document> {
        match self {
            Self::Ready(document) => Some(document.clone()),
            Self::KmsForNewKey { into } => new_key.map(|key| merged_kms(into.as_ref(), &build::kms(key))),
        }
    }
}

fn merged_kms(present: Option<&Document>, wanted: &Document) -> Document {
    match present {
        None => wanted.clone(),
        Some(present) => with_document(present, wanted, SameSid::Replaced),
    }
}

impl Step {
    /// The document that the step writes, to be shown on request.
    pub(crate) fn document(&self) -> Option<Document> {
        match &self.action {
            Action::SetBucketPolicy { document, .. } | Action::UpdateTrust { document, .. } => Some(document.clone()),
            Action::CreateRole { trust, .. } => Some(trust.clone()),
            Action::CreatePolicy { document, .. } | Action::ReplacePolicyDocument { document, .. } => {
                Some(document.preview())
            }
            Action::PutInlinePolicy { document, .. } => Some(document.clone()),
            _ => None,
        }
    }
}

impl Plan {
    /// The policies that are there and that the plan writes to. Where something else uses one of them, it is not the
    /// plan's to write.
    pub(crate) fn policies_written(&self) -> Vec<PolicyArn> {
        let mut arns: Vec<PolicyArn> = self
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::ReplacePolicyDocument { arn, .. } | Action::TagPolicy { arn, .. } => Some(arn.clone()),
                _ => None,
            })
            .collect();
        arns.sort();
        arns.dedup();
        arns
    }
}

/// The plan, or everything that stands in its way.
pub(crate) fn plan(spec: &SetupSpec, observed: &Observed) -> Result<Plan, Vec<Conflict>> {
    let mut planner = Planner {
        spec,
        observed,
        plan: Plan::default(),
        conflicts: Vec::new(),
    };
    // The role comes before the key: only one run can make it, so of two runs at once one alone makes a key.
    let role = planner.new_role();
    let key = planner.key(role);
    planner.role_and_policies(role, key);
    planner.exposures();
    planner.bucket(key);
    if planner.conflicts.is_empty() {
        Ok(planner.plan)
    } else {
        Err(planner.conflicts)
    }
}

/// A plan in the making.
struct Planner<'a> {
    spec: &'a SetupSpec,
    observed: &'a Observed,
    plan: Plan,
    conflicts: Vec<Conflict>,
}

impl Planner<'_> {
    fn push(&mut self, step: Step) -> usize {
        self.plan.steps.push(step);
        self.plan.steps.len() - 1
    }

    /// The steps that come before a bucket is made: what proves later whose it is, however early the run is cut short.
    /// That is the role with its tags, and the policy that names the bucket.
    fn proof_of_bucket(&self) -> Vec<usize> {
        let proves = |action: &Action| match action {
            Action::CreateRole { .. } | Action::TagRole(_) | Action::UpdateTrust { .. } => true,
            Action::CreatePolicy {
                document: PolicyDocument::Ready(document),
                ..
            }
            | Action::ReplacePolicyDocument {
                document: PolicyDocument::Ready(document),
                ..
            }
            | Action::PutInlinePolicy { document, .. } => read::buckets_written([document]).contains(&self.spec.bucket),
            _ => false,
        };
        let steps = self.plan.steps.iter().enumerate();
        steps
            .filter(|(_, step)| proves(&step.action))
            .map(|(index, _)| index)
            .collect()
    }

    fn keep(&mut self, resource: Resource, id: impl ToString, note: impl Into<String>) {
        self.plan.unchanged.push(Unchanged {
            resource,
            id: id.to_string(),
            note: note.into(),
        });
    }

    /// The step that makes the key, if one is to be made. `role` is the step that makes the role.
    fn key(&mut self, role: Option<usize>) -> Option<usize> {
        match &self.spec.encryption {
            Encryption::Kms(KmsKey::New(alias)) => Some(self.push(Step {
                change: Change::Create,
                resource: Resource::Key,
                id: alias.to_string(),
                summary: "symmetric and rotating; KMS charges for it".into(),
                action: Action::CreateKey {
                    alias: alias.clone(),
                    description: description(&self.spec.bucket, "key"),
                    tags: self.spec.all_tags(),
                },
                depends_on: role.into_iter().collect(),
                diff: None,
            })),
            Encryption::Kms(KmsKey::Own(arn)) => {
                self.keep(Resource::Key, arn, "used as it is");
                None
            }
            _ => None,
        }
    }
}

/// The tags that are wanted and not there, or there with another value.
fn missing_tags(wanted: &[Tag], present: &[Tag]) -> Vec<Tag> {
    wanted.iter().filter(|tag| !present.contains(tag)).cloned().collect()
}

/// What missing tags change: those that get another value, and those that come.
fn tags_difference(missing: &[Tag], present: &[Tag]) -> Difference {
    let line = |tag: &Tag| format!("{} = {}", tag.key, tag.value);
    let replaced = present
        .iter()
        .filter(|tag| missing.iter().any(|new| new.key == tag.key));
    Difference::Values {
        present: replaced.map(line).collect(),
        wanted: missing.iter().map(line).collect(),
    }
}

/// What people read about a thing in the console, in the characters that IAM takes.
fn description(bucket: &BucketName, thing: &str) -> String {
    format!("Mixpanel export to s3://{bucket}: {thing} made by mixpanel-s3")
}
