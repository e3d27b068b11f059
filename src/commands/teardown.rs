//! `teardown`: takes away what setup made, after showing what goes and what stays.

use std::sync::Arc;

use serde_json::json;

use super::pick_role::{pick_role, wrong_role};
use super::stopped::{StoppedRun, Words};
use super::{Context, value_of};
use crate::advice::Advice;
use crate::apply::executor::{RunReport, Stopped};
use crate::apply::remove::{TeardownContext, remove, still_there};
use crate::aws::{Aws, Failure, Session};
use crate::cli::{self, Output};
use crate::command_line::CommandLine;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{BucketName, RoleName, RoleReference};
use crate::observe;
use crate::observe::existing::existing;
use crate::observe::roles::{roles_that_trust_mixpanel, roles_that_write_to};
use crate::observed::existing::ExistingSetup;
use crate::observed::{Caller, Owner, owner};
use crate::plan::teardown::{TeardownOptions, TeardownPlan, teardown};
use crate::report::plan::{changes_json, in_reading_order};
use crate::report::teardown::{left_lines, removed_lines, stays_json};
use crate::report::{Printer, Tone};
use crate::spec::default_role_name;
use crate::wizard::prompt::Prompter;

pub(super) async fn run(flags: cli::Teardown, context: &Context) -> Result<()> {
    context.refuse_assignments("teardown")?;
    let named_bucket: Option<BucketName> = value_of("--bucket", flags.bucket.as_deref())?;
    let named_role: Option<RoleReference> = value_of("--role", flags.role.as_deref())?;
    check_consent(&flags, context)?;
    let session = context.session(context.common.profile.as_deref()).await?;
    let aws = Aws::new(&session, &session.home_region());
    let caller = context.interrupts.or(observe::caller(&aws, session.profile())).await?;
    if let Some(reference) = &named_role {
        reference
            .accept_account(&caller.account, caller.partition)
            .map_err(wrong_role)?;
    }
    let role = match &named_role {
        Some(reference) => reference.name().clone(),
        None => match the_role(context, &session, &aws, named_bucket.as_ref()).await? {
            Some(role) => role,
            None => return nothing_to_remove(context, &caller),
        },
    };
    let (standing, region) = context
        .interrupts
        .or(existing(&session, &caller, &role, named_bucket.as_ref()))
        .await?;
    let standing = Arc::new(standing);
    if let Some(reference) = &named_role {
        check_role(reference, &standing)?;
    }
    check_bucket(&flags, &standing, named_bucket.as_ref(), &role)?;
    let wish = TeardownOptions {
        role: role.clone(),
        bucket: flags.delete_bucket,
        data: flags.delete_data.is_some(),
        adopted: flags.include_adopted,
    };
    let teardown = teardown(&wish, &standing);
    let asks = context.can_ask() && !flags.dry_run && !teardown.steps.is_empty();
    let printer = match asks {
        true => context.printer.asking(),
        false => context.printer.clone(),
    };
    show(&printer, &session, &caller, &role, &teardown);
    let work = Work {
        context,
        session: &session,
        caller: &caller,
        place: TeardownContext {
            aws: Aws::new(&session, &region),
            role,
            standing: Arc::clone(&standing),
        },
        teardown: &teardown,
    };
    if flags.dry_run {
        return work.dry_run(flags.exit_code);
    }
    if teardown.steps.is_empty() {
        return work.end(&RunReport::nothing());
    }
    if asks {
        consent(&printer, &flags, &wish.role, &standing)?;
    }
    work.run().await
}

