//! `setup`: answers → spec → observed → plan here; apply → details in [`finish`].

mod finish;

use super::Context;
use crate::answers::{Answers, Draft};
use crate::aws::{Aws, Cause, Session};
use crate::cli::Setup;
use crate::encryption::{Encryption, KmsKey};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{BucketName, PolicyArn, RoleName};
use crate::observe::roles::{roles_that_write_to, writers};
use crate::observe::{Targets, observe};
use crate::observed::{Bucket, Observation, Observed, Others, Reading};
use crate::plan::{Conflict, Plan, Remedy, plan};
use crate::report::plan::conflict_lines;
use crate::report::{Printer, Tone};
use crate::spec::SetupSpec;
use crate::wizard::account::{Account, who_am_i};
use crate::wizard::{PlanChoice, Wizard};

/// Why there is no plan.
enum PrepareError {
    /// Something is there that somebody's consent gets past.
    Conflict(Error, Remedy),
    /// An answer that cannot work, or a name that is taken.
    Answer(Error),
    /// Everything else.
    Other(Error),
}

impl From<Error> for PrepareError {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::Usage | ErrorKind::Conflict => Self::Answer(error),
            _ => Self::Other(error),
        }
    }
}

impl From<PrepareError> for Error {
    fn from(trouble: PrepareError) -> Self {
        match trouble {
            PrepareError::Conflict(error, _) | PrepareError::Answer(error) | PrepareError::Other(error) => error,
        }
    }
}

/// A plan, and all that it was made from.
struct Prepared {
    session: Session,
    aws: Aws,
    draft: Draft,
    spec: SetupSpec,
    observed: Observed,
    plan: Plan,
}

pub(super) async fn run(flags: Setup, context: &Context) -> Result<()> {
    context.refuse_assignments("setup")?;
    let draft = Draft::from_flags(&flags, &context.process)?;
    let session = context.session(context.common.profile.as_deref()).await?;
    let prepared = if context.can_ask() {
        match ask_and_prepare(&flags, context, session, draft).await? {
            Some(prepared) => prepared,
            None => {
                return Err(Error::new(ErrorKind::Failed, "Cancelled. Nothing was changed in AWS."));
            }
        }
    } else {
        let prepared = prepare_from_flags(&flags, context, session, draft).await?;
        let using = prepared.session.profile().description();
        context.printer.caller(&prepared.observed.caller, &using);
        show_plan(&context.printer, &prepared);
        prepared
    };
    if flags.dry_run {
        return finish::dry_run_result(&flags, context, &prepared);
    }
    finish::run_plan(context, &prepared).await
}

/// Everything from flags; one error names all that is missing.
async fn prepare_from_flags(flags: &Setup, context: &Context, session: Session, draft: Draft) -> Result<Prepared> {
    let yes = context.common.yes;
    let also = if yes || flags.dry_run {
        Vec::new()
    } else {
        vec!["--yes                    to apply without asking (or --dry-run to only look)".to_owned()]
    };
    let reason = match (yes, context.process.variable("TERM")) {
        (true, _) => "--yes asks nothing",
        (false, Some("dumb")) => "This terminal cannot show prompts (TERM=dumb)",
        (false, _) => "There is no terminal to ask at",
    };
    let draft = draft.with_default_region(session.profile().region());
    let answers = draft.clone().complete(reason, &also)?;
    for token in draft.unusual_tokens() {
        context.printer.warning(token.unusual_warning());
    }
    let prepared = prepare(context, session, draft, answers).await;
    Ok(prepared?)
}

