//! Which roles of the account Mixpanel exports through: those that trust its export user.

use tokio::task::JoinSet;

use super::policies::policies_of;
use crate::aws::iam::RoleSummary;
use crate::aws::{Aws, Failure};
use crate::names::{BucketName, RoleName};
use crate::policy::read::{self, Trust};

/// The roles that trust Mixpanel's export user, by name.
pub async fn roles_that_trust_mixpanel(aws: &Aws) -> Result<Vec<RoleSummary>, Failure> {
    let mut roles = aws.roles().await?;
    roles.retain(|role| read::trust_in_mixpanel(&role.trust) != Trust::None);
    Ok(roles)
}

/// Those of them whose policies name this bucket to write to, by name. Policies that the caller may not read name nothing.
pub async fn roles_that_write_to(aws: &Aws, bucket: &BucketName) -> Result<Vec<RoleName>, Failure> {
    let mut looks = JoinSet::new();
    for role in roles_that_trust_mixpanel(aws).await? {
        let aws = aws.clone();
        looks.spawn(async move {
            let policies = policies_of(&aws, &role.name, &[]).await;
            policies.map(|policies| (role.name, policies))
        });
    }
    let mut writing = Vec::new();
    for look in looks.join_all().await {
        let (role, policies) = look?;
        if read::buckets_written(policies.documents()).contains(bucket) {
            writing.push(role);
        }
    }
    writing.sort();
    Ok(writing)
}
