//! `setup` by flags: what it prints, and what it leaves in AWS.

use serde_json::json;

use crate::support::by_hand::{for_machines, statements};
use crate::support::{Cloud, Scripted, TOKEN};

#[test]
fn a_fresh_set_up_leaves_exactly_the_documented_objects() {
    let cloud = Cloud::start();
    let outcome = cloud.setup(&["--tag", "team=data platform"]).exits(0);
    insta::assert_snapshot!("fresh_stdout", outcome.stdout);
    insta::assert_snapshot!("fresh_account", cloud.shown(None));
    let calls = cloud.calls();
    let made = calls.iter().find(|call| call.action == "iam:CreateRole").unwrap();
    assert!(
        made.body.contains("Description=Mixpanel%20export%20to%20s3"),
        "{}",
        made.body
    );
    // The trust policy is no wider at any moment.
    let writes = cloud.writes();
    assert!(!writes.contains(&"iam:UpdateAssumeRolePolicy".to_owned()), "{writes:?}");
}

#[test]
fn the_whole_screen_reads_well() {
    let cloud = Cloud::start();
    let outcome = cloud.setup(&["--dry-run", "--verbose"]).exits(0);
    assert!(!outcome.stderr.contains(TOKEN), "{}", outcome.stderr);
    let screen = outcome
        .stderr
        .lines()
        .filter(|line| !line.starts_with("Caller:"))
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!("dry_run_screen", screen);
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    assert!(cloud.calls().iter().all(|call| call.reads()), "a dry run only reads");
    let outcome = cloud.setup(&[]).exits(0);
    assert!(!outcome.stderr.contains(TOKEN) && !outcome.stdout.contains(TOKEN));
    // Steps of bucket and role run side by side: their order is not fixed, their lines are.
    let mut lines: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("  ✓")).collect();
    lines.sort_unstable();
    insta::assert_snapshot!("progress_lines", lines.join("\n"));
}

#[test]
fn a_second_run_only_reads_and_prints_the_same() {
    for encryption in [
        &["--encryption", "none"][..],
        &[],
        &["--encryption", "kms"],
        &["--encryption", "kms", "--create-kms-key"],
    ] {
        let cloud = Cloud::start();
        let first = cloud.setup(encryption).exits(0);
        let printed = cloud.run(&["print-details"]).exits(0);
        assert_eq!(printed.stdout, first.stdout, "{encryption:?}");
        cloud.forget();
        let second = cloud.setup(encryption).exits(0).says("Nothing to do");
        assert_eq!(second.stdout, first.stdout, "{encryption:?}");
        assert_eq!(cloud.writes(), Vec::<String>::new(), "{encryption:?}");
        // A flag that is left out changes nothing: the role remembers the choice.
        let third = cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
        assert_eq!(third.stdout, first.stdout, "{encryption:?}");
    }
}

#[test]
fn us_east_1_takes_no_location_constraint_and_every_other_region_its_own() {
    for (region, constraint) in [("us-east-1", None), ("eu-central-1", Some("eu-central-1"))] {
        let cloud = Cloud::start();
        cloud.setup(&["--region", region]).exits(0);
        let calls = cloud.calls();
        let created = calls.iter().find(|call| call.action == "s3:PUT").unwrap();
        let sent = created
            .body
            .split("<LocationConstraint>")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        assert_eq!(sent, constraint);
        let head = calls.iter().position(|call| call.action == "s3:HEAD").unwrap();
        let put = calls.iter().position(|call| call.action == "s3:PUT").unwrap();
        assert!(head < put, "existence is asked with HeadBucket");
    }
}

#[test]
fn a_new_key_is_made_once_and_used_everywhere() {
    let cloud = Cloud::start();
    let outcome = cloud
        .setup(&["--encryption", "kms", "--create-kms-key", "--output", "json"])
        .exits(0);
    let json = outcome.json();
    assert_eq!(json["details"]["encryption"], "KMS");
    let arn = cloud.normalize(&cloud.key_named(&cloud.own_alias()));
    assert_eq!(json["details"]["kms_key_id"], arn);
    let changes = json["changes"].as_array().unwrap();
    for resource in ["key", "policy"] {
        assert!(
            changes.iter().any(|change| change["resource"] == resource),
            "{changes:?}"
        );
    }
    insta::assert_snapshot!("account_with_a_new_key", cloud.shown(None));
}

