//! The role of a live proof: nothing is attached to a role of its name that is not in every part one, and none is left
//! untold.

use serde_json::{Value, json};

use crate::support::by_hand::{USER, opened_to, statements, trust};
use crate::support::{Cloud, Outcome, Scripted, TOKEN};

/// A set-up into whose bucket objects can be written over plain HTTP.
fn set_up() -> Cloud {
    let cloud = Cloud::start();
    cloud.setup(&[]).exits(0);
    cloud.let_plain_http_in();
    cloud
}

fn live(cloud: &Cloud) -> Outcome {
    cloud.run(&["verify", "--live", "--yes", "--role", &cloud.bucket()])
}

/// A live proof that is killed while it writes its first object.
fn killed(cloud: &Cloud) {
    cloud.script("s3:PUT object", None, Scripted::Hang);
    let role = cloud.bucket();
    cloud.killed(&["verify", "--live", "--yes", "--role", &role]);
    cloud.clear_script();
    assert!(!probe(cloud).is_null());
}

fn probe(cloud: &Cloud) -> Value {
    cloud.everything()["roles"]["acme-xxxxxxxx-probe"].clone()
}

fn everything_allowed() -> Value {
    statements(json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]))
}

#[test]
fn nothing_is_attached_to_a_role_that_only_looks_like_a_probe() {
    type Make = fn(&Cloud, &str);
    let likenesses: [(&str, Make); 6] = [
        ("no tag", |cloud, probe| {
            cloud.role_by_hand(probe, &own(cloud), &[]);
        }),
        ("trusts others", |cloud, probe| {
            cloud.role_by_hand(probe, &trust("arn:aws:iam::111122223333:root", Some(TOKEN)), &[]);
        }),
        ("trusts others", |cloud, probe| {
            cloud.role_by_hand(probe, &opened_to(own(cloud), USER), &[]);
        }),
        ("its permissions boundary is", |cloud, probe| {
            cloud.role_by_hand(probe, &own(cloud), &[]);
            cloud.bound(probe, &cloud.policy_by_hand("bounds", &everything_allowed()));
        }),
        ("it is on the path /elsewhere/", |cloud, probe| {
            cloud.role_by_hand_under("/elsewhere/", probe, &own(cloud));
        }),
        ("it holds", |cloud, probe| {
            cloud.role_by_hand(probe, &own(cloud), &[everything_allowed()]);
        }),
    ];
    for (what, make) in likenesses {
        let cloud = set_up();
        let probe = format!("{}-probe", cloud.bucket());
        make(&cloud, &probe);
        if what != "no tag" {
            cloud.tag_role(&probe, "mixpanel-s3-probe-of", &cloud.bucket());
        }
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

/// Whom a probe of the caller's trusts.
fn own(cloud: &Cloud) -> Value {
    trust(&cloud.caller(), Some(TOKEN))
}

#[test]
fn what_a_killed_proof_left_is_told_and_swept() {
    let cloud = set_up();
    let before = cloud.everything();
    killed(&cloud);
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
    let cloud = set_up();
    killed(&cloud);
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
    let cloud = set_up();
    killed(&cloud);
    let role = cloud.bucket();
    let arn = cloud.policy_by_hand("audit", &everything_allowed());
    cloud.attach(&role, &arn);
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
    cloud.meanwhile("s3:GET object", 1, move |cloud| {
        cloud.attach(&format!("{}-probe", cloud.bucket()), &arn);
    });
    live(&cloud)
        .exits(6)
        .says("somebody has changed the role")
        .says("aws iam get-role --role-name acme-xxxxxxxx-probe");
    let attached = probe(&cloud)["attached"].to_string();
    assert!(attached.contains("policy/theirs"), "{attached}");
}
