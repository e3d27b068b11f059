//! KMS keys: whether they can be used, by the role and by S3, and by whom else.

use aws_sdk_s3::types::ServerSideEncryption;
use serde_json::{Value, json};

use super::*;
use crate::support::TOKEN;
use crate::support::by_hand::{USER, data, kms, trust};

/// The ARN of a key that there is not.
fn another_key(cloud: &Cloud) -> String {
    let id = "99999999-12ab-34cd-56ef-1234567890ab";
    format!("arn:aws:kms:eu-west-1:{}:key/{id}", cloud.account)
}

fn key_says(cloud: &Cloud, statements: Value) {
    cloud.set_key_policy(&cloud.own_key(), &document(statements));
}

fn delegation(cloud: &Cloud) -> Value {
    json!({
        "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": { "AWS": format!("arn:aws:iam::{}:root", cloud.account) },
    })
}

/// A statement for the account's administrator alone.
fn administered(cloud: &Cloud) -> Value {
    let mut statement = delegation(cloud);
    statement["Principal"]["AWS"] = json!(format!("arn:aws:iam::{}:user/admin", cloud.account));
    statement
}

/// The bucket's default encryption.
fn encrypts(cloud: &Cloud, bucket: &str, key: Option<&str>, bucket_key: bool) {
    cloud.encrypt(bucket, ServerSideEncryption::AwsKms, key, bucket_key);
}

fn of_kms(cloud: &Cloud, resource: &str, condition: Value) {
    let mut statement = kms(resource)["Statement"][0].clone();
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    grants(cloud, "kms", json!([statement]));
}

fn context() -> Value {
    json!({ "StringEquals": { "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::another" } })
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = access_rows();
    rows.extend(key_rows());
    rows
}

fn access_rows() -> Vec<Row> {
    const OURS: Row = Row { setup: WITH_KEY, ..ROW };
    const OF_KEY: Row = Row {
        setup: WITH_KEY,
        ..BY_CLI
    };
    vec![
        Row {
            id: "kms-iam-actions",
            name: "the policy is detached",
            breaks: |cloud, role| detaches(cloud, role, "kms"),
            ..OURS
        },
        Row {
            id: "kms-iam-actions",
            name: "an inline policy denies",
            breaks: |cloud, role| {
                let deny = json!([{ "Effect": "Deny", "Action": "kms:*", "Resource": cloud.own_key() }]);
                cloud.put_inline(role, "guard", &document(deny));
            },
            ..OF_KEY
        },
        Row {
            id: "kms-encryption-context",
            name: "an inline policy denies for any but another bucket's",
            breaks: |cloud, role| {
                let other = json!({ "StringNotEquals": context()["StringEquals"] });
                let deny = json!([{ "Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": other }]);
                cloud.put_inline(role, "guard", &document(deny));
            },
            ..OF_KEY
        },
        Row {
            id: "kms-arn-match",
            name: "the policy names another key",
            breaks: |cloud, _| {
                let other = another_key(cloud);
                of_kms(cloud, &other, Value::Null);
            },
            verify: |cloud| with(cloud, &["--encryption", "kms", "--kms-key", &cloud.own_key()]),
            ..OURS
        },
        Row {
            id: "kms-encryption-context",
            name: "the role's policy asks for another bucket's",
            breaks: |cloud, _| of_kms(cloud, &cloud.own_key(), context()),
            ..OURS
        },
        Row {
            id: "kms-encryption-context",
            name: "the key's policy allows for another bucket's only",
            breaks: |cloud, role| {
                let mut allow = kms("*")["Statement"][0].clone();
                allow["Principal"] = json!({ "AWS": role_arn(cloud, role) });
                allow["Condition"] = context();
                key_says(cloud, json!([administered(cloud), allow]));
            },
            ..OF_KEY
        },
        Row {
            id: "kms-encryption-context",
            name: "the key's policy denies for any but another bucket's",
            breaks: |cloud, _| {
                let deny = json!({
                    "Sid": "One", "Effect": "Deny", "Principal": "*", "Action": "kms:GenerateDataKey", "Resource": "*",
                    "Condition": { "StringNotEquals": { "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::another" } },
                });
                key_says(cloud, json!([delegation(cloud), deny]));
            },
            ..OF_KEY
        },
        Row {
            id: "kms-key-policy",
            name: "it leaves nothing to IAM",
            breaks: |cloud, _| key_says(cloud, json!([administered(cloud)])),
            ..OF_KEY
        },
        Row {
            id: "kms-key-policy",
            name: "it denies everybody, and the role by name",
            breaks: |cloud, role| {
                let deny = |principal: Value| {
                    json!({
                        "Effect": "Deny", "Principal": principal, "Resource": "*",
                        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                    })
                };
                let named = json!({ "AWS": role_arn(cloud, role) });
                key_says(cloud, json!([deny(json!("*")), delegation(cloud), deny(named)]));
            },
            ..OF_KEY
        },
        Row {
            id: "kms-key-others",
            name: "everybody, and another account beside the own one",
            breaks: |cloud, _| {
                let mut everybody = kms("*")["Statement"][0].clone();
                everybody["Principal"] = json!("*");
                let mut both = delegation(cloud);
                both["Principal"]["AWS"] = json!([both["Principal"]["AWS"], "arn:aws:iam::111122223333:root"]);
                let mut other = kms("*")["Statement"][0].clone();
                other["Principal"] = json!({ "AWS": "arn:aws:iam::111122223333:root" });
                key_says(cloud, json!([other, both, everybody]));
            },
            ..OF_KEY
        },
    ]
}

