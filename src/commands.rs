//! One file a verb. A command wires the other rooms together and decides nothing of its own.

mod pick_role;
mod print_details;
mod setup;
mod stopped;
mod teardown;
pub(crate) mod verify;

use std::time::Duration;

use std::str::FromStr;

use clap::CommandFactory;

use crate::aws::{RetryReporter, Session};
use crate::cli::{Cli, Command, Common, Output};
use crate::error::{Error, Result};
use crate::names::InvalidName;
use crate::process::{Interrupts, Process};
use crate::report::Printer;

/// What every command is given.
pub(crate) struct Context {
    pub(crate) process: Process,
    pub(crate) common: Common,
    pub(crate) printer: Printer,
    pub(crate) interrupts: Interrupts,
}

/// Runs the command that was typed.
pub(crate) async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Setup(flags) => setup::run(flags, context).await,
        Command::PrintDetails(flags) => print_details::run(flags, context).await,
        Command::Verify(flags) => verify::run(flags, context).await,
        Command::Teardown(flags) => teardown::run(flags, context).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "mixpanel-s3", &mut script);
            context.printer.own_text(&String::from_utf8_lossy(&script));
            Ok(())
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| {
                    Error::new(crate::error::ErrorKind::Failed, "The manual page could not be made.").caused_by(error)
                })?;
            context.printer.own_text(&String::from_utf8_lossy(&page));
            Ok(())
        }
    }
}

/// The value of a flag that names something.
fn value_of<T: FromStr<Err = InvalidName>>(flag: &str, text: Option<&str>) -> Result<Option<T>> {
    text.map(str::parse)
        .transpose()
        .map_err(|invalid| Error::usage(format!("{flag}: {invalid}")))
}

impl Context {
    /// The session for AWS, or for the rehearsal.
    async fn session(&self, profile: Option<&str>) -> Result<Session> {
        let deadline = Duration::from_secs(self.common.timeout);
        let printer = self.printer.clone();
        let retries = RetryReporter::new(move |retry| printer.waiting(retry));
        if self.common.sandbox {
            return rehearsal(self, deadline, retries).await;
        }
        Session::open(&self.process, profile, deadline, retries).await
    }

    /// Whether a person is there to be asked, and did not say --yes.
    fn can_ask(&self) -> bool {
        self.process.can_ask && !self.common.yes
    }

    /// Refuses a form of output that the command does not have.
    fn refuse_assignments(&self, command: &str) -> Result<()> {
        if self.common.output == Output::Env {
            return Err(Error::usage(format!(
                "--output env is for print-details; {command} prints text or json."
            )));
        }
        Ok(())
    }
}

#[cfg(feature = "sandbox")]
async fn rehearsal(context: &Context, deadline: Duration, retries: RetryReporter) -> Result<Session> {
    let (session, file) = crate::sandbox::session(&context.process, deadline, retries).await?;
    context.printer.notes([
        "This is a rehearsal: AWS is simulated, and nothing leaves this machine.",
        &format!("Its state: {}", file.display()),
        "",
    ]);
    Ok(session)
}

#[cfg(not(feature = "sandbox"))]
async fn rehearsal(_: &Context, _: Duration, _: RetryReporter) -> Result<Session> {
    Err(Error::usage("This program was built without the sandbox.")
        .hint("Build it with `cargo install --path . --features sandbox`."))
}
