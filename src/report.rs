//! The only room that prints. Results go to stdout, everything else to stderr; the same values become text or JSON.
//!
//! Everything is printed line by line, and passes the filter in [`terminal`]: a line break within a text is shown as an
//! escape.

pub(crate) mod commands;
pub(crate) mod details;
pub(crate) mod error;
pub(crate) mod explain;
mod hidden;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod setup;
pub(crate) mod teardown;
pub(crate) mod terminal;
pub(crate) mod usage;
pub(crate) mod verify;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::advice::Advice;
use crate::cli::{Color, Common, Output};
use crate::command_line::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::observed::Caller;
use crate::process::Process;
use commands::advice_lines;
use terminal::{json_text, marked, styled};

/// Where all output goes through.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    output: Output,
    quiet: bool,
    verbose: bool,
    color: bool,
    /// One for all copies: a person may choose another profile on the way.
    target: Arc<Mutex<Target>>,
    /// What first kept a result from being written, for all copies.
    unwritten: Arc<OnceLock<std::io::Error>>,
}

impl Printer {
    /// The printer that flags, environment and terminal ask for.
    pub(crate) fn new(common: &Common, process: &Process) -> Self {
        let color = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => Self::may_color(process),
        };
        console::set_colors_enabled_stderr(color);
        Self {
            output: common.output,
            quiet: common.quiet,
            verbose: common.verbose,
            color,
            target: Arc::new(Mutex::new(match &common.profile {
                _ if common.sandbox => Target::Sandbox,
                Some(name) => Target::Profile(name.clone()),
                None => Target::Environment,
            })),
            unwritten: Arc::default(),
        }
    }

    /// Whether stderr takes colour, where no flag says so.
    fn may_color(process: &Process) -> bool {
        process.stderr_is_terminal && process.variable("NO_COLOR").is_none() && process.variable("TERM") != Some("dumb")
    }

    /// A printer for what goes wrong before flags are known.
    pub(crate) fn plain(output: Output) -> Self {
        Self {
            output,
            quiet: false,
            verbose: false,
            color: false,
            target: Arc::default(),
            unwritten: Arc::default(),
        }
    }

    /// A printer for what a person is asked about, which `--quiet` does not hide: nobody can agree to what was not
    /// shown.
    pub(crate) fn asking(&self) -> Self {
        Self {
            quiet: false,
            ..self.clone()
        }
    }

    /// The form that results shall have.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// Whether more was asked for.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Where the commands that it prints are to run.
    pub(crate) fn target(&self) -> Target {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends the commands that it and its copies print from now on to a profile that was chosen on the way.
    pub(crate) fn send_commands_to_profile(&self, name: &str) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Target::Profile(name.to_owned());
    }

    /// Whether there is colour on stderr.
    pub(crate) fn has_color(&self) -> bool {
        self.color
    }

    /// A line of a result, on stdout.
    pub(crate) fn result(&self, line: &str) {
        self.write_result(&styled(line));
    }

    fn write_result(&self, line: &str) {
        if let Err(error) = writeln!(std::io::stdout().lock(), "{line}") {
            self.did_not_write(error);
        }
    }

    /// Keeps why a result was not written. A reader that went away (`| head`) is no failure of ours.
    fn did_not_write(&self, error: std::io::Error) {
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            let _ = self.unwritten.set(error);
        }
    }

    /// Whether every result of this run reached stdout, or went to somebody who stopped reading.
    pub(crate) fn all_was_written(&self) -> Result<()> {
        match self.unwritten.get() {
            None => Ok(()),
            Some(error) => Err(Error::new(
                ErrorKind::Failed,
                format!("The result could not be written to stdout: {error}."),
            )
            .hint("What the run did in AWS stands. Run it again where stdout can be written.")),
        }
    }

    /// A result of several lines, on stdout.
    pub(crate) fn results(&self, lines: impl IntoIterator<Item = impl AsRef<str>>) {
        for line in lines {
            self.result(line.as_ref());
        }
    }

    /// A result as JSON, on stdout.
    pub(crate) fn json(&self, value: &Value) {
        self.write_result(&json_text(value, true));
    }

    /// An error as JSON, on a line of stderr.
    fn json_error(&self, value: &Value) {
        write_to_stderr(&json_text(value, false));
    }

    /// A text that this program is made with, on stdout, as it is: a script or a manual page, with nobody's values in
    /// it.
    pub(crate) fn own_text(&self, text: &str) {
        self.write_result(text.trim_end());
    }

    /// A line for a person to follow along, on stderr.
    pub(crate) fn note(&self, line: &str) {
        if !self.quiet {
            self.always(line);
        }
    }

    /// Several such lines.
    pub(crate) fn notes(&self, lines: impl IntoIterator<Item = impl AsRef<str>>) {
        for line in lines {
            self.note(line.as_ref());
        }
    }

    /// Something that a person should not miss, on stderr, even with `--quiet`.
    pub(crate) fn warning(&self, advice: impl Into<Advice>) {
        self.labelled(Tone::Warning, "warning:", &advice_lines(&advice.into(), &self.target()));
    }

    /// Lines of which the first has a label.
    fn labelled(&self, tone: Tone, label: &str, lines: &[String]) {
        let mut lines = lines.iter();
        let first = lines.next().map_or("", String::as_str);
        self.always(&format!("{} {first}", self.paint(tone, label)));
        for line in lines {
            self.always(line);
        }
    }

    /// Who makes the changes, for runs in which nobody was asked whether that is right.
    pub(crate) fn caller(&self, caller: &Caller, using: &str) {
        let line = |name: &str, value: &str| {
            self.note(&format!("{} {value}", self.paint(Tone::Heading, name)));
        };
        line("Account:", caller.account.as_str());
        line("Caller: ", &caller.arn);
        line("Using:  ", using);
        self.note("");
    }

    fn always(&self, line: &str) {
        write_to_stderr(&styled(line));
    }

    /// What clap has to say of arguments that may be shown.
    fn complain(text: &str) {
        write_to_stderr(text.trim_end_matches('\n'));
    }

    /// Text in a tone, where there is colour, for a line that is yet to be printed.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        match self.color {
            true => marked(tone, text),
            false => text.to_owned(),
        }
    }
}

fn write_to_stderr(line: &str) {
    // Where it cannot be written, there is nowhere to say so.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A heading.
    Heading,
    /// Done, or as it should be.
    Good,
    /// Will change.
    Change,
    /// Beside the point.
    Quiet,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
}

impl Tone {
    /// All of them.
    const ALL: [Self; 6] = [
        Self::Heading,
        Self::Good,
        Self::Change,
        Self::Quiet,
        Self::Warning,
        Self::Bad,
    ];
}
