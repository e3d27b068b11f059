//! Certain where AWS's documents decide, and unknown where they do not: what Mixpanel's call has of the keys that
//! people write, the project's folder, and conditions that say nothing.

use super::*;
use crate::encryption::{BucketEncryption, DefaultKey};

fn also_denies(evidence: &mut Evidence, mut more: Value) {
    more["Effect"] = json!("Deny");
    for (name, value) in [("Action", json!("s3:*")), ("Resource", json!("*"))] {
        let has = |name: &str| more.get(name).is_some() || more.get(format!("Not{name}")).is_some();
        if !has(name) {
            more[name] = value;
        }
    }
    evidence
        .grants
        .push(grant("inline policy more", document(json!([more]))));
}

/// What becomes of the calls of S3, by action: `allowed`, `refused`, `unknown`, or a mixture.
fn outcomes(subject: &Subject, evidence: &Evidence, action: &str) -> BTreeSet<&'static str> {
    let findings = judge(subject, evidence);
    let calls = findings.access.iter();
    let of_action = calls.filter(|access| access.call.action() == action);
    let outcome = |decision: &Decision| match decision {
        Decision::Allowed { .. } => "allowed",
        Decision::Denied(_) => "refused",
        Decision::Unknown { .. } => "unknown",
    };
    of_action.map(|access| outcome(&access.judgement.decision)).collect()
}

/// `<project ID>/` begins every path, and nobody gave the ID.
#[test]
fn a_deny_on_one_projects_folder_is_no_pass() {
    for folder in ["2195193/*", "12*/mp_people_data/*", "???/*", "0/*"] {
        let (mut subject, mut evidence) = sound();
        let resource = format!("arn:aws:s3:::acme-export/{folder}");
        also_denies(&mut evidence, json!({ "Action": "s3:PutObject", "Resource": resource }));
        let put = outcomes(&subject, &evidence, "s3:PutObject");
        assert!(put.contains("unknown") && !put.contains("refused"), "{folder}: {put:?}");
        let findings = judge(&subject, &evidence);
        assert_eq!(findings.verdict(), Verdict::Unknown, "{folder}");
        let told = format!("{:?}", findings.checks);
        assert!(told.contains("the project's ID"), "{folder}: {told}");
        subject.project = Some("7".parse().unwrap());
        assert_eq!(outcomes(&subject, &evidence, "s3:PutObject"), ["allowed"].into());
    }
    let (mut subject, mut evidence) = sound();
    let others = json!({ "Action": "s3:PutObject", "NotResource": "arn:aws:s3:::acme-export/7/*" });
    also_denies(&mut evidence, others);
    assert_eq!(outcomes(&subject, &evidence, "s3:PutObject"), ["unknown"].into());
    subject.project = Some("8".parse().unwrap());
    assert_eq!(outcomes(&subject, &evidence, "s3:PutObject"), ["refused"].into());
}

/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
#[test]
fn keys_that_a_call_cannot_have_are_absent_and_others_are_unknown() {
    let rows = [
        (
            json!({ "StringNotEquals": { "s3:LocationConstraint": "eu-west-1" } }),
            "s3:PutObject",
            "refused",
        ),
        (
            json!({ "StringNotLike": { "s3:x-amz-copy-source": "b/*" } }),
            "s3:GetObject",
            "refused",
        ),
        (
            json!({ "StringNotLike": { "s3:x-amz-copy-source": "b/*" } }),
            "s3:PutObject",
            "unknown",
        ),
        (
            json!({ "StringNotEquals": { "s3:RequestObjectTag/a": "b" } }),
            "s3:ListBucket",
            "refused",
        ),
        // A browser sends it; in a call of the API it is not present.
        (
            json!({ "StringNotLike": { "aws:Referer": "https://acme.example/*" } }),
            "s3:GetObject",
            "refused",
        ),
        (
            json!({ "NumericLessThan": { "ec2:RoleDelivery": "2.0" } }),
            "s3:PutObject",
            "allowed",
        ),
        (
            json!({ "StringNotEquals": { "aws:SourceIdentity": "x" } }),
            "s3:PutObject",
            "refused",
        ),
        (
            json!({ "Null": { "s3:if-none-match": "true" } }),
            "s3:GetObject",
            "refused",
        ),
        (
            json!({ "Null": { "s3:if-none-match": "true" } }),
            "s3:DeleteObject",
            "unknown",
        ),
        (
            json!({ "Bool": { "s3:ObjectCreationOperation": "true" } }),
            "s3:GetObject",
            "allowed",
        ),
        (
            json!({ "StringNotEquals": { "s3:ExistingObjectTag/a": "b" } }),
            "s3:ListBucket",
            "refused",
        ),
        (
            json!({ "StringNotEquals": { "s3:ExistingObjectTag/a": "b" } }),
            "s3:GetObject",
            "unknown",
        ),
        (
            json!({ "StringNotEquals": { "aws:Ec2InstanceSourceVpc": "vpc-1" } }),
            "s3:GetObject",
            "refused",
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
            "s3:GetObject",
            "refused",
        ),
        (
            json!({ "IpAddress": { "aws:SourceIp": ["192.168.1.0/24", "fd00::/8"] } }),
            "s3:GetObject",
            "allowed",
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": ["0.0.0.0/0", "::/0"] } }),
            "s3:GetObject",
            "allowed",
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": "0.0.0.0/0" } }),
            "s3:GetObject",
            "unknown",
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"] } }),
            "s3:GetObject",
            "unknown",
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/7" } }),
            "s3:GetObject",
            "unknown",
        ),
        (
            json!({ "StringEquals": { "aws:PrincipalAccount": [] } }),
            "s3:GetObject",
            "unknown",
        ),
        (
            json!({ "StringNotEquals": { "aws:PrincipalAccount": [] } }),
            "s3:GetObject",
            "unknown",
        ),
        (json!({ "StringEquals": {} }), "s3:GetObject", "unknown"),
    ];
    for (condition, action, expected) in rows {
        let (subject, mut evidence) = sound();
        also_denies(&mut evidence, json!({ "Condition": condition }));
        assert_eq!(
            outcomes(&subject, &evidence, action),
            [expected].into(),
            "{condition} {action}"
        );
    }
}

