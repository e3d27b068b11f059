//! Command lines that are shown to be copied, as values: a program, its words, and what a shell does with them.
//!
//! A word holds what the program is to receive, whoever wrote it, and never text that is quoted already: a key's ID
//! that a bucket names, a profile's name, a role's. `report::commands` is the only place that turns a [`CommandLine`]
//! into text, and quotes every word there for a POSIX shell, after it has sent the command to the [`Target`] of this
//! run.

use std::fmt::Display;

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// What the program receives, letter by letter.
    Literal(String),
    /// A file in the working directory, by its name, as the AWS CLI reads it: `file://policy.json`.
    File(&'static str),
    /// The value of a shell variable. Several of a kind are numbered from 1, and the first one bears no number.
    Variable {
        /// The variable's name.
        name: &'static str,
        /// Which of several it is.
        number: usize,
    },
}

impl Word {
    /// A flag and its value. What begins with a hyphen would be taken for another flag, so it is joined to its own.
    pub(crate) fn option(flag: &'static str, value: impl Display) -> Vec<Self> {
        let value = value.to_string();
        match value.starts_with('-') {
            true => vec![Self::Literal(format!("{flag}={value}"))],
            false => vec![Self::flag(flag), Self::Literal(value)],
        }
    }

    /// A flag without a value.
    pub(crate) fn flag(flag: &'static str) -> Self {
        Self::Literal(flag.to_owned())
    }
}

/// Where the commands that are shown are to run: where this run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Target {
    /// Where the environment says.
    #[default]
    Environment,
    /// In the rehearsal. The AWS CLI does not get there.
    Sandbox,
    /// With the profile of this name, which `--profile` gave.
    Profile(String),
}

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// The program and its words. Each group stands on a line of its own where the command is laid out over lines.
    groups: Vec<Vec<Word>>,
    over_lines: bool,
    output: Redirection,
    then: Option<Box<CommandLine>>,
}

/// What becomes of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirection {
    /// The terminal shows it.
    Shown,
    /// It is written to a file of this name, in the working directory.
    Written(&'static str),
    /// The shell evaluates it.
    Evaluated,
}

impl CommandLine {
    /// A call of the AWS CLI: its service and operation.
    pub(crate) fn aws<const N: usize>(words: [&'static str; N]) -> Self {
        Self::of("aws", words)
    }

    /// A call of this program: its verb and what follows at once.
    pub(crate) fn mixpanel_s3<const N: usize>(words: [&'static str; N]) -> Self {
        Self::of("mixpanel-s3", words)
    }

    fn of<const N: usize>(program: &'static str, words: [&'static str; N]) -> Self {
        let words = std::iter::once(program).chain(words).map(Word::flag);
        Self {
            groups: vec![words.collect()],
            over_lines: false,
            output: Redirection::Shown,
            then: None,
        }
    }

    /// Adds a flag and its value, which may be anybody's.
    pub(crate) fn option(self, flag: &'static str, value: impl Display) -> Self {
        self.words(Word::option(flag, value))
    }

    /// Adds a flag whose value is the content of a file in the working directory.
    pub(crate) fn file(self, flag: &'static str, name: &'static str) -> Self {
        self.words([Word::flag(flag), Word::File(name)])
    }

    /// Adds a flag without a value.
    pub(crate) fn flag(self, flag: &'static str) -> Self {
        self.words([Word::flag(flag)])
    }

    /// Adds a value that no flag introduces.
    pub(crate) fn value(self, value: impl Display) -> Self {
        self.words([Word::Literal(value.to_string())])
    }

    /// Adds words that belong together.
    pub(crate) fn words(mut self, words: impl IntoIterator<Item = Word>) -> Self {
        let words: Vec<Word> = words.into_iter().collect();
        match (self.over_lines, self.groups.last_mut()) {
            (false, Some(line)) => line.extend(words),
            _ if words.is_empty() => {}
            _ => self.groups.push(words),
        }
        self
    }

    /// Lays out what is added from now on over lines, each time a line.
    pub(crate) fn over_lines(mut self) -> Self {
        self.over_lines = true;
        self
    }

    /// Writes what the command prints to a file in the working directory.
    pub(crate) fn written_to(mut self, file: &'static str) -> Self {
        self.output = Redirection::Written(file);
        self
    }

    /// Has the shell evaluate what the command prints.
    pub(crate) fn evaluated(mut self) -> Self {
        self.output = Redirection::Evaluated;
        self
    }

    /// Runs another command afterwards, if this one succeeds.
    pub(crate) fn and_then(mut self, next: Self) -> Self {
        self.then = Some(Box::new(match self.then {
            Some(then) => then.and_then(next),
            None => next,
        }));
        self
    }

    /// The same, sent to a target. A command that names its profile already keeps it.
    #[must_use]
    pub(crate) fn sent_to(&self, target: &Target) -> Self {
        let mut command = self.clone();
        let names_profile =
            self.groups.iter().flatten().any(
                |word| matches!(word, Word::Literal(text) if text == "--profile" || text.starts_with("--profile=")),
            );
        if let Some(words) = command.groups.first_mut() {
            let program = words.first().cloned();
            let is = |name: &'static str| program == Some(Word::flag(name));
            // After the verb, or after the service and its operation.
            let (at, flags) = match target {
                Target::Sandbox if is("mixpanel-s3") => (2, vec![Word::flag("--sandbox")]),
                Target::Profile(name) if !names_profile => {
                    (if is("aws") { 3 } else { 2 }, Word::option("--profile", name))
                }
                Target::Environment | Target::Sandbox | Target::Profile(_) => (0, Vec::new()),
            };
            let at = at.min(words.len());
            words.splice(at..at, flags);
        }
        command.then = self.then.as_ref().map(|then| Box::new(then.sent_to(target)));
        command
    }

    /// Whether it is a call of this program with this verb.
    pub(crate) fn is_of(&self, verb: &'static str) -> bool {
        let words = self.groups.first().map_or(&[][..], Vec::as_slice);
        words.starts_with(&[Word::flag("mixpanel-s3"), Word::flag(verb)])
    }

    /// Whether it, or what comes afterwards, is a call of the AWS CLI.
    pub(crate) fn is_of_aws(&self) -> bool {
        let mut words = self.groups.iter().flatten();
        words.next() == Some(&Word::flag("aws")) || self.then.as_ref().is_some_and(|then| then.is_of_aws())
    }

    /// The program and its words, in the groups that share a line.
    pub(crate) fn groups(&self) -> &[Vec<Word>] {
        &self.groups
    }

    /// What becomes of the output.
    pub(crate) fn output(&self) -> Redirection {
        self.output
    }

    /// The command that comes afterwards.
    pub(crate) fn next(&self) -> Option<&Self> {
        self.then.as_deref()
    }
}
