//! Which roles of the account Mixpanel exports through: those that name it in their trust policy, or let it in without.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::role::{Depth, policies_of, readable};
use crate::aws::iam::RoleSummary;
use crate::aws::{Aws, Failure};
use crate::names::{BucketName, RoleName};
use crate::observed::Reading;
use crate::observed::existing::Writer;
use crate::policy::Document;
use crate::policy::reach::{lets_write, may_write};
use crate::policy::read;
use crate::policy::trust::{Admission, Trust};

/// How many roles are looked at side by side.
const ROLES_AT_ONCE: usize = 8;

/// The roles that trust Mixpanel's export user, by name. One that lets anybody in is among them.
pub(crate) async fn roles_that_trust_mixpanel(aws: &Aws) -> Result<Vec<RoleSummary>, Failure> {
    let mut roles = aws.roles().await?;
    roles.retain(may_be_mixpanels);
    Ok(roles)
}

/// Whether a role trusts Mixpanel's export user, or lets it in with anybody else.
pub(super) fn may_be_mixpanels(role: &RoleSummary) -> bool {
    Trust::new(&role.trust, &role.arn).admission() != Admission::None
}

/// Those of them whose policies name this bucket to write to, by name. Policies that the caller may not read name
/// nothing.
pub(crate) async fn roles_that_write_to(aws: &Aws, bucket: &BucketName) -> Result<Vec<RoleName>, Failure> {
    let roles = roles_that_trust_mixpanel(aws).await?;
    let written = buckets_written_by(aws, roles.into_iter().map(|role| role.name)).await?;
    let writing = written.into_iter().filter(|(_, buckets)| buckets.contains(bucket));
    Ok(writing.map(|(role, _)| role).collect())
}

/// The buckets that the policies of each of these roles name to write to, by the role's name. Policies that the caller
/// may not read name nothing.
pub(crate) async fn buckets_written_by(
    aws: &Aws,
    roles: impl IntoIterator<Item = RoleName>,
) -> Result<Vec<(RoleName, BTreeSet<BucketName>)>, Failure> {
    let mut written = side_by_side(roles, |role| {
        let aws = aws.clone();
        async move {
            let policies = policies_of(&aws, &role, Depth::CUSTOMERS).await?;
            policies.attached()?;
            Ok((role, read::buckets_written(policies.documents())))
        }
    })
    .await?;
    written.sort();
    Ok(written)
}

/// Looks at roles side by side, a few at a time.
async fn side_by_side<R, T, W>(roles: impl IntoIterator<Item = R>, look: impl Fn(R) -> W) -> Result<Vec<T>, Failure>
where
    T: Send + 'static,
    W: Future<Output = Result<T, Failure>> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(ROLES_AT_ONCE));
    let mut looks = JoinSet::new();
    for role in roles {
        let (look, turns) = (look(role), Arc::clone(&turns));
        looks.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            look.await
        });
    }
    looks.join_all().await.into_iter().collect()
}

/// The roles that trust Mixpanel and through which it may write into a bucket.
pub(crate) async fn writers(
    aws: &Aws,
    bucket: &BucketName,
    bucket_policy: &Reading<Option<Document>>,
) -> Result<Reading<Vec<Writer>>, Failure> {
    match readable(roles_that_trust_mixpanel(aws)).await? {
        Reading::Known(roles) => {
            let writers = writers_among(aws, roles, bucket, bucket_policy).await?;
            Ok(Reading::Known(writers))
        }
        Reading::Unreadable(denied) => Ok(Reading::Unreadable(denied)),
    }
}

/// Those of these roles that may write into a bucket, by whatever pattern and under whatever condition: their policies
/// say so, AWS's own among them, or the bucket's does. What cannot be read may say so.
pub(crate) async fn writers_among(
    aws: &Aws,
    roles: Vec<RoleSummary>,
    bucket: &BucketName,
    bucket_policy: &Reading<Option<Document>>,
) -> Result<Vec<Writer>, Failure> {
    let looked = side_by_side(roles, |role| {
        let aws = aws.clone();
        async move {
            let policies = policies_of(&aws, &role.name, Depth::DOCUMENTS).await?;
            Ok((role, policies.into_grants()?))
        }
    })
    .await?;
    let mut writing = Vec::new();
    for (role, (grants, unread)) in looked {
        let documents = grants.iter().map(|grant| &grant.document);
        let by_bucket = bucket_policy.known().is_some_and(|policy| {
            let policy = policy.as_ref();
            policy.is_some_and(|policy| lets_write(policy, bucket, &role.arn))
        });
        let unread_bucket = match bucket_policy {
            Reading::Known(_) => None,
            Reading::Unreadable(denied) => Some(denied.clone()),
        };
        let unread = unread.into_iter().next().or(unread_bucket);
        let writes = may_write(documents, bucket) || by_bucket;
        if writes || unread.is_some() {
            writing.push(Writer {
                role: role.name,
                unread: unread.filter(|_| !writes),
            });
        }
    }
    writing.sort_by(|one, other| one.role.cmp(&other.role));
    Ok(writing)
}