#[test]
fn a_key_is_found_by_arn_id_or_alias_and_becomes_the_arn() {
    let cloud = Cloud::start();
    let arn = cloud.key_by_hand();
    let alias = format!("alias/{}", cloud.bucket());
    cloud.name_key(&arn, &alias);
    let (_, id) = arn.split_once(":key/").unwrap();
    for reference in [&arn, id, &alias] {
        let outcome = cloud
            .setup(&["--encryption", "kms", "--kms-key", reference, "--output", "json"])
            .exits(0);
        assert_eq!(
            outcome.json()["details"]["kms_key_id"],
            cloud.normalize(&arn),
            "{reference}"
        );
    }
}

#[test]
fn json_says_what_changed_and_nothing_the_second_time() {
    let cloud = Cloud::start();
    let planned = cloud.setup(&["--output", "json", "--dry-run"]).exits(0).json();
    let done = cloud.setup(&["--output", "json"]).exits(0).json();
    assert_eq!(planned["changes"], done["changes"]);
    assert_eq!(planned["details"], done["details"]);
    let key = cloud
        .setup(&[
            "--dry-run",
            "--role-name",
            "r",
            "--encryption",
            "kms",
            "--create-kms-key",
        ])
        .exits(0);
    assert!(
        key.stdout
            .ends_with("KMS Key ID:  (the new key's ARN, once it is made)\n"),
        "{}",
        key.stdout
    );
    assert_eq!(planned["dry_run"], true);
    let mut shown = done.clone();
    // How many checks pass depends on what the emulator can say.
    assert_eq!(shown["judgement"]["verdict"], "pass");
    shown["judgement"] = json!("…");
    insta::assert_snapshot!("setup_json", format!("{shown:#}"));
    let again = cloud.setup(&["--output", "json"]).exits(0).json();
    assert_eq!(again["changes"], json!([]));
    assert_eq!(again["details"], done["details"]);
}

