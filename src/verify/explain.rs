//! Why a call is refused, or cannot be known: the statements that decide, and of each the elements that do, with what
//! the policy says and what Mixpanel's call has.

pub(crate) mod tree;

use super::access::source_text;
use crate::names::{ProjectToken, without_tokens};
use crate::policy::document::Effect;
use crate::policy::evaluate::explain::{CONDITION, Condition, Element, Judgement, Matched, Weighed};
use crate::policy::evaluate::{Decision, Fact, Layer, Refusal};

/// How many statements are quoted for one call: more would hide the one that was meant.
const MOST_QUOTED: usize = 4;
/// How many values of one element are quoted. Mixpanel's page has seven actions in one statement.
const MOST_VALUES: usize = 8;
/// How much of a value is quoted, in characters. No ARN is longer.
const LONGEST_VALUE: usize = 400;

/// A statement that decides, and those of its elements that do.
#[derive(Debug)]
pub(crate) struct Deciding<'a> {
    /// The statement.
    pub(crate) statement: &'a Weighed,
    /// What it depends on: every condition of one that denies, and what stands in the way of one that would allow.
    pub(crate) elements: Vec<&'a Element>,
}

impl Judgement {
    /// What decides: nothing where the call is allowed, or where what decides could not be read.
    pub(crate) fn deciding(&self) -> Vec<Deciding<'_>> {
        match &self.decision {
            Decision::Allowed { .. } => Vec::new(),
            Decision::Denied(Refusal::Statement(source)) => {
                let denying = self.statement(source).into_iter();
                let deciding = denying.map(|statement| Deciding {
                    statement,
                    elements: elements(statement, |element| element.name == CONDITION),
                });
                deciding.collect()
            }
            Decision::Denied(Refusal::NoAllow(layer)) => self.near_misses(*layer),
            Decision::Unknown { by, .. } => {
                let named = self.weighed.iter().filter(|one| by.contains(&one.source));
                let unknown = |element: &Element| matches!(element.matched, Matched::Unknown(_));
                named
                    .map(|statement| Deciding {
                        statement,
                        elements: elements(statement, unknown),
                    })
                    .filter(|deciding| !deciding.elements.is_empty())
                    .collect()
            }
        }
    }

    /// The statements of a layer that come nearest to allowing the call: those that only a condition keeps from it, or
    /// else those that name the action, or else those that name the resource.
    fn near_misses(&self, layer: Layer) -> Vec<Deciding<'_>> {
        let fails = |element: &Element| element.matched != Matched::Yes;
        let allowing = || {
            let own = self.weighed.iter().filter(move |one| {
                one.source.layer == layer && one.effect != Effect::Deny && one.matched != Matched::Yes
            });
            own.map(|statement| Deciding {
                statement,
                elements: elements(statement, fails),
            })
        };
        let by_condition = |one: &Deciding<'_>| one.elements.iter().all(|element| element.name == CONDITION);
        let but_for = |one: &Deciding<'_>, name: &str| {
            let mut others = one.elements.iter();
            !others.any(|element| element.name.ends_with(name))
        };
        let classes: [&dyn Fn(&Deciding<'_>) -> bool; 3] = [&by_condition, &|one| but_for(one, "Action"), &|one| {
            but_for(one, "Resource")
        }];
        let nearest = classes
            .iter()
            .map(|is_near| allowing().filter(|one| is_near(one)).collect::<Vec<_>>());
        nearest.into_iter().find(|near| !near.is_empty()).unwrap_or_default()
    }

    /// What decides, a line for each element that does: the statement, what it says, and what Mixpanel's call has.
    pub(crate) fn quotes(&self) -> Vec<String> {
        let deciding = self.deciding();
        let mut lines: Vec<String> = deciding
            .iter()
            .take(MOST_QUOTED)
            .flat_map(|one| {
                let place = source_text(&one.statement.source);
                match one.elements.is_empty() {
                    true => vec![format!("{place}: {}", statement_text(one.statement))],
                    false => one
                        .elements
                        .iter()
                        .map(|element| format!("{place}: {}", self.element_text(element)))
                        .collect(),
                }
            })
            .collect();
        if let Some(more @ 1..) = deciding.len().checked_sub(MOST_QUOTED) {
            lines.push(format!("and {more} more statements"));
        }
        lines
    }

    /// The condition keys that decide, each once.
    pub(crate) fn deciding_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for deciding in self.deciding() {
            let conditions = deciding.elements.into_iter();
            for condition in conditions.filter_map(|element| element.condition.as_ref()) {
                if !keys.contains(&condition.key.as_str()) {
                    keys.push(&condition.key);
                }
            }
        }
        keys
    }

    /// What an element says, whether it speaks of the call, and what the call has in its place.
    pub(crate) fn element_text(&self, element: &Element) -> String {
        let said = said(element);
        let call = match &element.condition {
            Some(condition) => in_call(condition),
            None => match element.name {
                "Action" | "NotAction" => format!("Mixpanel calls {}", self.request.action),
                "Resource" | "NotResource" => {
                    format!("Mixpanel's call is on {}", self.request.resource)
                }
                "Principal" | "NotPrincipal" => {
                    format!("the caller is {}", self.request.principal)
                }
                _ => String::new(),
            },
        };
        let holds = match (&element.matched, &element.condition) {
            (Matched::Yes, Some(_)) => "holds".to_owned(),
            (Matched::No, Some(_)) => "does not hold".to_owned(),
            (Matched::Yes, None) => "matches".to_owned(),
            (Matched::No, None) => "does not match".to_owned(),
            // The key alone says nothing that the call's side does not say.
            (Matched::Unknown(why), Some(condition)) if *why == [condition.key.clone()] => {
                "cannot be judged".to_owned()
            }
            (Matched::Unknown(why), _) => format!("cannot be judged ({})", why.join(", ")),
        };
        match call.as_str() {
            "" => format!("{said} {holds}"),
            call => format!("{said} {holds}; {call}"),
        }
    }
}

