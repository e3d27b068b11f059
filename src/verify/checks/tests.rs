//! A sound set-up passes every check; a set-up that is broken in one way fails the one check that tells of it, and no
//! other.

mod discovery;
mod grounds;
mod quotes;
mod set_up;
mod table;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::macros::datetime;

use super::super::access::stand_in_differs;
use super::super::evidence::{BucketFacts, BucketStanding, Evidence, Grant, KeyStanding, Subject};
use super::super::freshness::{Export, Exports, days};
use super::super::ids::{Area, CheckId};
use super::super::{Fix, Status, Verdict, judge};
use crate::encryption::{BucketEncryption, DefaultKey, Form, Method};
use crate::names::{BucketName, IamPath, KeyArn, Partition, Tag};
use crate::observed::existing::Writer;
use crate::observed::{
    Bucket, Caller, Exported, Key, Lifecycle, LifecycleRule, Ownership, PublicAccess, Reading, Role, Simulated,
    Unanswered, Unread,
};
use crate::policy::evaluate::{Decision, effort};
use crate::policy::{Document, build};
use set_up::*;

/// What came to something, with what it came to.
fn found(subject: &Subject, evidence: &Evidence) -> BTreeSet<(&'static str, Status)> {
    let findings = judge(subject, evidence);
    let ids: BTreeSet<&str> = findings.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids.len(), findings.checks.len(), "an ID that stands twice");
    let told = [Status::Fail, Status::Warn, Status::Unknown];
    let checks = findings.checks.iter();
    checks
        .filter(|check| told.contains(&check.status))
        .filter(|check| !NEVER_KNOWN.contains(&check.id.as_str()) || evidence.role.is_none())
        .map(|check| (check.id.as_str(), check.status))
        .collect()
}

#[test]
fn every_check_of_the_registry_is_made_once_and_in_its_order() {
    let (subject, evidence) = sound();
    let made: Vec<CheckId> = judge(&subject, &evidence).checks.iter().map(|check| check.id).collect();
    let registered = CheckId::ALL.iter().copied();
    let judged: Vec<CheckId> = registered.filter(|id| id.area() != Area::Live).collect();
    assert_eq!(made, judged);
}

#[test]
fn a_sound_set_up_passes_every_check() {
    let (subject, evidence) = sound();
    assert_eq!(found(&subject, &evidence), BTreeSet::new());
    let encryptions: [Break; 3] = [
        |subject, evidence| without_kms(subject, evidence, Method::Aes),
        |subject, evidence| without_kms(subject, evidence, Method::None),
        with_aws_key,
    ];
    for set in encryptions {
        let (mut subject, mut evidence) = sound();
        set(&mut subject, &mut evidence);
        assert_eq!(found(&subject, &evidence), BTreeSet::new());
    }
}

