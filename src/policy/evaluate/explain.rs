//! Why a request is decided as it is: every statement that bears on it, and what each of its elements says.
//!
//! The outcomes are those that [`decide`] goes by, so the explanation cannot have an opinion of its own.

use serde_json::Value;

use super::condition::Compared;
use super::request::{AuthorizationRequest, Fact};
use super::statement::Parts;
use super::truth::Truth;
use super::{Decision, Layer, Policies, Rule, Source, decide, principal, statements, unreadable, without_resource};
use crate::policy::document::{Document, Effect, Statement};

/// Whether a statement, or an element of one, speaks of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matched {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody can say; on what it depends.
    Unknown(Vec<String>),
}

impl From<Truth> for Matched {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::Yes => Self::Yes,
            Truth::No => Self::No,
            Truth::Unknown(reasons) => Self::Unknown(reasons.into_iter().collect()),
        }
    }
}

/// What AWS would decide about a request, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// The request.
    pub(crate) request: AuthorizationRequest,
    /// What AWS would decide.
    pub(crate) decision: Decision,
    /// Every statement that bears on it, in AWS's order of policies.
    pub(crate) weighed: Vec<Weighed>,
    /// Which layers must allow.
    pub(crate) rule: Rule,
    /// The layers of which there is a policy.
    pub(crate) layers: Vec<Layer>,
    /// What could not be read, and why.
    pub(crate) unreadable: Vec<(Layer, String)>,
}

/// Decides about a request, and says why.
pub(crate) fn judge(request: AuthorizationRequest, policies: &Policies<'_>) -> Judgement {
    Judgement {
        decision: decide(&request, policies),
        weighed: weigh(&request, policies),
        rule: policies.rule,
        layers: layers(policies),
        unreadable: policies.unreadable.clone(),
        request,
    }
}

fn layers(policies: &Policies<'_>) -> Vec<Layer> {
    let there = [
        (Layer::Resource, policies.resource.is_some()),
        (Layer::Identity, !policies.identity.is_empty()),
        (Layer::Boundary, policies.boundary.is_some()),
    ];
    let there = there.into_iter().filter(|(_, is_there)| *is_there);
    there.map(|(layer, _)| layer).collect()
}

/// A statement, weighed against a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weighed {
    /// Where it stands.
    pub(crate) source: Source,
    /// What it does.
    pub(crate) effect: Effect,
    /// Whether it speaks of the request: whether all its elements do.
    pub(crate) matched: Matched,
    /// Its elements, in the order of AWS's grammar.
    pub(crate) elements: Vec<Element>,
}

impl Judgement {
    /// The statement that a source names.
    pub(crate) fn statement(&self, source: &Source) -> Option<&Weighed> {
        self.weighed.iter().find(|one| one.source == *source)
    }

    /// Whether the statement that a source names is an Allow.
    pub(crate) fn allows(&self, source: &Source) -> bool {
        let statement = self.statement(source);
        statement.is_some_and(|one| one.effect == Effect::Allow)
    }
}

impl Weighed {
    /// Whether it has a condition.
    pub(crate) fn has_condition(&self) -> bool {
        let mut elements = self.elements.iter();
        elements.any(|element| element.name == CONDITION)
    }

    /// Whether one of its conditions asks for a key that begins so, in lowercase.
    pub(crate) fn asks_for(&self, prefix: &str) -> bool {
        let conditions = self.elements.iter();
        let mut conditions = conditions.filter_map(|element| element.condition.as_ref());
        conditions.any(|condition| condition.key.to_ascii_lowercase().starts_with(prefix))
    }

    /// Whether it denies, or may, and speaks of the request, or may.
    pub(crate) fn may_deny(&self) -> bool {
        self.effect != Effect::Allow && self.matched != Matched::No
    }

    /// Whether it allows the action, on whatever and under whatever condition.
    pub(crate) fn allows_action(&self) -> bool {
        let mut elements = self.elements.iter();
        self.effect == Effect::Allow
            && elements.any(|element| element.name.ends_with("Action") && element.matched == Matched::Yes)
    }

    /// Whether it names resources, and the request's is none of them.
    pub(crate) fn names_other_resources(&self) -> bool {
        let mut elements = self.elements.iter();
        elements.any(|element| element.name == "Resource" && element.matched == Matched::No)
    }
}

/// The name of the element that compares.
pub(crate) const CONDITION: &str = "Condition";

/// An element of a statement, weighed against a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its name in AWS's grammar: `Principal`, `NotAction`, `Resource`, `Condition`; or `Version` and `Effect`, where
    /// they are odd.
    pub(crate) name: &'static str,
    /// The values in the policy, as they are written.
    pub(crate) values: Vec<String>,
    /// What is compared, where it is a condition.
    pub(crate) condition: Option<Condition>,
    /// Whether it speaks of the request.
    pub(crate) matched: Matched,
}

