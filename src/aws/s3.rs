//! S3: finding and making buckets here, what is set on one of them in `settings`, what there is of exports in `export`,
//! what a proof writes in `canary`, and what takes it and its contents away in `removal`.

mod canary;
mod export;
mod removal;
mod settings;

pub(crate) use canary::Canary;
pub(crate) use removal::{Marker, Undeleted};
pub(crate) use settings::{EncryptionRules, LifecycleRules};

use aws_sdk_s3::types::{BucketLocationConstraint, BucketNamespace, CreateBucketConfiguration, ObjectOwnership};

use super::bounds::Listing;
use super::{Aws, Cause, Failure};
use crate::names::{AccountId, BucketName, Region, Tag};

/// What HeadBucket says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// There is no such bucket.
    Missing,
    /// It is there, in this region as far as S3 says.
    Here(Option<Region>),
    /// It is in another region.
    Elsewhere(Region),
    /// S3 refuses to say: another account's, or ours and not for this caller.
    Refused,
}

impl Aws {
    /// Whether a bucket exists, asked with HeadBucket and never with CreateBucket: in us-east-1, creating a bucket that
    /// is one's own answers 200 and resets its ACLs.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
    pub(crate) async fn bucket_presence(&self, bucket: &BucketName, owner: &AccountId) -> Result<Presence, Failure> {
        self.presence(bucket, Some(owner)).await
    }

    /// Whether there is a bucket of that name, whosever it is. Every other request names who has to own the bucket;
    /// this one is asked only where that was refused, and shows whether the refusal was for the owner's sake.
    pub(crate) async fn bucket_presence_of_anybody(&self, bucket: &BucketName) -> Result<Presence, Failure> {
        self.presence(bucket, None).await
    }

    async fn presence(&self, bucket: &BucketName, owner: Option<&AccountId>) -> Result<Presence, Failure> {
        let answer = self
            .s3
            .head_bucket()
            .bucket(bucket.as_str())
            .set_expected_bucket_owner(owner.map(|owner| owner.to_string()))
            .send()
            .await;
        match answer.map_err(|error| Failure::new("s3:ListBucket", bucket.as_str(), error)) {
            Ok(answer) => match answer.bucket_region().map(str::parse) {
                None => Ok(Presence::Here(None)),
                Some(Ok(region)) => Ok(Presence::Here(Some(region))),
                Some(Err(_)) => Err(Failure::odd(
                    "s3:ListBucket",
                    bucket.as_str(),
                    "the bucket's region is none",
                )),
            },
            Err(failure) => match (failure.cause, failure.bucket_region.clone()) {
                (Cause::NotFound, _) => Ok(Presence::Missing),
                (Cause::Redirect, Some(region)) => Ok(Presence::Elsewhere(region)),
                (Cause::Denied, _) => Ok(Presence::Refused),
                // Newer regions answer 400 to a request that was signed for another region.
                (Cause::Other, Some(region)) if failure.code == "HTTP 400" => Ok(Presence::Elsewhere(region)),
                _ => Err(failure),
            },
        }
    }

    /// Whether the caller's own account has a bucket of this name, whatever the caller may do with it.
    pub(crate) async fn owns_bucket(&self, bucket: &BucketName) -> Result<bool, Failure> {
        let answer = self
            .s3
            .list_buckets()
            .prefix(bucket.as_str())
            .send()
            .await
            .map_err(|error| Failure::new("s3:ListAllMyBuckets", "*", error))?;
        Ok(answer
            .buckets()
            .iter()
            .any(|found| found.name() == Some(bucket.as_str())))
    }

    /// The names of the account's buckets, sorted.
    pub(crate) async fn bucket_names(&self) -> Result<Vec<BucketName>, Failure> {
        let mut list = Listing::new("s3:ListAllMyBuckets", "*");
        let mut names = Vec::new();
        loop {
            let request = self.s3.list_buckets().max_buckets(1000);
            let page = request.set_continuation_token(list.marker()).send().await;
            let page = page.map_err(|error| list.failure(error))?;
            let buckets = page.buckets().iter();
            names.extend(buckets.filter_map(|bucket| bucket.name()?.parse().ok()));
            // ListBuckets says that there is more by saying where.
            let next = page.continuation_token();
            if !list.goes_on(page.buckets().len(), next.is_some(), next)? {
                break;
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes a bucket: ACLs off and tags on from its first moment. us-east-1 takes no LocationConstraint, every other
    /// region its own.
    ///
    /// The tags make it recognisable as ours even if nothing else happens. They need `s3:TagResource`; where that is
    /// refused, the bucket is made without them and they follow with PutBucketTagging.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
    pub(crate) async fn create_bucket(
        &self,
        bucket: &BucketName,
        region: &Region,
        tags: &[Tag],
    ) -> Result<(), Failure> {
        match self.create_bucket_with(bucket, region, tags).await {
            Err(failure) if failure.cause == Cause::Denied && failure.message.contains("s3:TagResource") => {
                self.create_bucket_with(bucket, region, &[]).await
            }
            result => result,
        }
    }

    async fn create_bucket_with(&self, bucket: &BucketName, region: &Region, tags: &[Tag]) -> Result<(), Failure> {
        const ACTION: &str = "s3:CreateBucket";
        let mut configuration = CreateBucketConfiguration::builder();
        if *region != Region::us_east_1() {
            configuration = configuration.location_constraint(BucketLocationConstraint::from(region.as_str()));
        }
        configuration = configuration.set_tags(
            (!tags.is_empty())
                .then(|| s3_tags(tags))
                .transpose()
                .map_err(|message| Failure::incomplete(ACTION, bucket.as_str(), &message))?,
        );
        let mut request = self
            .s3
            .create_bucket()
            .bucket(bucket.as_str())
            .object_ownership(ObjectOwnership::BucketOwnerEnforced)
            .create_bucket_configuration(configuration.build());
        if bucket.is_account_regional() {
            request = request.bucket_namespace(BucketNamespace::AccountRegional);
        }
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error))
    }
}

fn s3_tags(tags: &[Tag]) -> Result<Vec<aws_sdk_s3::types::Tag>, String> {
    tags.iter()
        .map(|tag| {
            aws_sdk_s3::types::Tag::builder()
                .key(&tag.key)
                .value(&tag.value)
                .build()
        })
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}
