//! Whether a live proof that was cut short left its role behind.

use super::{Check, CheckId, Examined, unread};
use crate::command_line::CommandLine;
use crate::observed::{Reading, Role};
use crate::verify::evidence::original;

const ID: CheckId = CheckId::ProbeLeft;
const SOURCE: &str = "iam:GetRole, ListAttachedRolePolicies and ListRolePolicies";

pub(super) fn left(case: &Examined<'_>) -> Check {
    let found = match &case.evidence.probe {
        None => return Check::skipped(ID, "it was not read"),
        Some(Reading::Unreadable(denied)) => {
            return unread(ID, "whether a live proof left its role", denied);
        }
        Some(Reading::Known(None)) => {
            return Check::pass(ID, "no live proof left its role behind").because("iam:GetRole → NoSuchEntity");
        }
        Some(Reading::Known(Some(found))) => found,
    };
    let original = original(
        &case.evidence.role_name,
        &case.evidence.caller.account,
        case.evidence.role.as_ref(),
        &case.evidence.grants,
    );
    if !original.is_named_by(found) {
        return Check::skipped(
            ID,
            format!(
                "role {} is not a live proof's, and --live cannot make its own beside it",
                found.name
            ),
        )
        .because(SOURCE);
    }
    let differences = original.differences(found);
    if !differences.is_empty() {
        return Check::warn(
            ID,
            format!(
                "role {} is tagged as a live proof's and is not as one makes it, so nothing removes it: {}",
                found.name,
                differences.join("; ")
            ),
        )
        .because(SOURCE)
        .fix_command(look(found));
    }
    Check::warn(
        ID,
        format!(
            "a live proof that was cut short left role {}, which may do what this role may",
            found.name
        ),
    )
    .because(SOURCE)
    .fix_command(case.verify_command().flag("--live"))
}

fn look(found: &Role) -> CommandLine {
    CommandLine::aws(["iam", "get-role"]).option("--role-name", &found.name)
}
