use serde_json::json;

use super::super::request::{Fact, Principal};
use super::*;

fn check(version: &str, mut element: Value, action: &str, resource: &str) -> Truth {
    let map = element.as_object_mut().unwrap();
    if !map.contains_key("Action") && !map.contains_key("NotAction") {
        map.insert("Action".into(), json!("*"));
    }
    map.insert("Effect".into(), json!("Allow"));
    let text = json!({"Version": version, "Statement": element}).to_string();
    let document = Document::parse(&text).unwrap();
    let request = AuthorizationRequest {
        principal: Principal::User {
            account: String::new(),
            arn: String::new(),
        },
        action: action.into(),
        resource: resource.into(),
        context: RequestContext::new().with("aws:username", Fact::Known(vec!["me".into()])),
    };
    speaks_of(&document.statements()[0], &document, &request, WithoutResource::Nothing)
}

fn action(element: Value) -> Truth {
    let mut element = element;
    element["Resource"] = json!("*");
    check("2012-10-17", element, "s3:GetObject", "r")
}

fn resource(element: Value) -> Truth {
    check("2012-10-17", element, "s3:GetObject", "arn:aws:s3:::bucket/me/x")
}

#[test]
fn actions_match_in_any_case_and_with_wildcards() {
    assert_eq!(action(json!({"Action": "S3:getobject"})), Truth::Yes);
    assert_eq!(action(json!({"Action": ["x", "s3:Get*"]})), Truth::Yes);
    assert_eq!(action(json!({"Action": "*"})), Truth::Yes);
    assert_eq!(action(json!({"Action": "s3:GetObjec?Acl"})), Truth::No);
    assert_eq!(action(json!({"NotAction": ["x", "s3:Get*"]})), Truth::No);
    assert_eq!(action(json!({"NotAction": "s3:Put*"})), Truth::Yes);
}

#[test]
fn resources_match_by_case_and_with_variables() {
    assert_eq!(resource(json!({"Resource": "arn:aws:s3:::bucket/*"})), Truth::Yes);
    assert_eq!(resource(json!({"Resource": "arn:aws:s3:::Bucket/*"})), Truth::No);
    let variable = || json!({"Resource": "arn:aws:s3:::bucket/${aws:username}/*"});
    assert_eq!(resource(variable()), Truth::Yes);
    let old = check("2008-10-17", variable(), "s3:GetObject", "arn:aws:s3:::bucket/me/x");
    assert_eq!(old, Truth::No);
    assert_eq!(resource(json!({"NotResource": "arn:aws:s3:::bucket/*"})), Truth::No);
    assert_eq!(resource(json!({"NotResource": ["a", "b"]})), Truth::Yes);
}

#[test]
fn a_variable_that_nobody_knows_makes_the_resource_unknown() {
    let element = json!({"Resource": "arn:aws:s3:::bucket/${aws:userid}/*"});
    assert_eq!(resource(element), Truth::unknown("aws:userid"));
    let element = json!({"Resource": "arn:aws:s3:::other/${aws:userid}/*"});
    assert_eq!(resource(element), Truth::No);
}

#[test]
fn a_statement_without_action_or_resource_speaks_of_nothing() {
    assert_eq!(resource(json!({})), Truth::No);
    assert_eq!(resource(json!({"Action": [], "Resource": "*"})), Truth::No);
}

#[test]
fn an_element_that_cannot_be_read_is_unknown() {
    for value in [json!(1), json!(null), json!({}), json!([["*"]])] {
        let truth = action(json!({ "Action": value }));
        assert!(matches!(truth, Truth::Unknown(_)));
        let truth = resource(json!({ "NotResource": value }));
        assert!(matches!(truth, Truth::Unknown(_)));
    }
}
