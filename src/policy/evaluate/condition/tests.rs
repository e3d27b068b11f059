use serde_json::{Value, json};

use super::*;

fn known(values: &[&str]) -> Fact {
    Fact::Known(values.iter().map(|value| (*value).to_owned()).collect())
}

fn check(condition: Value, fact: Fact) -> Truth {
    holds(Some(&condition), &RequestContext::new().with("k", fact), true)
}

fn on_k(operator: &str, value: Value, fact: Fact) -> Truth {
    check(json!({ operator: { "K": value } }), fact)
}

#[test]
fn several_values_are_alternatives_and_to_a_negated_operator_all_must_differ() {
    let values = || json!(["a", "b"]);
    assert_eq!(on_k("StringEquals", values(), known(&["b"])), Truth::Yes);
    assert_eq!(on_k("StringEquals", values(), known(&["c"])), Truth::No);
    assert_eq!(on_k("StringNotEquals", values(), known(&["b"])), Truth::No);
    assert_eq!(on_k("StringNotEquals", values(), known(&["c"])), Truth::Yes);
    // AWS does not say what a comparison with nothing comes to.
    for operator in ["StringEquals", "StringNotEquals", "Null"] {
        let nothing = on_k(operator, json!([]), known(&["c"]));
        assert!(matches!(nothing, Truth::Unknown(_)), "{operator}");
    }
}

#[test]
fn every_operator_and_every_key_must_hold() {
    let condition = |other: &str| json!({"StringEquals": {"k": "a"}, "StringLike": {"K": other}});
    assert_eq!(check(condition("a*"), known(&["a"])), Truth::Yes);
    assert_eq!(check(condition("b*"), known(&["a"])), Truth::No);
    let keys = json!({"StringEquals": {"k": "a", "other": "b"}});
    assert_eq!(check(keys.clone(), known(&["a"])), Truth::unknown("other"));
    assert_eq!(check(keys, known(&["b"])), Truth::No);
    assert_eq!(check(json!({}), Fact::Unknown), Truth::Yes);
    assert_eq!(holds(None, &RequestContext::new(), true), Truth::Yes);
}

#[test]
fn a_missing_key_fails_a_positive_operator_and_satisfies_a_negated_one() {
    for (operator, expected) in [
        ("StringEquals", Truth::No),
        ("StringNotEquals", Truth::Yes),
        ("StringNotLike", Truth::Yes),
        ("ArnNotLike", Truth::Yes),
        ("NotIpAddress", Truth::Yes),
        ("NumericNotEquals", Truth::Yes),
        ("DateNotEquals", Truth::Yes),
        ("Bool", Truth::No),
        ("BinaryEquals", Truth::No),
        ("NumericLessThan", Truth::No),
        ("StringEqualsIfExists", Truth::Yes),
        ("StringNotEqualsIfExists", Truth::Yes),
        ("ForAllValues:StringEquals", Truth::Yes),
        ("ForAllValues:StringNotEquals", Truth::Yes),
        ("ForAnyValue:StringEquals", Truth::No),
        ("ForAnyValue:StringNotEquals", Truth::No),
    ] {
        assert_eq!(on_k(operator, json!("1"), Fact::Absent), expected, "{operator}");
        assert_eq!(on_k(operator, json!("1"), known(&[])), expected, "{operator}");
    }
}

/// The example of
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists>.
#[test]
fn if_exists_tests_a_key_only_where_there_is_one() {
    let types = || json!(["t1.*", "t2.*", "m3.*"]);
    assert_eq!(on_k("StringLike", types(), Fact::Absent), Truth::No);
    assert_eq!(on_k("StringLikeIfExists", types(), Fact::Absent), Truth::Yes);
    assert_eq!(on_k("StringLikeIfExists", types(), known(&["t2.micro"])), Truth::Yes);
    assert_eq!(on_k("StringLikeIfExists", types(), known(&["c5.large"])), Truth::No);
    assert_eq!(on_k("StringLikeIfExists", types(), Fact::Unknown), Truth::unknown("K"));
}

