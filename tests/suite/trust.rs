//! Who may use the role and what it may do: nothing that an account says widens it, and what is wide is named before
//! the gate.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, for_machines, opened_to, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

const OTHER_TOKEN: &str = "feedfacefeedfacefeedfacefeedface";

fn admin() -> Value {
    statements(json!([{ "Sid": "Admin", "Effect": "Allow", "Action": "*", "Resource": "*" }]))
}

/// The checks that fail, by `verify`.
fn failing(cloud: &Cloud, more: &[&str]) -> (Outcome, Vec<String>) {
    let arguments = [&["verify", "--output", "json"], more].concat();
    let outcome = cloud.run(&arguments);
    let checks = outcome.json()["checks"].clone();
    let failing = checks.as_array().unwrap().iter();
    let failing = failing.filter(|check| check["status"] == "fail");
    let ids = failing.map(|check| check["id"].as_str().unwrap().to_owned());
    let ids = ids.collect();
    (outcome, ids)
}

#[test]
fn an_administrators_role_is_not_taken_over_and_is_told_of_when_it_is() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.role_by_hand("admin", &for_machines(), &[admin()]);
    let before = cloud.everything();
    let adopt = ["--adopt", "--role-name", "admin"];
    cloud
        .setup(&adopt)
        .exits(5)
        .says("it does not trust Mixpanel")
        .says("its policies allow * on *")
        .says("--open-role admin");
    assert_eq!(cloud.everything(), before);

    let consent = [adopt.as_slice(), &["--open-role", "admin"]].concat();
    let opened = cloud
        .setup(&consent)
        .exits(4)
        .says("role admin stays wider than the export needs")
        .says("its policies allow * on *, which reaches everything in the account")
        .says("Setup finished, but the set-up is not safe (role-excess)");
    assert!(!opened.stderr.contains("as it should be"));
    let (_, ids) = failing(&cloud, &["--role", "admin"]);
    assert_eq!(ids, ["policy-attached", "role-excess"], "no bucket is named");
    let (verified, ids) = failing(&cloud, &["--role", "admin", "--bucket", &bucket]);
    assert_eq!(ids, ["role-excess"]);
    verified.exits(4).says("The set-up is not safe (role-excess)");
}

#[test]
fn policies_of_aws_itself_count_as_well() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    // The emulators keep no policy of AWS's own, so what IAM says of this one is scripted.
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    let attached = format!(
        "<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies><member><PolicyName>AdministratorAccess</PolicyName><PolicyArn>{arn}</PolicyArn></member><member><PolicyName>{bucket}-s3</PolicyName><PolicyArn>arn:aws:iam::{}:policy/{bucket}-s3</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>",
        cloud.account
    );
    cloud.script("iam:ListAttachedRolePolicies", None, Scripted::answer("iam", attached));
    let policy = format!(
        "<GetPolicyResponse><GetPolicyResult><Policy><Arn>{arn}</Arn><DefaultVersionId>v1</DefaultVersionId></\
         Policy></GetPolicyResult></GetPolicyResponse>"
    );
    let version = format!(
        "<GetPolicyVersionResponse><GetPolicyVersionResult><PolicyVersion><Document>{}</Document></PolicyVersion></\
         GetPolicyVersionResult></GetPolicyVersionResponse>",
        percent_encoding::utf8_percent_encode(&admin().to_string(), percent_encoding::NON_ALPHANUMERIC)
    );
    let spelled = "aws%3Apolicy%2FAdministratorAccess";
    for (action, answer) in [("iam:GetPolicy", policy), ("iam:GetPolicyVersion", version)] {
        cloud.script_for(action, spelled, Scripted::answer("iam", answer));
    }
    cloud
        .setup(&["--dry-run"])
        .says("stays wider than the export needs")
        .says("AdministratorAccess");
}

