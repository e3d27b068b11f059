//! What is judged: what Mixpanel was told, and what stands in AWS. `observe::evidence` fills it; nothing here asks
//! anybody.

use time::OffsetDateTime;

use crate::encryption::Form;
use crate::names::{AccountId, BucketName, PolicyArn, ProjectId, ProjectToken, Region, RoleName};
use crate::observed::existing::Writer;
use crate::observed::{Bucket, Caller, InlinePolicy, Key, Observed, Original, Reading, Role, Simulated, Unread};
use crate::policy::Document;

use super::freshness::Exports;

/// What Mixpanel was told, or will be, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    /// The role's ARN as it was typed, where it was typed as one.
    pub(crate) role_arn: Option<String>,
    /// The projects' tokens, where they were given.
    pub(crate) tokens: Vec<ProjectToken>,
    /// The project's ID, where it was given.
    pub(crate) project: Option<ProjectId>,
    /// "Region" in Mixpanel, where it was given.
    pub(crate) region: Option<Region>,
    /// "Encryption" and "KMS Key ID" in Mixpanel.
    pub(crate) form: Form,
    /// The account that the bucket is said to be of; the caller's own where nobody says.
    pub(crate) bucket_account: Option<AccountId>,
}

/// Everything that stands in AWS and bears on whether Mixpanel can write.
#[derive(Debug, Clone)]
pub(crate) struct Evidence {
    /// Who reads.
    pub(crate) caller: Caller,
    /// When it was read.
    pub(crate) now: OffsetDateTime,
    /// The name of the role that was looked for.
    pub(crate) role_name: RoleName,
    /// The role; `None` where there is none, or where it may not be read.
    pub(crate) role: Option<Role>,
    /// Why it may not be read.
    pub(crate) unread_role: Option<Unread>,
    /// What the role may do: its managed policies and its inline ones.
    pub(crate) grants: Vec<Grant>,
    /// What of that could not be read.
    pub(crate) unread_grants: Vec<Unread>,
    /// The document of the permissions boundary, where the role has one.
    pub(crate) boundary: Option<Reading<Document>>,
    /// The bucket that Mixpanel writes to, where one is named or found.
    pub(crate) bucket: Option<(BucketName, BucketStanding)>,
    /// The other roles of the account through which Mixpanel may write to the bucket; `None` where nobody looked.
    pub(crate) sharing: Option<Reading<Vec<Writer>>>,
    /// The role of this one's live proofs, with what it holds; `None` where nobody looked.
    pub(crate) probe: Option<Reading<Option<Role>>>,
    /// The key that encrypts what Mixpanel writes.
    pub(crate) key: KeyStanding,
    /// What the policy simulator says; `None` where it was not asked.
    pub(crate) simulated: Option<Reading<Vec<Simulated>>>,
    /// Which version of tokens the global STS endpoint gives out; `None` where it was not asked.
    pub(crate) token_version: Option<Reading<Option<i32>>>,
    /// What was exported so far; `None` where nobody looked.
    pub(crate) exports: Option<Reading<Exports>>,
}

/// A document that grants something to the role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grant {
    /// What it is called: `policy acme-s3`, `inline policy export`.
    pub(crate) name: String,
    /// The managed policy's ARN.
    pub(crate) arn: Option<String>,
    /// What it says.
    pub(crate) document: Document,
}

impl Grant {
    /// What a managed policy grants.
    pub(crate) fn managed(arn: &PolicyArn, document: &Document) -> Self {
        Self {
            name: format!("policy {}", arn.policy_name()),
            arn: Some(arn.to_string()),
            document: document.clone(),
        }
    }

    /// What an inline policy grants.
    pub(crate) fn inline(policy: &InlinePolicy) -> Self {
        Self {
            name: format!("inline policy {}", policy.name),
            arn: None,
            document: policy.document.clone(),
        }
    }

