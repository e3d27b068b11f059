//! What changed since the last run is mended by the same command, and what others added stays.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, Tag,
    Tagging,
};
use serde_json::{Value, json};

use crate::support::by_hand::encrypt;
use crate::support::cloud::block_on;
use crate::support::{Cloud, Scripted};

fn as_before(cloud: &Cloud) {
    cloud
        .setup(&["--dry-run", "--exit-code"])
        .exits(0)
        .says("Nothing to do");
}

#[test]
fn a_bucket_of_ours_is_mended_and_keeps_what_others_added() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let s3 = cloud.s3("eu-west-1");
    let theirs = json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", cloud.account) },
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [theirs] }).to_string();
    block_on(s3.put_bucket_policy().bucket(&bucket).policy(policy).send()).unwrap();
    let rule = LifecycleRule::builder()
        .id("theirs")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("tmp/").build())
        .expiration(LifecycleExpiration::builder().days(1).build());
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule.build().unwrap())
        .build()
        .unwrap();
    block_on(
        s3.put_bucket_lifecycle_configuration()
            .bucket(&bucket)
            .lifecycle_configuration(rules)
            .send(),
    )
    .unwrap();
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let tags = Tagging::builder()
        .tag_set(tag("managed-by", "mixpanel-s3"))
        .tag_set(tag("cost-center", "42"));
    block_on(
        s3.put_bucket_tagging()
            .bucket(&bucket)
            .tagging(tags.build().unwrap())
            .send(),
    )
    .unwrap();
    block_on(s3.delete_public_access_block().bucket(&bucket).send()).unwrap();

    cloud
        .setup(&["--dry-run", "--tag", "team=data"])
        .exits(0)
        .says("~ tags")
        .says("~ bucket policy")
        .says("~ all public access blocked");
    cloud.setup(&["--tag", "team=data"]).exits(0);

    let policy = block_on(s3.get_bucket_policy().bucket(&bucket).send()).unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!((statements.len(), &statements[0]), (2, &theirs));
    let rules = block_on(s3.get_bucket_lifecycle_configuration().bucket(&bucket).send()).unwrap();
    let mut ids: Vec<&str> = rules.rules().iter().filter_map(|rule| rule.id()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["abort-unfinished-uploads", "theirs"]);
    let theirs = rules.rules().iter().find(|rule| rule.id() == Some("theirs")).unwrap();
    assert_eq!(theirs.expiration().unwrap().days(), Some(1));
    let tags = block_on(s3.get_bucket_tagging().bucket(&bucket).send()).unwrap();
    let mut keys: Vec<&str> = tags.tag_set().iter().map(|tag| tag.key()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["cost-center", "managed-by", "team"]);
    as_before(&cloud);
}

#[test]
fn a_role_of_ours_is_mended_and_keeps_what_others_added() {
    let cloud = Cloud::start();
    let role = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let iam = cloud.iam();
    let theirs = json!({ "Sid": "Ec2", "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" });
    let wide = json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::485438090326:user/mixpanel-export" }, "Action": "sts:AssumeRole" });
    let trust = json!({ "Version": "2012-10-17", "Statement": [theirs, wide] }).to_string();
    block_on(
        iam.update_assume_role_policy()
            .role_name(&role)
            .policy_document(trust)
            .send(),
    )
    .unwrap();
    let policy = format!("arn:aws:iam::{}:policy/{role}-s3", cloud.account);
    block_on(iam.detach_role_policy().role_name(&role).policy_arn(&policy).send()).unwrap();
    block_on(iam.untag_role().role_name(&role).tag_keys("mixpanel-encryption").send()).unwrap();

    let shown = cloud.setup(&["--dry-run"]).exits(0).says("attached").says("~ tags");
    assert!(shown.stderr.contains("        -   \"Principal\""), "{}", shown.stderr);
    cloud.setup(&[]).exits(0);
    let answer = block_on(iam.get_role().role_name(&role).send()).unwrap();
    let trust = answer.role().unwrap().assume_role_policy_document().unwrap();
    let trust = percent_encoding::percent_decode_str(trust).decode_utf8().unwrap();
    let trust: Value = serde_json::from_str(&trust).unwrap();
    let statements = trust["Statement"].as_array().unwrap();
    assert_eq!((statements.len(), &statements[0]), (2, &theirs));
    assert!(statements[1]["Condition"]["StringEquals"]["sts:ExternalId"].is_string());
    as_before(&cloud);
}

#[test]
fn another_encryption_is_a_change_of_bucket_and_role() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let kms = ["--encryption", "kms", "--create-kms-key"];
    cloud
        .setup(&kms)
        .exits(0)
        .says("default encryption SSE-KMS with the new key");
    let json = cloud.run(&["print-details", "--output", "json"]).exits(0).json();
    assert_eq!(json["encryption"], "KMS");
    as_before(&cloud);
    cloud.setup(&["--encryption", "aes"]).exits(0);
    assert_eq!(
        cloud.run(&["print-details", "--field", "encryption"]).exits(0).stdout,
        "AES\n"
    );
    as_before(&cloud);
}

#[test]
fn another_bucket_for_the_same_role_is_refused() {
    let cloud = Cloud::start();
    let role = cloud.bucket();
    cloud.setup(&[]).exits(0);
    cloud.forget();
    let other = format!("{role}-two");
    let outcome = cloud
        .run(&["setup", "--bucket", &other, "--role-name", &role, "--adopt", "--yes"])
        .exits(5);
    outcome
        .says("it grants another bucket, acme-xxxxxxxx, to which Mixpanel may be writing")
        .says("--role-name");
    assert!(cloud.calls().iter().all(|call| call.reads()));
}

#[test]
fn a_bucket_is_made_without_tags_where_tagging_at_creation_is_refused() {
    let cloud = Cloud::start();
    let message = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: s3:TagResource";
    cloud.script("s3:PUT", Some(1), Scripted::error("s3", 403, "AccessDenied", message));
    cloud.setup(&[]).exits(0);
    let bodies: Vec<bool> = cloud
        .calls()
        .iter()
        .filter(|call| call.action == "s3:PUT")
        .map(|call| call.body.contains("<Tags>"))
        .collect();
    assert_eq!(bodies, [true, false]);
    as_before(&cloud);
}

#[test]
fn a_dual_layer_of_encryption_is_not_lowered_for_a_bucket_key() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&["--encryption", "kms"]).exits(0);
    let client = cloud.s3("eu-west-1");
    let dual_layer = aws_sdk_s3::types::ServerSideEncryption::AwsKmsDsse;
    encrypt(&client, &bucket, dual_layer, None, false);
    let more = ["--encryption", "kms", "--harden", "encryption"];
    cloud.setup(&more).exits(0);
    let is = block_on(client.get_bucket_encryption().bucket(&bucket).send()).expect("encryption");
    assert!(format!("{is:?}").contains("AwsKmsDsse"), "{is:?}");
}
