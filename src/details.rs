//! The five values that Mixpanel's "Create Pipeline" form asks for. Pure.

use serde::Serialize;

use crate::names::{BucketName, KeyArn, Region, RoleArn};

/// What a person pastes into Mixpanel, in the form's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Details {
    /// "Bucket".
    pub bucket: BucketName,
    /// "Region".
    pub region: Region,
    /// "Role": the full ARN.
    pub role: RoleArn,
    /// "Encryption": empty, `AES` or `KMS`.
    pub encryption: Option<UiEncryption>,
    /// "KMS Key ID": the ARN of a key of one's own, empty for `aws/s3`.
    pub kms_key_id: Option<KeyArn>,
}

/// The choices of the form's "Encryption", besides leaving it empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum UiEncryption {
    /// SSE-S3.
    #[serde(rename = "AES")]
    Aes,
    /// SSE-KMS.
    #[serde(rename = "KMS")]
    Kms,
}

/// One of the five values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
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
    pub const ALL: [Self; 5] = [
        Self::Bucket,
        Self::Region,
        Self::Role,
        Self::Encryption,
        Self::KmsKeyId,
    ];

    /// The form's own word.
    pub fn label(self) -> &'static str {
        match self {
            Self::Bucket => "Bucket",
            Self::Region => "Region",
            Self::Role => "Role",
            Self::Encryption => "Encryption",
            Self::KmsKeyId => "KMS Key ID",
        }
    }

    /// The name of the shell variable that `--output env` assigns.
    pub fn variable(self) -> &'static str {
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aes => "AES",
            Self::Kms => "KMS",
        }
    }
}

impl Details {
    /// A value as it is pasted; empty for what the form leaves empty.
    pub fn value(&self, field: Field) -> &str {
        match field {
            Field::Bucket => self.bucket.as_str(),
            Field::Region => self.region.as_str(),
            Field::Role => self.role.as_str(),
            Field::Encryption => self.encryption.map_or("", UiEncryption::as_str),
            Field::KmsKeyId => self.kms_key_id.as_ref().map_or("", |key| key.as_str()),
        }
    }
}
