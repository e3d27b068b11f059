//! Reads what the judgement at the end of `setup` needs and the world after the plan does not say, so that it is the
//! judgement that `verify` gives right afterwards. What is known of a bucket that was made just now is not asked.

use super::bucket::{Beyond, beyond};
use super::evidence::{Known, boundary_of, facts_of, roles_and_probe, settle_project};
use super::simulate::Heard;
use crate::aws::{Aws, Failure, Session};
use crate::details::Details;
use crate::encryption::Form;
use crate::observed::{Bucket, Observed};
use crate::plan::{Plan, Resource};
use crate::process::Interrupts;
use crate::spec::SetupSpec;
use crate::verify::evidence::{BucketFacts, BucketStanding, Evidence, Grant, Subject};
use crate::verify::freshness::Exports;

/// What `setup` leaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    /// What was wanted.
    pub(crate) spec: &'a SetupSpec,
    /// What stood before.
    pub(crate) before: &'a Observed,
    /// What was done.
    pub(crate) plan: &'a Plan,
    /// What stands now.
    pub(crate) world: &'a Observed,
    /// What Mixpanel is told.
    pub(crate) details: &'a Details,
}

impl Left<'_> {
    /// What Mixpanel is told, as something to judge.
    fn subject(&self) -> Subject {
        Subject {
            tokens: self.spec.tokens.iter().cloned().collect(),
            region: Some(self.spec.region.clone()),
            form: Form {
                encryption: self.details.encryption,
                key: self.details.kms_key_id.clone(),
                is_declared: true,
            },
            ..Subject::default()
        }
    }

    /// Whether the plan changed something of which IAM may not have heard everywhere yet.
    fn changes_iam(&self) -> bool {
        let of_iam = |resource| matches!(resource, Resource::Role | Resource::Policy);
        self.plan.steps.iter().any(|step| of_iam(step.resource))
    }

    fn known(&self, form: Form) -> Known<'static> {
        let Observed {
            caller, bucket, role, ..
        } = self.world;
        let is_new = self.before.bucket.is_none();
        // What is beyond the settings comes with the rest.
        let standing = |bucket: &Bucket| {
            let facts = facts_of(&self.spec.account, bucket.clone(), Beyond::default());
            BucketStanding::Here(Box::new(facts))
        };
        Known {
            caller: caller.clone(),
            role_name: self.spec.role.clone(),
            role: role.clone(),
            unread_role: None,
            grants: Grant::all_of(self.world),
            unread_grants: self.world.unread.clone(),
            bucket: bucket
                .as_ref()
                .map(|bucket| (self.spec.bucket.clone(), standing(bucket))),
            form,
            project: None,
            exports: is_new.then(Exports::none),
        }
    }
}

/// Reads, beside what was written. `wait` is told why, whenever AWS has to be asked again. The failure is of
/// credentials or the network.
pub(crate) async fn after(
    session: &Session,
    left: Left<'_>,
    interrupts: &Interrupts,
    wait: impl Fn(&'static str),
) -> Result<(Subject, Evidence), Failure> {
    let mut subject = left.subject();
    let known = left.known(subject.form.clone());
    let aws = Aws::new(session, &left.spec.region);
    let heard = match left.changes_iam() {
        true => Heard::Just {
            interrupts,
            wait: &wait,
        },
        false => Heard::Long,
    };
    let beyond = async {
        match left.before.bucket {
            None => Ok(Beyond::of_new_bucket()),
            Some(_) => beyond(&aws, &left.spec.bucket, &left.spec.account).await,
        }
    };
    let rest = known.rest(
        session,
        roles_and_probe(&aws, &left.spec.role),
        boundary_of(&aws, known.role.as_ref()),
        known.simulated(session, heard),
    );
    let (mut evidence, beyond) = tokio::try_join!(rest, beyond)?;
    if let Some((_, BucketStanding::Here(facts))) = &mut evidence.bucket {
        let BucketFacts { owner, settings, .. } = facts.as_ref();
        **facts = facts_of(owner, settings.clone(), beyond);
    }
    settle_project(&mut subject, &evidence);
    Ok((subject, evidence))
}
