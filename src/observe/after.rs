//! Reads what the judgement at the end of `setup` needs and neither the observation nor the plan says, so that it is
//! the judgement that `verify` gives right afterwards. What is known of a bucket that was made just now is not asked.

use time::OffsetDateTime;

use super::evidence::{
    boundary_of, key_of, readable, roles_and_probe, settle_project, sharing, token_version, unless_odd,
};
use super::exports::exports;
use super::simulate::Simulation;
use crate::aws::{Aws, Failure, Session};
use crate::observed::Reading;
use crate::process::Interrupts;
use crate::verify::after::{After, Beside};
use crate::verify::evidence::{Evidence, Subject};
use crate::verify::freshness::Exports;

/// Reads, beside what was written. `wait` is told why, whenever AWS has to be asked again. The failure is of
/// credentials or the network.
pub(crate) async fn after(
    session: &Session,
    aws: &Aws,
    after: &After<'_>,
    interrupts: &Interrupts,
    wait: impl Fn(&'static str),
) -> Result<(Subject, Evidence), Failure> {
    let mut subject = after.subject();
    let (bucket, region) = (&after.spec.bucket, &after.spec.region);
    let owner = &after.spec.account;
    let default = after.default_encryption();
    let role = after.role();
    let settings = after.bucket();
    let there = Aws::new(session, region);
    let of_bucket = async {
        if after.makes_bucket() {
            let none = Exports {
                read: Vec::new(),
                not_read: Vec::new(),
                complete: true,
            };
            return Ok((
                Some(Reading::Known(false)),
                Some(Reading::Known(None)),
                Some(Reading::Known(false)),
                Some(Reading::Known(none)),
            ));
        }
        tokio::try_join!(
            unless_odd(there.keeps_versions(bucket, owner)),
            unless_odd(there.default_retention(bucket, owner)),
            unless_odd(there.requester_pays(bucket, owner)),
            async { readable(exports(&there, bucket, owner, None)).await.map(Some) },
        )
    };
    let among_roles = async {
        let (roles, probe) = roles_and_probe(aws, &role.name).await?;
        let id = roles.known().and_then(|roles| {
            let own = roles.iter().find(|other| other.name == role.name);
            own.map(|own| own.id.clone())
        });
        let sharing = sharing(aws, &role.name, roles, bucket, &settings.policy).await?;
        Ok((id, probe, sharing))
    };
    let simulation = Simulation {
        role: &role,
        bucket,
        region,
        form: &subject.form,
        project: None,
    };
    let simulated = async {
        match after.changes_iam() {
            true => simulation.reading_after_changes(aws, interrupts, wait).await,
            false => simulation.reading(aws).await,
        }
    };
    let (key, boundary, of_bucket, (role_id, probe, sharing), simulated, token_version) = tokio::try_join!(
        key_of(session, region, &subject.form, default.as_ref()),
        boundary_of(aws, Some(&role)),
        of_bucket,
        among_roles,
        simulated,
        token_version(aws, region),
    )?;
    let (versioned, retention, requester_pays, exports) = of_bucket;
    let evidence = after.evidence(
        Beside {
            role_id,
            key,
            boundary,
            versioned,
            retention,
            requester_pays,
            sharing: Some(sharing),
            probe,
            simulated,
            token_version,
            exports,
        },
        OffsetDateTime::now_utc(),
    );
    settle_project(&mut subject, &evidence);
    Ok((subject, evidence))
}