#[test]
fn a_pending_change_is_exit_4_where_asked_for() {
    let cloud = Cloud::start();
    cloud.setup(&["--dry-run", "--exit-code"]).exits(4).says("are pending");
    cloud.setup(&["--dry-run"]).exits(0);
    cloud.setup(&[]).exits(0);
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn path_boundary_and_names_are_honoured() {
    let cloud = Cloud::start();
    let everything = statements(json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    let boundary = cloud.policy_by_hand("bound", &everything);
    let flags = [
        "--role-name",
        "exporter",
        "--path",
        "/mixpanel/export/",
        "--permissions-boundary",
        &boundary,
    ];
    let outcome = cloud.setup(&flags).exits(0);
    assert!(
        outcome
            .stdout
            .contains("arn:aws:iam::123456789012:role/mixpanel/export/exporter"),
        "{}",
        outcome.stdout
    );
    insta::assert_snapshot!("roles_with_path_and_boundary", cloud.shown(Some("roles")));
    // Flags that are absent remove nothing, and a second run finds the path.
    let second = cloud.setup(&["--role-name", "exporter"]).exits(0).says("Nothing to do");
    assert_eq!(second.stdout, outcome.stdout);
    cloud
        .setup(&["--role-name", "exporter", "--path", "/elsewhere/"])
        .exits(5)
        .says("IAM cannot move a role");
}

#[test]
fn a_second_project_joins_the_first() {
    let cloud = Cloud::start();
    let other = "feedfacefeedfacefeedfacefeedface";
    cloud.setup(&[]).exits(0);
    cloud
        .setup(&["--project-token", other])
        .exits(0)
        .says("trust in Mixpanel's export user");
    let trust = cloud.trust(&cloud.bucket());
    assert_eq!(
        trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"],
        json!([TOKEN, other])
    );
    assert_eq!(trust["Statement"].as_array().unwrap().len(), 1);
}

#[test]
fn an_interrupted_set_up_is_completed_by_the_next_run() {
    let cloud = Cloud::start();
    cloud.script(
        "s3:PUT policy",
        None,
        Scripted::error("s3", 403, "AccessDenied", "Access Denied"),
    );
    let stopped = cloud
        .setup(&[])
        .exits(6)
        .says("AWS refused s3:PutBucketPolicy")
        .says("Not done:")
        .says("--bucket acme-xxxxxxxx");
    assert!(
        stopped
            .stderr
            .contains("Done:\n  bucket acme-xxxxxxxx: in eu-west-1, with ACLs off"),
        "{}",
        stopped.stderr
    );
    assert_eq!(stopped.stdout, "");
    let whole = Cloud::start();
    let (half, undisturbed) = (cloud, whole.setup(&[]).exits(0).stdout);
    half.clear_script();
    assert_eq!(half.setup(&[]).exits(0).stdout, undisturbed);
    half.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.role_by_hand(&bucket, &for_machines(), &[]);
    cloud.forget();
    // A role that does not trust Mixpanel is taken over with a consent of its own, and not with --adopt alone.
    for flags in [&[][..], &["--adopt"], &["--open-role", "another"]] {
        let conflict = cloud
            .setup(flags)
            .exits(5)
            .says("it does not trust Mixpanel")
            .says("--open-role acme-xxxxxxxx")
            .says("--role-name")
            .says("+   \"Principal\": {");
        assert!(!conflict.stderr.contains(TOKEN));
        assert!(cloud.calls().iter().all(|call| call.reads()));
    }
    // Taken over on request, with the statement that was there, and told of it.
    cloud
        .setup(&["--adopt", "--open-role", &bucket])
        .exits(0)
        .says("the AWS service ec2.amazonaws.com can assume it");
    let trust = cloud.trust(&bucket);
    assert_eq!(trust["Statement"][0], for_machines()["Statement"][0]);
    assert_eq!(trust["Statement"].as_array().unwrap().len(), 2);
}

#[test]
fn a_bucket_that_exists_is_used_as_it_is() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "us-east-1");
    cloud.forget();
    cloud.setup(&["--region", "us-east-1"]).exits(0).says("used as it is");
    let written: Vec<String> = cloud
        .calls()
        .into_iter()
        .filter(|call| !call.reads() && call.action.starts_with("s3:"))
        .map(|call| call.action)
        .collect();
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn what_aws_has_not_heard_of_yet_is_waited_for_with_a_word() {
    let cloud = Cloud::start();
    let not_yet = Scripted::error(
        "iam",
        404,
        "NoSuchEntity",
        "Policy does not exist or is not attachable.",
    );
    cloud.script("iam:AttachRolePolicy", Some(1), not_yet);
    let busy = "A conflicting conditional operation is currently in progress against this resource.";
    cloud.script("s3:PUT", Some(1), Scripted::error("s3", 409, "OperationAborted", busy));
    cloud.script(
        "s3:PUT policy",
        Some(1),
        Scripted::error("s3", 404, "NoSuchBucket", "The specified bucket does not exist"),
    );
    let principal = Scripted::error(
        "iam",
        400,
        "MalformedPolicyDocument",
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::485438090326:user/mixpanel-export\"",
    );
    cloud.script("iam:CreateRole", Some(1), principal);
    cloud
        .setup(&[])
        .exits(0)
        .says("waiting: IAM does not know every principal of the trust policy yet")
        .says("waiting: IAM has not heard of the new role or policy everywhere yet")
        .says("waiting: AWS is busy with another change of the same thing")
        .says("waiting: S3 has not heard of the new bucket everywhere yet");
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn done_is_said_only_after_it_was_read_back() {
    let cloud = Cloud::start();
    // IAM answers for a while as if nothing were attached.
    let empty = "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies/\
                 ><IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>";
    let answer = Scripted::answer("s3", empty);
    cloud.script("iam:ListAttachedRolePolicies", Some(2), answer);
    let outcome = cloud.setup(&[]).exits(0);
    let outcome = outcome.says("waiting: AWS does not answer everywhere with what was written yet");
    assert!(
        outcome.stderr.contains("its policies are attached"),
        "{}",
        outcome.stderr
    );
    let asked = cloud.count("iam:ListAttachedRolePolicies");
    assert_eq!(asked, 3);
}
