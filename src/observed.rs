//! What stands in AWS, as values.
//!
//! Whose a thing is, is told by [`role_owner`], [`policy_owner`] and [`role_names_bucket`] alone.
//!
//! The `aws` room fills these types and `observe` puts them together; `plan` only reads them. Pure.

pub(crate) mod existing;
mod ownership;
mod probe;

pub(crate) use ownership::{
    KeyOwnership, Owner, bucket_was_begun, claims_bucket, owner, policy_owner, role_names_bucket, role_owner,
};
pub(crate) use probe::{Original, probe_name};

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;

use crate::command_line::CommandLine;
use crate::encryption::BucketEncryption;
use crate::error::DeniedCall;
use crate::names::{AccountId, IamPath, KeyArn, Partition, PolicyArn, Region, RoleArn, RoleName, Tag};
use crate::policy::Document;

/// Who calls AWS, from STS GetCallerIdentity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Caller {
    /// The account that everything is made in.
    pub(crate) account: AccountId,
    /// The caller's ARN.
    pub(crate) arn: String,
    /// The partition of that ARN.
    #[serde(skip)]
    pub(crate) partition: Partition,
}

/// Something that was asked of AWS, and that the caller may not be allowed to know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reading<T> {
    /// What AWS answered.
    Known(T),
    /// AWS refused the call, or what came back was no answer to it.
    Unreadable(Unread),
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    /// The action that was asked for, in IAM's words, such as `s3:GetBucketTagging`.
    pub(crate) action: String,
    /// Why there is no answer.
    pub(crate) why: Unanswered,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// AWS refused it.
    Refused,
    /// What came back was no answer to it: what was wrong with it.
    Senseless(String),
}

impl From<DeniedCall> for Unread {
    fn from(denied: DeniedCall) -> Self {
        Self {
            action: denied.action,
            why: Unanswered::Refused,
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, why } = self;
        match why {
            Unanswered::Refused => write!(f, "{action} is refused"),
            Unanswered::Senseless(why) => {
                write!(f, "the answer to {action} makes no sense: {why}")
            }
        }
    }
}

impl<T> Reading<T> {
    /// The value, where it could be read.
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unreadable(_) => None,
        }
    }

    /// Why it could not be read, if so.
    pub(crate) fn unread(&self) -> Option<&Unread> {
        match self {
            Self::Known(_) => None,
            Self::Unreadable(unread) => Some(unread),
        }
    }

    /// The value, or why it could not be read.
    pub(crate) fn into_known(self) -> Result<T, Unread> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unreadable(unread) => Err(unread),
        }
    }

    /// The reading of something that follows from the value.
    pub(crate) fn map<U>(self, map: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Known(value) => Reading::Known(map(value)),
            Self::Unreadable(unread) => Reading::Unreadable(unread),
        }
    }
}

/// What was found of everything that a set-up touches.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    /// What a plan is made from.
    pub(crate) observed: Observed,
    /// The key that the answers names, if there is one.
    pub(crate) key: Option<Key>,
    /// What shows whose that is, where it was asked.
    pub(crate) key_ownership: Option<KeyOwnership>,
}

/// Everything that a plan is made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observed {
    /// Who calls.
    pub(crate) caller: Caller,
    /// The bucket of the wanted name; `None` where there is none.
    pub(crate) bucket: Option<Bucket>,
    /// The role of the wanted name; `None` where there is none.
    pub(crate) role: Option<Role>,
    /// The customer-managed policies of the set-up's own names, and those that are attached to the role, as far as the
    /// caller may read them.
    pub(crate) policies: Vec<Policy>,
    /// What of the role's policies could not be read.
    pub(crate) unread: Vec<Unread>,
}

impl Observed {
    /// The policy of that ARN, if it is there.
    pub(crate) fn policy(&self, arn: &PolicyArn) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.arn == *arn)
    }

    /// The customer-managed policies that are attached to the role.
    pub(crate) fn attached_policies(&self) -> impl Iterator<Item = &Policy> {
        let attached = self.role.iter().flat_map(|role| &role.attached);
        attached.filter_map(|arn| self.policies.iter().find(|policy| policy.arn.as_str() == arn))
    }
}

/// A bucket of the caller's account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bucket {
    /// Where it is.
    pub(crate) region: Region,
    /// Its tags.
    pub(crate) tags: Reading<Vec<Tag>>,
    /// Its public-access blocks.
    pub(crate) public_access: Reading<PublicAccess>,
    /// Who owns its objects, and so whether ACLs are on.
    pub(crate) ownership: Reading<Ownership>,
    /// Its default encryption.
    pub(crate) encryption: Reading<Option<BucketEncryption>>,
    /// Its policy.
    pub(crate) policy: Reading<Option<Document>>,
    /// Its lifecycle rules.
    pub(crate) lifecycle: Reading<Lifecycle>,
    /// Whether there is nothing in it; `None` where nobody looked, or may look.
    pub(crate) empty: Option<bool>,
}

