//! S3: what is in a bucket, and how it goes: versions, delete markers, unfinished uploads, and the bucket itself.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::{Aws, Cause, Failure};
use crate::names::{AccountId, BucketName};

/// How many objects one request lists, and one request deletes; S3 takes no more.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const PAGE: i32 = 1000;

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// The object's key.
    pub key: String,
    /// The version's ID; `null` where the bucket keeps no versions.
    pub version: Option<String>,
}

/// A multipart upload that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The object's key.
    pub key: String,
    /// The upload's ID.
    pub id: String,
}

/// A part of a list, and where the next part begins.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What it lists.
    pub items: Vec<T>,
    /// What the next page is asked with: a key, and a version's or an upload's ID.
    pub next: Option<Marker>,
}

/// Where a page begins.
#[derive(Debug, Clone, Default)]
pub struct Marker {
    key: Option<String>,
    id: Option<String>,
}

/// An object that S3 did not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undeleted {
    /// Its key.
    pub key: String,
    /// S3's code and message.
    pub why: String,
    /// Whether the caller may not.
    pub denied: bool,
}

impl Aws {
    /// Whether there is nothing in a bucket: no version, no delete marker, no unfinished upload.
    pub async fn is_empty(&self, bucket: &BucketName, owner: &AccountId) -> Result<bool, Failure> {
        let start = Marker::default();
        let (versions, uploads) = tokio::try_join!(
            self.object_versions(bucket, owner, &start, 1),
            self.unfinished_uploads(bucket, owner, None, &start)
        )?;
        Ok(versions.items.is_empty() && uploads.items.is_empty())
    }

    /// A page of versions and delete markers.
    pub async fn versions_page(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        from: &Marker,
    ) -> Result<Page<ObjectVersion>, Failure> {
        self.object_versions(bucket, owner, from, PAGE).await
    }

    async fn object_versions(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        from: &Marker,
        most: i32,
    ) -> Result<Page<ObjectVersion>, Failure> {
        let request = self
            .s3
            .list_object_versions()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .set_key_marker(from.key.clone())
            .set_version_id_marker(from.id.clone())
            .max_keys(most);
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new("s3:ListBucketVersions", bucket.as_str(), error))?;
        let version = |key: Option<&str>, version: Option<&str>| {
            key.map(|key| ObjectVersion {
                key: key.to_owned(),
                version: version.map(str::to_owned),
            })
        };
        let versions = answer.versions().iter();
        let markers = answer.delete_markers().iter();
        Ok(Page {
            items: versions
                .filter_map(|found| version(found.key(), found.version_id()))
                .chain(markers.filter_map(|found| version(found.key(), found.version_id())))
                .collect(),
            next: (answer.is_truncated() == Some(true)).then(|| Marker {
                key: answer.next_key_marker().map(str::to_owned),
                id: answer.next_version_id_marker().map(str::to_owned),
            }),
        })
    }

    /// Deletes at most a page of versions. What S3 refused to delete is answered.
    pub async fn delete_versions(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        versions: &[ObjectVersion],
    ) -> Result<Vec<Undeleted>, Failure> {
        const ACTION: &str = "s3:DeleteObjectVersion";
        let odd = |error: aws_sdk_s3::error::BuildError| {
            Failure::incomplete(ACTION, bucket.as_str(), &error.to_string())
        };
        let mut delete = Delete::builder().quiet(true);
        for version in versions {
            let object = ObjectIdentifier::builder()
                .key(&version.key)
                .set_version_id(version.version.clone());
            delete = delete.objects(object.build().map_err(odd)?);
        }
        let request = self
            .s3
            .delete_objects()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .delete(delete.build().map_err(odd)?);
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error))?;
        let undeleted = answer.errors().iter().map(|error| {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            Undeleted {
                key: text(error.key()),
                why: format!("{}: {}", text(error.code()), text(error.message())),
                denied: error.code() == Some("AccessDenied"),
            }
        });
        Ok(undeleted.collect())
    }

    /// A page of unfinished uploads, of keys that begin so.
    pub async fn unfinished_uploads(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        prefix: Option<&str>,
        from: &Marker,
    ) -> Result<Page<UnfinishedUpload>, Failure> {
        let request = self
            .s3
            .list_multipart_uploads()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .set_prefix(prefix.map(str::to_owned))
            .set_key_marker(from.key.clone())
            .set_upload_id_marker(from.id.clone());
        let answer = request.send().await.map_err(|error| {
            Failure::new("s3:ListBucketMultipartUploads", bucket.as_str(), error)
        })?;
        let uploads = answer.uploads().iter().filter_map(|upload| {
            Some(UnfinishedUpload {
                key: upload.key()?.to_owned(),
                id: upload.upload_id()?.to_owned(),
            })
        });
        Ok(Page {
            items: uploads.collect(),
            next: (answer.is_truncated() == Some(true)).then(|| Marker {
                key: answer.next_key_marker().map(str::to_owned),
                id: answer.next_upload_id_marker().map(str::to_owned),
            }),
        })
    }

    /// Aborts an unfinished upload; one that is gone already is as good.
    pub async fn abort_upload(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        upload: &UnfinishedUpload,
    ) -> Result<(), Failure> {
        let request = self
            .s3
            .abort_multipart_upload()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .key(&upload.key)
            .upload_id(&upload.id);
        let done = request.send().await.map(drop);
        match done.map_err(|error| Failure::new("s3:AbortMultipartUpload", bucket.as_str(), error))
        {
            Err(failure) if failure.code == "NoSuchUpload" => Ok(()),
            done => done,
        }
    }

    /// Removes an empty bucket; one that is gone already is as good.
    pub async fn delete_bucket(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<(), Failure> {
        let request = self
            .s3
            .delete_bucket()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str());
        let done = request.send().await.map(drop);
        match done.map_err(|error| Failure::new("s3:DeleteBucket", bucket.as_str(), error)) {
            Err(failure) if failure.cause == Cause::NotFound => Ok(()),
            done => done,
        }
    }
}
