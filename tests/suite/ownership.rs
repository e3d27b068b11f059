//! A copied tag proves nothing: what is tagged as this program's and is somebody else's stays as it is.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, opened_to, statements, trust};
use crate::support::{Cloud, Scripted, TOKEN};

const EC2: &str = "arn:aws:iam::111122223333:root";

const OURS: (&str, &str) = ("managed-by", "mixpanel-s3");

fn wide(action: &str) -> Value {
    statements(json!([{ "Effect": "Allow", "Action": action, "Resource": "*" }]))
}

#[test]
fn a_copied_tag_does_not_make_a_production_role_ours() {
    let cloud = Cloud::start();
    cloud.role_by_hand("payments", &trust(EC2, None), &[wide("dynamodb:*")]);
    cloud.tag_role("payments", OURS.0, OURS.1);
    cloud.tag_policy(&cloud.policy_arn("payments-0"), OURS.0, OURS.1);
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
    cloud.set_trust(&cloud.bucket(), &opened_to(trust(USER, Some(TOKEN)), EC2));
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
        cloud.put_inline(&bucket, "team-x", &document);
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
    cloud.put_object(&production, "a");
    cloud.set_bucket_tags(&production, &[OURS]);
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
    cloud.set_bucket_tags(&bucket, &[OURS]);
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
    cloud.tag_policy(&arn, OURS.0, OURS.1);
    cloud.attach(&bucket, &arn);
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
    let mut more = data(&bucket);
    let theirs = wide("sqs:SendMessage")["Statement"][0].clone();
    more["Statement"].as_array_mut().unwrap().push(theirs);
    cloud.set_policy(&cloud.data_policy(), &more);
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
    let queue = statements(json!([{
        "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:123456789012:queue",
    }]));
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
        let cloud = Cloud::start();
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
    cloud.name_key(&cloud.key_by_hand(), &cloud.own_alias());
    let outcome = cloud
        .run(&["teardown", "--yes", "--role", &cloud.bucket()])
        .exits(0)
        .says("it has the alias of this set-up's key and is not known to be that one: it has no tag managed-by");
    assert!(!outcome.stderr.contains("schedule-key-deletion"), "{outcome:?}");
}
