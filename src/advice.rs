//! What to do next, in a sentence that may hold command lines. They stay values until they are printed.

use crate::command_line::CommandLine;

/// A hint, or what fixes a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Advice(Vec<Piece>);

/// A piece of an advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words.
    Text(String),
    /// A command within the sentence, between backquotes.
    Code(CommandLine),
    /// A command that ends the sentence.
    Command(CommandLine),
    /// A command on lines of its own.
    Below(CommandLine),
}

impl Advice {
    /// Adds words.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    /// Adds a command within the sentence.
    pub(crate) fn code(mut self, command: CommandLine) -> Self {
        self.0.push(Piece::Code(command));
        self
    }

    /// Ends the sentence with a command.
    pub(crate) fn command(mut self, command: CommandLine) -> Self {
        self.0.push(Piece::Command(command));
        self
    }

    /// Adds a command below the sentence.
    pub(crate) fn below(mut self, command: CommandLine) -> Self {
        self.0.push(Piece::Below(command));
        self
    }

    /// Its pieces, in order.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Self {
        Self::default().text(text)
    }
}

impl From<&String> for Advice {
    fn from(text: &String) -> Self {
        Self::default().text(text)
    }
}

impl From<String> for Advice {
    fn from(text: String) -> Self {
        Self::default().text(text)
    }
}