/// A value of the call's as JSON has it: what is known of it, and the values.
pub(crate) fn fact_parts(condition: &Condition) -> (&'static str, Vec<String>) {
    let key = Some(condition.key.as_str());
    let shown = |values: &[String]| {
        let values = values.iter();
        values.map(|value| shown_value(value, key)).collect()
    };
    match &condition.request {
        Fact::Absent => ("absent", Vec::new()),
        Fact::Known(values) if values.is_empty() => ("absent", Vec::new()),
        Fact::Known(values) => ("known", shown(values)),
        Fact::StartsWith(start) => ("begins-with", shown(std::slice::from_ref(start))),
        Fact::Present => ("present", Vec::new()),
        Fact::Unknown | Fact::Unnamed => ("unknown", Vec::new()),
        Fact::Among(facts) => {
            let values = facts.iter().flat_map(|fact| match fact {
                Fact::Known(values) => values.clone(),
                _ => Vec::new(),
            });
            ("one-of", shown(&values.collect::<Vec<_>>()))
        }
    }
}

fn elements(statement: &Weighed, wanted: impl Fn(&Element) -> bool) -> Vec<&Element> {
    let elements = statement.elements.iter();
    elements.filter(|element| wanted(element)).collect()
}

/// A statement as the policy has it, in a line.
pub(crate) fn statement_text(statement: &Weighed) -> String {
    let mut parts = vec![statement.effect.to_string()];
    parts.extend(statement.elements.iter().map(said));
    if !statement.has_condition() {
        parts.push("no Condition".to_owned());
    }
    parts.join(", ")
}

/// An element as the policy has it: its name or its operator and key, and its values.
fn said(element: &Element) -> String {
    let (what, key) = match &element.condition {
        Some(condition) => (
            format!("{} {}", condition.operator, condition.key),
            Some(condition.key.as_str()),
        ),
        None => (element.name.to_owned(), None),
    };
    match element.values.as_slice() {
        [] if element.condition.is_none() => format!("{what} (none)"),
        values => format!("{what} {}", quoted(values, key)),
    }
}