/// Without a bucket key, S3 sends the object's ARN, of which the project's folder is not known.
#[test]
fn an_encryption_context_of_one_project_is_unknown() {
    let (mut subject, mut evidence) = sound();
    facts(&mut evidence).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
        key: DefaultKey::Named(KEY.into()),
        bucket_key: false,
    }));
    let mut statement = build::kms(&key(KEY)).to_value()["Statement"][0].clone();
    let context = "arn:aws:s3:::acme-export/8/*";
    statement["Condition"] = json!({ "StringLike": { "kms:EncryptionContext:aws:s3:arn": context } });
    evidence.grants[0].document = document(json!([statement]));
    assert_eq!(outcomes(&subject, &evidence, "kms:Decrypt"), ["unknown"].into());
    for (project, expected) in [("8", "allowed"), ("7", "refused")] {
        subject.project = Some(project.parse().unwrap());
        assert_eq!(outcomes(&subject, &evidence, "kms:Decrypt"), [expected].into());
    }
}

/// What is known of the call that assumes the role. The tags of Mixpanel's user are in it where it has some, and nobody
/// here knows which; the credentials are a user's, or of today.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
#[test]
fn the_tags_of_mixpanels_user_are_unknown_and_its_credentials_are_of_today() {
    let tag = "aws:PrincipalTag/team";
    for (effect, condition, expected) in [
        ("Allow", json!({ "StringLike": { tag: "*" } }), Some(Status::Unknown)),
        (
            "Deny",
            json!({ "StringNotEquals": { tag: "data" } }),
            Some(Status::Unknown),
        ),
        ("Deny", json!({ "Null": { tag: "true" } }), Some(Status::Unknown)),
        (
            "Deny",
            json!({ "DateLessThan": { "aws:TokenIssueTime": "2026-01-01T00:00:00Z" } }),
            None,
        ),
        ("Deny", json!({ "Bool": { "aws:ViaAWSService": "true" } }), None),
        (
            "Deny",
            json!({ "NumericLessThan": { "ec2:RoleDelivery": "2.0" } }),
            None,
        ),
    ] {
        let (subject, mut evidence) = sound();
        let role = evidence.role.as_mut().unwrap();
        let user = json!({ "AWS": build::MIXPANEL_USER_ARN });
        let mut page = Value::Object(role.trust.statements()[0].map().clone());
        let mut statements = vec![];
        match effect {
            "Allow" => {
                for (operator, keys) in condition.as_object().unwrap() {
                    page["Condition"][operator] = keys.clone();
                }
            }
            _ => statements.push(json!({ "Effect": "Deny", "Principal": user, "Action": "sts:AssumeRole",
                "Condition": condition.clone() })),
        }
        statements.push(page);
        role.trust = document(json!(statements));
        let findings = judge(&subject, &evidence);
        let check = findings
            .checks
            .iter()
            .find(|check| check.id == CheckId::TrustExtraConditions);
        let status = Some(check.unwrap().status).filter(|status| *status != Status::Pass);
        assert_eq!(status, expected, "{effect} {condition}");
    }
}

/// AWS says "with an explicit deny" of what a statement denies, and "because no … allows" of silence.
#[test]
fn a_deny_is_not_told_as_silence() {
    let (subject, mut evidence) = sound();
    also_denies(&mut evidence, json!({ "Action": "s3:DeleteObject" }));
    let findings = judge(&subject, &evidence);
    let check = findings.with(Status::Fail).next().unwrap();
    assert_eq!(check.id, CheckId::S3Actions);
    assert!(
        check.summary.starts_with("the role's policies deny s3:DeleteObject"),
        "{}",
        check.summary
    );
    let sees = check.mixpanel_sees.as_deref().unwrap_or_default();
    assert!(
        sees.ends_with("with an explicit deny in an identity-based policy"),
        "{sees}"
    );
}
