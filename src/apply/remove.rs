//! Takes a set-up away: does what each removal says, and looks afterwards whether it is gone.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::empty::empty;
use super::executor::{self, Event, Ran, Teller, patiently};
use crate::aws::s3::Presence;
use crate::aws::{Aws, Cause, Failure};
use crate::names::{AccountId, RoleName};
use crate::plan::Step;
use crate::process::Interrupts;
use crate::teardown::Removal;

/// How long IAM may take until it answers that something is gone.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// What every removal needs.
#[derive(Debug, Clone)]
pub struct Place {
    /// The clients, in the bucket's region.
    pub aws: Aws,
    /// The account that everything is in.
    pub account: AccountId,
    /// The role.
    pub role: RoleName,
}

/// Runs removals to their end, or as far as they go.
pub async fn remove(
    place: &Place,
    steps: &[Step<Removal>],
    interrupts: &Interrupts,
    report: impl FnMut(Event<'_, Removal>),
) -> Ran {
    let work = |action: Removal, teller: Teller| {
        let (place, interrupts) = (place.clone(), interrupts.clone());
        async move {
            patiently(&interrupts, &teller, reason_to_wait, || {
                attempt(&place, &action, &interrupts, &teller)
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

async fn attempt(
    place: &Place,
    action: &Removal,
    interrupts: &Interrupts,
    teller: &Teller,
) -> Result<(), Failure> {
    let Place { aws, account, role } = place;
    match action {
        Removal::DetachPolicy(arn) => aws.detach_policy(role, arn).await,
        Removal::DeleteInlinePolicy(name) => aws.delete_inline_policy(role, name).await,
        Removal::DeleteData(bucket) => empty(aws, bucket, account, interrupts, teller).await,
        Removal::DeleteBucket(bucket) => aws.delete_bucket(bucket, account).await,
        Removal::DeletePolicyVersion { arn, version } => {
            aws.delete_policy_version(arn, version).await
        }
        Removal::DeletePolicy(arn) => aws.delete_policy(arn).await,
        Removal::ReleasePolicy(arn, keys) => aws.untag_policy(arn, keys).await,
        Removal::DeleteRole => aws.delete_role(role).await,
        Removal::ReleaseRole(keys) => aws.untag_role(role, keys).await,
    }
}

/// The things among those that were removed which AWS still answers with, once it has had time to forget them.
pub async fn still_there(place: &Place, steps: &[Step<Removal>]) -> Result<Vec<String>, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut there = Vec::new();
        for step in steps {
            if is_there(place, &step.action).await? {
                there.push(format!("{} {}", step.resource.as_str(), step.id));
            }
        }
        if there.is_empty() || Instant::now() >= deadline {
            return Ok(there);
        }
        sleep(PAUSE).await;
    }
}

async fn is_there(place: &Place, action: &Removal) -> Result<bool, Failure> {
    let Place { aws, account, role } = place;
    Ok(match action {
        Removal::DeleteRole => aws.role(role).await?.is_some(),
        Removal::DeletePolicy(arn) => aws.policy(arn).await?.is_some(),
        Removal::DeleteBucket(bucket) => {
            aws.bucket_presence(bucket, Some(account)).await? != Presence::Missing
        }
        _ => false,
    })
}
