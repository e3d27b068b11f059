//! Reads AWS, side by side where one answer does not need another, into [`Observed`]. Reads only.
//!
//! In a set-up of ours, the longest chain is three calls: who am I and the role; the bucket's presence, the policies
//! and what is attached; the bucket's sub-resources and the policies' documents. Policies of other names take one more,
//! since only the list of what is attached tells of them.

pub(crate) mod after;
pub(crate) mod bucket;
pub(crate) mod evidence;
pub(crate) mod existing;
mod exports;
pub(crate) mod role;
pub(crate) mod roles;
mod simulate;

use crate::aws::profile::Profile;
use crate::aws::{Aws, Failure, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::names::{AccountId, BucketName, IamPath, KeyReference, Partition, Region, RoleName};
use crate::observed::{Bucket, Caller, Key, Observation, Observed, Policy, Role, Unread, claims_bucket};
use crate::spec::{data_policy_name, kms_policy_name, policy_arn};
use bucket::{Location, locate, nothing, settings_of};
use role::{Depth, Managed, RolePolicies, policies_of};

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    /// The bucket, and the region that it has to be in.
    pub(crate) bucket: BucketName,
    /// Where the bucket has to be.
    pub(crate) region: Region,
    /// The role.
    pub(crate) role: RoleName,
    /// The path of role and policies, if one was given.
    pub(crate) path: Option<IamPath>,
    /// The key, as a person named it, or the alias under which this program makes one.
    pub(crate) key: Option<KeyReference>,
    /// Whether the key has to be one that this program made, so that it is read whose it is.
    pub(crate) key_is_ours: bool,
}

/// Reads everything that a set-up touches.
pub(crate) async fn observe(session: &Session, targets: &Targets) -> Result<Observation> {
    let Targets {
        bucket,
        region,
        role: name,
        path,
        key,
        key_is_ours,
    } = targets;
    let aws = &Aws::new(session, region);
    let profile = session.profile();
    // Who calls comes first: an error about credentials is best told by the call that needs no permission.
    let (caller, role, key) = tokio::join!(aws.caller(), aws.role(name), key_named(aws, key.as_ref()));
    let caller = checked_caller(caller, profile)?;
    let (role, key) = (
        role.map_err(|f| f.into_error(profile))?,
        key.map_err(|f| f.into_error(profile))?,
    );

    let account = &caller.account;
    let present_path = role.as_ref().map(|role| role.path.clone());
    let path = path.clone().or(present_path).unwrap_or_else(IamPath::root);
    let data_policy = policy_arn(account, &path, &data_policy_name(name));
    let kms_policy = policy_arn(account, &path, &kms_policy_name(name));
    let known = [data_policy.clone(), kms_policy.clone()];
    let depth = Depth {
        managed: Managed::Whole,
        of_aws: true,
        but: &known,
    };
    let of_role = async {
        match &role {
            Some(role) => policies_of(aws, &role.name, depth).await.map(Some),
            None => Ok(None),
        }
    };
    let kms = async {
        // Without a role and without a key there is nothing that a KMS policy could belong to.
        if targets.key.is_some() || role.is_some() {
            aws.policy(&kms_policy).await
        } else {
            Ok(None)
        }
    };
    let ownership = async {
        match key.as_ref().filter(|_| *key_is_ours) {
            Some(key) => aws.key_ownership(&key.arn).await.map(Some),
            None => Ok(None),
        }
    };
    let failed = |failure: Failure| failure.into_error(profile);
    let (bucket, data_policy, kms_policy, of_role, key_ownership) = tokio::try_join!(
        bucket_of(session, aws, bucket, region, account),
        async { aws.policy(&data_policy).await.map_err(failed) },
        async { kms.await.map_err(failed) },
        async { of_role.await.map_err(failed) },
        async { ownership.await.map_err(failed) },
    )?;
    let (role, managed, unread) = with_policies(role, of_role).map_err(failed)?;
    let own = data_policy.into_iter().chain(kms_policy);
    let bucket = match (bucket, &role) {
        (Some(found), Some(role)) if claims_bucket(role, &targets.bucket) => {
            Some(with_content(aws, &targets.bucket, account, found).await)
        }
        (found, _) => found,
    };
    Ok(Observation {
        observed: Observed {
            caller,
            bucket,
            role,
            policies: own.chain(managed).collect(),
            unread,
        },
        key,
        key_ownership,
    })
}

async fn key_named(aws: &Aws, reference: Option<&KeyReference>) -> Result<Option<Key>, Failure> {
    match reference {
        Some(reference) => aws.key(reference.as_str()).await,
        None => Ok(None),
    }
}

