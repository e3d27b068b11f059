//! Which role a command is about.

use super::Surroundings;
use crate::advice::Advice;
use crate::answers::prompt::Prompter;
use crate::aws::{Aws, Session};
use crate::command_line::CommandLine;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{InvalidName, RoleName};
use crate::observe::exporters::roles_that_trust_mixpanel;
use crate::policy::build::MIXPANEL_USER_ARN;

/// The error of a `--role` that does not name a role here.
pub(super) fn wrong_role(invalid: InvalidName) -> Error {
    Error::usage(format!("--role: {invalid}"))
}

/// The only role in the account that trusts Mixpanel; with several, a person picks and a script is told which there are.
/// `without` is what it is where there is none.
pub(super) async fn exporting_role(
    surroundings: &Surroundings,
    session: &Session,
    aws: &Aws,
    without: ErrorKind,
) -> Result<RoleName> {
    let trusting = surroundings
        .interrupts
        .or(async {
            let roles = roles_that_trust_mixpanel(aws).await;
            roles.map_err(|failure| failure.into_error(session.profile()))
        })
        .await?;
    if trusting.is_empty() {
        return Err(Error::new(
            without,
            format!(
                "No role in this account trusts Mixpanel's export user ({MIXPANEL_USER_ARN})."
            ),
        )
        .hint(Advice::from("Make one with ").code(CommandLine::mixpanel_s3(["setup"])).text(", name the one that Mixpanel is told with --role, or choose another account with --profile.")));
    }
    let names = trusting.into_iter().map(|role| role.name).collect();
    pick_role(surroundings, names, "Several roles trust Mixpanel")
}

/// The only one of these roles; of several, a person picks one and a script is told which there are. `several` says so, as a
/// sentence without its full stop.
pub(super) fn pick_role(
    surroundings: &Surroundings,
    mut roles: Vec<RoleName>,
    several: &str,
) -> Result<RoleName> {
    let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
    let picked = match roles.len() {
        1 => 0,
        _ if surroundings.can_ask() => {
            let prompter = Prompter::new(surroundings.printer.has_color());
            prompter.search(&format!("{several}. Which one?"), &names, 0)?
        }
        _ => {
            return Err(Error::usage(format!("{several}: {}.", names.join(", ")))
                .hint("Choose one with --role."));
        }
    };
    Ok(roles.swap_remove(picked))
}