/// The examples of
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition_examples-multi-valued-context-keys.html>.
#[test]
fn sets_of_values_are_compared_as_aws_shows() {
    for (operator, value, request, expected) in [
        (
            "ForAllValues:StringLike",
            json!(["key1*", "key2*", "key3*"]),
            vec!["key1:legal"],
            true,
        ),
        (
            "ForAllValues:StringLike",
            json!(["key1*", "key2*", "key3*"]),
            vec!["key1:hr", "key2:legal"],
            true,
        ),
        (
            "ForAllValues:StringLike",
            json!(["key1*", "key2*", "key3*"]),
            vec!["key1:hr", "other"],
            false,
        ),
        (
            "ForAllValues:StringNotLike",
            json!("key1*"),
            vec!["key2:hr", "key3"],
            true,
        ),
        (
            "ForAllValues:StringNotLike",
            json!("key1*"),
            vec!["key1:hr", "key3"],
            false,
        ),
        (
            "ForAnyValue:StringEquals",
            json!(["environment", "webserver"]),
            vec!["environment", "x"],
            true,
        ),
        (
            "ForAnyValue:StringEquals",
            json!(["environment", "webserver"]),
            vec!["costCenter"],
            false,
        ),
        (
            "ForAnyValue:StringNotEquals",
            json!(["environment", "webserver"]),
            vec!["environment", "x"],
            true,
        ),
        (
            "ForAnyValue:StringNotEquals",
            json!(["environment", "webserver"]),
            vec!["webserver"],
            false,
        ),
        ("ForAllValues:StringEquals", json!("a"), vec![""], true),
        ("ForAnyValue:StringLike", json!("*"), vec![""], false),
    ] {
        let truth = on_k(operator, value, known(&request));
        assert_eq!(truth, expected.into(), "{operator} {request:?}");
    }
}

#[test]
fn several_values_without_a_set_operator_decide_only_together() {
    let fact = || known(&["a", "b"]);
    assert_eq!(on_k("StringEquals", json!("a"), fact()), Truth::unknown("K"));
    assert_eq!(on_k("StringEquals", json!("c"), fact()), Truth::No);
    assert_eq!(on_k("StringNotEquals", json!("c"), fact()), Truth::Yes);
}

#[test]
fn null_asks_whether_there_is_a_key() {
    for (fact, absent) in [
        (Fact::Absent, Truth::Yes),
        (known(&[]), Truth::Yes),
        (known(&["x"]), Truth::No),
        (Fact::Present, Truth::No),
        (Fact::StartsWith("x".into()), Truth::No),
        (Fact::Unknown, Truth::unknown("K")),
    ] {
        assert_eq!(on_k("Null", json!("true"), fact.clone()), absent);
        assert_eq!(on_k("Null", json!(false), fact), absent.not());
    }
    assert!(matches!(on_k("Null", json!("maybe"), Fact::Absent), Truth::Unknown(_)));
}

#[test]
fn an_unknown_value_matters_only_where_it_can_change_the_outcome() {
    let unknown = Truth::unknown("K");
    assert_eq!(on_k("StringLike", json!("*"), Fact::Present), Truth::Yes);
    assert_eq!(on_k("StringLike", json!("*"), Fact::Unknown), unknown);
    assert_eq!(on_k("StringLikeIfExists", json!("*"), Fact::Unknown), Truth::Yes);
    assert_eq!(on_k("StringNotLike", json!("*"), Fact::Unknown), unknown);
    assert_eq!(on_k("ForAllValues:StringLike", json!("*"), Fact::Unknown), Truth::Yes);
    assert_eq!(on_k("ForAnyValue:StringLike", json!("*"), Fact::Present), unknown);
    assert_eq!(on_k("Bool", json!("true"), Fact::Present), unknown);
    assert_eq!(on_k("IpAddress", json!("10.0.0.0/8"), Fact::Unknown), unknown);
}

#[test]
fn the_beginning_of_a_value_can_decide() {
    let start = || Fact::StartsWith("AROA:".into());
    let unknown = Truth::unknown("K");
    assert_eq!(on_k("StringLike", json!("AROA:*"), start()), Truth::Yes);
    assert_eq!(on_k("StringNotLike", json!(["AROA:*", "AIDA"]), start()), Truth::No);
    assert_eq!(on_k("StringNotLike", json!(["AROB:*", "AIDA"]), start()), Truth::Yes);
    assert_eq!(on_k("StringEquals", json!("AROA:me"), start()), unknown);
    assert_eq!(on_k("StringEquals", json!("AROA:*"), known(&["AROA:me"])), Truth::No);
    assert_eq!(
        on_k("StringEqualsIgnoreCase", json!("aroa:me"), known(&["AROA:Me"])),
        Truth::Yes
    );
    assert_eq!(on_k("ForAnyValue:StringLike", json!("AROA:*"), start()), Truth::Yes);
}

#[test]
fn numbers_and_truth_values_stand_for_their_texts() {
    assert_eq!(on_k("Bool", json!(true), known(&["true"])), Truth::Yes);
    assert_eq!(on_k("NumericLessThanEquals", json!(10), known(&["10"])), Truth::Yes);
    assert_eq!(on_k("StringEquals", json!([1, true]), known(&["true"])), Truth::Yes);
}

