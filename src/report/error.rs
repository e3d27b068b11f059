//! Errors, rendered in one place.

use serde_json::json;

use super::commands::advice_text;
use super::{Printer, Tone};
use crate::cli::Output;
use crate::error::Error;

impl Printer {
    /// Prints an error: what happened, then what to do next. Its exit code is the caller's business.
    pub fn error(&self, error: &Error) {
        let hints: Vec<String> = error.hints.iter().map(advice_text).collect();
        if self.output() == Output::Json {
            let value = json!({ "error": {
                "kind": error.kind,
                "message": error.message,
                "hints": hints,
                "denied": error.denied,
            }});
            self.always(&value.to_string());
            return;
        }
        self.always(&format!(
            "{} {}",
            self.paint(Tone::Bad, "error:"),
            error.message
        ));
        for hint in &hints {
            self.always(&format!("{} {hint}", self.paint(Tone::Heading, "hint:")));
        }
        if let Some(source) = error.source.as_ref().filter(|_| self.is_verbose()) {
            self.always(&format!(
                "{} {source:#}",
                self.paint(Tone::Quiet, "caused by:")
            ));
        }
    }
}
