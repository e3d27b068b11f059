//! The only file that names dialoguer: prompts at a terminal, on stderr.
//!
//! Every question ends with Enter, and is answered by what was typed after it appeared: what was typed or pasted before
//! is thrown away, and so is what follows an answer. So no key press answers two questions, and none answers a question
//! unseen.
//!
//! Ctrl-C ends a prompt with [`ErrorKind::Interrupted`](crate::error::ErrorKind), and the cursor, which dialoguer hides
//! while somebody chooses, comes back (console-rs/dialoguer#77).

use std::io;

use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{FuzzySelect, Input};

use super::choose::{View, choose};
use super::keyboard::Keyboard;
use crate::error::{Error, ErrorKind, Result};
use crate::report::terminal::visible;

/// Asks a person.
pub(crate) struct Prompter {
    theme: Box<dyn Theme + Send + Sync>,
}

impl Prompter {
    /// Prompts with or without colour.
    pub(crate) fn new(color: bool) -> Self {
        let theme: Box<dyn Theme + Send + Sync> = if color {
            Box::new(ColorfulTheme::default())
        } else {
            Box::new(SimpleTheme)
        };
        Self { theme }
    }

    /// A line of text, asked again until `check` takes it. What `check` answers is the value.
    pub(crate) fn text<T>(
        &self,
        prompt: &str,
        default: Option<String>,
        mut check: impl FnMut(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        ask(|keyboard| {
            let mut input = Input::<String>::with_theme(&*self.theme)
                .with_prompt(visible(prompt))
                .report(false)
                // Then it is for `check` to say what is missing.
                .allow_empty(true)
                .validate_with(|text: &String| {
                    // The rest of a paste is no second try.
                    let refused = check(text).inspect_err(|_| keyboard.forget());
                    refused.map(drop).map_err(|why| visible(&why))
                });
            // Enter takes it, so it is nothing that does not show.
            if let Some(default) = default.filter(|default| visible(default) == *default) {
                input = input.default(default);
            }
            input.interact_text().inspect_err(|_| end_the_line())
        })
        .and_then(|text| check(&text).map_err(|message| Error::new(ErrorKind::Usage, message)))
    }

    /// Whether somebody types this word, and nothing else: for what cannot be undone. Whoever is asked has to have seen
    /// it.
    pub(crate) fn typed(&self, prompt: &str, word: &str) -> Result<bool> {
        self.text(prompt, None, |text| Ok(text.trim() == word))
    }

    /// One of a few.
    pub(crate) fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<usize> {
        ask(|_| choose(items.len(), default, |view| self.list_lines(prompt, items, view)).map_err(Into::into))
    }

    fn list_lines(&self, prompt: &str, items: &[String], view: View) -> Vec<String> {
        let mut heading = String::new();
        let mut lines = Vec::new();
        // Writing into a String does not fail.
        let _ = self.theme.format_select_prompt(&mut heading, &visible(prompt));
        if view.is_cut() {
            heading.push_str(&format!(" ({} of {})", view.active + 1, items.len()));
        }
        lines.push(heading);
        let shown = items.iter().enumerate().skip(view.first).take(view.rows);
        for (index, item) in shown {
            let mut line = String::new();
            let active = index == view.active;
            let _ = self.theme.format_select_prompt_item(&mut line, &visible(item), active);
            lines.push(line);
        }
        lines
    }

    /// One of many, by typing a part of it. The default stands first: dialoguer shows a long list from its beginning,
    /// with the default out of sight.
    pub(crate) fn search(&self, prompt: &str, items: &[String], default: usize) -> Result<usize> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        if default < order.len() {
            order[..=default].rotate_right(1);
        }
        let ordered: Vec<String> = order.iter().map(|index| visible(&items[*index])).collect();
        let picked = ask(|_| {
            FuzzySelect::with_theme(&*self.theme)
                .with_prompt(visible(prompt))
                .items(&ordered)
                .default(0)
                .max_length(12)
                .report(false)
                .interact()
        })?;
        Ok(order[picked])
    }

    /// Yes or no, typed as a word or its letter.
    pub(crate) fn confirm(&self, prompt: &str, default: bool) -> Result<bool> {
        let default = if default { "yes" } else { "no" };
        self.text(prompt, Some(default.to_owned()), yes_or_no)
    }
}

fn yes_or_no(text: &str) -> std::result::Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("type yes or no".to_owned()),
    }
}

/// Ends the line on which a text was being typed, so that what is said next stands on its own.
fn end_the_line() {
    // Nothing is to be done about a terminal that is gone.
    let _ = dialoguer::console::Term::stderr().write_line("");
}

/// Shows the cursor, wherever a prompt was left.
pub(crate) fn restore_cursor() {
    let term = dialoguer::console::Term::stderr();
    if term.is_term() {
        // Nothing is to be done about a terminal that is gone.
        let _ = term.show_cursor();
    }
}

/// Asks a question on a thread that may block, so that Ctrl-C is still heard.
fn ask<T>(question: impl FnOnce(&Keyboard) -> dialoguer::Result<T>) -> Result<T> {
    let answer = tokio::task::block_in_place(|| question(&Keyboard::listen()));
    answer.map_err(|dialoguer::Error::IO(error)| {
        restore_cursor();
        match error.kind() {
            io::ErrorKind::Interrupted => Error::interrupted(),
            _ => Error::usage(format!("The terminal cannot be asked: {error}."))
                .hint("Give the answers as flags: `mixpanel-s3 setup --help`."),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_words_of_their_own() {
        for (text, expected) in [("y", true), ("YES", true), (" no ", false), ("N", false)] {
            assert_eq!(yes_or_no(text), Ok(expected), "{text}");
        }
        for text in ["", "yn", "any", "nay", "yes no", "0123456789abcdef", "maybe"] {
            assert!(yes_or_no(text).is_err(), "{text}");
        }
    }
}
