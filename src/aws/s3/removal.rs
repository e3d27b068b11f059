//! S3: what is in a bucket, and how it goes: versions, delete markers, unfinished uploads, and the bucket itself.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use crate::aws::bounds::MOST_OBJECT_PAGES;
use crate::aws::{Aws, Cause, Failure};
use crate::names::{AccountId, BucketName};

/// How many objects one request lists, and one request deletes; S3 takes no more.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const PAGE: i32 = 1000;

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ObjectVersion {
    /// The object's key.
    pub(crate) key: String,
    /// The version's ID; `null` where the bucket keeps no versions.
    pub(crate) version: Option<String>,
}

/// A multipart upload that was begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnfinishedUpload {
    /// The object's key.
    pub(crate) key: String,
    /// The upload's ID.
    pub(crate) id: String,
}

/// A part of a list, and where the next part begins.
#[derive(Debug, Clone)]
pub(crate) struct Page<T> {
    /// What it lists.
    pub(crate) items: Vec<T>,
    /// What the next page is asked with: a key, and a version's or an upload's ID.
    pub(crate) next: Option<Marker>,
}

/// Where a page begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marker {
    key: Option<String>,
    id: Option<String>,
    /// How many pages came before.
    pages: usize,
}

/// What S3 answered to a listing.
struct ListedPage<T> {
    items: Vec<T>,
    truncated: bool,
    next_key: Option<String>,
    next_id: Option<String>,
}

impl<T> ListedPage<T> {
    /// The page that began at a marker, and where the next one begins. S3 lists keys in the order of their bytes, so a
    /// page that does not begin behind the one before is of a list that goes round in circles.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>
    fn page_after(self, from: &Marker, action: &'static str, bucket: &BucketName) -> Result<Page<T>, Failure> {
        let items = self.items;
        if !self.truncated {
            return Ok(Page { items, next: None });
        }
        let next = Marker {
            key: self.next_key.filter(|key| !key.is_empty()),
            id: self.next_id.filter(|id| !id.is_empty()),
            pages: from.pages + 1,
        };
        let why = if next.key.is_none() {
            "it says that there is more, and not where".to_owned()
        } else if next.key < from.key {
            "it goes back to an earlier key".to_owned()
        } else if (&next.key, &next.id) == (&from.key, &from.id) {
            "it repeats its marker".to_owned()
        } else if next.pages >= MOST_OBJECT_PAGES {
            format!("it has more than {MOST_OBJECT_PAGES} pages")
        } else {
            let next = Some(next);
            return Ok(Page { items, next });
        };
        let why = format!("the list does not end: {why}");
        Err(Failure::odd(action, bucket.as_str(), &why))
    }
}

/// An object that S3 did not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undeleted {
    /// Its key.
    pub(crate) key: String,
    /// S3's code and message.
    pub(crate) why: String,
    /// Whether the caller may not.
    pub(crate) denied: bool,
}

impl Aws {
    /// Whether there is nothing in a bucket: no version, no delete marker, no unfinished upload.
    pub(crate) async fn is_empty(&self, bucket: &BucketName, owner: &AccountId) -> Result<bool, Failure> {
        let start = Marker::default();
        let (versions, uploads) = tokio::try_join!(
            self.object_versions(bucket, owner, &start, 1),
            self.multipart_uploads(bucket, owner, None, &start)
        )?;
        // A page may hold nothing and say that there is more.
        let nothing_listed = versions.items.is_empty() && uploads.items.is_empty();
        Ok(nothing_listed && !versions.truncated && !uploads.truncated)
    }

    /// A page of versions and delete markers.
    pub(crate) async fn versions_page(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        from: &Marker,
    ) -> Result<Page<ObjectVersion>, Failure> {
        let listed = self.object_versions(bucket, owner, from, PAGE).await?;
        listed.page_after(from, "s3:ListBucketVersions", bucket)
    }

