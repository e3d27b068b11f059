//! Whether the role's own policies, and what bounds them, let Mixpanel do its work in the bucket.

use super::reported::{actions, by_keys, has_calls, reasons, refusal, refuse, reported};
use super::role_edits::{decided_by_role, without_denies};
use super::{Check, CheckId, Examined, bucket};
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

fn policy_attached(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::PolicyAttached;
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
    reported(
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
    const ID: CheckId = CheckId::S3Actions;
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
    let check = reported(
        ID,
        &blamed,
        format!(
            "the role's policies {} {}{}",
            refuse(&blamed),
            actions(&blamed),
            by_keys(&blamed)
        ),
        format!(
            "whether the role's policies allow {} hangs on {}",
            actions(&blamed),
            reasons(&blamed)
        ),
    )
    .mixpanel_sees(refusal(&blamed[0]));
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
    const ID: CheckId = CheckId::RoleExcess;
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
            Some(_) if !case.blamed(CheckId::PolicyAttached).is_empty() => Check::skipped(ID, super::ELSEWHERE),
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
    const ID: CheckId = CheckId::PermissionsBoundary;
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
    reported(
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
    .mixpanel_sees(refusal(&blamed[0]))
    .advise(format!(
        "Ask whoever owns {arn} to allow {} there, or for another boundary: setup --permissions-boundary sets it.",
        actions(&blamed)
    ))
}