/// A role with what its policies say, the customer-managed ones of them, and what could not be read.
type WithPolicies = (Option<Role>, Vec<Policy>, Vec<Unread>);

fn with_policies(role: Option<Role>, policies: Option<RolePolicies>) -> Result<WithPolicies, Failure> {
    let (Some(role), Some(policies)) = (role, policies) else {
        return Ok((None, Vec::new(), Vec::new()));
    };
    let attached = policies.attached()?;
    let refused = policies.unread.into_iter().map(Failure::unread);
    let unread = refused.collect::<Result<_, _>>()?;
    let role = Role {
        attached,
        inline: policies.inline,
        aws_managed: policies.documents,
        ..role
    };
    Ok((Some(role), policies.managed, unread))
}

/// Who calls, if Mixpanel can be trusted from there.
pub(crate) async fn caller(aws: &Aws, profile: &Profile) -> Result<Caller> {
    checked_caller(aws.caller().await, profile)
}

fn checked_caller(caller: Result<Caller, Failure>, profile: &Profile) -> Result<Caller> {
    let caller = caller.map_err(|failure| failure.into_error(profile))?;
    match caller.partition {
        Partition::Aws => Ok(caller),
        other => Err(Error::closed_partition(other)),
    }
}

/// The bucket with its sub-resources, `None` where there is none, and an error where it is not one to write into.
async fn bucket_of(
    session: &Session,
    aws: &Aws,
    bucket: &BucketName,
    region: &Region,
    owner: &AccountId,
) -> Result<Option<Bucket>> {
    match find_bucket(session, region, bucket, owner).await? {
        None => Ok(None),
        Some(found) if found != *region => {
            Err(Error::usage(format!("Bucket {bucket} is in {found}, not in {region}."))
                .hint(format!("Run again with --region {found}, or choose another bucket.")))
        }
        Some(_) => settings_of(aws, bucket, owner, region.clone())
            .await
            .map(Some)
            .map_err(|failure| failure.into_error(session.profile())),
    }
}

/// A bucket that a role claims and that has no tags of its own, with whether anything is in it: one whose making was
/// cut short is empty. Every other bucket is spared the look.
async fn with_content(aws: &Aws, name: &BucketName, owner: &AccountId, bucket: Bucket) -> Bucket {
    let untagged = bucket.tags.known().is_some_and(Vec::is_empty);
    Bucket {
        empty: match untagged {
            // What cannot be told is not taken for empty.
            true => aws.is_empty(name, owner).await.ok(),
            false => None,
        },
        ..bucket
    }
}

/// Where the bucket of that name is in this account; `None` where there is none. `likely` is the region that is asked
/// first, and the answer where S3 does not say.
pub(crate) async fn find_bucket(
    session: &Session,
    likely: &Region,
    bucket: &BucketName,
    owner: &AccountId,
) -> Result<Option<Region>> {
    let failed = |failure: Failure| failure.into_error(session.profile());
    match locate(session, likely, bucket, owner, nothing).await.map_err(failed)? {
        Location::Missing => Ok(None),
        Location::Here { region, .. } | Location::Disabled(region, _) => Ok(Some(region)),
        Location::Refused(aws) => Err(refused_bucket(&aws, bucket, owner).await),
    }
}

/// S3 refuses HeadBucket alike for somebody else's bucket and for one's own that the caller may not list. What the
/// caller owns tells them apart, where the caller may ask.
async fn refused_bucket(aws: &Aws, bucket: &BucketName, owner: &AccountId) -> Error {
    match aws.owns_bucket(bucket).await {
        Ok(true) => {
            let mut error = Error::new(
                ErrorKind::Denied,
                format!("Bucket {bucket} is in your account {owner}, but AWS refuses s3:ListBucket on it."),
            )
            .hint(
                "Ask whoever administers the account to allow s3:ListBucket on it, or use another profile with \
                 --profile.",
            );
            error.denied.push(crate::error::DeniedCall {
                action: "s3:ListBucket".into(),
                resource: bucket.to_string(),
                layer: None,
            });
            error
        }
        Ok(false) => Error::new(
            ErrorKind::Conflict,
            format!(
                "The name {bucket} belongs to a bucket of another AWS account. S3 bucket names are unique across all \
                 accounts."
            ),
        )
        .hint(format!("Choose another name, such as {bucket}-{owner}.")),
        Err(_) => Error::new(
            ErrorKind::Conflict,
            format!(
                "Bucket {bucket} exists, and AWS refuses access to it: it belongs to another account, or to yours and \
                 you may not list it."
            ),
        )
        .hint("Choose another name, or ask for s3:ListBucket and s3:ListAllMyBuckets to tell which."),
    }
}
