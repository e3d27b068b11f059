//! Whether the role is used, and whether what it wrote is fresh.

use super::{Check, CheckId, Examined, unread};
use crate::observed::Reading;
use crate::verify::freshness::{Exports, Family, PROMISE, ago};

pub(super) fn checks(case: &Examined<'_>) -> Vec<Check> {
    vec![last_used(case), freshness(case)]
}

fn last_used(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::RoleLastUsed;
    const SOURCE: &str = "iam:GetRole → RoleLastUsed";
    match &case.evidence.role {
        None => Check::skipped(ID, "there is no role"),
        Some(role) => match &role.last_used {
            Some(when) => Check::pass(ID, format!("the role was last used on {when}")).because(SOURCE),
            None => Check::skipped(
                ID,
                "nobody has used the role yet, as far as IAM has noticed: a pipeline that was created shows within \
                 hours",
            )
            .because(SOURCE),
        },
    }
}

fn freshness(case: &Examined<'_>) -> Check {
    const ID: CheckId = CheckId::ExportFresh;
    let exports = match &case.evidence.exports {
        None => return Check::skipped(ID, "it was not read"),
        Some(Reading::Unreadable(denied)) => {
            return unread(ID, "the bucket's contents", denied);
        }
        Some(Reading::Known(exports)) => exports,
    };
    // Events come at every run; the other two families only with some pipelines.
    let beside = not_read(exports);
    let newest = exports.read.iter().filter_map(|export| {
        let newest = export.newest(Family::Events);
        Some((export, newest.or_else(|| export.newest_of_all())?))
    });
    // The project that is furthest behind.
    let Some((export, when)) = newest.min_by_key(|(_, when)| *when) else {
        return Check::skipped(
            ID,
            format!("nothing was exported yet, or not in the last four weeks: --project-id names the project{beside}"),
        )
        .because("s3:ListObjectsV2 of the bucket's first level");
    };
    let now = case.evidence.now;
    let source = format!("s3:ListObjectsV2 of {}/mp_*: LastModified", export.project);
    let age = ago(when, now);
    if now - when > PROMISE {
        return Check::warn(
            ID,
            format!(
                "project {}: the newest export is {age} old; Mixpanel promises at most 48 hours{beside}",
                export.project
            ),
        )
        .because(source)
        .advise("Look at the pipeline in Mixpanel, under Settings → Destinations: it may be paused or failing.");
    }
    Check::pass(
        ID,
        format!("project {}: the newest export is {age} old{beside}", export.project),
    )
    .because(source)
}

/// What else there is, and was not looked at, as the end of a sentence.
fn not_read(exports: &Exports) -> String {
    const NAMED: usize = 5;
    let ids: Vec<&str> = exports.not_read.iter().map(|id| id.as_str()).collect();
    let mut says = match ids.as_slice() {
        [] => String::new(),
        few if few.len() <= NAMED => format!("; not read: projects {}", few.join(", ")),
        many => format!(
            "; not read: projects {} and {} more, none of them fresher",
            many[..NAMED].join(", "),
            many.len() - NAMED
        ),
    };
    if !exports.complete {
        says.push_str("; the bucket's first level has more names than were looked through");
    }
    says
}