/// One comparison of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The operator, such as `StringNotEquals`.
    pub(crate) operator: String,
    /// The condition key.
    pub(crate) key: String,
    /// What is known of the key in the request.
    pub(crate) request: Fact,
}

/// Weighs every statement of every policy that applies to a request: the resource's, the identity's and the boundary's,
/// in this order, which is AWS's own:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>.
fn weigh(request: &AuthorizationRequest, policies: &Policies<'_>) -> Vec<Weighed> {
    let boundary = match policies.boundary {
        Some(_) => Truth::Yes,
        None => unreadable(Layer::Boundary, policies),
    };
    statements(Layer::Resource, &policies.resource)
        .chain(statements(Layer::Identity, &policies.identity))
        .chain(statements(Layer::Boundary, &policies.boundary))
        .map(|(source, document, statement)| {
            let without = without_resource(source.layer, policies.rule);
            let who = match source.layer {
                Layer::Resource => Some(principal_truth(statement, request, &boundary)),
                Layer::Identity | Layer::Boundary => None,
            };
            let parts = Parts::new(statement, document, request, without);
            weighed(source, statement, document, who, parts, request)
        })
        .collect()
}

fn principal_truth(statement: &Statement, request: &AuthorizationRequest, boundary: &Truth) -> Truth {
    let granted = || {
        let grant = principal::granted(statement, &request.principal);
        Truth::any([grant.direct, grant.everyone, grant.role, grant.account])
    };
    let denied = || principal::denied(statement, &request.principal, boundary);
    match statement.effect() {
        Effect::Allow => granted(),
        Effect::Deny => denied(),
        Effect::Odd => granted().or(denied()),
    }
}

fn weighed(
    source: Source,
    statement: &Statement,
    document: &Document,
    who: Option<Truth>,
    parts: Parts<'_>,
    request: &AuthorizationRequest,
) -> Weighed {
    let mut elements = Vec::new();
    let mut truth = Truth::Yes;
    let mut add = |names: [&'static str; 2], own: Truth| {
        truth = truth.clone().and(own.clone());
        let map = statement.map();
        let written: Vec<&'static str> = names.into_iter().filter(|name| map.contains_key(*name)).collect();
        let values = written.iter().filter_map(|name| map.get(*name));
        elements.push(Element {
            name: written.first().copied().unwrap_or(names[0]),
            values: values.flat_map(texts_of).collect(),
            condition: None,
            matched: own.into(),
        });
    };
    if let Some(who) = who {
        add(["Principal", "NotPrincipal"], who);
    }
    add(["Action", "NotAction"], parts.action);
    // A trust policy speaks of its role, and has no such element.
    let has_resource = ["Resource", "NotResource"].map(|name| statement.map().contains_key(name));
    if has_resource.contains(&true) || parts.resource != Truth::Yes {
        add(["Resource", "NotResource"], parts.resource);
    }
    for (compared, own) in parts.conditions {
        truth = truth.and(own.clone());
        elements.push(condition(compared, own, request));
    }
    if let Some(doubt) = parts.doubt {
        let (name, value) = match statement.effect() {
            Effect::Odd => ("Effect", statement.map().get("Effect")),
            Effect::Allow | Effect::Deny => ("Version", document.written_version()),
        };
        let own = Truth::unknown(doubt);
        truth = truth.and(own.clone());
        elements.push(Element {
            name,
            values: value.map(texts_of).unwrap_or_default(),
            condition: None,
            matched: own.into(),
        });
    }
    Weighed {
        source,
        effect: statement.effect(),
        matched: truth.into(),
        elements,
    }
}

fn condition(compared: Option<Compared<'_>>, own: Truth, request: &AuthorizationRequest) -> Element {
    Element {
        name: CONDITION,
        values: compared.map(|compared| texts_of(compared.values)).unwrap_or_default(),
        condition: compared.map(|compared| Condition {
            operator: compared.operator.to_owned(),
            key: compared.key.to_owned(),
            request: request.context.fact(compared.key).clone(),
        }),
        matched: own.into(),
    }
}

/// The values of an element as they are written: its texts, those of `Principal` with their kind where it is not `AWS`,
/// and whatever else stands there as JSON.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts_of).collect(),
        Value::Object(map) => map
            .iter()
            .flat_map(|(kind, value)| {
                let prefix = match kind.as_str() {
                    "AWS" => String::new(),
                    kind => format!("{kind}: "),
                };
                let texts = texts_of(value).into_iter();
                texts.map(move |text| format!("{prefix}{text}"))
            })
            .collect(),
        other => vec![other.to_string()],
    }
}
