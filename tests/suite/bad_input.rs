//! Bad input gets a clear error, and nothing is changed.

use std::time::{Duration, Instant};

use crate::support::program::{bare, run};
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

/// Every scenario ends with AWS as it was.
fn unchanged(cloud: &Cloud) {
    assert_eq!(cloud.writes(), Vec::<String>::new());
}

/// The screens of several runs, one after another, for one snapshot.
fn screens(runs: impl IntoIterator<Item = (String, Outcome)>) -> String {
    runs.into_iter()
        .map(|(title, outcome)| format!("$ {title}\n{}(exit {})\n", outcome.stderr, outcome.code))
        .collect::<Vec<_>>()
        .join("\n")
}

fn each(cloud: &Cloud, cases: &[&[&str]]) -> String {
    screens(cases.iter().map(|case| {
        let mut arguments = vec!["setup", "--yes"];
        if !case.contains(&"--bucket") {
            arguments.extend(["--bucket", "acme-export"]);
        }
        arguments.extend(*case);
        (case.join(" "), cloud.run(&arguments))
    }))
}

#[test]
fn names_by_the_whole_rule_of_aws() {
    let cloud = Cloud::start();
    let long = "a".repeat(64);
    let cases: [&[&str]; 15] = [
        &["--bucket", "Acme_Export"],
        &["--bucket", "ab"],
        &["--bucket", &long],
        &["--bucket", "192.168.1.1"],
        &["--bucket", "amzn-s3-demo-acme"],
        &["--bucket", "acme--x-s3"],
        &["--bucket", "s3://acme/exports"],
        &["--bucket", "acme-999999999999-eu-west-1-an"],
        &["--role-name", "team/acme"],
        &["--role-name", "acme export"],
        &["--path", "team"],
        &["--permissions-boundary", "bound"],
        &["--tag", "team"],
        &["--tag", "aws:team=x"],
        &["--tag", "a=1", "--tag", "a=2"],
    ];
    insta::assert_snapshot!("bad_names", each(&cloud, &cases));
    unchanged(&cloud);
}

