//! Every refusal, and every unknown, quotes what decides: the statement, and each of its conditions with the policy's
//! values and what Mixpanel's call has. The causes are those that people meet; `reference_policies_condition-keys.html`
//! of the IAM user guide and `list_amazons3.html` of the service authorization reference have the keys.

use super::*;

fn trust_also_asks(evidence: &mut Evidence, condition: Value) {
    let mut statement = role(evidence).trust.to_value()["Statement"][0].clone();
    for (operator, keys) in condition.as_object().unwrap() {
        for (key, values) in keys.as_object().unwrap() {
            statement["Condition"][operator][key] = values.clone();
        }
    }
    role(evidence).trust = document(json!([statement]));
}

fn data_asks(evidence: &mut Evidence, condition: Value) {
    let mut statement = build::data(&bucket()).to_value()["Statement"][0].clone();
    statement["Condition"] = condition;
    evidence.grants[1].document = document(json!([statement]));
}

fn kms_asks(evidence: &mut Evidence, condition: Value) {
    let mut statement = build::kms(&key(KEY)).to_value()["Statement"][0].clone();
    statement["Condition"] = condition;
    evidence.grants[0].document = document(json!([statement]));
}

fn bounded_by(evidence: &mut Evidence, statement: Value) {
    role(evidence).boundary = Some("arn:aws:iam::123456789012:policy/boundary".into());
    evidence.boundary = Some(Reading::Known(document(json!([statement]))));
}

