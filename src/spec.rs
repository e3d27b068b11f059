//! The wanted state: what a set-up is to be, valid by construction. Pure.

use std::collections::BTreeSet;

use crate::encryption::Encryption;
use crate::names::{
    ADOPTED_BY_KEY, AccountId, AliasName, BucketName, ENCRYPTION_KEY, IamPath, MANAGED_BY_KEY, Partition, PolicyArn,
    ProjectToken, Region, RoleArn, RoleName, Tag,
};

/// The ID of the lifecycle rule that this program adds.
pub(crate) const ABORT_RULE_ID: &str = "abort-unfinished-uploads";
/// After how many days an unfinished multipart upload is aborted.
pub(crate) const ABORT_AFTER_DAYS: i32 = 7;

/// A set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetupSpec {
    /// The account that everything is in.
    pub(crate) account: AccountId,
    /// The bucket that Mixpanel writes into.
    pub(crate) bucket: BucketName,
    /// Where the bucket is.
    pub(crate) region: Region,
    /// What is chosen under "Encryption" in Mixpanel.
    pub(crate) encryption: Encryption,
    /// The role that Mixpanel assumes.
    pub(crate) role: RoleName,
    /// The path of the role and of its policies. `None` leaves a role that exists where it is.
    pub(crate) path: Option<IamPath>,
    /// The role's permissions boundary. `None` leaves whatever is there.
    pub(crate) boundary: Option<PolicyArn>,
    /// The projects that may use the role; never empty.
    pub(crate) tokens: BTreeSet<ProjectToken>,
    /// The user's own tags.
    pub(crate) tags: Vec<Tag>,
    /// The ExternalIds that are let in no longer. None of them is one of [`Self::tokens`].
    pub(crate) removed_ids: BTreeSet<String>,
    /// Whether a role and policies that this program did not make are to be taken over.
    pub(crate) adopt: bool,
    /// The role that Mixpanel may be let into although it did not trust Mixpanel before, by the name that somebody gave
    /// for it.
    pub(crate) open_role: Option<RoleName>,
    /// What is to be hardened of a bucket that exists and is not ours.
    pub(crate) harden: BTreeSet<Hardening>,
}

/// A setting of a bucket that a new one gets, and that one of somebody else's gets only where they agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hardening {
    /// All four public-access blocks.
    PublicAccess,
    /// ACLs off (BucketOwnerEnforced).
    Acls,
    /// The default encryption that is chosen for the export.
    Encryption,
    /// A bucket policy statement that refuses plain HTTP.
    PlainHttp,
    /// A lifecycle rule that aborts unfinished uploads.
    Uploads,
}

impl Hardening {
    /// All of them, in the order in which they are made.
    pub(crate) const ALL: [Self; 5] = [
        Self::PublicAccess,
        Self::Acls,
        Self::Encryption,
        Self::PlainHttp,
        Self::Uploads,
    ];

    /// What `--harden` calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PublicAccess => "public-access",
            Self::Acls => "acls",
            Self::Encryption => "encryption",
            Self::PlainHttp => "plain-http",
            Self::Uploads => "uploads",
        }
    }
}

/// The role's name where nobody gave one: the bucket's own. A bucket's name is a valid role name, and two buckets never
/// share one.
pub(crate) fn default_role_name(bucket: &BucketName) -> Option<RoleName> {
    bucket.as_str().parse().ok()
}

/// The alias of the key that `--create-kms-key` makes. It follows from the role, so a second run finds the key.
pub(crate) fn new_key_alias(role: &RoleName) -> AliasName {
    AliasName::for_text(&format!("mixpanel-s3-{role}"))
}

/// The name of the policy that holds the data-modification document.
pub(crate) fn data_policy_name(role: &RoleName) -> String {
    format!("{role}-s3")
}

/// The name of the policy that holds the KMS document.
pub(crate) fn kms_policy_name(role: &RoleName) -> String {
    format!("{role}-kms")
}

/// The ARN of a customer-managed policy of this set-up. Every set-up is in the `aws` partition, where Mixpanel is.
pub(crate) fn policy_arn(account: &AccountId, path: &IamPath, name: &str) -> PolicyArn {
    PolicyArn::of(Partition::Aws, account, path, name)
}

impl SetupSpec {
    /// The ExternalIds that the role shall trust.
    pub(crate) fn external_ids(&self) -> BTreeSet<String> {
        self.tokens.iter().map(|token| token.expose().to_owned()).collect()
    }

    /// The tags of everything this set-up makes: the mark of this program, and the user's.
    pub(crate) fn all_tags(&self) -> Vec<Tag> {
        self.marked(Tag::managed_by())
    }

    /// The tags of what this set-up takes over: another mark, and the user's.
    pub(crate) fn adopted_tags(&self) -> Vec<Tag> {
        self.marked(Tag::adopted_by())
    }

    fn marked(&self, mark: Tag) -> Vec<Tag> {
        // Written out by the user, a mark says nothing new.
        let others = |tag: &&Tag| ![MANAGED_BY_KEY, ADOPTED_BY_KEY].contains(&tag.key.as_str());
        std::iter::once(mark)
            .chain(self.tags.iter().filter(others).cloned())
            .collect()
    }

    /// A role's tags, from those that everything gets: one more, which remembers the choice of encryption.
    pub(crate) fn role_tags(&self, mut tags: Vec<Tag>) -> Vec<Tag> {
        tags.insert(1, Tag::own(ENCRYPTION_KEY, self.encryption.method().tag_value()));
        tags
    }

    /// The ARN that the role has or will have, on that path.
    pub(crate) fn role_arn(&self, path: &IamPath) -> RoleArn {
        RoleArn::of(Partition::Aws, &self.account, path, &self.role)
    }
}
