//! The one error type of the program: what kind it is, what happened, and what to do next.
//!
//! Hints are attached where the cause is known; `report` renders them in one place, and [`ErrorKind::exit_code`] is the
//! one way from a kind to an exit code.

use std::fmt;

use serde::Serialize;

use crate::advice::Advice;
use crate::names::Partition;

/// The kinds of failure that a script can tell apart, by exit code and by the JSON error's `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ErrorKind {
    /// Something failed that has no number of its own: the network, a throttled call, a bug.
    Failed,
    /// What was typed is wrong or incomplete. Nothing was asked of AWS, or nothing was changed.
    Usage,
    /// Credentials are missing or expired.
    Credentials,
    /// AWS refused a call, and nothing was changed before it.
    Denied,
    /// `--exit-code`: something would change.
    PendingChange,
    /// `verify` found what keeps Mixpanel from writing.
    NotWorking,
    /// Something of that name exists and is not ours.
    Conflict,
    /// Stopped part-way: something was changed before.
    Partial,
    /// Ctrl-C.
    Interrupted,
}

impl ErrorKind {
    /// The process's exit code.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Credentials | Self::Denied => 3,
            Self::PendingChange | Self::NotWorking => 4,
            Self::Conflict => 5,
            Self::Partial => 6,
            Self::Interrupted => 130,
        }
    }
}

/// A call that AWS refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DeniedCall {
    /// The action in IAM's words, such as `s3:CreateBucket`.
    pub(crate) action: String,
    /// What it was asked of: a bucket, a role, a key.
    pub(crate) resource: String,
    /// The layer that AWS names as the refuser, in plain words, where it names one.
    pub(crate) layer: Option<String>,
}

/// A failure of the program, as a person or a script sees it.
#[derive(Debug)]
pub(crate) struct Error {
    /// Decides the exit code.
    pub(crate) kind: ErrorKind,
    /// What happened, in a line. Never holds a secret or a whole token.
    pub(crate) message: String,
    /// What is listed below it, a line each.
    pub(crate) lines: Vec<String>,
    /// What to do next, each a sentence or a command.
    pub(crate) hints: Vec<Advice>,
    /// The calls that AWS refused, if that was it.
    pub(crate) denied: Vec<DeniedCall>,
    /// What lies underneath, shown with `--verbose`.
    pub(crate) source: Option<anyhow::Error>,
}

impl Error {
    /// An error without hints.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            lines: Vec::new(),
            hints: Vec::new(),
            denied: Vec::new(),
            source: None,
        }
    }

    /// An error whose message is the first of these lines.
    pub(crate) fn of_lines(kind: ErrorKind, lines: Vec<String>) -> Self {
        let mut lines = lines.into_iter();
        Self::new(kind, lines.next().unwrap_or_default()).below(lines)
    }

    /// A usage error.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// Why the documented role cannot work outside the `aws` partition.
    pub(crate) fn closed_partition(partition: Partition) -> Self {
        Self::usage(format!(
            "The partition '{}' is closed to Mixpanel's documented role: Mixpanel's export user lives in the partition \
             'aws', and a role cannot trust a principal of another partition.",
            partition.as_str()
        ))
        .hint("Use an account and a region of the partition 'aws', or ask Mixpanel for a principal in yours.")
    }

    /// Ctrl-C, before anything was changed.
    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorKind::Interrupted, "Interrupted. Nothing was changed in AWS.")
    }

    /// Adds lines below the message.
    pub(crate) fn below(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<Advice>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds several things to do next.
    pub(crate) fn hints(mut self, hints: impl IntoIterator<Item = impl Into<Advice>>) -> Self {
        self.hints.extend(hints.into_iter().map(Into::into));
        self
    }

    /// Adds what lies underneath.
    pub(crate) fn caused_by(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The program's result type.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
