//! The one reader of a role: what is attached to it and part of it, with the documents that whoever asks has need of.

use tokio::task::JoinSet;

use crate::aws::{Aws, Cause, Failure};
use crate::names::{PolicyArn, RoleName};
use crate::observed::{InlinePolicy, ManagedDocument, Policy, Reading, Role, Unread};
use crate::policy::Document;
use crate::verify::evidence::Grant;

/// How much of a role's policies is read. Every list and every inline policy is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Depth<'a> {
    /// What is read of the policies that the customer manages.
    pub(crate) managed: Managed,
    /// Whether the policies that AWS itself keeps are read as well: they name no bucket, and may allow everything.
    pub(crate) of_aws: bool,
    /// The policies that somebody reads already.
    pub(crate) but: &'a [PolicyArn],
}

/// What is read of a policy that the customer manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Managed {
    /// Nothing: it is enough to know that it is attached.
    Unread,
    /// What it says.
    Document,
    /// Its tags and versions too, which tell whose it is and what can be written.
    Whole,
}

impl Depth<'_> {
    /// What everything says that grants something to the role: AWS's own policies too, since one of them may be what
    /// lets Mixpanel write.
    pub(crate) const DOCUMENTS: Self = Self {
        managed: Managed::Document,
        of_aws: true,
        but: &[],
    };

    /// What the customer wrote, which is what names a bucket or a key.
    pub(crate) const CUSTOMERS: Self = Self {
        managed: Managed::Document,
        of_aws: false,
        but: &[],
    };
}

/// The policies of a role.
#[derive(Debug)]
pub(crate) struct RolePolicies {
    /// The ARNs of all managed policies that are attached to it, AWS's own among them; or why they are not known.
    pub(crate) attached: Result<Vec<String>, Failure>,
    /// The customer-managed ones, where they were read whole.
    pub(crate) managed: Vec<Policy>,
    /// What the others say that were read.
    pub(crate) documents: Vec<ManagedDocument>,
    /// The inline ones.
    pub(crate) inline: Vec<InlinePolicy>,
    /// The calls that were refused, or whose answer made no sense, but for the list of what is attached.
    pub(crate) unread: Vec<Failure>,
}

enum Read {
    Managed(Option<Policy>),
    Document(Option<ManagedDocument>),
    Inline(InlinePolicy),
}

