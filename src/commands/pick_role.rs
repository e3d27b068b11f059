//! Which role a command is about.

use std::collections::BTreeSet;

use super::Context;
use crate::advice::Advice;
use crate::aws::{Aws, Failure, Session};
use crate::command_line::CommandLine;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{BucketName, InvalidName, RoleName};
use crate::observe::roles::{buckets_written_by, roles_that_trust_mixpanel};
use crate::policy::build::MIXPANEL_USER_ARN;
use crate::wizard::prompt::Prompter;

/// The error of a `--role` that does not name a role here.
pub(super) fn wrong_role(invalid: InvalidName) -> Error {
    Error::usage(format!("--role: {invalid}"))
}

/// The only role in the account that trusts Mixpanel, or the only one of them that writes to the bucket, where one is
/// named; of several, a person picks one and a script is told which there are. `without` is what it is where there is
/// none.
pub(super) async fn exporting_role(
    context: &Context,
    session: &Session,
    aws: &Aws,
    bucket: Option<&BucketName>,
    without: ErrorKind,
) -> Result<RoleName> {
    let failed = |failure: Failure| failure.into_error(session.profile());
    let trusting = context
        .interrupts
        .or(async { roles_that_trust_mixpanel(aws).await.map_err(failed) })
        .await?;
    let mut names: Vec<RoleName> = trusting.into_iter().map(|role| role.name).collect();
    if names.is_empty() {
        return Err(Error::new(
            without,
            format!("No role in this account trusts Mixpanel's export user ({MIXPANEL_USER_ARN})."),
        )
        .hint(
            Advice::from("Make one with ")
                .code(CommandLine::mixpanel_s3(["setup"]))
                .text(", name the one that Mixpanel is told with --role, or choose another account with --profile."),
        ));
    }
    if names.len() == 1 {
        return Ok(names.swap_remove(0));
    }
    let mut written = context
        .interrupts
        .or(async { buckets_written_by(aws, names).await.map_err(failed) })
        .await?;
    let writes = |(_, buckets): &(_, BTreeSet<BucketName>)| bucket.is_some_and(|bucket| buckets.contains(bucket));
    let several = match (bucket, written.iter().any(writes)) {
        (Some(bucket), true) => {
            written.retain(writes);
            format!("Several roles trust Mixpanel and write to {bucket}")
        }
        (Some(bucket), false) => {
            format!("Several roles trust Mixpanel, and none names {bucket} to write to")
        }
        (None, _) => "Several roles trust Mixpanel".to_owned(),
    };
    let labelled = written.into_iter().map(|(role, buckets)| {
        let buckets: Vec<&str> = buckets.iter().map(BucketName::as_str).collect();
        let label = match buckets.is_empty() {
            true => format!("{role}, which names no bucket"),
            false => format!("{role}, which writes to {}", buckets.join(", ")),
        };
        (role, label)
    });
    pick_role(context, labelled.collect(), &several)
}

/// The only one of these roles; of several, a person picks one and a script is told which there are, each with what is
/// known of it. `several` says so, as a sentence without its full stop.
pub(super) fn pick_role(context: &Context, mut roles: Vec<(RoleName, String)>, several: &str) -> Result<RoleName> {
    let labels: Vec<String> = roles.iter().map(|(_, label)| label.clone()).collect();
    let picked = match roles.len() {
        1 => 0,
        _ if context.can_ask() => {
            let prompter = Prompter::new(context.printer.has_color());
            prompter.search(&format!("{several}. Which one?"), &labels, 0)?
        }
        _ => {
            return Err(Error::usage(format!("{several}:"))
                .below(labels.into_iter().map(|label| format!("  {label}")))
                .hint("Choose one with --role."));
        }
    };
    Ok(roles.swap_remove(picked).0)
}
