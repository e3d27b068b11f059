//! The documents that this program writes.
//!
//! The first three are those of Mixpanel's page "AWS S3" (Data Pipelines, JSON pipelines), element for element.
//! Mixpanel's export user lives in the `aws` partition, and so does every ARN here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Document, Statement};
use crate::names::{BucketName, KeyArn, RoleArn};

/// The user as which Mixpanel exports.
pub(crate) const MIXPANEL_USER_ARN: &str = "arn:aws:iam::485438090326:user/mixpanel-export";
/// The account of that user.
pub(crate) const MIXPANEL_ACCOUNT: &str = "485438090326";
/// The Sid of the bucket policy's statement that refuses plain HTTP.
pub(crate) const DENY_PLAIN_HTTP_SID: &str = "DenyPlainHttp";

/// What the page's data-modification policy allows.
pub(crate) const DATA_ACTIONS: [&str; 4] = ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"];
/// What the page's KMS policy allows.
pub(crate) const KMS_ACTIONS: [&str; 7] = [
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptTo",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
    "kms:ReEncryptFrom",
];

/// What stands for the ARN of a key that is yet to be made, in a document that is only shown.
pub(crate) const KEY_ARN_PLACEHOLDER: &str = "<KEY_ARN>";

/// A statement of a literal that is an object.
fn statement(value: Value) -> Statement {
    let Value::Object(map) = value else {
        unreachable!("every caller in this file passes an object literal")
    };
    Statement::from_map(map)
}

/// Step 1 of Mixpanel's page, the "data modification policy".
pub(crate) fn data(bucket: &BucketName) -> Document {
    Document::new(vec![statement(json!({
        "Sid": "MixpanelS3AccessStatement",
        "Effect": "Allow",
        "Action": DATA_ACTIONS,
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    }))])
}

/// What the policy of a bucket of another account says to let a role do what the page asks for.
pub(crate) fn let_in(role: &RoleArn, bucket: &BucketName) -> Statement {
    statement(json!({
        "Sid": "MixpanelS3AccessStatement",
        "Effect": "Allow",
        "Principal": { "AWS": role },
        "Action": DATA_ACTIONS,
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    }))
}

/// The statement of the default key policy that lets IAM decide.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
pub(crate) fn key_delegation(account: &str) -> Statement {
    statement(json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": "kms:*",
        "Resource": "*",
    }))
}

/// Step 2 of Mixpanel's page, the policy for a KMS key of the customer's own.
pub(crate) fn kms(key: &KeyArn) -> Document {
    kms_for(key.as_str())
}

/// [`kms`] for a key that does not exist yet, to be shown and not to be written.
pub(crate) fn kms_placeholder() -> Document {
    kms_for(KEY_ARN_PLACEHOLDER)
}

fn kms_for(key: &str) -> Document {
    Document::new(vec![statement(json!({
        "Sid": "MixpanelKmsStatement",
        "Effect": "Allow",
        "Action": KMS_ACTIONS,
        "Resource": key,
    }))])
}

/// Step 3 of Mixpanel's page, the trust policy. One ExternalId stands as a string, as on the page; several are a list,
/// of which AWS lets any one match.
pub(crate) fn trust(external_ids: &BTreeSet<String>) -> Document {
    Document::new(vec![trust_statement(external_ids)])
}

pub(super) fn trust_statement(external_ids: &BTreeSet<String>) -> Statement {
    let ids = match external_ids.first() {
        Some(only) if external_ids.len() == 1 => json!(only),
        _ => json!(external_ids),
    };
    statement(json!({
        "Effect": "Allow",
        "Principal": { "AWS": MIXPANEL_USER_ARN },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": ids } },
    }))
}

/// The policy of the account's `aws/s3` key, which AWS writes and nobody can change: whoever the account lets use S3
/// may use the key through it.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk>
pub(crate) fn aws_managed_key(account: &str, region: &str) -> Document {
    Document::new(vec![statement(json!({
        "Sid": "Allow access through S3 for all principals in the account that are authorized to use S3",
        "Effect": "Allow",
        "Principal": { "AWS": "*" },
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": { "StringEquals": {
            "kms:CallerAccount": account,
            "kms:ViaService": format!("s3.{region}.amazonaws.com"),
        } },
    }))])
}

/// The trust policy of a role that stands in for Mixpanel's during a proof: the caller alone, with the same ExternalId.
pub(crate) fn probe_trust(caller_arn: &str, external_id: &str) -> Document {
    Document::new(vec![statement(json!({
        "Effect": "Allow",
        "Principal": { "AWS": caller_arn },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
    }))])
}

/// The bucket policy's statement that refuses requests over plain HTTP, as Security Hub's S3.5 asks for. Mixpanel
/// states that it writes over TLS.
pub(crate) fn deny_plain_http(bucket: &BucketName) -> Statement {
    statement(json!({
        "Sid": DENY_PLAIN_HTTP_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three documents as they stand on Mixpanel's page.
    const PAGE_DATA: &str = r#"{
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "MixpanelS3AccessStatement",
          "Effect": "Allow",
          "Action": [
            "s3:PutObject",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:DeleteObject"
          ],
          "Resource": ["arn:aws:s3:::<BUCKET_NAME>", "arn:aws:s3:::<BUCKET_NAME>/*"]
        }
      ]
    }"#;
    const PAGE_KMS: &str = r#"{
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "MixpanelKmsStatement",
          "Effect": "Allow",
          "Action": [
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptTo",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:DescribeKey",
            "kms:ReEncryptFrom"
          ],
          "Resource": "<KEY_ARN>"
        }
      ]
    }"#;
    const PAGE_TRUST: &str = r#"{
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::485438090326:user/mixpanel-export"
          },
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": {
              "sts:ExternalId": "<MIXPANEL_PROJECT_TOKEN>"
            }
          }
        }
      ]
    }"#;

    fn page(text: &str, from: &str, to: &str) -> Value {
        serde_json::from_str(&text.replace(from, to)).unwrap()
    }

    #[test]
    fn the_documents_are_the_pages_element_for_element() {
        let bucket: BucketName = "acme-export".parse().unwrap();
        assert_eq!(
            data(&bucket).to_value(),
            page(PAGE_DATA, "<BUCKET_NAME>", "acme-export")
        );

        let arn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(kms(&arn.parse().unwrap()).to_value(), page(PAGE_KMS, "<KEY_ARN>", arn));

        let token = "0123456789abcdef0123456789abcdef";
        let ids = BTreeSet::from([token.to_owned()]);
        assert_eq!(
            trust(&ids).to_value(),
            page(PAGE_TRUST, "<MIXPANEL_PROJECT_TOKEN>", token)
        );
    }

    #[test]
    fn several_projects_share_one_statement() {
        let ids = BTreeSet::from(["aa".to_owned(), "bb".to_owned()]);
        let document = trust(&ids);
        assert_eq!(
            document.statements()[0].condition("StringEquals", "sts:externalid"),
            Some(vec!["aa", "bb"])
        );
    }
}