#[test]
fn what_is_not_understood_is_unknown() {
    for condition in [
        json!([]),
        json!("x"),
        json!(null),
        json!({"StringEquals": "x"}),
        json!({"StringEquals": {}}),
        json!({"StringEquals": {"k": {"a": 1}}}),
        json!({"StringEquals": {"k": [null]}}),
        json!({"stringequals": {"k": "a"}}),
        json!({"NumericLike": {"k": "a"}}),
        json!({"ForAllValues:Null": {"k": "true"}}),
        json!({"NullIfExists": {"k": "true"}}),
        json!({"": {"k": "a"}}),
    ] {
        let truth = check(condition.clone(), known(&["a"]));
        assert!(matches!(truth, Truth::Unknown(_)), "{condition}");
    }
}

#[test]
fn variables_are_replaced_for_texts_and_arns_only_and_only_where_the_language_has_them() {
    let context = RequestContext::new()
        .with("s3:prefix", known(&["home/me/"]))
        .with("aws:username", known(&["me"]))
        .with("aws:PrincipalArn", known(&["arn:aws:iam::1:user/me"]));
    let like = json!({"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/"]}});
    assert_eq!(holds(Some(&like), &context, true), Truth::Yes);
    assert_eq!(holds(Some(&like), &context, false), Truth::No);
    let arn = json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:user/${aws:username}"}});
    assert_eq!(holds(Some(&arn), &context, true), Truth::Yes);
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html> says nothing of these.
#[test]
fn what_aws_does_not_document_is_unknown() {
    let unknown = |operator: &str, value: Value, fact: Fact| {
        let truth = on_k(operator, value.clone(), fact);
        assert!(matches!(truth, Truth::Unknown(_)), "{operator} {value}: {truth:?}");
    };
    // IfExists says that a missing key is true, ForAnyValue that it is false.
    for operator in [
        "ForAnyValue:StringEqualsIfExists",
        "ForAnyValue:StringNotEqualsIfExists",
    ] {
        unknown(operator, json!("1"), Fact::Absent);
    }
    unknown("BinaryEquals", json!("data"), known(&["data"]));
    for operator in ["ArnLike", "ArnNotLike", "ArnEquals"] {
        unknown(
            operator,
            json!("mixpanel-export"),
            known(&["arn:aws:iam::1:user/mixpanel-export"]),
        );
        unknown(operator, json!("arn:aws:iam::1:user/x"), known(&["no ARN"]));
    }
    // A key of several values needs a set operator.
    let context = RequestContext::new().with("kms:EncryptionContextKeys", known(&["aws:s3:arn"]));
    let asked = |operator: &str| json!({ operator: { "kms:encryptioncontextkeys": "aws:s3:arn" } });
    let single = holds(Some(&asked("StringEquals")), &context, true);
    assert!(matches!(single, Truth::Unknown(_)), "{single:?}");
    assert_eq!(
        holds(Some(&asked("ForAnyValue:StringEquals")), &context, true),
        Truth::Yes
    );
}

#[test]
fn another_companys_organization_is_none_that_a_document_names() {
    let on = |operator: &str, value: &str| on_k(operator, json!(value), Fact::Unnamed);
    assert_eq!(on("StringEquals", "o-acme"), Truth::No);
    assert_eq!(on("StringNotEquals", "o-acme"), Truth::Yes);
    assert_eq!(on("StringLike", "o-acme"), Truth::No);
    assert_eq!(on("ForAnyValue:StringLike", "o-acme/*"), Truth::No);
    for (operator, value) in [
        ("StringLike", "o-*"),
        ("StringNotLike", "o-*"),
        ("ForAllValues:StringEquals", "o-acme"),
        ("Null", "true"),
        ("StringEquals", "${aws:PrincipalOrgID}"),
    ] {
        assert!(matches!(on(operator, value), Truth::Unknown(_)), "{operator} {value}");
    }
}

#[test]
fn of_several_facts_what_they_agree_on_is_certain() {
    let acl = Fact::Among(vec![Fact::Absent, known(&["private"])]);
    let on = |operator: &str, value: &str| on_k(operator, json!(value), acl.clone());
    assert_eq!(on("StringEquals", "public-read"), Truth::No);
    assert_eq!(on("StringNotEquals", "public-read"), Truth::Yes);
    assert!(matches!(on("StringEquals", "private"), Truth::Unknown(_)));
    assert!(matches!(on("Null", "true"), Truth::Unknown(_)));
}