impl Bucket {
    /// The settings that are not known, and why.
    pub(crate) fn unread(&self) -> Vec<(&'static str, &Unread)> {
        let settings = [
            ("tags", self.tags.unread()),
            ("public-access blocks", self.public_access.unread()),
            ("object ownership", self.ownership.unread()),
            ("default encryption", self.encryption.unread()),
            ("policy", self.policy.unread()),
            ("lifecycle rules", self.lifecycle.unread()),
        ];
        let unread = settings.into_iter();
        unread.filter_map(|(setting, why)| Some((setting, why?))).collect()
    }

    /// What is known of a bucket that CreateBucket makes with ACLs off: nothing else is configured yet. (AWS turns the
    /// public-access blocks and SSE-S3 on by itself; they are set all the same, so that the account's defaults do not
    /// matter.)
    pub(crate) fn new_born(region: Region) -> Self {
        Self {
            region,
            tags: Reading::Known(Vec::new()),
            public_access: Reading::Known(PublicAccess::none()),
            ownership: Reading::Known(Ownership::enforced()),
            encryption: Reading::Known(None),
            policy: Reading::Known(None),
            lifecycle: Reading::Known(Lifecycle::default()),
            empty: Some(true),
        }
    }
}

/// The public-access blocks of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicAccess {
    /// Those of the four that are off, by the names of S3's API.
    pub(crate) off: Vec<&'static str>,
}

impl PublicAccess {
    /// The four blocks, by the names of S3's API.
    pub(crate) const BLOCKS: [&'static str; 4] = [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ];

    /// All four are on.
    pub(crate) fn all() -> Self {
        Self { off: Vec::new() }
    }

    /// None is on.
    pub(crate) fn none() -> Self {
        Self {
            off: Self::BLOCKS.to_vec(),
        }
    }

    /// Whether all four are on.
    pub(crate) fn is_blocked(&self) -> bool {
        self.off.is_empty()
    }
}

/// S3's setting of who owns the objects of a bucket.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// `ObjectOwnership`: `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.
    pub(crate) setting: String,
}

impl Ownership {
    /// What turns ACLs off.
    pub(crate) const ENFORCED: &'static str = "BucketOwnerEnforced";
    /// What S3 does where nothing is set.
    pub(crate) const UNSET: &'static str = "ObjectWriter";

    /// ACLs are off.
    pub(crate) fn enforced() -> Self {
        Self {
            setting: Self::ENFORCED.into(),
        }
    }

    /// Whether ACLs are off, so that the bucket's owner owns every object.
    pub(crate) fn turns_acls_off(&self) -> bool {
        self.setting == Self::ENFORCED
    }
}

/// A bucket's lifecycle rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lifecycle {
    /// The rules, in S3's order.
    pub(crate) rules: Vec<LifecycleRule>,
    /// Everything that S3 says of all rules but the one of this program's ID, so that any change of them shows.
    pub(crate) others: String,
}

/// What this program needs to know of a lifecycle rule.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LifecycleRule {
    /// Its ID; S3 gives one to a rule that was made without.
    pub(crate) id: String,
    /// Whether it is in force.
    pub(crate) enabled: bool,
    /// The keys that it is for begin with this; empty for all of them.
    pub(crate) prefix: String,
    /// Whether it is for objects with some tags only, which no export has.
    pub(crate) tagged: bool,
    /// Whether it is for objects of some sizes only.
    pub(crate) sized: bool,
    /// Whether it removes objects.
    pub(crate) expires: bool,
    /// The storage class to which it moves objects and from which they have to be restored before they can be read.
    pub(crate) archives_to: Option<String>,
    /// Whether it removes versions that are no longer current.
    pub(crate) expires_noncurrent: bool,
    /// Whether it aborts unfinished multipart uploads.
    pub(crate) aborts_uploads: bool,
}

impl Lifecycle {
    /// Whether an enabled rule for the whole bucket aborts unfinished multipart uploads.
    pub(crate) fn aborts_uploads(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.is_for_everything() && rule.aborts_uploads)
    }
}

impl LifecycleRule {
    /// Whether it is in force for the whole bucket.
    pub(crate) fn is_for_everything(&self) -> bool {
        self.enabled && self.prefix.is_empty() && !self.tagged && !self.sized
    }
}

/// A role, from GetRole and ListAttachedRolePolicies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Role {
    /// Its name, as IAM spells it.
    pub(crate) name: RoleName,
    /// Its unique ID, `AROA…`: another one when a role of the name is made again.
    pub(crate) id: String,
    /// Its ARN.
    pub(crate) arn: RoleArn,
    /// Its path.
    pub(crate) path: IamPath,
    /// Who may assume it.
    pub(crate) trust: Document,
    /// Its tags.
    pub(crate) tags: Vec<Tag>,
    /// The managed policy that is its permissions boundary.
    pub(crate) boundary: Option<String>,
    /// When it was last assumed by anybody, in RFC 3339, as far as IAM has noticed: within hours, for the last 400
    /// days.
    pub(crate) last_used: Option<String>,
    /// The ARNs of the managed policies that are attached to it.
    pub(crate) attached: Vec<String>,
    /// Its inline policies, as far as the caller may read them.
    pub(crate) inline: Vec<InlinePolicy>,
    /// The policies of AWS's own that are attached to it, likewise. What they are called stands in `attached` too.
    pub(crate) aws_managed: Vec<ManagedDocument>,
}

