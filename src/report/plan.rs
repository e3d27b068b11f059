//! A plan, for people and for programs.

use serde_json::{Value, json};

use super::{Printer, Tone};
use crate::plan::{Action, Change, Conflict, Kept, Plan, Resource, Step};
use crate::policy::compare::for_display;
use crate::spec::SetupSpec;

impl Printer {
    /// The plan as text: what changes, thing by thing, and what stays.
    pub fn plan_text(&self, spec: &SetupSpec, plan: &Plan) -> String {
        let mut lines = Vec::new();
        let mut heading = String::new();
        let mut is_new = false;
        for step in &plan.steps {
            let (thing, summary) = thing_and_summary(spec, step);
            if thing != heading {
                lines.push(format!("  {}", self.paint(Tone::Heading, &thing)));
                heading = thing;
                is_new = step.change == Change::Create;
            }
            // What completes a thing that is new is new as well.
            let mark = match step.change {
                Change::Update if !is_new => "~",
                _ => "+",
            };
            lines.push(format!("    {} {summary}", self.paint(Tone::Change, mark)));
            if let Some(diff) = &step.diff {
                lines.extend(
                    diff.to_string()
                        .lines()
                        .map(|line| format!("        {line}")),
                );
            }
        }
        for kept in &plan.kept {
            lines.push(format!(
                "  {}",
                self.paint(Tone::Heading, &kept_thing(kept))
            ));
            lines.push(format!("    {} {}", self.paint(Tone::Good, "="), kept.note));
        }
        lines.join("\n")
    }

    /// The documents that the plan writes, with ExternalIds shown by their ends.
    pub fn documents_text(&self, spec: &SetupSpec, plan: &Plan) -> String {
        let documents = plan.steps.iter().filter_map(|step| {
            let (thing, _) = thing_and_summary(spec, step);
            let title = match &step.action {
                Action::SetBucketPolicy(_) => format!("Policy of {thing}:"),
                Action::CreateRole { .. } | Action::UpdateTrust(_) => {
                    format!("Trust policy of {thing}:")
                }
                _ => format!("Document of {thing}:"),
            };
            let document = for_display(&step.document()?).to_pretty_json();
            Some(format!(
                "{}
{document}",
                self.paint(Tone::Heading, &title)
            ))
        });
        let documents: Vec<String> = documents.collect();
        if documents.is_empty() {
            "No document changes.".into()
        } else {
            documents.join("\n\n")
        }
    }
}

/// The thing that a step belongs to, as a heading, and what happens to it.
pub(super) fn thing_and_summary(spec: &SetupSpec, step: &Step) -> (String, String) {
    match &step.action {
        Action::AttachPolicy(policy) => (
            format!("role {}", spec.role),
            format!("policy {} attached", policy.policy_name()),
        ),
        _ => (
            format!(
                "{} {}",
                step.resource.as_str(),
                short(step.resource, &step.id)
            ),
            step.summary.clone(),
        ),
    }
}

fn kept_thing(kept: &Kept) -> String {
    format!(
        "{} {}",
        kept.resource.as_str(),
        short(kept.resource, &kept.id)
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
pub fn changes_json<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Value {
    steps
        .into_iter()
        .map(|step| json!({ "action": step.change, "resource": step.resource, "id": step.id, "summary": step.summary }))
        .collect()
}

/// What stands in the way of a plan, for an error's message.
pub fn conflicts_text(conflicts: &[Conflict]) -> String {
    let texts = conflicts.iter().map(|conflict| {
        let mut text = format!(
            "The {} {} exists: {}.",
            conflict.resource.as_str(),
            conflict.id,
            conflict.difference
        );
        if let Some(diff) = &conflict.diff {
            text.push_str("\nWhat is there (-) and what is wanted (+):\n");
            text.push_str(diff.to_string().trim_end());
        }
        text
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A step in a line, for lists of what was done and what was not.
pub fn step_line(spec: &SetupSpec, step: &Step) -> String {
    let (thing, summary) = thing_and_summary(spec, step);
    format!("{thing}: {summary}")
}
