//! What a role may do: its customer-managed and inline policies, with their documents.

use tokio::task::JoinSet;

use crate::aws::{Aws, Cause, Failure};
use crate::error::DeniedCall;
use crate::names::{PolicyArn, RoleName};
use crate::observed::{AwsPolicy, InlinePolicy, Policy};
use crate::policy::Document;

/// The policies of a role.
#[derive(Debug, Clone, Default)]
pub(crate) struct RolePolicies {
    /// The ARNs of all managed policies that are attached to it, AWS's own among them.
    pub(crate) attached: Vec<String>,
    /// The customer-managed ones that were not known before, as far as the caller may read them.
    pub(crate) managed: Vec<Policy>,
    /// The inline ones, likewise.
    pub(crate) inline: Vec<InlinePolicy>,
    /// AWS's own, likewise, where they were asked for.
    pub(crate) aws_managed: Vec<AwsPolicy>,
    /// What the caller may not read.
    pub(crate) unreadable: Vec<DeniedCall>,
}

impl RolePolicies {
    /// Every document of them.
    pub(crate) fn documents(&self) -> Vec<&Document> {
        let managed = self.managed.iter().map(|policy| &policy.document);
        managed
            .chain(self.inline.iter().map(|policy| &policy.document))
            .collect()
    }
}

enum Read {
    Managed(Option<Policy>),
    AwsManaged(Option<AwsPolicy>),
    Inline(InlinePolicy),
}

/// Whether the policies that AWS itself keeps are read as well: they name no bucket, and may allow everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AwsManaged {
    /// They are read.
    Read,
    /// They are left out.
    LeftOut,
}

/// Reads a role's policies: two lists side by side, and then all documents side by side, but for the policies that are
/// read already. Nothing is answered where there is no such role.
pub(crate) async fn policies_of(
    aws: &Aws,
    role: &RoleName,
    known: &[PolicyArn],
    aws_managed: AwsManaged,
) -> Result<RolePolicies, Failure> {
    let mut found = RolePolicies::default();
    let (attached, inline) = tokio::join!(aws.attached_policies(role), aws.inline_policy_names(role));
    found.attached = attached?;
    let inline = match inline {
        Ok(names) => names,
        Err(failure) => found.refused(failure).map(|()| Vec::new())?,
    };
    let mut reads = JoinSet::new();
    for arn in &found.attached {
        let Ok(arn) = arn.parse::<PolicyArn>() else {
            continue;
        };
        let aws = aws.clone();
        if arn.is_aws_managed() {
            if aws_managed == AwsManaged::Read {
                reads.spawn(async move {
                    let document = aws.managed_document(&arn).await?;
                    Ok(Read::AwsManaged(document.map(|document| AwsPolicy { arn, document })))
                });
            }
        } else if !known.contains(&arn) {
            reads.spawn(async move { aws.policy(&arn).await.map(Read::Managed) });
        }
    }
    for name in inline {
        let (aws, role) = (aws.clone(), role.clone());
        reads.spawn(async move { aws.inline_policy(&role, &name).await.map(Read::Inline) });
    }
    for read in reads.join_all().await {
        match read {
            Ok(Read::Managed(policy)) => found.managed.extend(policy),
            Ok(Read::AwsManaged(policy)) => found.aws_managed.extend(policy),
            Ok(Read::Inline(policy)) => found.inline.push(policy),
            // It went away between the list and the look.
            Err(failure) if failure.cause == Cause::NotFound => {}
            Err(failure) => found.refused(failure)?,
        }
    }
    found.managed.sort_by(|one, other| one.arn.cmp(&other.arn));
    found.aws_managed.sort_by(|one, other| one.arn.cmp(&other.arn));
    found.inline.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

impl RolePolicies {
    fn refused(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.cause != Cause::Denied {
            return Err(failure);
        }
        self.unreadable.push(failure.denied_call());
        Ok(())
    }
}