/// What can be said of the flags alone. Without a terminal nothing is asked, so everything has to be there.
fn check_consent(flags: &cli::Teardown, context: &Context) -> Result<()> {
    if context.can_ask() || flags.dry_run {
        return Ok(());
    }
    let mut missing = Vec::new();
    if !context.common.yes {
        missing.push("--yes                    to remove without asking (or --dry-run to only look)");
    }
    if matches!(flags.delete_data, Some(None)) {
        missing.push("--delete-data BUCKET     the bucket's name, as proof that its data may go");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.into_iter().map(|line| format!("  {line}"));
    Err(Error::usage("There is nobody to ask, and this is missing:").below(missing))
}

/// A role that was named has to be the one that was found. Where it is gone, or was never made, something of its set-up
/// has to be there: a name that nothing bears is a mistake, and not a set-up that is gone already.
fn check_role(reference: &RoleReference, standing: &ExistingSetup) -> Result<()> {
    match &standing.role {
        Some(role) => reference.accept(&role.arn).map_err(wrong_role),
        None if standing.has_something_of_ours(reference.name()) => Ok(()),
        None => Err(Error::new(
            ErrorKind::Failed,
            format!(
                "There is no role {} in account {}, and nothing that mixpanel-s3 made for it.",
                reference.name(),
                standing.account
            ),
        )
        .hint("Without --role, teardown finds the role that setup made.")),
    }
}

/// The name given with `--delete-data` has to be the bucket's, and a bucket has to be known for it to go.
fn check_bucket(
    flags: &cli::Teardown,
    standing: &ExistingSetup,
    named: Option<&BucketName>,
    role: &RoleName,
) -> Result<()> {
    let known = standing.bucket.as_ref().map(|bucket| &bucket.name);
    if let (Some(Some(typed)), Some(bucket)) = (&flags.delete_data, known.or(named))
        && typed.trim() != bucket.as_str()
    {
        return Err(Error::usage(format!(
            "--delete-data names '{typed}', and the bucket of this set-up is {bucket}. Nothing was removed."
        )));
    }
    let asked = flags.delete_bucket || flags.delete_data.is_some();
    if asked && known.is_none() && named.is_none() && standing.has_something() {
        return Err(Error::usage(format!(
            "Which bucket is meant is not known: the policies of role {role} that setup made name none, or several."
        ))
        .hint("Name it with --bucket."));
    }
    match &standing.bucket {
        Some(bucket) if asked && !standing.bucket_is_named() => Err(unproved_bucket(flags, &bucket.name, standing)),
        _ => Ok(()),
    }
}

/// A bucket that is only said to be the set-up's: by whoever runs this, or by a tag, which anybody may have copied.
fn unproved_bucket(flags: &cli::Teardown, bucket: &BucketName, standing: &ExistingSetup) -> Error {
    let why = match &standing.role {
        Some(role) => format!("no policy of role {}, as mixpanel-s3 makes it, names it", role.name),
        None => "the role whose policies would name it is not there".to_owned(),
    };
    let by_hand = match flags.delete_data {
        Some(_) => CommandLine::aws(["s3", "rb", "--force"]),
        None => CommandLine::aws(["s3", "rb"]),
    };
    Error::new(
        ErrorKind::Conflict,
        format!(
            "Nothing proves that bucket {bucket} is this set-up's: {why}, and a tag alone proves nothing. Nothing was \
             removed."
        ),
    )
    .hint("Without --delete-bucket and --delete-data, the rest is removed.")
    .hint(
        Advice::from("If the bucket is to go all the same, look into it, and remove it by hand:")
            .below(by_hand.value(format!("s3://{bucket}"))),
    )
}

/// The role of the bucket, or the only one that setup made or took over; `None` where there is none.
async fn the_role(
    context: &Context,
    session: &Session,
    aws: &Aws,
    bucket: Option<&BucketName>,
) -> Result<Option<RoleName>> {
    let failed = |failure: Failure| failure.into_error(session.profile());
    let default = bucket.and_then(default_role_name);
    let found = context
        .interrupts
        .or(async {
            if let Some(default) = &default
                && aws.role(default).await.map_err(failed)?.is_some()
            {
                return Ok(vec![default.clone()]);
            }
            let candidates: Vec<RoleName> = match bucket {
                Some(bucket) => roles_that_write_to(aws, bucket).await.map_err(failed)?,
                None => {
                    let roles = roles_that_trust_mixpanel(aws).await.map_err(failed)?;
                    roles.into_iter().map(|role| role.name).collect()
                }
            };
            let mut ours = Vec::new();
            for candidate in candidates {
                let role = aws.role(&candidate).await.map_err(failed)?;
                if role.is_some_and(|role| owner(&role.tags) != Owner::Others) {
                    ours.push(candidate);
                }
            }
            Ok(ours)
        })
        .await?;
    match found.as_slice() {
        // A set-up that was cut short may have a bucket or policies, and no role yet.
        [] => Ok(default),
        _ => {
            let labelled = found.into_iter().map(|role| {
                let label = role.to_string();
                (role, label)
            });
            pick_role(context, labelled.collect(), "mixpanel-s3 made several roles").map(Some)
        }
    }
}

fn nothing_to_remove(context: &Context, caller: &Caller) -> Result<()> {
    context.printer.note(&format!(
        "Nothing to remove: account {} has no role that mixpanel-s3 made. (--bucket or --role looks for what a set-up \
         that was cut short left.)",
        caller.account
    ));
    if context.common.output == Output::Json {
        context
            .printer
            .json(&json!({ "account": caller.account, "changes": [], "stays": [], "complete": true }));
    }
    Ok(())
}

fn show(printer: &Printer, session: &Session, caller: &Caller, role: &RoleName, teardown: &TeardownPlan) {
    printer.caller(caller, &session.profile().description());
    let title = match teardown.steps.is_empty() {
        true => "Nothing to remove.",
        false => "What goes:",
    };
    printer.note(&printer.paint(Tone::Heading, title));
    for line in printer.steps_text(role, &teardown.steps) {
        printer.note(&line);
    }
    printer.stays(teardown);
    printer.note("");
}

/// A person's word for it: the role's name, and the bucket's where its data goes.
fn consent(printer: &Printer, flags: &cli::Teardown, role: &RoleName, standing: &ExistingSetup) -> Result<()> {
    let prompter = Prompter::new(printer.has_color());
    let cancelled = || Error::new(ErrorKind::Failed, "Cancelled. Nothing was removed.");
    printer.note(&format!("To remove this, type the role's name: {role}"));
    if !prompter.typed("Role to remove", role.as_str())? {
        return Err(cancelled());
    }
    let bucket = standing.bucket.as_ref();
    if let (Some(None), Some(bucket)) = (&flags.delete_data, bucket)
        && bucket.empty != Some(true)
        && bucket.owner == Some(Owner::Us)
    {
        printer.note(&format!(
            "Its data cannot be brought back. Type the bucket's name: {}",
            bucket.name
        ));
        if !prompter.typed("Bucket to empty", bucket.name.as_str())? {
            return Err(cancelled());
        }
    }
    Ok(())
}

/// A teardown that was agreed to, or only looked at.
struct Work<'a> {
    context: &'a Context,
    session: &'a Session,
    caller: &'a Caller,
    place: TeardownContext,
    teardown: &'a TeardownPlan,
}

