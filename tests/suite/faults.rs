//! Runs that meet each other, answers that are lost, and what is left of runs that were cut short. How each single
//! request of a run can fail is `matrix`'s.

use serde_json::{Value, json};

use crate::support::by_hand::{kms, statements};
use crate::support::{Cloud, Scripted};

const KMS: [&str; 3] = ["--encryption", "kms", "--create-kms-key"];

/// How many keys there are.
fn keys(cloud: &Cloud) -> usize {
    cloud.everything()["keys"].as_array().unwrap().len()
}

/// The versions of a policy, each with whether it is the one in force.
fn versions(cloud: &Cloud, arn: &str) -> Value {
    let versions = &cloud.everything()["policies"][cloud.normalize(arn)]["versions"];
    let versions = versions.as_object().unwrap().iter();
    versions.map(|(id, version)| json!([id, version["default"]])).collect()
}

/// Two runs beside each other, of which neither finds the role there: each is answered its CreateRole only once the
/// other has asked for it too.
fn two_at_once(cloud: &Cloud, arguments: &[&str]) {
    cloud.meet_at("iam:CreateRole", 2);
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| cloud.setup(arguments));
        let other = scope.spawn(|| cloud.setup(arguments));
        (one.join().unwrap(), other.join().unwrap())
    });
    assert_eq!((one.code, other.code), (0, 0), "{}\n{}", one.stderr, other.stderr);
    assert_eq!(one.stdout, other.stdout);
    cloud.clear_script();
    cloud
        .setup(&[arguments, &["--dry-run", "--exit-code"]].concat())
        .exits(0);
}

#[test]
fn two_runs_at_once_end_in_one_set_up() {
    let cloud = Cloud::start();
    two_at_once(&cloud, &["--role-name", "both"]);
}

#[test]
fn two_runs_at_once_make_one_key() {
    let cloud = Cloud::start();
    two_at_once(&cloud, &KMS);
    assert_eq!(keys(&cloud), 1);
}

#[test]
fn a_key_that_lost_the_race_for_its_name_is_told_and_not_used() {
    let cloud = Cloud::start();
    // The role is there already, so that both runs set out to make the key.
    cloud.setup(&[]).exits(0);
    // The first request is not answered; when it is asked again, another run's key has the name.
    cloud.script("kms:CreateAlias", Some(1), Scripted::Hang);
    cloud.meanwhile("kms:CreateAlias", 2, |cloud| {
        let key = cloud.key_by_hand();
        cloud.tag_key(&key, "managed-by", "mixpanel-s3");
        cloud.name_key(&key, &cloud.own_alias());
    });
    let slow = cloud
        .setup(&[KMS.as_slice(), &["--timeout", "6"]].concat())
        .exits(0)
        .says("is left over, nothing uses it")
        .says("aws kms schedule-key-deletion --region eu-west-1 --key-id arn:");
    let quick = cloud.normalize(&cloud.key_named(&cloud.own_alias()));
    assert!(slow.stdout.contains(&quick), "{slow:?}");
}

#[test]
fn a_new_version_whose_answer_is_lost_is_not_made_twice() {
    let cloud = Cloud::start();
    cloud.setup(&KMS).exits(0);
    // The policy says something else meanwhile.
    let other = kms("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    cloud.set_policy(&cloud.key_policy(), &other);
    cloud.script("iam:CreatePolicyVersion", Some(1), Scripted::LostAnswer);
    cloud
        .setup(&KMS)
        .exits(0)
        .says("looking whether it acted")
        .says("new default version");
    assert_eq!(
        versions(&cloud, &cloud.key_policy()),
        json!([["v1", false], ["v2", false], ["v3", true]])
    );
    cloud
        .setup(&[KMS.as_slice(), &["--dry-run", "--exit-code"]].concat())
        .exits(0);
}

#[test]
fn of_five_versions_the_oldest_that_is_not_the_default_goes() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let arn = cloud.data_policy();
    for number in 2..=5 {
        let resource = format!("arn:aws:s3:::{}/number-{number}", cloud.bucket());
        let other = json!([{ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": resource }]);
        cloud.set_policy(&arn, &statements(other));
    }
    cloud
        .setup(&["--dry-run"])
        .exits(0)
        .says("- version v1 goes, the oldest not in force: IAM keeps 5")
        .says("+   \"Sid\": \"MixpanelS3AccessStatement\"");
    cloud.setup(&[]).exits(0);
    // What somebody else wrote into the policy stays beside ours.
    insta::assert_snapshot!("a_sixth_version", cloud.shown(Some("policies")));
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
    assert_eq!(keys(&cloud), 1);
}
