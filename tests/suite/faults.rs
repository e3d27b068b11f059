//! Networks that fail half-way: every writing request of a fresh set-up is hit in every way, once. The run copes with
//! it by itself, and leaves what an undisturbed one leaves.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::cloud::block_on;
use crate::support::{Cloud, Scripted};

const KMS: [&str; 3] = ["--encryption", "kms", "--create-kms-key"];

/// The ways of a network, and of AWS itself, to fail once.
fn faults(service: &str) -> [(&'static str, Scripted); 5] {
    [
        (
            "500",
            Scripted::error(service, 500, "InternalError", "We encountered an internal error."),
        ),
        (
            "503",
            Scripted::error(service, 503, "SlowDown", "Please reduce your request rate."),
        ),
        (
            "throttled",
            Scripted::error(service, 400, "ThrottlingException", "Rate exceeded"),
        ),
        ("reset before", Scripted::ResetBefore),
        ("answer lost", Scripted::LostAnswer),
    ]
}

/// How many there are of each thing that must not be there twice.
fn census(cloud: &Cloud) -> BTreeMap<&'static str, usize> {
    let bucket = cloud.bucket();
    let iam = cloud.iam();
    let arn = format!("arn:aws:iam::{}:policy/{bucket}-kms", cloud.account);
    let attached = block_on(iam.list_attached_role_policies().role_name(&bucket).send()).unwrap();
    BTreeMap::from([
        (
            "keys",
            block_on(cloud.kms("eu-west-1").list_keys().send())
                .unwrap()
                .keys()
                .len(),
        ),
        (
            "policies",
            block_on(
                iam.list_policies()
                    .scope(aws_sdk_iam::types::PolicyScopeType::Local)
                    .send(),
            )
            .unwrap()
            .policies()
            .len(),
        ),
        (
            "versions",
            block_on(iam.list_policy_versions().policy_arn(arn).send())
                .unwrap()
                .versions()
                .len(),
        ),
        ("attached", attached.attached_policies().len()),
        ("roles", block_on(iam.list_roles().send()).unwrap().roles().len()),
    ])
}

/// The kinds of write that a run made.
fn writes(cloud: &Cloud) -> BTreeSet<String> {
    cloud.writes().into_iter().collect()
}

#[test]
fn every_write_of_a_fresh_set_up_survives_every_fault() {
    let undisturbed = Cloud::start();
    undisturbed.has_bare_buckets();
    undisturbed.setup(&KMS).exits(0);
    let expected = census(&undisturbed);
    let writes = writes(&undisturbed);
    assert!(writes.len() >= 11, "{writes:?}");
    let mut cases = 0;
    for action in &writes {
        let service = action.split(':').next().unwrap();
        for (fault, answer) in faults(service) {
            let cloud = Cloud::start();
            cloud.has_bare_buckets();
            cloud.script(action, Some(1), answer);
            let outcome = cloud.setup(&KMS);
            assert_eq!(outcome.code, 0, "{action}, {fault}:\n{}", outcome.stderr);
            let told = ["trying again, since", "looking whether it acted"];
            assert!(
                told.iter().any(|told| outcome.stderr.contains(told)),
                "{action}, {fault}:\n{}",
                outcome.stderr
            );
            assert_eq!(census(&cloud), expected, "{action}, {fault}");
            cloud
                .setup(&[KMS.as_slice(), &["--dry-run", "--exit-code"]].concat())
                .exits(0);
            cases += 1;
        }
    }
    println!("{cases} faults of a fresh set-up with a new key");
}

#[test]
fn a_kill_at_any_write_is_completed_by_the_next_run() {
    let undisturbed = Cloud::start();
    undisturbed.setup(&KMS).exits(0);
    let expected = census(&undisturbed);
    let mut cases = 0;
    for action in writes(&undisturbed) {
        for (moment, hang) in [("before", Scripted::Hang), ("after", Scripted::HangAfter)] {
            let mut cloud = Cloud::start();
            cloud.script(&action, None, hang);
            let bucket = cloud.bucket();
            cloud.killed(&[&["setup", "--bucket", &bucket, "--yes"], KMS.as_slice()].concat());
            cloud.clear_script();
            let outcome = cloud.setup(&KMS);
            assert_eq!(outcome.code, 0, "{action}, {moment}:\n{}", outcome.stderr);
            assert_eq!(census(&cloud), expected, "{action}, {moment}");
            cloud
                .setup(&[KMS.as_slice(), &["--dry-run", "--exit-code"]].concat())
                .exits(0);
            cases += 1;
        }
    }
    println!("{cases} kills of a fresh set-up with a new key");
}

#[test]
fn two_runs_at_once_end_in_one_set_up() {
    let cloud = Cloud::start();
    cloud.delay(std::time::Duration::from_millis(20));
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| cloud.setup(&["--role-name", "both"]));
        let other = scope.spawn(|| cloud.setup(&["--role-name", "both"]));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!((one.code, other.code), (0, 0), "{}\n{}", one.stderr, other.stderr);
    assert_eq!(one.stdout, other.stdout);
    cloud
        .setup(&["--role-name", "both", "--dry-run", "--exit-code"])
        .exits(0);
}

