//! The five values that Mixpanel's "Create Pipeline" form asks for. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::encryption::{BucketEncryption, DefaultKey, Form, Method};
use crate::names::{BucketName, IamPath, KeyArn, Region, RoleArn};
use crate::observed::{Observed, Reading, Role, Unread};
use crate::spec::SetupSpec;

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
    pub(crate) encryption: Method,
    /// "KMS Key ID": the ARN of a key of one's own, empty for `aws/s3`.
    pub(crate) kms_key_id: Option<KeyArn>,
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
    let remembered = Method::remembered_by(&role.tags);
    let form = |encryption, key| Form {
        encryption,
        key,
        is_declared: remembered.is_some(),
    };
    let default = match (remembered, key, bucket) {
        (Some(method @ (Method::None | Method::Aes)), _, _) => return (form(method, None), None),
        (_, key @ Some(_), _) => return (form(Method::Kms, key), None),
        (Some(Method::Kms), None, Reading::Unreadable(_)) => return (form(Method::Kms, None), None),
        (None, None, Reading::Unreadable(unread)) => {
            return (form(Method::Aes, None), Some(FormDoubt::Unreadable(unread.clone())));
        }
        (_, None, Reading::Known(default)) => default,
    };
    match (default, remembered) {
        (
            Some(BucketEncryption::Kms {
                key: DefaultKey::Named(key),
                ..
            }),
            _,
        ) => {
            let doubt = FormDoubt::NoPolicyFor(key.clone());
            (form(Method::Kms, key.parse().ok()), Some(doubt))
        }
        (_, Some(method)) => (form(method, None), None),
        (Some(BucketEncryption::Kms { .. }), None) => (form(Method::Kms, None), None),
        (None | Some(BucketEncryption::Aes), None) => (form(Method::Aes, None), None),
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

impl Details {
    /// Those of a set-up, from what is wanted and what is there, or will be. `key` is the key of one's own, once it is
    /// made.
    pub(crate) fn of(spec: &SetupSpec, world: &Observed, key: Option<&KeyArn>) -> Self {
        let role = world.role.as_ref().map(|role| role.arn.clone());
        let path = spec.path.clone().unwrap_or_else(IamPath::root);
        Self {
            bucket: spec.bucket.clone(),
            region: spec.region.clone(),
            role: role.unwrap_or_else(|| spec.role_arn(&path)),
            encryption: spec.encryption.method(),
            kms_key_id: key.cloned(),
        }
    }

    /// A value as it is pasted; empty for what the form leaves empty.
    pub(crate) fn value(&self, field: Field) -> &str {
        match field {
            Field::Bucket => self.bucket.as_str(),
            Field::Region => self.region.as_str(),
            Field::Role => self.role.as_str(),
            Field::Encryption => self.encryption.form_value(),
            Field::KmsKeyId => self.kms_key_id.as_ref().map_or("", |key| key.as_str()),
        }
    }
}
