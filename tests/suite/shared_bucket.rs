//! A bucket is not taken away from under a role through which Mixpanel can still write to it: a name that is free is
//! anybody's to claim, and Mixpanel goes on sending.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, data, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

fn grants(action: &str, resource: &str) -> Value {
    statements(json!([{ "Effect": "Allow", "Action": action, "Resource": resource }]))
}

/// `setup` with an object in the bucket.
fn set_up_with_data(cloud: &Cloud) {
    cloud.setup(&[]).exits(0);
    cloud.let_plain_http_in();
    cloud.put_object(&cloud.bucket(), "a");
}

fn take_all(cloud: &Cloud) -> Outcome {
    let bucket = cloud.bucket();
    let data = ["--delete-bucket", "--delete-data", &bucket];
    let role = ["teardown", "--yes", "--role", &bucket];
    cloud.run(&[role.as_slice(), &data].concat())
}

/// Gives the bucket a policy that lets a principal write into it.
fn bucket_lets_write(cloud: &Cloud, principal: &str) {
    let objects = format!("arn:aws:s3:::{}/*", cloud.bucket());
    let writes = json!([{
        "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "s3:PutObject", "Resource": objects,
    }]);
    cloud.set_bucket_policy(&cloud.bucket(), &statements(writes));
}

#[test]
fn a_bucket_stays_with_its_data_while_another_role_may_write_to_it() {
    type Grant = fn(&Cloud, &str);
    let ways: [(&str, Grant); 4] = [
        ("a customer's policy with a pattern", |cloud, role| {
            let document = grants("s3:Put*", "arn:aws:s3:::acme-*");
            let arn = cloud.policy_by_hand("pattern", &document);
            cloud.attach(role, &arn);
        }),
        ("an inline policy with everything", |cloud, role| {
            cloud.put_inline(role, "inline", &grants("*", "*"));
        }),
        ("a project's folder", |cloud, role| {
            let folder = format!("arn:aws:s3:::{}/2195193/*", cloud.bucket());
            cloud.put_inline(role, "inline", &grants("s3:PutObject", &folder));
        }),
        ("the bucket's own policy", |cloud, role| {
            bucket_lets_write(cloud, &format!("arn:aws:iam::{}:role/{role}", cloud.account));
        }),
    ];
    for (way, grant) in ways {
        let cloud = Cloud::start();
        set_up_with_data(&cloud);
        cloud.role_by_hand("second", &trust(USER, Some(TOKEN)), &[]);
        grant(&cloud, "second");
        let with = cloud.everything();
        let outcome = take_all(&cloud).exits(6);
        outcome.says("bucket acme-xxxxxxxx: Mixpanel can still write to it through role second, which stays");
        let after = cloud.everything();
        assert_eq!(after["buckets"], with["buckets"], "{way}");
        assert!(after["roles"]["acme-xxxxxxxx"].is_null(), "{way}");
        assert_eq!(after["roles"]["second"], with["roles"]["second"], "{way}");
    }
}

#[test]
fn a_bucket_stays_while_its_policy_lets_another_account_write_to_it() {
    let cloud = Cloud::start();
    set_up_with_data(&cloud);
    let outside = "arn:aws:iam::999999999999:role/exporter";
    bucket_lets_write(&cloud, outside);
    let with = cloud.everything();
    take_all(&cloud).exits(5).says(outside);
    assert_eq!(cloud.everything(), with);
    bucket_lets_write(&cloud, &format!("arn:aws:iam::{}:root", cloud.account));
    take_all(&cloud).exits(0);
    assert_eq!(cloud.everything()["buckets"], json!({}));
}

#[test]
fn a_role_that_does_not_trust_mixpanel_or_may_not_write_holds_nothing() {
    let cloud = Cloud::start();
    set_up_with_data(&cloud);
    let other = trust("arn:aws:iam::111122223333:root", None);
    cloud.role_by_hand("administrator", &other, &[grants("*", "*")]);
    let elsewhere = data(&format!("{}-other", cloud.bucket()));
    cloud.role_by_hand("elsewhere", &trust(USER, Some(TOKEN)), &[elsewhere]);
    take_all(&cloud).exits(0);
    assert_eq!(cloud.everything()["buckets"], json!({}));
}

#[test]
fn what_cannot_be_read_may_write_and_is_said_so() {
    for (action, words) in [
        (
            "iam:GetRolePolicy",
            "through role second, which stays and whose policies cannot all be read (iam:GetRolePolicy is refused)",
        ),
        (
            "iam:ListRoles",
            "through another role cannot be told, since iam:ListRoles is refused",
        ),
    ] {
        let cloud = Cloud::start();
        set_up_with_data(&cloud);
        cloud.role_by_hand("second", &trust(USER, Some(TOKEN)), &[]);
        cloud.put_inline("second", "inline", &grants("sqs:*", "*"));
        let with = cloud.everything();
        cloud.script(action, None, Scripted::error("iam", 403, "AccessDenied", "no"));
        take_all(&cloud).exits(5).says(words);
        cloud.clear_script();
        assert_eq!(cloud.everything(), with, "{action}");
    }
}

#[test]
fn two_set_ups_that_share_a_bucket_are_told_about_each_other() {
    let cloud = Cloud::start();
    let before = cloud.everything();
    cloud.setup(&["--role-name", "one"]).exits(0);
    cloud
        .setup(&["--role-name", "two"])
        .exits(0)
        .says("Mixpanel can write to bucket acme-xxxxxxxx already, through another role: one.");
    let judged = cloud.run(&["verify", "--role", "one", "--verbose"]).exits(0);
    assert!(judged.stdout.contains("through another role too: two"), "{judged:?}");
    let with = cloud.everything();
    cloud
        .run(&["teardown", "--role", "one", "--dry-run"])
        .exits(0)
        .says("Mixpanel can write to it through another role too: two");
    cloud
        .run(&["teardown", "--yes", "--role", "one", "--delete-bucket"])
        .exits(6)
        .says("through role two, which stays")
        .says("mixpanel-s3 teardown --role two");
    assert_eq!(cloud.everything()["buckets"], with["buckets"]);
    cloud
        .run(&["teardown", "--yes", "--role", "two", "--delete-bucket"])
        .exits(0);
    assert_eq!(cloud.everything(), before);
}

#[test]
fn the_data_goes_only_after_the_roles_access_has_ended() {
    let cloud = Cloud::start();
    set_up_with_data(&cloud);
    cloud.forget();
    take_all(&cloud).exits(0);
    let writes = cloud.writes();
    let at = |action: &str| writes.iter().position(|write| write == action).unwrap();
    assert!(at("iam:DetachRolePolicy") < at("s3:POST delete"), "{writes:?}");
    assert!(at("s3:DELETE") < at("iam:DeleteRole"), "{writes:?}");

    let cloud = Cloud::start();
    set_up_with_data(&cloud);
    let with = cloud.everything();
    let refusal = Scripted::error("iam", 403, "AccessDenied", "no");
    cloud.script("iam:DetachRolePolicy", None, refusal);
    take_all(&cloud).exits(3);
    cloud.clear_script();
    assert_eq!(cloud.everything(), with);
}
