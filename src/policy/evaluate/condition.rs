//! The `Condition` of a statement: operators, sets of values, and keys that may be missing.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>

mod comparison;
pub(super) mod date;

use std::borrow::Cow;

use serde_json::Value;

use super::pattern::{Sense, Text};
use super::request::{Fact, RequestContext};
use super::truth::Truth;
use comparison::{Comparison, Relation};

/// Which of the request's values must satisfy the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// No set operator: the key should have one value.
    Single,
    /// `ForAnyValue`.
    Any,
    /// `ForAllValues`.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operator {
    comparison: Comparison,
    sense: Sense,
    quantity: Quantity,
    if_exists: bool,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (quantity, name) = if let Some(name) = name.strip_prefix("ForAnyValue:") {
            (Quantity::Any, name)
        } else if let Some(name) = name.strip_prefix("ForAllValues:") {
            (Quantity::All, name)
        } else {
            (Quantity::Single, name)
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (comparison, sense) = match name {
            "StringEquals" => (Comparison::Equals, Sense::Positive),
            "StringNotEquals" => (Comparison::Equals, Sense::Negated),
            "StringEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, Sense::Positive),
            "StringNotEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, Sense::Negated),
            "StringLike" => (Comparison::Like, Sense::Positive),
            "StringNotLike" => (Comparison::Like, Sense::Negated),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, Sense::Positive),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, Sense::Negated),
            "IpAddress" => (Comparison::IpAddress, Sense::Positive),
            "NotIpAddress" => (Comparison::IpAddress, Sense::Negated),
            "Bool" => (Comparison::Bool, Sense::Positive),
            "BinaryEquals" => (Comparison::Binary, Sense::Positive),
            _ => {
                let (kind, relation): (fn(Relation) -> Comparison, _) =
                    if let Some(relation) = name.strip_prefix("Numeric") {
                        (Comparison::Numeric, relation)
                    } else {
                        (Comparison::Date, name.strip_prefix("Date")?)
                    };
                match relation {
                    "Equals" => (kind(Relation::Equal), Sense::Positive),
                    "NotEquals" => (kind(Relation::Equal), Sense::Negated),
                    "LessThan" => (kind(Relation::Less), Sense::Positive),
                    "LessThanEquals" => (kind(Relation::LessOrEqual), Sense::Positive),
                    "GreaterThan" => (kind(Relation::Greater), Sense::Positive),
                    "GreaterThanEquals" => (kind(Relation::GreaterOrEqual), Sense::Positive),
                    _ => return None,
                }
            }
        };
        Some(Self {
            comparison,
            sense,
            quantity,
            if_exists,
        })
    }
}

/// One comparison of a condition: an operator, a key, and the policy's values, as they are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared<'a> {
    pub(super) operator: &'a str,
    pub(super) key: &'a str,
    pub(super) values: &'a Value,
}

/// What each comparison of a condition comes to: all of them must hold. Policy variables are replaced only where the
/// version of the document's language has them. What cannot be read as a comparison comes without one.
pub(super) fn outcomes<'a>(
    condition: Option<&'a Value>,
    context: &RequestContext,
    variables: bool,
) -> Vec<(Option<Compared<'a>>, Truth)> {
    let Some(condition) = condition else {
        return Vec::new();
    };
    let Value::Object(operators) = condition else {
        let why = Truth::unknown("the statement's Condition, which cannot be read");
        return vec![(None, why)];
    };
    let mut outcomes = Vec::new();
    for (operator, keys) in operators {
        // Nor does AWS say what an operator without a key asks.
        let Some(keys) = keys.as_object().filter(|keys| !keys.is_empty()) else {
            let why = Truth::unknown(format!("the condition operator {operator}"));
            outcomes.push((None, why));
            continue;
        };
        outcomes.extend(keys.iter().map(|(key, values)| {
            let truth = single(operator, key, values, context, variables);
            let compared = Compared { operator, key, values };
            (Some(compared), truth)
        }));
    }
    outcomes
}

/// Whether a condition holds.
#[cfg(test)]
pub(super) fn holds(condition: Option<&Value>, context: &RequestContext, variables: bool) -> Truth {
    let outcomes = outcomes(condition, context, variables).into_iter();
    Truth::all(outcomes.map(|(_, truth)| truth))
}

fn single(name: &str, key: &str, value: &Value, context: &RequestContext, variables: bool) -> Truth {
    let values = match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    };
    if values.is_empty() {
        return Truth::unknown(format!("how AWS compares {key} with no value at all"));
    }
    if name == "Null" {
        return null(key, &values, context.fact(key));
    }
    let Some(operator) = Operator::parse(name) else {
        return Truth::unknown(format!("the condition operator {name}"));
    };
    Test {
        operator,
        key,
        values,
        variables: variables.then_some(context),
    }
    .holds(context.fact(key))
}

/// A value of a condition as text; AWS takes numbers and truth values for theirs.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(value) => Some(Cow::Owned(value.to_string())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn null(key: &str, values: &[Option<Cow<'_, str>>], fact: &Fact) -> Truth {
    let absent = match fact {
        Fact::Absent => Truth::Yes,
        Fact::Known(values) => values.is_empty().into(),
        Fact::StartsWith(_) | Fact::Present => Truth::No,
        Fact::Unknown | Fact::Unnamed => Truth::unknown(key),
        Fact::Among(facts) => {
            return agreed(facts.iter().map(|fact| null(key, values, fact)), key);
        }
    };
    Truth::any(values.iter().map(|value| {
        let value = value.as_deref().unwrap_or_default();
        if value.eq_ignore_ascii_case("true") {
            absent.clone()
        } else if value.eq_ignore_ascii_case("false") {
            absent.clone().not()
        } else {
            comparison::unreadable(value, key)
        }
    }))
}

