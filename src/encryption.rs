//! How the export is encrypted: what a person chooses, what Mixpanel's form says of it, and what a bucket does by
//! default. One model with its conversions; pure.
//!
//! <https://docs.mixpanel.com/docs/data-pipelines/integrations/aws-s3>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html>

use std::fmt;

use serde::{Serialize, Serializer};

use crate::names::{AliasName, ENCRYPTION_KEY, KeyArn, KeyReference, Tag};

/// What stands under "Encryption" in Mixpanel's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Method {
    /// It is left empty: Mixpanel asks for nothing, and the bucket's default applies.
    #[default]
    None,
    /// SSE-S3.
    Aes,
    /// SSE-KMS.
    Kms,
}

impl Method {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::Aes, Self::Kms];

    /// The form's own word; empty where it is left empty.
    pub(crate) fn form_value(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Aes => "AES",
            Self::Kms => "KMS",
        }
    }

    /// What `--encryption` calls it.
    pub(crate) fn flag_value(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Aes => "aes",
            Self::Kms => "kms",
        }
    }

    /// What the role's tag says of it.
    pub(crate) fn tag_value(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Aes | Self::Kms => self.form_value(),
        }
    }

    /// What the tag of a role of ours remembers. A tag of other words remembers nothing.
    pub(crate) fn remembered_by(tags: &[Tag]) -> Option<Self> {
        let tag = tags.iter().find(|tag| tag.key == ENCRYPTION_KEY)?;
        Self::ALL.into_iter().find(|method| method.tag_value() == tag.value)
    }
}

/// As the form has it: `null` where it is left empty.
impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.form_value();
        Some(value).filter(|value| !value.is_empty()).serialize(serializer)
    }
}

/// The choice. A key of one's own is known by `Own`, and one that is to be made by `New`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Encryption<Own = KeyArn, New = AliasName> {
    /// Mixpanel asks for nothing; the bucket's default applies.
    None,
    /// SSE-S3.
    Aes,
    /// SSE-KMS.
    Kms(KmsKey<Own, New>),
}

/// Which key SSE-KMS uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KmsKey<Own = KeyArn, New = AliasName> {
    /// The account's `aws/s3` key: "KMS Key ID" stays empty in Mixpanel.
    AwsManaged,
    /// A key that exists.
    Own(Own),
    /// A key that is to be made.
    New(New),
}

/// The choice as it was answered: a key by whatever name somebody gave it, and one to be made without an alias yet.
pub(crate) type EncryptionAnswer = Encryption<KeyReference, ()>;

impl<Own, New> Encryption<Own, New> {
    /// What stands under "Encryption".
    pub(crate) fn method(&self) -> Method {
        match self {
            Self::None => Method::None,
            Self::Aes => Method::Aes,
            Self::Kms(_) => Method::Kms,
        }
    }
}

/// "Encryption" and "KMS Key ID", as they stand in Mixpanel's form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    /// "Encryption".
    pub(crate) encryption: Method,
    /// "KMS Key ID"; `None` is empty, which with KMS is the account's `aws/s3` key.
    pub(crate) key: Option<KeyArn>,
    /// Whether somebody said so: in a flag, or in the role's tag. Else it is the likeliest reading of what stands in
    /// AWS.
    pub(crate) is_declared: bool,
}

/// A bucket's default encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BucketEncryption {
    /// SSE-S3, `AES256`.
    Aes,
    /// SSE-KMS (`aws:kms`, or the dual-layer `aws:kms:dsse`).
    Kms {
        /// The key.
        key: DefaultKey,
        /// Whether S3 keeps a bucket key, which saves calls to KMS.
        /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>
        bucket_key: bool,
    },
}

/// The key that a bucket encrypts with by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DefaultKey {
    /// The account's `aws/s3` key, which AWS manages.
    AwsManaged,
    /// The key as the bucket names it: an ARN, an ID or an alias, or what somebody took for one.
    Named(String),
}

/// What people call the key that AWS manages for S3; KMS knows no key by that name.
const AWS_S3: &str = "aws/s3";
/// The name under which KMS knows it.
const AWS_S3_ALIAS: &str = "alias/aws/s3";

impl DefaultKey {
    /// From `KMSMasterKeyID` of a bucket's encryption; absent or empty is the account's `aws/s3` key.
    pub(crate) fn parse(id: Option<&str>) -> Self {
        match id.unwrap_or_default() {
            "" => Self::AwsManaged,
            id if id == AWS_S3_ALIAS => Self::AwsManaged,
            // arn:aws:kms:REGION:ACCOUNT:alias/aws/s3
            id if id.splitn(6, ':').nth(5) == Some(AWS_S3_ALIAS) => Self::AwsManaged,
            id => Self::Named(id.to_owned()),
        }
    }

    /// What PutBucketEncryption calls it; `None` where its field is left out.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::AwsManaged => None,
            Self::Named(id) => Some(id),
        }
    }

    /// Whether the bucket names this key, by its ARN or by its ID. An alias does not tell.
    pub(crate) fn names(&self, arn: &KeyArn) -> bool {
        let arn = arn.as_str();
        self.id()
            .is_some_and(|id| arn == id || arn.rsplit_once('/').is_some_and(|(_, of_arn)| of_arn == id))
    }

    /// Whether it is the text `aws/s3`, which names no key.
    pub(crate) fn is_the_text_aws_s3(&self) -> bool {
        self.id() == Some(AWS_S3)
    }
}

