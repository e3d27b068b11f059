//! Command lines as text to be copied. Nothing else quotes a word, and nothing else makes text of a [`CommandLine`].

use crate::advice::{Advice, Piece};
use crate::command_line::{CommandLine, Output, Word};

/// How long a word may be. Nothing that AWS has a name for is longer.
const LONGEST_WORD: usize = 2048;

/// What stands where a command would stand that cannot be shown as it is. It is a comment to a shell.
pub const NOT_SHOWN: &str =
    "# no command is shown: one of its values holds what no name in AWS holds";

/// A command as a POSIX shell reads it, and gives back its words.
///
/// `None` where that cannot be shown: a word holds control characters or such as do not show (POSIX has no quoting that would write
/// them out, and a terminal must not see them), or is longer than any name, or would have the AWS CLI read a file that nobody named.
pub fn quoted(command: &CommandLine) -> Option<String> {
    let lines: Option<Vec<String>> = command
        .groups()
        .iter()
        .map(|words| {
            let words: Option<Vec<String>> = words.iter().map(quoted_word).collect();
            Some(words?.join(" "))
        })
        .collect();
    let line = lines?.join(" \\\n    ");
    let line = match command.output() {
        Output::Shown => line,
        Output::Written(file) => format!("{line} > {}", shlex::try_quote(file).ok()?),
        Output::Evaluated => format!("eval \"$({line})\""),
    };
    match command.next() {
        Some(next) => Some(format!("{line} && {}", quoted(next)?)),
        None => Some(line),
    }
}

fn quoted_word(word: &Word) -> Option<String> {
    match word {
        Word::Literal(text) => {
            let reads_a_file = ["file://", "fileb://"]
                .iter()
                .any(|scheme| text.starts_with(scheme));
            let shown = text.len() <= LONGEST_WORD && !text.chars().any(is_unshowable);
            let quoted = (shown && !reads_a_file).then(|| shlex::try_quote(text))?;
            quoted.ok().map(Into::into)
        }
        Word::File(name) => shlex::try_quote(&format!("file://{name}"))
            .ok()
            .map(Into::into),
        Word::Variable { name, number: 1 } => Some(format!("\"${name}\"")),
        Word::Variable { name, number } => Some(format!("\"${name}_{number}\"")),
    }
}

fn is_unshowable(character: char) -> bool {
    character.is_control()
}

/// A command as text, or what is said in its stead.
pub fn command_text(command: &CommandLine) -> String {
    quoted(command).unwrap_or_else(|| NOT_SHOWN.to_owned())
}

/// An advice as text, its commands quoted.
pub fn advice_text(advice: &Advice) -> String {
    let mut text = String::new();
    for piece in advice.pieces() {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Code(command) => text.push_str(&format!("`{}`", command_text(command))),
            Piece::Command(command) => text.push_str(&command_text(command)),
            Piece::Below(command) => text.push_str(&format!("\n{}", command_text(command))),
        }
    }
    text
}
