//! What happens while a plan runs, a line each.

use super::plan::step_line;
use super::{Printer, Tone};
use crate::apply::executor::Event;
use crate::apply::read_back::Finding;
use crate::names::RoleName;

impl Printer {
    /// Tells of an event.
    pub(crate) fn progress<A>(&self, role: &RoleName, event: &Event<'_, A>) {
        match event {
            Event::Done(step) => {
                self.note(&format!("  {} {}", self.paint(Tone::Good, "✓"), step_line(role, step)));
            }
            Event::Waiting(step, what) => {
                self.note(&format!(
                    "  {} {} ({what})",
                    self.paint(Tone::Quiet, "…"),
                    step_line(role, step)
                ));
            }
            Event::Failed(step) => {
                self.note(&format!("  {} {}", self.paint(Tone::Bad, "✗"), step_line(role, step)));
            }
            Event::Interrupted => {
                self.warning("interrupted: what is under way ends, nothing new begins. Ctrl-C again leaves at once.");
            }
        }
    }

    /// Tells that AWS has to be asked again.
    pub(crate) fn waiting(&self, reason: &str) {
        self.note(&format!("  {} {reason}", self.paint(Tone::Quiet, "…")));
    }

    /// Tells what was read back.
    pub(crate) fn findings(&self, findings: &[Finding]) {
        let confirmed: Vec<&str> = findings
            .iter()
            .filter_map(|finding| match finding {
                Finding::Confirmed(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        if !confirmed.is_empty() {
            self.note("");
            self.note(&self.paint(Tone::Heading, "Read back from AWS:"));
        }
        for text in confirmed {
            self.note(&format!("  {} {text}", self.paint(Tone::Good, "✓")));
        }
        for finding in findings {
            if let Finding::Unreadable(text) = finding {
                self.warning(format!("not read back: {text}"));
            }
        }
    }
}
