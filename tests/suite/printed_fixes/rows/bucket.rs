//! Buckets: whether they are there, what their policies say, and what is set on them.

use aws_sdk_s3::types as s3;
use serde_json::{Value, json};

use super::*;
use crate::support::by_hand::{USER, data, trust};
use crate::support::{Scripted, TOKEN};

/// The bucket's policy denies Mixpanel's uploads in this way too.
fn denies(cloud: &Cloud, bucket: &str, more: Value) {
    let mut deny = json!({
        "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": format!("arn:aws:s3:::{bucket}/*"),
    });
    let more = more.as_object().expect("an object").clone();
    deny.as_object_mut().expect("an object").extend(more);
    bucket_says(cloud, bucket, json!([plain(bucket), deny]));
}

fn expiring() -> s3::LifecycleRule {
    s3::LifecycleRule::builder()
        .id("tidy \"everything\" up")
        .status(s3::ExpirationStatus::Enabled)
        .filter(s3::LifecycleRuleFilter::builder().prefix("").build())
        .expiration(s3::LifecycleExpiration::builder().days(30).build())
        .build()
        .expect("a rule")
}

/// A set-up that somebody made by hand, years ago: with nothing set on the bucket.
fn by_hand(cloud: &Cloud, bucket: &str) {
    cloud.bucket_by_hand(bucket, "eu-west-1");
    cloud.role_by_hand(bucket, &trust(USER, Some(TOKEN)), &[data(bucket)]);
    cloud.set_ownership(bucket, s3::ObjectOwnership::ObjectWriter);
    cloud.unblock(bucket);
}

fn theirs(id: &'static str) -> Row {
    Row {
        id,
        name: "a bucket that somebody made by hand",
        setup: &[],
        breaks: by_hand,
        before: "warn",
        ..ROW
    }
}

fn policy_is_gone(cloud: &Cloud, bucket: &str) -> Result<(), String> {
    match cloud.bucket_policy(bucket) {
        None => Ok(()),
        Some(policy) => Err(policy.to_string()),
    }
}

fn tokens_of_version(cloud: &Cloud, version: u8) {
    let summary = format!(
        "<GetAccountSummaryResponse><GetAccountSummaryResult><SummaryMap><entry><key>GlobalEndpointTokenVersion</\
         key><value>{version}</value></entry></SummaryMap></GetAccountSummaryResult></GetAccountSummaryResponse>"
    );
    let answer = Scripted::answer("iam", summary);
    cloud.script("iam:GetAccountSummary", None, answer);
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = policy_rows();
    rows.extend(setting_rows());
    rows.extend(["mpu-residue", "acl-ownership", "bpa", "plain-http"].map(theirs));
    rows
}

fn policy_rows() -> Vec<Row> {
    vec![
        Row {
            id: "bucket-exists",
            name: "it is gone",
            breaks: |cloud, bucket| cloud.delete_bucket(bucket),
            ..ROW
        },
        Row {
            id: "bucket-policy-sse",
            name: "another encryption",
            breaks: |cloud, bucket| {
                let condition = json!({ "StringNotEquals": { "s3:x-amz-server-side-encryption": "aws:kms" } });
                denies(cloud, bucket, json!({ "Condition": condition }));
            },
            verify: |cloud| with(cloud, &["--encryption", "aes"]),
            ..BY_CLI
        },
        Row {
            id: "bucket-policy-sse",
            name: "two statements, of which the first hides the second",
            setup: &["--encryption", "none"],
            breaks: |cloud, bucket| {
                let deny = |sid: &str, condition: Value| {
                    json!({
                        "Sid": sid, "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "s3:PutObject",
                        "Resource": format!("arn:aws:s3:::{bucket}/*"), "Condition": condition,
                    })
                };
                let none = json!({ "Null": { "s3:x-amz-server-side-encryption": "true" } });
                let other = json!({ "StringNotEquals": { "s3:x-amz-server-side-encryption": "AES256" } });
                bucket_says(
                    cloud,
                    bucket,
                    json!([deny("None", none), plain(bucket), deny("Other", other)]),
                );
            },
            verify: |cloud| with(cloud, &["--encryption", "none"]),
            ..BY_CLI
        },
        Row {
            id: "bucket-policy-network",
            name: "a network of one's own",
            breaks: |cloud, bucket| {
                let condition = json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1a2b3c4d" } });
                denies(cloud, bucket, json!({ "Condition": condition }));
            },
            ..BY_CLI
        },
        Row {
            id: "bucket-policy-network",
            name: "addresses, with an exception for somebody else",
            breaks: |cloud, bucket| {
                let admin = role_arn(cloud, "admin");
                let condition = json!({
                    "NotIpAddress": { "aws:SourceIp": "203.0.113.0/24" },
                    "ArnNotEquals": { "aws:PrincipalArn": admin },
                });
                denies(cloud, bucket, json!({ "Condition": condition, "Action": "s3:*" }));
            },
            before: "unknown",
            ..BY_CLI
        },
        Row {
            id: "bucket-policy-principal",
            name: "everybody",
            breaks: |cloud, bucket| denies(cloud, bucket, json!({})),
            ..BY_CLI
        },
        Row {
            id: "bucket-policy-principal",
            name: "the role beside another one",
            breaks: |cloud, bucket| {
                let both = [role_arn(cloud, bucket), role_arn(cloud, "other")];
                denies(cloud, bucket, json!({ "Principal": { "AWS": both } }));
            },
            ..BY_CLI
        },
        Row {
            id: "bucket-policy-principal",
            name: "the role alone, in the only statement",
            breaks: |cloud, bucket| {
                let deny = json!({
                    "Effect": "Deny", "Principal": { "AWS": role_arn(cloud, bucket) }, "Action": "s3:*",
                    "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
                });
                bucket_says(cloud, bucket, json!([deny]));
            },
            // S3 takes no policy without a statement; the emulators may.
            holds: policy_is_gone,
            ..BY_CLI
        },
        Row {
            id: "bucket-others",
            name: "another account beside the own one, and another one that may do everything",
            breaks: |cloud, bucket| {
                let own = format!("arn:aws:iam::{}:root", cloud.account);
                let allow = |principals: Value, action: &str| {
                    json!({
                        "Effect": "Allow", "Principal": { "AWS": principals }, "Action": action,
                        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
                    })
                };
                let reads = allow(json!([own, "arn:aws:iam::111122223333:root"]), "s3:GetObject");
                let everything = allow(json!("arn:aws:iam::111122223333:role/theirs"), "s3:*");
                bucket_says(cloud, bucket, json!([reads, plain(bucket), everything]));
            },
            ..BY_CLI
        },
    ]
}

