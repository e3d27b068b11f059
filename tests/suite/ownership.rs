//! A copied tag proves nothing: what is tagged as this program's and is somebody else's stays as it is.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Tag, Tagging};
use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, trust};
use crate::support::cloud::block_on;
use crate::support::{Cloud, Scripted, TOKEN};

const EC2: &str = "arn:aws:iam::111122223333:root";

fn iam_tag() -> aws_sdk_iam::types::Tag {
    let tag = aws_sdk_iam::types::Tag::builder().key("managed-by");
    tag.value("mixpanel-s3").build().unwrap()
}

fn tag_role(cloud: &Cloud, role: &str) {
    let tagged = cloud.iam().tag_role().role_name(role).tags(iam_tag());
    block_on(tagged.send()).unwrap();
}

fn tag_policy(cloud: &Cloud, arn: &str) {
    let tagged = cloud.iam().tag_policy().policy_arn(arn).tags(iam_tag());
    block_on(tagged.send()).unwrap();
}

fn tag_bucket(cloud: &Cloud, bucket: &str) {
    let tag = Tag::builder().key("managed-by").value("mixpanel-s3");
    let tags = Tagging::builder().tag_set(tag.build().unwrap());
    let tagged = cloud.s3("eu-west-1").put_bucket_tagging().bucket(bucket);
    block_on(tagged.tagging(tags.build().unwrap()).send()).unwrap();
}

fn put(cloud: &Cloud, bucket: &str) {
    let put = cloud.s3("eu-west-1").put_object().bucket(bucket).key("a");
    block_on(put.body(ByteStream::from_static(b"{}")).send()).unwrap();
}

fn wide(action: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] })
}

#[test]
fn a_copied_tag_does_not_make_a_production_role_ours() {
    let cloud = Cloud::start();
    cloud.role_by_hand("payments", &trust(EC2, None), &[wide("dynamodb:*")]);
    tag_role(&cloud, "payments");
    tag_policy(&cloud, &format!("arn:aws:iam::{}:policy/payments-0", cloud.account));
    let before = cloud.everything();
    for more in [&[][..], &["--include-adopted"]] {
        let arguments = [&["teardown", "--yes", "--role", "payments"], more].concat();
        cloud
            .run(&arguments)
            .exits(5)
            .says("it does not trust Mixpanel: a tag alone proves nothing")
            .says("others may use it: arn:aws:iam::111122223333:root")
            .says("mixpanel-s3 did not make what is attached to it")
            .says("it says more than Mixpanel's page does");
        assert_eq!(cloud.everything(), before);
    }
}

#[test]
fn a_role_that_trusts_others_beside_mixpanel_stays_whole() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let iam = cloud.iam();
    let mut both = trust(USER, Some(TOKEN));
    let others = trust(EC2, None)["Statement"][0].clone();
    both["Statement"].as_array_mut().unwrap().push(others);
    let update = iam.update_assume_role_policy().role_name(cloud.bucket());
    block_on(update.policy_document(both.to_string()).send()).unwrap();
    let before = cloud.everything();
    cloud
        .run(&["teardown", "--yes", "--role", &cloud.bucket()])
        .exits(5)
        .says("others may use it: arn:aws:iam::111122223333:root");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn an_inline_policy_holds_a_role_whatever_it_says() {
    for condition in [json!({}), json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } })] {
        let cloud = Cloud::start();
        let bucket = cloud.bucket();
        cloud.setup(&[]).exits(0);
        let mut document = data(&bucket);
        document["Statement"][0]["Condition"] = condition;
        let put = cloud.iam().put_role_policy().role_name(&bucket);
        let put = put.policy_name("team-x");
        block_on(put.policy_document(document.to_string()).send()).unwrap();
        let before = cloud.everything();
        let all = ["--delete-bucket", "--delete-data", bucket.as_str()];
        cloud
            .run(&[&["teardown", "--yes", "--role", &bucket][..], &all].concat())
            .exits(5)
            .says("mixpanel-s3 did not make what is part of it: inline policy team-x");
        assert_eq!(cloud.everything(), before);
    }
}

#[test]
fn a_copied_tag_on_a_bucket_neither_empties_nor_removes_it() {
    let cloud = Cloud::start();
    let production = format!("{}-prod", cloud.bucket());
    cloud.setup(&[]).exits(0);
    cloud.bucket_by_hand(&production, "eu-west-1");
    put(&cloud, &production);
    tag_bucket(&cloud, &production);
    let before = cloud.everything();
    let role = cloud.bucket();
    for role in [&["--role", &role][..], &[]] {
        for wish in [
            &["--delete-bucket"][..],
            &["--delete-data", &production],
            &["--delete-bucket", "--delete-data", &production],
            &["--delete-bucket", "--dry-run"],
        ] {
            let arguments = [&["teardown", "--yes", "--bucket", &production], role, wish].concat();
            cloud
                .run(&arguments)
                .exits(5)
                .says("a tag alone proves nothing. Nothing was removed.");
            assert_eq!(cloud.everything(), before, "{arguments:?}");
        }
    }
}

