//! Reads a command line as a POSIX shell does, as far as a printed command may go. What would make a shell do anything
//! but run programs with their words is an error: a substitution, a pipe, a wildcard, a comment.
//! <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>

use std::iter::Peekable;
use std::str::Chars;

/// What the program prints in the place of a command that cannot be shown.
#[allow(dead_code)] // The unit tests of the crate include this file too.
pub const NOT_SHOWN: &str = "# no command is shown: one of its values holds what no name in AWS holds";

/// The words of a single command; a variable stays as `$NAME`.
pub fn words(command: &str) -> Result<Vec<String>, String> {
    let mut rest = command.chars().peekable();
    let mut words = Vec::new();
    while let Some(character) = rest.peek().copied() {
        match character {
            ' ' => {
                rest.next();
            }
            '\\' if is_continuation(&rest) => {
                rest.nth(1);
            }
            _ => words.push(word(&mut rest, command)?),
        }
    }
    Ok(words)
}

fn is_continuation(rest: &Peekable<Chars<'_>>) -> bool {
    rest.clone().nth(1) == Some('\n')
}

fn word(rest: &mut Peekable<Chars<'_>>, command: &str) -> Result<String, String> {
    let mut word = String::new();
    while let Some(character) = rest.peek().copied() {
        match character {
            ' ' => break,
            '\\' if is_continuation(rest) => break,
            '\'' => {
                rest.next();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(character) => word.push(character),
                        None => return Err(format!("a quote stays open: {command}")),
                    }
                }
            }
            '"' => {
                rest.next();
                double_quoted(rest, &mut word, command)?;
            }
            '\\' => {
                rest.next();
                word.extend(rest.next());
            }
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' | '[' | '#' | '~' | '%' | '!' | '{'
            | '}' | '\n' | '\t' => {
                return Err(format!("{character:?} is not quoted: {command}"));
            }
            other => {
                rest.next();
                word.push(other);
            }
        }
    }
    Ok(word)
}

fn double_quoted(rest: &mut Peekable<Chars<'_>>, word: &mut String, command: &str) -> Result<(), String> {
    loop {
        match rest.next() {
            Some('"') => return Ok(()),
            Some('\\') => match rest.next() {
                Some(escaped @ ('$' | '`' | '"' | '\\')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
                None => return Err(format!("a quote stays open: {command}")),
            },
            Some('$') => {
                let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                if !rest.peek().is_some_and(|c| c.is_ascii_uppercase()) {
                    return Err(format!("a substitution: {command}"));
                }
                word.push('$');
                while let Some(character) = rest.peek().copied().filter(is_name) {
                    rest.next();
                    word.push(character);
                }
            }
            Some('`') => return Err(format!("a substitution: {command}")),
            Some(other) => word.push(other),
            None => return Err(format!("a quote stays open: {command}")),
        }
    }
}

/// The words of every command of a line: of those that `&&` joins, without what a file takes, and of those that `eval`
/// evaluates.
pub fn commands(line: &str) -> Result<Vec<Vec<String>>, String> {
    if let Some(inner) = line.strip_prefix("eval \"$(").and_then(|rest| rest.strip_suffix(")\"")) {
        return Ok(vec![words(inner)?]);
    }
    split_outside_quotes(line, " && ")
        .into_iter()
        .map(|command| {
            let parts = split_outside_quotes(&command, " > ");
            match parts.as_slice() {
                [command] => words(command),
                [command, file] if words(file)?.len() == 1 => words(command),
                _ => Err(format!("more than one redirection: {line}")),
            }
        })
        .collect()
}

fn split_outside_quotes(text: &str, separator: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quote, mut escaped) = (None, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if quote.is_none() && rest.starts_with(separator) {
            parts.push(String::new());
            rest = &rest[separator.len()..];
            continue;
        }
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
        rest = &rest[character.len_utf8()..];
    }
    parts
}
