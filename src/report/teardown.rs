//! What stays when a set-up is taken away, for people and for programs.

use serde_json::{Value, json};

use super::commands::command_text;
use super::{Printer, Tone};
use crate::command_line::Target;
use crate::plan::Step;
use crate::plan::teardown::{Removal, Retained, TeardownPlan};

impl Printer {
    /// Says what stays, why, and which command removes it.
    pub(crate) fn stays(&self, teardown: &TeardownPlan) {
        if teardown.stays.is_empty() {
            return;
        }
        self.note(&self.paint(Tone::Heading, "What stays:"));
        for stays in &teardown.stays {
            let tone = match stays.was_to_go {
                true => Tone::Warning,
                false => Tone::Heading,
            };
            let thing = format!("{} {}", stays.resource.as_str(), stays.id);
            self.note(&format!("  {}", self.paint(tone, &thing)));
            self.note(&format!("    {} {}", self.paint(Tone::Good, "="), stays.why));
            if let Some(command) = &stays.command {
                self.note(&format!(
                    "        {}",
                    self.paint(Tone::Quiet, &command_text(command, &self.target()))
                ));
            }
        }
    }
}

/// What is gone or given back, a line each.
pub(crate) fn removed_lines<'a>(steps: impl IntoIterator<Item = &'a Step<Removal>>) -> Vec<String> {
    let lines = steps.into_iter().filter_map(|step| {
        let did = match &step.action {
            Removal::DeleteRole | Removal::RemoveProbe(_) | Removal::DeletePolicy(_) | Removal::DeleteBucket(_) => {
                "removed"
            }
            Removal::DeleteData(_) => "emptied",
            Removal::ReleaseRole(_) | Removal::ReleasePolicy(..) => "given back",
            Removal::DetachPolicy(_) | Removal::DeletePolicyVersion { .. } => return None,
        };
        Some(format!("{did}: {} {}", step.resource.as_str(), step.id))
    });
    lines.collect()
}

/// What was asked to go and stays, for an error.
pub(crate) fn left_lines(left: &[&Retained], target: &Target) -> Vec<String> {
    let mut lines = Vec::new();
    for stays in left {
        lines.push(format!("  {} {}: {}", stays.resource.as_str(), stays.id, stays.why));
        let command = stays.command.as_ref();
        lines.extend(command.map(|command| format!("    {}", command_text(command, target))));
    }
    lines
}

/// What stays, as JSON.
pub(crate) fn stays_json(stays: &[Retained], target: &Target) -> Value {
    stays
        .iter()
        .map(|stays| {
            json!({
                "resource": stays.resource,
                "id": stays.id,
                "why": stays.why,
                "command": stays.command.as_ref().map(|command| command_text(command, target)),
                "was_to_go": stays.was_to_go,
            })
        })
        .collect()
}
