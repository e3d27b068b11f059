//! `setup`: answers → spec → observed → plan → apply → details.

use serde_json::json;

use super::Surroundings;
use crate::answers::account::{Account, who_am_i};
use crate::answers::question::replay_command;
use crate::answers::wizard::{Gate, Wizard};
use crate::answers::{Answers, Draft};
use crate::apply::read_back::{Finding, read_back};
use crate::apply::{Applied, Stopped, apply};
use crate::aws::{Aws, Cause, Failure, Session};
use crate::cli::{Output, Setup};
use crate::details::{Details, UiEncryption};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{IamPath, KeyArn};
use crate::observe::{Targets, observe};
use crate::observed::Observed;
use crate::plan::{Plan, plan};
use crate::report::plan::{changes_json, conflicts_text, step_line};
use crate::report::{Tone, details as details_report};
use crate::spec::{Encryption, KmsKey, SetupSpec};

/// A plan, and all that it was made from.
struct Prepared {
    session: Session,
    aws: Aws,
    draft: Draft,
    spec: SetupSpec,
    observed: Observed,
    plan: Plan,
}

pub(super) async fn run(flags: Setup, surroundings: &Surroundings) -> Result<()> {
    surroundings.refuse_assignments("setup")?;
    let draft = Draft::from_flags(&flags, &surroundings.process)?;
    let session = surroundings
        .session(surroundings.common.profile.as_deref())
        .await?;
    let ask = surroundings.process.can_ask && !surroundings.common.yes;
    let prepared = if ask {
        match ask_and_prepare(&flags, surroundings, session, draft).await? {
            Some(prepared) => prepared,
            None => {
                return Err(Error::new(
                    ErrorKind::Failed,
                    "Cancelled. Nothing was changed in AWS.",
                ));
            }
        }
    } else {
        let prepared = prepare_from_flags(&flags, surroundings, session, draft).await?;
        show_caller(surroundings, &prepared);
        show_plan(surroundings, &prepared);
        prepared
    };
    if flags.dry_run {
        return dry_run_result(&flags, surroundings, &prepared);
    }
    run_plan(surroundings, &prepared).await
}

/// Everything from flags; one error names all that is missing.
async fn prepare_from_flags(
    flags: &Setup,
    surroundings: &Surroundings,
    session: Session,
    draft: Draft,
) -> Result<Prepared> {
    let yes = surroundings.common.yes;
    let also = if yes || flags.dry_run {
        Vec::new()
    } else {
        vec![
            "--yes                    to apply without asking (or --dry-run to only look)"
                .to_owned(),
        ]
    };
    let reason = match (yes, surroundings.process.variable("TERM")) {
        (true, _) => "--yes asks nothing",
        (false, Some("dumb")) => "This terminal cannot show prompts (TERM=dumb)",
        (false, _) => "There is no terminal to ask at",
    };
    let draft = draft.with_default_region(session.profile().region());
    let answers = draft.clone().complete(reason, &also)?;
    for token in draft.unusual_tokens() {
        surroundings.printer.warning(&token.unusual_warning());
    }
    surroundings
        .interrupts
        .or(prepare(session, draft, answers))
        .await
}

