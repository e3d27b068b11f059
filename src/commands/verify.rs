//! `verify`: whether Mixpanel can write, and if not, why.

pub(crate) mod live;

use super::pick_role::{exporting_role, wrong_role};
use super::{Context, value_of};
use crate::advice::Advice;
use crate::answers::{TOKEN_VARIABLE, given_tokens, token_of_environment};
use crate::aws::{Aws, Failure, Session};
use crate::cli::{Output, Verify};
use crate::command_line::CommandLine;
use crate::encryption::{Form, Method};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{AccountId, BucketName, KeyArn, KeyReference, ProjectId, RoleName, RoleReference};
use crate::observe::evidence::{Looked, evidence};
use crate::observed::Caller;
use crate::report::explain::explanation_json;
use crate::report::verify::{sentence, verdict_json};
use crate::verify::access::ACTIONS;
use crate::verify::evidence::{Evidence, KeyStanding, Subject};
use crate::verify::{Access, Findings, judge};

/// The flags, parsed.
struct VerifyRequest {
    role: Option<RoleName>,
    bucket: Option<BucketName>,
    project: Option<ProjectId>,
    encryption: Option<Method>,
    key: Option<KeyReference>,
    subject: Subject,
}

pub(super) async fn run(flags: Verify, context: &Context) -> Result<()> {
    context.refuse_assignments("verify")?;
    if flags.live && !context.common.yes && !context.can_ask() {
        return Err(Error::usage(
            "--live makes a role and two small objects for a moment, and nobody is there to be asked.",
        )
        .hint("Add --yes to agree."));
    }
    let asked = parse(&flags, context)?;
    let session = context.session(context.common.profile.as_deref()).await?;
    let failed = |failure: Failure| failure.into_error(session.profile());
    let aws = Aws::new(&session, &session.home_region());
    let interrupts = &context.interrupts;
    let caller = interrupts.or(async { aws.caller().await.map_err(failed) }).await?;
    if let Some(typed) = &asked.subject.role_arn {
        refuse_another_accounts(typed, &caller)?;
    }
    let role = match asked.role.clone() {
        Some(role) => role,
        None => {
            let (bucket, without) = (asked.bucket.as_ref(), ErrorKind::NotWorking);
            exporting_role(context, &session, &aws, bucket, without).await?
        }
    };
    let form = interrupts.or(given_form(&session, &asked)).await?;
    let looked = Looked {
        role: &role,
        bucket: asked.bucket.as_ref(),
        bucket_account: asked.subject.bucket_account.as_ref(),
        form,
        project: asked.project.as_ref(),
    };
    let found = interrupts
        .or(async {
            let found = evidence(&session, &caller, &looked, asked.subject.clone()).await;
            found.map_err(failed)
        })
        .await?;
    let (subject, evidence) = found.map_err(|several| {
        let names: Vec<String> = several.0.iter().map(ToString::to_string).collect();
        Error::usage(format!(
            "Role {role} may write to several buckets: {}.",
            names.join(", ")
        ))
        .hint("Choose one with --bucket.")
    })?;
    let mut findings = judge(&subject, &evidence);
    if let Some(action) = &flags.explain {
        return explain(context, action, &evidence, &findings);
    }
    let proof = match flags.live {
        true => live::prove(context, &session, &subject, &evidence).await?,
        false => None,
    };
    if let Some(proof) = &proof {
        findings.take_in(&proof.checks, proof.swept);
    }
    match context.common.output {
        Output::Json => context
            .printer
            .json(&verdict_json(&evidence, &findings, &context.printer.target())),
        _ => context
            .printer
            .results(context.printer.verdict_lines(&subject, &evidence, &findings)),
    }
    if findings.mended_by_setup() && token_of_environment(&context.process).is_none() {
        context.printer.note("");
        context.printer.note(&format!(
            "setup reads the project token from {TOKEN_VARIABLE}: export it before you run it."
        ));
    }
    if !context.printer.is_verbose() {
        let notes = ["", "--verbose shows every check with where it was read."];
        context.printer.notes(notes);
    }
    if let Some(proof) = proof {
        live::conclude(context, &session, proof)?;
    }
    outcome(&findings)
}

/// Prints the whole decision about the calls of one action; exit code 4 where one is refused.
fn explain(context: &Context, action: &str, evidence: &Evidence, findings: &Findings) -> Result<()> {
    let (printer, output) = (&context.printer, context.common.output);
    let known = ACTIONS.iter().find(|known| known.eq_ignore_ascii_case(action));
    let action = known.map_or(action, |known| *known);
    let of_action = |access: &&Access| access.call.action() == action;
    let calls: Vec<&Access> = findings.access.iter().filter(of_action).collect();
    let uses_no_key = matches!(evidence.key, KeyStanding::NotUsed | KeyStanding::AwsManaged);
    let is_not_made = action.starts_with("kms:") && uses_no_key && evidence.facts().is_some();
    if output == Output::Json {
        printer.json(&explanation_json(evidence, action, &calls));
    } else if is_not_made {
        printer.result(&format!(
            "Nobody has to allow {action}: the set-up uses no KMS key of your own."
        ));
    } else {
        printer.results(printer.explanation(&calls));
    }
    if is_not_made {
        return Ok(());
    }
    let verify = CommandLine::mixpanel_s3(["verify"]).option("--role", &evidence.role_name);
    let verify = match evidence.bucket_name() {
        Some(bucket) => verify.option("--bucket", bucket),
        None => verify,
    };
    let every_check = Advice::from("Every check and what fixes it: ").command(verify);
    if calls.is_empty() {
        let message = format!(
            "There is nothing to decide about {action}: {}.",
            without_calls(action, evidence)
        );
        return Err(Error::new(ErrorKind::NotWorking, message).hint(every_check));
    }
    let is_refused = |access: &&Access| !access.is_allowed() && !access.is_undecided();
    match calls.into_iter().find(is_refused) {
        None => Ok(()),
        Some(access) => {
            let message = format!("{action} is refused: {}.", access.reason());
            Err(Error::new(ErrorKind::NotWorking, message).hint(every_check))
        }
    }
}

