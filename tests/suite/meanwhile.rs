//! What somebody else changes between the plan and the write is not overwritten: the step stops, and says to look
//! again.

use aws_sdk_s3::types::ServerSideEncryption;
use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, opened_to, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

const OTHER_TOKEN: &str = "fedcba9876543210fedcba9876543210";

fn deny(bucket: &str) -> Value {
    statements(json!([{
        "Sid": "Quarantine", "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]))
}

/// Somebody else's lifecycle rule.
fn expire(cloud: &Cloud, days: i32) {
    cloud.set_lifecycle(&cloud.bucket(), "theirs", "logs/", days);
}

/// This test's bucket, as it stands.
fn bucket(cloud: &Cloud) -> Value {
    cloud.everything()["buckets"]["acme-xxxxxxxx"].clone()
}

/// The run has stopped at the step, lost nothing, and says how to look again.
#[track_caller]
fn stopped(outcome: &Outcome, what: &str) {
    assert_eq!(outcome.code, 6, "{outcome:?}");
    for text in [
        &format!("was not sent: somebody has changed {what} since it was read"),
        "Look again, with a plan of what is there now:",
        "mixpanel-s3 setup",
    ] {
        assert!(outcome.stderr.contains(text), "{text}: {outcome:?}");
    }
}

#[test]
fn a_deny_that_somebody_adds_to_the_buckets_policy_stays() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.delete_bucket_policy(&cloud.bucket());
    let theirs = deny(&cloud.bucket());
    let put = theirs.clone();
    cloud.meanwhile("s3:GET policy", 2, move |cloud| {
        cloud.set_bucket_policy(&cloud.bucket(), &put)
    });
    stopped(&cloud.setup(&[]), "its policy");
    assert_eq!(cloud.bucket_policy(&cloud.bucket()), Some(theirs));
    cloud.setup(&[]).exits(0);
    insta::assert_snapshot!("policy_beside_a_deny", format!("{:#}", bucket(&cloud)["policy"]));
}

#[test]
fn a_tag_that_somebody_adds_to_the_bucket_stays() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.meanwhile("s3:GET tagging", 2, |cloud| {
        cloud.set_bucket_tags(
            &cloud.bucket(),
            &[("managed-by", "mixpanel-s3"), ("cost-center", "4711")],
        );
    });
    stopped(&cloud.setup(&["--tag", "team=data"]), "its tags");
    let tags = || bucket(&cloud)["tags"].clone();
    assert_eq!(tags(), json!({ "managed-by": "mixpanel-s3", "cost-center": "4711" }));
    cloud.setup(&["--tag", "team=data"]).exits(0);
    assert_eq!(
        tags(),
        json!({ "managed-by": "mixpanel-s3", "cost-center": "4711", "team": "data" })
    );
}

#[test]
fn a_lifecycle_rule_that_somebody_changes_stays() {
    for before in [None, Some(30)] {
        let cloud = Cloud::start();
        cloud.setup(&[]).exits(0);
        cloud.delete_lifecycle(&cloud.bucket());
        if let Some(days) = before {
            expire(&cloud, days);
        }
        cloud.meanwhile("s3:GET lifecycle", 2, |cloud| expire(cloud, 7));
        stopped(&cloud.setup(&[]), "its lifecycle rules");
        let rules = || {
            let rules = bucket(&cloud)["lifecycle"].clone();
            let ids = rules.as_array().unwrap().iter();
            let ids: Vec<Value> = ids
                .map(|rule| json!([rule["id"], rule["expires_after_days"]]))
                .collect();
            json!(ids)
        };
        assert_eq!(rules(), json!([["theirs", 7]]), "{before:?}");
        cloud.setup(&[]).exits(0);
        assert_eq!(
            rules(),
            json!([["abort-unfinished-uploads", null], ["theirs", 7]]),
            "{before:?}"
        );
    }
}

#[test]
fn an_encryption_that_somebody_sets_stays() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let theirs = cloud.key_by_hand();
    cloud.meanwhile("s3:GET encryption", 2, move |cloud| {
        cloud.encrypt(&cloud.bucket(), ServerSideEncryption::AwsKms, Some(&theirs), false);
    });
    stopped(&cloud.setup(&["--encryption", "kms"]), "its default encryption");
    let encryption = bucket(&cloud)["encryption"].clone();
    assert!(!encryption["key"].is_null(), "{encryption}");
}

#[test]
fn a_trust_that_somebody_changes_stays() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let theirs = opened_to(trust(USER, Some(TOKEN)), "arn:aws:iam::111122223333:root");
    let set = theirs.clone();
    cloud.meanwhile("iam:GetRole", 2, move |cloud| cloud.set_trust(&cloud.bucket(), &set));
    stopped(&cloud.setup(&["--project-token", OTHER_TOKEN]), "its trust policy");
    assert_eq!(cloud.trust(&cloud.bucket()), theirs);
}

