//! The examples of AWS' documentation, and the rules about which layer must allow.

use serde_json::{Value, json};

use super::*;

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/examplerole";
const ROOT: &str = "arn:aws:iam::111122223333:root";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/examplerole/me";
const OBJECT: &str = "arn:aws:s3:::bucket/key";

fn document(statements: Value) -> Document {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Document::parse(&text).unwrap()
}

fn allow_all() -> Document {
    document(json!({"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}))
}

fn nothing() -> Document {
    document(json!([]))
}

fn grant_to(principal: Value) -> Document {
    document(json!({
        "Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*",
    }))
}

fn known(value: &str) -> Fact {
    Fact::Known(vec![value.into()])
}

fn request(action: &str, context: RequestContext) -> AuthorizationRequest {
    AuthorizationRequest {
        principal: Principal::Session {
            account: ACCOUNT.into(),
            role_arn: ROLE.into(),
        },
        action: action.into(),
        resource: OBJECT.into(),
        context,
    }
}

fn named<'a>(name: &str, document: &'a Document) -> Named<'a> {
    Named {
        name: name.into(),
        document,
    }
}

fn source(layer: Layer, policy: &str, statement: usize, sid: Option<&str>) -> Source {
    Source {
        layer,
        policy: policy.into(),
        statement,
        sid: sid.map(str::to_owned),
    }
}

struct Situation {
    rule: Rule,
    identity: Document,
    boundary: Option<Document>,
    resource: Option<Document>,
    unreadable: Vec<(Layer, String)>,
}

impl Situation {
    fn new(rule: Rule) -> Self {
        Self {
            rule,
            identity: nothing(),
            boundary: None,
            resource: None,
            unreadable: Vec::new(),
        }
    }

    fn identity(mut self, document: Document) -> Self {
        self.identity = document;
        self
    }

    fn boundary(mut self, document: Document) -> Self {
        self.boundary = Some(document);
        self
    }

    fn resource(mut self, document: Document) -> Self {
        self.resource = Some(document);
        self
    }

    fn unreadable(mut self, layer: Layer) -> Self {
        self.unreadable.push((layer, "no permission".into()));
        self
    }

    fn decide(&self, request: &AuthorizationRequest) -> Decision {
        decide(
            request,
            &Policies {
                identity: vec![named("identity", &self.identity)],
                boundary: self.boundary.as_ref().map(|own| named("boundary", own)),
                resource: self.resource.as_ref().map(|own| named("resource", own)),
                unreadable: self.unreadable.clone(),
                rule: self.rule,
            },
        )
    }

    fn get(&self) -> Decision {
        self.decide(&request("s3:GetObject", RequestContext::new()))
    }
}

fn allowed(decision: &Decision) -> bool {
    matches!(decision, Decision::Allowed { .. })
}

fn refused(layer: Layer) -> Decision {
    Decision::Denied(Refusal::NoAllow(layer))
}

fn reasons(decision: &Decision) -> Vec<&str> {
    match decision {
        Decision::Unknown { because, .. } => because.iter().map(String::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_allowed_by_default() {
    assert_eq!(Situation::new(Rule::Either).get(), refused(Layer::Identity));
    assert_eq!(Situation::new(Rule::Both).get(), refused(Layer::Resource));
    assert_eq!(Situation::new(Rule::ResourceOnly).get(), refused(Layer::Resource));
    assert_eq!(Situation::new(Rule::KeyPolicy).get(), refused(Layer::Resource));
}

#[test]
fn an_identity_policy_allows_in_its_own_account_and_is_named() {
    let by = vec![source(Layer::Identity, "identity", 0, Some("All"))];
    let case = Situation::new(Rule::Either).identity(allow_all());
    assert_eq!(case.get(), Decision::Allowed { by });
}

#[test]
fn a_denying_statement_wins_and_is_named() {
    let bucket = document(json!([
        {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "*", "Resource": "*"},
        {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "s3:Get*", "Resource": "*"},
    ]));
    let case = Situation::new(Rule::Either).identity(allow_all()).resource(bucket);
    let deny = source(Layer::Resource, "resource", 1, Some("No"));
    assert_eq!(case.get(), Decision::Denied(Refusal::Statement(deny)));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>: Zhang may use S3, CloudWatch and EC2
/// at most, and a policy that lets him create users is in vain.
#[test]
fn a_boundary_limits_what_identity_policies_allow() {
    let boundary = || {
        document(json!({
            "Effect": "Allow", "Action": ["s3:*", "cloudwatch:*", "ec2:*"], "Resource": "*",
        }))
    };
    let policy = || document(json!({"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*"}));
    let create = request("iam:CreateUser", RequestContext::new());
    let case = Situation::new(Rule::Either).identity(policy()).boundary(boundary());
    assert_eq!(case.decide(&create), refused(Layer::Boundary));
    assert!(allowed(
        &Situation::new(Rule::Either).identity(policy()).decide(&create)
    ));
    let case = Situation::new(Rule::Either).boundary(boundary());
    assert_eq!(case.get(), refused(Layer::Identity));
    let case = Situation::new(Rule::Either).identity(allow_all()).boundary(boundary());
    assert!(allowed(&case.get()));
}

#[test]
fn a_grant_to_the_role_needs_the_boundary_but_no_identity_policy() {
    let grant = || grant_to(json!({"AWS": ROLE}));
    assert!(allowed(&Situation::new(Rule::Either).resource(grant()).get()));
    let case = Situation::new(Rule::Either).resource(grant()).boundary(nothing());
    assert_eq!(case.get(), refused(Layer::Boundary));
    let case = Situation::new(Rule::Either).resource(grant()).boundary(allow_all());
    assert!(allowed(&case.get()));
}

#[test]
fn a_grant_to_a_session_passes_the_boundary_if_it_is_this_session() {
    let case = Situation::new(Rule::Either)
        .resource(grant_to(json!({"AWS": SESSION})))
        .boundary(nothing());
    assert_eq!(reasons(&case.get()), ["the session's name"]);
}

#[test]
fn a_grant_to_a_user_passes_the_boundary() {
    let arn = "arn:aws:iam::111122223333:user/exampleuser";
    let mut request = request("s3:GetObject", RequestContext::new());
    request.principal = Principal::User {
        account: ACCOUNT.into(),
        arn: arn.into(),
    };
    let case = Situation::new(Rule::Either)
        .resource(grant_to(json!({ "AWS": arn })))
        .boundary(nothing());
    assert!(allowed(&case.decide(&request)));
}

#[test]
fn a_grant_to_everyone_needs_no_identity_policy() {
    for principal in [json!("*"), json!({"AWS": "*"})] {
        let case = Situation::new(Rule::Either).resource(grant_to(principal.clone()));
        assert!(allowed(&case.get()));
        let case = case.boundary(nothing());
        let limit = "whether the permissions boundary limits a grant to everyone";
        assert_eq!(reasons(&case.get()), [limit]);
        assert!(allowed(&case.boundary(allow_all()).get()));
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles>
#[test]
fn a_grant_to_everyone_with_the_arn_of_the_role_passes_the_boundary() {
    let grant = document(json!({
        "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
    }));
    let case = Situation::new(Rule::Either).resource(grant).boundary(nothing());
    let request = request(
        "s3:GetObject",
        RequestContext::new().with("aws:PrincipalArn", known(ROLE)),
    );
    assert!(allowed(&case.decide(&request)));
}

#[test]
fn a_grant_to_the_account_leaves_it_to_identity_policies() {
    for principal in [json!({"AWS": ROOT}), json!({"AWS": ACCOUNT})] {
        let case = Situation::new(Rule::Either).resource(grant_to(principal));
        assert_eq!(case.get(), refused(Layer::Identity));
        assert!(allowed(&case.identity(allow_all()).get()));
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    for principal in [json!("*"), json!({"AWS": ROLE}), json!({"AWS": ROOT})] {
        let case = Situation::new(Rule::Both).resource(grant_to(principal));
        assert_eq!(case.get(), refused(Layer::Identity));
        let case = case.identity(allow_all());
        assert!(allowed(&case.get()));
        assert_eq!(case.boundary(nothing()).get(), refused(Layer::Boundary));
    }
    let case = Situation::new(Rule::Both).identity(allow_all());
    assert_eq!(case.get(), refused(Layer::Resource));
    let case = case.resource(grant_to(json!({"AWS": SESSION})));
    assert_eq!(reasons(&case.get()), ["the session's name"]);
}

#[test]
fn a_trust_policy_decides_alone_and_without_resource() {
    let trust = document(json!({
        "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "12345"}},
    }));
    let case = Situation::new(Rule::ResourceOnly).resource(trust);
    let assume = |fact| {
        let context = RequestContext::new().with("sts:ExternalId", fact);
        case.decide(&request("sts:AssumeRole", context))
    };
    assert!(allowed(&assume(known("12345"))));
    assert_eq!(assume(known("54321")), refused(Layer::Resource));
    assert_eq!(assume(Fact::Absent), refused(Layer::Resource));
    assert_eq!(reasons(&assume(Fact::Unknown)), ["sts:ExternalId"]);
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
#[test]
fn the_default_key_policy_delegates_to_identity_policies() {
    let default = || {
        document(json!({
            "Sid": "Enable IAM User Permissions", "Effect": "Allow",
            "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*",
        }))
    };
    let decrypt = request("kms:Decrypt", RequestContext::new());
    let case = Situation::new(Rule::KeyPolicy).identity(allow_all());
    assert_eq!(case.decide(&decrypt), refused(Layer::Resource));
    let case = case.resource(default());
    assert!(allowed(&case.decide(&decrypt)));
    assert_eq!(case.boundary(nothing()).decide(&decrypt), refused(Layer::Boundary));
    let case = Situation::new(Rule::KeyPolicy).resource(default());
    assert_eq!(case.decide(&decrypt), refused(Layer::Identity));
}

#[test]
fn a_key_policy_can_allow_the_role_itself() {
    let case = Situation::new(Rule::KeyPolicy).resource(grant_to(json!({"AWS": ROLE})));
    assert!(allowed(&case.get()));
    assert_eq!(case.boundary(nothing()).get(), refused(Layer::Boundary));
}

#[test]
fn a_key_policy_statement_without_resource_has_no_effect() {
    let key = document(json!({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:*"}));
    let case = Situation::new(Rule::KeyPolicy).resource(key);
    let decrypt = request("kms:Decrypt", RequestContext::new());
    assert_eq!(case.decide(&decrypt), refused(Layer::Resource));
}

#[test]
fn a_resource_policy_statement_without_principal_has_no_effect() {
    let case = Situation::new(Rule::Either).resource(allow_all());
    assert_eq!(case.get(), refused(Layer::Identity));
}

fn with_bucket_policy(deny: Value) -> Situation {
    Situation::new(Rule::Either)
        .identity(allow_all())
        .resource(document(deny))
}

fn denied_by_bucket(decision: &Decision) -> bool {
    matches!(decision, Decision::Denied(Refusal::Statement(source)) if source.layer == Layer::Resource)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingServerSideEncryption.html>
#[test]
fn unencrypted_uploads_are_denied() {
    let deny = |operator: &str, value: &str| {
        json!({
            "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::bucket/*",
            "Condition": {operator: {"s3:x-amz-server-side-encryption": value}},
        })
    };
    let case = with_bucket_policy(json!([deny("Null", "true"), deny("StringNotEquals", "aws:kms")]));
    let put = |fact| {
        let context = RequestContext::new().with("s3:x-amz-server-side-encryption", fact);
        case.decide(&request("s3:PutObject", context))
    };
    assert!(denied_by_bucket(&put(Fact::Absent)));
    assert!(denied_by_bucket(&put(known("AES256"))));
    assert!(allowed(&put(known("aws:kms"))));
    assert_eq!(reasons(&put(Fact::Present)), ["s3:x-amz-server-side-encryption"]);
    assert!(allowed(&case.get()));
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html>
#[test]
fn requests_without_tls_are_denied() {
    let case = with_bucket_policy(json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }));
    let get = |fact| {
        let context = RequestContext::new().with("aws:SecureTransport", fact);
        case.decide(&request("s3:GetObject", context))
    };
    assert!(allowed(&get(known("true"))));
    assert!(denied_by_bucket(&get(known("false"))));
    let unknown = Decision::Unknown {
        because: BTreeSet::from(["aws:SecureTransport".into()]),
        by: vec![source(Layer::Resource, "resource", 0, None)],
        doubt: Doubt::Deny,
    };
    assert_eq!(get(Fact::Unknown), unknown);
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies-vpc-endpoint.html>
#[test]
fn requests_that_do_not_come_through_the_endpoint_are_denied() {
    let case = with_bucket_policy(json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
    }));
    let get = |fact| {
        let context = RequestContext::new().with("aws:SourceVpce", fact);
        case.decide(&request("s3:GetObject", context))
    };
    assert!(allowed(&get(known("vpce-1a2b3c4d"))));
    assert!(denied_by_bucket(&get(known("vpce-other"))));
    assert!(denied_by_bucket(&get(Fact::Absent)));
    assert_eq!(reasons(&get(Fact::Unknown)), ["aws:SourceVpce"]);
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_my-sec-creds-self-manage.html>
#[test]
fn without_mfa_everything_but_some_actions_is_denied() {
    let case = Situation::new(Rule::Either).identity(document(json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {
            "Effect": "Deny", "NotAction": ["iam:ChangePassword", "sts:GetSessionToken"],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        },
    ])));
    let decided = |action: &str, fact| {
        let context = RequestContext::new().with("aws:MultiFactorAuthPresent", fact);
        allowed(&case.decide(&request(action, context)))
    };
    assert!(decided("s3:GetObject", known("true")));
    assert!(!decided("s3:GetObject", known("false")));
    assert!(!decided("s3:GetObject", Fact::Absent));
    assert!(!decided("s3:GetObject", Fact::Unknown));
    assert!(decided("iam:changepassword", Fact::Absent));
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous>
#[test]
fn everyone_but_a_named_role_is_denied() {
    let case = with_bucket_policy(json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": ROLE}},
    }));
    let get = |fact| {
        let context = RequestContext::new().with("aws:PrincipalArn", fact);
        case.decide(&request("s3:GetObject", context))
    };
    assert!(allowed(&get(known(ROLE))));
    assert!(denied_by_bucket(&get(known("arn:aws:iam::111122223333:role/other"))));
}

#[test]
fn a_doubtful_deny_leaves_a_refusal_a_refusal() {
    let deny = json!({
        "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    });
    let case = Situation::new(Rule::Either).resource(document(deny));
    assert_eq!(case.get(), refused(Layer::Identity));
    assert_eq!(reasons(&case.identity(allow_all()).get()), ["aws:SourceIp"]);
}

#[test]
fn a_doubtful_allow_and_a_doubtful_deny_are_both_named() {
    let conditional = |effect: &str, operator: &str, key: &str| {
        json!({
            "Effect": effect, "Action": "*", "Resource": "*",
            "Condition": {operator: {key: "x"}},
        })
    };
    let case = Situation::new(Rule::Either).identity(document(json!([
        conditional("Allow", "StringEquals", "a"),
        conditional("Deny", "StringEquals", "b"),
        conditional("Allow", "StringEquals", "c"),
    ])));
    let Decision::Unknown { because, by, doubt } = case.get() else {
        panic!("it is not unknown");
    };
    assert_eq!(because.into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(by.len(), 3);
    assert_eq!(doubt, Doubt::Both);
    let context = RequestContext::new().with("b", Fact::Absent).with("c", Fact::Absent);
    let unknown = Decision::Unknown {
        because: BTreeSet::from(["a".into()]),
        by: vec![source(Layer::Identity, "identity", 0, None)],
        doubt: Doubt::Allow,
    };
    assert_eq!(case.decide(&request("s3:GetObject", context)), unknown);
}

#[test]
fn what_could_not_be_read_may_allow_and_deny() {
    let case = Situation::new(Rule::Either)
        .identity(allow_all())
        .unreadable(Layer::Resource);
    assert_eq!(reasons(&case.get()), ["no permission"]);
    let case = Situation::new(Rule::Either).unreadable(Layer::Identity);
    assert_eq!(reasons(&case.get()), ["no permission"]);
    let case = Situation::new(Rule::Either)
        .identity(allow_all())
        .unreadable(Layer::Boundary);
    assert_eq!(reasons(&case.get()), ["no permission"]);
    let case = Situation::new(Rule::Both)
        .identity(allow_all())
        .unreadable(Layer::Boundary);
    assert_eq!(case.get(), refused(Layer::Resource));
    let deny = document(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let case = Situation::new(Rule::Either).identity(deny).unreadable(Layer::Resource);
    assert!(matches!(case.get(), Decision::Denied(Refusal::Statement(_))));
}

#[test]
fn a_statement_that_allows_in_several_ways_is_named_once() {
    let case = Situation::new(Rule::Both)
        .identity(allow_all())
        .resource(grant_to(json!({"AWS": ["*", ROLE, ROOT]})));
    let Decision::Allowed { by } = case.get() else {
        panic!("it is not allowed");
    };
    assert_eq!(by.len(), 2);
}

#[test]
fn a_document_that_aws_would_not_take_is_neither_yes_nor_no() {
    let decided = |text: &str| {
        let document = Document::parse(text).unwrap();
        let policies = Policies {
            identity: vec![named("odd", &document)],
            boundary: None,
            resource: None,
            unreadable: Vec::new(),
            rule: Rule::Either,
        };
        let context = RequestContext::new().with("aws:RequestedRegion", known(""));
        decide(&request("s3:GetObject", context), &policies)
    };
    for (text, why) in [
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"*","Resource":"*"}}"#,
            "Effect",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Action":"*","Resource":"*"}}"#,
            "Effect",
        ),
        (
            r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Version",
        ),
        (
            r#"{"Version":2012,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Version",
        ),
        (
            r#"{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}"#,
            "Effect",
        ),
        (
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:${aws:RequestedRegion}::bucket/*"}}"#,
            "fifth colon",
        ),
    ] {
        match decided(text) {
            Decision::Unknown { because, .. } => {
                let because: Vec<String> = because.into_iter().collect();
                assert!(because.join(" ").contains(why), "{text}: {because:?}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let elsewhere = r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
    assert_eq!(decided(elsewhere), Decision::Denied(Refusal::NoAllow(Layer::Identity)));
}

/// A policy of so many statements, each of them odd in some way that takes long if it is compared badly.
fn long_policy(statements: usize) -> Document {
    let one = |number: usize| {
        let stars = "*a".repeat(8);
        json!({ "Sid": format!("S{number}"), "Effect": "Allow",
            "Action": [format!("s3:Get{stars}"), "s3:*Object"],
            "Resource": [format!("arn:aws:s3:::b{number}/{stars}"), "arn:aws:s3:::${aws:username}${/*"],
            "Condition": { "StringLike": { "aws:userid": [format!("*{stars}"), "${${${"] } } })
    };
    let all: Vec<Value> = (0..statements).map(one).collect();
    let text = json!({ "Version": "2012-10-17", "Statement": all }).to_string();
    Document::parse(&text).unwrap()
}

/// The largest managed policy has 6,144 characters, a bucket policy 20 KB and a trust policy 8,192 at most:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
#[test]
fn the_work_grows_no_faster_than_the_documents() {
    let spent = |statements| {
        let document = long_policy(statements);
        let named = Named {
            name: "long".into(),
            document: &document,
        };
        let policies = Policies {
            identity: vec![named],
            boundary: None,
            resource: None,
            unreadable: Vec::new(),
            rule: Rule::Either,
        };
        let request = AuthorizationRequest {
            principal: Principal::Session {
                account: "111122223333".into(),
                role_arn: "arn:aws:iam::111122223333:role/r".into(),
            },
            action: "s3:GetObject".into(),
            resource: format!("arn:aws:s3:::b1/{}", "a".repeat(1000)),
            context: RequestContext::new().with("aws:userid", Fact::StartsWith("AROA:".into())),
        };
        effort::of(|| drop(explain::judge(request, &policies)))
    };
    let (hundred, two_hundred, four_hundred) = (spent(100), spent(200), spent(400));
    assert!(two_hundred > 100_000, "{two_hundred}");
    for (less, more) in [(hundred, two_hundred), (two_hundred, four_hundred)] {
        let growth = more as f64 / less as f64;
        assert!((1.9..2.1).contains(&growth), "{less} and {more}");
    }
}
