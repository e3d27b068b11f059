//! The five values that Mixpanel's "Create Pipeline" form asks for. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::names::{BucketName, ENCRYPTION_KEY, KeyArn, Region, RoleArn};
use crate::observed::{BucketEncryption, Reading, Role, Unread};

/// What a person pastes into Mixpanel, in the form's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Details {
    /// "Bucket".
    pub(crate) bucket: BucketName,
    /// "Region".
    pub(crate) region: Region,
    /// "Role": the full ARN.
    pub(crate) role: RoleArn,
    /// "Encryption": empty, `AES` or `KMS`.
    pub(crate) encryption: Option<UiEncryption>,
    /// "KMS Key ID": the ARN of a key of one's own, empty for `aws/s3`.
    pub(crate) kms_key_id: Option<KeyArn>,
}

/// The choices of the form's "Encryption", besides leaving it empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum UiEncryption {
    /// SSE-S3.
    #[serde(rename = "AES")]
    Aes,
    /// SSE-KMS.
    #[serde(rename = "KMS")]
    Kms,
}

/// "Encryption" and "KMS Key ID", as they stand in Mixpanel's form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    /// "Encryption"; `None` is empty.
    pub(crate) encryption: Option<UiEncryption>,
    /// "KMS Key ID"; `None` is empty, which with KMS is the account's `aws/s3` key.
    pub(crate) key: Option<KeyArn>,
    /// Whether somebody said so: in a flag, or in the role's tag. Else it is the likeliest reading of what stands in
    /// AWS.
    pub(crate) is_declared: bool,
}

/// Why a [`Form`] may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormDoubt {
    /// The bucket encrypts with this key by default, and the role has no policy for it.
    NoPolicyFor(String),
    /// The bucket's encryption may not be read.
    Unreadable(Unread),
}

/// What was chosen in Mixpanel's form, as far as AWS tells. A role of ours remembers "Encryption" in a tag; elsewhere
/// the keys that the role's policies name and the bucket's default tell.
pub(crate) fn form_of(
    role: &Role,
    keys: &BTreeSet<KeyArn>,
    region: &Region,
    bucket: &Reading<Option<BucketEncryption>>,
) -> (Form, Option<FormDoubt>) {
    // A key of another region cannot be the bucket's.
    let key = keys.iter().find(|key| key.region() == region.as_str()).cloned();
    let remembered = role
        .tags
        .iter()
        .find(|tag| tag.key == ENCRYPTION_KEY)
        .map(|tag| tag.value.as_str());
    let is_declared = matches!(remembered, Some("none" | "AES" | "KMS"));
    let form = |encryption, key| Form {
        encryption,
        key,
        is_declared,
    };
    match (remembered, key, bucket) {
        (Some("none"), _, _) => (form(None, None), None),
        (Some("AES"), _, _) => (form(Some(UiEncryption::Aes), None), None),
        (_, key @ Some(_), _) => (form(Some(UiEncryption::Kms), key), None),
        (_, None, Reading::Known(Some(BucketEncryption::Kms { key: Some(key), .. })))
            if !key.ends_with("alias/aws/s3") =>
        {
            let doubt = FormDoubt::NoPolicyFor(key.clone());
            (form(Some(UiEncryption::Kms), key.parse().ok()), Some(doubt))
        }
        (Some("KMS"), None, _) | (_, None, Reading::Known(Some(BucketEncryption::Kms { .. }))) => {
            (form(Some(UiEncryption::Kms), None), None)
        }
        (_, None, Reading::Known(_)) => (form(Some(UiEncryption::Aes), None), None),
        (_, None, Reading::Unreadable(denied)) => {
            let doubt = FormDoubt::Unreadable(denied.clone());
            (form(Some(UiEncryption::Aes), None), Some(doubt))
        }
    }
}

/// One of the five values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// "Bucket".
    Bucket,
    /// "Region".
    Region,
    /// "Role".
    Role,
    /// "Encryption".
    Encryption,
    /// "KMS Key ID".
    KmsKeyId,
}

impl Field {
    /// All five, in the form's order.
    pub(crate) const ALL: [Self; 5] = [Self::Bucket, Self::Region, Self::Role, Self::Encryption, Self::KmsKeyId];

    /// The form's own word.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Bucket => "Bucket",
            Self::Region => "Region",
            Self::Role => "Role",
            Self::Encryption => "Encryption",
            Self::KmsKeyId => "KMS Key ID",
        }
    }

    /// The name of the shell variable that `--output env` assigns.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Bucket => "MIXPANEL_BUCKET",
            Self::Region => "MIXPANEL_REGION",
            Self::Role => "MIXPANEL_ROLE",
            Self::Encryption => "MIXPANEL_ENCRYPTION",
            Self::KmsKeyId => "MIXPANEL_KMS_KEY_ID",
        }
    }
}

impl UiEncryption {
    /// The form's own word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Aes => "AES",
            Self::Kms => "KMS",
        }
    }
}

impl Details {
    /// A value as it is pasted; empty for what the form leaves empty.
    pub(crate) fn value(&self, field: Field) -> &str {
        match field {
            Field::Bucket => self.bucket.as_str(),
            Field::Region => self.region.as_str(),
            Field::Role => self.role.as_str(),
            Field::Encryption => self.encryption.map_or("", UiEncryption::as_str),
            Field::KmsKeyId => self.kms_key_id.as_ref().map_or("", |key| key.as_str()),
        }
    }
}
