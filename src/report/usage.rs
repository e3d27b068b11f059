//! Help, version, and what is wrong with a command line, in clap's words.

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind as Kind;

use super::Printer;
use super::terminal::visible;
use crate::cli::{Cli, Output};
use crate::error::{Error, ErrorKind};
use crate::names::without_tokens;
use crate::process::Process;

/// Prints clap's help, version or complaint, and answers the exit code. A script that asked for JSON gets its complaint
/// as JSON.
///
/// A complaint repeats what was typed, so clap is asked for it once more, about arguments that may be shown: what does
/// not show itself is an escape in them, and of what looks like a project token, wherever it was typed, there are the
/// ends only.
pub(crate) fn usage(process: &Process, error: &clap::Error) -> u8 {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    let is_help = error.kind() == Kind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || is_help {
        return match error.print() {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ErrorKind::Failed.exit_code(),
            _ => code,
        };
    }
    let arguments: Vec<String> = process.arguments.iter().map(showable).collect();
    let again = Cli::try_parse_from(&arguments)
        .err()
        .filter(|again| again.kind() == error.kind());
    let text = match &again {
        Some(again) => again.render().to_string(),
        // What cannot be said of other arguments is said without what was typed.
        None => format!(
            "error: {}",
            Kind::as_str(error.kind()).unwrap_or("the arguments are wrong")
        ),
    };
    match again {
        _ if process.wants_json() => {
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            let lines = text.lines().map(str::to_owned).collect();
            Printer::plain(Output::Json).error(&Error::of_lines(ErrorKind::Usage, lines));
        }
        Some(again) if Printer::may_color(process) => Printer::complain(&again.render().ansi().to_string()),
        _ => Printer::complain(&text),
    }
    code
}

fn showable(argument: &OsString) -> String {
    visible(&without_tokens(&argument.to_string_lossy()))
}
