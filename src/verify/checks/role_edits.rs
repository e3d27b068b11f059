//! What takes a Deny out of the way that stands in the role's own policies: an inline policy is changed by hand, and a
//! managed one, which others may use, is detached from this role alone.

use std::collections::BTreeSet;

use super::super::access::{Access, source_text};
use super::blame::{self, Blame};
use super::edits::Edit;
use super::grants::detach;
use super::{Check, CheckId, Examined};
use crate::command_line::CommandLine;
use crate::policy::evaluate::{Layer, Source};
use crate::policy::{Document, build, read};
use crate::verify::evidence::{Evidence, Grant, KeyStanding};

/// The check with what its Denies take, one policy after the other; advice where nobody else grants what the policy
/// does.
pub(super) fn without_denies(case: &Examined<'_>, mut check: Check) -> Check {
    let mut evidence = case.evidence.clone();
    let mut edits: Vec<(Grant, Edit)> = Vec::new();
    for source in denying(case, check.id).iter().rev() {
        let mut grants = evidence.grants.iter();
        // A policy that is taken from the role denies nothing more.
        let Some(at) = grants.position(|grant| grant.name == source.policy) else {
            continue;
        };
        if evidence.grants[at].arn.is_some() {
            let grant = evidence.grants.remove(at);
            check = match is_dispensable(&evidence) {
                true => check
                    .advise(format!(
                        "{} denies it. If that is not meant for the export, take {} from the role:",
                        source_text(source),
                        grant.name
                    ))
                    .fix_command(detach(case, &grant)),
                false => check.advise(format!("Change or remove {}.", source_text(source))),
            };
            continue;
        }
        let known = edits.iter().position(|(grant, _)| grant.name == source.policy);
        let known = known.unwrap_or_else(|| {
            let grant = evidence.grants[at].clone();
            let edit = Edit::of(&grant.document);
            edits.push((grant, edit));
            edits.len() - 1
        });
        let edit = &mut edits[known].1;
        edit.remove(source);
        evidence.grants[at].document = edit.document().clone();
    }
    edits
        .iter()
        .fold(check, |check, (grant, edit)| by_hand(case, check, grant, edit))
}

/// The statements of the role's policies that deny what a check tells of.
fn denying(case: &Examined<'_>, id: CheckId) -> BTreeSet<Source> {
    let of_call = |access: &Access| {
        let mut sources = blame::sources(access, case.evidence, id);
        sources.retain(|source| source.layer == Layer::Identity && !access.judgement.allows(source));
        sources
    };
    case.access.iter().flat_map(of_call).collect()
}

/// Whether what is left grants everything that the export needs.
fn is_dispensable(left: &Evidence) -> bool {
    let covers = |page: &Document| {
        let mut grants = left.grants.iter();
        grants.any(|grant| read::covers(&grant.document, page))
    };
    let of_key = match &left.key {
        KeyStanding::Here { key, .. } if key.customer_managed => covers(&build::kms(&key.arn)),
        _ => true,
    };
    let bucket = left.bucket_name();
    of_key && bucket.is_some_and(|bucket| covers(&build::data(bucket)))
}

fn by_hand(case: &Examined<'_>, check: Check, grant: &Grant, edit: &Edit) -> Check {
    let of_policy = |operation| {
        CommandLine::aws(["iam", operation])
            .option("--role-name", &case.evidence.role_name)
            .option("--policy-name", grant.inline_name())
    };
    // IAM takes no policy without a statement.
    if edit.document().statements().is_empty() {
        return check.edit(edit.diff(), detach(case, grant));
    }
    let read = of_policy("get-role-policy")
        .option("--query", "PolicyDocument")
        .option("--output", "json")
        .written_to("role-policy.json");
    let write = of_policy("put-role-policy").file("--policy-document", "role-policy.json");
    check.by_hand([read, write], edit.change(), edit.diff())
}

/// The first of these calls that a statement of the role's policies decides.
pub(super) fn decided_by_role<'b, 'a>(blamed: &'b [Blame<'a>]) -> Option<&'b Blame<'a>> {
    let of_role = |blame: &&Blame<'_>| {
        let source = blame.source;
        source.is_some_and(|source| source.layer == Layer::Identity)
    };
    blamed.iter().find(of_role)
}
