//! What a new bucket has from the start, which is read before it is written again.
//!
//! AWS blocks public access to every bucket that is made since April 2023, turns its ACLs off, and encrypts with SSE-S3
//! since January 2023; CreateBucket takes tags. An account, an organization or another store may do otherwise, so it is
//! read, not believed.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html>

use super::Applying;
use crate::encryption::BucketEncryption;
use crate::names::Tag;
use crate::observed::{PublicAccess, Reading};

/// What was read of a bucket right after this run made it. What could not be read is not known, and is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Born {
    pub(super) tags: Option<Vec<Tag>>,
    public_access: Option<PublicAccess>,
    encryption: Option<BucketEncryption>,
}

impl Born {
    /// Whether it blocks all public access.
    pub(super) fn blocks_public_access(&self) -> bool {
        let blocks = self.public_access.as_ref();
        blocks.is_some_and(PublicAccess::is_blocked)
    }

    /// Whether it encrypts with SSE-S3.
    pub(super) fn encrypts_with_aes(&self) -> bool {
        self.encryption == Some(BucketEncryption::Aes)
    }
}

impl Applying {
    /// Whether this run made the bucket, and it had this from the start.
    pub(super) fn was_born(&self, with: impl FnOnce(&Born) -> bool) -> bool {
        self.born.get().is_some_and(with)
    }

    /// Reads what the new bucket has, side by side.
    pub(super) async fn look_at_the_newborn(&self) {
        let (bucket, owner) = (&self.spec.bucket, &self.spec.account);
        let (tags, public_access, encryption) = tokio::join!(
            self.aws.bucket_tags(bucket, owner),
            self.aws.public_access(bucket, owner),
            self.aws.bucket_encryption(bucket, owner),
        );
        let known = |reading: Reading<Option<BucketEncryption>>| reading.known().cloned().flatten();
        let born = Born {
            tags: tags.ok().and_then(|tags| tags.known().cloned()),
            public_access: public_access.ok().and_then(|blocks| blocks.known().cloned()),
            encryption: encryption.ok().and_then(known),
        };
        self.born.get_or_init(|| born);
    }
}
