//! Command lines as text to be copied. Nothing else quotes a word, and nothing else makes text of a [`CommandLine`].

use super::hidden::is_hidden;
use super::terminal::LONGEST_LINE;
use crate::advice::{Advice, Piece};
use crate::command_line::{CommandLine, Redirection, Target, Word};

/// How long a word may be. Nothing that AWS has a name for is longer.
const LONGEST_WORD: usize = 2048;

/// What stands where a command would stand that cannot be shown as it is. It is a comment to a shell.
pub(crate) const NOT_SHOWN: &str = "# no command is shown: one of its values holds what no name in AWS holds";

/// What stands before a call of the AWS CLI in a rehearsal, which the AWS CLI does not reach. It makes a comment of it.
pub(crate) const NOT_IN_A_REHEARSAL: &str = "# in AWS, and not in a rehearsal: ";

/// A command as a POSIX shell reads it, and gives back its words.
///
/// `None` where that cannot be shown: a word holds control characters or such as do not show (POSIX has no quoting that
/// would write them out, and a terminal must not see them), or is longer than any name, or would have the AWS CLI read
/// a file that nobody named.
pub(crate) fn quoted(command: &CommandLine) -> Option<String> {
    let lines: Option<Vec<String>> = command
        .groups()
        .iter()
        .map(|words| {
            let words: Option<Vec<String>> = words.iter().map(quoted_word).collect();
            Some(words?.join(" "))
        })
        .collect();
    let lines = lines?;
    // A line that is cut would leave a quote open.
    let whole = |line: &String| line.len() <= LONGEST_LINE / 2;
    let line = lines.iter().all(whole).then(|| lines.join(" \\\n    "))?;
    let line = match command.output() {
        Redirection::Shown => line,
        Redirection::Written(file) => format!("{line} > {}", shlex::try_quote(file).ok()?),
        Redirection::Evaluated => format!("eval \"$({line})\""),
    };
    match command.next() {
        Some(next) => Some(format!("{line} && {}", quoted(next)?)),
        None => Some(line),
    }
}

fn quoted_word(word: &Word) -> Option<String> {
    match word {
        Word::Literal(text) => {
            let reads_a_file = ["file://", "fileb://"].iter().any(|scheme| text.starts_with(scheme));
            let shown = text.len() <= LONGEST_WORD && !text.chars().any(is_hidden);
            let quoted = (shown && !reads_a_file).then(|| shlex::try_quote(text))?;
            quoted.ok().map(Into::into)
        }
        Word::File(name) => shlex::try_quote(&format!("file://{name}")).ok().map(Into::into),
        Word::Variable { name, number: 1 } => Some(format!("\"${name}\"")),
        Word::Variable { name, number } => Some(format!("\"${name}_{number}\"")),
    }
}

/// A command as text, sent to where this run was, or what is said in its stead. Pasted from a rehearsal, a call of the
/// AWS CLI would change what stands in AWS itself, so there it is a comment to a shell.
pub(crate) fn command_text(command: &CommandLine, target: &Target) -> String {
    let text = quoted(&command.sent_to(target)).unwrap_or_else(|| NOT_SHOWN.to_owned());
    match target {
        Target::Sandbox if command.is_of_aws() => text
            .lines()
            .map(|line| format!("{NOT_IN_A_REHEARSAL}{line}"))
            .collect::<Vec<_>>()
            .join("\n"),
        _ => text,
    }
}

/// A command as lines. No word holds a line break, so every line is of the command's own layout.
pub(crate) fn command_lines(command: &CommandLine, target: &Target) -> Vec<String> {
    let text = command_text(command, target);
    text.lines().map(str::to_owned).collect()
}

/// An advice as lines, its commands quoted.
pub(crate) fn advice_lines(advice: &Advice, target: &Target) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in advice.pieces() {
        let text = match piece {
            Piece::Text(words) => words.clone(),
            Piece::Code(command) => format!("`{}`", command_text(command, target)),
            Piece::Command(command) => command_text(command, target),
            Piece::Below(command) => {
                lines.extend(command_lines(command, target));
                continue;
            }
        };
        if let Some(line) = lines.last_mut() {
            line.push_str(&text);
        }
    }
    lines
}

/// An advice as a sentence, and the commands that follow it, which must not be broken where the sentence is wrapped.
pub(crate) fn sentence_and_commands(advice: &Advice, target: &Target) -> (String, Vec<String>) {
    let (mut sentence, mut commands) = (String::new(), Vec::new());
    for piece in advice.pieces() {
        match piece {
            Piece::Text(words) => sentence.push_str(words),
            Piece::Code(command) => {
                sentence.push_str(&format!("`{}`", command_text(command, target)));
            }
            Piece::Command(command) | Piece::Below(command) => {
                commands.extend(command_lines(command, target));
            }
        }
    }
    (sentence.trim_end().to_owned(), commands)
}

/// An advice as one text, for JSON.
pub(crate) fn advice_text(advice: &Advice, target: &Target) -> String {
    advice_lines(advice, target).join("\n")
}

#[cfg(test)]
mod tests;