#[test]
fn a_copied_tag_on_a_bucket_does_not_let_setup_harden_it_unasked() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    tag_bucket(&cloud, &bucket);
    let before = cloud.everything();
    cloud
        .setup(&[])
        .exits(0)
        .says("no policy of this set-up's role says so too: used as it is");
    assert_eq!(cloud.everything()["buckets"], before["buckets"]);
}

#[test]
fn a_copied_tag_on_a_policy_does_not_make_it_ours() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let bucket = cloud.bucket();
    let arn = cloud.policy_by_hand("shared", &wide("sqs:*"));
    tag_policy(&cloud, &arn);
    cloud.attach_by_hand(&bucket, &arn);
    let before = cloud.everything();
    cloud.run(&["teardown", "--yes", "--role", &bucket]).exits(5).says(
        "policy arn:aws:iam::123456789012:policy/shared: its tags say that mixpanel-s3 made it, and it says more than \
         Mixpanel's page does",
    );
    assert_eq!(cloud.everything(), before);
}

#[test]
fn a_policy_of_ours_into_which_somebody_wrote_more_stays() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let bucket = cloud.bucket();
    let arn = format!("arn:aws:iam::{}:policy/{bucket}-s3", cloud.account);
    let mut more = data(&bucket);
    let theirs = wide("sqs:SendMessage")["Statement"][0].clone();
    more["Statement"].as_array_mut().unwrap().push(theirs);
    let version = cloud.iam().create_policy_version().policy_arn(&arn);
    let version = version.set_as_default(true);
    block_on(version.policy_document(more.to_string()).send()).unwrap();
    let before = cloud.everything();
    cloud
        .run(&["teardown", "--yes", "--role", &bucket])
        .exits(5)
        .says("it says more than Mixpanel's page does")
        .says("aws iam get-policy-version");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn what_was_taken_over_is_removed_on_the_same_proof_only() {
    let cloud = Cloud::start();
    let bucket = cloud.bucket();
    cloud.bucket_by_hand(&bucket, "eu-west-1");
    let queue = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:123456789012:queue",
    }]});
    let documents = [data(&bucket), queue];
    cloud.role_by_hand("theirs", &trust(USER, Some(TOKEN)), &documents);
    let before = cloud.everything();
    cloud.setup(&["--adopt"]).exits(0);
    let adopted = cloud.everything();
    cloud
        .run(&["teardown", "--yes", "--role", "theirs", "--include-adopted"])
        .exits(5)
        .says("mixpanel-s3 did not make what is attached to it: arn:aws:iam::123456789012:policy/theirs-1");
    assert_eq!(cloud.everything(), adopted);
    // Given back is only the mark.
    cloud.run(&["teardown", "--yes", "--role", "theirs"]).exits(0);
    assert_eq!(cloud.everything(), before);
}

#[test]
fn who_else_has_a_part_in_it_and_cannot_be_read_holds_it() {
    for action in ["iam:ListEntitiesForPolicy", "iam:ListInstanceProfilesForRole"] {
        let mut cloud = Cloud::start();
        cloud.setup(&[]).exits(0);
        let before = cloud.everything();
        let refusal = Scripted::error("iam", 403, "AccessDenied", "no");
        cloud.script(action, None, refusal);
        cloud
            .run(&["teardown", "--yes", "--role", &cloud.bucket()])
            .exits(5)
            .says(&format!("{action} is refused"));
        cloud.clear_script();
        assert_eq!(cloud.everything(), before, "{action}");
    }
}

#[test]
fn no_command_deletes_a_key_that_only_has_the_alias_of_ours() {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let key = cloud.key_by_hand();
    let kms = cloud.kms("eu-west-1");
    let alias = kms.create_alias().target_key_id(&key);
    let name = format!("alias/mixpanel-s3-{}", cloud.bucket());
    block_on(alias.alias_name(name).send()).unwrap();
    let outcome = cloud
        .run(&["teardown", "--yes", "--role", &cloud.bucket()])
        .exits(0)
        .says("it has the alias of this set-up's key and is not known to be that one: it has no tag managed-by");
    assert!(!outcome.stderr.contains("schedule-key-deletion"), "{outcome:?}");
}
