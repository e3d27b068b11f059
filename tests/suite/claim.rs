//! A bucket that a killed run left without tags is completed by the next one, which knows it from the role's tag;
//! nobody else's is.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::{Cloud, Scripted, TOKEN};

/// `setup`, killed once what a script leaves hanging is done.
fn killed(cloud: &Cloud) {
    let bucket = cloud.bucket();
    cloud.killed(&["setup", "--bucket", &bucket, "--yes"]);
}

/// A set-up that was killed right after CreateBucket, which made the bucket without tags.
fn cut_short() -> Cloud {
    let cloud = Cloud::start();
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
            cloud.put_object(&cloud.bucket(), "theirs");
        }),
        ("a tag", |cloud| {
            cloud.set_bucket_tags(&cloud.bucket(), &[("team", "logs")]);
        }),
        ("a policy", |cloud| {
            let policy = statements(json!([{
                "Effect": "Deny", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
                "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}/*", cloud.bucket()),
            }]));
            cloud.set_bucket_policy(&cloud.bucket(), &policy);
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
    cloud.tag_role("theirs", "mixpanel-bucket", &name);
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
    cloud.delete_bucket(&name);
    cloud.untag_role(&name, "mixpanel-bucket");
    cloud.forget();
    cloud.setup(&[]).exits(0);
    let writes = cloud.writes();
    let at = |action: &str| writes.iter().position(|write| write == action).unwrap();
    assert!(at("iam:TagRole") < at("s3:PUT"), "{writes:?}");
}
