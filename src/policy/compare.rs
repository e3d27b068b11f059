//! Whether two documents mean the same, and what differs where they do not.
//!
//! AWS stores a document as it was sent, and people write one meaning in many ways: a string or a list of one, actions
//! in any order and case, a Sid or none. None of that is drift.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::document::texts;
use super::{Document, Statement};
use crate::names::ProjectToken;

/// Whether two documents say the same.
pub(crate) fn same_meaning(one: &Document, other: &Document) -> bool {
    one.version() == other.version() && meanings(one) == meanings(other)
}

/// Whether two statements say the same, whatever their Sids.
pub(crate) fn same_statement(one: &Statement, other: &Statement) -> bool {
    meaning(one) == meaning(other)
}

fn meanings(document: &Document) -> BTreeSet<String> {
    document.statements().iter().map(meaning).collect()
}

/// A statement's canonical text: its Sid left out, its lists sorted, its actions in lowercase.
fn meaning(statement: &Statement) -> String {
    let mut canonical = Map::new();
    let mut names: Vec<&String> = statement.map().keys().filter(|name| *name != "Sid").collect();
    names.sort();
    for name in names {
        let value = &statement.map()[name];
        let value = match name.as_str() {
            "Action" | "NotAction" => list(value, str::to_ascii_lowercase),
            "Resource" | "NotResource" => list(value, str::to_owned),
            "Principal" | "NotPrincipal" => lists_of(value, str::to_owned),
            "Condition" => match value.as_object() {
                Some(operators) => sorted(
                    operators
                        .iter()
                        .map(|(operator, keys)| (operator.clone(), lists_of(keys, str::to_ascii_lowercase))),
                ),
                None => value.clone(),
            },
            _ => value.clone(),
        };
        canonical.insert(name.clone(), value);
    }
    Value::Object(canonical).to_string()
}

/// A string, or a list of strings, as a sorted list. Conditions may hold booleans and numbers, which AWS reads as text.
fn list(value: &Value, fold: impl Fn(&str) -> String) -> Value {
    let items: BTreeSet<String> = match value {
        Value::Array(values) => values.iter().map(|value| fold(&as_text(value))).collect(),
        other => BTreeSet::from([fold(&as_text(other))]),
    };
    Value::from(items.into_iter().collect::<Vec<_>>())
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `{"AWS": …}` or `{"sts:ExternalId": …}` with each value as a sorted list; a bare `"*"` stays what it is.
fn lists_of(value: &Value, fold_key: impl Fn(&str) -> String) -> Value {
    match value.as_object() {
        Some(map) => sorted(
            map.iter()
                .map(|(key, value)| (fold_key(key), list(value, str::to_owned))),
        ),
        None => value.clone(),
    }
}

fn sorted(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let ordered: std::collections::BTreeMap<String, Value> = entries.collect();
    Value::Object(ordered.into_iter().collect())
}

/// What has to go and what has to come to make one document say what another does, statement by statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Diff {
    /// Statements that only the present document has.
    pub(crate) removed: Vec<Statement>,
    /// Statements that only the wanted document has.
    pub(crate) added: Vec<Statement>,
}

/// The difference between a present document and a wanted one.
pub(crate) fn diff(present: &Document, wanted: &Document) -> Diff {
    let only = |of: &Document, than: &Document| {
        let known = meanings(than);
        of.statements()
            .iter()
            .filter(|statement| !known.contains(&meaning(statement)))
            .cloned()
            .collect()
    };
    Diff {
        removed: only(present, wanted),
        added: only(wanted, present),
    }
}

impl fmt::Display for Diff {
    /// One line a JSON line, marked `-` or `+`. ExternalIds are shown by their ends only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mark, statements) in [('-', &self.removed), ('+', &self.added)] {
            for statement in statements {
                let json = format!("{:#}", Value::Object(shortened(statement).map().clone()));
                f.write_str(&marked(mark, &json))?;
            }
        }
        Ok(())
    }
}