#[test]
fn a_token_in_the_wrong_place_is_not_shown_whole() {
    let home = tempfile::tempdir().unwrap();
    let upper = TOKEN.to_ascii_uppercase();
    let mut shortened = 0;
    for token in [TOKEN, &upper] {
        let pair = format!("token={token}");
        let joined = |flag: &str| format!("{flag}={token}");
        let (tag, colon) = (format!("--tag={pair};"), format!("--tag=a:{token}"));
        let joined_cases = [
            "--output",
            "--encryption",
            "--harden",
            "--timeout",
            "--color",
            "--no-such-flag",
            "--adopt",
            "--kms-key",
            "--permissions-boundary",
            "--path",
            "--region",
        ]
        .map(joined);
        let mut cases: Vec<Vec<&str>> = vec![
            vec![token],
            vec![&pair],
            vec!["--bucket", "acme", token],
            vec!["--tag", token],
            vec![&tag],
            vec![&colon],
            vec!["--kms-key", token],
            vec!["--encryption", "kms", "--kms-key", &pair],
            vec!["--bucket", &pair],
            vec!["--role-name", &tag],
            vec!["--region", token, "--permissions-boundary", token],
            vec!["--path", token],
        ];
        cases.extend(joined_cases.iter().map(|case| vec![case.as_str()]));
        for case in cases {
            for verb in ["setup", token] {
                for more in [&[][..], &["--output", "json"]] {
                    let arguments = [&[verb, "--yes"], case.as_slice(), more].concat();
                    let outcome = run(bare(&home).args(&arguments));
                    let told = format!("{}{}", outcome.stdout, outcome.stderr);
                    let whole = told.to_ascii_lowercase().contains(TOKEN);
                    assert!(!whole && outcome.code == 2, "{arguments:?}: {outcome:?}");
                    shortened += usize::from(told.contains("0123…"));
                }
            }
        }
        for flag in ["--role", "--bucket", "--project-id", "--profile"] {
            for verb in ["verify", "print-details", "teardown"] {
                let odd = format!("{pair}!");
                let outcome = run(bare(&home).args([verb, flag, &odd]));
                let told = outcome.stderr.to_ascii_lowercase();
                assert!(!told.contains(TOKEN), "{verb} {flag}: {outcome:?}");
            }
        }
        // A role, a bucket, a profile or a file may be named so. An error shows its ends all the same.
        let cloud = Cloud::start();
        for arguments in [
            &["verify", "--live", "--yes", "--role", token][..],
            &["print-details", "--role", token],
            &["print-details", "--bucket", token, "--role", "nobody"],
            &["teardown", "--yes", "--role", token],
            &[
                "setup",
                "--yes",
                "--bucket",
                token,
                "--role-name",
                "nobody",
                "--open-role",
                token,
            ],
            &["verify", "--profile", token],
        ] {
            for more in [&[][..], &["--output", "json"]] {
                let told = cloud.run(&[arguments, more].concat());
                let error = told.stderr.to_ascii_lowercase();
                let error = error.split_once("error").map_or("", |(_, error)| error);
                assert!(!error.contains(TOKEN), "{arguments:?}: {told:?}");
            }
        }
        std::fs::write(home.path().join("file"), "").unwrap();
        for variable in ["AWS_CA_BUNDLE", "MIXPANEL_S3_SANDBOX_STATE"] {
            let mut command = bare(&home);
            let place = home.path().join("file").join(token);
            command.args(["verify", "--role", "x"]).env(variable, place);
            if variable.ends_with("STATE") {
                command.arg("--sandbox");
            }
            let told = run(&mut command).says("0123…");
            assert!(!told.stderr.to_ascii_lowercase().contains(TOKEN), "{told:?}");
        }
        // What is no token of the usual shape is shown as it was typed.
        let long = format!("{token}0");
        run(bare(&home).args(["setup", &long])).exits(2).says(&long);
    }
    assert!(shortened > 80, "{shortened} complaints name what was typed by its ends");
}

#[test]
fn tokens_of_the_wrong_shape() {
    let cloud = Cloud::start();
    let cases: [&[&str]; 3] = [
        &["--project-token", "2195193"],
        &["--project-token", " "],
        &["--project-token", "two words"],
    ];
    insta::assert_snapshot!("bad_tokens", each(&cloud, &cases));
    unchanged(&cloud);
    // White space around a token is trimmed; another shape is a warning that --yes accepts.
    let padded = format!("  {TOKEN}\n");
    cloud.setup(&["--project-token", &padded]).exits(0);
    cloud
        .setup(&["--project-token", TOKEN, "--dry-run", "--exit-code"])
        .exits(0);
    let odd = cloud
        .setup(&["--project-token", "my-odd-project-token", "--dry-run"])
        .exits(0);
    let odd = odd.says("warning: the project token my-o…oken does not look like Mixpanel's");
    assert!(!odd.stderr.contains("my-odd-project-token"));
}

#[test]
fn regions_and_partitions() {
    let cloud = Cloud::start();
    let cases: [&[&str]; 5] = [
        &["--region", "il-central-1"],
        &["--region", "cn-north-1"],
        &["--region", "us-gov-west-1", "--allow-unlisted-region"],
        &["--region", "Ireland"],
        &["--region", "eu-west-1a"],
    ];
    insta::assert_snapshot!("bad_regions", each(&cloud, &cases));
    unchanged(&cloud);
    cloud
        .setup(&["--region", "il-central-1", "--allow-unlisted-region", "--dry-run"])
        .exits(0);
}

#[test]
fn a_caller_in_another_partition() {
    let cloud = Cloud::start();
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:iam::123456789012:user/me</\
                Arn><UserId>x</UserId><Account>123456789012</Account></GetCallerIdentityResult></\
                GetCallerIdentityResponse>";
    cloud.script("sts:GetCallerIdentity", None, Scripted::answer("s3", body));
    cloud
        .setup(&[])
        .exits(2)
        .says("The partition 'aws-cn' is closed to Mixpanel's documented role");
    unchanged(&cloud);
}

