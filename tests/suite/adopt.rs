//! What somebody else made: recognised under whatever names it has, taken over on request, hardened piece by piece, and
//! never damaged.

use aws_sdk_iam::types::Tag;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, Tagging,
};
use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, kms, trust};
use crate::support::cloud::block_on;
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
    for document in [
        data("BUCKET"),
        json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "s3:*",
                "Resource": ["arn:aws:s3:::BUCKET", "arn:aws:s3:::BUCKET/*"] } }),
    ] {
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        cloud.bucket_by_hand(&bucket, "eu-west-1");
        cloud.role_by_hand("inline", &trust(USER, Some(TOKEN)), &[]);
        let text = document.to_string().replace("BUCKET", &bucket);
        let iam = cloud.iam();
        let put = iam.put_role_policy().role_name("inline").policy_name("its");
        block_on(put.policy_document(text).send()).unwrap();
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
    let document = json!({ "Version": "2012-10-17", "Statement": [theirs] });
    let iam = cloud.iam();
    let put = iam.put_role_policy().role_name("inline").policy_name("its");
    block_on(put.policy_document(document.to_string()).send()).unwrap();
    cloud.setup(&[]).exits(5).says("its (inline) exists");
    cloud.setup(&["--adopt"]).exits(0);
    let everything = cloud.everything();
    let statements = &everything["roles"]["inline"]["inline"]["its"]["Statement"];
    assert_eq!(statements.as_array().unwrap().len(), 2);
    assert_eq!(statements[0]["Sid"], "Put");
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
    document["Statement"].as_array_mut().unwrap().push(theirs.clone());
    let policies = cloud.role_by_hand("theirs", &trust(USER, Some(other_id)), &[document]);
    let boundary = cloud.policy_by_hand("bounds", &data(&bucket));
    let audit =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }] });
    let audit = cloud.policy_by_hand("audit", &audit);
    cloud.attach_by_hand("theirs", &audit);
    let iam = cloud.iam();
    let bound = iam
        .put_role_permissions_boundary()
        .role_name("theirs")
        .permissions_boundary(&boundary);
    block_on(bound.send()).unwrap();
    let tag = Tag::builder().key("managed-by").value("terraform");
    let tag = iam.tag_role().role_name("theirs").tags(tag.build().unwrap());
    block_on(tag.send()).unwrap();
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
    let role = &after["roles"]["theirs"];
    assert_eq!(
        role["trust"]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"],
        json!([TOKEN, other_id])
    );
    assert_eq!(role["boundary"], before["roles"]["theirs"]["boundary"]);
    assert_eq!(role["attached"], before["roles"]["theirs"]["attached"]);
    assert_eq!(role["tags"]["managed-by"], "terraform");
    assert_eq!(role["tags"]["adopted-by"], "mixpanel-s3");
    let policy = &after["policies"][cloud.normalize(&policies[0])];
    let newest = &policy["versions"]["v2"];
    assert_eq!(newest["default"], true);
    assert_eq!(newest["document"]["Statement"][1], theirs);
    assert_eq!(
        newest["document"]["Statement"][0],
        serde_json::from_str::<Value>(&cloud.normalize(&data(&bucket)["Statement"][0].to_string())).unwrap()
    );
    assert_eq!(
        after["policies"][cloud.normalize(&audit)],
        before["policies"][cloud.normalize(&audit)]
    );
    assert_eq!(after["buckets"], before["buckets"]);
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
fn furnished_bucket(cloud: &Cloud) -> (Value, String) {
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let s3 = cloud.s3("eu-west-1");
    let theirs = json!({
        "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", cloud.account) },
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*"),
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [theirs] }).to_string();
    block_on(s3.put_bucket_policy().bucket(&bucket).policy(policy).send()).unwrap();
    let rule = LifecycleRule::builder()
        .id("theirs")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("tmp/").build())
        .expiration(LifecycleExpiration::builder().days(1).build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    let put = s3
        .put_bucket_lifecycle_configuration()
        .bucket(&bucket)
        .lifecycle_configuration(rules.build().unwrap());
    block_on(put.send()).unwrap();
    let tag = aws_sdk_s3::types::Tag::builder().key("owner").value("them");
    let tags = Tagging::builder().tag_set(tag.build().unwrap());
    let put = s3.put_bucket_tagging().bucket(&bucket).tagging(tags.build().unwrap());
    block_on(put.send()).unwrap();
    block_on(s3.delete_public_access_block().bucket(&bucket).send()).unwrap();
    let theirs = serde_json::from_str(&cloud.normalize(&theirs.to_string())).unwrap();
    (theirs, bucket)
}

#[test]
fn a_bucket_of_somebody_elses_is_hardened_only_as_far_as_agreed() {
    let cloud = Cloud::start();
    let (theirs, _) = furnished_bucket(&cloud);
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
    let statements = bucket(&some)["policy"]["Statement"].clone();
    assert_eq!((statements.as_array().unwrap().len(), &statements[0]), (2, &theirs));
    assert_eq!(bucket(&some)["lifecycle"].as_array().unwrap().len(), 2);
    for untouched in ["tags", "blocks", "ownership", "encryption"] {
        assert_eq!(bucket(&some)[untouched], bucket(&before)[untouched]);
    }

    cloud.setup(&["--harden", "all"]).exits(0);
    let all = cloud.everything();
    assert_eq!(bucket(&all)["tags"], json!({ "owner": "them" }));
    assert!(
        bucket(&all)["blocks"]
            .to_string()
            .contains("restrict_public_buckets: Some(true)")
    );
    cloud.setup(&["--harden", "all", "--dry-run", "--exit-code"]).exits(0);
}
