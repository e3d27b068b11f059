//! A policy document that keeps what it does not understand.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>: almost every element may be a string
//! or a list of strings, and `Statement` may be one statement or a list.

use std::fmt;

use serde_json::{Map, Value};

use super::json;

/// A policy document. `Statement` is always a list here; every other key stands as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    statements: Vec<Statement>,
    /// All keys but `Statement`, in their order.
    rest: Map<String, Value>,
    /// The first key that stands twice in one object.
    twice: Option<String>,
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
    /// It says neither, in these letters: AWS takes no such statement.
    Odd,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
            Self::Odd => "an Effect that is neither Allow nor Deny",
        })
    }
}

/// One statement, as a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement(Map<String, Value>);

/// A text that is no policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidDocument(String);

impl fmt::Display for InvalidDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is no policy document: {}", self.0)
    }
}

impl std::error::Error for InvalidDocument {}

/// The principals of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principals<'a> {
    /// `"*"`.
    Anyone,
    /// The values under `AWS`: ARNs, account IDs, or `*`.
    Aws(Vec<&'a str>),
    /// No `Principal`, or one of services and federations alone.
    Others,
}

impl Document {
    /// A document of the present policy language version.
    pub(crate) fn new(statements: Vec<Statement>) -> Self {
        let mut rest = Map::new();
        rest.insert("Version".into(), Value::from("2012-10-17"));
        Self {
            statements,
            rest,
            twice: None,
        }
    }

    /// A document that allows everything.
    pub(crate) fn everything() -> Self {
        let all = [("Effect", "Allow"), ("Action", "*"), ("Resource", "*")];
        let map = all.map(|(element, value)| (element.to_owned(), Value::from(value)));
        Self::new(vec![Statement::from_map(map.into_iter().collect())])
    }

    /// Reads a document as IAM, S3 and KMS return it. IAM percent-encodes its documents (RFC 3986); a document always
    /// begins with a brace, so the two forms cannot be confused.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidDocument> {
        let text = text.trim();
        let decoded = if text.starts_with('{') {
            text.into()
        } else {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map_err(|error| InvalidDocument(error.to_string()))?
        };
        let (value, twice) = json::read(&decoded).map_err(|error| InvalidDocument(error.to_string()))?;
        let Value::Object(mut rest) = value else {
            return Err(InvalidDocument("it is not a JSON object".into()));
        };
        let statements = match rest.shift_remove("Statement") {
            None => Vec::new(),
            Some(Value::Array(values)) => values
                .into_iter()
                .map(Statement::from_value)
                .collect::<Result<_, _>>()?,
            Some(value) => vec![Statement::from_value(value)?],
        };
        Ok(Self {
            statements,
            rest,
            twice,
        })
    }

    /// The statements, in their order.
    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Why nobody can say how AWS reads it: a version of the language that it does not name, or a key that stands
    /// twice.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
    pub(crate) fn doubt(&self) -> Option<String> {
        if let Some(key) = &self.twice {
            return Some(format!("which {key:?} counts of two in one object of a policy"));
        }
        let known = ["2012-10-17", "2008-10-17"].contains(&self.version());
        let is_text = self.rest.get("Version").is_none_or(Value::is_string);
        (!known || !is_text).then(|| "a Version of the policy language that AWS does not know".to_owned())
    }

    /// What keeps this from being a policy that AWS would have taken: every policy that AWS keeps has a statement, and
    /// every statement says whether it allows or denies.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let has_effect = |statement: &Statement| statement.effect() != Effect::Odd;
        if self.statements.is_empty() {
            Some("it has no statement")
        } else if !self.statements.iter().all(has_effect) {
            Some("a statement neither allows nor denies")
        } else {
            None
        }
    }

    pub(super) fn statements_mut(&mut self) -> &mut Vec<Statement> {
        &mut self.statements
    }

    /// The policy language version; AWS takes a missing one for `2008-10-17`.
    pub(crate) fn version(&self) -> &str {
        self.rest.get("Version").and_then(Value::as_str).unwrap_or("2008-10-17")
    }

    /// `Version`, as it is written.
    pub(super) fn written_version(&self) -> Option<&Value> {
        self.rest.get("Version")
    }

    /// The document as JSON.
    pub(crate) fn to_value(&self) -> Value {
        let mut object = self.rest.clone();
        let statements = self
            .statements
            .iter()
            .map(|statement| Value::Object(statement.0.clone()))
            .collect();
        object.insert("Statement".into(), Value::Array(statements));
        Value::Object(object)
    }

    /// The document as AWS takes it: without white space, which counts towards S3's and KMS's limits.
    pub(crate) fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The document for people: indented by two.
    pub(crate) fn to_pretty_json(&self) -> String {
        format!("{:#}", self.to_value())
    }
}

