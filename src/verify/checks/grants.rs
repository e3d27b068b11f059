//! Whether the role's own policies, and what bounds them, let Mixpanel do its work in the bucket.

use super::blame::Blame;
use super::role_edits::{decided_by_role, without_denies};
use super::{Check, Examined, bucket};
use crate::command_line::CommandLine;
use crate::observed::Unread;
use crate::policy::evaluate::RequestContext;
use crate::policy::excess::{Excess, Own, beyond_page};
use crate::policy::trust::Gravity;
use crate::policy::{Document, build, compare, read};
use crate::verify::access::{self, source_text};
use crate::verify::evidence::Grant;

pub(super) fn checks(case: &Examined<'_>) -> Vec<Check> {
    vec![policy_attached(case), s3_actions(case), boundary(case), excess(case)]
}

/// The calls that a check tells of, and what decides them. Calls of one action that fare alike for one reason share a
/// line, and what decides several of them is quoted once.
pub(super) fn lines(blamed: &[Blame<'_>]) -> Vec<String> {
    let mut calls: Vec<(&str, String, Vec<String>)> = Vec::new();
    let mut quotes: Vec<String> = Vec::new();
    for blame in blamed {
        let (call, reason) = (&blame.access.call, blame.access.reason());
        let alike = calls
            .iter_mut()
            .find(|(action, known, _)| *action == call.action() && *known == reason);
        match alike {
            Some((_, _, purposes)) => purposes.push(call.purpose()),
            None => {
                calls.push((call.action(), reason, vec![call.purpose()]));
                quotes.extend(blame.access.judgement.quotes());
            }
        }
    }
    let line = |(action, reason, purposes): (&str, String, Vec<String>)| {
        format!("{action} ({}): {reason}", purposes.join(", "))
    };
    let mut lines: Vec<String> = calls.into_iter().map(line).collect();
    for quote in quotes {
        if !lines.contains(&quote) {
            lines.push(quote);
        }
    }
    lines
}

/// The condition keys that decide these calls, in brackets; nothing where none does.
pub(super) fn by_keys(blamed: &[Blame<'_>]) -> String {
    let mut keys: Vec<&str> = Vec::new();
    for key in blamed.iter().flat_map(|blame| blame.access.judgement.deciding_keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    match keys.is_empty() {
        true => String::new(),
        false => format!(" ({})", keys.join(", ")),
    }
}

/// The actions of the calls that a check tells of, each once.
pub(super) fn actions(blamed: &[Blame<'_>]) -> String {
    let mut actions: Vec<&str> = blamed.iter().map(|blame| blame.access.call.action()).collect();
    actions.dedup();
    actions.sort_unstable();
    actions.dedup();
    actions.join(", ")
}

/// A check that tells of refused or undecided calls, with their lines as evidence.
pub(super) fn told(
    id: &'static str,
    blamed: &[Blame<'_>],
    refused: impl Into<String>,
    undecided: impl Into<String>,
) -> Check {
    let is_refused = blamed.iter().any(|blame| blame.is_refused);
    let mut check = match is_refused {
        true => Check::fail(id, refused),
        false => Check::unknown(id, undecided),
    };
    check.evidence = lines(blamed);
    check
}

/// What cannot be known about calls, as a list.
pub(super) fn reasons(blamed: &[Blame<'_>]) -> String {
    let mut reasons: Vec<String> = blamed
        .iter()
        .filter_map(|blame| match &blame.access.judgement.decision {
            crate::policy::evaluate::Decision::Unknown { because, .. } => Some(because),
            _ => None,
        })
        .flatten()
        .cloned()
        .collect();
    reasons.sort();
    reasons.dedup();
    reasons.join(", ")
}

/// Whether there is a role and a bucket, so that there are calls to judge.
pub(super) fn has_calls(case: &Examined<'_>) -> bool {
    case.access.iter().any(|access| access.call.is_of_s3())
}

fn policy_attached(case: &Examined<'_>) -> Check {
    const ID: &str = "policy-attached";
    let evidence = case.evidence;
    if evidence.role.is_none() {
        return Check::skipped(ID, "there is no role");
    }
    let attached: Vec<&str> = evidence.grants.iter().map(|grant| grant.name.as_str()).collect();
    let listed = match attached.is_empty() {
        true => "nothing is attached".to_owned(),
        false => attached.join(", "),
    };
    let source = "iam:ListAttachedRolePolicies, ListRolePolicies and the default version of each";
    let unread: Vec<&str> = evidence
        .unread_grants
        .iter()
        .map(|denied| denied.action.as_str())
        .collect();
    if evidence.bucket.is_none() && bucket::odd_resource(case).is_some() {
        return Check::skipped(ID, "what the role's policies name is no general-purpose bucket");
    }
    if evidence.bucket.is_none() {
        return match evidence.unread_grants.first() {
            None => Check::fail(ID, "no policy of the role names a bucket to write to")
                .because(format!("{source}: {listed}"))
                .mixpanel_sees("AccessDenied: … because no identity-based policy allows the s3:PutObject action")
                .fix_command(case.setup_command(&[])),
            Some(first) => {
                let all = Unread {
                    action: unread.join(", "),
                    ..first.clone()
                };
                super::unread(ID, "the role's policies", &all)
            }
        };
    }
    if !has_calls(case) {
        return Check::skipped(ID, case.no_bucket());
    }
    let blamed = case.blamed(ID);
    if blamed.is_empty() {
        return Check::pass(ID, format!("attached to the role: {listed}")).because(source);
    }
    let others: Vec<String> = read::buckets_written(evidence.grants.iter().map(|grant| &grant.document))
        .into_iter()
        .map(|bucket| bucket.to_string())
        .collect();
    let bucket = evidence.bucket_name().map(ToString::to_string).unwrap_or_default();
    let summary = match others.is_empty() {
        true => format!(
            "no policy of the role says anything of bucket {bucket}: it is detached, or its default version is \
             another one"
        ),
        false => format!(
            "the role's policies are for {}, not for bucket {bucket}",
            others.join(", ")
        ),
    };
    told(
        ID,
        &blamed,
        summary,
        format!("whether the role may write hangs on {}", reasons(&blamed)),
    )
    .because(format!("{source}: {listed}"))
    .mixpanel_sees("AccessDenied: … because no identity-based policy allows the s3:PutObject action")
    .fix_command(case.setup_command(&[]))
}

fn s3_actions(case: &Examined<'_>) -> Check {
    const ID: &str = "s3-actions";
    if !has_calls(case) {
        return Check::skipped(ID, case.no_bucket());
    }
    let blamed = case.blamed(ID);
    if blamed.is_empty() && !case.all_allowed(false) {
        return Check::skipped(ID, super::ELSEWHERE);
    }
    if blamed.is_empty() {
        return Check::pass(
            ID,
            "the role's policies allow Put, Get and Delete on objects and List on the bucket",
        )
        .because("the access table");
    }
    let check = told(
        ID,
        &blamed,
        format!(
            "the role's policies do not allow {}{}",
            actions(&blamed),
            by_keys(&blamed)
        ),
        format!(
            "whether the role's policies allow {} hangs on {}",
            actions(&blamed),
            reasons(&blamed)
        ),
    )
    .mixpanel_sees(format!(
        "AccessDenied: not authorized to perform: {} because no identity-based policy allows it",
        blamed[0].access.call.action()
    ));
    match (decided_by_role(&blamed), case.evidence.bucket_name()) {
        (Some(blame), _) if blame.is_deny() => without_denies(case, check),
        (_, Some(bucket)) => check.edit(missing(case, &build::data(bucket)), case.setup_command(&[])),
        (_, None) => check,
    }
}

/// What of a document of Mixpanel's page the role's policies lack, as lines of a diff.
pub(super) fn missing(case: &Examined<'_>, page: &Document) -> String {
    let mut grants = case.evidence.grants.iter().map(|grant| &grant.document);
    let alike = grants.find(|document| {
        let sids = |document: &Document| {
            let statements = document.statements().iter();
            statements
                .filter_map(|statement| statement.sid().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        sids(document).iter().any(|sid| sids(page).contains(sid))
    });
    let empty = Document::new(Vec::new());
    compare::diff(alike.unwrap_or(&empty), page).to_string()
}

/// Whether the role may do more than Mixpanel's page asks for: then Mixpanel may, and whoever gets into Mixpanel.
fn excess(case: &Examined<'_>) -> Check {
    const ID: &str = "role-excess";
    let evidence = case.evidence;
    let Some(role) = &evidence.role else {
        return Check::skipped(ID, "there is no role");
    };
    let source = "iam:ListAttachedRolePolicies, ListRolePolicies and the default version of each";
    let policies = access::role_policies(evidence);
    let found = beyond_page(
        &Own {
            role: &role.arn,
            bucket: evidence.bucket_name(),
            key: case.subject.form.key.as_ref(),
            // What is refused today by a date or a tag may be allowed tomorrow.
            context: &RequestContext::new(),
        },
        &policies,
    );
    let Some(gravest) = found.first() else {
        return match evidence.unread_grants.first() {
            Some(_) if !case.blamed("policy-attached").is_empty() => Check::skipped(ID, super::ELSEWHERE),
            Some(denied) => super::unread(ID, "a policy of the role", denied),
            None => Check::pass(ID, "the role may do nothing beyond Mixpanel's page").because(source),
        };
    };
    let summary = format!(
        "the role may do more than the export needs: it reaches {}",
        gravest.reach
    );
    let mut check = match gravest.reach.gravity() {
        Gravity::Open => Check::fail(ID, summary),
        Gravity::Wide => Check::warn(ID, summary),
    };
    for excess in &found {
        check = check.because(format!("{}: {}", source_text(&excess.source), excess.what()));
    }
    narrowed(case, check.because(source), &found)
}

/// The commands that take away policies which the export does not need, and advice for those that it does.
fn narrowed(case: &Examined<'_>, mut check: Check, found: &[Excess]) -> Check {
    let evidence = case.evidence;
    let page = evidence.bucket_name().map(build::data);
    let mut told = Vec::new();
    for excess in found {
        let name = &excess.source.policy;
        if told.contains(&name) {
            continue;
        }
        told.push(name);
        let grants = evidence.grants.iter();
        let (this, others): (Vec<_>, Vec<_>) = grants.partition(|grant| grant.name == *name);
        let dispensable = page
            .as_ref()
            .is_some_and(|page| others.iter().any(|grant| read::covers(&grant.document, page)));
        check = match (this.first(), dispensable) {
            (Some(grant), true) => check.fix_command(detach(case, grant)),
            _ => check.advise(format!(
                "Narrow {name} to the actions and resources of Mixpanel's page, or use a role of its own for the \
                 export."
            )),
        };
    }
    check
}

pub(super) fn detach(case: &Examined<'_>, grant: &Grant) -> CommandLine {
    let role = &case.evidence.role_name;
    match &grant.arn {
        Some(arn) => CommandLine::aws(["iam", "detach-role-policy"])
            .option("--role-name", role)
            .option("--policy-arn", arn),
        None => CommandLine::aws(["iam", "delete-role-policy"])
            .option("--role-name", role)
            .option("--policy-name", grant.inline_name()),
    }
}

fn boundary(case: &Examined<'_>) -> Check {
    const ID: &str = "permissions-boundary";
    let Some(role) = &case.evidence.role else {
        return Check::skipped(ID, "there is no role");
    };
    let Some(arn) = &role.boundary else {
        return Check::pass(ID, "the role has no permissions boundary").because("iam:GetRole → PermissionsBoundary");
    };
    let blamed = case.blamed(ID);
    let source = format!("iam:GetRole → PermissionsBoundary {arn}");
    if blamed.is_empty() {
        return Check::pass(
            ID,
            format!("the permissions boundary {arn} lets through what Mixpanel needs"),
        )
        .because(source);
    }
    told(
        ID,
        &blamed,
        format!(
            "the permissions boundary does not let {} through{}",
            actions(&blamed),
            by_keys(&blamed)
        ),
        format!(
            "what the permissions boundary lets through hangs on {}",
            reasons(&blamed)
        ),
    )
    .because(source)
    .mixpanel_sees(format!(
        "AccessDenied: … because no permissions boundary allows the {} action",
        blamed[0].access.call.action()
    ))
    .advise(format!(
        "Ask whoever owns {arn} to allow {} there, or for another boundary: setup --permissions-boundary sets it.",
        actions(&blamed)
    ))
}
