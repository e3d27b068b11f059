//! A sound set-up, as it would be read, and the ways to break it.

use super::*;

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(super) const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(super) const OTHER_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/99999999-12ab-34cd-56ef-1234567890ab";

/// Checks whose answer is `unknown` of any set-up: no account sees them.
pub(super) const NEVER_KNOWN: [&str; 2] = ["rcp-sts", "rcp-network"];

pub(super) type Break = fn(&mut Subject, &mut Evidence);

pub(super) fn document(value: Value) -> Document {
    Document::parse(&json!({ "Version": "2012-10-17", "Statement": value }).to_string()).unwrap()
}

pub(super) fn bucket() -> BucketName {
    "acme-export".parse().unwrap()
}

pub(super) fn key(arn: &str) -> KeyArn {
    arn.parse().unwrap()
}

/// What a live proof of the role leaves where it is killed.
pub(super) fn probe() -> Role {
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

pub(super) fn denied(action: &str) -> Unread {
    Unread {
        action: action.into(),
        why: Unanswered::Refused,
    }
}

pub(super) fn unreadable<T>(action: &str) -> Reading<T> {
    Reading::Unreadable(denied(action))
}

pub(super) fn grant(name: &str, document: Document) -> Grant {
    Grant {
        name: name.into(),
        arn: None,
        document,
    }
}

pub(super) fn delegating() -> Document {
    document(
        json!([{ "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") }, "Action": "kms:*", "Resource": "*" }]),
    )
}

/// A sound set-up with SSE-KMS and a key of one's own.
pub(super) fn sound() -> (Subject, Evidence) {
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

pub(super) fn role(evidence: &mut Evidence) -> &mut Role {
    evidence.role.as_mut().unwrap()
}

pub(super) fn facts(evidence: &mut Evidence) -> &mut BucketFacts {
    match &mut evidence.bucket {
        Some((_, BucketStanding::Here(facts))) => facts,
        _ => panic!("there is a bucket"),
    }
}

pub(super) fn standing(evidence: &mut Evidence, standing: BucketStanding) {
    evidence.bucket = Some((bucket(), standing));
    evidence.key = KeyStanding::NotUsed;
    evidence.exports = None;
}

pub(super) fn the_key(evidence: &mut Evidence) -> &mut Key {
    match &mut evidence.key {
        KeyStanding::Here { key, .. } => key,
        _ => panic!("there is a key"),
    }
}

pub(super) fn key_policy(evidence: &mut Evidence, to: Reading<Document>) {
    if let KeyStanding::Here { policy, .. } = &mut evidence.key {
        *policy = to;
    }
}

/// The data policy with something else in the place of a text.
pub(super) fn data_with(evidence: &mut Evidence, from: &str, to: &str) {
    let text = build::data(&bucket()).to_json().replace(from, to);
    evidence.grants[1].document = Document::parse(&text).unwrap();
}

pub(super) fn kms_with(evidence: &mut Evidence, from: &str, to: &str) {
    let text = build::kms(&key(KEY)).to_json().replace(from, to);
    evidence.grants[0].document = Document::parse(&text).unwrap();
}

pub(super) fn trust_with(evidence: &mut Evidence, from: &str, to: &str) {
    let text = role(evidence).trust.to_json().replace(from, to);
    role(evidence).trust = Document::parse(&text).unwrap();
}

/// Trusts somebody besides Mixpanel.
pub(super) fn also_trusts(evidence: &mut Evidence, principal: Value) {
    let mut statements = role(evidence).trust.to_value()["Statement"].clone();
    let more = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    statements.as_array_mut().unwrap().push(more);
    role(evidence).trust = document(statements);
}

/// A key policy that lets another account in as well.
/// The bucket's policy lets another account do this too.
pub(super) fn bucket_open_to(evidence: &mut Evidence, actions: Value) {
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

pub(super) fn key_open_to(evidence: &mut Evidence, actions: Value) {
    let mut statements = delegating().to_value()["Statement"].clone();
    let more = json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": actions, "Resource": "*" });
    statements.as_array_mut().unwrap().push(more);
    key_policy(evidence, Reading::Known(document(statements)));
}

pub(super) fn bucket_denies(evidence: &mut Evidence, more: Value) {
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

pub(super) fn lifecycle(evidence: &mut Evidence, rule: LifecycleRule) {
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
pub(super) fn without_kms(subject: &mut Subject, evidence: &mut Evidence, encryption: Method) {
    subject.form.encryption = encryption;
    subject.form.key = None;
    evidence.key = KeyStanding::NotUsed;
    evidence.grants.remove(0);
    facts(evidence).settings.encryption = Reading::Known(Some(BucketEncryption::Aes));
}

pub(super) fn with_aws_key(subject: &mut Subject, evidence: &mut Evidence) {
    subject.form.key = None;
    evidence.key = KeyStanding::AwsManaged;
    evidence.grants.remove(0);
    facts(evidence).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
        key: DefaultKey::AwsManaged,
        bucket_key: true,
    }));
}

/// Has the simulator say what the documents say.
pub(super) fn simulate_truly(subject: &Subject, evidence: &mut Evidence) {
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
