//! `setup` by flags: what it prints, and what it leaves in AWS.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::cloud::block_on;
use crate::support::{Cloud, Scripted, TOKEN, document};

/// The default version's document of a policy.
fn policy_document(cloud: &Cloud, name: &str) -> Value {
    let iam = cloud.iam();
    let arn = format!("arn:aws:iam::{}:policy/{name}", cloud.account);
    let policy = block_on(iam.get_policy().policy_arn(&arn).send())
        .unwrap()
        .policy
        .unwrap();
    let version = policy.default_version_id.unwrap();
    let version = block_on(iam.get_policy_version().policy_arn(arn).version_id(version).send()).unwrap();
    document(version.policy_version().unwrap().document().unwrap())
}

fn role_tags(cloud: &Cloud, role: &str) -> BTreeMap<String, String> {
    let answer = block_on(cloud.iam().list_role_tags().role_name(role).send()).unwrap();
    answer.tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn attached(cloud: &Cloud, role: &str) -> Vec<String> {
    let answer = block_on(cloud.iam().list_attached_role_policies().role_name(role).send()).unwrap();
    let mut names: Vec<String> = answer
        .attached_policies()
        .iter()
        .map(|policy| policy.policy_name().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_fresh_set_up_leaves_exactly_the_documented_objects() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let outcome = cloud.setup(&["--tag", "team=data platform"]).exits(0);
    insta::assert_snapshot!("fresh_stdout", outcome.stdout);

    // The role: Mixpanel's trust policy and nothing wider, from its first moment.
    let role = block_on(cloud.iam().get_role().role_name(&bucket).send())
        .unwrap()
        .role
        .unwrap();
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::485438090326:user/mixpanel-export" },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": TOKEN } },
        }],
    });
    assert_eq!(document(role.assume_role_policy_document().unwrap()), trust);
    let writes = cloud
        .calls()
        .into_iter()
        .filter(|call| !call.reads() && call.action.starts_with("iam:"));
    let actions: Vec<String> = writes.map(|call| call.action).collect();
    assert!(
        !actions.contains(&"iam:UpdateAssumeRolePolicy".to_owned()),
        "{actions:?}"
    );
    let tags = role_tags(&cloud, &bucket);
    assert_eq!(tags["managed-by"], "mixpanel-s3");
    assert_eq!(tags["mixpanel-encryption"], "AES");
    assert_eq!(tags["team"], "data platform");

    // The policy: the page's data-modification policy.
    assert_eq!(attached(&cloud, &bucket), [format!("{bucket}-s3")]);
    assert_eq!(
        policy_document(&cloud, &format!("{bucket}-s3")),
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "MixpanelS3AccessStatement",
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"],
                "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
            }],
        })
    );

    // The bucket: private, encrypted, TLS only, without ACLs, cleaning up after itself, marked.
    let s3 = cloud.s3("eu-west-1");
    let head = block_on(s3.head_bucket().bucket(&bucket).send()).unwrap();
    assert_eq!(head.bucket_region(), Some("eu-west-1"));
    let blocks = block_on(s3.get_public_access_block().bucket(&bucket).send()).unwrap();
    let blocks = blocks.public_access_block_configuration().unwrap();
    assert_eq!(
        [
            blocks.block_public_acls,
            blocks.ignore_public_acls,
            blocks.block_public_policy,
            blocks.restrict_public_buckets
        ],
        [Some(true); 4]
    );
    let ownership = block_on(s3.get_bucket_ownership_controls().bucket(&bucket).send()).unwrap();
    assert_eq!(
        ownership.ownership_controls().unwrap().rules()[0]
            .object_ownership()
            .as_str(),
        "BucketOwnerEnforced"
    );
    let encryption = block_on(s3.get_bucket_encryption().bucket(&bucket).send()).unwrap();
    let rule = &encryption.server_side_encryption_configuration().unwrap().rules()[0];
    assert_eq!(
        rule.apply_server_side_encryption_by_default()
            .unwrap()
            .sse_algorithm()
            .as_str(),
        "AES256"
    );
    let policy = block_on(s3.get_bucket_policy().bucket(&bucket).send()).unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    assert_eq!(
        policy["Statement"][0]["Condition"],
        json!({ "Bool": { "aws:SecureTransport": "false" } })
    );
    let lifecycle = block_on(s3.get_bucket_lifecycle_configuration().bucket(&bucket).send()).unwrap();
    let abort = lifecycle.rules()[0].abort_incomplete_multipart_upload().unwrap();
    assert_eq!((lifecycle.rules().len(), abort.days_after_initiation()), (1, Some(7)));
    let tags = block_on(s3.get_bucket_tagging().bucket(&bucket).send()).unwrap();
    let tags: BTreeMap<&str, &str> = tags.tag_set().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(
        tags,
        BTreeMap::from([("managed-by", "mixpanel-s3"), ("team", "data platform")])
    );
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
    let bucket = cloud.bucket();
    let outcome = cloud
        .setup(&["--encryption", "kms", "--create-kms-key", "--output", "json"])
        .exits(0);
    let json = outcome.json();
    assert_eq!(json["details"]["encryption"], "KMS");
    let arn = json["details"]["kms_key_id"]
        .as_str()
        .unwrap()
        .replace("123456789012", &cloud.account);
    assert!(
        arn.starts_with(&format!("arn:aws:kms:eu-west-1:{}:key/", cloud.account)),
        "{arn}"
    );
    let actions: Vec<&str> = json["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["resource"].as_str().unwrap())
        .collect();
    assert!(actions.contains(&"key") && actions.contains(&"policy"), "{actions:?}");

    let kms = cloud.kms("eu-west-1");
    let alias = format!("alias/mixpanel-s3-{bucket}");
    let key = block_on(kms.describe_key().key_id(alias).send())
        .unwrap()
        .key_metadata
        .unwrap();
    assert_eq!(key.arn(), Some(arn.as_str()));
    let rotation = block_on(kms.get_key_rotation_status().key_id(key.key_id()).send()).unwrap();
    assert!(rotation.key_rotation_enabled());
    assert_eq!(
        attached(&cloud, &bucket),
        [format!("{bucket}-kms"), format!("{bucket}-s3")]
    );
    assert_eq!(
        policy_document(&cloud, &format!("{bucket}-kms")),
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "MixpanelKmsStatement",
                "Effect": "Allow",
                "Action": [
                    "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo",
                    "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey", "kms:ReEncryptFrom",
                ],
                "Resource": arn,
            }],
        })
    );
    let encryption = block_on(cloud.s3("eu-west-1").get_bucket_encryption().bucket(&bucket).send()).unwrap();
    let rule = &encryption.server_side_encryption_configuration().unwrap().rules()[0];
    let default = rule.apply_server_side_encryption_by_default().unwrap();
    assert_eq!(
        (default.sse_algorithm().as_str(), default.kms_master_key_id()),
        ("aws:kms", Some(arn.as_str()))
    );
    assert_eq!(rule.bucket_key_enabled(), Some(true));
}

