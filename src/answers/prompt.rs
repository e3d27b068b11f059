//! The only file that names dialoguer: prompts at a terminal, on stderr.
//!
//! Ctrl-C ends a prompt with [`ErrorKind::Interrupted`](crate::error::ErrorKind), and the cursor, which dialoguer hides while
//! somebody chooses, comes back (console-rs/dialoguer#77).

use std::io;

use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, FuzzySelect, Input, Select};

use crate::error::{Error, ErrorKind, Result};
use crate::report::terminal::visible;

/// Asks a person.
pub struct Prompter {
    theme: Box<dyn Theme + Send + Sync>,
}

impl Prompter {
    /// Prompts with or without colour.
    pub fn new(color: bool) -> Self {
        let theme: Box<dyn Theme + Send + Sync> = if color {
            Box::new(ColorfulTheme::default())
        } else {
            Box::new(SimpleTheme)
        };
        Self { theme }
    }

    /// A line of text, asked again until `check` takes it. What `check` answers is the value.
    pub fn text<T>(
        &self,
        prompt: &str,
        default: Option<String>,
        mut check: impl FnMut(&str) -> std::result::Result<T, String>,
    ) -> Result<T> {
        blocking(|| {
            let mut input = Input::<String>::with_theme(&*self.theme)
                .with_prompt(visible(prompt))
                .report(false)
                .validate_with(|text: &String| check(text).map(drop).map_err(|why| visible(&why)));
            // Enter takes it, so it is nothing that does not show.
            if let Some(default) = default.filter(|default| visible(default) == *default) {
                input = input.default(default);
            }
            input.interact_text()
        })
        .and_then(|text| check(&text).map_err(|message| Error::new(ErrorKind::Usage, message)))
    }

    /// One of a few.
    pub fn choose(&self, prompt: &str, items: &[String], default: usize) -> Result<usize> {
        blocking(|| {
            Select::with_theme(&*self.theme)
                .with_prompt(visible(prompt))
                .items(items.iter().map(|item| visible(item)))
                .default(default.min(items.len().saturating_sub(1)))
                .max_length(12)
                .report(false)
                .interact()
        })
    }

    /// One of many, by typing a part of it. The default stands first: dialoguer shows a long list from its beginning, with
    /// the default out of sight.
    pub fn search(&self, prompt: &str, items: &[String], default: usize) -> Result<usize> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        if default < order.len() {
            order[..=default].rotate_right(1);
        }
        let ordered: Vec<String> = order.iter().map(|index| visible(&items[*index])).collect();
        let picked = blocking(|| {
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

    /// Yes or no.
    pub fn confirm(&self, prompt: &str, default: bool) -> Result<bool> {
        blocking(|| {
            Confirm::with_theme(&*self.theme)
                .with_prompt(visible(prompt))
                .default(default)
                .report(false)
                .interact()
        })
    }
}

/// Shows the cursor, wherever a prompt was left.
pub fn restore_cursor() {
    // Nothing is to be done about a terminal that is gone.
    let _ = dialoguer::console::Term::stderr().show_cursor();
}

/// Runs a prompt on a thread that may block, so that Ctrl-C is still heard.
fn blocking<T>(ask: impl FnOnce() -> dialoguer::Result<T>) -> Result<T> {
    tokio::task::block_in_place(ask).map_err(|dialoguer::Error::IO(error)| {
        restore_cursor();
        match error.kind() {
            io::ErrorKind::Interrupted => Error::interrupted(),
            _ => Error::usage(format!("The terminal cannot be asked: {error}."))
                .hint("Give the answers as flags: `mixpanel-s3 setup --help`."),
        }
    })
}
