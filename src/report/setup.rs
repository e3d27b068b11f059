//! What came of `setup`: the plan that was only looked at, or the values, the command that does the same again, and the
//! judgement.

use serde_json::json;

use super::commands::command_lines;
use super::plan::changes_json;
use super::verify::{check_json, judgement_json};
use super::{Printer, Tone, details as details_report};
use crate::advice::Advice;
use crate::aws::Failure;
use crate::cli::Output;
use crate::command_line::CommandLine;
use crate::details::Details;
use crate::encryption::{Encryption, KmsKey};
use crate::error::{Error, ErrorKind};
use crate::names::KeyArn;
use crate::observed::Caller;
use crate::plan::Plan;
use crate::plan::teardown::key_deletion;
use crate::spec::SetupSpec;
use crate::verify::evidence::{Evidence, Subject};
use crate::verify::{Check, Findings, Status};

/// A set-up that was applied and read back.
pub(crate) struct SetupOutcome<'a> {
    /// What was wanted.
    pub(crate) spec: &'a SetupSpec,
    /// Who made it.
    pub(crate) caller: &'a Caller,
    /// What was done.
    pub(crate) plan: &'a Plan,
    /// The five values.
    pub(crate) details: Details,
    /// A key that was made and that nothing uses.
    pub(crate) spare_key: Option<&'a KeyArn>,
    /// What `verify` says of it, or why that is not known.
    pub(crate) judgement: Result<Judged, Failure>,
    /// The command that does the same without questions.
    pub(crate) replay: CommandLine,
    /// What that command needs to find the tokens.
    pub(crate) tokens: Option<String>,
}

/// What `verify` says of a set-up.
pub(crate) struct Judged {
    /// What was judged.
    pub(crate) subject: Subject,
    /// From what.
    pub(crate) evidence: Evidence,
    /// What came of it.
    pub(crate) findings: Findings,
}

impl SetupOutcome<'_> {
    fn findings(&self) -> Option<&Findings> {
        self.judgement.as_ref().ok().map(|judgement| &judgement.findings)
    }

    /// The command that judges the set-up again.
    fn verify(&self) -> CommandLine {
        CommandLine::mixpanel_s3(["verify"])
            .option("--role", &self.spec.role)
            .option("--bucket", &self.spec.bucket)
    }

    /// The error of a set-up that was made and does not work.
    pub(crate) fn failure(&self) -> Option<Error> {
        let failure = self.findings()?.failure()?;
        let message = format!("Setup finished, but {failure}.");
        let more = Advice::from("Every check and what fixes it: ").command(self.verify());
        Some(Error::new(ErrorKind::NotWorking, message).hint(more))
    }
}

impl Printer {
    /// Prints what would be done, and the values that would come of it.
    pub(crate) fn dry_run(&self, spec: &SetupSpec, caller: &Caller, plan: &Plan, details: &Details) {
        match self.output() {
            Output::Json => self.json(&json!({
                "account": caller.account,
                "dry_run": true,
                "changes": changes_json(&plan.steps),
                "exposures": plan.exposures,
                "details": details_report::as_json(details),
            })),
            _ => self.results(match spec.encryption {
                Encryption::Kms(KmsKey::New(_)) => details_report::as_text_before_the_key(details),
                _ => details_report::as_text(details),
            }),
        }
    }

    /// Prints what came of a plan that was run to its end.
    pub(crate) fn outcome(&self, outcome: &SetupOutcome<'_>) {
        if let Some(spare) = outcome.spare_key {
            let warning = Advice::from(format!(
                "another run made the key at the same time, and its key is used. Key {spare} is left over, nothing \
                 uses it, and KMS charges for it. To remove it:"
            ));
            self.warning(warning.below(key_deletion(spare)));
        }
        if let Err(failure) = &outcome.judgement {
            let why = format!("the set-up was not judged: {failure} ");
            self.warning(Advice::from(why).code(outcome.verify()).text(" does that."));
        }
        match self.output() {
            Output::Json => self.outcome_as_json(outcome),
            _ => {
                self.note("");
                self.details(&outcome.details);
                self.note("");
                self.note(&self.paint(Tone::Quiet, "The same without questions:"));
                self.notes(command_lines(&outcome.replay, &self.target()));
                self.notes(outcome.tokens.as_deref());
                if let Some(findings) = outcome.findings() {
                    self.judged(findings, &outcome.verify());
                }
            }
        }
    }

    fn outcome_as_json(&self, outcome: &SetupOutcome<'_>) {
        let findings = outcome.findings();
        let failed = findings.iter().flat_map(|findings| findings.with(Status::Fail));
        let failed = failed.map(|check: &Check| check_json(check, &self.target()));
        self.json(&json!({
            "account": outcome.caller.account,
            "changes": changes_json(&outcome.plan.steps),
            "details": details_report::as_json(&outcome.details),
            "judgement": findings.map(judgement_json),
            "failed_checks": failed.collect::<Vec<_>>(),
        }));
    }
}
