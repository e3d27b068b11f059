//! A plan, for people and for programs.

use serde_json::{Value, json};

use super::verify::wrapped;
use super::{Printer, Tone};
use crate::names::RoleName;
use crate::plan::{Action, Change, Conflict, Difference, Offer, Plan, Resource, Step, Unchanged};
use crate::policy::compare::for_display;
use crate::spec::SetupSpec;

impl Printer {
    /// The plan as text: what changes, thing by thing, what stays, and what could be hardened.
    pub(crate) fn plan_lines(&self, spec: &SetupSpec, plan: &Plan) -> Vec<String> {
        let mut lines = self.steps_text(&spec.role, &plan.steps);
        for unchanged in &plan.unchanged {
            lines.push(format!("  {}", self.paint(Tone::Heading, &unchanged_thing(unchanged))));
            lines.push(format!("    {} {}", self.paint(Tone::Good, "="), unchanged.note));
        }
        lines.extend(self.exposure_lines(plan));
        if !plan.offers.is_empty() {
            lines.push(format!(
                "  {}",
                self.paint(Tone::Heading, &format!("bucket {} could be hardened", spec.bucket))
            ));
        }
        for offer in &plan.offers {
            let flag = format!("--harden {}", offer.hardening.as_str());
            lines.push(format!("    {} {}", self.paint(Tone::Quiet, "?"), offer.summary));
            lines.push(format!("        {}", self.paint(Tone::Quiet, &flag)));
        }
        lines
    }

    /// What stays open when the plan is done, the gravest first.
    fn exposure_lines(&self, plan: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(first) = plan.exposures.first() {
            let title = format!(
                "{} {} stays wider than the export needs",
                first.resource.as_str(),
                first.id
            );
            lines.push(format!("  {}", self.paint(Tone::Warning, &title)));
        }
        for exposure in &plan.exposures {
            let (tone, mark) = match exposure.open {
                true => (Tone::Bad, "✗"),
                false => (Tone::Warning, "!"),
            };
            let first = format!("    {mark} ");
            let mut text = wrapped(&first, "      ", &exposure.what);
            if let Some(line) = text.first_mut() {
                *line = line.replacen(mark, &self.paint(tone, mark), 1);
            }
            lines.extend(text);
        }
        lines
    }

    /// What steps change, thing by thing: what is stored first, and then who may reach it.
    pub(crate) fn steps_text<A>(&self, role: &RoleName, steps: &[Step<A>]) -> Vec<String> {
        let mut things: Vec<(String, Vec<&Step<A>>)> = Vec::new();
        for (_, step) in in_reading_order(steps) {
            let (thing, _) = thing_and_summary(role, step);
            match things.iter_mut().find(|(known, _)| *known == thing) {
                Some((_, of_thing)) => of_thing.push(step),
                None => things.push((thing, vec![step])),
            }
        }
        let mut lines = Vec::new();
        for (thing, of_thing) in things {
            lines.push(format!("  {}", self.paint(Tone::Heading, &thing)));
            // What completes a thing that is new is new as well.
            let is_new = of_thing.iter().any(|step| step.change == Change::Create);
            for step in of_thing {
                let (tone, mark) = match step.change {
                    Change::Detach | Change::Delete | Change::Release => (Tone::Bad, "-"),
                    Change::Update if !is_new => (Tone::Change, "~"),
                    _ => (Tone::Change, "+"),
                };
                let (_, summary) = thing_and_summary(role, step);
                lines.push(format!("    {} {summary}", self.paint(tone, mark)));
                lines.extend(step.diff.iter().flat_map(difference_lines));
            }
        }
        lines
    }

    /// Something that could be hardened, with what is there and what would come instead.
    pub(crate) fn offer(&self, offer: &Offer) {
        let mut lines = vec![format!("  {}", self.paint(Tone::Change, &offer.summary))];
        lines.extend(offer.diff.iter().flat_map(difference_lines));
        self.notes(lines);
    }