impl fmt::Display for DefaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id().unwrap_or(AWS_S3))
    }
}

impl BucketEncryption {
    /// The key of one's own that it encrypts with; `None` where S3 or AWS has the key.
    pub(crate) fn named_key(&self) -> Option<&str> {
        match self {
            Self::Aes => None,
            Self::Kms { key, .. } => key.id(),
        }
    }

    /// Whether S3 keeps a bucket key.
    pub(crate) fn has_bucket_key(&self) -> bool {
        matches!(self, Self::Kms { bucket_key: true, .. })
    }
}

impl fmt::Display for BucketEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aes => f.write_str("SSE-S3 (AES)"),
            Self::Kms { key, bucket_key: true } => write!(f, "SSE-KMS with {key}"),
            Self::Kms { key, bucket_key: false } => write!(f, "SSE-KMS with {key}, without an S3 bucket key"),
        }
    }
}

/// What a plan makes of a bucket's default encryption. A key that the plan makes has no ARN yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WantedDefault {
    /// SSE-S3.
    Aes,
    /// SSE-KMS, with an S3 bucket key.
    Kms(KmsKey<KeyArn, ()>),
}

impl WantedDefault {
    /// The default that will be there; `None` where it has the key that the plan makes, and that one is not known.
    pub(crate) fn resolved(&self, new_key: Option<&KeyArn>) -> Option<BucketEncryption> {
        let key = match self {
            Self::Aes => return Some(BucketEncryption::Aes),
            Self::Kms(KmsKey::AwsManaged) => DefaultKey::AwsManaged,
            Self::Kms(KmsKey::Own(arn)) => DefaultKey::Named(arn.to_string()),
            Self::Kms(KmsKey::New(())) => DefaultKey::Named(new_key?.to_string()),
        };
        Some(BucketEncryption::Kms { key, bucket_key: true })
    }
}

impl fmt::Display for WantedDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resolved(None) {
            Some(default) => default.fmt(f),
            None => f.write_str("SSE-KMS with the new key"),
        }
    }
}

/// The key that encrypts what Mixpanel writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyInUse<'a> {
    /// None of KMS.
    None,
    /// The account's `aws/s3` key.
    AwsManaged,
    /// This one, by whatever name.
    Named(&'a str),
}

impl Form {
    /// Which key encrypts what Mixpanel writes into a bucket with this default: the form's, or else the bucket's.
    pub(crate) fn key_in_use<'a>(&'a self, default: Option<&'a BucketEncryption>) -> KeyInUse<'a> {
        match (self.encryption, &self.key, default) {
            (Method::Aes, _, _) | (Method::None, _, None | Some(BucketEncryption::Aes)) => KeyInUse::None,
            (Method::Kms, Some(key), _) => KeyInUse::Named(key.as_str()),
            (Method::Kms, None, _) => KeyInUse::AwsManaged,
            (Method::None, _, Some(BucketEncryption::Kms { key, .. })) => {
                key.id().map_or(KeyInUse::AwsManaged, KeyInUse::Named)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_tag_remembers_what_it_was_given_and_nothing_else() {
        for method in Method::ALL {
            let tags = [Tag::own(ENCRYPTION_KEY, method.tag_value())];
            assert_eq!(Method::remembered_by(&tags), Some(method));
        }
        for text in ["", "aes", "None", "KMS "] {
            assert_eq!(Method::remembered_by(&[Tag::own(ENCRYPTION_KEY, text)]), None, "{text}");
        }
    }

    #[test]
    fn the_key_of_aws_is_known_by_its_alias_alone() {
        for id in [
            None,
            Some(""),
            Some("alias/aws/s3"),
            Some("arn:aws:kms:eu-west-1:123456789012:alias/aws/s3"),
        ] {
            assert_eq!(DefaultKey::parse(id), DefaultKey::AwsManaged, "{id:?}");
        }
        for id in ["aws/s3", "alias/alias/aws/s3", "alias/aws/s3x", ARN] {
            assert_eq!(DefaultKey::parse(Some(id)), DefaultKey::Named(id.into()));
        }
    }

    #[test]
    fn a_bucket_names_a_key_by_its_arn_or_its_id() {
        let arn: KeyArn = ARN.parse().unwrap();
        let names = |id| DefaultKey::parse(Some(id)).names(&arn);
        assert!(names(ARN) && names("1234abcd-12ab-34cd-56ef-1234567890ab"));
        assert!(
            !names("90ab") && !names("alias/mine") && !names("") && !names("key/1234abcd-12ab-34cd-56ef-1234567890ab")
        );
    }

    #[test]
    fn the_default_with_a_new_key_is_known_once_the_key_is() {
        let wanted = WantedDefault::Kms(KmsKey::New(()));
        assert_eq!(wanted.resolved(None), None);
        let arn: KeyArn = ARN.parse().unwrap();
        let default = wanted.resolved(Some(&arn)).unwrap();
        assert_eq!((default.named_key(), default.has_bucket_key()), (Some(ARN), true));
        assert_eq!(wanted.to_string(), "SSE-KMS with the new key");
    }
}
