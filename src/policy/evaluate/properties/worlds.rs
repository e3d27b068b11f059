//! Policies and requests as they come by chance. The alphabets are small, so that the two do meet.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::super::explain::{Judgement, judge};
use super::super::*;

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/p/r";
pub(super) const USER: &str = "arn:aws:iam::111122223333:user/u";

pub(super) const KEYS: &[&str] = &["a:x", "a:y", "aws:PrincipalArn"];

/// A key that no request of these has.
pub(super) const ABSENT: &str = "a:absent";

pub(super) const VALUES: &[&str] = &[
    "",
    "a",
    "ab",
    "b",
    "1",
    "2",
    "true",
    "false",
    "2020-01-01T00:00:00Z",
    "10.0.0.1",
    "10.0.0.0/8",
    "YQ==",
    ROLE,
    "arn:aws:iam::111122223333:role/p/s",
    "arn:aws:iam",
];

pub(super) const PATTERNS: &[&str] = &[
    "*",
    "a*",
    "?",
    "*b",
    "${a:x}",
    "${a:y, 'a'}",
    "${a:x}*",
    "a${A:Y}",
    "${*}",
    "arn:aws:iam::*:role/*",
    "arn:*",
    "arn:aws:iam::${a:x}:${a:y}",
    "${aws:PrincipalArn}",
];

pub(super) const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "DateEquals",
    "DateNotEquals",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotLike",
];

pub(super) const PRINCIPALS: &[&str] = &[
    "*",
    ACCOUNT,
    "arn:aws:iam::111122223333:root",
    ROLE,
    USER,
    "arn:aws:sts::111122223333:assumed-role/r/s",
    "AROAEXAMPLE",
    "999999999999",
];

pub(super) fn one_or_more(texts: &'static [&'static str], more: &'static [&'static str]) -> BoxedStrategy<Value> {
    let texts = [texts, more].concat();
    prop_oneof![
        select(texts.clone()).prop_map(Value::from),
        vec(select(texts), 0..3).prop_map(Value::from),
    ]
    .boxed()
}

pub(super) fn operator() -> impl Strategy<Value = String> {
    let sets = select(&["", "", "ForAnyValue:", "ForAllValues:"][..]);
    let exists = select(&["", "", "IfExists"][..]);
    prop_oneof![
        12 => (sets, select(OPERATORS), exists).prop_map(|(set, name, exists)| format!("{set}{name}{exists}")),
        2 => Just("Null".to_owned()),
        1 => Just("Unheard".to_owned()),
    ]
}

pub(super) fn condition() -> impl Strategy<Value = Value> {
    let keys = btree_map(select(KEYS), one_or_more(VALUES, PATTERNS), 1..3);
    btree_map(operator(), keys, 1..3).prop_map(|operators| json!(operators))
}

pub(super) fn principal_element() -> impl Strategy<Value = (&'static str, Value)> {
    let key = select(&["Principal", "Principal", "NotPrincipal"][..]);
    let value = prop_oneof![
        Just(json!("*")),
        one_or_more(PRINCIPALS, &[]).prop_map(|names| json!({ "AWS": names })),
        Just(json!({"Service": "s3.amazonaws.com"})),
    ];
    (key, value)
}

pub(super) fn statement() -> impl Strategy<Value = Value> {
    (
        select(&["Allow", "Allow", "Deny"][..]),
        select(&["Action", "Action", "NotAction"][..]),
        one_or_more(&["s3:Get", "S3:*", "s3:Put", "*"], &[]),
        select(&["Resource", "Resource", "NotResource", "Sid"][..]),
        one_or_more(&["*", "a", "ab", "b*"], PATTERNS),
        option::weighted(0.8, principal_element()),
        option::of(condition()),
    )
        .prop_map(|(effect, action, actions, resource, resources, principal, condition)| {
            let mut statement = json!({"Effect": effect, action: actions, resource: resources});
            if let Some((key, value)) = principal {
                statement[key] = value;
            }
            if let Some(condition) = condition {
                statement["Condition"] = condition;
            }
            statement
        })
}

pub(super) fn document(statements: &[Value], version: &str) -> Document {
    let text = json!({"Version": version, "Statement": statements}).to_string();
    Document::parse(&text).unwrap()
}