fn setting_rows() -> Vec<Row> {
    vec![
        Row {
            id: "lifecycle-expiry",
            name: "everything is removed after a month",
            breaks: |cloud, bucket| cloud.set_lifecycle_rules(bucket, vec![expiring()]),
            before: "warn",
            ..BY_CLI
        },
        Row {
            id: "versioning-growth",
            name: "versions, and our rule for unfinished uploads",
            breaks: |cloud, bucket| cloud.keep_versions(bucket),
            before: "warn",
            ..BY_CLI
        },
        Row {
            id: "versioning-growth",
            name: "versions, and no rule at all",
            breaks: |cloud, bucket| {
                cloud.keep_versions(bucket);
                cloud.delete_lifecycle(bucket);
            },
            before: "warn",
            ..BY_CLI
        },
        Row {
            id: "mpu-residue",
            name: "the rule is gone",
            breaks: |cloud, bucket| cloud.delete_lifecycle(bucket),
            before: "warn",
            ..ROW
        },
        Row {
            // Neither emulator keeps who pays.
            id: "requester-pays",
            name: "the requester pays",
            breaks: |cloud, _| {
                let payer = "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>";
                cloud.script("s3:GET requestPayment", None, Scripted::answer("s3", payer));
                cloud.script("s3:PUT requestPayment", None, Scripted::answer("s3", ""));
            },
            before: "warn",
            asks: Some(Asked {
                action: "s3:PUT requestPayment",
                text: "<Payer>BucketOwner</Payer>",
                then: Cloud::clear_script,
            }),
            ..BY_CLI
        },
        Row {
            id: "acl-ownership",
            name: "ACLs are on",
            breaks: |cloud, bucket| cloud.set_ownership(bucket, s3::ObjectOwnership::BucketOwnerPreferred),
            before: "warn",
            ..ROW
        },
        Row {
            id: "bpa",
            name: "the blocks are off",
            breaks: |cloud, bucket| cloud.unblock(bucket),
            before: "warn",
            ..ROW
        },
        Row {
            id: "plain-http",
            name: "the policy is gone",
            breaks: |cloud, bucket| cloud.delete_bucket_policy(bucket),
            before: "warn",
            ..ROW
        },
        Row {
            // Neither emulator has the account's regions.
            id: "opt-in-region",
            name: "the bucket's region is not enabled",
            breaks: |cloud, _| {
                let place = vec![("x-amz-bucket-region", "me-south-1".to_owned())];
                cloud.script("s3:HEAD", Some(1), Scripted::bare(301, place));
                cloud.script("s3:HEAD", None, Scripted::bare(400, Vec::new()));
                let done = Scripted::Answer(200, vec![("content-type", "application/json".into())], "{}".into());
                cloud.script("account:", None, done);
            },
            asks: Some(Asked {
                action: "account:",
                text: "me-south-1",
                then: Cloud::clear_script,
            }),
            ..BY_CLI
        },
        Row {
            // Neither emulator keeps the version of tokens.
            id: "sts-v1-token",
            name: "tokens of the old version",
            setup: &["--encryption", "aes", "--region", "me-south-1"],
            breaks: |cloud, _| {
                tokens_of_version(cloud, 1);
                let set = "iam:SetSecurityTokenServicePreferences";
                let done = "<SetSecurityTokenServicePreferencesResponse/>";
                cloud.script(set, None, Scripted::answer("iam", done));
            },
            before: "warn",
            asks: Some(Asked {
                action: "iam:SetSecurityTokenServicePreferences",
                text: "v2Token",
                then: |cloud| {
                    cloud.clear_script();
                    tokens_of_version(cloud, 2);
                },
            }),
            ..BY_CLI
        },
    ]
}
