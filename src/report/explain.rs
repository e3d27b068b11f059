//! The whole decision about one call: the steps, their statements, and the elements of these, as text and as JSON.

use serde_json::{Value, json};

use super::verify::wrapped;
use super::{Printer, Tone};
use crate::policy::evaluate::Layer;
use crate::policy::evaluate::explain::{Element, Judgement, Matched, Weighed};
use crate::verify::access::{Access, source_text};
use crate::verify::evidence::Evidence;
use crate::verify::explain::tree::{ExplainedStep, Outcome, rule_text, steps};
use crate::verify::explain::{fact_parts, in_call, shown_value};

impl Printer {
    /// The decisions about these calls, which are of one action. Those that come about alike are printed once.
    pub(crate) fn explanation(&self, calls: &[&Access]) -> Vec<String> {
        let mut alike: Vec<(&Access, Vec<&Access>)> = Vec::new();
        for call in calls {
            let known = alike
                .iter_mut()
                .find(|(first, _)| are_alike(&first.judgement, &call.judgement));
            match known {
                Some((_, others)) => others.push(call),
                None => alike.push((call, Vec::new())),
            }
        }
        let parts: Vec<Vec<String>> = alike
            .iter()
            .map(|(first, others)| self.decision(first, others))
            .collect();
        parts.join(&String::new())
    }

    fn decision(&self, access: &Access, others: &[&Access]) -> Vec<String> {
        let judgement = &access.judgement;
        let request = &judgement.request;
        let mut lines = vec![self.paint(Tone::Heading, &request.action)];
        let purposes: Vec<String> = std::iter::once(&access)
            .chain(others)
            .map(|access| access.call.purpose())
            .collect();
        let mut line = |name: &str, text: &str| {
            lines.extend(wrapped(&format!("  {name:<9}"), "           ", text));
        };
        line("for", &purposes.join(", "));
        line("on", &request.resource);
        for other in others {
            line("", &other.judgement.request.resource);
        }
        line("by", &request.principal.to_string());
        line("rule", rule_text(judgement.rule));
        lines.push(String::new());
        for (number, step) in steps(judgement).iter().enumerate() {
            lines.extend(self.step(number + 1, step, judgement));
        }
        lines.push(String::new());
        lines.extend(self.end(access));
        lines
    }

    fn step(&self, number: usize, step: &ExplainedStep<'_>, judgement: &Judgement) -> Vec<String> {
        let (tone, outcome) = match &step.outcome {
            Outcome::Denies => (Tone::Bad, "a statement denies".to_owned()),
            Outcome::DoesNotDeny => (Tone::Good, "none denies".to_owned()),
            Outcome::Allows => (Tone::Good, "a statement allows".to_owned()),
            Outcome::DoesNotAllow => (Tone::Warning, "no statement allows".to_owned()),
            Outcome::None => (Tone::Quiet, "none".to_owned()),
            Outcome::Unknown(why) => (Tone::Warning, format!("cannot be known: {}", why.join(", "))),
            Outcome::OutOfSight(why) => (Tone::Quiet, format!("not visible from here: {why}")),
        };
        let title = format!("{number}. {}: ", step.kind.title());
        let mut lines: Vec<String> = wrapped(&title, "   ", &outcome)
            .iter()
            .map(|line| self.paint(tone, line))
            .collect();
        for statement in &step.statements {
            lines.extend(self.statement(statement, judgement));
        }
        lines
    }

    /// A statement: all its elements where it speaks of the call or may, else those by which it does not.
    fn statement(&self, statement: &Weighed, judgement: &Judgement) -> Vec<String> {
        let (mark, says) = match &statement.matched {
            Matched::Yes => ("✓", "matches"),
            Matched::No => ("·", "does not match"),
            Matched::Unknown(_) => ("?", "may match"),
        };
        let effect = statement.effect;
        let place = source_text(&statement.source);
        let mut lines = wrapped(&format!("   {mark} "), "     ", &format!("{effect}, {place}: {says}"));
        let elements = statement
            .elements
            .iter()
            .filter(|element| self.is_verbose() || statement.matched != Matched::No || element.matched == Matched::No);
        for element in elements {
            let mark = match &element.matched {
                Matched::Yes => "✓",
                Matched::No => "✗",
                Matched::Unknown(_) => "?",
            };
            let text = judgement.element_text(element);
            lines.extend(wrapped(&format!("       {mark} "), "         ", &text));
        }
        lines
    }

