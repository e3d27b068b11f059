//! Properties that hold for all policies and requests. The alphabets are small, so that policies and requests do meet.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::explain::{Judgement, Matched, judge};
use super::*;

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/p/r";
const USER: &str = "arn:aws:iam::111122223333:user/u";

const KEYS: &[&str] = &["a:x", "a:y", "aws:PrincipalArn"];

/// A key that no request of these has.
const ABSENT: &str = "a:absent";

const VALUES: &[&str] = &[
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

const PATTERNS: &[&str] = &[
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

const OPERATORS: &[&str] = &[
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

const PRINCIPALS: &[&str] = &[
    "*",
    ACCOUNT,
    "arn:aws:iam::111122223333:root",
    ROLE,
    USER,
    "arn:aws:sts::111122223333:assumed-role/r/s",
    "AROAEXAMPLE",
    "999999999999",
];

fn one_or_more(
    texts: &'static [&'static str],
    more: &'static [&'static str],
) -> BoxedStrategy<Value> {
    let texts = [texts, more].concat();
    prop_oneof![
        select(texts.clone()).prop_map(Value::from),
        vec(select(texts), 0..3).prop_map(Value::from),
    ]
    .boxed()
}

fn operator() -> impl Strategy<Value = String> {
    let sets = select(&["", "", "ForAnyValue:", "ForAllValues:"][..]);
    let exists = select(&["", "", "IfExists"][..]);
    prop_oneof![
        12 => (sets, select(OPERATORS), exists).prop_map(|(set, name, exists)| format!("{set}{name}{exists}")),
        2 => Just("Null".to_owned()),
        1 => Just("Unheard".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let keys = btree_map(select(KEYS), one_or_more(VALUES, PATTERNS), 1..3);
    btree_map(operator(), keys, 1..3).prop_map(|operators| json!(operators))
}

fn principal_element() -> impl Strategy<Value = (&'static str, Value)> {
    let key = select(&["Principal", "Principal", "NotPrincipal"][..]);
    let value = prop_oneof![
        Just(json!("*")),
        one_or_more(PRINCIPALS, &[]).prop_map(|names| json!({ "AWS": names })),
        Just(json!({"Service": "s3.amazonaws.com"})),
    ];
    (key, value)
}

fn statement() -> impl Strategy<Value = Value> {
    (
        select(&["Allow", "Allow", "Deny"][..]),
        select(&["Action", "Action", "NotAction"][..]),
        one_or_more(&["s3:Get", "S3:*", "s3:Put", "*"], &[]),
        select(&["Resource", "Resource", "NotResource", "Sid"][..]),
        one_or_more(&["*", "a", "ab", "b*"], PATTERNS),
        option::weighted(0.8, principal_element()),
        option::of(condition()),
    )
        .prop_map(
            |(effect, action, actions, resource, resources, principal, condition)| {
                let mut statement = json!({"Effect": effect, action: actions, resource: resources});
                if let Some((key, value)) = principal {
                    statement[key] = value;
                }
                if let Some(condition) = condition {
                    statement["Condition"] = condition;
                }
                statement
            },
        )
}

fn document(statements: &[Value], version: &str) -> Document {
    let text = json!({"Version": version, "Statement": statements}).to_string();
    Document::parse(&text).unwrap()
}

/// Policies that can be taken apart and put together again.
#[derive(Debug, Clone)]
struct World {
    identity: Vec<Value>,
    boundary: Option<Vec<Value>>,
    resource: Vec<Value>,
    unreadable: Vec<(Layer, String)>,
    rule: Rule,
    version: &'static str,
    facts: Vec<Fact>,
    user: bool,
    resource_name: &'static str,
}

impl World {
    fn decide(&self) -> Decision {
        self.judge().decision
    }

    fn judge(&self) -> Judgement {
        let identity = document(&self.identity, self.version);
        let boundary = self
            .boundary
            .as_ref()
            .map(|own| document(own, self.version));
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
            Context::new().with(ABSENT, Fact::Absent),
            |context, (key, fact)| context.with(key, fact.clone()),
        );
        let request = Request {
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

    fn layers(&mut self) -> Vec<&mut Vec<Value>> {
        let mut layers = vec![&mut self.identity, &mut self.resource];
        layers.extend(&mut self.boundary);
        layers
    }
}

fn fact() -> impl Strategy<Value = Fact> {
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

fn world() -> impl Strategy<Value = World> {
    let layer = select(&[Layer::Identity, Layer::Boundary, Layer::Resource][..]);
    (
        vec(statement(), 0..4),
        option::of(vec(statement(), 0..4)),
        vec(statement(), 0..4),
        prop_oneof![
            4 => Just(Vec::new()),
            1 => layer.prop_map(|layer| vec![(layer, "unread".to_owned())]),
        ],
        select(
            &[
                Rule::Either,
                Rule::Both,
                Rule::ResourceOnly,
                Rule::KeyPolicy,
            ][..],
        ),
        select(&["2012-10-17", "2012-10-17", "2008-10-17"][..]),
        vec(fact(), KEYS.len()),
        any::<bool>(),
        select(&["a", "ab", "b", ROLE][..]),
    )
        .prop_map(
            |(
                identity,
                boundary,
                resource,
                unreadable,
                rule,
                version,
                facts,
                user,
                resource_name,
            )| World {
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
const UNNAMED: &[&[&str]] = &[&[], &["o-z"], &["o-z/r-z/"], &["o-z/r-z/", "o-z/r-z/ou-z/"]];

/// What a fact may turn out to be. Of several choices, `choice` makes one.
fn refine(fact: &Fact, suggestion: &Fact, suffix: &str, choice: Index) -> Fact {
    match (fact, suggestion) {
        (Fact::Unknown, any) => any.clone(),
        (Fact::Present, any) if is_present(any) => any.clone(),
        (Fact::StartsWith(start), Fact::StartsWith(_)) => {
            Fact::StartsWith(format!("{start}{suffix}"))
        }
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
fn is_present(fact: &Fact) -> bool {
    match fact {
        Fact::Known(values) => !values.is_empty(),
        Fact::StartsWith(_) | Fact::Present => true,
        Fact::Among(facts) => facts.iter().all(is_present),
        Fact::Absent | Fact::Unknown | Fact::Unnamed => false,
    }
}

/// A statement that speaks of no request of these: by its action, its resource or its condition.
fn idle_statement() -> impl Strategy<Value = Value> {
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
        select(&["c", "a?b", "arn:aws:s3:::b/*"][..]).prop_map(|resource| vec![
            ("Resource", json!([resource])),
            ("NotResource", Value::Null)
        ]),
        Just(vec![("NotResource", json!("*")), ("Resource", Value::Null)]),
        // What a comparison with nothing comes to, AWS does not say.
        comparison
            .prop_filter("it has values", |(_, values)| *values != json!([]))
            .prop_map(|(operator, values)| {
                vec![("Condition", json!({ operator: { ABSENT: values } }))]
            }),
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

fn allowed(decision: &Decision) -> bool {
    matches!(decision, Decision::Allowed { .. })
}

fn denied(decision: &Decision) -> bool {
    matches!(decision, Decision::Denied(_))
}

fn json_value() -> impl Strategy<Value = Value> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_learnt_later_never_changes_a_decision(
        world in world(),
        suggestions in vec(fact(), KEYS.len()),
        suffix in select(&["", "a", "r"][..]),
        choice in any::<Index>(),
    ) {
        let before = world.decide();
        let mut after = world;
        for (fact, suggestion) in after.facts.iter_mut().zip(&suggestions) {
            *fact = refine(fact, suggestion, suffix, choice);
        }
        let after = after.decide();
        if allowed(&before) {
            prop_assert!(allowed(&after), "{:?} became {:?}", before, after);
        }
        if denied(&before) {
            prop_assert!(denied(&after), "{:?} became {:?}", before, after);
        }
    }

    /// The same where nothing but a condition decides, so that rare cases are met as well.
    #[test]
    fn what_is_learnt_later_never_changes_a_condition(
        condition in condition(),
        facts in vec(fact(), KEYS.len()),
        suggestions in vec(fact(), KEYS.len()),
        suffix in select(&["", "a", "r"][..]),
        choice in any::<Index>(),
    ) {
        let decided = |facts| {
            World {
                identity: vec![json!({
                    "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition,
                })],
                boundary: None,
                resource: Vec::new(),
                unreadable: Vec::new(),
                rule: Rule::Either,
                version: "2012-10-17",
                facts,
                user: false,
                resource_name: "a",
            }
            .decide()
        };
        let refined = facts.iter().zip(&suggestions);
        let refined = refined.map(|(fact, new)| refine(fact, new, suffix, choice));
        let after = decided(refined.collect());
        let before = decided(facts);
        prop_assert!(!allowed(&before) || allowed(&after), "{:?} became {:?}", before, after);
        prop_assert!(!denied(&before) || denied(&after), "{:?} became {:?}", before, after);
    }

    #[test]
    fn what_is_read_later_never_changes_a_decision(world in world()) {
        let after = World { unreadable: Vec::new(), ..world.clone() }.decide();
        let before = world.decide();
        prop_assert!(!allowed(&before) || allowed(&after));
        if world.unreadable.iter().all(|(layer, _)| *layer != Layer::Boundary) {
            prop_assert!(!denied(&before) || denied(&after));
        }
    }

    #[test]
    fn a_denying_statement_always_wins(mut world in world(), layer in any::<Index>()) {
        let deny = json!({
            "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
        });
        let mut layers = world.layers();
        let place = layer.index(layers.len());
        layers[place].push(deny);
        prop_assert!(matches!(world.decide(), Decision::Denied(Refusal::Statement(_))));
    }

    #[test]
    fn a_statement_that_speaks_of_nothing_changes_nothing(
        world in world(),
        idle in idle_statement(),
        layer in any::<Index>(),
    ) {
        let mut more = world.clone();
        let mut layers = more.layers();
        let place = layer.index(layers.len());
        layers[place].push(idle);
        prop_assert_eq!(world.decide(), more.decide());
    }

    #[test]
    fn one_more_deny_never_allows(
        world in world(),
        mut deny in statement(),
        layer in any::<Index>(),
    ) {
        deny["Effect"] = json!("Deny");
        let mut more = world.clone();
        let mut layers = more.layers();
        let place = layer.index(layers.len());
        layers[place].push(deny);
        let (before, after) = (world.decide(), more.decide());
        prop_assert!(!allowed(&after) || allowed(&before));
        prop_assert!(!denied(&before) || denied(&after));
    }

    #[test]
    fn one_allow_less_never_allows(world in world(), layer in any::<Index>(), place in any::<Index>()) {
        let mut less = world.clone();
        let mut layers = less.layers();
        let number = layer.index(layers.len());
        let statements = &mut layers[number];
        if !statements.is_empty() {
            let place = place.index(statements.len());
            if statements[place]["Effect"] == "Allow" {
                statements.remove(place);
            }
        }
        let (before, after) = (world.decide(), less.decide());
        prop_assert!(!allowed(&after) || allowed(&before));
        prop_assert!(!denied(&before) || denied(&after));
    }

    #[test]
    fn a_boundary_never_widens(world in world()) {
        let without = World { boundary: None, ..world.clone() }.decide();
        let with = world.decide();
        prop_assert!(!allowed(&with) || allowed(&without));
        if world.unreadable.iter().all(|(layer, _)| *layer != Layer::Boundary) {
            prop_assert!(!denied(&without) || denied(&with));
        }
    }

    #[test]
    fn any_json_is_borne(
        mut world in world(),
        elements in btree_map(
            select(&["Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Sid"][..]),
            json_value(),
            0..9,
        ),
        values in vec("[*?a:${},'é]{0,8}", 0..3),
    ) {
        world.facts[0] = Fact::Known(values);
        for layer in world.layers() {
            layer.push(json!(elements));
        }
        let _ = world.decide();
    }

    #[test]
    fn the_explanation_ends_with_the_verdict(world in world()) {
        let judgement = world.judge();
        let weighed = |source: &Source| {
            let mut all = judgement.weighed.iter();
            all.find(|one| one.source == *source).expect("every statement is weighed")
        };
        let certain = |effect, layer| {
            let mut all = judgement.weighed.iter();
            all.any(|one| {
                let here = Option::is_none_or(layer, |layer| one.source.layer == layer);
                one.effect == effect && one.matched == Matched::Yes && here
            })
        };
        for one in &judgement.weighed {
            let all = one.elements.iter().all(|element| element.matched == Matched::Yes);
            prop_assert_eq!(all, one.matched == Matched::Yes, "{:?}", one);
            let none = one.elements.iter().any(|element| element.matched == Matched::No);
            prop_assert_eq!(none, one.matched == Matched::No, "{:?}", one);
        }
        let denies = certain(Effect::Deny, None);
        prop_assert_eq!(denies, matches!(judgement.decision, Decision::Denied(Refusal::Statement(_))));
        match &judgement.decision {
            Decision::Denied(Refusal::Statement(source)) => {
                prop_assert_eq!(weighed(source).effect, Effect::Deny);
                prop_assert_eq!(&weighed(source).matched, &Matched::Yes);
            }
            Decision::Denied(Refusal::NoAllow(layer)) => {
                let unless_everyone = *layer == Layer::Resource || !certain(Effect::Allow, Some(Layer::Resource));
                prop_assert!(!unless_everyone || !certain(Effect::Allow, Some(*layer)));
            }
            Decision::Allowed { by } => {
                prop_assert!(!by.is_empty());
                for source in by {
                    prop_assert_eq!(weighed(source).effect, Effect::Allow);
                    prop_assert_eq!(&weighed(source).matched, &Matched::Yes);
                }
            }
            Decision::Unknown { by, .. } => {
                let no = |source: &&Source| weighed(source).matched == Matched::No;
                prop_assert!(!by.iter().any(|source| no(&source)));
            }
        }
    }

    #[test]
    fn unknown_decisions_give_their_reasons(world in world()) {
        if let Decision::Unknown { because, by, .. } = world.decide() {
            prop_assert!(!because.is_empty());
            prop_assert!(!by.is_empty() || !world.unreadable.is_empty());
            prop_assert!(!because.contains(""));
        }
    }
}

/// The properties would hold of an engine that always says the same.
#[test]
fn the_generated_worlds_are_of_every_kind() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counts = [0; 3];
    for _ in 0..2000 {
        let decision = world().new_tree(&mut runner).unwrap().current().decide();
        let kind = match decision {
            Decision::Allowed { .. } => 0,
            Decision::Denied(_) => 1,
            Decision::Unknown { .. } => 2,
        };
        counts[kind] += 1;
    }
    assert!(counts.iter().all(|count| *count > 25), "{counts:?}");
}
