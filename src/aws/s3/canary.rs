//! One small object, written and read as Mixpanel would: with the SSE headers that its form sends, whole and in parts.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption};

use crate::aws::{Aws, Cause, Failure};
use crate::encryption::{Form, Method};
use crate::names::{AccountId, BucketName};

/// What is in it.
const CONTENT: &[u8] = b"written by mixpanel-s3 verify --live, and removed again\n";

/// A place for an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Canary<'a> {
    /// The bucket.
    pub(crate) bucket: &'a BucketName,
    /// Who has to own it.
    pub(crate) owner: &'a AccountId,
    /// The object's key.
    pub(crate) key: &'a str,
    /// What Mixpanel's form says of encryption.
    pub(crate) form: &'a Form,
}

impl Canary<'_> {
    fn algorithm(&self) -> Option<ServerSideEncryption> {
        match self.form.encryption {
            Method::None => None,
            Method::Aes => Some(ServerSideEncryption::Aes256),
            Method::Kms => Some(ServerSideEncryption::AwsKms),
        }
    }

    fn kms_key(&self) -> Option<String> {
        self.form.key.as_ref().map(ToString::to_string)
    }

    fn failure<E>(
        &self,
        action: &'static str,
    ) -> impl Fn(aws_sdk_s3::error::SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>) -> Failure
    where
        E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let resource = format!("{}/{}", self.bucket, self.key);
        move |error| Failure::new(action, &resource, error)
    }
}

impl Aws {
    /// Writes the object whole.
    pub(crate) async fn put_canary(&self, canary: Canary<'_>) -> Result<(), Failure> {
        let request = self
            .s3
            .put_object()
            .bucket(canary.bucket.as_str())
            .expected_bucket_owner(canary.owner.as_str())
            .key(canary.key)
            .set_server_side_encryption(canary.algorithm())
            .set_ssekms_key_id(canary.kms_key())
            .body(ByteStream::from_static(CONTENT));
        let answer = request.send().await;
        answer.map(drop).map_err(canary.failure("s3:PutObject"))
    }

    /// Writes the object in parts: one of them, which may be small because it is the last. This is what needs
    /// `kms:Decrypt`.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions>
    pub(crate) async fn put_canary_in_parts(&self, canary: Canary<'_>) -> Result<(), Failure> {
        const ACTION: &str = "s3:PutObject";
        let request = self
            .s3
            .create_multipart_upload()
            .bucket(canary.bucket.as_str())
            .expected_bucket_owner(canary.owner.as_str())
            .key(canary.key)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .set_server_side_encryption(canary.algorithm())
            .set_ssekms_key_id(canary.kms_key());
        let upload = request.send().await.map_err(canary.failure(ACTION))?;
        let id = upload.upload_id().unwrap_or_default();
        let request = self
            .s3
            .upload_part()
            .bucket(canary.bucket.as_str())
            .expected_bucket_owner(canary.owner.as_str())
            .key(canary.key)
            .upload_id(id)
            .part_number(1)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from_static(CONTENT));
        let part = request.send().await.map_err(canary.failure(ACTION))?;
        let part = CompletedPart::builder()
            .part_number(1)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .build();
        let request = self
            .s3
            .complete_multipart_upload()
            .bucket(canary.bucket.as_str())
            .expected_bucket_owner(canary.owner.as_str())
            .key(canary.key)
            .upload_id(id)
            .multipart_upload(CompletedMultipartUpload::builder().parts(part).build());
        let answer = request.send().await;
        match answer.map(drop).map_err(canary.failure(ACTION)) {
            // If the object is there, the answer to an earlier try was lost, or what came back was odd.
            Err(failure) if matches!(failure.cause, Cause::Odd | Cause::Other) => match self.get_canary(canary).await {
                Ok(true) => Ok(()),
                _ => Err(failure),
            },
            result => result,
        }
    }

    /// Reads the object. Whether it holds what was written.
    pub(crate) async fn get_canary(&self, canary: Canary<'_>) -> Result<bool, Failure> {
        const ACTION: &str = "s3:GetObject";
        let request = self
            .s3
            .get_object()
            .bucket(canary.bucket.as_str())
            .expected_bucket_owner(canary.owner.as_str())
            .key(canary.key);
        let answer = request.send().await.map_err(canary.failure(ACTION))?;
        let content = answer.body.collect().await.map_err(|error| {
            let resource = format!("{}/{}", canary.bucket, canary.key);
            Failure::incomplete(ACTION, &resource, &error.to_string())
        })?;
        Ok(content.into_bytes() == CONTENT)
    }

    /// Removes the object; one that is gone already is as good.
    pub(crate) async fn delete_canary(&self, canary: Canary<'_>) -> Result<(), Failure> {
        let request = self
            .s3
            .delete_object()
            .bucket(canary.bucket.as_str())
            .expected_bucket_owner(canary.owner.as_str())
            .key(canary.key);
        let answer = request.send().await;
        let gone = answer.map(drop).map_err(canary.failure("s3:DeleteObject"));
        gone.or_else(Failure::unless_gone)
    }

    /// Lists one object at the most.
    pub(crate) async fn list_one(&self, bucket: &BucketName, owner: &AccountId, prefix: &str) -> Result<(), Failure> {
        let request = self
            .s3
            .list_objects_v2()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .prefix(prefix)
            .max_keys(1);
        let answer = request.send().await;
        answer
            .map(drop)
            .map_err(|error| Failure::new("s3:ListBucket", bucket.as_str(), error))
    }
}
