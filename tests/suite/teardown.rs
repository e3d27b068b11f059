//! `teardown`: what setup made goes, what it took over is given back, and everything else stays as it was.

use serde_json::json;

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

fn teardown(cloud: &Cloud, more: &[&str]) -> Outcome {
    let bucket = cloud.bucket();
    let mut arguments = vec!["teardown", "--bucket", &bucket, "--yes"];
    arguments.extend(more);
    cloud.run(&arguments)
}

/// Somebody else's role, policies and bucket, which look much like ours.
fn neighbours(cloud: &Cloud) {
    let other = format!("{}-other", cloud.bucket());
    cloud.bucket_by_hand(&other, "eu-west-1");
    cloud.role_by_hand(&other, &trust(USER, Some(TOKEN)), &[data(&other)]);
    cloud.policy_by_hand("unattached", &data(&other));
}

/// `setup`, and then objects can be written over plain HTTP.
fn set_up_for_objects(cloud: &Cloud) {
    cloud.setup(&[]).exits(0);
    cloud.let_plain_http_in();
}

#[test]
fn it_leaves_exactly_what_was_there_before() {
    for flags in [&[][..], &["--encryption", "kms"], &["--path", "/export/"]] {
        let cloud = Cloud::start();
        neighbours(&cloud);
        let before = cloud.everything();
        cloud.setup(flags).exits(0);
        let shown = teardown(&cloud, &["--dry-run", "--delete-bucket"]).exits(0);
        assert!(shown.stderr.contains("nothing was removed"), "{shown:?}");
        teardown(&cloud, &["--dry-run", "--exit-code"]).exits(4);
        let gone = teardown(&cloud, &["--delete-bucket"]).exits(0);
        assert!(gone.stdout.contains("removed: role acme-xxxxxxxx"), "{gone:?}");
        assert_eq!(cloud.everything(), before, "{flags:?}");
        cloud.forget();
        teardown(&cloud, &["--delete-bucket"])
            .exits(0)
            .says("Nothing to remove");
        assert!(cloud.writes().is_empty());
    }
}

#[test]
fn the_only_role_that_setup_made_is_found_and_its_bucket_stays() {
    let cloud = Cloud::start();
    neighbours(&cloud);
    let before = cloud.everything();
    cloud.setup(&["--role-name", "its-own-name"]).exits(0);
    let with = cloud.everything();
    let outcome = cloud.run(&["teardown", "--yes", "--output", "json"]).exits(0);
    let value = outcome.json();
    assert_eq!(value["complete"], true);
    assert_eq!(value["stays"][0]["resource"], "bucket");
    assert_eq!(value["stays"][0]["was_to_go"], false);
    let after = cloud.everything();
    for kind in ["roles", "policies", "keys"] {
        assert_eq!(after[kind], before[kind]);
    }
    assert_eq!(after["buckets"], with["buckets"]);
    cloud.run(&["teardown", "--yes"]).exits(0).says("Nothing to remove");
    // Without the role only a tag says whose the bucket is.
    teardown(&cloud, &["--delete-bucket"])
        .exits(5)
        .says("a tag alone proves nothing")
        .says("aws s3 rb s3://acme-xxxxxxxx");
    assert_eq!(cloud.everything(), after);
}

#[test]
fn a_key_stays_and_the_command_that_removes_it_is_printed() {
    let cloud = Cloud::start();
    let kms = ["--encryption", "kms", "--create-kms-key"];
    let made = cloud.setup(&kms).exits(0);
    let keys = cloud.everything()["keys"].clone();
    let key = made.stdout.split("KMS Key ID:").nth(1).unwrap();
    let key = key.split_whitespace().next().unwrap().to_owned();
    teardown(&cloud, &["--delete-bucket"]).exits(0).says(&format!(
        "aws kms schedule-key-deletion --region eu-west-1 --key-id {key}"
    ));
    let after = cloud.everything();
    assert_eq!(after["keys"], keys);
    for kind in ["roles", "policies", "buckets"] {
        assert_eq!(after[kind], json!({}));
    }
    // A new set-up finds the key again.
    let again = cloud.setup(&kms).exits(0);
    assert_eq!(again.stdout, made.stdout);
}

