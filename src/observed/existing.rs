//! What is there of a set-up that is to be taken away. `observe::existing` reads it. Pure.

use super::{Original, Owner, Policy, Reading, Role, Unread, policy_owner, role_names_bucket};
use crate::names::{AccountId, BucketName, KeyArn, Region, RoleName};
use crate::policy::Document;
use crate::policy::outsiders::who_may;

/// What is there of a set-up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExistingSetup {
    /// The account that everything is in.
    pub(crate) account: AccountId,
    /// The role, if it is there.
    pub(crate) role: Option<Role>,
    /// The names of the instance profiles that hold the role.
    pub(crate) instance_profiles: Reading<Vec<String>>,
    /// The policies of the set-up's own names, and those that are attached to the role, as far as they can be read.
    pub(crate) policies: Vec<ExistingPolicy>,
    /// The bucket, if it is known and there.
    pub(crate) bucket: Option<ExistingBucket>,
    /// The roles of the account that trust Mixpanel and may write to the bucket, this one among them.
    pub(crate) writers: Reading<Vec<Writer>>,
    /// The role of the name that this one's live proofs use, with what it holds.
    pub(crate) probe: Reading<Option<Role>>,
    /// The key under the alias of the one that setup makes, if there is one.
    pub(crate) key: Option<ExistingKey>,
}

impl ExistingSetup {
    /// Whether anything but the bucket is there.
    pub(crate) fn has_something(&self) -> bool {
        self.role.is_some() || !self.policies.is_empty()
    }

    /// Whether anything is there that was made for the role, the role left aside.
    pub(crate) fn has_something_of_ours(&self, role: &RoleName) -> bool {
        let ours = |standing: &ExistingPolicy| policy_owner(&standing.policy) != Owner::Others;
        let bucket = self.bucket.as_ref().and_then(|bucket| bucket.owner);
        let probe = || self.probe_left(role).is_some();
        self.policies.iter().any(ours) || bucket == Some(Owner::Us) || probe()
    }

    /// What a live proof of the role makes its own role after. Of a role that is gone, what was made for it is known.
    pub(crate) fn original<'a>(&'a self, role: &'a RoleName) -> Original<'a> {
        let of_role = |role: &'a Role| role.attached.iter().map(String::as_str).collect();
        let made = || {
            let ours = self
                .policies
                .iter()
                .filter(|standing| policy_owner(&standing.policy) != Owner::Others);
            ours.map(|standing| standing.policy.arn.as_str()).collect()
        };
        let inline = self.role.iter().flat_map(|role| &role.inline);
        Original {
            name: role,
            account: &self.account,
            place: self.role.as_ref().map(|role| (&role.path, role.boundary.as_deref())),
            attached: self.role.as_ref().map_or_else(made, of_role),
            inline: inline.map(|policy| (policy.name.as_str(), &policy.document)).collect(),
        }
    }

    /// The role that a live proof left, where it is one in every part.
    pub(crate) fn probe_left(&self, role: &RoleName) -> Option<&Role> {
        let found = self.probe.known()?.as_ref()?;
        self.original(role).differences(found).is_empty().then_some(found)
    }

    /// Whether the role's policies name the bucket, and the role is proved to be this program's.
    pub(crate) fn bucket_is_named(&self) -> bool {
        let (Some(role), Some(bucket)) = (&self.role, &self.bucket) else {
            return false;
        };
        let policies = self.policies.iter().map(|standing| &standing.policy);
        // An inline policy bears no tag: what it names proves nothing.
        let role = Role {
            inline: Vec::new(),
            ..role.clone()
        };
        role_names_bucket(&role, policies, &bucket.name)
    }

    pub(crate) fn policy(&self, arn: &str) -> Option<&ExistingPolicy> {
        let mut policies = self.policies.iter();
        policies.find(|standing| standing.policy.arn.as_str() == arn)
    }
}

/// A role that trusts Mixpanel and may write to a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Writer {
    /// Its name.
    pub(crate) role: RoleName,
    /// What of its policies cannot be read, where it may write for all that is known.
    pub(crate) unread: Option<Unread>,
}

/// A key, and why it is not taken for the one that setup made, if it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExistingKey {
    /// Its ARN.
    pub(crate) arn: KeyArn,
    /// As a clause about "it".
    pub(crate) objection: Option<String>,
}

/// A policy, and who uses it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExistingPolicy {
    /// The policy.
    pub(crate) policy: Policy,
    /// Who uses it besides the role: `role x`, `user y`, `group z`. Not asked of what is not ours.
    pub(crate) others: Reading<Vec<String>>,
}

/// A bucket of a set-up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ExistingBucket {
    /// Its name.
    pub(crate) name: BucketName,
    /// Where it is.
    pub(crate) region: Region,
    /// Whose it is, by its tags alone; `None` where they cannot be read.
    pub(crate) owner: Option<Owner>,
    /// Whether it is empty; `None` where the caller may not look. S3 refuses to delete a bucket that is not, all the
    /// same.
    pub(crate) empty: Option<bool>,
    /// Whom outside the account its policy lets write into it, as far as it can be read.
    pub(crate) outside_writers: Vec<String>,
}

/// Whom outside its account the policy of a bucket lets write into it, each once.
pub(crate) fn outside_writers(policy: &Document, bucket: &BucketName, account: &AccountId) -> Vec<String> {
    let found = who_may("s3:PutObject", policy, account.as_str(), bucket).into_iter();
    let mut writers: Vec<String> = found.map(|outsider| outsider.principal).collect();
    writers.sort();
    writers.dedup();
    writers
}
