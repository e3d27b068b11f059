//! The role of a live proof: nothing is attached to a role of its name that is not in every part one, and none is left
//! untold.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, trust};
use crate::support::cloud::block_on;
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

/// A set-up whose bucket takes plain HTTP, which is how the tests' AWS is reached.
fn set_up() -> Cloud {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    let s3 = cloud.s3("eu-west-1");
    block_on(s3.delete_bucket_policy().bucket(cloud.bucket()).send()).unwrap();
    cloud
}

fn live(cloud: &Cloud) -> Outcome {
    cloud.run(&["verify", "--live", "--yes", "--role", &cloud.bucket()])
}

/// A live proof that is killed while it writes its first object.
fn killed(cloud: &mut Cloud) {
    cloud.script("s3:PUT object", None, Scripted::Hang);
    let role = cloud.bucket();
    cloud.killed(&["verify", "--live", "--yes", "--role", &role]);
    cloud.clear_script();
    assert!(!probe(cloud).is_null());
}

fn probe(cloud: &Cloud) -> Value {
    cloud.everything()["roles"]["acme-xxxxxxxx-probe"].clone()
}

/// Who the tests' AWS takes the caller for.
fn caller(cloud: &Cloud) -> String {
    let sts = aws_sdk_sts::Client::new(&cloud.sdk_config("us-east-1"));
    let answer = block_on(sts.get_caller_identity().send()).unwrap();
    answer.arn().unwrap().to_owned()
}

fn everything_allowed() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] })
}

#[test]
fn nothing_is_attached_to_a_role_that_only_looks_like_a_probe() {
    type Make = fn(&Cloud, aws_sdk_iam::operation::create_role::builders::CreateRoleFluentBuilder);
    let own = |cloud: &Cloud| trust(&caller(cloud), Some(TOKEN)).to_string();
    let likenesses: [(&str, Make); 6] = [
        ("no tag", |_, create| {
            block_on(create.set_tags(None).send()).unwrap();
        }),
        ("trusts others", |_, create| {
            let stranger = trust("arn:aws:iam::111122223333:root", Some(TOKEN));
            block_on(create.assume_role_policy_document(stranger.to_string()).send()).unwrap();
        }),
        ("trusts others", |cloud, create| {
            let mut both = trust(&caller(cloud), Some(TOKEN));
            let stranger = trust(USER, Some(TOKEN))["Statement"][0].clone();
            both["Statement"].as_array_mut().unwrap().push(stranger);
            block_on(create.assume_role_policy_document(both.to_string()).send()).unwrap();
        }),
        ("its permissions boundary is", |cloud, create| {
            let arn = cloud.policy_by_hand("bounds", &everything_allowed());
            block_on(create.permissions_boundary(arn).send()).unwrap();
        }),
        ("it is on the path /elsewhere/", |_, create| {
            block_on(create.path("/elsewhere/").send()).unwrap();
        }),
        ("it holds", |cloud, create| {
            block_on(create.send()).unwrap();
            let arn = cloud.policy_by_hand("everything", &everything_allowed());
            cloud.attach_by_hand(&format!("{}-probe", cloud.bucket()), &arn);
        }),
    ];
    for (what, make) in likenesses {
        let cloud = set_up();
        let tag = aws_sdk_iam::types::Tag::builder().key("mixpanel-s3-probe-of");
        let tag = tag.value(cloud.bucket()).build().unwrap();
        let create = cloud
            .iam()
            .create_role()
            .role_name(format!("{}-probe", cloud.bucket()))
            .assume_role_policy_document(own(&cloud))
            .tags(tag);
        make(&cloud, create);
        let before = cloud.everything();
        live(&cloud).exits(1).says("it is not touched").says(what);
        assert_eq!(cloud.everything(), before, "{what}");
        // Where the tag says that it is a probe, verify tells of it, and teardown too.
        if what != "no tag" {
            let judged = cloud.run(&["verify", "--role", &cloud.bucket()]).exits(0);
            assert!(judged.stdout.contains("probe-left"), "{what}: {judged:?}");
            cloud
                .run(&["teardown", "--role", &cloud.bucket(), "--dry-run"])
                .exits(0)
                .says("it is not as one makes it");
        }
        assert_eq!(cloud.everything(), before, "{what}");
    }
}

#[test]
fn what_a_killed_proof_left_is_told_and_swept() {
    let mut cloud = set_up();
    let before = cloud.everything();
    killed(&mut cloud);
    let role = cloud.bucket();
    cloud.forget();
    let judged = cloud.run(&["verify", "--role", &role]).exits(0);
    assert!(cloud.writes().is_empty());
    assert!(judged.stdout.contains("WARN    probe-left"), "{judged:?}");
    assert!(judged.stdout.contains("--live"), "{judged:?}");
    let proved = live(&cloud)
        .exits(0)
        .says("removed role acme-xxxxxxxx-probe, which an earlier run had left");
    assert!(!proved.stdout.contains("WARN    probe-left"), "{proved:?}");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn what_a_killed_proof_left_goes_with_its_role() {
    let mut cloud = set_up();
    killed(&mut cloud);
    let role = cloud.bucket();
    let removed = cloud
        .run(&[
            "teardown",
            "--yes",
            "--role",
            &role,
            "--delete-bucket",
            "--delete-data",
            &role,
        ])
        .exits(0);
    assert!(
        removed.stdout.contains("removed: role acme-xxxxxxxx-probe"),
        "{removed:?}"
    );
    let after = cloud.everything();
    for kind in ["roles", "policies", "buckets"] {
        assert_eq!(after[kind], json!({}), "{kind}");
    }
}

#[test]
fn where_the_role_stays_what_a_killed_proof_left_is_named() {
    let mut cloud = set_up();
    killed(&mut cloud);
    let role = cloud.bucket();
    let arn = cloud.policy_by_hand("audit", &everything_allowed());
    cloud.attach_by_hand(&role, &arn);
    let before = cloud.everything();
    cloud
        .run(&["teardown", "--yes", "--role", &role])
        .exits(5)
        .says("role acme-xxxxxxxx-probe")
        .says("a live proof that was cut short left it")
        .says("mixpanel-s3 verify --live --role acme-xxxxxxxx");
    assert_eq!(cloud.everything(), before);
}

#[test]
fn what_somebody_attaches_to_a_probe_is_not_removed() {
    let cloud = set_up();
    let arn = cloud.policy_by_hand("theirs", &everything_allowed());
    {
        let (iam, arn) = (cloud.iam(), arn.clone());
        let probe = format!("{}-probe", cloud.bucket());
        cloud.meanwhile("s3:GET object", 1, move || {
            let attach = iam.attach_role_policy().role_name(&probe);
            block_on(attach.policy_arn(&arn).send()).unwrap();
        });
    }
    live(&cloud)
        .exits(6)
        .says("somebody has changed the role")
        .says("aws iam get-role --role-name acme-xxxxxxxx-probe");
    let attached = probe(&cloud)["attached"].to_string();
    assert!(attached.contains("policy/theirs"), "{attached}");
}