/// Values as they are shown: each between quotes, no project token whole, and none without end.
pub(crate) fn quoted<'a>(values: impl IntoIterator<Item = &'a String>, key: Option<&str>) -> String {
    let values: Vec<&String> = values.into_iter().collect();
    let mut shown: Vec<String> = values
        .iter()
        .take(MOST_VALUES)
        .map(|value| format!("\"{}\"", shown_value(value, key)))
        .collect();
    match values.len().checked_sub(MOST_VALUES) {
        Some(more @ 1..) => shown.push(format!("and {more} more")),
        _ if values.is_empty() => return "[]".into(),
        _ => {}
    }
    shown.join(", ")
}

/// A value as it is shown: of an ExternalId, and of whatever looks like a project token, the ends only.
pub(crate) fn shown_value(value: &str, key: Option<&str>) -> String {
    let is_id = key.is_some_and(|key| key.to_ascii_lowercase().ends_with(":externalid"));
    match is_id {
        true => ProjectToken::ends_of(value),
        false if value.chars().count() > LONGEST_VALUE => {
            let start: String = value.chars().take(LONGEST_VALUE).collect();
            format!("{}…", without_tokens(&start))
        }
        false => without_tokens(value),
    }
}

/// What Mixpanel's call has of a condition's key, as a clause.
pub(crate) fn in_call(condition: &Condition) -> String {
    let key = Some(condition.key.as_str());
    let why = match unknown_because(&condition.key) {
        Some(why) => format!(" ({why})"),
        None => String::new(),
    };
    match &condition.request {
        Fact::Absent => "in Mixpanel's call the key is absent".into(),
        Fact::Known(values) if values.is_empty() => "in Mixpanel's call the key is absent".into(),
        Fact::Known(values) => format!("in Mixpanel's call it is {}", quoted(values, key)),
        Fact::StartsWith(start) => format!("in Mixpanel's call it begins with \"{}\"{why}", shown_value(start, key)),
        Fact::Present => format!("what Mixpanel's call has is not known{why}"),
        Fact::Unknown | Fact::Unnamed => {
            format!("whether Mixpanel's call has the key is not known{why}")
        }
        Fact::Among(facts) => {
            let one = |fact: &Fact| match fact {
                Fact::Known(values) => quoted(values, key),
                _ => "absent".into(),
            };
            let facts: Vec<String> = facts.iter().map(one).collect();
            format!("in Mixpanel's call it is one of these: {}{why}", facts.join(", "))
        }
    }
}

/// Whose matter it is, where a key cannot be known beforehand.
pub(crate) fn unknown_because(key: &str) -> Option<&'static str> {
    const REASONS: [(&str, &str); 14] = [
        ("aws:sourceip", "it is an address of Mixpanel's network"),
        ("aws:vpcsourceip", "it is an address of Mixpanel's network"),
        ("aws:useragent", "it is the name of Mixpanel's client"),
        ("aws:principalorg", "no document names the organization"),
        ("aws:resourceorg", "no document names the organization"),
        ("aws:userid", "Mixpanel chooses the session's name"),
        ("sts:rolesessionname", "Mixpanel chooses the session's name"),
        ("s3:x-amz-storage-class", "Mixpanel chooses the storage class"),
        ("s3:x-amz-acl", "Mixpanel chooses, and makes nothing public"),
        ("s3:tlsversion", "S3 takes TLS 1.2 and 1.3"),
        ("s3:prefix", "Mixpanel chooses what it lists"),
        ("s3:delimiter", "Mixpanel chooses what it lists"),
        ("s3:max-keys", "Mixpanel chooses what it lists"),
        ("aws:requesttag", "no document says"),
    ];
    let key = key.to_ascii_lowercase();
    REASONS
        .iter()
        .find(|(prefix, _)| key.starts_with(prefix))
        .map(|(_, why)| *why)
}
