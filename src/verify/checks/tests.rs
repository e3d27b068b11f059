//! A sound set-up passes every check; a set-up that is broken in one way fails the one check that tells of it, and no
//! other.

mod discovery;
mod grounds;
mod quotes;
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

const ACCOUNT: &str = "123456789012";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/99999999-12ab-34cd-56ef-1234567890ab";

/// Checks whose answer is `unknown` of any set-up: no account sees them.
const NEVER_KNOWN: [&str; 2] = ["rcp-sts", "rcp-network"];

type Break = fn(&mut Subject, &mut Evidence);

fn document(value: Value) -> Document {
    Document::parse(&json!({ "Version": "2012-10-17", "Statement": value }).to_string()).unwrap()
}

fn bucket() -> BucketName {
    "acme-export".parse().unwrap()
}

fn key(arn: &str) -> KeyArn {
    arn.parse().unwrap()
}

/// What a live proof of the role leaves where it is killed.
fn probe() -> Role {
    Role {
        name: "export-probe".parse().unwrap(),
        id: "AROAPROBE".into(),
        arn: format!("arn:aws:iam::{ACCOUNT}:role/export-probe").parse().unwrap(),
        path: IamPath::root(),
        trust: build::probe_trust(&format!("arn:aws:iam::{ACCOUNT}:user/me"), TOKEN),
        tags: vec![Tag::probe_of("export")],
        boundary: None,
        last_used: None,
        attached: Vec::new(),
        inline: Vec::new(),
        aws_managed: Vec::new(),
    }
}

fn denied(action: &str) -> Unread {
    Unread {
        action: action.into(),
        why: Unanswered::Refused,
    }
}

fn unreadable<T>(action: &str) -> Reading<T> {
    Reading::Unreadable(denied(action))
}

fn grant(name: &str, document: Document) -> Grant {
    Grant {
        name: name.into(),
        arn: None,
        document,
    }
}

