//! Errors, rendered in one place. A name in them may be a project token that was typed, or stands, in the wrong place,
//! so of what looks like one there are the ends only.

use serde_json::json;

use super::commands::{advice_lines, advice_text};
use super::{Printer, Tone};
use crate::cli::Output;
use crate::error::Error;
use crate::names::without_tokens;

impl Printer {
    /// Prints an error: what happened, then what to do next. Its exit code is the caller's business.
    pub(crate) fn error(&self, error: &Error) {
        if self.output() == Output::Json {
            let hints: Vec<String> = error
                .hints
                .iter()
                .map(|hint| without_tokens(&advice_text(hint, &self.target())))
                .collect();
            let message = message_lines(error);
            let value = json!({ "error": {
                "kind": error.kind,
                "message": message.join("\n"),
                "hints": hints,
                "denied": error.denied,
            }});
            self.json_error(&value);
            return;
        }
        self.labelled(Tone::Bad, "error:", &message_lines(error));
        for hint in &error.hints {
            let lines = advice_lines(hint, &self.target());
            let lines: Vec<String> = lines.iter().map(|line| without_tokens(line)).collect();
            self.labelled(Tone::Heading, "hint:", &lines);
        }
        if let Some(source) = error.source.as_ref().filter(|_| self.is_verbose()) {
            let source = without_tokens(&format!("{source:#}"));
            self.labelled(Tone::Quiet, "caused by:", &[source]);
        }
    }
}

fn message_lines(error: &Error) -> Vec<String> {
    std::iter::once(&error.message)
        .chain(&error.lines)
        .map(|line| without_tokens(line))
        .collect()
}
