use serde_json::json;

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/path/reader";
const ROOT: &str = "arn:aws:iam::123456789012:root";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/reader/me";
const USER: &str = "arn:aws:iam::123456789012:user/bob";

fn session() -> Principal {
    Principal::Session {
        account: "123456789012".into(),
        role_arn: ROLE.into(),
    }
}

fn user() -> Principal {
    Principal::User {
        account: "123456789012".into(),
        arn: USER.into(),
    }
}

fn statement(key: &str, value: Value) -> Statement {
    Statement::from_value(json!({ key: value })).unwrap()
}

fn denies(key: &str, value: Value, principal: &Principal) -> Truth {
    denied(&statement(key, value), principal, &Truth::No)
}

fn aws(value: Value, principal: &Principal) -> Granted {
    granted(&statement("Principal", json!({ "AWS": value })), principal)
}

fn doubtful(truth: &Truth) -> bool {
    matches!(truth, Truth::Unknown(_))
}

#[test]
fn a_deny_speaks_of_everyone_the_account_the_role_and_perhaps_of_its_session() {
    for value in [
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": "123456789012"}),
        json!({"AWS": ["x", ROOT]}),
        json!({"AWS": ROLE}),
    ] {
        assert_eq!(denies("Principal", value.clone(), &session()), Truth::Yes, "{value}");
    }
    let truth = denies("Principal", json!({"AWS": SESSION}), &session());
    assert_eq!(truth, Truth::unknown(SESSION_NAME));
}

#[test]
fn other_principals_are_not_meant() {
    for value in [
        json!({"AWS": "999999999999"}),
        json!({"AWS": "arn:aws:iam::999999999999:root"}),
        json!({"AWS": "arn:aws:iam::123456789012:role/reader"}),
        json!({"AWS": "arn:aws:iam::123456789012:role/*"}),
        json!({"AWS": "arn:aws:sts::123456789012:assumed-role/path/reader/me"}),
        json!({"AWS": "arn:aws:sts::999999999999:assumed-role/reader/me"}),
        json!({"AWS": ["AROAEXAMPLE", USER]}),
        json!({"Service": "s3.amazonaws.com", "Federated": "*", "CanonicalUser": "*"}),
    ] {
        assert_eq!(denies("Principal", value.clone(), &session()), Truth::No, "{value}");
    }
    assert_eq!(denies("Sid", json!("x"), &session()), Truth::No);
    assert_eq!(denies("Principal", json!({"AWS": SESSION}), &user()), Truth::No);
}

#[test]
fn unreadable_principals_are_unknown() {
    for value in [
        json!(1),
        json!("x"),
        json!(null),
        json!({"AWS": 1}),
        json!({"AWS": [null]}),
    ] {
        assert!(doubtful(&denies("Principal", value.clone(), &user())), "{value}");
        assert!(doubtful(&aws(json!([value]), &user()).direct) || value == json!("x"));
    }
    let both = json!({"Principal": "*", "NotPrincipal": "*"});
    let both = Statement::from_value(both).unwrap();
    assert!(doubtful(&denied(&both, &user(), &Truth::No)));
}

/// The examples of
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>.
#[test]
fn not_principal_exempts_who_is_listed_with_all_names() {
    let except = |names: &[&str], principal: &Principal| denies("NotPrincipal", json!({ "AWS": names }), principal);
    assert_eq!(except(&[USER, ROOT], &user()), Truth::No);
    assert_eq!(except(&[USER], &user()), Truth::Yes);
    assert_eq!(except(&[ROOT], &user()), Truth::Yes);
    assert_eq!(except(&[USER, ROOT], &session()), Truth::Yes);
    assert_eq!(except(&[SESSION, ROLE, ROOT], &session()), Truth::unknown(SESSION_NAME));
    assert_eq!(except(&[ROLE, ROOT], &session()), Truth::unknown(SESSION_NAME));
    assert_eq!(except(&[SESSION, ROOT], &session()), Truth::Yes);
    assert_eq!(except(&["*"], &session()), Truth::No);
}

#[test]
fn not_principal_exempts_nobody_who_has_a_permissions_boundary() {
    let statement = statement("NotPrincipal", json!({"AWS": [USER, ROOT]}));
    assert_eq!(denied(&statement, &user(), &Truth::Yes), Truth::Yes);
    assert_eq!(denied(&statement, &user(), &Truth::unknown("x")), Truth::unknown("x"));
}

#[test]
fn the_name_that_is_granted_to_tells_the_ways_of_a_grant_apart() {
    let none = Granted::none;
    let role = Granted {
        role: Truth::Yes,
        ..none()
    };
    let account = Granted {
        account: Truth::Yes,
        ..none()
    };
    let direct = Granted {
        direct: Truth::Yes,
        ..none()
    };
    let everyone = Granted {
        everyone: Truth::Yes,
        ..none()
    };
    let perhaps = Granted {
        direct: Truth::unknown(SESSION_NAME),
        ..none()
    };
    assert_eq!(aws(json!(ROLE), &session()), role);
    assert_eq!(aws(json!(ROOT), &session()), account);
    assert_eq!(aws(json!("123456789012"), &user()), account);
    assert_eq!(aws(json!(SESSION), &session()), perhaps);
    assert_eq!(aws(json!(USER), &user()), direct);
    assert_eq!(aws(json!("*"), &user()), everyone);
    assert_eq!(aws(json!("AIDAEXAMPLE"), &user()), none());
}

#[test]
fn a_grant_to_everyone_with_a_condition_on_the_principal_is_direct() {
    let statement = Statement::from_value(json!({
        "Principal": "*",
        "Condition": {"ArnLike": {"AWS:principalarn": ROLE}},
    }))
    .unwrap();
    let direct = Granted {
        direct: Truth::Yes,
        ..Granted::none()
    };
    assert_eq!(granted(&statement, &session()), direct);
}

#[test]
fn not_principal_in_an_allow_grants_to_who_is_not_listed() {
    let except = |value| granted(&statement("NotPrincipal", json!({ "AWS": value })), &session());
    assert_eq!(except(json!("999999999999")).everyone, Truth::Yes);
    assert_eq!(except(json!("*")).everyone, Truth::No);
    assert!(doubtful(&except(json!([ROLE, ROOT])).everyone));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>: a principal names one session.
#[test]
fn a_session_with_a_wildcard_is_nobody() {
    let [any, some] = ["*", "m?"].map(|name| SESSION.replace("/me", &format!("/{name}")));
    for name in [any, some] {
        assert_eq!(denies("Principal", json!({ "AWS": name }), &session()), Truth::No);
    }
}
