//! The first question of the walk: who am I in AWS, and is it the right account?

use super::prompt::Prompter;
use crate::aws::{Aws, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::observe;
use crate::observed::Caller;
use crate::process::Interrupts;
use crate::report::{Printer, Tone};

/// Who calls, and what the account is called.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Who calls.
    pub(crate) caller: Caller,
    /// The account's alias, if it has one and the caller may ask.
    pub(crate) alias: Option<String>,
}

/// What a person says to the account that is shown.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// It is the right one.
    Right(Identity),
    /// This profile is to be used instead.
    Other(String),
}

/// Shows who calls AWS, and asks whether it is the right account.
pub(crate) async fn who_am_i(printer: &Printer, interrupts: &Interrupts, session: &Session) -> Result<Account> {
    let aws = Aws::new(session, &session.home_region());
    let identity = interrupts
        .or(async {
            let (caller, alias) = tokio::join!(observe::caller(&aws, session.profile()), aws.account_alias());
            // The alias is a courtesy: not every caller may ask for it.
            Ok(Identity {
                caller: caller?,
                alias: alias.ok().flatten(),
            })
        })
        .await?;
    let line = |name: &str, value: &str| {
        printer.note(&format!(
            "  {} {value}",
            printer.paint(Tone::Quiet, &format!("{name:<9}"))
        ));
    };
    printer.note(&printer.paint(Tone::Heading, "Who you are in AWS"));
    line("Using", &session.profile().description());
    let account = &identity.caller.account;
    match &identity.alias {
        Some(alias) => line("Account", &format!("{account} ({alias})")),
        None => line("Account", account.as_str()),
    }
    line("Caller", &identity.caller.arn);
    let prompter = Prompter::new(printer.has_color());
    if session.is_sandbox() || prompter.confirm("Is this the right account?", true)? {
        printer.note("");
        return Ok(Account::Right(identity));
    }
    let profiles = session.profile().all_names();
    if profiles.is_empty() {
        return Err(Error::new(ErrorKind::Failed, "Cancelled. Nothing was changed in AWS.")
            .hint("There is no other profile. `aws configure sso` sets one up; then run setup with --profile."));
    }
    let picked = prompter.search("Which profile is it?", profiles, 0)?;
    Ok(Account::Other(profiles[picked].clone()))
}
