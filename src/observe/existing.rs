//! Reads what is there of a set-up that is to be taken away. Reads only.

use tokio::task::JoinSet;

use super::bucket::{Location, locate, nothing};
use super::role::{Depth, Managed, policies_of, readable, whole_role};
use super::roles::writers;
use crate::aws::{Aws, Cause, Failure, Session};
use crate::error::Result;
use crate::names::{AccountId, BucketName, Region, RoleName};
use crate::observed::existing::{ExistingBucket, ExistingKey, ExistingPolicy, ExistingSetup, outside_writers};
use crate::observed::{Caller, Owner, Policy, Reading, Role, owner, probe_name};
use crate::policy::{Document, read};
use crate::spec::{data_policy_name, kms_policy_name, new_key_alias, policy_arn};

/// Reads everything that there is of the set-up of a role. The bucket is the given one, or the one that the role's own
/// policies write to. The region that is answered is the one where the set-up is.
pub(crate) async fn existing(
    session: &Session,
    caller: &Caller,
    role: &RoleName,
    bucket: Option<&BucketName>,
) -> Result<(ExistingSetup, Region)> {
    let aws = Aws::new(session, &session.home_region());
    let failed = |failure: Failure| failure.into_error(session.profile());
    let account = &caller.account;
    let probe = async {
        match probe_name(role) {
            Some(name) => readable(whole_role(&aws, &name)).await,
            None => Ok(Reading::Known(None)),
        }
    };
    let (present, probe) = tokio::try_join!(aws.role(role), probe).map_err(failed)?;
    let (present, policies, instance_profiles) = match present {
        Some(present) => {
            let (policies, profiles) = tokio::try_join!(
                with_policies(&aws, account, present),
                readable(aws.instance_profiles(role))
            )
            .map_err(failed)?;
            let (present, policies) = policies;
            (Some(present), policies, profiles)
        }
        None => {
            let policies = policies_without_role(&aws, role).await.map_err(failed)?;
            (None, policies, Reading::Known(Vec::new()))
        }
    };
    let bucket = bucket.cloned().or_else(|| only_bucket(present.as_ref(), &policies));
    let bucket = async {
        let found = match &bucket {
            Some(bucket) => existing_bucket(session, bucket, account).await?,
            None => None,
        };
        let Some((bucket, policy)) = found else {
            return Ok((None, Reading::Known(Vec::new())));
        };
        let writers = writers(&aws, &bucket.name, &policy).await.map_err(failed)?;
        Ok((Some(bucket), writers))
    };
    let users = async { with_users(&aws, role, policies).await.map_err(failed) };
    let ((bucket, writers), policies) = tokio::try_join!(bucket, users)?;

    let region = bucket
        .as_ref()
        .map_or_else(|| session.home_region(), |bucket| bucket.region.clone());
    let there = Aws::new(session, &region);
    let alias = new_key_alias(role);
    let key = match optional(there.key(alias.as_str())).await.map_err(failed)? {
        Some(Some(key)) => {
            let ownership = there.key_ownership(&key.arn).await.map_err(failed)?;
            Some(ExistingKey {
                objection: ownership.objection(account.as_str()),
                arn: key.arn,
            })
        }
        _ => None,
    };
    let standing = ExistingSetup {
        account: account.clone(),
        role: present,
        instance_profiles,
        policies,
        bucket,
        writers,
        probe,
        key,
    };
    Ok((standing, region))
}

/// The bucket that the set-up's policies write to, where they name only one.
fn only_bucket(role: Option<&Role>, policies: &[Policy]) -> Option<BucketName> {
    let documents = policies
        .iter()
        .filter(|policy| owner(&policy.tags) != Owner::Others)
        .map(|policy| &policy.document);
    let inline = role.into_iter().flat_map(|role| &role.inline);
    let documents = documents.chain(inline.map(|policy| &policy.document));
    let mut buckets = read::buckets_written(documents).into_iter();
    buckets.next().filter(|_| buckets.next().is_none())
}