#[test]
fn flags_that_do_not_go_together() {
    let cloud = Cloud::start();
    let cases: [&[&str]; 6] = [
        &["--kms-key", "alias/acme"],
        &["--create-kms-key", "--encryption", "aes"],
        &["--encryption", "kms", "--kms-key", "alias/acme", "--create-kms-key"],
        &["--encryption", "kms", "--kms-key", "aws/s3"],
        &["--exit-code"],
        &["--output", "env"],
    ];
    insta::assert_snapshot!("bad_flags", each(&cloud, &cases));
    unchanged(&cloud);
}

#[test]
fn all_that_is_missing_in_one_error() {
    let cloud = Cloud::start();
    let home = tempfile::tempdir().unwrap();
    let nothing = run(bare(&home).arg("setup")).exits(2);
    insta::assert_snapshot!("missing_answers", nothing.stderr);
    let json = run(bare(&home).args([
        "setup", "--output", "json", "--yes", "--region", "Mars", "--bucket", "B",
    ]))
    .exits(2);
    assert_eq!(json.stdout, "");
    let error = json.json_error();
    assert_eq!(error["kind"], "usage");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("--bucket:") && message.contains("--region:"),
        "{message}"
    );
    let clap = run(bare(&home).args(["setup", "--nonsense", "--output", "json"])).exits(2);
    assert_eq!(clap.json_error()["kind"], "usage");
    unchanged(&cloud);
}