fn delegating() -> Document {
    document(
        json!([{ "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "kms:*", "Resource": "*" }]),
    )
}

/// A sound set-up with SSE-KMS and a key of one's own.
fn sound() -> (Subject, Evidence) {
    let now = datetime!(2026-05-20 12:00 UTC);
    let subject = Subject {
        tokens: vec![TOKEN.parse().unwrap()],
        form: Form {
            encryption: Method::Kms,
            key: Some(key(KEY)),
            is_declared: true,
        },
        ..Subject::default()
    };
    let fresh = Exported {
        objects: 3,
        newest: Some(datetime!(2026-05-20 10:00 UTC)),
        complete: true,
    };
    let policy = document(json!([Value::Object(build::deny_plain_http(&bucket()).map().clone())]));
    let simulated = |action: &str| Simulated {
        action: action.into(),
        resource: "x".into(),
        allowed: true,
        by_organization: Some(true),
        by_boundary: None,
        missing_context: Vec::new(),
    };
    let evidence = Evidence {
        caller: Caller {
            account: ACCOUNT.parse().unwrap(),
            arn: format!("arn:aws:iam::{ACCOUNT}:user/me"),
            partition: Partition::Aws,
        },
        now,
        role_name: "export".parse().unwrap(),
        role: Some(Role {
            name: "export".parse().unwrap(),
            id: "AROAEXAMPLE".into(),
            arn: format!("arn:aws:iam::{ACCOUNT}:role/export").parse().unwrap(),
            path: IamPath::root(),
            trust: build::trust(&[TOKEN.to_owned()].into()),
            tags: vec![Tag::managed_by()],
            boundary: None,
            last_used: Some("2026-05-20T10:00:00Z".into()),
            attached: Vec::new(),
            inline: Vec::new(),
            aws_managed: Vec::new(),
        }),
        unread_role: None,
        grants: vec![
            grant("policy export-kms", build::kms(&key(KEY))),
            grant("policy export-s3", build::data(&bucket())),
        ],
        unread_grants: Vec::new(),
        boundary: None,
        bucket: Some((
            bucket(),
            BucketStanding::Here(Box::new(BucketFacts {
                owner: ACCOUNT.parse().unwrap(),
                settings: Bucket {
                    region: "eu-west-1".parse().unwrap(),
                    tags: Reading::Known(vec![Tag::managed_by()]),
                    public_access: Reading::Known(PublicAccess::all()),
                    ownership: Reading::Known(Ownership::enforced()),
                    encryption: Reading::Known(Some(BucketEncryption::Kms {
                        key: DefaultKey::Named(KEY.into()),
                        bucket_key: true,
                    })),
                    policy: Reading::Known(Some(policy)),
                    lifecycle: Reading::Known(Lifecycle {
                        rules: vec![LifecycleRule {
                            id: "abort".into(),
                            enabled: true,
                            aborts_uploads: true,
                            ..LifecycleRule::default()
                        }],
                        others: String::new(),
                    }),
                    empty: None,
                },
                versioned: Some(Reading::Known(false)),
                retention: Some(Reading::Known(None)),
                requester_pays: Some(Reading::Known(false)),
            })),
        )),
        sharing: Some(Reading::Known(Vec::new())),
        probe: Some(Reading::Known(None)),
        key: KeyStanding::Here {
            key: Box::new(Key {
                arn: key(KEY),
                description: String::new(),
                state: "Enabled".into(),
                spec: "SYMMETRIC_DEFAULT".into(),
                customer_managed: true,
            }),
            policy: Reading::Known(delegating()),
        },
        simulated: Some(Reading::Known(vec![
            simulated("s3:ListBucket"),
            simulated("s3:PutObject"),
        ])),
        token_version: Some(Reading::Known(Some(2))),
        exports: Some(Reading::Known(Exports {
            read: vec![Export {
                project: "7".parse().unwrap(),
                days: days(now).into_iter().map(|day| (day, fresh)).collect(),
                people: Exported::default(),
                identities: Exported::default(),
            }],
            not_read: Vec::new(),
            complete: true,
        })),
    };
    (subject, evidence)
}

fn role(evidence: &mut Evidence) -> &mut Role {
    evidence.role.as_mut().unwrap()
}

fn facts(evidence: &mut Evidence) -> &mut BucketFacts {
    match &mut evidence.bucket {
        Some((_, BucketStanding::Here(facts))) => facts,
        _ => panic!("there is a bucket"),
    }
}

fn standing(evidence: &mut Evidence, standing: BucketStanding) {
    evidence.bucket = Some((bucket(), standing));
    evidence.key = KeyStanding::NotUsed;
    evidence.exports = None;
}

fn the_key(evidence: &mut Evidence) -> &mut Key {
    match &mut evidence.key {
        KeyStanding::Here { key, .. } => key,
        _ => panic!("there is a key"),
    }
}

fn key_policy(evidence: &mut Evidence, to: Reading<Document>) {
    if let KeyStanding::Here { policy, .. } = &mut evidence.key {
        *policy = to;
    }
}

/// The data policy with something else in the place of a text.
fn data_with(evidence: &mut Evidence, from: &str, to: &str) {
    let text = build::data(&bucket()).to_json().replace(from, to);
    evidence.grants[1].document = Document::parse(&text).unwrap();
}

fn kms_with(evidence: &mut Evidence, from: &str, to: &str) {
    let text = build::kms(&key(KEY)).to_json().replace(from, to);
    evidence.grants[0].document = Document::parse(&text).unwrap();
}

fn trust_with(evidence: &mut Evidence, from: &str, to: &str) {
    let text = role(evidence).trust.to_json().replace(from, to);
    role(evidence).trust = Document::parse(&text).unwrap();
}

/// Trusts somebody besides Mixpanel.
fn also_trusts(evidence: &mut Evidence, principal: Value) {
    let mut statements = role(evidence).trust.to_value()["Statement"].clone();
    let more = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    statements.as_array_mut().unwrap().push(more);
    role(evidence).trust = document(statements);
}

/// A key policy that lets another account in as well.
/// The bucket's policy lets another account do this too.
fn bucket_open_to(evidence: &mut Evidence, actions: Value) {
    let Reading::Known(Some(policy)) = &mut facts(evidence).settings.policy else {
        panic!("a sound set-up has a bucket policy");
    };
    let mut statements: Vec<Value> = policy
        .statements()
        .iter()
        .map(|one| Value::Object(one.map().clone()))
        .collect();
    statements.push(
        json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
        "Action": actions, "Resource": ["arn:aws:s3:::acme-export", "arn:aws:s3:::acme-export/*"] }),
    );
    *policy = document(json!(statements));
}

fn key_open_to(evidence: &mut Evidence, actions: Value) {
    let mut statements = delegating().to_value()["Statement"].clone();
    let more = json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": actions, "Resource": "*" });
    statements.as_array_mut().unwrap().push(more);
    key_policy(evidence, Reading::Known(document(statements)));
}

fn bucket_denies(evidence: &mut Evidence, more: Value) {
    let mut statement = json!({
        "Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::acme-export", "arn:aws:s3:::acme-export/*"],
    });
    for (name, value) in more.as_object().unwrap() {
        statement[name] = value.clone();
    }
    if statement.get("NotPrincipal").is_some() {
        statement.as_object_mut().unwrap().remove("Principal");
    }
    let own = Value::Object(build::deny_plain_http(&bucket()).map().clone());
    facts(evidence).settings.policy = Reading::Known(Some(document(json!([own, statement]))));
}

fn lifecycle(evidence: &mut Evidence, rule: LifecycleRule) {
    let mut rules = vec![rule];
    if let Reading::Known(known) = &facts(evidence).settings.lifecycle {
        rules.extend(known.rules.clone());
    }
    facts(evidence).settings.lifecycle = Reading::Known(Lifecycle {
        rules,
        others: String::new(),
    });
}

/// The same set-up without KMS: with AES, or with nothing chosen.
fn without_kms(subject: &mut Subject, evidence: &mut Evidence, encryption: Method) {
    subject.form.encryption = encryption;
    subject.form.key = None;
    evidence.key = KeyStanding::NotUsed;
    evidence.grants.remove(0);
    facts(evidence).settings.encryption = Reading::Known(Some(BucketEncryption::Aes));
}

fn with_aws_key(subject: &mut Subject, evidence: &mut Evidence) {
    subject.form.key = None;
    evidence.key = KeyStanding::AwsManaged;
    evidence.grants.remove(0);
    facts(evidence).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
        key: DefaultKey::AwsManaged,
        bucket_key: true,
    }));
}

/// Has the simulator say what the documents say.
fn simulate_truly(subject: &Subject, evidence: &mut Evidence) {
    let access = judge(subject, evidence).access;
    if let Some(Reading::Known(simulated)) = &mut evidence.simulated {
        for one in simulated {
            let mut asked = access.iter();
            let asked = asked.find(|access| access.call.action() == one.action);
            let by_role = asked.and_then(|access| access.by_role.as_ref());
            one.allowed = matches!(by_role, Some(Decision::Allowed { .. }));
        }
    }
}

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
