//! What somebody else made: recognised under whatever names it has, taken over on request, hardened piece by piece, and
//! never damaged.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, kms, statements, trust};
use crate::support::{Cloud, Scripted, TOKEN};

const KMS: [&str; 2] = ["--encryption", "kms"];

/// A whole set-up after Mixpanel's page, with names of its own. The key's ARN.
fn set_up_by_hand(cloud: &Cloud) -> String {
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let key = cloud.key_by_hand();
    let documents = [data(&bucket), kms(&key)];
    cloud.role_by_hand("ExportToS3", &trust(USER, Some(TOKEN)), &documents);
    key
}

/// The value with the tags of adoption taken out, and how many there were.
fn without_marks(mut everything: Value) -> (Value, usize) {
    let mut marks = 0;
    for kind in ["roles", "policies"] {
        for thing in everything[kind].as_object_mut().unwrap().values_mut() {
            let tags = thing["tags"].as_object_mut().unwrap();
            for key in ["adopted-by", "mixpanel-encryption"] {
                marks += usize::from(tags.remove(key).is_some());
            }
        }
    }
    (everything, marks)
}

#[test]
fn a_set_up_by_hand_is_adopted_without_making_anything_twice() {
    let cloud = Cloud::start();
    let key = set_up_by_hand(&cloud);
    let before = cloud.everything();
    let flags = [KMS.as_slice(), &["--kms-key", &key]].concat();

    // Without --adopt it is used as it is.
    cloud.forget();
    let printed = cloud
        .setup(&flags)
        .exits(0)
        .says("through the role ExportToS3")
        .says("Nothing to do");
    assert!(cloud.writes().is_empty());
    assert!(printed.stdout.contains("role/ExportToS3"));

    let adopted = cloud
        .setup(&[flags.as_slice(), &["--adopt"]].concat())
        .exits(0)
        .says("+ adopted-by = mixpanel-s3");
    assert_eq!(adopted.stdout, printed.stdout);
    let (stripped, marks) = without_marks(cloud.everything());
    assert_eq!(
        (stripped, marks),
        (before, 4),
        "a role with two marks, and two policies"
    );

    // From now on it is recognised, also without naming anything.
    cloud.forget();
    cloud.setup(&[]).exits(0).says("Nothing to do");
    assert!(cloud.writes().is_empty());
}

#[test]
fn inline_and_wider_policies_are_recognised() {
    let wider = |bucket: &str| {
        let resources = [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")];
        statements(json!({ "Effect": "Allow", "Action": "s3:*", "Resource": resources }))
    };
    for document in [data, wider] {
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        cloud.bucket_by_hand(&bucket, "eu-west-1");
        cloud.role_by_hand("inline", &trust(USER, Some(TOKEN)), &[]);
        cloud.put_inline("inline", "its", &document(&bucket));
        cloud.forget();
        cloud
            .setup(&[])
            .exits(0)
            .says("policy its (inline)")
            .says("Nothing to do");
        assert!(cloud.writes().is_empty());
    }
}

#[test]
fn an_inline_policy_that_grants_too_little_is_completed() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    cloud.role_by_hand("inline", &trust(USER, Some(TOKEN)), &[]);
    let theirs = json!({ "Sid": "Put", "Effect": "Allow", "Action": "s3:PutObject",
                         "Resource": format!("arn:aws:s3:::{bucket}/*") });
    cloud.put_inline("inline", "its", &statements(json!([theirs])));
    cloud.setup(&[]).exits(5).says("its (inline) exists");
    cloud.setup(&["--adopt"]).exits(0);
    let everything = cloud.everything();
    insta::assert_snapshot!("completed_inline_policy", cloud.shown(Some("roles")));
    assert_eq!(everything["policies"], json!({}));
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn adopting_keeps_what_others_put_there() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let other_id = "feedfacefeedfacefeedfacefeedface";
    let mut document = data(&bucket);
    document["Statement"][0]["Action"] = json!(["s3:PutObject", "s3:ListBucket"]);
    let theirs = json!({ "Sid": "Theirs", "Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::other" });
    document["Statement"].as_array_mut().unwrap().push(theirs);
    cloud.role_by_hand("theirs", &trust(USER, Some(other_id)), &[document]);
    let boundary = cloud.policy_by_hand("bounds", &data(&bucket));
    let audit = statements(json!([{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }]));
    cloud.attach("theirs", &cloud.policy_by_hand("audit", &audit));
    cloud.bound("theirs", &boundary);
    cloud.tag_role("theirs", "managed-by", "terraform");
    let before = cloud.everything();

    cloud
        .setup(&[])
        .exits(5)
        .says("The role arn:aws:iam::123456789012:role/theirs exists")
        .says("feed…face")
        .says("add --adopt");
    assert_eq!(cloud.everything(), before);
    cloud.setup(&["--adopt"]).exits(0);

    let after = cloud.everything();
    assert_eq!(after["buckets"], before["buckets"]);
    insta::assert_snapshot!("adopted_role", cloud.shown(Some("roles")));
    insta::assert_snapshot!("adopted_policies", cloud.shown(Some("policies")));
    cloud.setup(&["--dry-run", "--exit-code"]).exits(0);
}