/// A managed policy of which only the document is of interest, as of one that AWS keeps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ManagedDocument {
    /// Its ARN.
    pub(crate) arn: PolicyArn,
    /// What it says.
    pub(crate) document: Document,
}

/// A policy that is part of a role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InlinePolicy {
    /// Its name, unique in the role.
    pub(crate) name: String,
    /// What it says.
    pub(crate) document: Document,
}

/// A customer-managed policy, with the document that is in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    /// Its ARN.
    pub(crate) arn: PolicyArn,
    /// Its tags.
    pub(crate) tags: Vec<Tag>,
    /// The document of the default version.
    pub(crate) document: Document,
    /// Its versions, in the order of their numbers; at most [`MOST_VERSIONS`]. Empty where the caller may not list
    /// them.
    pub(crate) versions: Vec<Version>,
    /// How many users, groups and roles use it, as permissions or as a boundary, as far as IAM has counted.
    pub(crate) uses: Option<u32>,
    /// Who uses it besides the set-up's role.
    pub(crate) others: Others,
}

/// Who uses a policy besides the set-up's role. It is asked only of a policy that is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Others {
    /// It was not asked.
    #[default]
    Unasked,
    /// These: `role x`, `user y`, `group z`. Often nobody.
    Known(Vec<String>),
    /// The caller may not ask.
    Refused,
}

/// How many versions IAM keeps of a customer-managed policy.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>
pub(crate) const MOST_VERSIONS: usize = 5;

/// A version of a customer-managed policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// Its ID, such as `v3`.
    pub(crate) id: String,
    /// Whether it is the one in force.
    pub(crate) is_default: bool,
}

impl Policy {
    /// Who else uses it, in a few words, if somebody does or may. `attached` says whether the set-up's role is among
    /// those that IAM counts.
    pub(crate) fn used_elsewhere(&self, attached: bool) -> Option<String> {
        match &self.others {
            Others::Unasked => None,
            Others::Known(others) if others.is_empty() => None,
            Others::Known(others) => Some(others.join(", ")),
            Others::Refused => {
                let own = u32::from(attached);
                let only_ours = self.uses.is_some_and(|uses| uses <= own);
                (!only_ours).then(|| "others, as far as can be told: iam:ListEntitiesForPolicy is refused".into())
            }
        }
    }

    /// The version that has to go before there can be another: of five, the oldest that is not in force.
    pub(crate) fn version_to_drop(&self) -> Option<&Version> {
        let full = self.versions.len() >= MOST_VERSIONS;
        self.versions.iter().find(|version| full && !version.is_default)
    }
}

/// What IAM's policy simulator says of an action of a role's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Simulated {
    /// The action.
    pub(crate) action: String,
    /// The resource that it was asked of.
    pub(crate) resource: String,
    /// Whether the role's policies, its boundary and the organization let it through.
    pub(crate) allowed: bool,
    /// Whether the organization's service control policies do, where the account is in an organization.
    pub(crate) by_organization: Option<bool>,
    /// Whether the permissions boundary does, where there is one.
    pub(crate) by_boundary: Option<bool>,
    /// Condition keys that the policies ask for and that the simulator was not told.
    pub(crate) missing_context: Vec<String>,
}

/// What there is under a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Exported {
    /// How many objects were seen.
    pub(crate) objects: usize,
    /// When the newest of them was written.
    pub(crate) newest: Option<OffsetDateTime>,
    /// Whether all of them were seen.
    pub(crate) complete: bool,
}

/// A KMS key, from DescribeKey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its ARN.
    pub(crate) arn: KeyArn,
    /// What it is for, in its maker's words.
    pub(crate) description: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …
    pub(crate) state: String,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048`, …
    pub(crate) spec: String,
    /// Whether it is the customer's own, and not an AWS-managed one.
    pub(crate) customer_managed: bool,
}

impl Key {
    /// The command that makes the key usable, or that shows more of it where none does; `None` where it is enabled.
    pub(crate) fn enabling_command(&self) -> Option<CommandLine> {
        let of_key = |operation| {
            CommandLine::aws(["kms", operation])
                .option("--region", self.arn.region())
                .option("--key-id", &self.arn)
        };
        match self.state.as_str() {
            "Enabled" => None,
            "Disabled" => Some(of_key("enable-key")),
            "PendingDeletion" => Some(of_key("cancel-key-deletion").and_then(of_key("enable-key"))),
            _ => Some(of_key("describe-key")),
        }
    }
}
