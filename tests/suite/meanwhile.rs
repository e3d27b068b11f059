//! What somebody else changes between the plan and the write is not overwritten: the step stops, and says to look
//! again.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    ServerSideEncryption, Tag, Tagging,
};
use serde_json::{Value, json};

use crate::support::account::document;
use crate::support::by_hand::{USER, data, encrypt, trust};
use crate::support::cloud::block_on;
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

const OTHER_TOKEN: &str = "fedcba9876543210fedcba9876543210";

fn deny(bucket: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "Quarantine", "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]})
}

fn put_policy(s3: &aws_sdk_s3::Client, bucket: &str, policy: &Value) {
    let put = s3.put_bucket_policy().bucket(bucket);
    block_on(put.policy(policy.to_string()).send()).unwrap();
}

fn put_tags(s3: &aws_sdk_s3::Client, bucket: &str, tags: &[(&str, &str)]) {
    let tags = tags.iter().map(|(key, value)| {
        let tag = Tag::builder().key(*key).value(*value);
        tag.build().unwrap()
    });
    let tagging = Tagging::builder().set_tag_set(Some(tags.collect()));
    let put = s3.put_bucket_tagging().bucket(bucket);
    block_on(put.tagging(tagging.build().unwrap()).send()).unwrap();
}

fn put_lifecycle(s3: &aws_sdk_s3::Client, bucket: &str, days: i32) {
    let rule = LifecycleRule::builder()
        .id("theirs")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("logs/").build())
        .expiration(LifecycleExpiration::builder().days(days).build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    let put = s3.put_bucket_lifecycle_configuration().bucket(bucket);
    block_on(put.lifecycle_configuration(rules.build().unwrap()).send()).unwrap();
}

fn put_trust(iam: &aws_sdk_iam::Client, role: &str, token: &str) {
    let update = iam.update_assume_role_policy().role_name(role);
    let trust = trust(USER, Some(token)).to_string();
    block_on(update.policy_document(trust).send()).unwrap();
}

fn new_version(iam: &aws_sdk_iam::Client, arn: &str, document: &Value) {
    let version = iam.create_policy_version().policy_arn(arn);
    let version = version.set_as_default(true);
    block_on(version.policy_document(document.to_string()).send()).unwrap();
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
    let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
    cloud.setup(&[]).exits(0);
    block_on(s3.delete_bucket_policy().bucket(&bucket).send()).unwrap();
    let theirs = deny(&bucket);
    {
        let (s3, bucket, theirs) = (s3.clone(), bucket.clone(), theirs.clone());
        cloud.meanwhile("s3:GET policy", 2, move || put_policy(&s3, &bucket, &theirs));
    }
    stopped(&cloud.setup(&[]), "its policy");
    assert_eq!(
        cloud.everything()["buckets"]["acme-xxxxxxxx"]["policy"].to_string(),
        cloud.normalize(&theirs.to_string())
    );
    cloud.setup(&[]).exits(0);
    let policy = cloud.everything()["buckets"]["acme-xxxxxxxx"]["policy"].to_string();
    assert!(
        policy.contains("Quarantine") && policy.contains("DenyPlainHttp"),
        "{policy}"
    );
}

#[test]
fn a_tag_that_somebody_adds_to_the_bucket_stays() {
    let cloud = Cloud::start();
    let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
    cloud.setup(&[]).exits(0);
    let theirs = [("managed-by", "mixpanel-s3"), ("cost-center", "4711")];
    cloud.meanwhile("s3:GET tagging", 2, move || put_tags(&s3, &bucket, &theirs));
    stopped(&cloud.setup(&["--tag", "team=data"]), "its tags");
    let tags = || cloud.everything()["buckets"]["acme-xxxxxxxx"]["tags"].clone();
    assert_eq!(tags(), json!({ "managed-by": "mixpanel-s3", "cost-center": "4711" }));
    cloud.setup(&["--tag", "team=data"]).exits(0);
    assert_eq!(tags()["cost-center"], "4711");
    assert_eq!(tags()["team"], "data");
}

#[test]
fn a_lifecycle_rule_that_somebody_changes_stays() {
    for before in [None, Some(30)] {
        let cloud = Cloud::start();
        let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
        cloud.setup(&[]).exits(0);
        block_on(s3.delete_bucket_lifecycle().bucket(&bucket).send()).unwrap();
        if let Some(days) = before {
            put_lifecycle(&s3, &bucket, days);
        }
        cloud.meanwhile("s3:GET lifecycle", 2, move || put_lifecycle(&s3, &bucket, 7));
        stopped(&cloud.setup(&[]), "its lifecycle rules");
        let rules = || cloud.everything()["buckets"]["acme-xxxxxxxx"]["lifecycle"].to_string();
        assert!(
            rules().contains("Some(7)") && !rules().contains("abort-unfinished"),
            "{}",
            rules()
        );
        cloud.setup(&[]).exits(0);
        assert!(
            rules().contains("theirs") && rules().contains("abort-unfinished"),
            "{}",
            rules()
        );
    }
}