/// Policies that can be taken apart and put together again.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) identity: Vec<Value>,
    pub(super) boundary: Option<Vec<Value>>,
    pub(super) resource: Vec<Value>,
    pub(super) unreadable: Vec<(Layer, String)>,
    pub(super) rule: Rule,
    pub(super) version: &'static str,
    pub(super) facts: Vec<Fact>,
    pub(super) user: bool,
    pub(super) resource_name: &'static str,
}

impl World {
    pub(super) fn decide(&self) -> Decision {
        self.judge().decision
    }

    pub(super) fn judge(&self) -> Judgement {
        let identity = document(&self.identity, self.version);
        let boundary = self.boundary.as_ref().map(|own| document(own, self.version));
        let resource = document(&self.resource, self.version);
        let named = |document| Named {
            name: "policy".into(),
            document,
        };
        let account = ACCOUNT.to_owned();
        let principal = if self.user {
            Principal::User {
                account,
                arn: USER.into(),
            }
        } else {
            Principal::Session {
                account,
                role_arn: ROLE.into(),
            }
        };
        let context = KEYS.iter().zip(&self.facts).fold(
            RequestContext::new().with(ABSENT, Fact::Absent),
            |context, (key, fact)| context.with(key, fact.clone()),
        );
        let request = AuthorizationRequest {
            principal,
            action: "s3:Get".into(),
            resource: self.resource_name.into(),
            context,
        };
        judge(
            request,
            &Policies {
                identity: vec![named(&identity)],
                boundary: boundary.as_ref().map(named),
                resource: Some(named(&resource)),
                unreadable: self.unreadable.clone(),
                rule: self.rule,
            },
        )
    }

    pub(super) fn layers(&mut self) -> Vec<&mut Vec<Value>> {
        let mut layers = vec![&mut self.identity, &mut self.resource];
        layers.extend(&mut self.boundary);
        layers
    }
}

pub(super) fn fact() -> impl Strategy<Value = Fact> {
    let one = prop_oneof![
        2 => vec(select(VALUES).prop_map(str::to_owned), 0..3).prop_map(Fact::Known),
        2 => select(&["", "a", "arn:aws:iam::111122223333:role/p/"][..])
            .prop_map(|start| Fact::StartsWith(start.into())),
        2 => Just(Fact::Absent),
        2 => Just(Fact::Present),
        2 => Just(Fact::Unknown),
        2 => Just(Fact::Unnamed),
    ];
    one.prop_recursive(2, 6, 3, |inner| vec(inner, 1..4).prop_map(Fact::Among))
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let layer = select(&[Layer::Identity, Layer::Boundary, Layer::Resource][..]);
    (
        vec(statement(), 0..4),
        option::of(vec(statement(), 0..4)),
        vec(statement(), 0..4),
        prop_oneof![
            4 => Just(Vec::new()),
            1 => layer.prop_map(|layer| vec![(layer, "unread".to_owned())]),
        ],
        select(&[Rule::Either, Rule::Both, Rule::ResourceOnly, Rule::KeyPolicy][..]),
        select(&["2012-10-17", "2012-10-17", "2008-10-17"][..]),
        vec(fact(), KEYS.len()),
        any::<bool>(),
        select(&["a", "ab", "b", ROLE][..]),
    )
        .prop_map(
            |(identity, boundary, resource, unreadable, rule, version, facts, user, resource_name)| World {
                identity,
                boundary,
                resource,
                unreadable,
                rule,
                version,
                facts,
                user,
                resource_name,
            },
        )
}

/// What [`Fact::Unnamed`] may turn out to be: nothing, or names that no policy here has.
pub(super) const UNNAMED: &[&[&str]] = &[&[], &["o-z"], &["o-z/r-z/"], &["o-z/r-z/", "o-z/r-z/ou-z/"]];

