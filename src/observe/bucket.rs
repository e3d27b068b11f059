//! The one reader of a bucket: where it is, whether it is of the account that it should be of, and what is set on it.

use crate::aws::s3::Presence;
use crate::aws::{Aws, Cause, Failure, Session};
use crate::names::{AccountId, BucketName, Region};
use crate::observed::{Bucket, Reading};

/// Where a bucket is, as far as its owner shows.
#[derive(Debug)]
pub(crate) enum Location<T> {
    /// There is none of that name.
    Missing,
    /// It is another account's, or the caller may not list it. S3 tells neither from the other.
    Refused(Aws),
    /// It is in a region that has to be opted into, and that takes no request of this account's.
    Disabled(Region, Failure),
    /// It is there, and of that account.
    Here {
        /// Its region.
        region: Region,
        /// What asks there.
        aws: Aws,
        /// What was asked beside.
        beside: T,
    },
}

/// Finds a bucket of an account, wherever it is: S3 is asked in one region, and, since it says where a bucket is before
/// it looks at whose it is, once more in the other. `beside` is asked at the same time, of what may already be the right
/// region.
pub(crate) async fn locate<T, W>(
    session: &Session,
    likely: &Region,
    bucket: &BucketName,
    owner: &AccountId,
    beside: impl Fn(Aws) -> W,
) -> Result<Location<T>, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let mut region = likely.clone();
    let mut moved = false;
    loop {
        let aws = Aws::new(session, &region);
        let (presence, found) = tokio::join!(aws.bucket_presence(bucket, owner), beside(aws.clone()));
        match presence {
            Err(failure) if moved && region.is_opt_in() && failure.cause != Cause::Timeout => {
                return Ok(Location::Disabled(region, failure));
            }
            presence => match presence? {
                Presence::Missing => return Ok(Location::Missing),
                Presence::Refused => return Ok(Location::Refused(aws)),
                Presence::Elsewhere(there) if !moved => {
                    region = there;
                    moved = true;
                }
                Presence::Elsewhere(_) | Presence::Here(None) => {
                    let beside = found?;
                    return Ok(Location::Here { region, aws, beside });
                }
                Presence::Here(Some(there)) => {
                    let beside = found?;
                    return Ok(Location::Here {
                        region: there,
                        aws,
                        beside,
                    });
                }
            },
        }
    }
}

/// Asks for nothing beside.
pub(crate) async fn nothing(_: Aws) -> Result<(), Failure> {
    Ok(())
}

/// Everything that is set on a bucket, read side by side. `owner` is who has to own it.
pub(super) async fn settings_of(
    aws: &Aws,
    bucket: &BucketName,
    owner: &AccountId,
    region: Region,
) -> Result<Bucket, Failure> {
    let (tags, public_access, ownership, encryption, policy, lifecycle) = tokio::try_join!(
        aws.bucket_tags(bucket, owner),
        aws.public_access(bucket, owner),
        aws.ownership(bucket, owner),
        aws.bucket_encryption(bucket, owner),
        aws.bucket_policy(bucket, owner),
        aws.lifecycle(bucket, owner),
    )?;
    Ok(Bucket {
        region,
        tags,
        public_access,
        ownership,
        encryption,
        policy,
        lifecycle,
        empty: None,
    })
}

/// What bears on an export besides, where it was read: whether versions are kept, Object Lock's default retention, and
/// whether the requester pays. `None` where S3 answers with an error of no meaning here.
#[derive(Debug, Clone, Default)]
pub(super) struct Beyond {
    pub(super) versioned: Option<Reading<bool>>,
    pub(super) retention: Option<Reading<Option<String>>>,
    pub(super) requester_pays: Option<Reading<bool>>,
}

impl Beyond {
    /// That of a bucket that was made just now: CreateBucket was asked for none of it.
    pub(super) fn of_new_bucket() -> Self {
        Self {
            versioned: Some(Reading::Known(false)),
            retention: Some(Reading::Known(None)),
            requester_pays: Some(Reading::Known(false)),
        }
    }
}

pub(super) async fn beyond(aws: &Aws, bucket: &BucketName, owner: &AccountId) -> Result<Beyond, Failure> {
    let (versioned, retention, requester_pays) = tokio::try_join!(
        unless_odd(aws.keeps_versions(bucket, owner)),
        unless_odd(aws.default_retention(bucket, owner)),
        unless_odd(aws.requester_pays(bucket, owner)),
    )?;
    Ok(Beyond {
        versioned,
        retention,
        requester_pays,
    })
}

/// `None` where the answer is an error of no meaning here, as some stores that speak S3's protocol give to what they do
/// not know. What decides whether Mixpanel gets in is not read so.
async fn unless_odd<T>(call: impl Future<Output = Result<Reading<T>, Failure>>) -> Result<Option<Reading<T>>, Failure> {
    match call.await {
        Ok(reading) => Ok(Some(reading)),
        Err(failure) if failure.cause == Cause::Other => Ok(None),
        Err(failure) => Err(failure),
    }
}
