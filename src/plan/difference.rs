//! What is there and what comes instead, for people to read before they agree.

use crate::policy::Document;
use crate::policy::compare::{Diff, diff};

/// What a step changes of something that is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Difference {
    /// Of a policy document, by statement.
    Document(Diff),
    /// Of anything else, in words or as AWS spells it.
    Values {
        /// What goes, a line each.
        present: Vec<String>,
        /// What comes, a line each.
        wanted: Vec<String>,
    },
}

impl Difference {
    /// Between two documents.
    pub(crate) fn of_documents(present: &Document, wanted: &Document) -> Self {
        Self::Document(diff(present, wanted))
    }

    /// Between two values.
    pub(crate) fn of_values(present: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::Values {
            present: vec![present.into()],
            wanted: vec![wanted.into()],
        }
    }

    /// What differs, a line each, marked `-` or `+`.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            // JSON, in which no value breaks a line.
            Self::Document(diff) => diff.to_string().lines().map(str::to_owned).collect(),
            Self::Values { present, wanted } => {
                let marked = |mark: &'static str, lines: &[String]| {
                    let lines = lines.iter();
                    lines.map(|line| format!("{mark} {line}")).collect::<Vec<_>>()
                };
                [marked("-", present), marked("+", wanted)].concat()
            }
        }
    }
}
