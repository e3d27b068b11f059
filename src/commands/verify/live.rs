//! `verify --live`: asks, proves, and says what is left.

use std::time::Duration;

use crate::answers::prompt::Prompter;
use crate::aws::Session;
use crate::commands::Surroundings;
use crate::error::{Error, ErrorKind, Result};
use crate::observed::Reading;
use crate::policy::read;
use crate::prove::{self, NOT_PROVED, Proof};
use crate::report::Tone;
use crate::report::verify::wrapped;
use crate::verify::evidence::{Evidence, Subject};

/// Why a proof is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Somebody asked for it.
    AskedFor,
    /// Nobody did: at the end of `setup`.
    Unasked,
}

/// Proves it, where there is something to prove it with and whoever is asked agrees. `None` where not.
pub(crate) async fn prove(
    surroundings: &Surroundings,
    session: &Session,
    subject: &Subject,
    evidence: &Evidence,
    offer: Offer,
) -> Result<Option<Proof>> {
    let printer = &surroundings.printer;
    let (Some(role), Some(facts), Some(bucket)) =
        (&evidence.role, evidence.facts(), evidence.bucket_name())
    else {
        printer.warning("--live needs a role and a bucket that are there: nothing was tried.");
        return Ok(None);
    };
    if !facts.ours {
        printer.warning("--live writes into buckets of your own account only: nothing was tried.");
        return Ok(None);
    }
    let trusted = read::external_ids(&role.trust);
    let given = subject.tokens.first().map(|token| token.expose());
    let Some(external_id) = given.or_else(|| trusted.first().map(String::as_str)) else {
        printer.warning("--live needs a project token (--project-token), since the role asks for none: nothing was tried.");
        return Ok(None);
    };
    let retention = facts.retention.as_ref().and_then(Reading::known);
    let subject = prove::Subject {
        caller: &evidence.caller,
        role,
        grants: &evidence.grants,
        bucket,
        region: &facts.settings.region,
        owner: &evidence.caller.account,
        form: &subject.form,
        external_id,
        project: subject.project.as_ref(),
        without_objects: retention.and_then(Option::as_ref).map(|retention| {
            format!("no object is written, since Object Lock would keep it ({retention})")
        }),
        deadline: Duration::from_secs(surroundings.common.timeout),
    };
    if !agreed(surroundings, &subject, offer)? {
        printer.note("Nothing was tried live.");
        return Ok(None);
    }
    let proof = prove::prove(session, &subject, &surroundings.interrupts, |event| {
        printer.proof(&event);
    })
    .await;
    printer.note("");
    Ok(Some(proof))
}

fn agreed(surroundings: &Surroundings, subject: &prove::Subject<'_>, offer: Offer) -> Result<bool> {
    let printer = &surroundings.printer;
    if offer == Offer::Unasked {
        printer.note("");
    }
    printer.note(&printer.paint(Tone::Heading, "Live proof"));
    printer.note(&wrapped(
        "  ",
        "  ",
        &format!(
            "A role {0}-probe is made with the policies and the boundary of {0}; only you can assume it. With it, two small objects are written, listed, read and removed under s3://{1}/{2} and then the role is removed. The real role is not touched.",
            subject.role.name,
            subject.bucket,
            subject.folder(),
        ),
    ));
    printer.note("");
    if surroundings.common.yes {
        return Ok(true);
    }
    let asked_for = offer == Offer::AskedFor;
    Prompter::new(printer.has_color()).confirm("Prove it live?", asked_for)
}

/// Says what the proof does not show and what it left; an error where something is left, or where it did not come to its end.
pub(crate) fn conclude(surroundings: &Surroundings, session: &Session, proof: Proof) -> Result<()> {
    let printer = &surroundings.printer;
    printer.note(&format!(
        "\n{}",
        printer.paint(Tone::Heading, "What the live proof does not show:")
    ));
    for text in NOT_PROVED {
        printer.note(&wrapped("  - ", "    ", text));
    }
    let left: Vec<String> = proof
        .left
        .iter()
        .map(|(thing, command)| format!("\n  {thing}\n    {command}"))
        .collect();
    if !left.is_empty() {
        let kind = match proof.interrupted {
            true => ErrorKind::Interrupted,
            false => ErrorKind::Partial,
        };
        let message = format!("The live proof left something behind:{}", left.concat());
        return Err(Error::new(kind, message).hint("Each command removes what it stands under."));
    }
    if proof.interrupted {
        let message = "Interrupted. What the live proof had made is removed.";
        return Err(Error::new(ErrorKind::Interrupted, message));
    }
    match proof.failure {
        None => Ok(()),
        Some(failure) => {
            let error = failure.into_error(session.profile());
            let message = format!(
                "The live proof did not come to its end: {} What it had made is removed.",
                error.message
            );
            Err(Error { message, ..error })
        }
    }
}
