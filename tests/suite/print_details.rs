//! `print-details`: every form, roles made by hand, and several roles.

use serde_json::json;

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::{Cloud, Scripted};

/// A full disk must not pass for a pipeline's success.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let home = tempfile::tempdir().unwrap();
    for (arguments, says) in [
        (&["print-details"][..], "could not be written to stdout"),
        (&["print-details", "--output", "json"], "could not be written to stdout"),
        (&["verify"], "could not be written to stdout"),
        (&["completions", "bash"], "could not be written to stdout"),
        (&["--help"], ""),
    ] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut command = cloud.command(&home, arguments);
        let child = command.stdout(full).stderr(std::process::Stdio::piped());
        let ended = child.spawn().unwrap().wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
}

#[test]
fn every_form_of_one_set_up() {
    let cloud = Cloud::start();
    cloud.setup(&["--encryption", "kms"]).exits(0);
    let text = cloud.run(&["print-details"]).exits(0);
    insta::assert_snapshot!("details_text", text.stdout);
    insta::assert_snapshot!("details_where_to_paste", text.stderr);
    insta::assert_snapshot!(
        "details_env",
        cloud.run(&["print-details", "--output", "env"]).exits(0).stdout
    );
    insta::assert_snapshot!(
        "details_json",
        cloud.run(&["print-details", "--output", "json"]).exits(0).stdout
    );
    let arn = "arn:aws:iam::123456789012:role/acme-xxxxxxxx";
    for (field, value) in [
        ("bucket", "acme-xxxxxxxx"),
        ("region", "eu-west-1"),
        ("role", arn),
        ("encryption", "KMS"),
        ("kms-key-id", ""),
    ] {
        let outcome = cloud.run(&["print-details", "--field", field]).exits(0);
        assert_eq!(outcome.stdout, format!("{value}\n"), "{field}");
    }
    let by_arn = format!("arn:aws:iam::{}:role/{}", cloud.account, cloud.bucket());
    assert_eq!(
        cloud.run(&["print-details", "--role", &by_arn]).exits(0).stdout,
        text.stdout
    );
}

#[test]
fn a_set_up_made_by_hand_is_read_too() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let key = cloud.key_by_hand();
    let kms = statements(json!([{
        "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key,
    }]));
    cloud.role_by_hand("by-hand", &trust(USER, Some("a-token")), &[data(&bucket), kms]);
    let json = cloud.run(&["print-details", "--output", "json"]).exits(0).json();
    assert_eq!(
        json,
        json!({
            "bucket": "acme-xxxxxxxx", "region": "eu-west-1", "role": "arn:aws:iam::123456789012:role/by-hand",
            "encryption": "KMS", "kms_key_id": cloud.normalize(&key),
        })
    );
}

#[test]
fn an_inline_policy_and_a_wide_trust_are_read_and_warned_of() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.role_by_hand("wide", &trust("arn:aws:iam::485438090326:root", None), &[]);
    cloud.put_inline("wide", "inline", &data(&bucket));
    let outcome = cloud
        .run(&["print-details", "--output", "json"])
        .exits(0)
        .says("wider than Mixpanel's page asks for");
    assert_eq!(outcome.json()["bucket"], "acme-xxxxxxxx");
    assert_eq!(outcome.json()["encryption"], "AES");
}

#[test]
fn a_bucket_in_another_region_than_the_profiles_is_found() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-central-1");
    cloud.role_by_hand("far", &trust(USER, Some("a-token")), &[data(&bucket)]);
    let json = cloud
        .run(&["print-details", "--role", "far", "--output", "json"])
        .exits(0)
        .json();
    assert_eq!(json["region"], "eu-central-1");
}

#[test]
fn with_several_roles_a_script_is_told_which_there_are() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud
        .run(&["print-details"])
        .exits(1)
        .says("No role in this account trusts Mixpanel's export user");
    cloud.role_by_hand("one", &trust(USER, Some("a")), &[data(&bucket)]);
    cloud.role_by_hand("two", &trust(USER, Some("b")), &[data(&bucket)]);
    cloud.role_by_hand("other", &trust("arn:aws:iam::111122223333:root", None), &[]);
    let outcome = cloud.run(&["print-details"]).exits(2);
    let lines =
        "Several roles trust Mixpanel:\n  one, which writes to acme-xxxxxxxx\n  two, which writes to acme-xxxxxxxx\n";
    assert!(outcome.stderr.contains(lines), "{}", outcome.stderr);
}

#[test]
fn the_bucket_chooses_the_role_that_writes_to_it() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let bucket = cloud.bucket();
    let other = format!("{bucket}-2");
    cloud.bucket_by_hand(&other, "eu-west-1");
    cloud.role_by_hand("second", &trust(USER, Some("a1")), &[data(&other)]);
    cloud.role_by_hand("empty", &trust(USER, Some("a2")), &[]);
    let details = cloud.run(&["print-details", "--bucket", &other]).exits(0);
    assert!(details.stdout.contains("role/second"), "{details:?}");
    let verdict = cloud.run(&["verify", "--bucket", &bucket]).exits(0);
    assert!(verdict.stdout.contains("role/acme-xxxxxxxx\n"), "{verdict:?}");
    cloud
        .run(&["print-details", "--bucket", "acme-nowhere"])
        .exits(2)
        .says("Several roles trust Mixpanel, and none names acme-nowhere to write to:")
        .says("  empty, which names no bucket");
}

#[test]
fn what_cannot_be_rebuilt_is_said() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud
        .run(&["print-details", "--role", "nobody"])
        .exits(1)
        .says("There is no role nobody");
    cloud.role_by_hand("empty", &trust(USER, Some("a")), &[]);
    cloud
        .run(&["print-details", "--role", "empty"])
        .exits(1)
        .says("name no bucket")
        .says("--bucket");
    cloud.role_by_hand("gone", &trust(USER, Some("a")), &[data(&bucket)]);
    cloud
        .run(&["print-details", "--role", "gone"])
        .exits(1)
        .says("there is no such bucket");
    cloud.role_by_hand("many", &trust(USER, Some("a")), &[data(&bucket), data("other-bucket")]);
    cloud
        .run(&["print-details", "--role", "many"])
        .exits(2)
        .says("several buckets: acme-xxxxxxxx, other-bucket");
    cloud.script(
        "iam:GetRole",
        None,
        Scripted::error(
            "iam",
            403,
            "AccessDenied",
            "User: x is not authorized to perform: iam:GetRole because no identity-based policy allows the \
             iam:GetRole action",
        ),
    );
    cloud
        .run(&["print-details", "--role", "gone"])
        .exits(3)
        .says("AWS refused iam:GetRole on gone")
        .says("the caller's policies, none of which allows it");
}
