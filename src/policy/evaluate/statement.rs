//! Whether a statement speaks of a request: its action, its resource and its condition.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use serde_json::Value;

use super::condition;
use super::pattern::{Case, Pattern, Sense, Text, Wildcards};
use super::request::{Context, Request};
use super::truth::Truth;
use crate::policy::document::{Document, Statement};

/// What a statement without `Resource` speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutResource {
    /// Of nothing. KMS keeps such a statement, but it has no effect:
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>.
    Nothing,
    /// Of the role that the trust policy belongs to.
    TheRole,
}

/// Whether a statement speaks of a request, apart from who makes it.
pub(super) fn speaks_of(
    statement: &Statement,
    document: &Document,
    request: &Request,
    without_resource: WithoutResource,
) -> Truth {
    // The first version whose language has variables is the last one there is.
    let variables = document.version() == "2012-10-17";
    let map = statement.map();
    action(map.get("Action"), map.get("NotAction"), &request.action)
        .and(match (map.get("Resource"), map.get("NotResource")) {
            (None, None) => (without_resource == WithoutResource::TheRole).into(),
            (positive, negated) => resource(
                positive,
                negated,
                &request.resource,
                variables.then_some(&request.context),
            ),
        })
        .and(condition::holds(
            map.get("Condition"),
            &request.context,
            variables,
        ))
}

fn action(positive: Option<&Value>, negated: Option<&Value>, action: &str) -> Truth {
    element(positive, negated, "Action", |text, sense| {
        Pattern::new(text, Wildcards::Special, None).matches(
            Text::Exact(action),
            Case::Ignored,
            sense,
            "",
        )
    })
}

fn resource(
    positive: Option<&Value>,
    negated: Option<&Value>,
    resource: &str,
    variables: Option<&Context>,
) -> Truth {
    element(positive, negated, "Resource", |text, sense| {
        Pattern::new(text, Wildcards::Special, variables).matches(
            Text::Exact(resource),
            Case::Sensitive,
            sense,
            "",
        )
    })
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