fn key_rows() -> Vec<Row> {
    const OURS: Row = Row { setup: WITH_KEY, ..ROW };
    const OF_KEY: Row = Row {
        setup: WITH_KEY,
        ..BY_CLI
    };
    vec![
        Row {
            id: "kms-state",
            name: "it is disabled",
            breaks: |cloud, _| cloud.disable_key(&cloud.own_key()),
            ..OF_KEY
        },
        Row {
            id: "kms-state",
            name: "it waits to be deleted",
            breaks: |cloud, _| cloud.schedule_key_deletion(&cloud.own_key()),
            ..OF_KEY
        },
        Row {
            id: "kms-state",
            name: "the key is gone",
            breaks: |cloud, bucket| {
                let gone = another_key(cloud);
                of_kms(cloud, &gone, Value::Null);
                encrypts(cloud, bucket, Some(&gone), true);
                // A key takes its aliases along.
                cloud.unname_key(&cloud.own_key());
            },
            ..OURS
        },
        Row {
            id: "kms-region",
            name: "the bucket's default is a key of another region",
            setup: &["--encryption", "kms"],
            breaks: |cloud, bucket| {
                let elsewhere = cloud.key_elsewhere("us-east-1");
                encrypts(cloud, bucket, Some(&elsewhere), true);
            },
            ..ROW
        },
        Row {
            id: "kms-spec",
            name: "the bucket's default is a key pair",
            setup: &["--encryption", "kms"],
            breaks: |cloud, bucket| encrypts(cloud, bucket, Some(&cloud.key_pair()), true),
            ..ROW
        },
        Row {
            id: "kms-literal-aws-s3",
            name: "the text aws/s3 for a key",
            setup: &["--encryption", "kms"],
            breaks: |cloud, bucket| encrypts(cloud, bucket, Some("aws/s3"), true),
            ..BY_CLI
        },
        Row {
            id: "kms-aws-managed-xacct",
            name: "another account reads",
            setup: &["--encryption", "kms"],
            breaks: |cloud, bucket| {
                let reads = json!({
                    "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
                    "Action": "s3:GetObject",
                    "Resource": format!("arn:aws:s3:::{bucket}/*"),
                });
                bucket_says(cloud, bucket, json!([plain(bucket), reads]));
            },
            before: "warn",
            ..ROW
        },
        Row {
            id: "kms-throttle",
            name: "no bucket key",
            breaks: |cloud, bucket| encrypts(cloud, bucket, Some(&cloud.own_key()), false),
            before: "warn",
            ..OURS
        },
        Row {
            id: "kms-throttle",
            name: "no bucket key, in a bucket that somebody made by hand",
            setup: &[],
            breaks: |cloud, bucket| {
                cloud.bucket_by_hand(bucket, "eu-west-1");
                let key = cloud.key_by_hand();
                let documents = [data(bucket), kms(&key)];
                cloud.role_by_hand(bucket, &trust(USER, Some(TOKEN)), &documents);
                encrypts(cloud, bucket, Some(&key), false);
            },
            before: "warn",
            ..ROW
        },
    ]
}

/// KMS in Mixpanel without a key, with a bucket whose default is a key of one's own.
pub fn of_the_form() -> Row {
    Row {
        id: "ui-encryption-mismatch",
        name: "no key in the form",
        setup: WITH_KEY,
        verify: |cloud| with(cloud, &["--encryption", "kms"]),
        before: "warn",
        ..ROW
    }
}
