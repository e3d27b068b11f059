//! Errors, rendered in one place.

use serde_json::json;

use super::commands::{advice_lines, advice_text};
use super::{Printer, Tone};
use crate::cli::Output;
use crate::error::Error;

impl Printer {
    /// Prints an error: what happened, then what to do next. Its exit code is the caller's business.
    pub fn error(&self, error: &Error) {
        if self.output() == Output::Json {
            let hints: Vec<String> = error
                .hints
                .iter()
                .map(|hint| advice_text(hint, &self.target()))
                .collect();
            let message: Vec<&str> = std::iter::once(&error.message)
                .chain(&error.lines)
                .map(String::as_str)
                .collect();
            let value = json!({ "error": {
                "kind": error.kind,
                "message": message.join("\n"),
                "hints": hints,
                "denied": error.denied,
            }});
            self.json_error(&value);
            return;
        }
        let lines: Vec<String> = std::iter::once(&error.message)
            .chain(&error.lines)
            .cloned()
            .collect();
        self.labelled(Tone::Bad, "error:", &lines);
        for hint in &error.hints {
            self.labelled(Tone::Heading, "hint:", &advice_lines(hint, &self.target()));
        }
        if let Some(source) = error.source.as_ref().filter(|_| self.is_verbose()) {
            self.labelled(Tone::Quiet, "caused by:", &[format!("{source:#}")]);
        }
    }
}
