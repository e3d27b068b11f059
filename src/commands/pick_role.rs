//! Which role a command is about.

use super::Surroundings;
use crate::answers::prompt::Prompter;
use crate::error::{Error, Result};
use crate::names::{RoleArn, RoleName};

/// The value of `--role`: a role's name, or the name in its ARN.
pub(super) fn role_name(text: &str) -> Result<RoleName> {
    let name = if text.trim().starts_with("arn:") {
        text.parse::<RoleArn>()
            .and_then(|arn| arn.role_name().parse())
    } else {
        text.parse()
    };
    name.map_err(|invalid| Error::usage(format!("--role: {invalid}")))
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
