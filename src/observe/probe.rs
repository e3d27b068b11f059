//! The role of a live proof, where one is there: with everything that tells whether it is one. Reads only.

use tokio::task::JoinSet;

use crate::aws::{Aws, Cause, Failure};
use crate::names::RoleName;
use crate::observed::Role;

/// A role with what is attached to it and what is part of it; `None` where there is none.
pub(crate) async fn whole_role(aws: &Aws, name: &RoleName) -> Result<Option<Role>, Failure> {
    let Some(role) = aws.role(name).await? else {
        return Ok(None);
    };
    let (attached, names) = tokio::try_join!(aws.attached_policies(name), aws.inline_policy_names(name))?;
    let mut reads = JoinSet::new();
    for policy in names {
        let (aws, name) = (aws.clone(), name.clone());
        reads.spawn(async move { aws.inline_policy(&name, &policy).await });
    }
    let mut inline = Vec::new();
    for read in reads.join_all().await {
        match read {
            Ok(policy) => inline.push(policy),
            // It went away between the list and the look.
            Err(failure) if failure.cause == Cause::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    inline.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Some(Role {
        attached,
        inline,
        ..role
    }))
}
