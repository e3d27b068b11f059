//! How much is asked of AWS, counted at the emulator: the promises of performance, and that nothing is asked too early.

use std::time::Duration;

use crate::support::program::{bare, run};
use crate::support::{Cloud, TOKEN};

/// What moto makes a run ask beside: its new buckets have none of what AWS sets on every one, so that is written and
/// read back, and its policy simulator fails, so it is asked twice. One after another, that is at most two more.
fn of_moto(cloud: &Cloud, more: usize) -> usize {
    match cloud.is_emulator_of_ours() {
        true => 0,
        false => more,
    }
}

fn actions(cloud: &Cloud) -> Vec<String> {
    cloud.calls().into_iter().map(|call| call.action).collect()
}

/// How long AWS takes to answer while it is measured what waits for what. Where the program is slower than that in
/// sending what it sends at once, on a machine that is busy, that looks like waiting, so that too deep a run is
/// measured again with more time. What does wait for an answer is counted at any time.
const ANSWER_TIMES: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// A run in which at most so many requests come one after another, and how many do.
fn at_most_deep(
    most: fn(&Cloud) -> usize,
    prepare: fn(&Cloud),
    arguments: fn(&Cloud) -> Vec<String>,
) -> (Cloud, usize) {
    let mut too_deep = String::new();
    for answer_time in ANSWER_TIMES {
        let cloud = Cloud::start();
        prepare(&cloud);
        cloud.forget();
        cloud.delay(answer_time);
        cloud.run(&arguments(&cloud)).exits(0);
        let depth = cloud.depth();
        if depth <= most(&cloud) {
            return (cloud, depth);
        }
        too_deep = format!("{depth} deep: {:#?}", actions(&cloud));
    }
    panic!("{too_deep}");
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn set_up_with_key(cloud: &Cloud) {
    cloud.setup(&["--encryption", "kms", "--create-kms-key"]).exits(0);
}

#[test]
fn a_fresh_set_up_makes_at_most_18_requests_and_10_one_after_another() {
    let (cloud, depth) = at_most_deep(
        |cloud| 10 + of_moto(cloud, 2),
        |_| {},
        |cloud| words(&["setup", "--yes", "--bucket", &cloud.bucket(), "--encryption", "aes"]),
    );
    let actions = actions(&cloud);
    let most = 18 + of_moto(&cloud, 5);
    assert!(actions.len() <= most, "{}: {actions:#?}", actions.len());
    assert!(depth >= 5, "the measure sees what waits for what");
}

#[test]
fn a_run_with_nothing_to_do_only_reads_and_at_most_4_deep() {
    let (cloud, _) = at_most_deep(
        |cloud| 4 + of_moto(cloud, 2),
        |cloud| drop(cloud.setup(&[]).exits(0)),
        |cloud| words(&["setup", "--yes", "--bucket", &cloud.bucket()]),
    );
    assert_eq!(cloud.writes(), Vec::<String>::new());
}

#[test]
fn verify_of_a_role_only_reads_and_is_at_most_8_deep() {
    let (cloud, _) = at_most_deep(
        |cloud| 8 + of_moto(cloud, 2),
        set_up_with_key,
        |cloud| words(&["verify", "--role", &cloud.bucket()]),
    );
    assert_eq!(cloud.writes(), Vec::<String>::new());
    let actions = actions(&cloud);
    assert!(actions.len() <= 34, "{}: {actions:#?}", actions.len());
}

#[test]
fn print_details_of_a_role_is_at_most_4_deep() {
    at_most_deep(
        |_| 4,
        set_up_with_key,
        |cloud| words(&["print-details", "--role", &cloud.bucket()]),
    );
}

#[test]
fn help_completions_and_usage_errors_ask_nothing_and_load_no_credentials() {
    let cloud = Cloud::start();
    let home = tempfile::tempdir().unwrap();
    let marker = home.path().join("credentials-were-loaded");
    let process = format!(
        "[default]\ncredential_process = touch {}\nregion = eu-west-1\n",
        marker.display()
    );
    std::fs::write(home.path().join("config"), process).unwrap();
    let without_keys = |arguments: &[&str]| run(bare(&home).args(arguments).env("AWS_ENDPOINT_URL", cloud.endpoint()));
    for arguments in [
        &["--help"][..],
        &["setup", "--help"],
        &["--version"],
        &["completions", "bash"],
        &["man"],
    ] {
        let outcome = without_keys(arguments).exits(0);
        assert!(!outcome.stdout.is_empty(), "{arguments:?}");
    }
    for arguments in [
        &["nonsense"][..],
        &["setup", "--encryption", "rot13"],
        &["setup"],
        &["setup", "--bucket", "Not_A_Bucket", "--yes"],
        &[
            "setup",
            "--bucket",
            "acme",
            "--project-token",
            TOKEN,
            "--region",
            "mars-north-1",
            "--yes",
        ],
        &["print-details", "--role", "not a role"],
        &["print-details", "--bucket", "B"],
    ] {
        without_keys(arguments).exits(2);
    }
    assert_eq!(actions(&cloud), Vec::<String>::new());
    assert!(!marker.exists());
    // The marker would be there if credentials had been asked for.
    let _ = without_keys(&["print-details"]);
    #[cfg(unix)]
    assert!(marker.exists());
}

#[test]
fn a_proxy_and_a_ca_bundle_of_the_environment_are_honoured() {
    let cloud = Cloud::start();
    let home = tempfile::tempdir().unwrap();
    let bucket = cloud.bucket();
    let setup = ["setup", "--bucket", &bucket, "--dry-run"];
    // The endpoint has no address; only the proxy, which is this test's AWS, can answer for it.
    let proxied = run(cloud
        .command(&home, &setup)
        .env("AWS_ENDPOINT_URL", "http://aws.invalid")
        .env("HTTP_PROXY", cloud.endpoint()));
    proxied.exits(0);
    assert!(!actions(&cloud).is_empty());
    let missing = run(cloud.command(&home, &setup).env("AWS_CA_BUNDLE", "/no/such/file"));
    missing
        .exits(2)
        .says("AWS_CA_BUNDLE names '/no/such/file', which cannot be read");
}
