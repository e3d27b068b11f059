//! Takes a set-up away: does what each removal says, and looks afterwards whether it is gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::empty::empty;
use super::executor::{self, Event, Reporter, RunReport, retry_step};
use crate::aws::s3::Presence;
use crate::aws::{Aws, Cause, Failure};
use crate::names::{BucketName, PolicyArn, RoleName};
use crate::observe::role::whole_role;
use crate::observe::roles::writers;
use crate::observed::existing::{ExistingSetup, outside_writers};
use crate::observed::{Owner, Unread, owner};
use crate::plan::Step;
use crate::plan::teardown::Removal;
use crate::process::Interrupts;
use crate::prove::probe::remove_probe;
use crate::wait::{Patience, retry_until};

/// How long IAM may take until it answers that something is gone.
const PATIENCE: Patience = Patience::steady(Duration::from_secs(60));

/// What every removal needs.
#[derive(Debug, Clone)]
pub(crate) struct TeardownContext {
    /// The clients, in the bucket's region.
    pub(crate) aws: Aws,
    /// The role.
    pub(crate) role: RoleName,
    /// What was there when it was decided what goes.
    pub(crate) standing: Arc<ExistingSetup>,
}

/// Runs removals to their end, or as far as they go.
pub(crate) async fn remove(
    place: &TeardownContext,
    steps: &[Step<Removal>],
    interrupts: &Interrupts,
    report: impl FnMut(Event<'_, Removal>),
) -> RunReport {
    // What the role loses before the bucket is touched, where the role goes; a role that is given back keeps what is
    // its own.
    let detached: Arc<BTreeSet<String>> = Arc::new(
        steps
            .iter()
            .filter_map(|step| match &step.action {
                Removal::DetachPolicy(arn) => Some(arn.to_string()),
                _ => None,
            })
            .collect(),
    );
    let role_goes = steps.iter().any(|step| step.action == Removal::DeleteRole);
    let bucket = steps.iter().find_map(|step| step.action.bucket().cloned());
    let looked_again = Arc::new(OnceCell::new());
    let work = |action: Removal, reporter: Reporter| {
        let (place, interrupts) = (place.clone(), interrupts.clone());
        let (detached, bucket) = (Arc::clone(&detached), bucket.clone());
        let looked_again = Arc::clone(&looked_again);
        async move {
            // While somebody was asked, somebody else may have worked here: then nothing goes.
            looked_again
                .get_or_try_init(|| all_is_the_same(&place, bucket.as_ref()))
                .await?;
            retry_step(&interrupts, &reporter, reason_to_wait, || async {
                if let Some(bucket) = action.bucket() {
                    if role_goes {
                        access_has_ended(&place, &detached).await?;
                    }
                    all_is_the_same(&place, Some(bucket)).await?;
                }
                attempt(&place, &action, &interrupts, &reporter).await
            })
            .await
        }
    };
    executor::run(steps, interrupts, work, report).await
}

/// What was detached or emptied a moment ago may still count as held elsewhere in AWS.
fn reason_to_wait(failure: &Failure) -> Option<&'static str> {
    match failure.cause {
        Cause::NotYet => Some("AWS is busy with another change of the same thing"),
        Cause::InUse if failure.action.starts_with("iam:") => {
            Some("IAM has not heard everywhere that nothing uses it any more")
        }
        _ => None,
    }
}

/// Whether the role has lost everything that let it write, as IAM tells: what Mixpanel writes after the last pass over
/// a bucket would go to whoever claims its name next. What somebody attached meanwhile is not removed.
async fn access_has_ended(place: &TeardownContext, detached: &BTreeSet<String>) -> Result<(), Failure> {
    const ACTION: &str = "s3:DeleteBucket";
    let TeardownContext { aws, role, .. } = place;
    let (attached, inline) = tokio::try_join!(aws.attached_policies(role), aws.inline_policy_names(role))?;
    let mut left = attached.iter().chain(&inline).peekable();
    if left.peek().is_none() {
        return Ok(());
    }
    if left.all(|name| detached.contains(name)) {
        let message = "IAM still answers that it can write";
        return Err(Failure {
            cause: Cause::NotYet,
            ..Failure::incomplete(ACTION, role.as_str(), message)
        });
    }
    Err(Failure::changed(ACTION, role.as_str(), "what is attached to the role"))
}

/// Stops where what was looked at before it was decided what goes is no longer so.
async fn all_is_the_same(place: &TeardownContext, bucket: Option<&BucketName>) -> Result<(), Failure> {
    let of_bucket = async {
        match bucket {
            Some(bucket) => bucket_is_the_same(place, bucket).await,
            None => Ok(()),
        }
    };
    tokio::try_join!(role_is_the_same(place), of_bucket).map(drop)
}