#[test]
fn every_wide_trust_fails_or_warns_and_is_closed_in_a_role_of_ours() {
    let lets_in = |principal: Value, condition: Value| {
        let action = "sts:AssumeRole";
        json!({ "Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition })
    };
    let user = |condition: Value| lets_in(json!({ "AWS": USER }), condition);
    let anybody = |condition: Value| lets_in(json!("*"), condition);
    let right = json!({ "StringEquals": { "sts:ExternalId": TOKEN } });
    let no_id = "trust-no-external-id";
    let table = [
        (user(json!({})), vec![no_id]),
        (user(json!({ "StringLike": { "sts:ExternalId": "*" } })), vec![no_id]),
        (
            user(json!({ "StringLike": { "sts:ExternalId": "?".repeat(32) } })),
            vec![no_id],
        ),
        (
            user(json!({ "StringLike": { "sts:ExternalId": "0123*" } })),
            vec![no_id],
        ),
        (user(json!({ "Null": { "sts:ExternalId": "false" } })), vec![no_id]),
        (anybody(right.clone()), vec!["trust-others"]),
        (anybody(json!({})), vec![no_id, "trust-others"]),
    ];
    let cloud = Cloud::start();
    let role = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let narrow = cloud.trust(&role);
    for (statement, wanted) in table {
        cloud.set_trust(&role, &statements(json!([statement])));
        let (verified, ids) = failing(&cloud, &["--role", &role, "--project-token", TOKEN]);
        assert_eq!(ids, wanted, "{statement}");
        verified.exits(4);
        // Discovery finds it too, and print-details says what is open.
        cloud
            .run(&["print-details"])
            .exits(0)
            .says("is wider than Mixpanel's page asks for");
        cloud.setup(&["--dry-run"]).exits(0).says("- {").says("+ {");
        cloud.setup(&[]).exits(0);
        assert_eq!(cloud.trust(&role), narrow, "{statement}");
    }
}

#[test]
fn what_stays_open_in_somebody_elses_trust_is_said_before_the_gate() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let third = "arn:aws:iam::111122223333:root";
    let both = opened_to(trust(USER, Some(TOKEN)), third);
    cloud.role_by_hand("theirs", &both, &[data(&bucket)]);
    let before = cloud.trust("theirs");
    let shown = cloud.setup(&["--dry-run", "--output", "json"]).exits(0);
    shown.json()["exposures"]
        .as_array()
        .unwrap()
        .iter()
        .find(|exposure| exposure["open"] == true && exposure["what"].as_str().unwrap().contains(third))
        .expect("the third party is named");
    cloud
        .setup(&["--adopt"])
        .exits(4)
        .says("arn:aws:iam::111122223333:root, which is not Mixpanel's, can assume it")
        .says("the set-up is not safe (trust-others)");
    assert_eq!(cloud.trust("theirs"), before, "nothing of theirs is lost");
}

#[test]
fn a_policy_in_use_elsewhere_is_left_alone() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let mut narrow = data(&bucket);
    narrow["Statement"][0]["Action"] = json!(["s3:PutObject"]);
    let policies = cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &[narrow]);
    cloud.role_by_hand("bystander", &for_machines(), &[]);
    cloud.attach("bystander", &policies[0]);
    let before = cloud.everything();
    cloud
        .setup(&["--adopt"])
        .exits(0)
        .says("left as it is, since others use it too: role bystander");
    let after = cloud.everything();
    let shared = cloud.normalize(&policies[0]);
    assert_eq!(after["policies"][&shared], before["policies"][&shared]);
    assert_eq!(after["roles"]["bystander"], before["roles"]["bystander"]);
    let own = "arn:aws:iam::123456789012:policy/theirs-s3";
    assert!(after["policies"][own].is_object(), "{after:#}");
    let attached = after["roles"]["theirs"]["attached"].to_string();
    assert!(attached.contains(own) && attached.contains(&shared));
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn a_policy_of_our_own_name_that_others_use_is_a_conflict() {
    let cloud = Cloud::start();
    let role = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let mut narrow = data(&role);
    narrow["Statement"][0]["Action"] = json!(["s3:PutObject"]);
    cloud.set_policy(&cloud.data_policy(), &narrow);
    cloud.role_by_hand("bystander", &for_machines(), &[]);
    cloud.attach("bystander", &cloud.data_policy());
    let before = cloud.everything();
    cloud.setup(&[]).exits(5).says("others use it too (role bystander)");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn a_token_is_taken_out_and_the_last_one_cannot_go() {
    let cloud = Cloud::start();
    let role = cloud.bucket();
    let without_token = |more: &[&str]| {
        let home = tempfile::tempdir().unwrap();
        let arguments = [&["setup", "--bucket", &role, "--yes"], more].concat();
        let mut command = cloud.command(&home, &arguments);
        crate::support::program::run(command.env_remove("MIXPANEL_PROJECT_TOKEN"))
    };
    without_token(&["--remove-token", TOKEN])
        .exits(2)
        .says("there is no role");
    cloud
        .setup(&["--project-token", TOKEN, "--project-token", OTHER_TOKEN])
        .exits(0);
    let ids = || cloud.trust(&role)["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"].clone();
    assert_eq!(ids(), json!([TOKEN, OTHER_TOKEN]));

    cloud
        .setup(&["--remove-token", TOKEN])
        .exits(2)
        .says("is the project token that is to be trusted");
    // By its ends, as every message shows it.
    let removed = without_token(&["--remove-token", "feed…face"]).exits(0);
    assert!(!removed.stderr.contains(OTHER_TOKEN), "{}", removed.stderr);
    assert_eq!(ids(), json!(TOKEN));
    without_token(&["--remove-token", "feed...face"])
        .exits(0)
        .says("does not trust feed…face")
        .says("Nothing to do");
    without_token(&["--remove-token", TOKEN])
        .exits(2)
        .says("the last one cannot be removed");
    assert_eq!(ids(), json!(TOKEN));

    // The mend for a wrong token leaves the wrong one no longer trusted.
    let verified = cloud.run(&["verify", "--project-token", OTHER_TOKEN]).exits(4);
    let mend = verified
        .stdout
        .lines()
        .find(|line| line.contains("--remove-token"))
        .expect("a command");
    assert!(mend.contains("0123…cdef") && !mend.contains(TOKEN), "{mend}");
    cloud
        .setup(&["--project-token", OTHER_TOKEN, "--remove-token", "0123…cdef"])
        .exits(0);
    assert_eq!(ids(), json!(OTHER_TOKEN));
}

const KMS: [&str; 3] = ["--encryption", "kms", "--create-kms-key"];

/// A key as somebody plants it: with a description, tags and a policy of his choice. Its ARN.
fn planted_key(cloud: &Cloud, tagged: bool, open: bool) -> String {
    let stranger = json!({
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        "Action": ["kms:Decrypt"], "Resource": "*",
    });
    let policy = match open {
        true => statements(json!([administered(cloud), stranger])),
        false => statements(json!([administered(cloud)])),
    };
    let tags = [("managed-by", "mixpanel-s3")];
    let description = format!("Mixpanel export to s3://{}: key made by mixpanel-s3", cloud.bucket());
    cloud.described_key_by_hand(&description, if tagged { &tags } else { &[] }, &policy)
}

/// The statement by which an account's policies say who may use a key.
fn administered(cloud: &Cloud) -> Value {
    let root = format!("arn:aws:iam::{}:root", cloud.account);
    json!({ "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" })
}

#[test]
fn a_planted_key_is_not_used() {
    for (tagged, open) in [(true, true), (false, false), (false, true)] {
        // Without a name it is passed over, and a key of our own is made.
        let cloud = Cloud::start();
        let planted = planted_key(&cloud, tagged, open);
        cloud.setup(&KMS).exits(0);
        let details = cloud.run(&["print-details", "--field", "kms-key-id"]).exits(0);
        assert_ne!(details.stdout.trim(), cloud.normalize(&planted));

        // Under our alias it is in the way.
        let cloud = Cloud::start();
        let planted = planted_key(&cloud, tagged, open);
        cloud.name_key(&planted, &cloud.own_alias());
        let before = cloud.everything();
        let why = match tagged {
            true => "lets arn:aws:iam::111122223333:root in",
            false => "it has no tag managed-by = mixpanel-s3",
        };
        cloud.setup(&KMS).exits(5).says(why);
        assert_eq!(cloud.everything(), before);
    }
    // One that is ours was made by a run that was cut short.
    let cloud = Cloud::start();
    let ours = planted_key(&cloud, true, false);
    cloud.setup(&KMS).exits(0);
    let details = cloud.run(&["print-details", "--field", "kms-key-id"]).exits(0);
    assert_eq!(details.stdout.trim(), cloud.normalize(&ours));
}

#[test]
fn verify_fails_on_a_key_of_ours_that_others_can_use() {
    let cloud = Cloud::start();
    cloud.setup(&KMS).exits(0);
    let everybody = json!({ "Effect": "Allow", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*" });
    let policy = statements(json!([administered(&cloud), everybody]));
    cloud.set_key_policy(&cloud.own_key(), &policy);
    let (verified, ids) = failing(&cloud, &[]);
    assert_eq!(ids, ["kms-key-others"]);
    verified.exits(4);
    cloud.setup(&KMS).exits(5).says("lets * in");
}

#[test]
fn a_key_that_takes_the_alias_meanwhile_is_looked_at() {
    let cloud = Cloud::start();
    let planted = planted_key(&cloud, false, true);
    // It gets the alias between the look and the making: the first look finds nothing.
    cloud.name_key(&planted, &cloud.own_alias());
    let missing = Scripted::error("kms", 400, "NotFoundException", "no such alias");
    cloud.script("kms:DescribeKey", Some(1), missing);
    cloud
        .setup(&KMS)
        .exits(6)
        .says("it names a key that is not as setup makes them");
}