/// The walk at a terminal. `None` is a person who said no.
async fn ask_and_prepare(
    flags: &Setup,
    surroundings: &Surroundings,
    session: Session,
    draft: Draft,
) -> Result<Option<Prepared>> {
    let printer = &surroundings.printer;
    let mut session = session;
    let identity = loop {
        match who_am_i(printer, &surroundings.interrupts, &session).await? {
            Account::Right(identity) => break identity,
            Account::Other(profile) => session = surroundings.session(Some(&profile)).await?,
        }
    };
    let mut wizard = Wizard::new(printer, &surroundings.interrupts, draft, identity);
    wizard.show_given();
    wizard.unusual_tokens_from_flags()?;
    loop {
        wizard.ask_missing(&session).await?;
        let draft = wizard.draft().clone();
        let answers = draft
            .clone()
            .complete("Every question needs an answer", &[])?;
        let prepared = match surroundings
            .interrupts
            .or(prepare(session.clone(), draft, answers))
            .await
        {
            Ok(prepared) => prepared,
            // A wrong answer is told and can be corrected; everything else ends the run.
            Err(error) if matches!(error.kind, ErrorKind::Usage | ErrorKind::Conflict) => {
                printer.error(&error);
                if wizard.edit_or_leave()? {
                    continue;
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        show_plan(surroundings, &prepared);
        if flags.dry_run || prepared.plan.steps.is_empty() {
            return Ok(Some(prepared));
        }
        loop {
            match wizard.gate()? {
                Gate::Apply => return Ok(Some(prepared)),
                Gate::Documents => {
                    printer.note(&format!(
                        "\n{}\n",
                        printer.documents_text(&prepared.spec, &prepared.plan)
                    ));
                }
                Gate::Edit => {
                    wizard.edit()?;
                    break;
                }
                Gate::Leave => return Ok(None),
            }
        }
    }
}

/// What is there, what is wanted, and what has to change.
async fn prepare(session: Session, draft: Draft, answers: Answers) -> Result<Prepared> {
    let aws = Aws::new(&session, &answers.region);
    let targets = Targets {
        bucket: answers.bucket.clone(),
        region: answers.region.clone(),
        role: answers.role.clone(),
        path: answers.rest.path.clone(),
        key: answers.key_target(),
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
    let observation = observe(&aws, session.profile(), &targets).await?;
    let spec = answers.into_spec(&observation.observed, observation.key.as_ref())?;
    let plan = plan(&spec, &observation.observed).map_err(|conflicts| {
        let error = Error::new(ErrorKind::Conflict, conflicts_text(&conflicts));
        let adoptable = conflicts.iter().all(|conflict| conflict.adoptable);
        let error = if adoptable {
            error.hint("To take it over and keep what others put there, add --adopt.")
        } else {
            error
        };
        error.hint("To leave it alone, choose another name with --role-name.")
    })?;
    Ok(Prepared {
        session,
        aws,
        draft,
        spec,
        observed: observation.observed,
        plan,
    })
}

/// Who makes the changes, for runs in which nobody was asked whether that is right.
fn show_caller(surroundings: &Surroundings, prepared: &Prepared) {
    let Prepared {
        session, observed, ..
    } = prepared;
    let printer = &surroundings.printer;
    let line = |name: &str, value: &str| {
        printer.note(&format!("{} {value}", printer.paint(Tone::Heading, name)));
    };
    line("Account:", observed.caller.account.as_str());
    line("Caller: ", &observed.caller.arn);
    line("Using:  ", &session.profile().description());
    printer.note("");
}

fn show_plan(surroundings: &Surroundings, prepared: &Prepared) {
    let Prepared { spec, plan, .. } = prepared;
    let printer = &surroundings.printer;
    let title = if plan.steps.is_empty() {
        "Nothing to do: everything is as it should be."
    } else {
        "The plan:"
    };
    printer.note(&printer.paint(Tone::Heading, title));
    printer.note(&printer.plan_text(spec, plan));
    printer.note("");
    if printer.is_verbose() {
        printer.note(&format!("{}\n", printer.documents_text(spec, plan)));
    }
    if spec.bucket.has_dots() {
        printer.warning(
            "the bucket's name has dots, which break TLS for clients that address it by host name.",
        );
    }
}

fn dry_run_result(flags: &Setup, surroundings: &Surroundings, prepared: &Prepared) -> Result<()> {
    let Prepared {
        spec,
        observed,
        plan,
        ..
    } = prepared;
    let details = details(spec, observed, plan, None);
    match surroundings.common.output {
        Output::Json => surroundings.printer.json(&json!({
            "account": observed.caller.account,
            "dry_run": true,
            "changes": changes_json(&plan.steps),
            "details": details_report::as_json(&details),
        })),
        _ => surroundings.printer.result(&match spec.encryption {
            Encryption::Kms(KmsKey::New(_)) => details_report::as_text_before_the_key(&details),
            _ => details_report::as_text(&details),
        }),
    }
    if flags.exit_code && !plan.steps.is_empty() {
        return Err(Error::new(
            ErrorKind::PendingChange,
            format!(
                "{} change(s) are pending. Nothing was changed in AWS.",
                plan.steps.len()
            ),
        ));
    }
    surroundings
        .printer
        .note("\nThis was a dry run: nothing was changed in AWS.");
    Ok(())
}

async fn run_plan(surroundings: &Surroundings, prepared: &Prepared) -> Result<()> {
    let Prepared {
        session,
        aws,
        draft,
        spec,
        observed,
        plan,
    } = prepared;
    let printer = &surroundings.printer;
    let replay = replay_command(draft, &surroundings.flags_to_repeat(session));
    let applied = apply(aws, spec, plan, &surroundings.interrupts, |event| {
        printer.progress(spec, &event)
    })
    .await;
    if let Some(stopped) = &applied.stopped {
        return Err(stopped_error(
            session, spec, plan, &applied, stopped, &replay,
        ));
    }
    let unread = |failure: Failure| {
        let error = failure.into_error(session.profile());
        Error {
            kind: ErrorKind::Partial,
            ..error
        }
        .hint(format!(
            "Everything was written, but it could not be read back. Look again with:\n{replay}"
        ))
    };
    let findings = tokio::select! {
        findings = read_back(aws, spec, plan, &applied, |reason| printer.waiting(reason)) => {
            findings.map_err(unread)?
        }
        () = surroundings.interrupts.wait(1) => {
            let message = "Interrupted. Everything was written, and nothing was read back yet.";
            return Err(Error::new(ErrorKind::Interrupted, message)
                .hint(format!("Look again with:\n{replay}")));
        }
    };
    printer.findings(&findings);
    let differing: Vec<&str> = findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Differs(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if !differing.is_empty() {
        return Err(Error::new(
            ErrorKind::Partial,
            format!(
                "Everything was written, but AWS reads back otherwise: {}.",
                differing.join("; ")
            ),
        )
        .hint(format!(
            "AWS may need a little longer. Look again with:\n{replay}"
        )));
    }

    let details = details(spec, observed, plan, applied.new_key.as_ref());
    match surroundings.common.output {
        Output::Json => printer.json(&json!({
            "account": observed.caller.account,
            "changes": changes_json(&plan.steps),
            "details": details_report::as_json(&details),
        })),
        _ => {
            printer.note("");
            printer.details(&details);
            printer.note(&format!(
                "\n{}\n{replay}",
                printer.paint(Tone::Quiet, "The same without questions:")
            ));
        }
    }
    Ok(())
}

/// The five values, from what is wanted and what is there.
fn details(
    spec: &SetupSpec,
    observed: &Observed,
    plan: &Plan,
    new_key: Option<&KeyArn>,
) -> Details {
    let path = plan
        .role_path()
        .or(observed.role.as_ref().map(|role| &role.path))
        .cloned();
    let role = observed.role.as_ref().map(|role| role.arn.clone());
    Details {
        bucket: spec.bucket.clone(),
        region: spec.region.clone(),
        role: role.unwrap_or_else(|| spec.role_arn(&path.unwrap_or_else(IamPath::root))),
        encryption: match spec.encryption {
            Encryption::None => None,
            Encryption::Aes => Some(UiEncryption::Aes),
            Encryption::Kms(_) => Some(UiEncryption::Kms),
        },
        kms_key_id: match &spec.encryption {
            Encryption::Kms(KmsKey::Own(arn)) => Some(arn.clone()),
            Encryption::Kms(KmsKey::New(_)) => new_key.cloned(),
            _ => None,
        },
    }
}

/// What was done, what was not, and the command that goes on.
fn stopped_error(
    session: &Session,
    spec: &SetupSpec,
    plan: &Plan,
    applied: &Applied,
    stopped: &Stopped,
    replay: &str,
) -> Error {
    let list = |done: bool| {
        let lines = plan
            .steps
            .iter()
            .enumerate()
            .filter(|(index, _)| applied.done.contains(index) == done);
        lines
            .map(|(_, step)| format!("\n  {}", step_line(spec, step)))
            .collect::<String>()
    };
    let (error, kind) = match stopped {
        Stopped::Interrupted => (
            Error::new(ErrorKind::Interrupted, "Interrupted."),
            ErrorKind::Interrupted,
        ),
        Stopped::Failed(_, failure) => (write_error(session, failure), ErrorKind::Partial),
    };
    let again = format!("Running the same again finds what is done and does the rest:\n{replay}");
    let unknown = match stopped {
        Stopped::Interrupted => applied.aborted,
        Stopped::Failed(_, failure) => failure.may_have_acted(),
    };
    // The key is made before it has its name, so it can be there although its step is not done.
    let key = applied
        .new_key
        .as_ref()
        .filter(|_| list(false).contains("\n  key "));
    let key = key
        .map(|arn| format!("\n  key {arn}, without its name"))
        .unwrap_or_default();
    let done = format!("{key}{}", list(true));
    if done.is_empty() && unknown {
        let message = format!("{} AWS may have acted on it all the same.", error.message);
        return Error { message, ..error }.hint(again);
    }
    if done.is_empty() {
        let message = format!("{} Nothing was changed in AWS.", error.message);
        return Error { message, ..error };
    }
    let left = match list(false) {
        none if none.is_empty() => "\n  reading it back".to_owned(),
        left => left,
    };
    let message = format!("{}\nDone:{done}\nNot done:{left}", error.message);
    Error {
        kind,
        message,
        ..error
    }
    .hint(again)
}

/// The error of a step that failed, where it is worth more words than a read's.
fn write_error(session: &Session, failure: &Failure) -> Error {
    if failure.cause == Cause::AlreadyExists {
        let error = Error::new(ErrorKind::Conflict, failure.to_string());
        return match failure.code.as_str() {
            "BucketAlreadyExists" => error.hint("Another AWS account has a bucket of that name. Choose another with --bucket."),
            _ => error.hint("Somebody else made it just now, or it is on another path. Run the same again to look at it."),
        };
    }
    failure.clone().into_error(session.profile())
}