/// The lines of a text, each with a mark before it: `-`, `+`, or a space for what stays.
pub(crate) fn marked(mark: char, text: &str) -> String {
    let lines = text.lines().flat_map(|line| {
        let marked = [mark, ' '].into_iter().chain(line.chars());
        marked.chain(['\n'])
    });
    lines.collect()
}

/// The document with every ExternalId shown by its ends only, for people's eyes.
pub(crate) fn for_display(document: &Document) -> Document {
    let mut shown = document.clone();
    for statement in shown.statements_mut() {
        *statement = shortened(statement);
    }
    shown
}

fn shortened(statement: &Statement) -> Statement {
    let mut statement = statement.clone();
    if let Some(operators) = statement.map_mut().get_mut("Condition").and_then(Value::as_object_mut) {
        for comparisons in operators.values_mut().filter_map(Value::as_object_mut) {
            for (_, value) in comparisons
                .iter_mut()
                .filter(|(key, _)| key.eq_ignore_ascii_case("sts:ExternalId"))
            {
                let ends: Vec<Value> = texts(Some(value))
                    .into_iter()
                    .map(ProjectToken::ends_of)
                    .map(Value::from)
                    .collect();
                *value = match ends.as_slice() {
                    [only] => only.clone(),
                    _ => Value::from(ends),
                };
            }
        }
    }
    statement
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::policy::build;

    fn document(text: &str) -> Document {
        Document::parse(text).unwrap()
    }

    #[test]
    fn spelling_is_no_drift() {
        let page = build::data(&"acme".parse().unwrap());
        let other = document(
            r#"{"Statement": {"Effect": "Allow", "Resource": ["arn:aws:s3:::acme/*", "arn:aws:s3:::acme"],
               "Action": ["s3:deleteobject", "s3:PutObject", "s3:ListBucket", "s3:GetObject"]}, "Version": "2012-10-17"}"#,
        );
        assert!(same_meaning(&page, &other));
        let ids = BTreeSet::from(["aa".to_owned()]);
        let trust = document(
            r#"{"Version": "2012-10-17", "Statement": [{"Sid": "x", "Effect": "Allow", "Action": ["sts:AssumeRole"],
               "Principal": {"AWS": ["arn:aws:iam::485438090326:user/mixpanel-export"]},
               "Condition": {"StringEquals": {"sts:externalId": ["aa"]}}}]}"#,
        );
        assert!(same_meaning(&build::trust(&ids), &trust));
    }

    #[test]
    fn what_means_something_else_is_drift() {
        let page = build::data(&"acme".parse().unwrap());
        for (from, to) in [
            ("s3:GetObject", "s3:GetObjectAcl"),
            ("Allow", "Deny"),
            ("acme/*", "acme/x/*"),
            ("2012", "2008"),
        ] {
            let other = document(&page.to_json().replace(from, to));
            assert!(!same_meaning(&page, &other), "{from} → {to}");
        }
    }

    #[test]
    fn a_diff_shows_statements_and_hides_tokens() {
        let token = "0123456789abcdef0123456789abcdef";
        let present = build::trust(&BTreeSet::from(["feedfacefeedfacefeedfacefeedface".to_owned()]));
        let wanted = build::trust(&BTreeSet::from([token.to_owned()]));
        let shown = diff(&present, &wanted).to_string();
        assert!(shown.contains("-       \"sts:ExternalId\": \"feed…face\""), "{shown}");
        assert!(shown.contains("+       \"sts:ExternalId\": \"0123…cdef\""), "{shown}");
        assert!(!shown.contains(token));
        assert!(!for_display(&wanted).to_json().contains(token));
    }

    proptest! {
        #[test]
        fn order_and_singleton_lists_never_matter(mut actions in prop::collection::vec("[a-z]{1,4}:[A-Za-z]{1,6}", 1..5), seed in any::<u64>()) {
            let plain = serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
            let length = actions.len();
            actions.rotate_left((seed % length as u64) as usize);
            let spelled = serde_json::json!({"Statement": {"Resource": ["*"], "Action": actions, "Effect": "Allow", "Sid": "s"}, "Version": "2012-10-17"});
            prop_assert!(same_meaning(&document(&plain.to_string()), &document(&spelled.to_string())));
        }
    }
}