#[test]
fn an_encryption_that_somebody_sets_stays() {
    let cloud = Cloud::start();
    let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
    cloud.setup(&[]).exits(0);
    let theirs = cloud.key_by_hand();
    cloud.meanwhile("s3:GET encryption", 2, move || {
        encrypt(&s3, &bucket, ServerSideEncryption::AwsKms, Some(&theirs), false)
    });
    stopped(&cloud.setup(&["--encryption", "kms"]), "its default encryption");
    let encryption = &cloud.everything()["buckets"]["acme-xxxxxxxx"]["encryption"];
    assert!(!encryption["key"].is_null(), "{encryption}");
}

#[test]
fn a_trust_that_somebody_changes_stays() {
    let cloud = Cloud::start();
    let (iam, bucket) = (cloud.iam(), cloud.bucket());
    cloud.setup(&[]).exits(0);
    let mut theirs = trust(USER, Some(TOKEN));
    let auditor = trust("arn:aws:iam::111122223333:root", None)["Statement"][0].clone();
    theirs["Statement"].as_array_mut().unwrap().push(auditor);
    {
        let (iam, bucket, theirs) = (iam.clone(), bucket.clone(), theirs.clone());
        cloud.meanwhile("iam:GetRole", 2, move || {
            let update = iam.update_assume_role_policy().role_name(&bucket);
            block_on(update.policy_document(theirs.to_string()).send()).unwrap();
        });
    }
    stopped(&cloud.setup(&["--project-token", OTHER_TOKEN]), "its trust policy");
    let role = block_on(iam.get_role().role_name(&bucket).send()).unwrap();
    let role = role.role().unwrap();
    assert_eq!(document(role.assume_role_policy_document().unwrap()), theirs);
}

#[test]
fn a_policy_that_somebody_changes_stays() {
    let cloud = Cloud::start();
    let (iam, bucket) = (cloud.iam(), cloud.bucket());
    cloud.setup(&[]).exits(0);
    let arn = format!("arn:aws:iam::{}:policy/{bucket}-s3", cloud.account);
    let reads = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    }]});
    new_version(&iam, &arn, &reads);
    let mut theirs = reads.clone();
    theirs["Statement"][0]["Condition"] = json!({ "Bool": { "aws:SecureTransport": "true" } });
    // The plan asks for as many policies as a dry run does.
    let plans = |action: &str| {
        cloud.forget();
        cloud.setup(&["--dry-run"]).exits(0);
        cloud.count(action)
    };
    let nth = plans("iam:GetPolicy") + 1;
    {
        let (iam, arn, theirs) = (iam.clone(), arn.clone(), theirs.clone());
        cloud.meanwhile("iam:GetPolicy", nth, move || new_version(&iam, &arn, &theirs));
    }
    stopped(&cloud.setup(&[]), "what it says");
    let policy = block_on(iam.get_policy().policy_arn(&arn).send()).unwrap();
    let version = policy.policy().unwrap().default_version_id().unwrap().to_owned();
    let version = iam.get_policy_version().policy_arn(&arn).version_id(version);
    let version = block_on(version.send()).unwrap();
    let text = version.policy_version().unwrap().document().unwrap();
    assert_eq!(document(text), theirs);
}

#[test]
fn an_inline_policy_that_somebody_changes_stays() {
    let cloud = Cloud::start();
    let (iam, bucket) = (cloud.iam(), cloud.bucket());
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[]);
    let put = |iam: &aws_sdk_iam::Client, document: &Value| {
        let put = iam.put_role_policy().role_name("theirs");
        let put = put.policy_name("export");
        block_on(put.policy_document(document.to_string()).send()).unwrap();
    };
    let mut some = data(&bucket);
    some["Statement"][0]["Action"] = json!(["s3:PutObject"]);
    put(&iam, &some);
    let mut theirs = some.clone();
    theirs["Statement"][0]["Action"] = json!(["s3:PutObject", "s3:AbortMultipartUpload"]);
    cloud.forget();
    cloud.setup(&["--adopt", "--role-name", "theirs", "--dry-run"]).exits(0);
    let reads = cloud.count("iam:GetRolePolicy");
    {
        let (iam, theirs) = (iam.clone(), theirs.clone());
        cloud.meanwhile("iam:GetRolePolicy", reads + 1, move || put(&iam, &theirs));
    }
    let outcome = cloud.setup(&["--adopt", "--role-name", "theirs"]);
    stopped(&outcome, "its inline policy");
    let inline = iam.get_role_policy().role_name("theirs").policy_name("export");
    let inline = block_on(inline.send()).unwrap();
    assert_eq!(document(inline.policy_document()), theirs);
}

