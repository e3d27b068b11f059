//! KMS keys: whether they can be used, by the role and by S3, and by whom else.

use aws_sdk_s3::types as s3;
use serde_json::{Value, json};

use super::*;
use crate::support::TOKEN;
use crate::support::by_hand::{USER, arn_of, data, encrypt, kms, trust};

/// The ARN of the key that the set-up made.
fn key(cloud: &Cloud) -> String {
    let client = cloud.kms("eu-west-1");
    let keys = block_on(client.list_keys().send()).expect("keys");
    let keys: Vec<&str> = keys.keys().iter().filter_map(|key| key.key_arn()).collect();
    let described = |arn: &&&str| {
        let key = block_on(client.describe_key().key_id(**arn).send()).expect("a key");
        let key = key.key_metadata().expect("metadata").clone();
        key.description()
            .is_some_and(|text| text.ends_with("made by mixpanel-s3"))
    };
    keys.iter().find(described).expect("our key").to_string()
}

/// The ARN of a key that there is not.
fn another_key(cloud: &Cloud) -> String {
    let id = "99999999-12ab-34cd-56ef-1234567890ab";
    format!("arn:aws:kms:eu-west-1:{}:key/{id}", cloud.account)
}

fn key_says(cloud: &Cloud, statements: Value) {
    let client = cloud.kms("eu-west-1");
    let put = client.put_key_policy().key_id(key(cloud));
    let put = put.policy_name("default").policy(document(statements));
    block_on(put.send()).expect("a key policy");
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
    let kms = s3::ServerSideEncryption::AwsKms;
    encrypt(&cloud.s3("eu-west-1"), bucket, kms, key, bucket_key);
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
                let iam = cloud.iam();
                let put = iam.put_role_policy().role_name(role).policy_name("guard");
                let deny = json!([{ "Effect": "Deny", "Action": "kms:*", "Resource": key(cloud) }]);
                block_on(put.policy_document(document(deny)).send()).expect("a policy");
            },
            ..OF_KEY
        },
        Row {
            id: "kms-encryption-context",
            name: "an inline policy denies for any but another bucket's",
            breaks: |cloud, role| {
                let iam = cloud.iam();
                let put = iam.put_role_policy().role_name(role).policy_name("guard");
                let other = json!({ "StringNotEquals": context()["StringEquals"] });
                let deny = json!([{ "Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": other }]);
                block_on(put.policy_document(document(deny)).send()).expect("a policy");
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
            verify: |cloud| with(cloud, &["--encryption", "kms", "--kms-key", &key(cloud)]),
            ..OURS
        },
        Row {
            id: "kms-encryption-context",
            name: "the role's policy asks for another bucket's",
            breaks: |cloud, _| of_kms(cloud, &key(cloud), context()),
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
                        "Effect": "Deny", "Principal": principal, "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*",
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
            breaks: |cloud, _| {
                let client = cloud.kms("eu-west-1");
                block_on(client.disable_key().key_id(key(cloud)).send()).expect("disabled");
            },
            ..OF_KEY
        },
        Row {
            id: "kms-state",
            name: "it waits to be deleted",
            breaks: |cloud, _| {
                let client = cloud.kms("eu-west-1");
                let deletion = client.schedule_key_deletion().key_id(key(cloud));
                block_on(deletion.send()).expect("scheduled");
            },
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
                let client = cloud.kms("eu-west-1");
                let aliases = block_on(client.list_aliases().key_id(key(cloud)).send()).expect("aliases");
                for alias in aliases.aliases() {
                    let delete = client.delete_alias().set_alias_name(alias.alias_name.clone());
                    block_on(delete.send()).expect("no alias");
                }
            },
            ..OURS
        },
        Row {
            id: "kms-region",
            name: "the bucket's default is a key of another region",
            setup: &["--encryption", "kms"],
            breaks: |cloud, bucket| {
                let client = cloud.kms("us-east-1");
                let made = block_on(client.create_key().send()).expect("a key");
                encrypts(cloud, bucket, Some(&arn_of(&made)), true);
            },
            ..ROW
        },
        Row {
            id: "kms-spec",
            name: "the bucket's default is a key pair",
            setup: &["--encryption", "kms"],
            breaks: |cloud, bucket| {
                let client = cloud.kms("eu-west-1");
                let pair = client
                    .create_key()
                    .key_spec(aws_sdk_kms::types::KeySpec::Rsa2048)
                    .key_usage(aws_sdk_kms::types::KeyUsageType::EncryptDecrypt);
                let made = block_on(pair.send()).expect("a key");
                encrypts(cloud, bucket, Some(&arn_of(&made)), true);
            },
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
                    "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": "s3:GetObject",
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
            breaks: |cloud, bucket| encrypts(cloud, bucket, Some(&key(cloud)), false),
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