/// Stops where what says whose the bucket is has changed, or where somebody else may write to it by now: whatever
/// Mixpanel wrote there afterwards would go to whoever claims its name next.
async fn bucket_is_the_same(place: &TeardownContext, bucket: &BucketName) -> Result<(), Failure> {
    const ACTION: &str = "s3:DeleteBucket";
    let TeardownContext { aws, standing, .. } = place;
    let account = &standing.account;
    let changed = |what| Err(Failure::changed(ACTION, bucket.as_str(), what));
    let unread = |unread: Unread| Failure {
        message: unread.to_string(),
        ..Failure::refused(ACTION, bucket.as_str())
    };
    let (tags, policy) = match tokio::try_join!(aws.bucket_tags(bucket, account), aws.bucket_policy(bucket, account)) {
        // An earlier try of the same step removed it.
        Err(failure) if failure.cause == Cause::NotFound => return Ok(()),
        read => read?,
    };
    if owner(&tags.into_known().map_err(unread)?) != Owner::Us {
        return changed("its tags");
    }
    let document = policy.clone().into_known().map_err(unread)?;
    let outside = document.map(|document| outside_writers(&document, bucket, account));
    if outside.is_some_and(|writers| !writers.is_empty()) {
        return changed("its policy, which lets others write to it");
    }
    let writers = writers(aws, bucket, &policy).await?.into_known();
    let mut writers = writers.map_err(unread)?.into_iter();
    match writers.find(|writer| writer.role != place.role) {
        Some(_) => changed("the roles through which Mixpanel can write to it"),
        None => Ok(()),
    }
}

/// Stops where a role is no longer the one that was looked at: another one of its name, or one that trusts others.
async fn role_is_the_same(place: &TeardownContext) -> Result<(), Failure> {
    let (Some(was), Some(is)) = (&place.standing.role, place.aws.role(&place.role).await?) else {
        return Ok(());
    };
    match is.id == was.id && is.trust == was.trust {
        true => Ok(()),
        false => Err(Failure::changed(
            "iam:DeleteRole",
            place.role.as_str(),
            "its trust policy",
        )),
    }
}

/// Stops where a policy no longer says what it said when it was looked at.
async fn policy_is_the_same(place: &TeardownContext, arn: &PolicyArn) -> Result<(), Failure> {
    let mut policies = place.standing.policies.iter();
    let was = policies.find(|standing| standing.policy.arn == *arn);
    match (was, place.aws.managed_document(arn).await?) {
        (Some(was), Some(is)) if was.policy.document != is => {
            Err(Failure::changed("iam:DeletePolicy", arn.as_str(), "what it says"))
        }
        _ => Ok(()),
    }
}

async fn attempt(
    place: &TeardownContext,
    action: &Removal,
    interrupts: &Interrupts,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let TeardownContext { aws, role, standing } = place;
    let account = &standing.account;
    match action {
        Removal::DetachPolicy(arn) => aws.detach_policy(role, arn).await,
        Removal::DeleteData(bucket) => empty(aws, bucket, account, interrupts, reporter).await,
        Removal::DeleteBucket(bucket) => aws.delete_bucket(bucket, account).await,
        Removal::DeletePolicyVersion { arn, version } => aws.delete_policy_version(arn, version).await,
        Removal::DeletePolicy(arn) => {
            policy_is_the_same(place, arn).await?;
            aws.delete_policy(arn).await
        }
        Removal::ReleasePolicy(arn, keys) => aws.untag_policy(arn, keys).await,
        Removal::DeleteRole => {
            role_is_the_same(place).await?;
            aws.delete_role(role).await
        }
        Removal::ReleaseRole(keys) => aws.untag_role(role, keys).await,
        Removal::RemoveProbe(name) => match whole_role(aws, name).await? {
            Some(found) => remove_probe(aws, &place.standing.original(role), &found).await,
            None => Ok(()),
        },
    }
}

/// The things among those that were removed which AWS still answers with, once it has had time to forget them.
/// `wait` is told why, whenever AWS has to be asked again.
pub(crate) async fn still_there(
    place: &TeardownContext,
    steps: &[Step<Removal>],
    interrupts: &Interrupts,
    wait: impl Fn(&'static str),
) -> Result<Vec<String>, Failure> {
    let some = |there: &Result<Vec<String>, Failure>| {
        let some = there.as_ref().is_ok_and(|there| !there.is_empty());
        some.then_some("AWS still answers with what was removed")
    };
    retry_until(PATIENCE, interrupts, wait, some, || there(place, steps)).await
}

async fn there(place: &TeardownContext, steps: &[Step<Removal>]) -> Result<Vec<String>, Failure> {
    let mut there = Vec::new();
    for step in steps {
        if is_there(place, &step.action).await? {
            there.push(format!("{} {}", step.resource.as_str(), step.id));
        }
    }
    Ok(there)
}

async fn is_there(place: &TeardownContext, action: &Removal) -> Result<bool, Failure> {
    let TeardownContext { aws, role, standing } = place;
    let account = &standing.account;
    Ok(match action {
        Removal::DeleteRole => aws.role(role).await?.is_some(),
        Removal::RemoveProbe(name) => aws.role(name).await?.is_some(),
        Removal::DeletePolicy(arn) => aws.policy(arn).await?.is_some(),
        Removal::DeleteBucket(bucket) => aws.bucket_presence(bucket, account).await? != Presence::Missing,
        _ => false,
    })
}
