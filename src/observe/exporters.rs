//! Which roles of the account Mixpanel exports through: those that name it in their trust policy, or let it in without.

use tokio::task::JoinSet;

use super::policies::{AwsManaged, policies_of};
use crate::aws::iam::RoleSummary;
use crate::aws::{Aws, Failure};
use crate::names::{BucketName, RoleName};
use crate::policy::read;
use crate::policy::trust::{Admission, Trust};

/// The roles that trust Mixpanel's export user, by name. One that lets anybody in is among them.
pub async fn roles_that_trust_mixpanel(aws: &Aws) -> Result<Vec<RoleSummary>, Failure> {
    let mut roles = aws.roles().await?;
    roles.retain(|role| Trust::new(&role.trust, &role.arn).admission() != Admission::None);
    Ok(roles)
}

/// Those of them whose policies name this bucket to write to, by name. Policies that the caller may not read name nothing.
pub async fn roles_that_write_to(aws: &Aws, bucket: &BucketName) -> Result<Vec<RoleName>, Failure> {
    let mut looks = JoinSet::new();
    for role in roles_that_trust_mixpanel(aws).await? {
        let aws = aws.clone();
        looks.spawn(async move {
            let policies = policies_of(&aws, &role.name, &[], AwsManaged::LeftOut).await;
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