/// What the service authorization reference and AWS's pages on condition keys decide is not called unknown.
#[test]
fn a_deny_that_touches_no_call_of_mixpanels_changes_nothing() {
    let harmless: [Break; 5] = [
        // Mixpanel gives no tags: its policy has no s3:PutObjectTagging.
        |_, e| {
            lifecycle(
                e,
                LifecycleRule {
                    id: "old".into(),
                    enabled: true,
                    expires: true,
                    tagged: true,
                    ..LifecycleRule::default()
                },
            )
        },
        // What the console's "Revoke active sessions" leaves for good.
        |_, e| {
            e.grants.push(grant(
                "inline policy AWSRevokeOlderSessions",
                document(json!([{ "Effect": "Deny", "Action": "*", "Resource": "*",
                    "Condition": { "DateLessThan": { "aws:TokenIssueTime": "2020-01-01T00:00:00Z" } } }])),
            ))
        },
        |_, e| {
            bucket_denies(
                e,
                json!({ "Action": "s3:PutObject", "Condition": { "StringEquals": { "s3:x-amz-acl": ["public-read", "public-read-write"] } } }),
            )
        },
        |_, e| {
            bucket_denies(
                e,
                json!({ "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                    "Condition": { "Null": { "s3:prefix": "false" } } }),
            )
        },
        |_, e| {
            bucket_denies(
                e,
                json!({ "Condition": { "StringNotEquals": { "s3:authType": "REST-HEADER" } } }),
            )
        },
    ];
    for (number, set) in harmless.into_iter().enumerate() {
        let (mut subject, mut evidence) = sound();
        set(&mut subject, &mut evidence);
        assert_eq!(found(&subject, &evidence), BTreeSet::new(), "{number}");
    }
}

/// A statement that says where it is not, or what it does not allow, speaks of the bucket and leaves it out.
#[test]
fn what_a_statement_leaves_out_is_not_called_detached() {
    for (from, to) in [("\"Resource\"", "\"NotResource\""), ("\"Action\"", "\"NotAction\"")] {
        let (subject, mut evidence) = sound();
        data_with(&mut evidence, from, to);
        let found = found(&subject, &evidence);
        assert!(found.contains(&("s3-actions", Status::Fail)), "{found:?}");
        let mut ids = found.iter().map(|(id, _)| *id);
        assert!(ids.all(|id| id != "policy-attached"), "{found:?}");
    }
}

/// What a check says to change by hand: the sentence, and the difference.
fn change(subject: &Subject, evidence: &Evidence, id: &str) -> (String, String) {
    let findings = judge(subject, evidence);
    let check = findings.checks.into_iter().find(|check| check.id.as_str() == id);
    let fix = check.unwrap().fix.into_iter();
    let mut changes = fix.filter_map(|fix| match fix {
        Fix::ByHand(edit) => Some((edit.change, edit.diff)),
        _ => None,
    });
    changes.next().expect("something to change by hand")
}

#[test]
fn a_deny_that_names_the_role_goes_and_any_other_gets_an_exception() {
    const ID: &str = "bucket-policy-principal";
    let role = "arn:aws:iam::123456789012:role/export";
    for (principal, words, added) in [
        (
            json!({ "AWS": role }),
            "remove statement 2 (Theirs) of policy of bucket acme-export, which names the role",
            "",
        ),
        (
            json!({ "AWS": [role, "arn:aws:iam::123456789012:role/x"] }),
            "take the role out of statement 2 (Theirs)",
            "+     \"AWS\": \"arn:aws:iam::123456789012:role/x\"",
        ),
        (
            json!("*"),
            "exempt the role in statement 2 (Theirs) of policy of bucket acme-export",
            "+     \"ArnNotEquals\": {\n+       \"aws:PrincipalArn\": \"arn:aws:iam::123456789012:role/export\"",
        ),
    ] {
        let (subject, mut evidence) = sound();
        assert_eq!(evidence.role.as_ref().unwrap().arn.as_str(), role);
        bucket_denies(&mut evidence, json!({ "Principal": principal }));
        let (change, diff) = change(&subject, &evidence, ID);
        assert!(change.contains(words), "{change}");
        assert!(diff.contains("-   \"Sid\": \"Theirs\""), "{diff}");
        assert!(diff.contains(added), "{diff}");
        assert_eq!(diff.contains("\n+ "), !added.is_empty(), "{diff}");
    }
}

/// The checks that offer a command.
fn offering_commands(subject: &Subject, evidence: &Evidence) -> Vec<&'static str> {
    let checks = judge(subject, evidence).checks.into_iter();
    let offers = |fix: &Fix| !matches!(fix, Fix::Advice(_));
    checks
        .filter(|check| check.fix.iter().any(offers))
        .map(|check| check.id.as_str())
        .collect()
}

/// The table of the whole runs that do what a finding says.
fn printed_fixes() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = root.join("tests/suite/printed_fixes/rows");
    let files = std::fs::read_dir(rows).unwrap();
    let text = |file: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(file.unwrap().path()).unwrap();
    files.map(text).collect()
}

#[test]
fn every_failure_says_where_it_was_read_and_what_mends_it() {
    let breaks: [Break; 4] = [
        |_, e| trust_with(e, TOKEN, "2195193"),
        |_, e| {
            e.grants.remove(1);
        },
        |_, e| {
            bucket_denies(
                e,
                json!({ "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-1" } } }),
            )
        },
        |_, e| the_key(e).state = "Disabled".into(),
    ];
    for make in breaks {
        let (mut subject, mut evidence) = sound();
        make(&mut subject, &mut evidence);
        let findings = judge(&subject, &evidence);
        for check in findings.with(Status::Fail) {
            assert!(!check.evidence.is_empty(), "{check:?}");
            assert!(!check.fix.is_empty(), "{check:?}");
            assert!(check.mixpanel_sees.is_some(), "{check:?}");
            assert!(!format!("{check:?}").contains(TOKEN), "{check:?}");
        }
        assert_eq!(findings.verdict(), Verdict::Fail);
    }
}