    async fn object_versions(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        from: &Marker,
        most: i32,
    ) -> Result<ListedPage<ObjectVersion>, Failure> {
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
        let text = |text: Option<&str>| text.map(str::to_owned);
        Ok(ListedPage {
            items: versions
                .filter_map(|found| version(found.key(), found.version_id()))
                .chain(markers.filter_map(|found| version(found.key(), found.version_id())))
                .collect(),
            truncated: answer.is_truncated() == Some(true),
            next_key: text(answer.next_key_marker()),
            next_id: text(answer.next_version_id_marker()),
        })
    }

    /// Deletes at most a page of versions. What S3 refused to delete is answered.
    pub(crate) async fn delete_versions(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        versions: &[ObjectVersion],
    ) -> Result<Vec<Undeleted>, Failure> {
        const ACTION: &str = "s3:DeleteObjectVersion";
        let odd =
            |error: aws_sdk_s3::error::BuildError| Failure::incomplete(ACTION, bucket.as_str(), &error.to_string());
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
    pub(crate) async fn unfinished_uploads(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        prefix: Option<&str>,
        from: &Marker,
    ) -> Result<Page<UnfinishedUpload>, Failure> {
        let listed = self.multipart_uploads(bucket, owner, prefix, from).await?;
        listed.page_after(from, "s3:ListBucketMultipartUploads", bucket)
    }

    async fn multipart_uploads(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        prefix: Option<&str>,
        from: &Marker,
    ) -> Result<ListedPage<UnfinishedUpload>, Failure> {
        let request = self
            .s3
            .list_multipart_uploads()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .set_prefix(prefix.map(str::to_owned))
            .set_key_marker(from.key.clone())
            .set_upload_id_marker(from.id.clone());
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new("s3:ListBucketMultipartUploads", bucket.as_str(), error))?;
        let uploads = answer.uploads().iter().filter_map(|upload| {
            Some(UnfinishedUpload {
                key: upload.key()?.to_owned(),
                id: upload.upload_id()?.to_owned(),
            })
        });
        let text = |text: Option<&str>| text.map(str::to_owned);
        Ok(ListedPage {
            items: uploads.collect(),
            truncated: answer.is_truncated() == Some(true),
            next_key: text(answer.next_key_marker()),
            next_id: text(answer.next_upload_id_marker()),
        })
    }

    /// Aborts an unfinished upload; one that is gone already is as good.
    pub(crate) async fn abort_upload(
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
        match done.map_err(|error| Failure::new("s3:AbortMultipartUpload", bucket.as_str(), error)) {
            Err(failure) if failure.code == "NoSuchUpload" => Ok(()),
            done => done,
        }
    }

    /// Removes an empty bucket; one that is gone already is as good.
    pub(crate) async fn delete_bucket(&self, bucket: &BucketName, owner: &AccountId) -> Result<(), Failure> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_objects_goes_forward_and_ends() {
        let bucket: BucketName = "acme-export".parse().unwrap();
        let page = |from: &Marker, truncated, key: Option<&str>, id: Option<&str>| {
            let listed = ListedPage::<ObjectVersion> {
                items: Vec::new(),
                truncated,
                next_key: key.map(str::to_owned),
                next_id: id.map(str::to_owned),
            };
            listed.page_after(from, "s3:ListBucketVersions", &bucket)
        };
        let next = |from: &Marker, key, id| page(from, true, Some(key), Some(id)).map(|page| page.next);
        let start = Marker::default();
        assert_eq!(page(&start, false, Some("k"), None).unwrap().next, None);
        let first = next(&start, "k", "2").unwrap().unwrap();
        // The same key goes on with another version; IDs have no order.
        let second = next(&first, "k", "1").unwrap().unwrap();
        assert_eq!(second.pages, 2);
        assert!(next(&second, "l", "1").is_ok());
        for (from, key, id, why) in [
            (&second, Some("k"), Some("1"), "repeats"),
            (&second, Some("j"), Some("1"), "an earlier key"),
            (&second, Some(""), Some("1"), "and not where"),
            (&start, None, None, "and not where"),
        ] {
            let failure = page(from, true, key, id).unwrap_err();
            assert!(failure.message.contains(why), "{failure}");
        }
        let last = Marker {
            pages: MOST_OBJECT_PAGES - 1,
            ..second
        };
        assert!(next(&last, "z", "1").unwrap_err().message.contains("pages"));
    }
}
