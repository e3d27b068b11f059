//! What else is set on a bucket that bears on an export, and what exports there are in it. Reads only.

use aws_sdk_s3::types::{BucketVersioningStatus, CommonPrefix, Object, Payer};
use time::OffsetDateTime;

use super::settings::optional;
use crate::aws::bounds::Listing;
use crate::aws::{Aws, Failure};
use crate::names::{AccountId, BucketName};
use crate::observed::{Exported, Reading};

/// How many pages of a bucket's first level are looked through for projects.
const FIRST_LEVEL_PAGES: usize = 20;

/// How long Object Lock keeps a new object, in S3's words, such as `GOVERNANCE for 30 days`.
pub(crate) type Retention = String;

impl Aws {
    /// Whether the bucket keeps versions.
    pub(crate) async fn keeps_versions(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<bool>, Failure> {
        let request = self.s3.get_bucket_versioning().bucket(bucket.as_str());
        let request = request.expected_bucket_owner(owner.as_str());
        let answer = request.send().await;
        let answer = answer.map_err(|error| Failure::new("s3:GetBucketVersioning", bucket.as_str(), error));
        Ok(optional(answer)?
            .map(|answer| answer.is_some_and(|answer| answer.status() == Some(&BucketVersioningStatus::Enabled))))
    }

    /// The default retention of Object Lock, if there is one.
    pub(crate) async fn default_retention(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<Option<Retention>>, Failure> {
        let request = self.s3.get_object_lock_configuration().bucket(bucket.as_str());
        let request = request.expected_bucket_owner(owner.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new("s3:GetBucketObjectLockConfiguration", bucket.as_str(), error));
        Ok(optional(answer)?.map(|answer| {
            let configuration = answer?.object_lock_configuration?;
            let retention = configuration.rule?.default_retention?;
            let mode = retention.mode()?.as_str();
            match (retention.days(), retention.years()) {
                (Some(days), _) => Some(format!("{mode} for {days} days")),
                (None, Some(years)) => Some(format!("{mode} for {years} years")),
                (None, None) => None,
            }
        }))
    }

    /// Whether whoever asks pays for requests.
    pub(crate) async fn requester_pays(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<bool>, Failure> {
        let request = self.s3.get_bucket_request_payment().bucket(bucket.as_str());
        let request = request.expected_bucket_owner(owner.as_str());
        let answer = request.send().await;
        let answer = answer.map_err(|error| Failure::new("s3:GetBucketRequestPayment", bucket.as_str(), error));
        Ok(optional(answer)?.map(|answer| answer.is_some_and(|answer| answer.payer() == Some(&Payer::Requester))))
    }

    /// The folders of the bucket's first level that begin with a digit, without the slash, and whether they are all of
    /// them: twenty pages of a thousand names are looked at.
    pub(crate) async fn project_folders(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<(Vec<String>, bool), Failure> {
        let mut list = Listing::new("s3:ListBucket", bucket.as_str());
        let mut folders = Vec::new();
        for _ in 0..FIRST_LEVEL_PAGES {
            let request = self.s3.list_objects_v2().bucket(bucket.as_str());
            let request = request.expected_bucket_owner(owner.as_str());
            // S3 lists by code point, in which the digits stand between a slash and a colon.
            let request = request.delimiter("/").start_after("/");
            let page = request.set_continuation_token(list.marker()).send().await;
            let page = page.map_err(|error| list.failure(error))?;
            let prefixes = page.common_prefixes().iter();
            let prefixes = prefixes.filter_map(CommonPrefix::prefix);
            let keys = page.contents().iter().filter_map(Object::key);
            let is_past = keys.chain(prefixes.clone()).any(|name| name >= ":");
            let digits = prefixes.filter(|name| name.starts_with(|c: char| c.is_ascii_digit()));
            folders.extend(digits.map(|name| name.trim_end_matches('/').to_owned()));
            let truncated = page.is_truncated() == Some(true);
            let items = page.contents().len() + page.common_prefixes().len();
            let next = page.next_continuation_token();
            if !list.goes_on(items, truncated, next)? || is_past {
                return Ok((folders, true));
            }
        }
        Ok((folders, false))
    }

    /// The folders right below a prefix that ends with a slash, by their whole names. The first thousand of them.
    pub(crate) async fn folders(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        prefix: &str,
    ) -> Result<Vec<String>, Failure> {
        let request = self.s3.list_objects_v2().bucket(bucket.as_str());
        let request = request.expected_bucket_owner(owner.as_str());
        let answer = request.prefix(prefix).delimiter("/").send().await;
        let answer = answer.map_err(|error| Failure::new("s3:ListBucket", bucket.as_str(), error))?;
        let prefixes = answer.common_prefixes().iter();
        Ok(prefixes
            .filter_map(|below| below.prefix().map(str::to_owned))
            .filter(|below| below.starts_with(prefix))
            .collect())
    }

    /// What there is under a prefix, of which at most so many pages of a thousand are looked at. One page is kept in
    /// memory.
    pub(crate) async fn exported(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        prefix: &str,
        most_pages: usize,
    ) -> Result<Exported, Failure> {
        let mut list = Listing::new("s3:ListBucket", bucket.as_str());
        let mut exported = Exported::default();
        for _ in 0..most_pages {
            let request = self.s3.list_objects_v2().bucket(bucket.as_str());
            let request = request.expected_bucket_owner(owner.as_str()).prefix(prefix);
            let page = request.set_continuation_token(list.marker()).send().await;
            let page = page.map_err(|error| list.failure(error))?;
            exported.objects += page.contents().len();
            let written = page
                .contents()
                .iter()
                .filter_map(|object| OffsetDateTime::from_unix_timestamp(object.last_modified()?.secs()).ok());
            exported.newest = exported.newest.max(written.max());
            let truncated = page.is_truncated() == Some(true);
            let next = page.next_continuation_token();
            if !list.goes_on(page.contents().len(), truncated, next)? {
                exported.complete = true;
                return Ok(exported);
            }
        }
        Ok(exported)
    }
}
