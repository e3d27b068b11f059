//! What is there and what comes instead, for people to read before they agree.

use std::fmt;

use crate::policy::Document;
use crate::policy::compare::{Diff, diff};

/// What a step changes of something that is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
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
    pub fn of_documents(present: &Document, wanted: &Document) -> Self {
        Self::Document(diff(present, wanted))
    }

    /// Between two values.
    pub fn of_values(present: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::Values {
            present: vec![present.into()],
            wanted: vec![wanted.into()],
        }
    }
}

impl fmt::Display for Difference {
    /// One line each, marked `-` or `+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(diff) => diff.fmt(f),
            Self::Values { present, wanted } => {
                for (mark, lines) in [("-", present), ("+", wanted)] {
                    for line in lines {
                        writeln!(f, "{mark} {line}")?;
                    }
                }
                Ok(())
            }
        }
    }
}