/// What a fact may turn out to be. Of several choices, `choice` makes one.
pub(super) fn refine(fact: &Fact, suggestion: &Fact, suffix: &str, choice: Index) -> Fact {
    match (fact, suggestion) {
        (Fact::Unknown, any) => any.clone(),
        (Fact::Present, any) if is_present(any) => any.clone(),
        (Fact::StartsWith(start), Fact::StartsWith(_)) => Fact::StartsWith(format!("{start}{suffix}")),
        (Fact::StartsWith(start), Fact::Known(_)) => Fact::Known(vec![format!("{start}{suffix}")]),
        (Fact::Unnamed, Fact::Absent | Fact::Unnamed) => suggestion.clone(),
        (Fact::Unnamed, Fact::StartsWith(_)) => Fact::StartsWith("o-z/".into()),
        (Fact::Unnamed, _) => {
            let names = choice.get(UNNAMED).iter();
            Fact::Known(names.map(|name| (*name).to_owned()).collect())
        }
        (Fact::Among(facts), _) => refine(choice.get(facts), suggestion, suffix, choice),
        _ => fact.clone(),
    }
}

/// Whether a key of which this is known is in the request for sure.
pub(super) fn is_present(fact: &Fact) -> bool {
    match fact {
        Fact::Known(values) => !values.is_empty(),
        Fact::StartsWith(_) | Fact::Present => true,
        Fact::Among(facts) => facts.iter().all(is_present),
        Fact::Absent | Fact::Unknown | Fact::Unnamed => false,
    }
}

/// A statement that speaks of no request of these: by its action, its resource or its condition.
pub(super) fn idle_statement() -> impl Strategy<Value = Value> {
    let comparison = prop_oneof![
        (
            select(&["", "ForAnyValue:"][..]),
            select(
                &[
                    "StringEquals",
                    "StringLike",
                    "NumericLessThan",
                    "DateEquals",
                    "Bool",
                    "BinaryEquals",
                    "IpAddress",
                    "ArnLike",
                ][..],
            ),
            one_or_more(VALUES, PATTERNS),
        )
            .prop_map(|(set, name, values)| (format!("{set}{name}"), values)),
        (
            select(&["StringNotEquals", "ArnNotLike", "NotIpAddress"][..]),
            one_or_more(VALUES, PATTERNS),
        )
            .prop_map(|(name, values)| (format!("ForAnyValue:{name}"), values)),
        Just(("Null".to_owned(), json!("false"))),
    ];
    let spoiling = prop_oneof![
        select(&["ec2:*", "s3-outposts:Get", "s3:GetObject"][..])
            .prop_map(|action| vec![("Action", json!(action)), ("NotAction", Value::Null)]),
        select(&["*", "s3:*", "S3:Get"][..])
            .prop_map(|action| vec![("NotAction", json!(action)), ("Action", Value::Null)]),
        select(&["c", "a?b", "arn:aws:s3:::b/*"][..])
            .prop_map(|resource| vec![("Resource", json!([resource])), ("NotResource", Value::Null)]),
        Just(vec![("NotResource", json!("*")), ("Resource", Value::Null)]),
        // What a comparison with nothing comes to, AWS does not say.
        comparison
            .prop_filter("it has values", |(_, values)| *values != json!([]))
            .prop_map(|(operator, values)| { vec![("Condition", json!({ operator: { ABSENT: values } }))] }),
    ];
    (statement(), spoiling).prop_map(|(mut statement, elements)| {
        if let Some(map) = statement.as_object_mut() {
            for (name, value) in elements {
                match (value, map.get_mut(name)) {
                    (Value::Null, _) => {
                        map.shift_remove(name);
                    }
                    // All comparisons of a condition must hold, so that one more spoils it.
                    (Value::Object(more), Some(Value::Object(operators))) => {
                        for (operator, keys) in more {
                            let own = operators.entry(operator).or_insert_with(|| json!({}));
                            own[ABSENT] = keys[ABSENT].clone();
                        }
                    }
                    (value, _) => {
                        map.insert(name.into(), value);
                    }
                }
            }
        }
        statement
    })
}

pub(super) fn allowed(decision: &Decision) -> bool {
    matches!(decision, Decision::Allowed { .. })
}

pub(super) fn denied(decision: &Decision) -> bool {
    matches!(decision, Decision::Denied(_))
}

pub(super) fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[*?a:${},'é]{0,8}".prop_map(Value::from),
        select(PATTERNS).prop_map(Value::from),
        select(PRINCIPALS).prop_map(Value::from),
    ];
    let keys = prop_oneof![
        operator(),
        select(&["AWS", "Service", "a:x", ""][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 16, 3, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(keys.clone(), inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}
