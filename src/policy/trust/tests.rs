//! Trusts as people write them, and as somebody writes them who does not mean well.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::amend::{Tenure, WantedTrust};
use super::openings::Who;
use super::*;
use crate::policy::build;
use crate::policy::compare::same_meaning;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "feedfacefeedfacefeedfacefeedface";
const ROOT: &str = "arn:aws:iam::485438090326:root";

fn role() -> RoleArn {
    "arn:aws:iam::123456789012:role/export".parse().unwrap()
}

fn document(statements: &Value) -> Document {
    let value = json!({ "Version": "2012-10-17", "Statement": statements });
    Document::parse(&value.to_string()).unwrap()
}

fn statement(principal: Value, condition: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    statement
}

fn aws(principal: &str, condition: Value) -> Value {
    statement(json!({ "AWS": principal }), condition)
}

fn page() -> Value {
    aws(MIXPANEL_USER_ARN, equals(TOKEN))
}

fn equals(id: &str) -> Value {
    json!({ "StringEquals": { "sts:ExternalId": id } })
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn admission(statements: Value) -> Admission {
    Trust::new(&document(&statements), &role()).admission()
}

fn openings(statements: Value) -> Vec<(Who, Gravity)> {
    Trust::new(&document(&statements), &role())
        .openings(&ids(&[TOKEN]))
        .into_iter()
        .map(|opening| (opening.who, opening.gravity))
        .collect()
}

#[test]
fn the_page_is_narrow_in_whatever_spelling() {
    for condition in [
        equals(TOKEN),
        json!({ "StringEquals": { "sts:externalid": [TOKEN, OTHER] } }),
        json!({ "ForAnyValue:StringEquals": { "sts:ExternalId": TOKEN } }),
        json!({ "StringLike": { "sts:ExternalId": TOKEN } }),
        json!({ "StringEquals": { "sts:ExternalId": TOKEN }, "Bool": { "aws:SecureTransport": "true" } }),
        json!({ "StringEquals": { "sts:ExternalId": TOKEN }, "StringLike": { "sts:ExternalId": "*" } }),
    ] {
        let statements = json!([aws(MIXPANEL_USER_ARN, condition)]);
        assert_eq!(openings(statements.clone()), [], "{statements}");
        assert_eq!(admission(statements), Admission::Narrow);
    }
    // Whoever allows all actions of STS allows this one.
    let mut all = page();
    all["Action"] = json!("sts:*");
    assert_eq!(admission(json!([all])), Admission::Narrow);
    // A Deny of every other ID does what equality does.
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole",
        "Condition": { "StringNotEquals": { "sts:ExternalId": TOKEN } } });
    let statements = json!([aws(MIXPANEL_USER_ARN, Value::Null), deny]);
    assert_eq!(admission(statements), Admission::Narrow);
}

#[test]
fn an_external_id_that_is_not_compared_by_equality_is_open() {
    for condition in [
        Value::Null,
        json!({ "StringLike": { "sts:ExternalId": "*" } }),
        json!({ "StringLike": { "sts:ExternalId": "?".repeat(32) } }),
        json!({ "StringLike": { "sts:ExternalId": "0123*" } }),
        json!({ "StringLike": { "sts:ExternalId": [TOKEN, "0123*"] } }),
        json!({ "Null": { "sts:ExternalId": "false" } }),
        json!({ "StringNotEquals": { "sts:ExternalId": OTHER } }),
        json!({ "StringNotLike": { "sts:ExternalId": "0*" } }),
        json!({ "StringEqualsIfExists": { "sts:ExternalId": TOKEN } }),
        json!({ "StringEquals": { "sts:ExternalId": "${sts:ExternalId}" } }),
        json!({ "StringEqualsIgnoreCase": { "sts:ExternalId": TOKEN } }),
        json!({ "ForAllValues:StringEquals": { "sts:ExternalId": TOKEN } }),
        // A key of that name does not exist, so nothing is compared.
        json!({ "StringEqualsIfExists": { "aws:ExternalId": TOKEN } }),
    ] {
        let statements = json!([aws(MIXPANEL_USER_ARN, condition)]);
        let found = openings(statements.clone());
        assert!(
            found
                .iter()
                .any(|(who, gravity)| *gravity == Gravity::Open && who.is_mixpanel_without_token()),
            "{statements}: {found:?}"
        );
        assert_eq!(admission(statements), Admission::Open);
    }
}

