//! What is in a bucket.

use aws_sdk_s3::primitives::ByteStream;
use tokio::task::JoinSet;

use super::super::Cloud;
use super::super::cloud::block_on;
use super::REGION;

impl Cloud {
    /// Writes an object.
    pub fn put_object(&self, bucket: &str, key: &str) {
        let put = self.s3(REGION).put_object().bucket(bucket).key(key);
        block_on(put.body(ByteStream::from_static(b"{}")).send()).expect("an object");
    }

    /// Writes many objects, a few at a time.
    pub fn put_objects(&self, bucket: &str, keys: impl Iterator<Item = String>) {
        let s3 = self.s3(REGION);
        block_on(async {
            let mut puts = JoinSet::new();
            for key in keys {
                let put = s3.put_object().bucket(bucket).key(key);
                puts.spawn(put.body(ByteStream::from_static(b"{}")).send());
                if puts.len() >= 8 {
                    let put = puts.join_next().await.expect("one of eight");
                    put.expect("a task").expect("an object");
                }
            }
            for put in puts.join_all().await {
                put.expect("an object");
            }
        });
    }

    /// Deletes an object, which leaves a marker where versions are kept.
    pub fn delete_object(&self, bucket: &str, key: &str) {
        block_on(self.s3(REGION).delete_object().bucket(bucket).key(key).send()).expect("deleted");
    }

    /// Begins to write an object in parts.
    pub fn begin_upload(&self, bucket: &str, key: &str) {
        block_on(self.s3(REGION).create_multipart_upload().bucket(bucket).key(key).send()).expect("an upload");
    }
}
