//! Whether a statement speaks of a request: its action, its resource and its condition.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use serde_json::Value;

use super::condition::{self, Compared};
use super::pattern::{LetterCase, Pattern, Sense, Text, Wildcards};
use super::request::{AuthorizationRequest, RequestContext};
use super::truth::Truth;
use crate::policy::document::{Document, Effect, Statement};

/// What a statement without `Resource` speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutResource {
    /// Of nothing. KMS keeps such a statement, but it has no effect:
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>.
    Nothing,
    /// Of the role that the trust policy belongs to.
    TheRole,
}

/// What the elements of a statement say of a request, apart from who makes it.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) action: Truth,
    pub(super) resource: Truth,
    pub(super) conditions: Vec<(Option<Compared<'a>>, Truth)>,
    /// What is odd about the statement or its document, so that nobody can say how AWS reads it.
    pub(super) doubt: Option<String>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        statement: &'a Statement,
        document: &Document,
        request: &AuthorizationRequest,
        without_resource: WithoutResource,
    ) -> Self {
        // The first version whose language has variables is the last one there is.
        let variables = document.version() == "2012-10-17";
        let map = statement.map();
        let resource = match (map.get("Resource"), map.get("NotResource")) {
            (None, None) => (without_resource == WithoutResource::TheRole).into(),
            (positive, negated) => resource(
                positive,
                negated,
                &request.resource,
                variables.then_some(&request.context),
            ),
        };
        Self {
            action: action(map.get("Action"), map.get("NotAction"), &request.action),
            resource,
            conditions: condition::outcomes(map.get("Condition"), &request.context, variables),
            doubt: match statement.effect() {
                Effect::Odd => Some("an Effect that is neither Allow nor Deny".to_owned()),
                Effect::Allow | Effect::Deny => document.doubt(),
            },
        }
    }

    /// Whether the statement speaks of the request: every element must.
    pub(super) fn truth(self) -> Truth {
        let conditions = Truth::all(self.conditions.into_iter().map(|(_, truth)| truth));
        let doubt = self.doubt.map_or(Truth::Yes, Truth::unknown);
        self.action.and(self.resource).and(conditions).and(doubt)
    }
}

/// Whether a statement speaks of a request, apart from who makes it.
pub(super) fn speaks_of(
    statement: &Statement,
    document: &Document,
    request: &AuthorizationRequest,
    without_resource: WithoutResource,
) -> Truth {
    Parts::new(statement, document, request, without_resource).truth()
}

pub(super) fn action(positive: Option<&Value>, negated: Option<&Value>, action: &str) -> Truth {
    element(positive, negated, "Action", |text, sense| {
        Pattern::new(text, Wildcards::Special, None).matches(Text::Exact(action), LetterCase::Ignored, sense, "")
    })
}

pub(super) fn resource(
    positive: Option<&Value>,
    negated: Option<&Value>,
    resource: &str,
    variables: Option<&RequestContext>,
) -> Truth {
    element(positive, negated, "Resource", |text, sense| {
        let matched = Pattern::new(text, Wildcards::Special, variables).matches_resource(resource, sense);
        // AWS says that there is none, and not what becomes of one.
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-wheretouse>
        match matched == Truth::Yes && variables.is_some() && has_early_variable(text) {
            true => Truth::unknown("a policy variable before the fifth colon of a Resource"),
            false => matched,
        }
    })
}

/// Whether a policy variable stands before the fifth colon. `${*}`, `${?}` and `${$}` are characters, and no variables.
fn has_early_variable(resource: &str) -> bool {
    let mut colons = 0;
    let mut rest = resource;
    if !resource.contains('}') {
        return false;
    }
    while let Some(character) = rest.chars().next() {
        if colons == 5 {
            return false;
        }
        match rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            Some(("*" | "?" | "$", after)) => rest = after,
            Some(_) => return true,
            None => {
                colons += usize::from(character == ':');
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    false
}

/// Whether an element holds that has a negated form; AWS allows no statement to have both or neither.
fn element(
    positive: Option<&Value>,
    negated: Option<&Value>,
    name: &str,
    matches: impl Fn(&str, Sense) -> Truth,
) -> Truth {
    let any = |value: &Value, sense| {
        let one = |value: &Value| match value {
            Value::String(text) => matches(text, sense),
            _ => Truth::unknown(format!("the statement's {name}, which cannot be read")),
        };
        match value {
            Value::Array(values) => Truth::any(values.iter().map(one)),
            value => one(value),
        }
    };
    match (positive, negated) {
        (None, None) => Truth::No,
        (positive, negated) => positive
            .map_or(Truth::Yes, |value| any(value, Sense::Positive))
            .and(negated.map_or(Truth::Yes, |value| any(value, Sense::Negated).not())),
    }
}

#[cfg(test)]
mod tests;