#[test]
fn who_writes_the_document_cannot_foresee_what_is_tried() {
    // Everything that is tried of this document, excepted in another one.
    let open = json!({ "StringNotEquals": { "sts:ExternalId": [OTHER] } });
    let first = document(&json!([aws(MIXPANEL_USER_ARN, open)]));
    let role = role();
    let tried = Trust::new(&first, &role).wrong_ids(&BTreeSet::new());
    let excepted = json!({ "StringNotEquals": { "sts:ExternalId": tried } });
    let statements = json!([aws(MIXPANEL_USER_ARN, excepted)]);
    assert_eq!(admission(statements), Admission::Open);
}

#[test]
fn everybody_else_who_gets_in_is_named() {
    let third = "arn:aws:iam::111122223333:root";
    let org = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-acme" } });
    let own = "arn:aws:iam::123456789012:role/admin";
    let foreign = |name: &str| Who::Foreign(name.into());
    let table: Vec<(Value, Vec<(Who, Gravity)>)> = vec![
        (
            json!([page(), aws(third, Value::Null)]),
            vec![(foreign(third), Gravity::Open)],
        ),
        (json!([aws(third, Value::Null)]), vec![(foreign(third), Gravity::Open)]),
        (
            json!([page(), aws(third, equals(OTHER))]),
            vec![(foreign(third), Gravity::Wide)],
        ),
        (
            json!([statement(
                json!({ "AWS": [MIXPANEL_USER_ARN, "111122223333"] }),
                equals(TOKEN)
            )]),
            vec![(foreign("111122223333"), Gravity::Wide)],
        ),
        (
            json!([aws("*", equals(TOKEN))]),
            vec![(Who::Anybody { knows_id: true }, Gravity::Open)],
        ),
        (
            json!([statement(json!("*"), equals(TOKEN))]),
            vec![(Who::Anybody { knows_id: true }, Gravity::Open)],
        ),
        (
            json!([page(), aws("*", org.clone())]),
            vec![(Who::AnybodyMeeting(vec!["aws:PrincipalOrgID".into()]), Gravity::Open)],
        ),
        (
            json!([page(), aws("*", json!({ "StringLike": { "aws:PrincipalOrgID": "*" } }))]),
            vec![
                (Who::MixpanelWithoutId, Gravity::Open),
                (Who::Anybody { knows_id: false }, Gravity::Open),
            ],
        ),
        (
            json!([aws(ROOT, equals(TOKEN))]),
            vec![(Who::MixpanelsAccount, Gravity::Wide)],
        ),
        (
            json!([page(), aws("arn:aws:iam::485438090326:role/other", Value::Null)]),
            vec![(foreign("arn:aws:iam::485438090326:role/other"), Gravity::Open)],
        ),
        (
            json!([page(), aws(own, Value::Null)]),
            vec![(Who::Own(own.into()), Gravity::Wide)],
        ),
        (
            json!([
                page(),
                statement(json!({ "Service": "ec2.amazonaws.com" }), Value::Null)
            ]),
            vec![(Who::Service("ec2.amazonaws.com".into()), Gravity::Wide)],
        ),
        (
            json!([page(), { "Effect": "Allow", "Principal": { "Federated": "accounts.google.com" }, "Action": "sts:AssumeRoleWithWebIdentity" }]),
            vec![(Who::Federation("accounts.google.com".into()), Gravity::Open)],
        ),
        (json!([page(), aws("AIDAJQABLZS4A3QDU576Q", Value::Null)]), vec![]),
        (
            json!([aws(
                "*",
                json!({ "StringEquals": { "aws:PrincipalArn": MIXPANEL_USER_ARN, "sts:ExternalId": TOKEN } })
            )]),
            vec![],
        ),
    ];
    for (statements, wanted) in table {
        assert_eq!(openings(statements.clone()), wanted, "{statements}");
    }
    let but = json!([page(), { "Effect": "Allow", "NotPrincipal": { "AWS": third }, "Action": "sts:AssumeRole" }]);
    assert!(openings(but).contains(&(Who::Anybody { knows_id: false }, Gravity::Open)));
}

