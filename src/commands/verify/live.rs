//! `verify --live`: asks, proves, and says what is left.

use std::time::Duration;

use crate::aws::{Aws, Session};
use crate::commands::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{BucketName, ProjectToken};
use crate::observed::Reading;
use crate::prove::{self, NOT_PROVED, Proof};
use crate::report::Tone;
use crate::report::commands::command_text;
use crate::report::verify::wrapped;
use crate::verify::access;
use crate::verify::evidence::{BucketFacts, Evidence, Subject};
use crate::wizard::prompt::Prompter;

/// Proves it, where there is something to prove it with and whoever is asked agrees. `None` where not.
pub(crate) async fn prove(
    context: &Context,
    session: &Session,
    subject: &Subject,
    evidence: &Evidence,
) -> Result<Option<Proof>> {
    let printer = &context.printer;
    let (Some(role), Some(facts), Some(bucket)) = (&evidence.role, evidence.facts(), evidence.bucket_name()) else {
        printer.warning("--live needs a role and a bucket that are there: nothing was tried.");
        return Ok(None);
    };
    if facts.owner != evidence.caller.account {
        printer.warning("--live writes into buckets of your own account only: nothing was tried.");
        return Ok(None);
    }
    if let Some(typed) = subject.role_arn.as_deref().filter(|arn| *arn != role.arn.as_str()) {
        printer.warning(format!("{typed} is not the role's ARN: nothing was tried live."));
        return Ok(None);
    }
    if let Some(why) = unprovable(subject, evidence) {
        printer.warning(format!("{why}: nothing was tried live."));
        return Ok(None);
    }
    // An ID that is no token as it stands would only be refused by STS, whose message shows it.
    let trusted = access::trust(evidence, role).external_ids();
    let mut sound = trusted.iter().filter(|id| {
        let token = id.parse::<ProjectToken>();
        token.is_ok_and(|token| token.expose() == id.as_str())
    });
    let given = subject.tokens.first().map(|token| token.expose());
    let Some(external_id) = given.or_else(|| sound.next().map(String::as_str)) else {
        printer.warning(
            "the role asks for no usable project token, and --project-token gives none: nothing was tried live.",
        );
        return Ok(None);
    };
    let without_objects = match retention(session, facts, bucket, evidence).await? {
        Reading::Known(None) => None,
        Reading::Known(Some(retention)) => Some(format!(
            "no object is written, since Object Lock would keep it ({retention})"
        )),
        Reading::Unreadable(denied) => Some(format!(
            "no object is written, since Object Lock might keep it ({denied})"
        )),
    };
    let versioned = matches!(facts.versioned, Some(Reading::Known(true)));
    let real = (subject, evidence);
    let subject = prove::ProofSubject {
        caller: &evidence.caller,
        role,
        grants: &evidence.grants,
        bucket,
        region: &facts.settings.region,
        owner: &evidence.caller.account,
        form: &subject.form,
        external_id,
        project: subject.project.as_ref(),
        without_objects,
        deadline: Duration::from_secs(context.common.timeout),
    };
    if !agreed(context, &subject, versioned)? {
        printer.note("Nothing was tried live.");
        return Ok(None);
    }
    let mut proof = prove::prove(session, &subject, &context.interrupts, |event| {
        printer.proof(&event);
    })
    .await;
    printer.note("");
    let stand_in = proof.stand_in(real.1);
    if stand_in.is_some_and(|stand_in| access::stand_in_differs(real.0, real.1, &stand_in)) {
        proof.doubt();
    }
    Ok(Some(proof))
}

/// Why there is nothing to prove, if so.
fn unprovable(subject: &Subject, evidence: &Evidence) -> Option<String> {
    let arn = &evidence.caller.arn;
    if arn.ends_with(":root") || arn.contains(":federated-user/") {
        return Some(format!("{arn} cannot assume a role"));
    }
    if let Some(denied) = evidence.unread_grants.first() {
        return Some(format!("not all policies of the role can be copied, since {denied}"));
    }
    let table = access::table(subject, evidence);
    table
        .iter()
        .any(|access| access.depends_on_project)
        .then(|| "the role may write for one project only, and --project-id does not say which".into())
}

/// Object Lock's default retention, read where nobody has read it yet.
async fn retention(
    session: &Session,
    facts: &BucketFacts,
    bucket: &BucketName,
    evidence: &Evidence,
) -> Result<Reading<Option<String>>> {
    if let Some(read) = &facts.retention {
        return Ok(read.clone());
    }
    let aws = Aws::new(session, &facts.settings.region);
    let read = aws.default_retention(bucket, &evidence.caller.account);
    read.await.map_err(|failure| failure.into_error(session.profile()))
}

fn agreed(context: &Context, subject: &prove::ProofSubject<'_>, versioned: bool) -> Result<bool> {
    let printer = &match context.common.yes {
        true => context.printer.clone(),
        false => context.printer.asking(),
    };
    printer.note(&printer.paint(Tone::Heading, "Live proof"));
    printer.notes(wrapped(
        "  ",
        "  ",
        &format!(
            "In account {3}, a role {0}-probe is made with the policies and the boundary of {0}; only you can assume \
             it. With it, two small objects are written, listed, read and removed under s3://{1}/{2} and then the \
             role is removed. The real role is not touched.",
            subject.role.name,
            subject.bucket,
            subject.folder(),
            subject.caller.account,
        ),
    ));
    if versioned {
        printer.note("  The bucket keeps versions, so old versions of the two objects stay.");
    }
    printer.note("");
    if context.common.yes {
        return Ok(true);
    }
    Prompter::new(printer.has_color()).confirm("Prove it live?", false)
}

/// Says what the proof does not show and what it left; an error where something is left, or where it did not come to
/// its end.
pub(crate) fn conclude(context: &Context, session: &Session, proof: Proof) -> Result<()> {
    let printer = &context.printer;
    printer.note("");
    printer.note(&printer.paint(Tone::Heading, "What the live proof does not show:"));
    for text in NOT_PROVED {
        printer.notes(wrapped("  - ", "    ", text));
    }
    let left: Vec<String> = proof
        .left
        .iter()
        .flat_map(|(thing, command)| {
            [
                format!("  {thing}"),
                format!("    {}", command_text(command, &printer.target())),
            ]
        })
        .collect();
    if !left.is_empty() {
        let kind = match proof.interrupted {
            true => ErrorKind::Interrupted,
            false => ErrorKind::Partial,
        };
        let why = proof
            .failure
            .map(|failure| format!("It did not come to its end: {failure}"));
        return Err(Error::new(kind, "The live proof left something behind:")
            .below(left)
            .below(why)
            .hint("Each command removes what it stands under."));
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