/// The walk at a terminal. `None` is a person who said no.
async fn ask_and_prepare(flags: &Setup, context: &Context, session: Session, draft: Draft) -> Result<Option<Prepared>> {
    let printer = &context.printer.asking();
    let mut session = session;
    let identity = loop {
        match who_am_i(printer, &context.interrupts, &session).await? {
            Account::Right(identity) => break identity,
            Account::Other(profile) => {
                session = context.session(Some(&profile)).await?;
                printer.send_commands_to_profile(&profile);
            }
        }
    };
    let mut wizard = Wizard::new(printer, &context.interrupts, draft, identity);
    wizard.show_given();
    wizard.unusual_tokens_from_flags()?;
    loop {
        wizard.ask_missing(&session).await?;
        let draft = wizard.draft().clone();
        let answers = draft.clone().complete("Every question needs an answer", &[])?;
        let prepared = match prepare(context, session.clone(), draft, answers).await {
            Ok(prepared) => prepared,
            // A wrong answer is told and can be corrected; everything else ends the run.
            Err(PrepareError::Other(error)) => return Err(error),
            Err(trouble) => {
                let remedy = match &trouble {
                    PrepareError::Conflict(_, remedy) => *remedy,
                    _ => Remedy::None,
                };
                let error = Error::from(trouble);
                printer.error(&error);
                if wizard.after_trouble(remedy)? {
                    continue;
                }
                return Err(error);
            }
        };
        if wizard.offer_hardening(&prepared.plan.offers)? {
            continue;
        }
        if flags.dry_run || prepared.plan.steps.is_empty() {
            show_plan(&context.printer, &prepared);
            return Ok(Some(prepared));
        }
        show_plan(printer, &prepared);
        loop {
            match wizard.gate()? {
                PlanChoice::Apply => return Ok(Some(prepared)),
                PlanChoice::Documents => {
                    printer.note("");
                    printer.notes(printer.document_lines(&prepared.spec, &prepared.plan));
                    printer.note("");
                }
                PlanChoice::Edit => {
                    wizard.edit()?;
                    break;
                }
                PlanChoice::Leave => return Ok(None),
            }
        }
    }
}

/// What is there, what is wanted, and what has to change.
async fn prepare(
    context: &Context,
    session: Session,
    mut draft: Draft,
    mut answers: Answers,
) -> Result<Prepared, PrepareError> {
    let interrupts = &context.interrupts;
    let aws = Aws::new(&session, &answers.region);
    let observation = interrupts.or(look(&session, &answers)).await?;
    let observation = match role_of_bucket(context, &aws, &session, &draft, &observation).await? {
        None => observation,
        Some(role) => {
            draft.role = Some(role.clone());
            answers.role = role;
            interrupts.or(look(&session, &answers)).await?
        }
    };
    for token in answers.not_there_to_remove(&observation.observed) {
        context.printer.note(&format!(
            "--remove-token: role {} does not trust {token}, so there is nothing to take out.",
            answers.role
        ));
    }
    let spec = answers.into_spec(&observation)?;
    let mut observed = observation.observed;
    let mut planned = plan(&spec, &observed);
    // A plan that writes to policies which are there is made again with who else uses them.
    let written = planned.as_ref().map(Plan::policies_written).unwrap_or_default();
    if !written.is_empty() {
        interrupts
            .or(ask_who_else_uses(&aws, &session, &mut observed, &written))
            .await?;
        planned = plan(&spec, &observed);
    }
    let plan = planned.map_err(|conflicts| conflicts_trouble(&spec, &conflicts))?;
    Ok(Prepared {
        session,
        aws,
        draft,
        spec,
        observed,
        plan,
    })
}

/// What stands in the way of a plan, and what gets past it.
fn conflicts_trouble(spec: &SetupSpec, conflicts: &[Conflict]) -> PrepareError {
    let error = Error::of_lines(ErrorKind::Conflict, conflict_lines(conflicts));
    let leave = "To leave it alone, choose another name with --role-name.";
    let has = |remedy| conflicts.iter().any(|conflict| conflict.remedy == remedy);
    if has(Remedy::None) {
        return PrepareError::Answer(error.hint(leave));
    }
    if has(Remedy::OpenRole) {
        let adopt = match spec.adopt {
            true => "",
            false => "--adopt ",
        };
        let open = format!(
            "To let Mixpanel assume it all the same, add {adopt}--open-role {}.",
            spec.role
        );
        return PrepareError::Conflict(error.hint(open).hint(leave), Remedy::OpenRole);
    }
    let adopt = "To take it over and keep what others put there, add --adopt.";
    PrepareError::Conflict(error.hint(adopt).hint(leave), Remedy::Adopt)
}

/// Asks, for policies that a plan would write to, who else uses them.
async fn ask_who_else_uses(aws: &Aws, session: &Session, observed: &mut Observed, written: &[PolicyArn]) -> Result<()> {
    let role = observed.role.as_ref().map(|role| format!("role {}", role.name));
    for policy in &mut observed.policies {
        if !written.contains(&policy.arn) {
            continue;
        }
        policy.others = match aws.policy_users(&policy.arn).await {
            Ok(mut users) => {
                users.retain(|user| Some(user) != role.as_ref());
                Others::Known(users)
            }
            Err(failure) if failure.cause == Cause::Denied => Others::Refused,
            Err(failure) => return Err(failure.into_error(session.profile())),
        };
    }
    Ok(())
}

