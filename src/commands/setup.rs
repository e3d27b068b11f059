//! `setup`: answers → spec → observed → plan here; apply → details in [`finish`].

mod finish;

use super::Surroundings;
use crate::answers::account::{Account, who_am_i};
use crate::answers::wizard::{Gate, Wizard};
use crate::answers::{Answers, Draft};
use crate::aws::{Aws, Session};
use crate::cli::Setup;
use crate::error::{Error, ErrorKind, Result};
use crate::observe::{Targets, observe};
use crate::observed::Observed;
use crate::plan::{Plan, plan};
use crate::report::Tone;
use crate::report::plan::conflicts_text;
use crate::spec::SetupSpec;

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
        return finish::dry_run_result(&flags, surroundings, &prepared);
    }
    finish::run_plan(surroundings, &prepared).await
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