#[test]
fn keys_that_s3_cannot_use() {
    let cloud = Cloud::start();
    let describe = |state: &str, spec: &str, usage: &str, manager: &str| {
        let body = format!(
            r#"{{"KeyMetadata":{{"AWSAccountId":"123456789012","Arn":"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab","KeyId":"1234abcd-12ab-34cd-56ef-1234567890ab","Enabled":false,"KeyState":"{state}","KeySpec":"{spec}","KeyUsage":"{usage}","KeyManager":"{manager}"}}}}"#
        );
        cloud.script("kms:DescribeKey", Some(1), Scripted::answer("kms", body));
    };
    let key = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let setup = |title: &str, region: &str, key: &str| {
        (
            title.to_owned(),
            cloud.run(&[
                "setup",
                "--yes",
                "--bucket",
                "acme-export",
                "--region",
                region,
                "--encryption",
                "kms",
                "--kms-key",
                key,
            ]),
        )
    };
    let mut runs = Vec::new();
    for (title, state, spec, usage, manager) in [
        (
            "a disabled key",
            "Disabled",
            "SYMMETRIC_DEFAULT",
            "ENCRYPT_DECRYPT",
            "CUSTOMER",
        ),
        (
            "a key pending deletion",
            "PendingDeletion",
            "SYMMETRIC_DEFAULT",
            "ENCRYPT_DECRYPT",
            "CUSTOMER",
        ),
        ("an asymmetric key", "Enabled", "RSA_2048", "SIGN_VERIFY", "CUSTOMER"),
        (
            "an AWS-managed key",
            "Enabled",
            "SYMMETRIC_DEFAULT",
            "ENCRYPT_DECRYPT",
            "AWS",
        ),
    ] {
        describe(state, spec, usage, manager);
        runs.push(setup(title, "eu-west-1", key));
    }
    describe("Enabled", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "CUSTOMER");
    runs.push(setup(
        "a key that turns out to be in another region",
        "eu-central-1",
        key,
    ));
    runs.push(setup(
        "the ARN of another region",
        "eu-west-1",
        "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ));
    cloud.script(
        "kms:DescribeKey",
        None,
        Scripted::error("kms", 400, "NotFoundException", "Alias is not found."),
    );
    runs.push(setup("an alias that is not found", "eu-west-1", "alias/nothing"));
    assert!(runs.iter().all(|(_, outcome)| outcome.code == 2));
    insta::assert_snapshot!("bad_keys", screens(runs));
    unchanged(&cloud);
}

#[test]
fn a_bucket_of_somebody_elses() {
    let cloud = Cloud::start();
    cloud.script("s3:HEAD", None, Scripted::bare(403, vec![]));
    let outcome = cloud.setup(&[]).exits(5);
    insta::assert_snapshot!("foreign_bucket", outcome.stderr);
    cloud.script(
        "s3:GET",
        None,
        Scripted::error("s3", 403, "AccessDenied", "Access Denied"),
    );
    cloud
        .setup(&[])
        .exits(5)
        .says("it belongs to another account, or to yours and you may not list it");
    unchanged(&cloud);
}

#[test]
fn ones_own_bucket_that_may_not_be_listed() {
    let cloud = Cloud::start();
    cloud.bucket_by_hand(&cloud.bucket(), "us-east-1");
    cloud.forget();
    cloud.script("s3:HEAD", None, Scripted::bare(403, vec![]));
    cloud
        .setup(&["--region", "us-east-1"])
        .exits(3)
        .says("is in your account")
        .says("s3:ListBucket");
    unchanged(&cloud);
}

#[test]
fn a_bucket_in_another_region() {
    for (status, headers) in [
        (301, vec![("x-amz-bucket-region", "eu-central-1".to_owned())]),
        (400, vec![("x-amz-bucket-region", "eu-central-1".to_owned())]),
        (200, vec![("x-amz-bucket-region", "eu-central-1".to_owned())]),
    ] {
        let cloud = Cloud::start();
        cloud.script("s3:HEAD", None, Scripted::bare(status, headers));
        cloud
            .setup(&[])
            .exits(2)
            .says("Bucket acme-xxxxxxxx is in eu-central-1, not in eu-west-1.")
            .says("Run again with --region eu-central-1");
        unchanged(&cloud);
    }
}

#[test]
fn a_name_that_is_taken_between_looking_and_making() {
    let cloud = Cloud::start();
    cloud.script(
        "s3:PUT",
        None,
        Scripted::error(
            "s3",
            409,
            "BucketAlreadyExists",
            "The requested bucket name is not available.",
        ),
    );
    let outcome = cloud.setup(&[]);
    assert!([5, 6].contains(&outcome.code), "{outcome:?}");
    outcome.says("BucketAlreadyExists").says("Choose another with --bucket");
}

#[test]
fn credentials_that_are_missing() {
    let home = tempfile::tempdir().unwrap();
    let config = "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n\
        [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://example.com/start\n\
        [profile console]\nlogin_session = arn:aws:iam::123456789012:user/me\n\
        [profile mfa]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n";
    std::fs::write(home.path().join("config"), config).unwrap();
    let setup = [
        "setup",
        "--bucket",
        "acme-export",
        "--region",
        "eu-west-1",
        "--yes",
        "--project-token",
        TOKEN,
    ];
    // Nothing listens on this endpoint, so that only credentials can be what is told.
    let run_with = |profile: &[&str]| {
        run(bare(&home)
            .args(setup)
            .args(profile)
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"))
    };
    let said = |profile: &[&str], words: &[&str]| {
        let mut outcome = run_with(profile).exits(3);
        for word in words {
            outcome = outcome.says(word);
        }
        assert_eq!(outcome.stdout, "");
    };
    said(
        &[],
        &["Tried profile 'default'.", "No AWS credentials were found", "--sandbox"],
    );
    said(
        &["--profile", "sso"],
        &["Tried profile 'sso'.", "Run: aws sso login --profile sso"],
    );
    said(
        &["--profile", "console"],
        &["Tried profile 'console'.", "Run: aws login --profile console"],
    );
    said(
        &["--profile", "mfa"],
        &[
            "Tried profile 'mfa'.",
            "aws configure export-credentials --profile mfa --format env",
        ],
    );
    said(
        &["--profile", "nope"],
        &[
            "profile 'nope', which your AWS configuration does not have",
            "console, mfa, sso",
        ],
    );
}

#[test]
fn credentials_that_are_expired() {
    let cloud = Cloud::start();
    let message = "The security token included in the request is expired";
    for (action, service) in [("sts:GetCallerIdentity", "sts"), ("iam:GetRole", "iam")] {
        cloud.script(action, None, Scripted::error(service, 403, "ExpiredToken", message));
    }
    let outcome = cloud.setup(&["--output", "json"]).exits(3);
    let error = outcome.json_error();
    assert_eq!(error["kind"], "credentials");
    assert!(error["message"].as_str().unwrap().contains("ExpiredToken"), "{error}");
    assert!(
        error["hints"][0].as_str().unwrap().contains("AWS_ACCESS_KEY_ID"),
        "{error}"
    );
    unchanged(&cloud);
}

#[test]
fn a_denied_call_names_action_resource_and_layer() {
    let cloud = Cloud::start();
    let message = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: iam:CreateRole on resource: \
                   role acme with an explicit deny in a service control policy";
    for action in ["iam:CreateRole", "iam:CreatePolicy"] {
        cloud.script(action, None, Scripted::error("iam", 403, "AccessDenied", message));
    }
    cloud.script(
        "s3:PUT",
        None,
        Scripted::error("s3", 403, "AccessDenied", "Access Denied"),
    );
    let outcome = cloud.setup(&["--output", "json"]).exits(3);
    let error = outcome.json_error();
    assert_eq!(error["kind"], "denied");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .ends_with("Nothing was changed in AWS."),
        "{error}"
    );
    assert_eq!(error["denied"].as_array().unwrap().len(), 1);
    // Reads that are denied before anything is written are told in the same way.
    let cloud = Cloud::start();
    cloud.script(
        "iam:GetRole",
        None,
        Scripted::error("iam", 403, "AccessDenied", &message.replace("CreateRole", "GetRole")),
    );
    let error = cloud.setup(&["--output", "json"]).exits(3).json_error();
    assert_eq!(error["denied"][0]["action"], "iam:GetRole");
    assert_eq!(
        error["denied"][0]["layer"],
        "the organization (a service control policy)"
    );
    unchanged(&cloud);
}

#[test]
fn an_endpoint_that_does_not_answer_has_a_deadline() {
    let cloud = Cloud::start();
    cloud.script("sts:GetCallerIdentity", None, Scripted::Hang);
    let began = Instant::now();
    cloud
        .setup(&["--timeout", "1"])
        .exits(1)
        .says("got no answer")
        .says("--timeout");
    // A bound against hanging for ever, far above what it takes.
    assert!(began.elapsed() < Duration::from_secs(30));
    let home = tempfile::tempdir().unwrap();
    let refused = run(cloud
        .command(&home, &["setup", "--bucket", "acme-export", "--yes"])
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"));
    refused.exits(1).says("AWS_ENDPOINT_URL");
    unchanged(&cloud);
}

#[test]
fn a_region_that_the_account_has_not_opted_into() {
    let cloud = Cloud::start();
    let message = "The provided token is malformed or otherwise invalid.";
    cloud.script("s3:HEAD", None, Scripted::bare(400, vec![]));
    cloud.script("s3:PUT", None, Scripted::error("s3", 400, "InvalidToken", message));
    let outcome = cloud.setup(&["--region", "me-south-1"]);
    assert_ne!(outcome.code, 0);
    unchanged(&cloud);
    let cloud = Cloud::start();
    cloud.script("s3:PUT", None, Scripted::error("s3", 400, "InvalidToken", message));
    let outcome = cloud.setup(&["--region", "me-south-1"]);
    outcome.says("get-region-opt-status");
}

#[test]
fn a_write_that_is_not_answered_may_have_been_done() {
    let cloud = Cloud::start();
    for action in ["s3:PUT", "iam:CreateRole", "iam:CreatePolicy"] {
        cloud.script(action, None, Scripted::Hang);
    }
    // An attempt of what is answered has a third of this, which it never needs.
    let outcome = cloud.setup(&["--timeout", "6"]).exits(1).says("got no answer");
    outcome
        .says("AWS may have acted on what was under way.")
        .says("Running the same again");
}