#[test]
fn several_roles_of_a_bucket_are_named() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    for role in ["one", "two"] {
        cloud.role_by_hand(role, &trust(USER, Some(TOKEN)), &[data(&bucket)]);
    }
    cloud
        .setup(&["--adopt"])
        .exits(2)
        .says("through several roles: one, two")
        .says("--role-name");
}

#[test]
fn who_may_not_list_roles_is_told_what_is_not_looked_for() {
    let cloud = Cloud::start();
    cloud.bucket_by_hand(&cloud.bucket(), "eu-west-1");
    let message = "User is not authorized to perform: iam:ListRoles";
    cloud.script(
        "iam:ListRoles",
        None,
        Scripted::error("iam", 403, "AccessDenied", message),
    );
    cloud.setup(&[]).exits(0).says("iam:ListRoles is refused");
}

/// A bucket with a policy, a lifecycle rule and a tag of somebody else's.
fn furnish_bucket(cloud: &Cloud) {
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let theirs = json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", cloud.account) },
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    });
    cloud.set_bucket_policy(&bucket, &statements(json!([theirs])));
    cloud.set_lifecycle(&bucket, "theirs", "tmp/", 1);
    cloud.set_bucket_tags(&bucket, &[("owner", "them")]);
    cloud.unblock(&bucket);
}

#[test]
fn a_bucket_of_somebody_elses_is_hardened_only_as_far_as_agreed() {
    let cloud = Cloud::start();
    furnish_bucket(&cloud);
    let before = cloud.everything();
    cloud
        .setup(&["--dry-run"])
        .exits(0)
        .says("bucket acme-xxxxxxxx could be hardened")
        .says("--harden public-access")
        .says("--harden uploads");
    cloud.setup(&[]).exits(0);
    assert_eq!(cloud.everything()["buckets"], before["buckets"]);

    cloud
        .setup(&["--harden", "plain-http,uploads"])
        .exits(0)
        .says("+   \"Sid\": \"DenyPlainHttp\"");
    let some = cloud.everything();
    let bucket = |everything: &Value| everything["buckets"]["acme-xxxxxxxx"].clone();
    let hardened = json!({ "policy": bucket(&some)["policy"], "lifecycle": bucket(&some)["lifecycle"] });
    insta::assert_snapshot!("bucket_hardened_in_part", format!("{hardened:#}"));
    for untouched in ["tags", "blocks", "ownership", "encryption"] {
        assert_eq!(bucket(&some)[untouched], bucket(&before)[untouched]);
    }

    cloud.setup(&["--harden", "all"]).exits(0);
    insta::assert_snapshot!("bucket_hardened", cloud.shown(Some("buckets")));
    cloud.setup(&["--harden", "all", "--dry-run", "--exit-code"]).exits(0);
}
