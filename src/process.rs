//! The operating system as the program sees it: arguments, environment, terminal, Ctrl-C. Or a test's stand-in.
//!
//! Nothing else in the crate reads `std::env` or asks whether a stream is a terminal. (The AWS SDK reads its own
//! variables.)

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io::IsTerminal;

use tokio::sync::watch;

use crate::error::{Error, Result};

/// What the program was started with.
#[derive(Debug, Clone)]
pub struct Process {
    /// The arguments, the program's own name first.
    pub(crate) arguments: Vec<OsString>,
    environment: HashMap<String, String>,
    /// The variables that are set to something that is not text.
    garbled: HashSet<String>,
    /// Whether a person can be asked: keyboard and screen are there (stdin and stderr).
    pub(crate) can_ask: bool,
    /// Whether stderr, where everything but results goes, is a terminal.
    pub(crate) stderr_is_terminal: bool,
}

impl Process {
    /// Whether a script asks for JSON, before it is known whether its command line is one.
    pub(crate) fn wants_json(&self) -> bool {
        let arguments: Vec<_> = self.arguments.iter().filter_map(|argument| argument.to_str()).collect();
        arguments.contains(&"--output=json") || arguments.windows(2).any(|pair| pair == ["--output", "json"])
    }

    /// The real thing.
    pub fn real() -> Self {
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        Self {
            arguments: std::env::args_os().collect(),
            environment: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            garbled: std::env::vars_os()
                .filter(|(_, value)| value.to_str().is_none())
                .filter_map(|(key, _)| key.into_string().ok())
                .collect(),
            can_ask: stderr_is_terminal && !dumb && std::io::stdin().is_terminal(),
            stderr_is_terminal,
        }
    }

    /// A process without a terminal, for tests.
    #[cfg(test)]
    pub(crate) fn stand_in(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self {
            arguments: std::iter::once("mixpanel-s3")
                .chain(arguments.iter().copied())
                .map(OsString::from)
                .collect(),
            environment: environment.iter().map(pair).collect(),
            garbled: HashSet::new(),
            can_ask: false,
            stderr_is_terminal: false,
        }
    }

    /// Whether an environment variable is set, to an empty text perhaps.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.environment.contains_key(name)
    }

    /// Whether an environment variable is set to something that is not text.
    pub(crate) fn is_garbled(&self, name: &str) -> bool {
        self.garbled.contains(name)
    }

    /// An environment variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Ctrl-C, as something that can be waited for and asked about.
#[derive(Debug, Clone)]
pub(crate) struct Interrupts(watch::Receiver<u32>);

impl Interrupts {
    /// Listens for Ctrl-C from now on; the process no longer ends by itself.
    pub(crate) fn listen() -> Self {
        let (sender, receiver) = watch::channel(0);
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                sender.send_modify(|count| *count += 1);
            }
        });
        Self(receiver)
    }

    /// Those of work that has to come to its end whatever is pressed.
    pub(crate) fn never() -> Self {
        Self(watch::channel(0).1)
    }

    /// Ctrl-C was pressed before anything began.
    #[cfg(test)]
    pub(crate) fn already() -> Self {
        Self(watch::channel(1).1)
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn happened(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Waits until Ctrl-C was pressed that many times in all. Never ends where nobody listens any more.
    pub(crate) async fn wait(&self, times: u32) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for something that changes nothing, and leaves off at Ctrl-C.
    pub(crate) async fn or<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            result = future => result,
            () = self.wait(1) => Err(Error::interrupted()),
        }
    }
}