#[test]
fn a_key_is_found_by_arn_id_or_alias_and_becomes_the_arn() {
    let cloud = Cloud::start();
    let kms = cloud.kms("eu-west-1");
    let key = block_on(kms.create_key().send()).unwrap().key_metadata.unwrap();
    let alias = format!("alias/{}", cloud.bucket());
    block_on(kms.create_alias().alias_name(&alias).target_key_id(key.key_id()).send()).unwrap();
    let arn = cloud.normalize(key.arn().unwrap());
    for reference in [key.arn().unwrap(), key.key_id(), &alias] {
        let outcome = cloud
            .setup(&["--encryption", "kms", "--kms-key", reference, "--output", "json"])
            .exits(0);
        assert_eq!(
            outcome.json()["details"]["kms_key_id"].as_str(),
            Some(arn.as_str()),
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
    let boundary = block_on(
        cloud
            .iam()
            .create_policy()
            .policy_name("bound")
            .policy_document(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#)
            .send(),
    )
    .unwrap();
    let boundary = boundary.policy().unwrap().arn().unwrap().to_owned();
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
    let role = block_on(cloud.iam().get_role().role_name("exporter").send())
        .unwrap()
        .role
        .unwrap();
    assert_eq!(role.path(), "/mixpanel/export/");
    assert_eq!(attached(&cloud, "exporter"), ["exporter-s3"]);
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
    let role = block_on(cloud.iam().get_role().role_name(cloud.bucket()).send())
        .unwrap()
        .role
        .unwrap();
    let trust = document(role.assume_role_policy_document().unwrap());
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
    let (mut half, undisturbed) = (cloud, whole.setup(&[]).exits(0).stdout);
    half.clear_script();
    assert_eq!(half.setup(&[]).exits(0).stdout, undisturbed);
    half.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    block_on(
        cloud
            .iam()
            .create_role()
            .role_name(&bucket)
            .assume_role_policy_document(trust)
            .send(),
    )
    .unwrap();
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
    let role = block_on(cloud.iam().get_role().role_name(&bucket).send())
        .unwrap()
        .role
        .unwrap();
    let trust = document(role.assume_role_policy_document().unwrap());
    assert_eq!(
        trust["Statement"][0]["Principal"],
        json!({ "Service": "ec2.amazonaws.com" })
    );
    assert_eq!(trust["Statement"].as_array().unwrap().len(), 2);
}

#[test]
fn a_bucket_that_exists_is_used_as_it_is() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    let s3 = cloud.s3("us-east-1");
    block_on(s3.create_bucket().bucket(&bucket).send()).unwrap();
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
