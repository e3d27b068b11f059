//! A bucket's name says nothing about whose it is: every request on a bucket names the account that has to own it, and
//! a stranger's bucket that happens to be open passes for nobody's.

use aws_sdk_s3::types::ObjectOwnership;
use serde_json::json;

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::{Call, Cloud, Outcome, Scripted, TOKEN};

const OTHER: &str = "210987654321";

/// Whether a request is on a bucket or on something in it. The list of all buckets is on none.
fn is_on_bucket(call: &Call) -> bool {
    let path = call.path.split('?').next().unwrap_or_default();
    call.action.starts_with("s3:") && !path.trim_matches('/').is_empty()
}

/// What the program asks of buckets in a run, apart from what a test asks by itself.
fn asked(cloud: &Cloud, arguments: &[&str]) -> (Outcome, Vec<Call>) {
    cloud.forget();
    let outcome = cloud.run(arguments);
    let calls = cloud.calls().into_iter().filter(is_on_bucket);
    (outcome, calls.collect())
}

fn actions(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.action.as_str()).collect()
}

#[test]
fn every_request_on_a_bucket_names_its_owner() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let far = format!("{bucket}-far");
    cloud.bucket_by_hand(&format!("{bucket}-other"), "eu-west-1");
    cloud.bucket_by_hand(&far, "eu-central-1");
    let drift = || {
        cloud.delete_lifecycle(&bucket);
        cloud.unblock(&bucket);
        cloud.set_ownership(&bucket, ObjectOwnership::ObjectWriter);
        cloud.delete_bucket_policy(&bucket);
    };
    let mut all = Vec::new();
    let mut run = |arguments: &[&str], code: i32| {
        let (outcome, calls) = asked(&cloud, arguments);
        outcome.exits(code);
        all.extend(calls);
    };
    let setup = ["setup", "--yes", "--bucket", &bucket];
    run(&setup, 0);
    drift();
    run(&[&setup[..], &["--tag", "team=data"]].concat(), 0);
    run(&[&setup[..], &["--encryption", "kms", "--create-kms-key"]].concat(), 0);
    cloud.let_plain_http_in();
    run(&["print-details"], 0);
    run(&["verify", "--role", &bucket, "--project-id", "1"], 0);
    run(&["verify", "--role", &bucket, "--live", "--yes"], 0);
    cloud.role_by_hand("far", &trust(USER, Some(TOKEN)), &[data(&far)]);
    run(&["print-details", "--role", "far"], 0);
    run(&["verify", "--role", "far"], 0);
    cloud.put_object(&bucket, "a");
    cloud.begin_upload(&bucket, "b");
    let role = ["teardown", "--yes", "--role", &bucket, "--delete-bucket"];
    run(&[&role[..], &["--delete-data", &bucket]].concat(), 0);

    let seen = actions(&all);
    for kind in [
        "s3:HEAD",
        "s3:PUT",
        "s3:DELETE",
        "s3:GET",
        "s3:POST delete",
        "s3:PUT tagging",
        "s3:PUT encryption",
        "s3:PUT policy",
        "s3:PUT lifecycle",
        "s3:PUT publicAccessBlock",
        "s3:PUT ownershipControls",
        "s3:GET tagging",
        "s3:GET encryption",
        "s3:GET policy",
        "s3:GET lifecycle",
        "s3:GET publicAccessBlock",
        "s3:GET ownershipControls",
        "s3:GET versions",
        "s3:GET uploads",
        "s3:GET versioning",
        "s3:GET object-lock",
        "s3:GET requestPayment",
        "s3:PUT object",
        "s3:GET object",
        "s3:DELETE object",
        "s3:POST uploads",
        "s3:POST object",
    ] {
        assert!(seen.contains(&kind), "{kind} is among {seen:?}");
    }
    for call in &all {
        let owner = call.expected_owner.as_deref();
        // What CreateBucket makes is the caller's, and the request has no such header.
        let wanted = (call.action != "s3:PUT").then_some(cloud.account.as_str());
        assert_eq!(owner, wanted, "{} {}", call.action, call.path);
    }
}

#[test]
fn a_strangers_bucket_that_is_open_is_a_failure_and_nothing_more_is_read_of_it() {
    // 403 with ExpectedBucketOwner, 200 without: neither emulator has buckets of two accounts under one name.
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[data(&bucket)]);
    cloud.script("s3:HEAD", Some(1), Scripted::bare(403, Vec::new()));
    let arguments = ["verify", "--role", "theirs", "--output", "json"];
    let (outcome, calls) = asked(&cloud, &arguments);
    let checks = outcome.exits(4).json()["checks"].clone();
    let failed: Vec<&serde_json::Value> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["status"] == "fail")
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["id"], "bucket-owner");
    assert!(failed[0].to_string().contains("--bucket-account"), "{failed:?}");
    assert_eq!(actions(&calls), ["s3:HEAD", "s3:HEAD"]);
    // The one request that does not say whose the bucket has to be.
    let owners: Vec<Option<&str>> = calls.iter().map(|call| call.expected_owner.as_deref()).collect();
    assert_eq!(owners, [Some(cloud.account.as_str()), None]);

    cloud.script("s3:HEAD", Some(1), Scripted::bare(403, Vec::new()));
    cloud
        .run(&["print-details", "--role", "theirs"])
        .exits(3)
        .says("--bucket-account");
}

#[test]
fn with_its_account_named_another_accounts_bucket_is_judged_and_read_as_that_accounts() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[data(&bucket)]);
    let arn = format!("arn:aws:iam::{}:role/theirs", cloud.account);
    let policy = statements(json!([{
        "Effect": "Allow", "Principal": { "AWS": arn },
        "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"],
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    }]));
    // An emulator has one account, so what tells the other one's bucket is scripted.
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let here = vec![("x-amz-bucket-region", "eu-west-1".to_owned())];
    cloud.script("s3:HEAD", None, Scripted::bare(200, here));
    let json = vec![("content-type", "application/json".to_owned())];
    cloud.script("s3:GET policy", None, Scripted::Answer(200, json, policy.to_string()));
    let arguments = ["--role", "theirs", "--bucket-account", OTHER];
    let (judged, mut calls) = asked(&cloud, &[&["verify", "--verbose"], arguments.as_slice()].concat());
    assert!(
        judged
            .stdout
            .contains("bucket is account 210987654321's, as --bucket-account says"),
        "{judged:?}"
    );
    assert!(!judged.stdout.contains("FAIL    bucket-owner"), "{judged:?}");
    cloud.script(
        "s3:GET encryption",
        None,
        Scripted::error("s3", 403, "AccessDenied", "no"),
    );
    let (printed, more) = asked(&cloud, &[&["print-details"], arguments.as_slice()].concat());
    printed.exits(0);
    calls.extend(more);
    assert!(calls.len() > 10, "{calls:?}");
    let named = |call: &Call| call.expected_owner.as_deref() == Some(OTHER);
    assert!(calls.iter().all(named), "{calls:?}");
    for command in ["verify", "print-details"] {
        cloud
            .run(&[command, "--bucket-account", "12345"])
            .exits(2)
            .says("--bucket-account");
    }
}