    /// The verdict, which is the last line.
    fn end(&self, access: &Access) -> Vec<String> {
        let (tone, word) = match decision_id(access) {
            "allowed" => (Tone::Good, "ALLOWED"),
            "denied" => (Tone::Bad, "REFUSED"),
            _ => (Tone::Warning, "UNKNOWN"),
        };
        let reason = match access.is_allowed() {
            true => format!("{word} by {}.", access.reason()),
            false => format!("{word}: {}.", access.reason()),
        };
        let lines = wrapped("", "  ", &reason);
        lines.iter().map(|line| self.paint(tone, line)).collect()
    }
}

/// Whether two calls are decided by the same statements for the same reasons.
fn are_alike(one: &Judgement, other: &Judgement) -> bool {
    let outcomes = |judgement: &Judgement| -> Vec<(Matched, Vec<Matched>)> {
        let weighed = judgement.weighed.iter();
        weighed
            .map(|statement| {
                let elements = statement.elements.iter();
                let elements = elements.map(|element| element.matched.clone()).collect();
                (statement.matched.clone(), elements)
            })
            .collect()
    };
    one.decision == other.decision && outcomes(one) == outcomes(other)
}

/// What a call comes to, as JSON has it.
pub(crate) fn decision_id(access: &Access) -> &'static str {
    if access.is_allowed() {
        "allowed"
    } else if access.is_undecided() {
        "unknown"
    } else {
        "denied"
    }
}

/// The decisions about these calls as JSON: the same tree as the text, with every element of every statement.
pub(crate) fn explanation_json(evidence: &Evidence, action: &str, calls: &[&Access]) -> Value {
    let role = evidence.role.as_ref().map(|role| role.arn.to_string());
    let explained: Vec<Value> = calls.iter().map(|call| call_json(call)).collect();
    json!({
        "role": role.unwrap_or_else(|| evidence.role_name.to_string()),
        "bucket": evidence.bucket_name(),
        "account": evidence.caller.account,
        "action": action,
        "explained": explained,
    })
}

fn call_json(access: &Access) -> Value {
    let judgement = &access.judgement;
    let steps: Vec<Value> = steps(judgement).iter().map(|step| step_json(step, judgement)).collect();
    json!({
        "action": judgement.request.action,
        "resource": judgement.request.resource,
        "principal": judgement.request.principal.arn(),
        "purpose": access.call.purpose(),
        "rule": rule_text(judgement.rule),
        "steps": steps,
        "decision": decision_id(access),
        "reason": access.reason(),
    })
}

fn step_json(step: &ExplainedStep<'_>, judgement: &Judgement) -> Value {
    let because = match &step.outcome {
        Outcome::Unknown(why) => why.clone(),
        Outcome::OutOfSight(why) => vec![(*why).to_owned()],
        _ => Vec::new(),
    };
    let statements: Vec<Value> = step
        .statements
        .iter()
        .map(|statement| statement_json(statement, judgement))
        .collect();
    json!({
        "step": step.kind.id(),
        "outcome": step.outcome.id(),
        "because": because,
        "statements": statements,
    })
}

fn statement_json(statement: &Weighed, judgement: &Judgement) -> Value {
    let source = &statement.source;
    let layer = match source.layer {
        Layer::Resource => "resource-based-policy",
        Layer::Identity => "identity-based-policies",
        Layer::Boundary => "permissions-boundary",
    };
    let elements: Vec<Value> = statement
        .elements
        .iter()
        .map(|element| element_json(element, judgement))
        .collect();
    json!({
        "layer": layer,
        "policy": source.policy,
        "statement": source.statement + 1,
        "sid": source.sid,
        "effect": statement.effect.to_string(),
        "matched": matched_id(&statement.matched),
        "elements": elements,
    })
}

fn element_json(element: &Element, judgement: &Judgement) -> Value {
    let condition = element.condition.as_ref();
    let key = condition.map(|condition| condition.key.as_str());
    let in_policy: Vec<String> = element.values.iter().map(|value| shown_value(value, key)).collect();
    let because = match &element.matched {
        Matched::Unknown(why) => why.clone(),
        _ => Vec::new(),
    };
    let mut value = json!({
        "element": element.name,
        "in_policy": in_policy,
        "matched": matched_id(&element.matched),
        "because": because,
        "text": judgement.element_text(element),
    });
    if let Some(condition) = condition {
        let (state, values) = fact_parts(condition);
        value["operator"] = json!(condition.operator);
        value["key"] = json!(condition.key);
        value["in_call"] = json!({ "is": state, "values": values, "text": in_call(condition) });
    }
    value
}

fn matched_id(matched: &Matched) -> &'static str {
    match matched {
        Matched::Yes => "yes",
        Matched::No => "no",
        Matched::Unknown(_) => "unknown",
    }
}