    /// The documents that the plan writes, with ExternalIds shown by their ends.
    pub(crate) fn document_lines(&self, spec: &SetupSpec, plan: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        for (_, step) in in_reading_order(&plan.steps) {
            let Some(document) = step.document() else {
                continue;
            };
            let (thing, _) = thing_and_summary(&spec.role, step);
            let title = match &step.action {
                Action::SetBucketPolicy { .. } => format!("Policy of {thing}:"),
                Action::CreateRole { .. } | Action::UpdateTrust { .. } => {
                    format!("Trust policy of {thing}:")
                }
                _ => format!("Document of {thing}:"),
            };
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(self.paint(Tone::Heading, &title));
            let document = for_display(&document).to_pretty_json();
            lines.extend(document.lines().map(str::to_owned));
        }
        if lines.is_empty() {
            lines.push("No document changes.".into());
        }
        lines
    }
}

fn difference_lines(difference: &Difference) -> Vec<String> {
    let lines = difference.lines().into_iter();
    lines.map(|line| format!("        {line}")).collect()
}

/// Steps with their indexes, in the order in which they read best: what is stored first, and then who may reach it.
/// What is attached to the role reads as a part of it.
pub(crate) fn in_reading_order<A>(steps: &[Step<A>]) -> Vec<(usize, &Step<A>)> {
    let rank = |step: &Step<A>| match (step.change, step.resource) {
        (Change::Attach | Change::Detach, _) | (_, Resource::Role) => 3,
        (_, Resource::Key) => 0,
        (_, Resource::Bucket) => 1,
        (_, Resource::Policy) => 2,
    };
    let mut ordered: Vec<(usize, &Step<A>)> = steps.iter().enumerate().collect();
    ordered.sort_by_key(|(_, step)| rank(step));
    ordered
}

/// The thing that a step belongs to, as a heading, and what happens to it.
pub(super) fn thing_and_summary<A>(role: &RoleName, step: &Step<A>) -> (String, String) {
    let id = short(step.resource, &step.id);
    match step.change {
        Change::Attach => (format!("role {role}"), format!("policy {id} attached")),
        Change::Detach => (format!("role {role}"), format!("policy {id} detached")),
        _ => (format!("{} {id}", step.resource.as_str()), step.summary.clone()),
    }
}

fn unchanged_thing(unchanged: &Unchanged) -> String {
    format!(
        "{} {}",
        unchanged.resource.as_str(),
        short(unchanged.resource, &unchanged.id)
    )
}

/// Policies and roles by name: their ARNs say little more, and are long.
fn short(resource: Resource, id: &str) -> &str {
    match resource {
        Resource::Policy | Resource::Role => id.rsplit('/').next().unwrap_or(id),
        Resource::Bucket | Resource::Key => id,
    }
}

/// The changes as JSON.
pub(crate) fn changes_json<A>(steps: &[Step<A>]) -> Value {
    in_reading_order(steps)
        .into_iter()
        .map(|(_, step)| json!({ "action": step.change, "resource": step.resource, "id": step.id, "summary": step.summary }))
        .collect()
}

/// What stands in the way of a plan, for an error.
pub(crate) fn conflict_lines(conflicts: &[Conflict]) -> Vec<String> {
    let mut lines = Vec::new();
    for conflict in conflicts {
        lines.push(format!(
            "The {} {} exists: {}.",
            conflict.resource.as_str(),
            conflict.id,
            conflict.difference
        ));
        if let Some(diff) = &conflict.diff {
            lines.push("What is there (-) and what is wanted (+):".into());
            lines.extend(diff.lines());
        }
    }
    lines
}

/// A step in a line, for lists of what was done and what was not.
pub(crate) fn step_line<A>(role: &RoleName, step: &Step<A>) -> String {
    let (thing, summary) = thing_and_summary(role, step);
    format!("{thing}: {summary}")
}