impl Work<'_> {
    fn dry_run(&self, exit_code: bool) -> Result<()> {
        self.print(&RunReport::nothing(), true);
        let count = self.teardown.steps.len();
        if exit_code && count > 0 {
            return Err(Error::new(
                ErrorKind::PendingChange,
                format!("{count} removal(s) are pending. Nothing was removed."),
            ));
        }
        self.context.printer.note("This was a dry run: nothing was removed.");
        Ok(())
    }

    async fn run(&self) -> Result<()> {
        let Self {
            context,
            place,
            teardown,
            ..
        } = self;
        let printer = &context.printer;
        let ran = remove(place, &teardown.steps, &context.interrupts, |event| {
            printer.progress(&place.role, &event)
        })
        .await;
        if let Some(stopped) = &ran.stopped {
            return Err(self.stopped(&ran, stopped));
        }
        let waiting = |reason| printer.waiting(&format!("waiting: {reason}"));
        let there = tokio::select! {
            there = still_there(place, &teardown.steps, &context.interrupts, waiting) => there,
            () = context.interrupts.wait(1) => {
                let message = "Interrupted. Everything was removed, and nobody has looked yet whether it is gone.";
                return Err(Error::new(ErrorKind::Interrupted, message));
            }
        };
        match there {
            Ok(there) if there.is_empty() => self.end(&ran),
            Ok(there) => Err(Error::new(
                ErrorKind::Partial,
                format!(
                    "Everything was removed, but AWS still answers with: {}.",
                    there.join(", ")
                ),
            )
            .hint("AWS may need a little longer. Run the same again to look.")),
            Err(failure) => {
                let error = failure.into_error(self.session.profile());
                let message = format!(
                    "Everything was removed, but whether it is gone could not be read. {}",
                    error.message
                );
                Err(Error {
                    kind: ErrorKind::Partial,
                    message,
                    ..error
                })
            }
        }
    }

    /// The result; an error where something that was asked to go stays.
    fn end(&self, ran: &RunReport) -> Result<()> {
        let left: Vec<_> = self.teardown.left().collect();
        self.print(ran, false);
        if left.is_empty() {
            return Ok(());
        }
        let (kind, message) = match ran.done.is_empty() {
            true => (ErrorKind::Conflict, "Nothing was removed, since this cannot go:"),
            false => (
                ErrorKind::Partial,
                "The rest was removed, and this stays although it was to go:",
            ),
        };
        Err(Error::new(kind, message).below(left_lines(&left, &self.context.printer.target())))
    }

    fn print(&self, ran: &RunReport, dry_run: bool) {
        let printer = &self.context.printer;
        let TeardownPlan { steps, stays } = self.teardown;
        let done: Vec<_> = in_reading_order(steps)
            .into_iter()
            .filter(|(index, _)| dry_run || ran.done.contains(index))
            .map(|(_, step)| step.clone())
            .collect();
        match printer.output() {
            Output::Json => {
                printer.json(&json!({
                    "account": self.caller.account,
                    "dry_run": dry_run,
                    "changes": changes_json(&done),
                    "stays": stays_json(stays, &printer.target()),
                    "complete": !dry_run && self.teardown.left().next().is_none(),
                }));
            }
            _ if ran.done.is_empty() => {}
            _ => {
                let heading = "Looked at again:";
                printer.note("");
                printer.note(&printer.paint(Tone::Heading, heading));
                printer.results(removed_lines(&done));
            }
        }
    }

    /// What was removed, what was not, and how to go on.
    fn stopped(&self, ran: &RunReport, stopped: &Stopped) -> Error {
        let account = StoppedRun {
            role: &self.place.role,
            steps: &self.teardown.steps,
            ran,
            stopped,
            done_besides: None,
            left_besides: "looking whether it is gone",
            words: Words {
                done: "Removed:",
                not_done: "Not removed:",
                nothing: "Nothing was removed.",
            },
            again: "Run the same again: it finds what is left and goes on.".into(),
        };
        account.into_error(self.session)
    }
}