/// Why Mixpanel makes no call of an action, as far as is known.
fn without_calls(action: &str, evidence: &Evidence) -> &'static str {
    match (&evidence.role, evidence.facts()) {
        (None, _) => "the role is not there, or cannot be read",
        _ if action.starts_with("sts:") => "no project token is given, and the role names none",
        (_, None) => "no bucket is known, or it cannot be read",
        _ => "the KMS key is not there, is in another region, or cannot be read",
    }
}

/// Refuses the ARN of another account, since nothing read here would be about that role. One that lacks its account, as
/// in Mixpanel's examples, is judged, and so is one with another path: a check tells of it.
fn refuse_another_accounts(typed: &str, caller: &Caller) -> Result<()> {
    if let Ok(reference) = typed.parse::<RoleReference>() {
        return reference
            .accept_account(&caller.account, caller.partition)
            .map_err(wrong_role);
    }
    let account = typed.split(':').nth(4).unwrap_or_default();
    match account.parse::<AccountId>() {
        Ok(account) if account != caller.account => Err(Error::usage(format!(
            "--role: '{typed}' names account {account}, and you are in account {}.",
            caller.account
        ))),
        _ => Ok(()),
    }
}

/// Exit code 4 where something keeps Mixpanel from writing, or lets in who should not be let in.
fn outcome(findings: &Findings) -> Result<()> {
    match findings.failure() {
        None => Ok(()),
        Some(failure) => Err(Error::new(ErrorKind::NotWorking, sentence(&failure))),
    }
}

fn parse(flags: &Verify, context: &Context) -> Result<VerifyRequest> {
    if flags.kms_key.is_some() && flags.encryption != Some(Method::Kms) {
        return Err(Error::usage("--kms-key goes with --encryption kms."));
    }
    let typed = flags.role.as_deref().map(str::trim);
    let typed_arn = typed.filter(|role| role.starts_with("arn:"));
    let role = match (typed, typed_arn) {
        // An ARN that lacks its account or its path still names the role, and is told of.
        (_, Some(arn)) => arn.rsplit('/').next(),
        (name, None) => name,
    };
    let role: Option<RoleReference> = value_of("--role", role)?;
    let tokens = given_tokens(&flags.project_token, &context.process)
        .into_iter()
        .filter_map(|(place, token)| value_of(place, Some(token)).transpose())
        .collect::<Result<_>>()?;
    let region = value_of("--region", flags.region.as_deref())?;
    let project: Option<ProjectId> = value_of("--project-id", flags.project_id.as_deref())?;
    Ok(VerifyRequest {
        role: role.map(|role| role.name().clone()),
        bucket: value_of("--bucket", flags.bucket.as_deref())?,
        encryption: flags.encryption,
        key: value_of("--kms-key", flags.kms_key.as_deref())?,
        subject: Subject {
            role_arn: typed_arn.map(str::to_owned),
            tokens,
            project: project.clone(),
            region,
            form: Form::default(),
            bucket_account: value_of("--bucket-account", flags.bucket_account.as_deref())?,
        },
        project,
    })
}

/// "Encryption" and "KMS Key ID" as they were given; a key's ID or alias becomes its ARN.
async fn given_form(session: &Session, asked: &VerifyRequest) -> Result<Option<Form>> {
    let Some(encryption) = asked.encryption else {
        return Ok(None);
    };
    let key = match &asked.key {
        None => None,
        Some(reference) => Some(arn_of(session, asked, reference).await?),
    };
    Ok(Some(Form {
        encryption,
        key,
        is_declared: true,
    }))
}

async fn arn_of(session: &Session, asked: &VerifyRequest, reference: &KeyReference) -> Result<KeyArn> {
    if let Ok(arn) = reference.as_str().parse() {
        return Ok(arn);
    }
    let home = session.home_region();
    let region = asked.subject.region.as_ref().unwrap_or(&home);
    let key = Aws::new(session, region).key(reference.as_str()).await;
    match key.map_err(|failure| failure.into_error(session.profile()))? {
        Some(key) => Ok(key.arn),
        None => Err(
            Error::usage(format!("KMS key '{}' was not found in {region}.", reference.as_str()))
                .hint("Give its ARN, which names its region."),
        ),
    }
}
