//! A bucket that a killed run left without tags is completed by the next one, which knows it from the role's tag;
//! nobody else's is.

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, trust};
use crate::support::cloud::block_on;
use crate::support::{Cloud, Scripted, TOKEN};

/// `setup`, killed once what a script leaves hanging is done.
fn killed(cloud: &Cloud) {
    let bucket = cloud.bucket();
    cloud.killed(&["setup", "--bucket", &bucket, "--yes"]);
}

/// A set-up that was killed right after CreateBucket, which made the bucket without tags.
fn cut_short() -> Cloud {
    let mut cloud = Cloud::start();
    let message = "User: x is not authorized to perform: s3:TagResource";
    let refusal = Scripted::error("s3", 403, "AccessDenied", message);
    cloud.script("s3:PUT", Some(1), refusal);
    cloud.script("s3:PUT", None, Scripted::HangAfter);
    killed(&cloud);
    cloud.clear_script();
    assert!(bucket(&cloud)["tags"].is_null(), "{}", bucket(&cloud));
    cloud
}

fn bucket(cloud: &Cloud) -> Value {
    cloud.everything()["buckets"]["acme-xxxxxxxx"].clone()
}

#[test]
fn a_bucket_that_a_killed_run_left_without_tags_is_completed() {
    let undisturbed = Cloud::start();
    undisturbed.setup(&[]).exits(0);
    let cloud = cut_short();
    cloud.setup(&[]).exits(0).says("a run that was cut short made it");
    assert_eq!(cloud.everything(), undisturbed.everything());
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
    // It is ours whole, and goes like one.
    cloud
        .run(&["teardown", "--yes", "--role", &cloud.bucket(), "--delete-bucket"])
        .exits(0);
    assert_eq!(cloud.everything()["buckets"], json!({}));
}

#[test]
fn where_tagging_stays_refused_the_next_run_says_so() {
    let cloud = cut_short();
    let refusal = Scripted::error("s3", 403, "AccessDenied", "no");
    cloud.script("s3:PUT tagging", None, refusal);
    cloud.setup(&[]).exits(3).says("AWS refused s3:PutBucketTagging");
}

#[test]
fn a_claim_hardens_nothing_that_somebody_uses() {
    type Use = fn(&Cloud);
    let uses: [(&str, Use); 3] = [
        ("an object", |cloud| {
            let put = cloud.s3("eu-west-1").put_object();
            let put = put.bucket(cloud.bucket()).key("theirs");
            block_on(put.body(ByteStream::from_static(b"{}")).send()).unwrap();
        }),
        ("a tag", |cloud| {
            let tag = aws_sdk_s3::types::Tag::builder().key("team").value("logs");
            let tags = aws_sdk_s3::types::Tagging::builder().tag_set(tag.build().unwrap());
            let put = cloud.s3("eu-west-1").put_bucket_tagging();
            let put = put.bucket(cloud.bucket()).tagging(tags.build().unwrap());
            block_on(put.send()).unwrap();
        }),
        ("a policy", |cloud| {
            let policy = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
                "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}/*", cloud.bucket()),
            }]});
            let put = cloud.s3("eu-west-1").put_bucket_policy();
            let put = put.bucket(cloud.bucket()).policy(policy.to_string());
            block_on(put.send()).unwrap();
        }),
    ];
    for (what, used) in uses {
        let cloud = cut_short();
        used(&cloud);
        let before = bucket(&cloud);
        cloud.setup(&[]).exits(0).says("used as it is");
        assert_eq!(bucket(&cloud), before, "{what}");
    }
}

#[test]
fn a_claim_removes_nothing() {
    let cloud = cut_short();
    let before = bucket(&cloud);
    let name = cloud.bucket();
    let data = ["--delete-bucket", "--delete-data", &name];
    let role = ["teardown", "--yes", "--role", &name];
    cloud
        .run(&[role.as_slice(), &data].concat())
        .exits(6)
        .says("bucket acme-xxxxxxxx: it was not made by mixpanel-s3");
    assert_eq!(bucket(&cloud), before);
}

#[test]
fn a_claim_on_a_role_that_is_not_ours_says_nothing() {
    let cloud = Cloud::start();
    let name = cloud.bucket();
    cloud.bucket_by_hand(&name, "eu-west-1");
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[data(&name)]);
    let tag = aws_sdk_iam::types::Tag::builder().key("mixpanel-bucket");
    let tag = tag.value(&name).build().unwrap();
    let tagged = cloud.iam().tag_role().role_name("theirs").tags(tag);
    block_on(tagged.send()).unwrap();
    let before = cloud.everything();
    cloud.setup(&[]).exits(0).says("used as it is");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn the_role_and_the_policy_are_made_before_the_bucket() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let writes = cloud.writes();
    let at = |action: &str| writes.iter().position(|write| write == action).unwrap();
    for before in ["iam:CreateRole", "iam:CreatePolicy"] {
        assert!(at(before) < at("s3:PUT"), "{before}: {writes:?}");
    }
    let tags = &cloud.everything()["roles"]["acme-xxxxxxxx"]["tags"];
    assert_eq!(tags["mixpanel-bucket"], "acme-xxxxxxxx");
    // A role that is there claims a bucket that is gone before it is made anew.
    let name = cloud.bucket();
    let s3 = cloud.s3("eu-west-1");
    let iam = cloud.iam();
    block_on(s3.delete_bucket().bucket(&name).send()).unwrap();
    let untag = iam.untag_role().role_name(&name).tag_keys("mixpanel-bucket");
    block_on(untag.send()).unwrap();
    cloud.forget();
    cloud.setup(&[]).exits(0);
    let writes = cloud.writes();
    let at = |action: &str| writes.iter().position(|write| write == action).unwrap();
    assert!(at("iam:TagRole") < at("s3:PUT"), "{writes:?}");
}
