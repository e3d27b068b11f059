//! How a check ends that tells of calls: which they are, what decides them, and whether that is known.

use super::blame::Blame;
use super::{Check, CheckId, Examined};
use crate::policy::evaluate::{Decision, Layer, Refusal};

/// The calls that a check tells of, and what decides them. Calls of one action that fare alike for one reason share a
/// line, and what decides several of them is quoted once.
fn lines(blamed: &[Blame<'_>]) -> Vec<String> {
    let mut calls: Vec<(&str, String, Vec<String>)> = Vec::new();
    let mut quotes: Vec<String> = Vec::new();
    for blame in blamed {
        let (call, reason) = (&blame.access.call, blame.access.reason());
        let alike = calls
            .iter_mut()
            .find(|(action, known, _)| *action == call.action() && *known == reason);
        match alike {
            Some((_, _, purposes)) => purposes.push(call.purpose()),
            None => {
                calls.push((call.action(), reason, vec![call.purpose()]));
                quotes.extend(blame.access.judgement.quotes());
            }
        }
    }
    let line = |(action, reason, purposes): (&str, String, Vec<String>)| {
        format!("{action} ({}): {reason}", purposes.join(", "))
    };
    let mut lines: Vec<String> = calls.into_iter().map(line).collect();
    for quote in quotes {
        if !lines.contains(&quote) {
            lines.push(quote);
        }
    }
    lines
}

/// The condition keys that decide these calls, in brackets; nothing where none does.
pub(super) fn by_keys(blamed: &[Blame<'_>]) -> String {
    let mut keys: Vec<&str> = Vec::new();
    for key in blamed.iter().flat_map(|blame| blame.access.judgement.deciding_keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    match keys.is_empty() {
        true => String::new(),
        false => format!(" ({})", keys.join(", ")),
    }
}

/// The actions of the calls that a check tells of, each once.
pub(super) fn actions(blamed: &[Blame<'_>]) -> String {
    let mut actions: Vec<&str> = blamed.iter().map(|blame| blame.access.call.action()).collect();
    actions.dedup();
    actions.sort_unstable();
    actions.dedup();
    actions.join(", ")
}

/// A check that tells of refused or undecided calls, with their lines as evidence.
pub(super) fn reported(
    id: CheckId,
    blamed: &[Blame<'_>],
    refused: impl Into<String>,
    undecided: impl Into<String>,
) -> Check {
    let is_refused = blamed.iter().any(|blame| blame.is_refused);
    let mut check = match is_refused {
        true => Check::fail(id, refused),
        false => Check::unknown(id, undecided),
    };
    check.evidence = lines(blamed);
    check
}

/// What cannot be known about calls, as a list.
pub(super) fn reasons(blamed: &[Blame<'_>]) -> String {
    let mut reasons: Vec<String> = blamed
        .iter()
        .filter_map(|blame| match &blame.access.judgement.decision {
            Decision::Unknown { because, .. } => Some(because),
            _ => None,
        })
        .flatten()
        .cloned()
        .collect();
    reasons.sort();
    reasons.dedup();
    reasons.join(", ")
}

/// Whether there is a role and a bucket, so that there are calls to judge.
pub(super) fn has_calls(case: &Examined<'_>) -> bool {
    case.access.iter().any(|access| access.call.is_of_s3())
}

/// What the documents of a layer do to refused calls, as a verb.
pub(super) fn refuse(blamed: &[Blame<'_>]) -> &'static str {
    match blamed.iter().any(Blame::is_deny) {
        true => "deny",
        false => "do not allow",
    }
}

/// What AWS says of a refused call.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
pub(super) fn refusal(blame: &Blame<'_>) -> String {
    let layer = match &blame.access.judgement.decision {
        Decision::Denied(Refusal::NoAllow(layer)) => *layer,
        _ => blame.source.map_or(Layer::Identity, |source| source.layer),
    };
    let why = match blame.is_deny() {
        true => format!("with an explicit deny in {} {layer}", article(layer)),
        false => format!("because no {layer} allows the {} action", blame.access.call.action()),
    };
    format!(
        "AccessDenied: not authorized to perform: {} {why}",
        blame.access.call.action()
    )
}

fn article(layer: Layer) -> &'static str {
    match layer {
        Layer::Identity => "an",
        Layer::Boundary | Layer::Resource => "a",
    }
}