    /// Everything that grants something to the role of a set-up, as it was observed.
    pub(crate) fn all_of(observed: &Observed) -> Vec<Self> {
        let managed = observed.attached_policies();
        let managed = managed.map(|policy| Self::managed(&policy.arn, &policy.document));
        let role = || observed.role.iter();
        let of_aws = role().flat_map(|role| &role.aws_managed);
        let of_aws = of_aws.map(|policy| Self::managed(&policy.arn, &policy.document));
        let inline = role().flat_map(|role| &role.inline).map(Self::inline);
        let mut grants: Vec<Self> = managed.chain(of_aws).chain(inline).collect();
        grants.sort_by(|one, other| one.name.cmp(&other.name));
        grants
    }

    /// The name of an inline policy.
    pub(crate) fn inline_name(&self) -> &str {
        self.name.strip_prefix("inline policy ").unwrap_or(&self.name)
    }
}

/// What a live proof's probe of a role is made after: the role, as far as it is known, and its grants.
pub(crate) fn original<'a>(
    name: &'a RoleName,
    account: &'a AccountId,
    role: Option<&'a Role>,
    grants: &'a [Grant],
) -> Original<'a> {
    let attached = grants.iter().filter_map(|grant| grant.arn.as_deref());
    let inline = grants.iter().filter(|grant| grant.arn.is_none());
    Original {
        name,
        account,
        place: role.map(|role| (&role.path, role.boundary.as_deref())),
        attached: attached.collect(),
        inline: inline.map(|grant| (grant.inline_name(), &grant.document)).collect(),
    }
}

/// What there is of the bucket.
#[derive(Debug, Clone)]
pub(crate) enum BucketStanding {
    /// There is no bucket of that name.
    Missing,
    /// S3 refuses to say; whether the account has a bucket of that name, where that could be read.
    Refused {
        /// Whether it is the account's own.
        ours: Option<bool>,
    },
    /// It is in a region that has to be opted into, and that takes no request of this account's.
    Disabled(Region),
    /// It lets the caller in, and is not of the account that it should be of. Nothing more is read of it.
    Strangers,
    /// It is there, and of the account that it should be of.
    Here(Box<BucketFacts>),
}

/// A bucket with everything that bears on an export.
#[derive(Debug, Clone)]
pub(crate) struct BucketFacts {
    /// Whose it is, as S3 confirms.
    pub(crate) owner: AccountId,
    /// Its settings.
    pub(crate) settings: Bucket,
    /// Whether it keeps versions; `None` where nobody looked, as after `setup`.
    pub(crate) versioned: Option<Reading<bool>>,
    /// Object Lock's default retention, likewise.
    pub(crate) retention: Option<Reading<Option<String>>>,
    /// Whether the requester pays, likewise.
    pub(crate) requester_pays: Option<Reading<bool>>,
}

/// The key that encrypts what Mixpanel writes.
#[derive(Debug, Clone)]
pub(crate) enum KeyStanding {
    /// None: S3's own encryption, or nobody looked.
    NotUsed,
    /// The account's `aws/s3` key is used. AWS manages it, S3 makes it at its first use, and whoever may use S3 may use
    /// it.
    AwsManaged,
    /// It is named so, and not there.
    Missing(String),
    /// It is named so, and may not be looked at.
    Unreadable(String, Unread),
    /// It is there.
    Here {
        /// The key.
        key: Box<Key>,
        /// Its policy.
        policy: Reading<Document>,
    },
}

impl Evidence {
    /// The bucket, where it is there.
    pub(crate) fn facts(&self) -> Option<&BucketFacts> {
        match &self.bucket {
            Some((_, BucketStanding::Here(facts))) => Some(facts),
            _ => None,
        }
    }

    /// The bucket's name, where it is known.
    pub(crate) fn bucket_name(&self) -> Option<&BucketName> {
        self.bucket.as_ref().map(|(name, _)| name)
    }
}