#[test]
fn what_was_taken_over_is_given_back_or_removed_on_request() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let without_set_up = cloud.everything();
    cloud.role_by_hand("ExportToS3", &trust(USER, Some(TOKEN)), &[data(&bucket)]);
    let before = cloud.everything();
    cloud.setup(&["--adopt"]).exits(0);
    teardown(&cloud, &[])
        .exits(0)
        .says("given back")
        .says("Mixpanel can still assume it");
    assert_eq!(cloud.everything(), before);
    // It is none of our business any more.
    cloud
        .run(&["teardown", "--role", "ExportToS3", "--yes"])
        .exits(5)
        .says("it was not made by mixpanel-s3");
    assert_eq!(cloud.everything(), before);

    cloud.setup(&["--adopt"]).exits(0);
    teardown(&cloud, &["--include-adopted", "--delete-bucket"])
        .exits(6)
        .says("bucket acme-xxxxxxxx: it was not made by mixpanel-s3");
    assert_eq!(cloud.everything(), without_set_up);
}

#[test]
fn a_policy_that_something_else_uses_stays_and_its_users_are_named() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.role_by_hand("another", &trust(USER, Some(TOKEN)), &[]);
    cloud.attach("another", &cloud.data_policy());
    let before = cloud.everything();
    for _ in 0..2 {
        teardown(&cloud, &[])
            .exits(5)
            .says("Nothing was removed, since this cannot go")
            .says("something else still uses policy acme-xxxxxxxx-s3: role another")
            .says("aws iam list-entities-for-policy");
        assert_eq!(cloud.everything(), before);
    }
    cloud.detach("another", &cloud.data_policy());
    teardown(&cloud, &[]).exits(0);
    assert_eq!(cloud.everything()["policies"], json!({}));
}

#[test]
fn a_role_in_an_instance_profile_stays_whole() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let before = cloud.everything();
    cloud.put_into_instance_profile(&cloud.bucket(), "machine");
    teardown(&cloud, &[])
        .exits(5)
        .says("it is in the instance profile machine")
        .says("aws iam remove-role-from-instance-profile");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn others_policies_of_our_role_hold_it_and_are_named() {
    let cloud = Cloud::start();
    let audit = statements(json!([{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }]));
    let arn = cloud.policy_by_hand("audit", &audit);
    let before = cloud.everything();
    cloud.setup(&[]).exits(0);
    cloud.attach(&cloud.bucket(), &arn);
    cloud.put_inline(&cloud.bucket(), "theirs", &audit);
    let with = cloud.everything();
    teardown(&cloud, &["--delete-bucket"])
        .exits(5)
        .says("mixpanel-s3 did not make what is attached to it: arn:aws:iam::123456789012:policy/audit")
        .says("mixpanel-s3 did not make what is part of it: inline policy theirs")
        .says(
            "aws iam detach-role-policy --role-name acme-xxxxxxxx --policy-arn arn:aws:iam::123456789012:policy/audit",
        );
    assert_eq!(cloud.everything(), with);
    cloud.detach(&cloud.bucket(), &arn);
    cloud.delete_inline(&cloud.bucket(), "theirs");
    teardown(&cloud, &["--delete-bucket"]).exits(0);
    assert_eq!(cloud.everything(), before);
}

#[test]
fn data_goes_only_with_the_buckets_name() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    set_up_for_objects(&cloud);
    cloud.put_object(&cloud.bucket(), "1/mp_master_event/2026/11/24/a.json");
    let with = cloud.everything();
    teardown(&cloud, &["--delete-bucket", "--dry-run"])
        .exits(0)
        .says("it is not empty; --delete-data removes what is in it");
    teardown(&cloud, &["--delete-data", "another-bucket"])
        .exits(2)
        .says("--delete-data names 'another-bucket', and the bucket of this set-up is acme-xxxxxxxx");
    teardown(&cloud, &["--delete-data"])
        .exits(2)
        .says("--delete-data BUCKET");
    assert_eq!(cloud.everything(), with);
    // What proves whose the bucket is stays with it, so that the next run can go on.
    teardown(&cloud, &["--delete-bucket"])
        .exits(5)
        .says("Nothing was removed, since this cannot go")
        .says("it proves whose the bucket is");
    assert_eq!(cloud.everything(), with);
    let emptied = teardown(&cloud, &["--delete-data", &bucket]).exits(0);
    assert!(
        emptied.stdout.contains("emptied: bucket acme-xxxxxxxx\n"),
        "{emptied:?}"
    );
    assert_eq!(cloud.everything()["buckets"]["acme-xxxxxxxx"]["objects"], 0);
}

