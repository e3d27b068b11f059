//! The only room that prints. Results go to stdout, everything else to stderr; the same values become text or JSON.

pub mod commands;
pub mod details;
pub mod error;
pub mod plan;
pub mod progress;
pub mod teardown;
pub mod verify;

use std::io::Write;

use console::Style;
use serde_json::Value;

use crate::advice::Advice;
use crate::cli::{Color, Common, Output};
use crate::observed::Caller;
use crate::process::Process;
use commands::advice_text;

/// Where all output goes through.
#[derive(Debug, Clone)]
pub struct Printer {
    output: Output,
    quiet: bool,
    verbose: bool,
    color: bool,
}

impl Printer {
    /// The printer that flags, environment and terminal ask for.
    pub fn new(common: &Common, process: &Process) -> Self {
        let color = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                process.stderr_is_terminal
                    && process.variable("NO_COLOR").is_none()
                    && process.variable("TERM") != Some("dumb")
            }
        };
        console::set_colors_enabled_stderr(color);
        Self {
            output: common.output,
            quiet: common.quiet,
            verbose: common.verbose,
            color,
        }
    }

    /// A printer for what goes wrong before flags are known.
    pub fn plain(output: Output) -> Self {
        Self {
            output,
            quiet: false,
            verbose: false,
            color: false,
        }
    }

    /// The form that results shall have.
    pub fn output(&self) -> Output {
        self.output
    }

    /// Whether more was asked for.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether there is colour on stderr.
    pub fn has_color(&self) -> bool {
        self.color
    }

    /// A result, on stdout.
    pub fn result(&self, text: &str) {
        // A reader that went away (`| head`) is no failure of ours.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// A result as JSON, on stdout.
    pub fn json(&self, value: &Value) {
        self.result(&format!("{value:#}"));
    }

    /// Something for a person to follow along, on stderr.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// Something that a person should not miss, on stderr, even with `--quiet`.
    pub fn warning(&self, advice: impl Into<Advice>) {
        let _ = writeln!(
            std::io::stderr().lock(),
            "{} {}",
            self.paint(Tone::Warning, "warning:"),
            advice_text(&advice.into())
        );
    }

    /// Who makes the changes, for runs in which nobody was asked whether that is right.
    pub fn caller(&self, caller: &Caller, using: &str) {
        let line = |name: &str, value: &str| {
            self.note(&format!("{} {value}", self.paint(Tone::Heading, name)));
        };
        line("Account:", caller.account.as_str());
        line("Caller: ", &caller.arn);
        line("Using:  ", using);
        self.note("");
    }

    fn always(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Text in a tone, where there is colour.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style = Style::new().force_styling(true);
        let style = match tone {
            Tone::Heading => style.bold(),
            Tone::Good => style.green(),
            Tone::Change => style.cyan(),
            Tone::Quiet => style.dim(),
            Tone::Warning => style.yellow().bold(),
            Tone::Bad => style.red().bold(),
        };
        style.apply_to(text).to_string()
    }
}

/// What a piece of text is, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
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
