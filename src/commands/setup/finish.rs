//! The end of `setup`: the plan is run, read back and judged, or only shown, and the details are printed.

use super::Prepared;
use crate::advice::Advice;
use crate::answers::replay::{replay_command, tokens_to_export};
use crate::apply::executor::Stopped;
use crate::apply::read_back::{Finding, read_back};
use crate::apply::{Applied, apply};
use crate::aws::{Cause, Failure};
use crate::cli::Setup;
use crate::command_line::CommandLine;
use crate::commands::Context;
use crate::commands::stopped::{StoppedRun, Words};
use crate::commands::verify::live;
use crate::details::Details;
use crate::error::{Error, ErrorKind, Result};
use crate::observe::after::{Left, after};
use crate::plan::projected::{key_of, projected};
use crate::plan::{Action, Plan, Resource};
use crate::report::setup::{Judged, SetupOutcome};
use crate::verify::ids::{CheckId, listed};
use crate::verify::{Findings, Status, judge};

/// Prints what would be done, and the values that would come of it.
pub(super) fn dry_run_result(flags: &Setup, context: &Context, prepared: &Prepared) -> Result<()> {
    let Prepared {
        spec, observed, plan, ..
    } = prepared;
    let details = Details::of(spec, &projected(spec, observed, plan, None), key_of(spec, None));
    context.printer.dry_run(spec, &observed.caller, plan, &details);
    if flags.exit_code && !plan.steps.is_empty() {
        return Err(Error::new(
            ErrorKind::PendingChange,
            format!(
                "{} change(s) are pending. Nothing was changed in AWS.",
                plan.steps.len()
            ),
        ));
    }
    let notes = ["", "This was a dry run: nothing was changed in AWS."];
    context.printer.notes(notes);
    Ok(())
}

/// Runs the plan, reads back what it wrote, judges what stands then, prints the values, and offers to prove them.
pub(super) async fn run_plan(context: &Context, prepared: &Prepared) -> Result<()> {
    let printer = &context.printer;
    let replay = replay_command(&prepared.draft);
    let applied = apply(
        &prepared.aws,
        &prepared.spec,
        &prepared.plan,
        &context.interrupts,
        |event| printer.progress(&prepared.spec.role, &event),
    )
    .await;
    if let Some(stopped) = &applied.ran.stopped {
        return Err(account(prepared, &applied, stopped, &replay).into_error(&prepared.session));
    }
    let outcome = look_again(context, prepared, &applied, replay).await?;
    printer.outcome(&outcome);
    if let Some(failure) = outcome.failure() {
        return Err(failure);
    }
    match outcome.judgement {
        Ok(judgement) if context.can_ask() => prove(context, prepared, &judgement).await,
        _ => Ok(()),
    }
}

/// Reads back what was written, and beside it what the judgement needs, since neither waits for the other.
async fn look_again<'a>(
    context: &'a Context,
    prepared: &'a Prepared,
    applied: &'a Applied,
    replay: CommandLine,
) -> Result<SetupOutcome<'a>> {
    let Prepared {
        session,
        aws,
        draft,
        spec,
        observed,
        plan,
    } = prepared;
    let (printer, interrupts) = (&context.printer, &context.interrupts);
    let new_key = applied.new_key.as_ref();
    let world = projected(spec, observed, plan, new_key);
    let details = Details::of(spec, &world, key_of(spec, new_key));
    let left = Left {
        spec,
        before: observed,
        plan,
        world: &world,
        details: &details,
    };
    let waiting = |reason| printer.waiting(&format!("waiting: {reason}"));
    let reading = async {
        tokio::join!(
            read_back(aws, spec, plan, applied, interrupts, waiting),
            after(session, left, interrupts, waiting)
        )
    };
    let (findings, evidence) = tokio::select! {
        read = reading => read,
        () = interrupts.wait(1) => {
            let message = "Interrupted. Everything was written, and nothing was read back yet.";
            return Err(Error::new(ErrorKind::Interrupted, message)
                .hint(Advice::from("Look again with:").below(replay)));
        }
    };
    let findings = findings.map_err(|failure| unread(prepared, failure, &replay))?;
    printer.findings(&findings);
    all_is_confirmed(&findings, &replay)?;
    let judgement = evidence.map(|(subject, evidence)| Judged {
        findings: judge(&subject, &evidence),
        subject,
        evidence,
    });
    Ok(SetupOutcome {
        spec,
        caller: &observed.caller,
        plan,
        details,
        spare_key: applied.spare_key.as_ref(),
        judgement,
        tokens: tokens_to_export(draft, &context.process),
        replay,
    })
}