async fn look(session: &Session, answers: &Answers) -> Result<Observation> {
    let targets = Targets {
        bucket: answers.bucket.clone(),
        region: answers.region.clone(),
        role: answers.role.clone(),
        path: answers.choices.path.clone(),
        key: answers.key_target(),
        key_is_ours: answers.choices.encryption == Some(Encryption::Kms(KmsKey::New(()))),
    };
    if let Some(region) = targets.key.as_ref().and_then(|key| key.region())
        && region != targets.region.as_str()
    {
        return Err(Error::usage(format!(
            "--kms-key names a key in {region}, and the bucket is in {}: S3 uses keys of the bucket's own region only.",
            targets.region
        ))
        .hint(format!("Choose a key in {}, or --create-kms-key.", targets.region)));
    }
    observe(session, &targets).await
}

/// The role through which Mixpanel writes to this bucket already, where nobody named a role, the bucket is there and
/// the role of the usual name is not: a second one is made only for somebody who names it, and is told of the first.
async fn role_of_bucket(
    context: &Context,
    aws: &Aws,
    session: &Session,
    draft: &Draft,
    observation: &Observation,
) -> Result<Option<RoleName>> {
    let observed = &observation.observed;
    let (Some(bucket), None, Some(present)) = (&draft.bucket, &observed.role, &observed.bucket) else {
        return Ok(None);
    };
    if draft.role.is_some() {
        tell_of_sharing(context, aws, session, bucket, present).await?;
        return Ok(None);
    }
    let interrupts = &context.interrupts;
    let found = interrupts
        .or(async { Ok(roles_that_write_to(aws, bucket).await) })
        .await?;
    let roles = match found {
        Ok(roles) => roles,
        Err(failure) if failure.cause == Cause::Denied => {
            context.printer.warning(format!(
                "{} is refused, so a role that Mixpanel may already write to this bucket with is not looked for.",
                failure.action
            ));
            return Ok(None);
        }
        Err(failure) => return Err(failure.into_error(session.profile())),
    };
    match roles.as_slice() {
        [] => Ok(None),
        [only] => {
            context.printer.note(&format!(
                "Mixpanel can write to this bucket already, through the role {only}."
            ));
            context.printer.note("");
            Ok(Some(only.clone()))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|role| role.as_str()).collect();
            Err(Error::usage(format!(
                "Mixpanel can write to bucket {bucket} already, through several roles: {}.",
                names.join(", ")
            ))
            .hint("Choose one with --role-name, or give a new name to make another."))
        }
    }
}

/// Says through which roles Mixpanel can write to the bucket already, where a role of another name is about to be made.
async fn tell_of_sharing(
    context: &Context,
    aws: &Aws,
    session: &Session,
    bucket: &BucketName,
    present: &Bucket,
) -> Result<()> {
    let found = context
        .interrupts
        .or(async {
            let found = writers(aws, bucket, &present.policy).await;
            found.map_err(|failure| failure.into_error(session.profile()))
        })
        .await?;
    let warning = match found {
        Reading::Known(none) if none.is_empty() => return Ok(()),
        Reading::Known(writers) => {
            let names: Vec<&str> = writers.iter().map(|writer| writer.role.as_str()).collect();
            format!(
                "Mixpanel can write to bucket {bucket} already, through another role: {}. Both will share the bucket.",
                names.join(", ")
            )
        }
        Reading::Unreadable(denied) => {
            format!("{denied}, so another role that Mixpanel may already write to this bucket with is not looked for.")
        }
    };
    context.printer.warning(&warning);
    Ok(())
}

fn show_plan(printer: &Printer, prepared: &Prepared) {
    let Prepared {
        spec, plan, observed, ..
    } = prepared;
    let title = if plan.steps.is_empty() {
        "Nothing to do: everything is as it should be."
    } else {
        "The plan:"
    };
    printer.note(&printer.paint(Tone::Heading, title));
    printer.notes(printer.plan_lines(spec, plan));
    printer.note("");
    if printer.is_verbose() {
        printer.notes(printer.document_lines(spec, plan));
        printer.note("");
    }
    let unread = observed.bucket.iter().flat_map(|bucket| bucket.unread());
    for (setting, unread) in unread {
        printer.warning(format!(
            "the bucket's {setting} cannot be read, so nothing is changed there: {unread}."
        ));
    }
    if spec.bucket.has_dots() {
        printer.warning("the bucket's name has dots, which break TLS for clients that address it by host name.");
    }
}