#[test]
fn an_own_write_whose_answer_was_lost_is_recognised() {
    let cloud = Cloud::start();
    let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
    cloud.setup(&[]).exits(0);
    let sound = cloud.everything();
    block_on(s3.delete_bucket_policy().bucket(&bucket).send()).unwrap();
    block_on(s3.delete_bucket_lifecycle().bucket(&bucket).send()).unwrap();
    put_tags(&s3, &bucket, &[("managed-by", "mixpanel-s3"), ("a", "b")]);
    put_trust(&cloud.iam(), &bucket, OTHER_TOKEN);
    for action in ["s3:PUT policy", "s3:PUT lifecycle", "iam:UpdateAssumeRolePolicy"] {
        cloud.script(action, Some(1), Scripted::LostAnswer);
    }
    cloud.setup(&[]).exits(0);
    let after = cloud.everything();
    for kind in ["policy", "lifecycle"] {
        assert_eq!(
            after["buckets"]["acme-xxxxxxxx"][kind],
            sound["buckets"]["acme-xxxxxxxx"][kind]
        );
    }
}

#[test]
fn a_bucket_that_somebody_else_makes_at_the_same_moment_is_not_written_over() {
    let cloud = Cloud::start();
    let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
    let theirs = deny(&bucket);
    {
        let (bucket, theirs) = (bucket.clone(), theirs.clone());
        cloud.meanwhile("s3:PUT", 1, move || {
            let place = aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint("eu-west-1".into());
            let create = s3.create_bucket().bucket(&bucket);
            block_on(create.create_bucket_configuration(place.build()).send()).unwrap();
            put_tags(&s3, &bucket, &[("team", "logs")]);
            put_policy(&s3, &bucket, &theirs);
        });
    }
    cloud.setup(&[]).exits(6).says("BucketAlreadyOwnedByYou");
    let there = &cloud.everything()["buckets"]["acme-xxxxxxxx"];
    assert_eq!(there["tags"], json!({ "team": "logs" }));
    assert_eq!(there["policy"].to_string(), cloud.normalize(&theirs.to_string()));
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
    type Change = fn(&Cloud) -> Box<dyn Fn() + Send + Sync>;
    let changes: [(&str, &str, Change); 7] = [
        ("what is attached to the role", "buckets", |cloud| {
            let (iam, role) = (cloud.iam(), cloud.bucket());
            let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
            let arn = cloud.policy_by_hand("theirs", &all);
            Box::new(move || {
                let attach = iam.attach_role_policy().role_name(&role);
                block_on(attach.policy_arn(&arn).send()).unwrap();
            })
        }),
        ("its trust policy", "roles", |cloud| {
            let (iam, role) = (cloud.iam(), cloud.bucket());
            Box::new(move || put_trust(&iam, &role, OTHER_TOKEN))
        }),
        ("its tags", "buckets", |cloud| {
            let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
            Box::new(move || put_tags(&s3, &bucket, &[("theirs", "1")]))
        }),
        ("its policy, which lets others write to it", "buckets", |cloud| {
            let (s3, bucket) = (cloud.s3("eu-west-1"), cloud.bucket());
            let policy = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
                "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
            }]});
            Box::new(move || put_policy(&s3, &bucket, &policy))
        }),
        ("the roles through which Mixpanel can write to it", "buckets", |cloud| {
            let (iam, bucket) = (cloud.iam(), cloud.bucket());
            Box::new(move || {
                let role = iam.create_role().role_name("late");
                let trust = trust(USER, Some(OTHER_TOKEN)).to_string();
                block_on(role.assume_role_policy_document(trust).send()).unwrap();
                let put = iam.put_role_policy().role_name("late").policy_name("export");
                let document = data(&bucket).to_string();
                block_on(put.policy_document(document).send()).unwrap();
            })
        }),
        // The role proves whose the bucket is.
        ("its trust policy", "buckets", |cloud| {
            let (iam, role) = (cloud.iam(), cloud.bucket());
            Box::new(move || put_trust(&iam, &role, OTHER_TOKEN))
        }),
        ("what it says", "policies", |cloud| {
            let (iam, bucket) = (cloud.iam(), cloud.bucket());
            let arn = format!("arn:aws:iam::{}:policy/{bucket}-s3", cloud.account);
            Box::new(move || new_version(&iam, &arn, &data("somewhere-else")))
        }),
    ];
    for (what, kind, change) in changes {
        let cloud = Cloud::start();
        cloud.setup(&[]).exits(0);
        let theirs = change(&cloud);
        let before = cloud.everything();
        cloud.meanwhile("iam:DetachRolePolicy", 1, theirs);
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
