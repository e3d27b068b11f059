//! The table of broken set-ups: each fails its own check, and no other one.

use super::*;

#[test]
fn every_broken_set_up_fails_its_own_check_and_no_other() {
    use Status::{Fail, Unknown, Warn};
    let table: &[(&str, Status, Break)] = &[
        ("partition", Fail, |_, e| e.caller.partition = Partition::China),
        ("role-exists", Fail, |_, e| e.role = None),
        ("role-arn-shape", Fail, |s, _| {
            s.role_arn = Some("arn:aws:iam:::role/export".into())
        }),
        ("trust-external-id", Fail, |s, _| {
            s.tokens = vec!["feedfacefeedfacefeedfacefeedface".parse().unwrap()]
        }),
        ("trust-external-id", Fail, |_, e| {
            trust_with(e, TOKEN, &TOKEN.to_uppercase())
        }),
        ("trust-external-id", Fail, |_, e| trust_with(e, TOKEN, "2195193")),
        ("trust-principal", Fail, |_, e| {
            trust_with(e, "user/mixpanel-export", "user/somebody")
        }),
        ("trust-orphan-id", Fail, |_, e| {
            trust_with(
                e,
                "arn:aws:iam::485438090326:user/mixpanel-export",
                "AIDAJQABLZS4A3QDU576Q",
            )
        }),
        ("trust-no-external-id", Fail, |_, e| {
            role(e).trust = document(
                json!([{ "Effect": "Allow", "Principal": { "AWS": build::MIXPANEL_USER_ARN }, "Action": "sts:AssumeRole" }]),
            );
        }),
        ("trust-no-external-id", Fail, |_, e| {
            trust_with(e, "StringEquals", "StringLike");
            trust_with(e, TOKEN, "0123*");
        }),
        ("trust-others", Warn, |_, e| {
            trust_with(e, "user/mixpanel-export", "root")
        }),
        ("trust-others", Warn, |_, e| {
            also_trusts(e, json!({ "Service": "ec2.amazonaws.com" }))
        }),
        ("trust-others", Warn, |_, e| {
            also_trusts(e, json!({ "AWS": "arn:aws:iam::123456789012:root" }))
        }),
        ("trust-others", Fail, |_, e| {
            also_trusts(e, json!({ "AWS": "arn:aws:iam::111122223333:root" }))
        }),
        ("trust-others", Fail, |_, e| {
            trust_with(e, build::MIXPANEL_USER_ARN, "*")
        }),
        ("role-excess", Fail, |_, e| {
            e.grants.push(grant(
                "policy admin",
                document(json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }])),
            ))
        }),
        ("role-excess", Fail, |_, e| {
            e.grants.push(grant(
                "inline policy more",
                document(
                    json!([{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::payroll/*" }]),
                ),
            ))
        }),
        // One Allow for all four actions, which the prefix keeps from the objects.
        ("s3-actions", Fail, |_, e| {
            data_with(
                e,
                "\"Resource\"",
                r#""Condition":{"StringLike":{"s3:prefix":"*"}},"Resource""#,
            )
        }),
        ("role-excess", Warn, |_, e| data_with(e, "\"s3:PutObject\"", "\"s3:*\"")),
        ("bucket-others", Warn, |_, e| bucket_open_to(e, json!("s3:GetObject"))),
        ("bucket-others", Fail, |_, e| bucket_open_to(e, json!("s3:*"))),
        ("kms-key-others", Fail, |_, e| key_open_to(e, json!("kms:*"))),
        ("kms-key-others", Warn, |_, e| key_open_to(e, json!("kms:Decrypt"))),
        ("kms-key-others", Fail, |_, e| {
            the_key(e).description = "Mixpanel export to s3://acme-export: key made by mixpanel-s3".into();
            key_open_to(e, json!("kms:Decrypt"));
        }),
        ("trust-extra-conditions", Unknown, |_, e| {
            trust_with(
                e,
                "\"StringEquals\"",
                "\"IpAddress\":{\"aws:SourceIp\":\"203.0.113.0/24\"},\"StringEquals\"",
            )
        }),
        ("trust-extra-conditions", Fail, |_, e| {
            trust_with(
                e,
                "\"StringEquals\"",
                "\"Bool\":{\"aws:MultiFactorAuthPresent\":\"true\"},\"StringEquals\"",
            )
        }),
        ("trust-extra-conditions", Fail, |_, e| {
            trust_with(
                e,
                "\"StringEquals\":{",
                "\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-acme\",",
            )
        }),
        ("trust-extra-conditions", Fail, |_, e| {
            trust_with(e, "\"sts:AssumeRole\"", "\"sts:TagSession\"")
        }),
        ("kms-key-policy", Fail, |_, e| {
            key_policy(
                e,
                Reading::Known(document(
                    json!([{ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::123456789012:role/admin" }, "Action": "kms:*", "Resource": "*" }]),
                )),
            )
        }),
        ("kms-key-policy", Unknown, |_, e| {
            key_policy(e, unreadable("kms:GetKeyPolicy"))
        }),
        ("kms-iam-actions", Fail, |_, e| kms_with(e, "\"kms:Decrypt\",", "")),
        ("kms-iam-actions", Fail, |_, e| {
            e.grants.remove(0);
        }),
        ("kms-arn-match", Fail, |_, e| kms_with(e, KEY, OTHER_KEY)),
        ("kms-arn-match", Fail, |_, e| {
            kms_with(e, KEY, "arn:aws:kms:eu-west-1:123456789012:alias/export")
        }),
        ("kms-encryption-context", Fail, |_, e| {
            kms_with(
                e,
                "\"Resource\"",
                "\"Condition\":{\"StringLike\":{\"kms:EncryptionContext:aws:s3:arn\":\"arn:aws:s3:::acme-export/*\"}},\
                 \"Resource\"",
            )
        }),
        ("s3-actions", Fail, |_, e| data_with(e, ",\"s3:DeleteObject\"", "")),
        ("s3-actions", Fail, |_, e| {
            data_with(e, "\"arn:aws:s3:::acme-export\",", "")
        }),
        ("s3-actions", Fail, |_, e| {
            e.grants.push(grant(
                "inline policy no",
                document(json!([{ "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*" }])),
            ))
        }),
        ("policy-attached", Fail, |_, e| {
            e.grants.remove(1);
        }),
        ("policy-attached", Fail, |_, e| {
            data_with(e, "acme-export", "acme-other")
        }),
        ("policy-attached", Fail, |_, e| {
            e.grants.clear();
            e.bucket = None;
            e.key = KeyStanding::NotUsed;
            e.exports = None;
        }),
        ("policy-attached", Unknown, |_, e| {
            e.grants.remove(1);
            e.unread_grants.push(denied("iam:GetPolicyVersion"));
        }),
        ("permissions-boundary", Fail, |_, e| {
            role(e).boundary = Some("arn:aws:iam::123456789012:policy/bounds".into());
            e.boundary = Some(Reading::Known(document(
                json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]),
            )));
        }),
        ("permissions-boundary", Unknown, |_, e| {
            role(e).boundary = Some("arn:aws:iam::123456789012:policy/bounds".into());
            e.boundary = Some(unreadable("iam:GetPolicyVersion"));
        }),
        ("bucket-policy-sse", Fail, |_, e| {
            bucket_denies(
                e,
                json!({ "Action": "s3:PutObject", "Condition": { "StringNotEquals": { "s3:x-amz-server-side-encryption": "AES256" } } }),
            )
        }),
        ("bucket-policy-sse", Fail, |s, e| {
            without_kms(s, e, Method::None);
            bucket_denies(
                e,
                json!({ "Action": "s3:PutObject", "Condition": { "Null": { "s3:x-amz-server-side-encryption": "true" } } }),
            );
        }),
        ("bucket-policy-network", Fail, |_, e| {
            bucket_denies(
                e,
                json!({ "Condition": { "StringNotEquals": { "aws:SourceVpce": "vpce-1" } } }),
            )
        }),
        ("bucket-policy-network", Unknown, |_, e| {
            bucket_denies(
                e,
                json!({ "Condition": { "NotIpAddress": { "aws:SourceIp": "203.0.113.0/24" } } }),
            )
        }),
        ("bucket-policy-principal", Fail, |_, e| {
            bucket_denies(
                e,
                json!({ "Condition": { "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/admin" } } }),
            )
        }),
        ("bucket-policy-principal", Fail, |_, e| {
            bucket_denies(
                e,
                json!({ "NotPrincipal": { "AWS": ["arn:aws:iam::123456789012:role/admin", "arn:aws:iam::123456789012:root"] } }),
            )
        }),
        ("bucket-policy-principal", Fail, |_, e| {
            bucket_denies(
                e,
                json!({ "Condition": { "StringNotLike": { "aws:userId": ["AROAADMIN:*", "123456789012"] } } }),
            )
        }),
        ("bucket-region", Fail, |s, _| {
            s.region = Some("us-east-1".parse().unwrap())
        }),
        ("bucket-region", Warn, |s, e| {
            without_kms(s, e, Method::Aes);
            facts(e).settings.region = "il-central-1".parse().unwrap();
        }),
        ("bucket-exists", Fail, |_, e| standing(e, BucketStanding::Missing)),
        ("bucket-exists", Unknown, |_, e| {
            standing(e, BucketStanding::Refused { ours: Some(true) })
        }),
        ("bucket-owner", Fail, |_, e| {
            standing(e, BucketStanding::Refused { ours: Some(false) })
        }),
        ("bucket-owner", Unknown, |_, e| {
            standing(e, BucketStanding::Refused { ours: None })
        }),
        ("bucket-owner", Fail, |_, e| standing(e, BucketStanding::Strangers)),
        ("bucket-owner", Unknown, |s, e| {
            s.bucket_account = Some("210987654321".parse().unwrap());
            standing(e, BucketStanding::Refused { ours: Some(false) })
        }),
        ("bucket-other-account", Fail, |_, e| {
            facts(e).owner = "210987654321".parse().unwrap();
        }),
        ("bucket-type", Fail, |_, e| {
            e.bucket = None;
            e.key = KeyStanding::NotUsed;
            e.exports = None;
            data_with(e, "acme-export", "acme--euw1-az1--x-s3");
        }),
        ("probe-left", Warn, |_, e| {
            e.probe = Some(Reading::Known(Some(probe())));
        }),
        ("probe-left", Warn, |_, e| {
            let mut changed = probe();
            changed
                .attached
                .push("arn:aws:iam::aws:policy/AdministratorAccess".into());
            e.probe = Some(Reading::Known(Some(changed)));
        }),
        ("probe-left", Unknown, |_, e| {
            e.probe = Some(Reading::Unreadable(denied("iam:GetRole")));
        }),
        ("bucket-shared", Warn, |_, e| {
            e.sharing = Some(Reading::Known(vec![Writer {
                role: "second".parse().unwrap(),
                unread: None,
            }]));
        }),
        ("bucket-shared", Unknown, |_, e| {
            e.sharing = Some(Reading::Unreadable(denied("iam:ListRoles")));
        }),
        ("dots-in-name", Warn, |_, e| {
            let (name, standing) = e.bucket.take().unwrap();
            e.bucket = Some((name.as_str().replace('-', ".").parse().unwrap(), standing));
            let dotted = |text: String| text.replace("acme-export", "acme.export");
            e.grants[1].document = Document::parse(&dotted(build::data(&bucket()).to_json())).unwrap();
            let policy = facts(e).settings.policy.known().unwrap().clone().unwrap();
            facts(e).settings.policy = Reading::Known(Some(Document::parse(&dotted(policy.to_json())).unwrap()));
        }),
        ("ui-encryption-mismatch", Warn, |s, e| {
            with_aws_key(s, e);
            facts(e).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
                key: DefaultKey::Named(KEY.into()),
                bucket_key: true,
            }));
        }),
        ("ui-encryption-mismatch", Warn, |s, e| {
            without_kms(s, e, Method::Aes);
            facts(e).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
                key: DefaultKey::Named(KEY.into()),
                bucket_key: true,
            }));
        }),
        ("kms-region", Fail, |s, e| {
            let arn = key(&KEY.replace("eu-west-1", "us-east-1"));
            s.form.key = Some(arn.clone());
            the_key(e).arn = arn;
        }),
        ("kms-state", Fail, |_, e| the_key(e).state = "Disabled".into()),
        ("kms-state", Fail, |_, e| the_key(e).state = "PendingDeletion".into()),
        ("kms-state", Fail, |_, e| e.key = KeyStanding::Missing(KEY.into())),
        ("kms-state", Unknown, |_, e| {
            e.key = KeyStanding::Unreadable(KEY.into(), denied("kms:DescribeKey"))
        }),
        ("kms-spec", Fail, |_, e| the_key(e).spec = "RSA_2048".into()),
        ("kms-other-account", Fail, |s, e| {
            let arn = key(&KEY.replace(ACCOUNT, "111122223333"));
            s.form.key = Some(arn.clone());
            kms_with(e, KEY, arn.as_str());
            the_key(e).arn = arn;
            key_policy(
                e,
                Reading::Known(document(
                    json!([{ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": "kms:*", "Resource": "*" }]),
                )),
            );
        }),
        ("kms-literal-aws-s3", Fail, |s, e| {
            without_kms(s, e, Method::None);
            facts(e).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
                key: DefaultKey::Named("aws/s3".into()),
                bucket_key: true,
            }));
            e.key = KeyStanding::Missing("aws/s3".into());
        }),
        ("kms-aws-managed-xacct", Warn, |s, e| {
            with_aws_key(s, e);
            bucket_denies(
                e,
                json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": "s3:GetObject" }),
            );
        }),
        ("kms-throttle", Warn, |_, e| {
            facts(e).settings.encryption = Reading::Known(Some(BucketEncryption::Kms {
                key: DefaultKey::Named(KEY.into()),
                bucket_key: false,
            }))
        }),
        ("scp", Unknown, |_, e| {
            if let Some(Reading::Known(simulated)) = &mut e.simulated {
                simulated[1].allowed = false;
                simulated[1].by_organization = Some(false);
            }
        }),
        ("scp", Unknown, |_, e| {
            e.simulated = Some(unreadable("iam:SimulatePrincipalPolicy"))
        }),
        ("simulator-agrees", Warn, |_, e| {
            if let Some(Reading::Known(simulated)) = &mut e.simulated {
                simulated[1].allowed = false;
            }
        }),
        ("opt-in-region", Fail, |_, e| {
            standing(e, BucketStanding::Disabled("me-south-1".parse().unwrap()))
        }),
        ("sts-v1-token", Warn, |s, e| {
            without_kms(s, e, Method::Aes);
            facts(e).settings.region = "me-south-1".parse().unwrap();
            e.token_version = Some(Reading::Known(Some(1)));
        }),
        ("object-lock", Warn, |_, e| {
            facts(e).retention = Some(Reading::Known(Some("GOVERNANCE for 30 days".into())))
        }),
        ("lifecycle-expiry", Warn, |_, e| {
            lifecycle(
                e,
                LifecycleRule {
                    id: "old".into(),
                    enabled: true,
                    expires: true,
                    ..LifecycleRule::default()
                },
            )
        }),
        ("lifecycle-expiry", Warn, |s, e| {
            s.project = Some("7".parse().unwrap());
            lifecycle(
                e,
                LifecycleRule {
                    id: "cold".into(),
                    enabled: true,
                    archives_to: Some("GLACIER".into()),
                    prefix: "7/mp_master_event/2026/".into(),
                    ..LifecycleRule::default()
                },
            );
        }),
        ("versioning-growth", Warn, |_, e| {
            facts(e).versioned = Some(Reading::Known(true))
        }),
        ("mpu-residue", Warn, |_, e| {
            facts(e).settings.lifecycle = Reading::Known(Lifecycle::default())
        }),
        ("requester-pays", Warn, |_, e| {
            facts(e).requester_pays = Some(Reading::Known(true))
        }),
        ("acl-ownership", Warn, |_, e| {
            facts(e).settings.ownership = Reading::Known(Ownership {
                setting: "BucketOwnerPreferred".into(),
            })
        }),
        ("bpa", Warn, |_, e| {
            facts(e).settings.public_access = Reading::Known(PublicAccess {
                off: vec!["BlockPublicPolicy"],
            })
        }),
        ("bpa", Unknown, |_, e| {
            facts(e).settings.public_access = unreadable("s3:GetBucketPublicAccessBlock")
        }),
        ("plain-http", Warn, |_, e| {
            facts(e).settings.policy = Reading::Known(None)
        }),
        ("export-fresh", Warn, |_, e| e.now += time::Duration::days(3)),
        ("export-fresh", Unknown, |_, e| {
            e.exports = Some(unreadable("s3:ListBucket"))
        }),
    ];
    let mut offering = BTreeSet::new();
    let mut wrong = Vec::new();
    for (number, (id, status, make)) in table.iter().enumerate() {
        let (mut subject, mut evidence) = sound();
        make(&mut subject, &mut evidence);
        if !["scp", "simulator-agrees"].contains(id) {
            simulate_truly(&subject, &mut evidence);
        }
        let found = found(&subject, &evidence);
        offering.extend(offering_commands(&subject, &evidence));
        let mut expected = BTreeSet::from([(*id, *status)]);
        // Whoever outside shall read there gets in there, too.
        if *id == "kms-aws-managed-xacct" {
            expected.insert(("bucket-others", Warn));
        }
        if found != expected {
            wrong.push(format!("{number}: {id} {status:?}, but {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(offering.len() > 20, "{offering:?}");
    let tried = printed_fixes();
    for id in offering {
        let has_row = tried.contains(&format!("id: \"{id}\""));
        assert!(has_row, "no row of printed_fixes runs the commands of {id}");
    }

    let (subject, evidence) = sound();
    let broken: BTreeSet<&str> = table.iter().map(|(id, ..)| *id).collect();
    for check in judge(&subject, &evidence).checks {
        // Nobody has used a role is no fault.
        let exempt = NEVER_KNOWN.contains(&check.id.as_str()) || check.id.as_str() == "role-last-used";
        assert!(
            exempt || broken.contains(check.id.as_str()),
            "{} is never broken",
            check.id
        );
    }
}
