//! Reads back what was written, before anything is called done.
//!
//! What decides whether Mixpanel gets in and whether anybody else does is read back: the role's trust, its attachments,
//! and the bucket's encryption, policy and public-access blocks. Tags and lifecycle rules are taken at S3's word, which
//! is strongly consistent; reading them as well would make the longest ordinary run longer and prove nothing about
//! access.

use std::time::Duration;

use super::{Applied, Born};
use crate::aws::{Aws, Failure};
use crate::encryption::{BucketEncryption, WantedDefault};
use crate::observed::{Reading, Role};
use crate::plan::{Action, Plan};
use crate::policy::compare::same_meaning;
use crate::policy::trust::{Admission, Trust};
use crate::process::Interrupts;
use crate::spec::SetupSpec;
use crate::wait::{Patience, retry_until};

/// How long IAM may take until it answers with what was written.
const PATIENCE: Patience = Patience::growing(Duration::from_secs(60), Duration::from_secs(5));

/// Something that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// It is as it was written.
    Confirmed(String),
    /// It is not, or not yet.
    Differs(String),
    /// The caller may write it and may not read it.
    Unreadable(String),
}

/// Reads back what the plan's done steps wrote. `wait` is told why, whenever AWS has to be asked again.
pub(crate) async fn read_back(
    aws: &Aws,
    spec: &SetupSpec,
    plan: &Plan,
    applied: &Applied,
    interrupts: &Interrupts,
    wait: impl Fn(&'static str),
) -> Result<Vec<Finding>, Failure> {
    let differs = |findings: &Result<Vec<Finding>, Failure>| {
        let differs = |finding| matches!(finding, &Finding::Differs(_));
        let some = findings.as_ref().is_ok_and(|findings| findings.iter().any(differs));
        some.then_some("AWS does not answer everywhere with what was written yet")
    };
    let read = || read_once(aws, spec, plan, applied);
    retry_until(PATIENCE, interrupts, wait, differs, read).await
}

async fn read_once(aws: &Aws, spec: &SetupSpec, plan: &Plan, applied: &Applied) -> Result<Vec<Finding>, Failure> {
    let done = || {
        applied
            .ran
            .done
            .iter()
            .filter_map(|index| plan.steps.get(*index))
            .map(|step| &step.action)
    };
    let wrote = |test: fn(&Action) -> bool| done().any(test);
    let (bucket, owner) = (&spec.bucket, &spec.account);
    let role_written = wrote(|a| {
        matches!(
            a,
            Action::CreateRole { .. } | Action::UpdateTrust { .. } | Action::SetBoundary { .. }
        )
    });
    let attached_written = wrote(|a| matches!(a, Action::AttachPolicy(_)));
    let encryption_written = wrote(|a| matches!(a, Action::SetEncryption { .. }));
    let policy_written = wrote(|a| matches!(a, Action::SetBucketPolicy { .. }));
    let blocks_written = wrote(|a| matches!(a, Action::BlockPublicAccess));
    // What a new bucket had from the start was read already.
    let born = applied.born.as_ref();
    let born_blocked = blocks_written && born.is_some_and(Born::blocks_public_access);
    let wants_aes =
        |action: &Action| matches!(action, Action::SetEncryption { default, .. } if *default == WantedDefault::Aes);
    let born_encrypted = wrote(wants_aes) && born.is_some_and(Born::encrypts_with_aes);

    let (role, attached, encryption, policy, blocks) = tokio::try_join!(
        maybe(role_written, aws.role(&spec.role)),
        maybe(attached_written, aws.attached_policies(&spec.role)),
        maybe(
            encryption_written && !born_encrypted,
            aws.bucket_encryption(bucket, owner)
        ),
        maybe(policy_written, aws.bucket_policy(bucket, owner)),
        maybe(blocks_written && !born_blocked, aws.public_access(bucket, owner)),
    )?;

    let actions: Vec<&Action> = done().collect();
    let mut findings = Vec::new();
    if let Some(role) = role {
        findings.extend(of_role(spec, &actions, role.as_ref()));
    }
    findings.extend(attached.map(|attached| of_attachments(&actions, &attached)));
    let wanted_default = done().find_map(|action| match action {
        Action::SetEncryption { default, .. } => Some(default),
        _ => None,
    });
    let encrypts =
        encryption.map(|encryption| encryption.map(|present| encrypts(present.as_ref(), wanted_default, applied)));
    findings.extend(reading(
        encrypts.or(born_encrypted.then_some(Reading::Known(true))),
        "the bucket encrypts as chosen",
        "the bucket does not yet encrypt as chosen",
    ));
    let wanted_policy = done().find_map(|action| match action {
        Action::SetBucketPolicy { document, .. } => Some(document),
        _ => None,
    });
    findings.extend(reading(
        policy.map(|policy| {
            policy.map(|present| match (present, wanted_policy) {
                (Some(present), Some(wanted)) => same_meaning(&present, wanted),
                _ => false,
            })
        }),
        "it refuses plain HTTP",
        "it does not yet refuse plain HTTP",
    ));
    findings.extend(reading(
        blocks
            .map(|blocks| blocks.map(|blocks| blocks.is_blocked()))
            .or(born_blocked.then_some(Reading::Known(true))),
        "it blocks all public access",
        "it does not yet block all public access",
    ));
    Ok(findings)
}

fn finding(holds: bool, yes: &str, no: &str) -> Finding {
    if holds {
        Finding::Confirmed(yes.into())
    } else {
        Finding::Differs(no.into())
    }
}

/// Whether the role is as it was written, word for word in meaning; what was only kept lets Mixpanel in.
fn of_role(spec: &SetupSpec, done: &[&Action], role: Option<&Role>) -> Vec<Finding> {
    let written = done.iter().find_map(|action| match action {
        Action::CreateRole { trust, .. } | Action::UpdateTrust { document: trust, .. } => Some(trust),
        _ => None,
    });
    let trusts = role.is_some_and(|role| match written {
        Some(written) => same_meaning(&role.trust, written),
        None => Trust::new(&role.trust, &role.arn).admission() > Admission::Kept,
    });
    let mut findings = vec![finding(
        trusts,
        "the role trusts Mixpanel's export user with your project token",
        "the role does not yet trust Mixpanel's export user with your project token",
    )];
    if let Some(wanted) = &spec.boundary {
        let present = role.and_then(|role| role.boundary.as_deref());
        findings.push(finding(
            present == Some(wanted.as_str()),
            "its permissions boundary is the one you named",
            "its permissions boundary is not yet the one you named",
        ));
    }
    findings
}

fn of_attachments(done: &[&Action], attached: &[String]) -> Finding {
    let all = done.iter().all(|action| match action {
        Action::AttachPolicy(arn) => attached.iter().any(|attached| attached == arn.as_str()),
        _ => true,
    });
    finding(all, "its policies are attached", "its policies are not attached yet")
}

fn reading(reading: Option<Reading<bool>>, yes: &str, no: &str) -> Option<Finding> {
    Some(match reading? {
        Reading::Known(holds) => finding(holds, yes, no),
        Reading::Unreadable(denied) => Finding::Unreadable(format!("{yes}: written, but {denied}")),
    })
}

/// The call's answer where it is wanted, and no call where it is not.
async fn maybe<T>(wanted: bool, call: impl Future<Output = Result<T, Failure>>) -> Result<Option<T>, Failure> {
    if wanted { call.await.map(Some) } else { Ok(None) }
}

fn encrypts(present: Option<&BucketEncryption>, wanted: Option<&WantedDefault>, applied: &Applied) -> bool {
    let wanted = wanted.and_then(|wanted| wanted.resolved(applied.new_key.as_ref()));
    match (present, wanted) {
        (Some(BucketEncryption::Aes), Some(BucketEncryption::Aes)) => true,
        // Somebody's dual layer has no bucket keys.
        (Some(BucketEncryption::Kms { key, .. }), Some(BucketEncryption::Kms { key: wanted, .. })) => *key == wanted,
        _ => false,
    }
}
