//! The end of `setup`: the plan is run and read back, or only shown, and the details are printed.

use serde_json::json;

use super::Prepared;
use crate::advice::Advice;
use crate::answers::question::{replay_command, tokens_to_export};
use crate::apply::executor::Stopped;
use crate::apply::read_back::{Finding, read_back};
use crate::apply::{Applied, apply};
use crate::aws::{Cause, Failure, Session};
use crate::cli::{Output, Setup};
use crate::command_line::CommandLine;
use crate::commands::Context;
use crate::commands::verify::live;
use crate::details::Details;
use crate::encryption::{Encryption, KmsKey};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{IamPath, KeyArn};
use crate::observe;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::teardown::key_deletion;
use crate::report::commands::command_lines;
use crate::report::plan::{changes_json, in_reading_order, step_line};
use crate::report::verify::{check_json, judgement_json};
use crate::report::{Tone, details as details_report};
use crate::spec::SetupSpec;
use crate::verify::after::After;
use crate::verify::{Check, Findings, Status, judge};

/// Prints what would be done, and the values that would come of it.
pub(super) fn dry_run_result(flags: &Setup, context: &Context, prepared: &Prepared) -> Result<()> {
    let Prepared {
        spec, observed, plan, ..
    } = prepared;
    let details = details(spec, observed, plan, None);
    match context.common.output {
        Output::Json => context.printer.json(&json!({
            "account": observed.caller.account,
            "dry_run": true,
            "changes": changes_json(&plan.steps),
            "exposures": plan.exposures,
            "details": details_report::as_json(&details),
        })),
        _ => context.printer.results(match spec.encryption {
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
    let notes = ["", "This was a dry run: nothing was changed in AWS."];
    context.printer.notes(notes);
    Ok(())
}

/// Runs the plan, reads back what it wrote, and prints the values.
pub(super) async fn run_plan(context: &Context, prepared: &Prepared) -> Result<()> {
    let Prepared {
        session,
        aws,
        draft,
        spec,
        observed,
        plan,
    } = prepared;
    let printer = &context.printer;
    let replay = replay_command(draft);
    let applied = apply(aws, spec, plan, &context.interrupts, |event| {
        printer.progress(&spec.role, &event)
    })
    .await;
    if let Some(stopped) = &applied.ran.stopped {
        return Err(stopped_error(session, spec, plan, &applied, stopped, &replay));
    }
    let unread = |failure: Failure| {
        let error = failure.into_error(session.profile());
        Error {
            kind: ErrorKind::Partial,
            ..error
        }
        .hint(
            Advice::from("Everything was written, but it could not be read back. Look again with:")
                .below(replay.clone()),
        )
    };
    let details = details(spec, observed, plan, applied.new_key.as_ref());
    let after = After {
        spec,
        observed,
        plan,
        new_key: applied.new_key.as_ref(),
        details: &details,
    };
    // What the judgement needs is read beside what was written, since neither waits for the other.
    let reading = async {
        let waiting = |reason| printer.waiting(&format!("waiting: {reason}"));
        tokio::join!(
            read_back(aws, spec, plan, &applied, &context.interrupts, waiting),
            observe::after::after(session, aws, &after, &context.interrupts, waiting)
        )
    };
    let (findings, evidence) = tokio::select! {
        read = reading => read,
        () = context.interrupts.wait(1) => {
            let message = "Interrupted. Everything was written, and nothing was read back yet.";
            return Err(Error::new(ErrorKind::Interrupted, message)
                .hint(Advice::from("Look again with:").below(replay)));
        }
    };
    let findings = findings.map_err(unread)?;
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
        .hint(Advice::from("AWS may need a little longer. Look again with:").below(replay)));
    }

    if let Some(spare) = &applied.spare_key {
        let warning = Advice::from(format!(
            "another run made the key at the same time, and its key is used. Key {spare} is left over, nothing uses \
             it, and KMS charges for it. To remove it:"
        ));
        printer.warning(warning.below(key_deletion(spare)));
    }
    let verify = CommandLine::mixpanel_s3(["verify"])
        .option("--role", &spec.role)
        .option("--bucket", &spec.bucket);
    let judged = match evidence {
        Ok((subject, evidence)) => Some((judge(&subject, &evidence), subject, evidence)),
        Err(failure) => {
            let why = format!("the set-up was not judged: {failure} ");
            printer.warning(Advice::from(why).code(verify.clone()).text(" does that."));
            None
        }
    };
    let failed: Vec<&Check> = judged
        .iter()
        .flat_map(|(findings, ..)| findings.with(Status::Fail))
        .collect();
    match context.common.output {
        Output::Json => printer.json(&json!({
            "account": observed.caller.account,
            "changes": changes_json(&plan.steps),
            "details": details_report::as_json(&details),
            "judgement": judged.as_ref().map(|(findings, ..)| judgement_json(findings)),
            "failed_checks": failed.iter().map(|check| check_json(check, &printer.target())).collect::<Vec<_>>(),
        })),
        _ => {
            printer.note("");
            printer.details(&details);
            printer.note("");
            printer.note(&printer.paint(Tone::Quiet, "The same without questions:"));
            printer.notes(command_lines(&replay, &printer.target()));
            printer.notes(tokens_to_export(draft, &context.process));
            if let Some((findings, ..)) = &judged {
                printer.judged(findings, &verify);
            }
        }
    }
    if let Some(failure) = judged.as_ref().and_then(|(findings, ..)| findings.failure()) {
        return Err(
            Error::new(ErrorKind::NotWorking, format!("Setup finished, but {failure}."))
                .hint(Advice::from("Every check and what fixes it: ").command(verify)),
        );
    }
    let Some((_, subject, evidence)) = judged.as_ref().filter(|_| context.can_ask()) else {
        return Ok(());
    };
    printer.asking().note("");
    let proof = live::prove(context, session, subject, evidence).await;
    if let Some(proof) = proof.map_err(after_the_changes)? {
        let shown = Findings {
            access: Vec::new(),
            checks: proof.checks.clone(),
        };
        live::conclude(context, session, proof)?;
        printer.failures(&shown);
        let refused: Vec<&str> = shown.with(Status::Fail).map(|check| check.id).collect();
        if !refused.is_empty() {
            let message = format!(
                "Everything is set up, and the live proof failed: {}.",
                refused.join(", ")
            );
            return Err(Error::new(ErrorKind::NotWorking, message));
        }
    }
    Ok(())
}

/// The five values, from what is wanted and what is there.
fn details(spec: &SetupSpec, observed: &Observed, plan: &Plan, new_key: Option<&KeyArn>) -> Details {
    let path = plan
        .role_path()
        .or(observed.role.as_ref().map(|role| &role.path))
        .cloned();
    let role = observed.role.as_ref().map(|role| role.arn.clone());
    Details {
        bucket: spec.bucket.clone(),
        region: spec.region.clone(),
        role: role.unwrap_or_else(|| spec.role_arn(&path.unwrap_or_else(IamPath::root))),
        encryption: spec.encryption.method(),
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
    replay: &CommandLine,
) -> Error {
    let list = |done: bool| -> Vec<String> {
        let lines = in_reading_order(&plan.steps)
            .into_iter()
            .filter(|(index, _)| applied.ran.done.contains(index) == done);
        lines
            .map(|(_, step)| format!("  {}", step_line(&spec.role, step)))
            .collect()
    };
    let (error, kind) = match stopped {
        Stopped::Interrupted => (
            Error::new(ErrorKind::Interrupted, "Interrupted."),
            ErrorKind::Interrupted,
        ),
        Stopped::Failed(failure) => (write_error(session, failure), ErrorKind::Partial),
    };
    let changed = matches!(stopped, Stopped::Failed(failure) if failure.cause == Cause::Changed);
    let again = Advice::from(match changed {
        true => "Look again, with a plan of what is there now:",
        false => "Running the same again finds what is done and does the rest:",
    })
    .below(replay.clone());
    let unknown = applied.ran.may_have_acted();
    // The key is made before it has its name, so it can be there although its step is not done.
    let key = applied
        .new_key
        .as_ref()
        .filter(|_| list(false).iter().any(|line| line.starts_with("  key ")));
    let key = key.map(|arn| format!("  key {arn}, without its name"));
    let done: Vec<String> = key.into_iter().chain(list(true)).collect();
    if done.is_empty() && unknown {
        let message = format!("{} AWS may have acted on what was under way.", error.message);
        return Error { message, ..error }.hint(again);
    }
    if done.is_empty() {
        let message = format!("{} Nothing was changed in AWS.", error.message);
        let error = Error { message, ..error };
        return match changed {
            true => error.hint(again),
            false => error,
        };
    }
    let left = match list(false) {
        none if none.is_empty() => vec!["  reading it back".to_owned()],
        left => left,
    };
    Error { kind, ..error }
        .below(["Done:".to_owned()])
        .below(done)
        .below(["Not done:".to_owned()])
        .below(left)
        .hint(again)
}

/// The error of a step that failed, where it is worth more words than a read's.
fn write_error(session: &Session, failure: &Failure) -> Error {
    if failure.cause == Cause::AlreadyExists {
        let error = Error::new(ErrorKind::Conflict, failure.to_string());
        return match failure.code.as_str() {
            "BucketAlreadyExists" => {
                error.hint("Another AWS account has a bucket of that name. Choose another with --bucket.")
            }
            _ => error
                .hint("Somebody else made it just now, or it is on another path. Run the same again to look at it."),
        };
    }
    let error = failure.clone().into_error(session.profile());
    error.hints(limit_hints(failure))
}

/// What to do about a limit or a rule of AWS's that a person can do something about.
fn limit_hints(failure: &Failure) -> Vec<String> {
    let hints: &[&str] = match (failure.action, failure.code.as_str()) {
        ("iam:CreatePolicyVersion", "LimitExceeded") => &[
            "IAM keeps five versions of a policy, and setup may not list them (iam:ListPolicyVersions).",
            "Remove one: aws iam list-policy-versions and aws iam delete-policy-version, with --policy-arn.",
        ],
        ("iam:AttachRolePolicy", "LimitExceeded") => &["A role takes 10 managed policies unless the account's quota \
                                                        was raised (Service Quotas, IAM). Detach one, or choose \
                                                        another role with --role-name."],
        ("iam:CreateRole" | "iam:CreatePolicy", "LimitExceeded") => {
            &["The account's quota is used up: see Service Quotas, IAM."]
        }
        ("s3:CreateBucket", "TooManyBuckets") => {
            &["The account's quota of buckets is used up: see Service Quotas, Amazon S3. Or use a bucket that exists."]
        }
        (_, "OperationAborted") => {
            &["A bucket of that name may have been deleted lately: S3 can take up to an hour until the name is free."]
        }
        _ if failure.names_unknown_principal() => &["A principal of the trust policy does not exist, or no longer \
                                                     does. If Mixpanel's export user is the only one, ask Mixpanel."],
        _ => &[],
    };
    hints.iter().map(|hint| (*hint).to_owned()).collect()
}

/// Ctrl-C at a question that comes after the changes ends the program, but does not undo them.
fn after_the_changes(error: Error) -> Error {
    if error.kind == ErrorKind::Interrupted {
        let message = "Interrupted. Everything is set up, and nothing was tried live.";
        return Error::new(ErrorKind::Interrupted, message);
    }
    error
}