/// A role with everything that is attached to it or part of it, and its policies: those, and those of its own names.
async fn with_policies(aws: &Aws, account: &AccountId, role: Role) -> Result<(Role, Vec<Policy>), Failure> {
    let own =
        [data_policy_name(&role.name), kms_policy_name(&role.name)].map(|name| policy_arn(account, &role.path, &name));
    let depth = Depth {
        managed: Managed::Whole,
        of_aws: false,
        but: &own,
    };
    let (of_role, data, kms) = tokio::try_join!(
        policies_of(aws, &role.name, depth),
        aws.policy(&own[0]),
        aws.policy(&own[1])
    )?;
    // A role goes only without its inline policies.
    let of_inline = |failure: &&Failure| ["iam:ListRolePolicies", "iam:GetRolePolicy"].contains(&failure.action);
    let attached = of_role.attached()?;
    if let Some(failure) = of_role.unread.iter().find(of_inline) {
        return Err(failure.clone());
    }
    let mut policies: Vec<Policy> = data.into_iter().chain(kms).collect();
    policies.extend(of_role.managed);
    let role = Role {
        attached,
        inline: of_role.inline,
        ..role
    };
    Ok((role, policies))
}

/// The policies of a role that is gone, or was never made: by their names, whatever path they are on.
async fn policies_without_role(aws: &Aws, role: &RoleName) -> Result<Vec<Policy>, Failure> {
    let names = [data_policy_name(role), kms_policy_name(role)];
    let mut reads = JoinSet::new();
    for arn in aws.policies_named(&names).await? {
        let aws = aws.clone();
        reads.spawn(async move { aws.policy(&arn).await });
    }
    let read: Result<Vec<Option<Policy>>, Failure> = reads.join_all().await.into_iter().collect();
    let mut policies: Vec<Policy> = read?.into_iter().flatten().collect();
    policies.sort_by(|one, other| one.arn.cmp(&other.arn));
    Ok(policies)
}

async fn with_users(aws: &Aws, role: &RoleName, policies: Vec<Policy>) -> Result<Vec<ExistingPolicy>, Failure> {
    let mut reads = JoinSet::new();
    for policy in policies {
        let (aws, own) = (aws.clone(), format!("role {role}"));
        reads.spawn(async move {
            let ours = owner(&policy.tags) != Owner::Others;
            // A policy goes only without its other versions.
            if ours && policy.versions.is_empty() {
                let arn = policy.arn.as_str();
                return Err(Failure::refused("iam:ListPolicyVersions", arn));
            }
            let users = match ours {
                true => readable(aws.policy_users(&policy.arn)).await?,
                false => Reading::Known(Vec::new()),
            };
            let others = users.map(|mut users| {
                users.retain(|user| *user != own);
                users
            });
            Ok::<_, Failure>(ExistingPolicy { policy, others })
        });
    }
    let read: Result<Vec<ExistingPolicy>, Failure> = reads.join_all().await.into_iter().collect();
    let mut policies = read?;
    policies.sort_by(|one, other| one.policy.arn.cmp(&other.policy.arn));
    Ok(policies)
}

/// The bucket and its policy, as far as they can be read; `None` where there is none in this account.
async fn existing_bucket(
    session: &Session,
    bucket: &BucketName,
    account: &AccountId,
) -> Result<Option<(ExistingBucket, Reading<Option<Document>>)>> {
    let failed = |failure: Failure| failure.into_error(session.profile());
    let (region, aws) = match locate(session, &session.home_region(), bucket, account, nothing)
        .await
        .map_err(failed)?
    {
        Location::Missing => return Ok(None),
        Location::Disabled(_, failure) => return Err(failed(failure)),
        Location::Refused(_) => {
            let refused = Failure::refused("s3:ListBucket", bucket.as_str());
            let bucket = ExistingBucket {
                name: bucket.clone(),
                region: session.home_region(),
                owner: None,
                empty: None,
                outside_writers: Vec::new(),
            };
            return Ok(Some((bucket, Reading::Unreadable(refused.denied_call().into()))));
        }
        Location::Here { region, aws, .. } => (region, aws),
    };
    let (tags, empty, policy) = tokio::try_join!(
        aws.bucket_tags(bucket, account),
        optional(aws.is_empty(bucket, account)),
        aws.bucket_policy(bucket, account),
    )
    .map_err(failed)?;
    let outside = policy.known().and_then(|policy| {
        let policy = policy.as_ref()?;
        Some(outside_writers(policy, bucket, account))
    });
    let bucket = ExistingBucket {
        name: bucket.clone(),
        region,
        owner: match tags {
            Reading::Known(tags) => Some(owner(&tags)),
            Reading::Unreadable(_) => None,
        },
        empty,
        outside_writers: outside.unwrap_or_default(),
    };
    Ok(Some((bucket, policy)))
}

/// `None` for what the caller may not read.
async fn optional<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<Option<T>, Failure> {
    match call.await {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.cause == Cause::Denied => Ok(None),
        Err(failure) => Err(failure),
    }
}