#[test]
fn a_policy_that_somebody_changes_stays() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let arn = cloud.data_policy();
    let reads = statements(json!([{
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}/*", cloud.bucket()),
    }]));
    cloud.set_policy(&arn, &reads);
    let mut theirs = reads;
    theirs["Statement"][0]["Condition"] = json!({ "Bool": { "aws:SecureTransport": "true" } });
    // The plan asks for as many policies as a dry run does.
    cloud.forget();
    cloud.setup(&["--dry-run"]).exits(0);
    let nth = cloud.count("iam:GetPolicy") + 1;
    let set = theirs.clone();
    cloud.meanwhile("iam:GetPolicy", nth, move |cloud| {
        cloud.set_policy(&cloud.data_policy(), &set)
    });
    stopped(&cloud.setup(&[]), "what it says");
    assert_eq!(cloud.policy(&arn), theirs);
}

#[test]
fn an_inline_policy_that_somebody_changes_stays() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[]);
    let mut some = data(&bucket);
    some["Statement"][0]["Action"] = json!(["s3:PutObject"]);
    cloud.put_inline("theirs", "export", &some);
    let mut theirs = some;
    theirs["Statement"][0]["Action"] = json!(["s3:PutObject", "s3:AbortMultipartUpload"]);
    cloud.forget();
    cloud.setup(&["--adopt", "--role-name", "theirs", "--dry-run"]).exits(0);
    let reads = cloud.count("iam:GetRolePolicy");
    let put = theirs.clone();
    cloud.meanwhile("iam:GetRolePolicy", reads + 1, move |cloud| {
        cloud.put_inline("theirs", "export", &put);
    });
    let outcome = cloud.setup(&["--adopt", "--role-name", "theirs"]);
    stopped(&outcome, "its inline policy");
    assert_eq!(cloud.inline("theirs", "export"), theirs);
}

#[test]
fn an_own_write_whose_answer_was_lost_is_recognised() {
    let cloud = Cloud::start();
    let name = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let sound = bucket(&cloud);
    cloud.delete_bucket_policy(&name);
    cloud.delete_lifecycle(&name);
    cloud.set_bucket_tags(&name, &[("managed-by", "mixpanel-s3"), ("a", "b")]);
    cloud.set_trust(&name, &trust(USER, Some(OTHER_TOKEN)));
    for action in ["s3:PUT policy", "s3:PUT lifecycle", "iam:UpdateAssumeRolePolicy"] {
        cloud.script(action, Some(1), Scripted::LostAnswer);
    }
    cloud.setup(&[]).exits(0);
    let after = bucket(&cloud);
    for kind in ["policy", "lifecycle"] {
        assert_eq!(after[kind], sound[kind]);
    }
}

#[test]
fn a_bucket_that_somebody_else_makes_at_the_same_moment_is_not_written_over() {
    let cloud = Cloud::start();
    cloud.meanwhile("s3:PUT", 1, |cloud| {
        let name = cloud.bucket();
        cloud.bucket_by_hand(&name, "eu-west-1");
        cloud.set_bucket_tags(&name, &[("team", "logs")]);
        cloud.set_bucket_policy(&name, &deny(&name));
    });
    cloud.setup(&[]).exits(6).says("BucketAlreadyOwnedByYou");
    let there = bucket(&cloud);
    assert_eq!(there["tags"], json!({ "team": "logs" }));
    assert_eq!(cloud.bucket_policy(&cloud.bucket()), Some(deny(&cloud.bucket())));
    assert!(there["lifecycle"].is_null());
}

#[test]
fn what_an_owner_has_set_about_encryption_is_sent_along() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let answer = r#"<ServerSideEncryptionConfiguration><Rule>
        <ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>
        <BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>
    </Rule></ServerSideEncryptionConfiguration>"#;
    // Neither emulator keeps what a bucket refuses, so a script answers.
    let answer = Scripted::answer("s3", answer);
    cloud.script("s3:GET encryption", Some(2), answer);
    cloud.forget();
    cloud.setup(&["--encryption", "kms"]).exits(0);
    let calls = cloud.calls();
    let put = calls.iter().find(|call| call.action == "s3:PUT encryption").unwrap();
    assert!(
        put.body.contains("<SSEAlgorithm>aws:kms</SSEAlgorithm>"),
        "{}",
        put.body
    );
    assert!(
        put.body
            .contains("<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"),
        "{}",
        put.body
    );
}

#[test]
fn what_somebody_changes_while_a_set_up_is_removed_is_not_removed() {
    type Change = fn(&Cloud);
    let changes: [(&str, &str, Change); 7] = [
        ("what is attached to the role", "buckets", |cloud| {
            cloud.attach(&cloud.bucket(), &cloud.policy_arn("theirs"));
        }),
        ("its trust policy", "roles", trust_another),
        ("its tags", "buckets", |cloud| {
            cloud.set_bucket_tags(&cloud.bucket(), &[("theirs", "1")]);
        }),
        ("its policy, which lets others write to it", "buckets", |cloud| {
            let bucket = cloud.bucket();
            let writes = json!([{
                "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
                "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
            }]);
            cloud.set_bucket_policy(&bucket, &statements(writes));
        }),
        ("the roles through which Mixpanel can write to it", "buckets", |cloud| {
            cloud.role_by_hand("late", &trust(USER, Some(OTHER_TOKEN)), &[]);
            cloud.put_inline("late", "export", &data(&cloud.bucket()));
        }),
        // The role proves whose the bucket is.
        ("its trust policy", "buckets", trust_another),
        ("what it says", "policies", |cloud| {
            cloud.set_policy(&cloud.data_policy(), &data("somewhere-else"));
        }),
    ];
    for (what, kind, change) in changes {
        let cloud = Cloud::start();
        cloud.setup(&[]).exits(0);
        let all = json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]);
        cloud.policy_by_hand("theirs", &statements(all));
        let before = cloud.everything();
        cloud.meanwhile("iam:DetachRolePolicy", 1, change);
        let bucket = cloud.bucket();
        let arguments = ["teardown", "--yes", "--role", &bucket, "--delete-bucket"];
        cloud
            .run(&arguments)
            .exits(6)
            .says(&format!("was not sent: somebody has changed {what} since it was read"))
            .says("Run the same again");
        let after = cloud.everything();
        let of = |all: &Value| all[kind].as_object().unwrap().len();
        assert_eq!(of(&after), of(&before), "{what}");
    }
}

fn trust_another(cloud: &Cloud) {
    cloud.set_trust(&cloud.bucket(), &trust(USER, Some(OTHER_TOKEN)));
}