/// A cause: what is broken, the check that tells of it, what its summary names, and a line of its evidence.
type Cause = (Break, &'static str, &'static str, &'static str);

const CAUSES: &[Cause] = &[
    (
        |_, e| {
            let vpce = json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1" } });
            bucket_denies(e, json!({ "Condition": vpce }));
        },
        "bucket-policy-network",
        "(aws:SourceVpce)",
        "statement 2 (Theirs) of policy of bucket acme-export: StringNotEquals aws:SourceVpce \"vpce-1\" holds; in \
         Mixpanel's call the key is absent",
    ),
    (
        |_, e| {
            let address = json!({ "NotIpAddress": { "aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"] } });
            bucket_denies(e, json!({ "Condition": address }));
        },
        "bucket-policy-network",
        "aws:SourceIp",
        "NotIpAddress aws:SourceIp \"10.0.0.0/8\", \"192.0.2.0/24\" cannot be judged; what Mixpanel's call has is not \
         known (it is an address of Mixpanel's network)",
    ),
    (
        |_, e| {
            let sse = json!({ "StringNotEquals": { "s3:x-amz-server-side-encryption": "AES256" } });
            bucket_denies(e, json!({ "Action": "s3:PutObject", "Condition": sse }));
        },
        "bucket-policy-sse",
        "(s3:x-amz-server-side-encryption)",
        "StringNotEquals s3:x-amz-server-side-encryption \"AES256\" holds; in Mixpanel's call it is \"aws:kms\"",
    ),
    (
        |_, e| {
            let mfa = json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } });
            bucket_denies(e, json!({ "Condition": mfa }));
        },
        "bucket-policy-principal",
        "(aws:MultiFactorAuthPresent)",
        "BoolIfExists aws:MultiFactorAuthPresent \"false\" holds; in Mixpanel's call it is \"false\"",
    ),
    (
        |_, e| bucket_denies(e, json!({})),
        "bucket-policy-principal",
        "statement 2 (Theirs)",
        "statement 2 (Theirs) of policy of bucket acme-export: Deny, Principal \"*\", Action \"s3:*\", Resource \
         \"arn:aws:s3:::acme-export\", \"arn:aws:s3:::acme-export/*\", no Condition",
    ),
    (
        |_, e| data_asks(e, json!({ "StringEquals": { "aws:ResourceAccount": "111122223333" } })),
        "s3-actions",
        "(aws:ResourceAccount)",
        "statement 1 (MixpanelS3AccessStatement) of policy export-s3: StringEquals aws:ResourceAccount \
         \"111122223333\" does not hold; in Mixpanel's call it is \"123456789012\"",
    ),
    (
        |_, e| data_asks(e, json!({ "Bool": { "aws:SecureTransport": false } })),
        "s3-actions",
        "(aws:SecureTransport)",
        "Bool aws:SecureTransport \"false\" does not hold; in Mixpanel's call it is \"true\"",
    ),
    (
        |_, e| data_asks(e, json!({ "StringLike": { "s3:prefix": "exports/*" } })),
        "s3-actions",
        "s3:prefix",
        "StringLike s3:prefix \"exports/*\" does not hold; in Mixpanel's call the key is absent",
    ),
    (
        |_, e| data_with(e, "\"s3:DeleteObject\"", "\"s3:GetObjectTagging\""),
        "s3-actions",
        "s3:DeleteObject",
        "statement 1 (MixpanelS3AccessStatement) of policy export-s3: Action \"s3:PutObject\", \"s3:GetObject\", \
         \"s3:ListBucket\", \"s3:GetObjectTagging\" does not match; Mixpanel calls s3:DeleteObject",
    ),
    (
        |_, e| data_with(e, "acme-export/*", "acme-export/exports/*"),
        "s3-actions",
        "s3:PutObject",
        "Resource \"arn:aws:s3:::acme-export\", \"arn:aws:s3:::acme-export/exports/*\" does not match; Mixpanel's \
         call is on arn:aws:s3:::acme-export/0/",
    ),
    (
        |_, e| {
            let only = json!({ "StringEquals": { "aws:RequestedRegion": "us-east-1" } });
            bounded_by(
                e,
                json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": only }),
            );
        },
        "permissions-boundary",
        "(aws:RequestedRegion)",
        "statement 1 of permissions boundary: StringEquals aws:RequestedRegion \"us-east-1\" does not hold; in \
         Mixpanel's call it is \"eu-west-1\"",
    ),
    (
        |_, e| {
            kms_asks(
                e,
                json!({ "StringEquals": { "kms:ViaService": "s3.us-east-1.amazonaws.com" } }),
            );
        },
        "kms-iam-actions",
        "(kms:ViaService)",
        "StringEquals kms:ViaService \"s3.us-east-1.amazonaws.com\" does not hold; in Mixpanel's call it is \
         \"s3.eu-west-1.amazonaws.com\"",
    ),
    (
        |_, e| {
            let statement = json!([{ "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*",
                "Condition": { "StringEquals": { "kms:CallerAccount": "111122223333" } } }]);
            key_policy(e, Reading::Known(document(statement)));
        },
        "kms-key-policy",
        "(kms:CallerAccount)",
        "statement 1 of key policy: StringEquals kms:CallerAccount \"111122223333\" does not hold; in Mixpanel's call \
         it is \"123456789012\"",
    ),
    (
        |_, e| {
            kms_asks(
                e,
                json!({ "StringEquals": { "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::other" } }),
            );
        },
        "kms-encryption-context",
        "encryption context",
        "StringEquals kms:EncryptionContext:aws:s3:arn \"arn:aws:s3:::other\" does not hold; in Mixpanel's call it is \
         \"arn:aws:s3:::acme-export\"",
    ),
    (
        |_, e| trust_also_asks(e, json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } })),
        "trust-extra-conditions",
        "aws:MultiFactorAuthPresent",
        "Bool aws:MultiFactorAuthPresent \"true\" does not hold; in Mixpanel's call the key is absent",
    ),
    (
        |_, e| trust_also_asks(e, json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } })),
        "trust-extra-conditions",
        "aws:SourceIp",
        "IpAddress aws:SourceIp \"192.0.2.0/24\" cannot be judged; what Mixpanel's call has is not known (it is an \
         address of Mixpanel's network)",
    ),
    (
        |_, e| {
            let mut statements = role(e).trust.to_value()["Statement"].clone();
            let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "sts:*",
                "Condition": { "StringNotEquals": { "sts:ExternalId": "ffffffffffffffffffffffffffffffff" } } });
            statements.as_array_mut().unwrap().push(deny);
            role(e).trust = document(statements);
        },
        "trust-extra-conditions",
        "a Deny",
        "statement 2 of trust policy of role export: StringNotEquals sts:ExternalId \"ffff…ffff\" holds; in \
         Mixpanel's call it is \"0123…cdef\"",
    ),
    (
        |_, e| {
            facts(e).settings.ownership = Reading::Known(Ownership {
                setting: "ObjectWriter".into(),
            })
        },
        "acl-ownership",
        "ObjectWriter",
        "ObjectOwnership ObjectWriter",
    ),
    (
        |_, e| {
            facts(e).settings.public_access = Reading::Known(PublicAccess {
                off: vec!["IgnorePublicAcls", "BlockPublicPolicy"],
            })
        },
        "bpa",
        "IgnorePublicAcls, BlockPublicPolicy are off",
        "s3:GetPublicAccessBlock → IgnorePublicAcls, BlockPublicPolicy",
    ),
    (
        |_, e| {
            lifecycle(
                e,
                LifecycleRule {
                    id: "cold".into(),
                    enabled: true,
                    archives_to: Some("DEEP_ARCHIVE".into()),
                    ..LifecycleRule::default()
                },
            );
        },
        "lifecycle-expiry",
        "DEEP_ARCHIVE",
        "rule 'cold'",
    ),
];

#[test]
fn every_cause_is_named_with_what_the_policy_says_and_what_the_call_has() {
    for (break_it, id, named, quoted) in CAUSES {
        let (mut subject, mut evidence) = sound();
        break_it(&mut subject, &mut evidence);
        let findings = judge(&subject, &evidence);
        let check = findings.checks.iter().find(|check| check.id.as_str() == *id).unwrap();
        let told = [Status::Fail, Status::Warn, Status::Unknown];
        assert!(told.contains(&check.status), "{check:#?}");
        assert!(check.summary.contains(named), "{named} in {check:#?}");
        let mut lines = check.evidence.iter();
        assert!(lines.any(|line| line.contains(quoted)), "{quoted} in {check:#?}");
        let text = format!("{check:?}");
        assert!(!text.contains(TOKEN) && !text.contains(&"f".repeat(32)), "{text}");
    }
}