#[test]
fn a_role_for_one_project_is_undecided_until_the_project_is_named() {
    let (mut subject, mut evidence) = sound();
    data_with(&mut evidence, "acme-export/*", "acme-export/42/*");
    let findings = judge(&subject, &evidence);
    assert_eq!(findings.verdict(), Verdict::Unknown);
    subject.project = Some("42".parse().unwrap());
    assert_eq!(judge(&subject, &evidence).verdict(), Verdict::Pass);
    subject.project = Some("43".parse().unwrap());
    assert_eq!(judge(&subject, &evidence).verdict(), Verdict::Fail);
}

#[test]
fn a_verdict_is_never_better_than_what_was_judged() {
    let unread: [Break; 4] = [
        |_, e| {
            e.role = None;
            e.unread_role = Some(denied("iam:GetRole"));
        },
        |_, e| standing(e, BucketStanding::Refused { ours: Some(true) }),
        |_, e| e.key = KeyStanding::Unreadable(KEY.into(), denied("kms:DescribeKey")),
        |_, e| facts(e).settings.policy = unreadable("s3:GetBucketPolicy"),
    ];
    for make in unread {
        let (mut subject, mut evidence) = sound();
        make(&mut subject, &mut evidence);
        assert_eq!(judge(&subject, &evidence).verdict(), Verdict::Unknown);
    }
}

#[test]
fn an_old_tls_may_be_refused() {
    let (subject, mut evidence) = sound();
    let old = json!({ "Condition": { "NumericLessThan": { "s3:TlsVersion": "1.2" } } });
    bucket_denies(&mut evidence, old);
    assert_eq!(found(&subject, &evidence), BTreeSet::new());
    let new = json!({ "Condition": { "NumericLessThan": { "s3:TlsVersion": "1.3" } } });
    bucket_denies(&mut evidence, new);
    assert_eq!(judge(&subject, &evidence).verdict(), Verdict::Unknown);
}

#[test]
fn a_stand_in_differs_where_the_documents_name_the_real_role() {
    let (subject, mut evidence) = sound();
    let stand_in = Role {
        arn: format!("arn:aws:iam::{ACCOUNT}:role/export-probe").parse().unwrap(),
        tags: Vec::new(),
        ..role(&mut evidence).clone()
    };
    assert!(!stand_in_differs(&subject, &evidence, &stand_in));
    bucket_denies(
        &mut evidence,
        json!({ "Condition": { "ArnNotEquals": { "aws:PrincipalArn": format!("arn:aws:iam::{ACCOUNT}:role/export") } } }),
    );
    assert_eq!(found(&subject, &evidence), BTreeSet::new());
    assert!(stand_in_differs(&subject, &evidence, &stand_in));
}

#[test]
fn a_guess_at_the_form_fails_nothing() {
    let (mut subject, mut evidence) = sound();
    subject.form.is_declared = false;
    let aes = json!({ "Action": "s3:PutObject", "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption": "AES256" } } });
    bucket_denies(&mut evidence, aes);
    assert_eq!(
        found(&subject, &evidence),
        BTreeSet::from([("bucket-policy-sse", Status::Unknown)])
    );
}

/// A bucket policy of S3's largest size has some hundred statements, each of which may have to be taken out of the way.
#[test]
fn the_work_of_a_judgement_grows_no_faster_than_the_documents() {
    let spent = |statements| {
        let (subject, mut evidence) = sound();
        let deny = |number: usize| {
            json!({ "Sid": format!("S{number}"), "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                "Resource": ["arn:aws:s3:::acme-export", "arn:aws:s3:::acme-export/*"],
                "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-1" } } })
        };
        let all: Vec<Value> = (0..statements).map(deny).collect();
        facts(&mut evidence).settings.policy = Reading::Known(Some(document(json!(all))));
        effort::of(|| {
            let findings = judge(&subject, &evidence);
            let mut checks = findings.checks.iter();
            let refused = checks.find(|check| check.id.as_str() == "bucket-policy-network");
            let refused = refused.unwrap();
            let diff = match refused.fix.last() {
                Some(Fix::ByHand(edit)) => &edit.diff,
                other => panic!("{other:?}"),
            };
            // Each goes, and comes back with an exception for the role.
            assert_eq!(diff.matches("\"Sid\"").count(), 2 * statements);
        })
    };
    let (fifty, hundred, two_hundred) = (spent(50), spent(100), spent(200));
    for (less, more) in [(fifty, hundred), (hundred, two_hundred)] {
        let growth = more as f64 / less as f64;
        assert!((1.7..2.2).contains(&growth), "{less} and {more}");
    }
}
