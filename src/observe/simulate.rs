//! What the policy simulator says of a role: it alone sees the organization's service control policies. Where it does
//! not answer, the documents still tell.

use std::time::Duration;

use crate::aws::iam::ContextValues;
use crate::aws::{Aws, Cause, Failure};
use crate::encryption::Form;
use crate::names::{BucketName, ProjectId, Region};
use crate::observed::{Reading, Role, Simulated};
use crate::process::Interrupts;
use crate::verify::freshness::Family;
use crate::wait::{Patience, retry_until};

/// How long it may take until it has heard of a new role, or of its policies.
const PATIENCE: Patience = Patience::growing(Duration::from_secs(8), Duration::from_secs(4));

/// How long ago IAM was told of what it is asked about.
#[derive(Clone, Copy)]
pub(super) enum Heard<'a> {
    /// Long enough.
    Long,
    /// Right now, so that it may not have heard everywhere yet. `wait` is told, if so.
    Just {
        interrupts: &'a Interrupts,
        wait: &'a dyn Fn(&'static str),
    },
}

/// What it is asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simulation<'a> {
    pub(super) role: &'a Role,
    pub(super) bucket: &'a BucketName,
    pub(super) region: &'a Region,
    pub(super) form: &'a Form,
    pub(super) project: Option<&'a ProjectId>,
}

impl Simulation<'_> {
    /// What it says; `None` where it fails in any other way than by a refusal.
    pub(super) async fn reading(
        &self,
        aws: &Aws,
        heard: Heard<'_>,
    ) -> Result<Option<Reading<Vec<Simulated>>>, Failure> {
        let Heard::Just { interrupts, wait } = heard else {
            return settled(self.ask(aws).await);
        };
        let refused_here = |one: &Simulated| !one.allowed && one.by_organization != Some(false);
        let not_yet = |answer: &Result<Vec<Simulated>, Failure>| {
            let not_yet = match answer {
                Err(failure) => failure.cause == Cause::NotFound,
                Ok(all) => all.iter().any(refused_here),
            };
            not_yet.then_some("IAM's policy simulator has not heard of the role's policies yet")
        };
        settled(retry_until(PATIENCE, interrupts, wait, not_yet, || self.ask(aws)).await)
    }

    /// On the bucket, on one object and on the key.
    async fn ask(&self, aws: &Aws) -> Result<Vec<Simulated>, Failure> {
        let role = &self.role.arn;
        let context: ContextValues = [
            ("aws:SecureTransport", "true"),
            ("aws:RequestedRegion", self.region.as_str()),
            ("aws:PrincipalArn", role.as_str()),
            ("aws:PrincipalAccount", role.account()),
            ("aws:ResourceAccount", role.account()),
            ("kms:CallerAccount", role.account()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        let project = self.project.map_or("0", |project| project.as_str());
        let object = format!("{bucket}/{}export.json.gz", Family::Events.prefix(project));
        let mut asked = vec![
            ("s3:ListBucket", bucket.as_str()),
            ("s3:PutObject", &object),
            ("s3:GetObject", &object),
            ("s3:DeleteObject", &object),
        ];
        if let Some(key) = &self.form.key {
            asked.extend(["kms:GenerateDataKey", "kms:Decrypt"].map(|name| (name, key.as_str())));
        }
        aws.simulate(role, &asked, &context).await
    }
}

fn settled(answer: Result<Vec<Simulated>, Failure>) -> Result<Option<Reading<Vec<Simulated>>>, Failure> {
    match answer {
        Ok(simulated) => Ok(Some(Reading::Known(simulated))),
        Err(failure) if matches!(failure.cause, Cause::Denied | Cause::Odd) => {
            failure.unread().map(|unread| Some(Reading::Unreadable(unread)))
        }
        Err(failure) if failure.cause == Cause::Credentials => Err(failure),
        Err(_) => Ok(None),
    }
}