fn unread(prepared: &Prepared, failure: Failure, replay: &CommandLine) -> Error {
    let error = failure.into_error(prepared.session.profile());
    let again = "Everything was written, but it could not be read back. Look again with:";
    Error {
        kind: ErrorKind::Partial,
        ..error
    }
    .hint(Advice::from(again).below(replay.clone()))
}

/// An error where AWS reads back otherwise than was written.
fn all_is_confirmed(findings: &[Finding], replay: &CommandLine) -> Result<()> {
    let differing = findings.iter().filter_map(|finding| match finding {
        Finding::Differs(text) => Some(text.as_str()),
        Finding::Confirmed(_) | Finding::Unreadable(_) => None,
    });
    let differing: Vec<&str> = differing.collect();
    if differing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Everything was written, but AWS reads back otherwise: {}.",
        differing.join("; ")
    );
    let again = Advice::from("AWS may need a little longer. Look again with:").below(replay.clone());
    Err(Error::new(ErrorKind::Partial, message).hint(again))
}

/// Offers the live proof; an error where it fails.
async fn prove(context: &Context, prepared: &Prepared, judgement: &Judged) -> Result<()> {
    let Judged { subject, evidence, .. } = judgement;
    context.printer.asking().note("");
    let proof = live::prove(context, &prepared.session, subject, evidence).await;
    let Some(proof) = proof.map_err(after_the_changes)? else {
        return Ok(());
    };
    let shown = Findings {
        access: Vec::new(),
        checks: proof.checks.clone(),
    };
    live::conclude(context, &prepared.session, proof)?;
    context.printer.failures(&shown);
    let refused: Vec<CheckId> = shown.with(Status::Fail).map(|check| check.id).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("Everything is set up, and the live proof failed: {}.", listed(refused));
    Err(Error::new(ErrorKind::NotWorking, message))
}

/// What was done, what was not, and the command that goes on.
fn account<'a>(
    prepared: &'a Prepared,
    applied: &'a Applied,
    stopped: &'a Stopped,
    replay: &CommandLine,
) -> StoppedRun<'a, Action> {
    let changed = matches!(stopped, Stopped::Failed(failure) if failure.cause == Cause::Changed);
    let again = match changed {
        true => "Look again, with a plan of what is there now:",
        false => "Running the same again finds what is done and does the rest:",
    };
    StoppedRun {
        role: &prepared.spec.role,
        steps: &prepared.plan.steps,
        ran: &applied.ran,
        stopped,
        done_besides: unnamed_key(&prepared.plan, applied),
        left_besides: "reading it back",
        words: Words {
            done: "Done:",
            not_done: "Not done:",
            nothing: "Nothing was changed in AWS.",
        },
        again: Advice::from(again).below(replay.clone()),
    }
}

/// The key is made before it has its name, so it can be there although its step is not done.
fn unnamed_key(plan: &Plan, applied: &Applied) -> Option<String> {
    let mut steps = plan.steps.iter().enumerate();
    let is_unnamed = steps.any(|(index, step)| step.resource == Resource::Key && !applied.ran.done.contains(&index));
    let arn = applied.new_key.as_ref().filter(|_| is_unnamed)?;
    Some(format!("key {arn}, without its name"))
}

/// Ctrl-C at a question that comes after the changes ends the program, but does not undo them.
fn after_the_changes(error: Error) -> Error {
    if error.kind == ErrorKind::Interrupted {
        let message = "Interrupted. Everything is set up, and nothing was tried live.";
        return Error::new(ErrorKind::Interrupted, message);
    }
    error
}