#[test]
fn others_are_named_as_the_document_spells_them() {
    let statements = json!([
        statement(json!({ "AWS": [MIXPANEL_USER_ARN, "111122223333"], "Service": "ec2.amazonaws.com" }), Value::Null),
        { "Effect": "Allow", "Principal": { "Federated": "accounts.google.com" }, "Action": "sts:AssumeRoleWithWebIdentity" },
        aws("*", Value::Null),
        { "Effect": "Deny", "Principal": { "AWS": "444455556666" }, "Action": "sts:AssumeRole" },
    ]);
    let others = |statements: &Value| Trust::new(&document(statements), &role()).others();
    let wanted = ["*", "111122223333", "accounts.google.com", "ec2.amazonaws.com"];
    assert_eq!(others(&statements), wanted);
    assert!(others(&json!([page()])).is_empty());
    assert!(others(&json!([aws(ROOT, Value::Null)])).is_empty());
}

#[test]
fn discovery_finds_who_is_named_and_who_is_let_in() {
    let mfa = json!({ "StringEquals": { "sts:ExternalId": TOKEN }, "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    assert_eq!(admission(json!([aws(MIXPANEL_USER_ARN, mfa)])), Admission::Kept);
    assert_eq!(admission(json!([aws("*", Value::Null)])), Admission::Open);
    assert_eq!(
        admission(json!([statement(
            json!({ "Service": "ec2.amazonaws.com" }),
            Value::Null
        )])),
        Admission::None
    );
    let org = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-acme" } });
    assert_eq!(admission(json!([aws("*", org)])), Admission::None);
    assert_eq!(
        admission(json!([aws("arn:aws:iam::111122223333:root", equals(TOKEN))])),
        Admission::None
    );
}

fn amended(statements: Value, wanted: &[&str], removed: &[&str], tenure: Tenure) -> Document {
    let document = document(&statements);
    let role = role();
    Trust::new(&document, &role).amended(&WantedTrust {
        external_ids: &ids(wanted),
        removed: &ids(removed),
        tenure,
    })
}

#[test]
fn external_ids_that_are_there_stay_until_they_are_removed() {
    let both = amended(json!([page()]), &[OTHER], &[], Tenure::Ours);
    assert!(same_meaning(&both, &build::trust(&ids(&[TOKEN, OTHER]))));
    let present = both.to_value()["Statement"].clone();
    assert_eq!(amended(present.clone(), &[TOKEN], &[], Tenure::Ours), both);
    let one = amended(present, &[TOKEN], &[OTHER], Tenure::Ours);
    assert!(same_meaning(&one, &build::trust(&ids(&[TOKEN]))));
}

#[test]
fn what_is_open_in_a_trust_of_ours_is_replaced_and_nothing_else_is() {
    let wanted = build::trust(&ids(&[TOKEN]));
    for loose in [
        aws(MIXPANEL_USER_ARN, Value::Null),
        aws(MIXPANEL_USER_ARN, json!({ "StringLike": { "sts:ExternalId": "*" } })),
        aws(MIXPANEL_USER_ARN, json!({ "StringLike": { "sts:ExternalId": TOKEN } })),
        aws(ROOT, equals(TOKEN)),
        aws("*", equals(TOKEN)),
        aws("*", Value::Null),
    ] {
        let ours = amended(json!([loose]), &[TOKEN], &[], Tenure::Ours);
        assert!(same_meaning(&ours, &wanted), "{loose}");
        let theirs = amended(json!([loose]), &[TOKEN], &[], Tenure::Theirs);
        assert_eq!(theirs.to_value()["Statement"][0], loose, "{loose}");
        assert_eq!(theirs.statements().len(), 2);
    }
    // What names Mixpanel alone is replaced in an adopted one, and what names others too is not.
    let adopted = |statement: &Value| amended(json!([statement]), &[TOKEN], &[], Tenure::Adopted);
    assert!(same_meaning(&adopted(&aws(MIXPANEL_USER_ARN, Value::Null)), &wanted));
    assert_eq!(adopted(&aws("*", Value::Null)).statements().len(), 2);
    // Others keep what they have, and Mixpanel gets its own statement.
    let mixed = statement(
        json!({ "AWS": [MIXPANEL_USER_ARN, "arn:aws:iam::111122223333:root"], "Service": "ec2.amazonaws.com" }),
        Value::Null,
    );
    let ours = amended(json!([mixed]), &[TOKEN], &[], Tenure::Ours);
    let rest = statement(
        json!({ "AWS": ["arn:aws:iam::111122223333:root"], "Service": "ec2.amazonaws.com" }),
        Value::Null,
    );
    assert_eq!(ours.to_value()["Statement"], json!([page(), rest]));
    // What is narrower than the page stays as somebody meant it.
    let narrower = aws(
        MIXPANEL_USER_ARN,
        json!({ "StringEquals": { "sts:ExternalId": OTHER }, "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }),
    );
    let kept = amended(json!([narrower]), &[TOKEN], &[], Tenure::Ours);
    assert_eq!(kept.to_value()["Statement"][0], narrower);
    // A condition on the organization keeps Mixpanel out already, and is not about it.
    let org = aws("*", json!({ "StringEquals": { "aws:PrincipalOrgID": "o-acme" } }));
    let kept = amended(json!([org, page()]), &[TOKEN], &[], Tenure::Ours);
    assert_eq!(kept.to_value()["Statement"], json!([org, page()]));
}

/// Statements for Mixpanel and for others, of a small alphabet, so that they meet.
fn statements() -> impl Strategy<Value = Vec<Value>> {
    let principal = prop::sample::select(vec![
        json!({ "AWS": MIXPANEL_USER_ARN }),
        json!({ "AWS": ROOT }),
        json!({ "AWS": [MIXPANEL_USER_ARN, "arn:aws:iam::111122223333:root"] }),
        json!("*"),
        json!({ "Service": "ec2.amazonaws.com" }),
        json!({ "AWS": "arn:aws:iam::111122223333:root" }),
    ]);
    let condition = prop::sample::select(vec![
        Value::Null,
        equals(TOKEN),
        equals(OTHER),
        json!({ "StringLike": { "sts:ExternalId": "*" } }),
        json!({ "StringLike": { "sts:ExternalId": "0?2*" } }),
        json!({ "StringNotEquals": { "sts:ExternalId": OTHER } }),
        json!({ "Null": { "sts:ExternalId": "false" } }),
        json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }),
    ]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Allow", "Deny"]);
    let one = (principal, condition, effect).prop_map(|(principal, condition, effect)| {
        let mut one = statement(principal, condition);
        one["Effect"] = json!(effect);
        one
    });
    prop::collection::vec(one, 0..5)
}

proptest! {
    #[test]
    fn amending_lets_the_token_in_and_is_done_once(theirs in statements(), tenure in prop::sample::select(vec![Tenure::Ours, Tenure::Adopted, Tenure::Theirs])) {
        let before = document(&json!(theirs));
        let role = role();
        let wanted_ids = ids(&[TOKEN]);
        let wanted = WantedTrust { external_ids: &wanted_ids, removed: &BTreeSet::new(), tenure };
        let after = Trust::new(&before, &role).amended(&wanted);
        let trust = Trust::new(&after, &role);
        prop_assert!(trust.external_ids().contains(TOKEN));
        prop_assert_eq!(trust.amended(&wanted), after.clone());
        for statement in before.statements() {
            if tenure == Tenure::Theirs && !is_about_page(statement) || !statement.allows() {
                prop_assert!(after.statements().contains(statement));
            }
        }
        if tenure == Tenure::Ours {
            let mixpanel = |opening: &Opening| matches!(opening.who, Who::MixpanelWithoutId | Who::MixpanelWithOtherIds | Who::MixpanelsAccount | Who::Anybody { .. });
            let open = trust.openings(&ids(&[TOKEN, OTHER]));
            prop_assert!(!open.iter().any(mixpanel), "{:?}", open);
        }
    }

    #[test]
    fn whoever_is_not_named_as_open_is_refused(theirs in statements(), id in "[0-9a-f]{32}") {
        let document = document(&json!(theirs));
        let role = role();
        let trust = Trust::new(&document, &role);
        let right = trust.external_ids();
        prop_assume!(!right.contains(&id));
        let open = trust.openings(&right).iter().any(|opening| opening.who.is_mixpanel_without_token());
        if !open {
            prop_assert!(!may_pass(&trust.decide_for_mixpanel(Some(&id))));
            prop_assert!(!may_pass(&trust.decide_for_mixpanel(None)));
        }
    }
}

fn is_about_page(statement: &Statement) -> bool {
    equal_ids(statement).is_some() && speaks_to_mixpanel(statement)
}

/// The page's statement, and beside it one for Mixpanel's user that asks for something else than the ExternalId.
fn beside(condition: Value) -> Document {
    let user = json!({ "AWS": crate::policy::build::MIXPANEL_USER_ARN });
    let page = json!({ "Effect": "Allow", "Principal": user, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": TOKEN } } });
    let more = json!({ "Effect": "Allow", "Principal": user, "Action": "sts:AssumeRole", "Condition": condition });
    let document = json!({ "Version": "2012-10-17", "Statement": [page, more] });
    Document::parse(&document.to_string()).unwrap()
}

#[test]
fn what_hangs_on_how_mixpanel_may_call_is_open_all_the_same() {
    let role = "arn:aws:iam::123456789012:role/x".parse().unwrap();
    let now = time::macros::datetime!(2026-11-26 12:00 UTC);
    let bare = |condition: Value| {
        let document = beside(condition);
        // At a known time and at none, the answer is the same.
        let [one, other] = [Trust::new(&document, &role), Trust::new(&document, &role).at(now)].map(|trust| {
            let openings = trust.openings(&BTreeSet::new()).into_iter();
            let mut bare = openings.filter(|opening| opening.who == Who::MixpanelWithoutId);
            bare.next().map(|opening| opening.is_certain)
        });
        assert_eq!(one, other, "{document:?}");
        one
    };
    for condition in [
        json!({ "StringLike": { "aws:PrincipalTag/team": "*" } }),
        json!({ "Null": { "aws:PrincipalTag/team": "false" } }),
        json!({ "StringLike": { "aws:SourceVpc": "vpc-*" } }),
        json!({ "StringEquals": { "aws:SourceVpce": "vpce-1a2b3c4d" } }),
        json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
        json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" }, "StringLike": { "aws:PrincipalTag/x": "y" } }),
    ] {
        assert_eq!(bare(condition.clone()), Some(false), "{condition}");
    }
    for condition in [
        json!({ "StringLike": { "aws:PrincipalOrgID": "o-*" } }),
        json!({ "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-*" } }),
        json!({ "Null": { "aws:PrincipalOrgID": "true" } }),
        json!({ "DateGreaterThan": { "aws:CurrentTime": "2027-01-01T00:00:00Z" } }),
        json!({ "DateGreaterThan": { "aws:CurrentTime": "2027-01-01" }, "DateLessThan": { "aws:CurrentTime": "2027-02-01" } }),
        json!({ "NumericGreaterThan": { "aws:EpochTime": "1893456000" } }),
    ] {
        assert_eq!(bare(condition.clone()), Some(true), "{condition}");
    }
    for condition in [
        json!({ "StringEquals": { "aws:PrincipalOrgID": "o-acme" } }),
        json!({ "StringEquals": { "sts:ExternalId": TOKEN, "aws:PrincipalTag/x": "y" } }),
        json!({ "StringEquals": { "aws:PrincipalAccount": "123456789012" } }),
    ] {
        assert_eq!(bare(condition.clone()), None, "{condition}");
    }
}
