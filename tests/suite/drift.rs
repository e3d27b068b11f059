//! What changed since the last run is mended by the same command, and what others added stays.

use aws_sdk_s3::types::ServerSideEncryption;
use serde_json::json;

use crate::support::by_hand::{USER, for_machines, statements, trust};
use crate::support::{Cloud, Scripted};

fn as_before(cloud: &Cloud) {
    cloud
        .setup(&["--dry-run", "--exit-code"])
        .exits(0)
        .says("Nothing to do");
}

#[test]
fn a_bucket_of_ours_is_mended_and_keeps_what_others_added() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let theirs = json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", cloud.account) },
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    });
    cloud.set_bucket_policy(&bucket, &statements(json!([theirs])));
    cloud.set_lifecycle(&bucket, "theirs", "tmp/", 1);
    cloud.set_bucket_tags(&bucket, &[("managed-by", "mixpanel-s3"), ("cost-center", "42")]);
    cloud.unblock(&bucket);

    cloud
        .setup(&["--dry-run", "--tag", "team=data"])
        .exits(0)
        .says("~ tags")
        .says("~ bucket policy")
        .says("~ all public access blocked");
    cloud.setup(&["--tag", "team=data"]).exits(0);
    insta::assert_snapshot!("mended_bucket", cloud.shown(Some("buckets")));
    as_before(&cloud);
}

#[test]
fn a_role_of_ours_is_mended_and_keeps_what_others_added() {
    let cloud = Cloud::start();
    let role = cloud.bucket();
    cloud.setup(&[]).exits(0);
    let mut theirs = for_machines();
    let wide = trust(USER, None)["Statement"][0].clone();
    theirs["Statement"].as_array_mut().unwrap().push(wide);
    cloud.set_trust(&role, &theirs);
    cloud.detach(&role, &cloud.data_policy());
    cloud.untag_role(&role, "mixpanel-encryption");

    let shown = cloud.setup(&["--dry-run"]).exits(0).says("attached").says("~ tags");
    assert!(shown.stderr.contains("        -   \"Principal\""), "{}", shown.stderr);
    cloud.setup(&[]).exits(0);
    insta::assert_snapshot!("mended_role", cloud.shown(Some("roles")));
    as_before(&cloud);
}

#[test]
fn another_encryption_is_a_change_of_bucket_and_role() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let kms = ["--encryption", "kms", "--create-kms-key"];
    cloud
        .setup(&kms)
        .exits(0)
        .says("default encryption SSE-KMS with the new key");
    let json = cloud.run(&["print-details", "--output", "json"]).exits(0).json();
    assert_eq!(json["encryption"], "KMS");
    as_before(&cloud);
    cloud.setup(&["--encryption", "aes"]).exits(0);
    assert_eq!(
        cloud.run(&["print-details", "--field", "encryption"]).exits(0).stdout,
        "AES\n"
    );
    as_before(&cloud);
}

#[test]
fn another_bucket_for_the_same_role_is_refused() {
    let cloud = Cloud::start();
    let role = cloud.bucket();
    cloud.setup(&[]).exits(0);
    cloud.forget();
    let other = format!("{role}-two");
    let outcome = cloud
        .run(&["setup", "--bucket", &other, "--role-name", &role, "--adopt", "--yes"])
        .exits(5);
    outcome
        .says("it grants another bucket, acme-xxxxxxxx, to which Mixpanel may be writing")
        .says("--role-name");
    assert!(cloud.calls().iter().all(|call| call.reads()));
}

#[test]
fn a_bucket_is_made_without_tags_where_tagging_at_creation_is_refused() {
    let cloud = Cloud::start();
    let message = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: s3:TagResource";
    cloud.script("s3:PUT", Some(1), Scripted::error("s3", 403, "AccessDenied", message));
    cloud.setup(&[]).exits(0);
    let bodies: Vec<bool> = cloud
        .calls()
        .iter()
        .filter(|call| call.action == "s3:PUT")
        .map(|call| call.body.contains("<Tags>"))
        .collect();
    assert_eq!(bodies, [true, false]);
    as_before(&cloud);
}

#[test]
fn a_dual_layer_of_encryption_is_not_lowered_for_a_bucket_key() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.setup(&["--encryption", "kms"]).exits(0);
    cloud.encrypt(&bucket, ServerSideEncryption::AwsKmsDsse, None, false);
    let more = ["--encryption", "kms", "--harden", "encryption"];
    cloud.setup(&more).exits(0);
    let encryption = &cloud.everything()["buckets"]["acme-xxxxxxxx"]["encryption"];
    assert_eq!(encryption["algorithm"], "aws:kms:dsse");
}