impl Statement {
    /// Takes a JSON object for a statement.
    pub(crate) fn from_value(value: Value) -> Result<Self, InvalidDocument> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(InvalidDocument("a statement is not a JSON object".into())),
        }
    }

    pub(super) fn from_map(map: Map<String, Value>) -> Self {
        Self(map)
    }

    pub(crate) fn map(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(super) fn map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    /// The statement's ID, if it has one.
    pub(crate) fn sid(&self) -> Option<&str> {
        self.0.get("Sid").and_then(Value::as_str)
    }

    /// What it does.
    pub(crate) fn effect(&self) -> Effect {
        match self.0.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => Effect::Odd,
        }
    }

    /// Whether the statement allows.
    pub(crate) fn allows(&self) -> bool {
        self.effect() == Effect::Allow
    }

    /// The values of `Action`.
    pub(crate) fn actions(&self) -> Vec<&str> {
        texts(self.0.get("Action"))
    }

    /// The values of `Resource`.
    pub(crate) fn resources(&self) -> Vec<&str> {
        texts(self.0.get("Resource"))
    }

    /// The values of `NotResource`.
    pub(crate) fn excepted_resources(&self) -> Vec<&str> {
        texts(self.0.get("NotResource"))
    }

    /// Who the statement speaks of.
    pub(crate) fn principals(&self) -> Principals<'_> {
        match self.0.get("Principal") {
            Some(Value::String(all)) if all == "*" => Principals::Anyone,
            Some(Value::Object(map)) => match map.get("AWS") {
                Some(value) => Principals::Aws(texts(Some(value))),
                None => Principals::Others,
            },
            _ => Principals::Others,
        }
    }

    /// The values that a condition compares a key with, or `None` where there is no such condition. Condition keys are
    /// compared without regard to case, as AWS does.
    pub(crate) fn condition(&self, operator: &str, key: &str) -> Option<Vec<&str>> {
        let comparisons = self.0.get("Condition")?.get(operator)?.as_object()?;
        let (_, value) = comparisons.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        Some(texts(Some(value)))
    }

    /// What its conditions compare: the operator, the key and the values of the policy's, as they are written.
    fn comparisons(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let operators = self.0.get("Condition").and_then(Value::as_object);
        operators.into_iter().flatten().flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| (operator.as_str(), key.as_str(), values))
        })
    }

    /// The keys that its conditions ask for, as they are written.
    pub(crate) fn condition_keys(&self) -> Vec<&str> {
        self.comparisons().map(|(_, key, _)| key).collect()
    }

    /// Every text that its conditions compare something with.
    pub(crate) fn condition_values(&self) -> Vec<&str> {
        let values = self.comparisons().map(|(.., values)| values);
        values.flat_map(|values| texts(Some(values))).collect()
    }

    /// The values that a condition key has to have, by whatever operator that is not a negation.
    pub(crate) fn wanted_of(&self, key: &str) -> Vec<&str> {
        self.comparisons()
            .filter(|(operator, name, _)| {
                let is_positive = !operator.contains("Not") && !operator.contains("Null");
                is_positive && name.eq_ignore_ascii_case(key)
            })
            .flat_map(|(.., values)| texts(Some(values)))
            .collect()
    }

    /// Whether the statement says for whom it is not.
    pub(crate) fn has_not_principal(&self) -> bool {
        self.0.contains_key("NotPrincipal")
    }

    /// Whether the statement has any condition at all.
    pub(crate) fn is_conditional(&self) -> bool {
        self.0
            .get("Condition")
            .and_then(Value::as_object)
            .is_some_and(|conditions| !conditions.is_empty())
    }
}

/// The strings of a string, or of a list of them.
pub(super) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_raw_and_percent_encoded() {
        let raw = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let encoded = percent_encoding::utf8_percent_encode(raw, percent_encoding::NON_ALPHANUMERIC).to_string();
        let document = Document::parse(raw).unwrap();
        assert_eq!(Document::parse(&encoded).unwrap(), document);
        assert_eq!(document.statements().len(), 1);
        assert_eq!(document.statements()[0].actions(), ["s3:*"]);
    }

    #[test]
    fn unknown_keys_survive() {
        let raw = r#"{"Version":"2008-10-17","Id":"x","Statement":[{"Sid":"a","Odd":{"k":[1]}}],"More":true}"#;
        let value = Document::parse(raw).unwrap().to_value();
        assert_eq!(value, serde_json::from_str::<Value>(raw).unwrap());
    }

    #[test]
    fn what_is_no_document_is_said() {
        for text in ["", "[]", "%7B", "{\"Statement\":[1]}", "{"] {
            assert!(Document::parse(text).is_err(), "{text}");
        }
    }
}