/// What all of these agree on.
fn agreed(truths: impl IntoIterator<Item = Truth>, key: &str) -> Truth {
    let mut truths = truths.into_iter();
    let first = truths.next().unwrap_or_else(|| Truth::unknown(key));
    truths.fold(first, |left, right| left.agreement(right, key))
}

/// Whether AWS gives a key several values, so that a condition needs a set operator for it. What it does without one,
/// it does not say.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
fn is_multivalued(key: &str) -> bool {
    const KEYS: [&str; 9] = [
        "aws:CalledVia",
        "aws:PrincipalOrgPaths",
        "aws:PrincipalServiceNamesList",
        "aws:ResourceOrgPaths",
        "aws:SourceOrgPaths",
        "aws:TagKeys",
        "aws:VpceOrgPaths",
        "kms:EncryptionContextKeys",
        "kms:GrantOperations",
    ];
    KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// One operator, with one key and its values.
struct Test<'a> {
    operator: Operator,
    key: &'a str,
    /// `None` stands for a value that is no text.
    values: Vec<Option<Cow<'a, str>>>,
    variables: Option<&'a RequestContext>,
}

impl Test<'_> {
    fn holds(&self, fact: &Fact) -> Truth {
        if self.operator.quantity == Quantity::Single && *fact != Fact::Absent && is_multivalued(self.key) {
            return Truth::unknown(format!(
                "{}, which has several values and is compared without ForAnyValue or ForAllValues",
                self.key
            ));
        }
        match fact {
            Fact::Absent => self.without_key(),
            Fact::Known(values) if values.is_empty() => self.without_key(),
            Fact::Known(values) => self.with_values(values),
            Fact::StartsWith(start) if !start.is_empty() => self.compare(Text::Prefix(start)),
            Fact::StartsWith(_) | Fact::Present => self.with_any_values(),
            Fact::Unknown => self.without_key().agreement(self.with_any_values(), self.key),
            Fact::Unnamed if self.names_one() => {
                let other = match self.operator.sense {
                    Sense::Positive => Truth::No,
                    Sense::Negated => Truth::Yes,
                };
                self.without_key().agreement(other, self.key)
            }
            Fact::Unnamed => self.holds(&Fact::Unknown),
            Fact::Among(facts) => agreed(facts.iter().map(|fact| self.holds(fact)), self.key),
        }
    }

    /// Whether each value of the policy's names one thing, or what is below one: nothing in it can stand for another
    /// name.
    fn names_one(&self) -> bool {
        let is_text = matches!(
            self.operator.comparison,
            Comparison::Equals | Comparison::EqualsIgnoreCase | Comparison::Like
        );
        is_text
            && self.values.iter().all(|value| {
                let name = value.as_deref().and_then(|value| value.split('/').next());
                name.is_some_and(|name| !name.contains(['*', '?', '$']))
            })
    }

    fn without_key(&self) -> Truth {
        // The one says that a missing key makes the condition true, the other that it makes it false.
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
        if self.operator.if_exists && self.operator.quantity == Quantity::Any {
            return Truth::unknown(format!(
                "what ForAnyValue with IfExists says where there is no {}",
                self.key
            ));
        }
        let holds = self.operator.if_exists
            || match self.operator.quantity {
                Quantity::Single => self.operator.sense == Sense::Negated,
                Quantity::Any => false,
                Quantity::All => true,
            };
        holds.into()
    }

    fn with_values(&self, values: &[String]) -> Truth {
        let mut truths = values.iter().map(|value| self.compare(Text::Exact(value)));
        // AWS takes nothing but empty texts for an empty set.
        let empty = values.iter().all(String::is_empty);
        match self.operator.quantity {
            Quantity::Any if empty => Truth::No,
            Quantity::All if empty => Truth::Yes,
            Quantity::Any => Truth::any(truths),
            Quantity::All => Truth::all(truths),
            // AWS requires a set operator for several values, and does not say what happens without one.
            Quantity::Single => {
                let first = truths.next().unwrap_or(Truth::No);
                truths.fold(first, |left, right| left.agreement(right, self.key))
            }
        }
    }

    /// The outcome for a key that has values, whatever they are. They may be an empty set to a set operator.
    fn with_any_values(&self) -> Truth {
        let truth = self.compare(Text::Prefix(""));
        match self.operator.quantity {
            Quantity::Single => truth,
            Quantity::Any => truth.agreement(Truth::No, self.key),
            Quantity::All => truth.agreement(Truth::Yes, self.key),
        }
    }

    /// The outcome for one value of the request: the policy's values are alternatives, and to a negated operator all of
    /// them must differ.
    fn compare(&self, request: Text<'_>) -> Truth {
        let Operator { comparison, sense, .. } = self.operator;
        if comparison == Comparison::IpAddress
            && matches!(request, Text::Prefix(_))
            && self.key.eq_ignore_ascii_case("aws:SourceIp")
        {
            let networks = self.values.iter().map(|value| value.as_deref().unwrap_or(""));
            let inside = comparison::of_some_public_address(networks, self.key);
            return match sense {
                Sense::Positive => inside,
                Sense::Negated => inside.not(),
            };
        }
        let equal = Truth::any(self.values.iter().map(|value| match value {
            Some(value) => comparison.holds(value, request, self.key, sense, self.variables),
            None => comparison::unreadable("", self.key),
        }));
        match sense {
            Sense::Positive => equal,
            Sense::Negated => equal.not(),
        }
    }
}

#[cfg(test)]
mod tests;