#[test]
fn versions_delete_markers_and_unfinished_uploads_go() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    set_up_for_objects(&cloud);
    cloud.keep_versions(&bucket);
    for key in ["a", "a", "b", "odd & key+with <signs>"] {
        cloud.put_object(&cloud.bucket(), key);
    }
    cloud.delete_object(&bucket, "b");
    for key in ["u/1", "u/2"] {
        cloud.begin_upload(&bucket, key);
    }
    assert_eq!(cloud.everything()["buckets"]["acme-xxxxxxxx"]["objects"], 5);
    teardown(&cloud, &["--delete-bucket", "--delete-data", &bucket]).exits(0);
    assert_eq!(cloud.everything()["buckets"], json!({}));
}

#[test]
fn thousands_of_objects_cost_a_request_a_thousand() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    set_up_for_objects(&cloud);
    let keys = (0..2100).map(|number| format!("1/mp_master_event/{number:06}.json"));
    cloud.put_objects(&bucket, keys);
    cloud.forget();
    teardown(&cloud, &["--delete-bucket", "--delete-data", &bucket]).exits(0);
    let count = |action| cloud.count(action);
    // Three pages, as often as an emulator's paging repeats itself while objects go.
    let (lists, deletes) = (count("s3:GET versions"), count("s3:POST delete"));
    assert!((3..=6).contains(&deletes), "{deletes}");
    assert!((5..=10).contains(&lists), "{lists}");
    assert_eq!(cloud.everything()["buckets"], json!({}));
}

#[test]
fn objects_that_s3_does_not_delete_are_told() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    set_up_for_objects(&cloud);
    cloud.put_object(&cloud.bucket(), "held");
    let body = "<DeleteResult><Error><Key>held</Key><Code>AccessDenied</Code><Message>object is under legal \
                hold</Message></Error></DeleteResult>";
    cloud.script("s3:POST delete", None, Scripted::answer("s3", body));
    let outcome = teardown(&cloud, &["--delete-bucket", "--delete-data", &bucket]).exits(6);
    outcome
        .says("1 object version(s) stay, the first of them held")
        .says("legal hold")
        .says("Not removed:")
        .says("role acme-xxxxxxxx: the role goes");
}

#[test]
fn a_set_up_that_was_cut_short_goes_too() {
    for action in [
        "iam:CreateRole",
        "s3:PUT publicAccessBlock",
        "iam:AttachRolePolicy",
        "iam:CreatePolicy",
    ] {
        let cloud = Cloud::start();
        cloud.has_bare_buckets();
        let before = cloud.everything();
        let service = action.split(':').next().unwrap();
        cloud.script(action, None, Scripted::error(service, 403, "AccessDenied", "no"));
        cloud.setup(&[]).exits(6);
        cloud.clear_script();
        teardown(&cloud, &["--delete-bucket"]).exits(0);
        assert_eq!(cloud.everything(), before, "{action}");
    }
}

#[test]
fn a_refused_removal_says_what_went_and_what_did_not() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let message = "User: x is not authorized to perform: iam:DeleteRole because no identity-based policy allows the \
                   iam:DeleteRole action";
    cloud.script(
        "iam:DeleteRole",
        None,
        Scripted::error("iam", 403, "AccessDenied", message),
    );
    teardown(&cloud, &[])
        .exits(6)
        .says("AWS refused iam:DeleteRole on acme-xxxxxxxx; the refusal comes from the caller's policies")
        .says("Removed:\n  policy acme-xxxxxxxx-s3: the policy goes")
        .says("Not removed:\n  role acme-xxxxxxxx: the role goes")
        .says("Run the same again");
    cloud.clear_script();
    teardown(&cloud, &[]).exits(0);
    assert_eq!(cloud.everything()["roles"], json!({}));
}

#[test]
fn every_version_of_a_policy_goes() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    for _ in 0..3 {
        cloud.set_policy(&cloud.data_policy(), &data(&cloud.bucket()));
    }
    teardown(&cloud, &[]).exits(0).says("version v1 goes");
    assert_eq!(cloud.everything()["policies"], json!({}));
}

#[test]
fn without_a_terminal_it_wants_to_be_told() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud
        .run(&["teardown", "--bucket", &bucket, "--delete-data"])
        .exits(2)
        .says("--yes")
        .says("--delete-data BUCKET");
    assert!(cloud.calls().is_empty());
    let error = cloud
        .run(&["teardown", "--role", "a b", "--yes", "--output", "json"])
        .exits(2)
        .json_error();
    assert_eq!(error["kind"], "usage");
}