/// Reads a role's policies: two lists side by side, and then all documents side by side. What is refused, or makes no
/// sense, stands in the answer and stops nothing.
pub(crate) async fn policies_of(aws: &Aws, role: &RoleName, depth: Depth<'_>) -> Result<RolePolicies, Failure> {
    let (attached, inline) = tokio::join!(aws.attached_policies(role), aws.inline_policy_names(role));
    let mut unread = Vec::new();
    let attached = tolerated(attached)?;
    let inline = tolerated(inline)?.unwrap_or_else(|failure| {
        unread.push(failure);
        Vec::new()
    });
    let mut found = RolePolicies {
        attached,
        managed: Vec::new(),
        documents: Vec::new(),
        inline: Vec::new(),
        unread,
    };
    for read in found.reads(aws, role, inline, depth).join_all().await {
        match read {
            Ok(Read::Managed(policy)) => found.managed.extend(policy),
            Ok(Read::Document(policy)) => found.documents.extend(policy),
            Ok(Read::Inline(policy)) => found.inline.push(policy),
            // It went away between the list and the look.
            Err(failure) if failure.cause == Cause::NotFound => {}
            Err(failure) => found.unread.extend(tolerated::<()>(Err(failure))?.err()),
        }
    }
    found.managed.sort_by(|one, other| one.arn.cmp(&other.arn));
    found.documents.sort_by(|one, other| one.arn.cmp(&other.arn));
    found.inline.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The failure inside, where the rest can go on without the answer; outside, where it cannot.
fn tolerated<T>(answer: Result<T, Failure>) -> Result<Result<T, Failure>, Failure> {
    match answer {
        Err(failure) if !matches!(failure.cause, Cause::Denied | Cause::Odd) => Err(failure),
        answer => Ok(answer),
    }
}

impl RolePolicies {
    fn reads(
        &self,
        aws: &Aws,
        role: &RoleName,
        inline: Vec<String>,
        depth: Depth<'_>,
    ) -> JoinSet<Result<Read, Failure>> {
        let mut reads = JoinSet::new();
        let attached = self.attached.iter().flatten();
        for arn in attached.filter_map(|arn| arn.parse::<PolicyArn>().ok()) {
            let aws = aws.clone();
            let wanted = match (arn.is_aws_managed(), depth.managed) {
                _ if depth.but.contains(&arn) => Managed::Unread,
                (true, _) if depth.of_aws => Managed::Document,
                (true, _) => Managed::Unread,
                (false, managed) => managed,
            };
            match wanted {
                Managed::Unread => continue,
                Managed::Whole => reads.spawn(async move { aws.policy(&arn).await.map(Read::Managed) }),
                Managed::Document => reads.spawn(async move {
                    let document = aws.managed_document(&arn).await?;
                    Ok(Read::Document(
                        document.map(|document| ManagedDocument { arn, document }),
                    ))
                }),
            };
        }
        for name in inline {
            let (aws, role) = (aws.clone(), role.clone());
            reads.spawn(async move { aws.inline_policy(&role, &name).await.map(Read::Inline) });
        }
        reads
    }

    /// The ARNs of what is attached, for work that cannot go on without them, nor with answers that make no sense.
    pub(crate) fn attached(&self) -> Result<Vec<String>, Failure> {
        let senseless = self.unread.iter().find(|failure| failure.cause == Cause::Odd);
        match senseless {
            Some(failure) => Err(failure.clone()),
            None => self.attached.clone(),
        }
    }

    /// Every document that was read.
    pub(crate) fn documents(&self) -> Vec<&Document> {
        let managed = self.managed.iter().map(|policy| &policy.document);
        let documents = self.documents.iter().map(|policy| &policy.document);
        let inline = self.inline.iter().map(|policy| &policy.document);
        managed.chain(documents).chain(inline).collect()
    }

    /// What grants something to the role, by name, and what of it could not be read.
    pub(crate) fn into_grants(self) -> Result<(Vec<Grant>, Vec<Unread>), Failure> {
        let unread = self.attached.err().into_iter().chain(self.unread);
        let unread = unread.map(Failure::unread).collect::<Result<_, _>>()?;
        let managed = self
            .managed
            .iter()
            .map(|policy| Grant::managed(&policy.arn, &policy.document));
        let documents = self
            .documents
            .iter()
            .map(|policy| Grant::managed(&policy.arn, &policy.document));
        let inline = self.inline.iter().map(Grant::inline);
        let mut grants: Vec<Grant> = managed.chain(documents).chain(inline).collect();
        grants.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((grants, unread))
    }
}

/// A role with what is attached to it and what is part of it; `None` where there is none.
pub(crate) async fn whole_role(aws: &Aws, name: &RoleName) -> Result<Option<Role>, Failure> {
    let Some(role) = aws.role(name).await? else {
        return Ok(None);
    };
    let depth = Depth {
        managed: Managed::Unread,
        of_aws: false,
        but: &[],
    };
    let policies = policies_of(aws, name, depth).await?;
    let attached = policies.attached()?;
    match policies.unread.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(Some(Role {
            attached,
            inline: policies.inline,
            ..role
        })),
    }
}

/// `Unreadable` for what the caller may not read, and for what makes no sense.
pub(super) async fn readable<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<Reading<T>, Failure> {
    match call.await {
        Ok(value) => Ok(Reading::Known(value)),
        Err(failure) => failure.unread().map(Reading::Unreadable),
    }
}