#[test]
fn two_runs_at_once_make_one_key() {
    let cloud = Cloud::start();
    cloud.delay(std::time::Duration::from_millis(20));
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| cloud.setup(&KMS));
        let other = scope.spawn(|| cloud.setup(&KMS));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!((one.code, other.code), (0, 0), "{}\n{}", one.stderr, other.stderr);
    assert_eq!(one.stdout, other.stdout);
    assert_eq!(census(&cloud)["keys"], 1);
    cloud
        .setup(&[KMS.as_slice(), &["--dry-run", "--exit-code"]].concat())
        .exits(0);
}

#[test]
fn a_key_that_lost_the_race_for_its_name_is_told_and_not_used() {
    let cloud = Cloud::start();
    // The role is there already, so both runs set out to make the key.
    cloud.setup(&[]).exits(0);
    cloud.script("kms:CreateAlias", Some(1), Scripted::Hang);
    let (slow, quick) = std::thread::scope(|scope| {
        let slow = scope.spawn(|| cloud.setup(&[KMS.as_slice(), &["--timeout", "3"]].concat()));
        cloud.wait_for_hang();
        // Another run's key, made in the same moment, gets the name.
        let kms = cloud.kms("eu-west-1");
        let key = cloud.key_by_hand();
        let tag = aws_sdk_kms::types::Tag::builder()
            .tag_key("managed-by")
            .tag_value("mixpanel-s3");
        let tag = kms.tag_resource().key_id(&key).tags(tag.build().unwrap());
        block_on(tag.send()).unwrap();
        let alias = kms
            .create_alias()
            .alias_name(format!("alias/mixpanel-s3-{}", cloud.bucket()))
            .target_key_id(&key);
        block_on(alias.send()).unwrap();
        (slow.join().unwrap(), key)
    });
    let slow = slow
        .exits(0)
        .says("is left over, nothing uses it")
        .says("aws kms schedule-key-deletion --region eu-west-1 --key-id arn:");
    assert!(slow.stdout.contains(&cloud.normalize(&quick)), "{slow:?}");
}

#[test]
fn a_new_version_whose_answer_is_lost_is_not_made_twice() {
    let cloud = Cloud::start();
    cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
    // The policy says something else meanwhile.
    let iam = cloud.iam();
    let arn = format!("arn:aws:iam::{}:policy/{}-kms", cloud.account, cloud.bucket());
    let other = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]}"#;
    block_on(
        iam.create_policy_version()
            .policy_arn(&arn)
            .policy_document(other)
            .set_as_default(true)
            .send(),
    )
    .unwrap();
    cloud.script("iam:CreatePolicyVersion", Some(1), Scripted::LostAnswer);
    cloud
        .setup(&KMS)
        .exits(0)
        .says("looking whether it acted")
        .says("new default version");
    assert_eq!(
        block_on(iam.list_policy_versions().policy_arn(&arn).send())
            .unwrap()
            .versions()
            .len(),
        3
    );
    cloud
        .setup(&[KMS.as_slice(), &["--dry-run", "--exit-code"]].concat())
        .exits(0);
}

#[test]
fn of_five_versions_the_oldest_that_is_not_the_default_goes() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let iam = cloud.iam();
    let arn = format!("arn:aws:iam::{}:policy/{}-s3", cloud.account, cloud.bucket());
    for number in 2..=5 {
        let other = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::{}/number-{number}"}}]}}"#,
            cloud.bucket()
        );
        block_on(
            iam.create_policy_version()
                .policy_arn(&arn)
                .policy_document(other)
                .set_as_default(true)
                .send(),
        )
        .unwrap();
    }
    cloud
        .setup(&["--dry-run"])
        .exits(0)
        .says("- version v1 goes, the oldest not in force: IAM keeps 5")
        .says("+   \"Sid\": \"MixpanelS3AccessStatement\"");
    cloud.setup(&[]).exits(0);
    let versions = block_on(iam.list_policy_versions().policy_arn(&arn).send()).unwrap();
    let mut ids: Vec<&str> = versions
        .versions()
        .iter()
        .filter_map(|version| version.version_id())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["v2", "v3", "v4", "v5", "v6"]);
    // What somebody else wrote into the policy stays beside ours.
    let newest = iam.get_policy_version().policy_arn(&arn).version_id("v6");
    let newest = block_on(newest.send()).unwrap();
    let document = newest.policy_version().unwrap().document().unwrap();
    assert!(document.contains("number-5") && document.contains("MixpanelS3AccessStatement"));
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn a_key_that_a_killed_run_left_without_a_name_is_found() {
    let cloud = Cloud::start();
    // As after a kill between CreateKey and CreateAlias.
    let denied = Scripted::error(
        "kms",
        400,
        "AccessDeniedException",
        "not authorized to perform: kms:CreateAlias",
    );
    cloud.script("kms:CreateAlias", Some(1), denied);
    cloud.setup(&KMS).exits(6).says("AWS refused kms:CreateAlias");
    cloud.setup(&KMS).exits(0);
    assert_eq!(census(&cloud)["keys"], 1);
}
