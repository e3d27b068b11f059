//! The settings of one bucket: tags, public-access blocks, object ownership, encryption, policy, lifecycle.
//!
//! Each names the account that must own the bucket (`ExpectedBucketOwner`), so that a bucket of somebody else's which
//! happens to be open to us is refused instead of being read or, worse, configured. What is not configured is `None` or
//! false, and what the caller may not read is [`Reading::Unreadable`].

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tagging,
    TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};

use super::s3_tags;
use crate::aws::failure::document;
use crate::aws::{Aws, Cause, Failure};
use crate::encryption::{BucketEncryption, DefaultKey};
use crate::names::{AccountId, BucketName, Tag};
use crate::observed::{self, Lifecycle, Ownership, PublicAccess, Reading};
use crate::policy::Document;
use crate::spec::{ABORT_AFTER_DAYS, ABORT_RULE_ID};

impl Aws {
    /// The bucket's tags.
    pub(crate) async fn bucket_tags(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<Vec<Tag>>, Failure> {
        let request = self
            .s3
            .get_bucket_tagging()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new("s3:GetBucketTagging", bucket.as_str(), error));
        let tags = optional(answer)?;
        Ok(tags.map(|answer| {
            let tags = answer.map(|answer| answer.tag_set).unwrap_or_default();
            tags.into_iter()
                .map(|tag| Tag {
                    key: tag.key,
                    value: tag.value,
                })
                .collect()
        }))
    }

    /// Replaces the bucket's tags.
    pub(crate) async fn put_bucket_tags(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        tags: &[Tag],
    ) -> Result<(), Failure> {
        const ACTION: &str = "s3:PutBucketTagging";
        let invalid = |message: String| Failure::incomplete(ACTION, bucket.as_str(), &message);
        let tagging = Tagging::builder()
            .set_tag_set(Some(s3_tags(tags).map_err(invalid)?))
            .build();
        self.s3
            .put_bucket_tagging()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .tagging(tagging.map_err(|error| invalid(error.to_string()))?)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error))
    }

    /// The bucket's public-access blocks.
    pub(crate) async fn public_access(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<PublicAccess>, Failure> {
        const ACTION: &str = "s3:GetBucketPublicAccessBlock";
        let request = self
            .s3
            .get_public_access_block()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error));
        let blocks = answer.and_then(|answer| {
            let blocks = answer.public_access_block_configuration.map(|blocks| {
                [
                    blocks.block_public_acls,
                    blocks.ignore_public_acls,
                    blocks.block_public_policy,
                    blocks.restrict_public_buckets,
                ]
            });
            let blocks = blocks.filter(|blocks| blocks.iter().any(Option::is_some));
            blocks.ok_or_else(|| says_nothing(ACTION, bucket))
        });
        Ok(optional(blocks)?.map(|blocks| {
            let blocks = PublicAccess::BLOCKS.iter().zip(blocks.unwrap_or_default());
            let off = blocks.filter(|(_, on)| *on != Some(true));
            PublicAccess {
                off: off.map(|(name, _)| *name).collect(),
            }
        }))
    }

    /// Turns all four public-access blocks of the bucket on.
    pub(crate) async fn block_public_access(&self, bucket: &BucketName, owner: &AccountId) -> Result<(), Failure> {
        let blocks = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        self.s3
            .put_public_access_block()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .public_access_block_configuration(blocks)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("s3:PutBucketPublicAccessBlock", bucket.as_str(), error))
    }

    /// Who owns the bucket's objects.
    pub(crate) async fn ownership(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<Ownership>, Failure> {
        const ACTION: &str = "s3:GetBucketOwnershipControls";
        let request = self
            .s3
            .get_bucket_ownership_controls()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error));
        let rules = answer.and_then(|answer| {
            let rules = answer.ownership_controls.map(|controls| controls.rules);
            let rules = rules.filter(|rules| !rules.is_empty());
            rules.ok_or_else(|| says_nothing(ACTION, bucket))
        });
        Ok(optional(rules)?.map(|rules| {
            // S3 keeps one rule.
            let rule = rules.and_then(|rules| rules.into_iter().next());
            let setting = rule.map(|rule| rule.object_ownership.as_str().to_owned());
            Ownership {
                setting: setting.unwrap_or_else(|| Ownership::UNSET.into()),
            }
        }))
    }

    /// Turns ACLs off.
    pub(crate) async fn turn_acls_off(&self, bucket: &BucketName, owner: &AccountId) -> Result<(), Failure> {
        const ACTION: &str = "s3:PutBucketOwnershipControls";
        let invalid = unbuildable(ACTION, bucket);
        let rule = OwnershipControlsRule::builder()
            .object_ownership(ObjectOwnership::BucketOwnerEnforced)
            .build()
            .map_err(invalid)?;
        let controls = OwnershipControls::builder().rules(rule).build().map_err(invalid)?;
        self.s3
            .put_bucket_ownership_controls()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .ownership_controls(controls)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error))
    }

    /// The bucket's default encryption. Since 2023 AWS answers SSE-S3 for a bucket that never had one configured.
    pub(crate) async fn bucket_encryption(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<Option<BucketEncryption>>, Failure> {
        let rules = self.encryption_rules(bucket, owner).await?;
        Ok(rules.map(|rules| rules.default_encryption()))
    }

    /// Everything that is set about the bucket's encryption.
    pub(crate) async fn encryption_rules(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<EncryptionRules>, Failure> {
        const ACTION: &str = "s3:GetEncryptionConfiguration";
        let answer = self
            .s3
            .get_bucket_encryption()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error));
        let rules = answer.and_then(|answer| {
            let configuration = answer.server_side_encryption_configuration;
            let rules = configuration.map(|configuration| configuration.rules);
            let rules = rules.filter(|rules| !rules.is_empty());
            rules.ok_or_else(|| says_nothing(ACTION, bucket))
        });
        Ok(optional(rules)?.map(|rules| EncryptionRules(rules.unwrap_or_default())))
    }

    /// Sets the bucket's default encryption: SSE-S3, or SSE-KMS with a bucket key and a key of one's own or `aws/s3`.
    /// The request replaces everything that is set about encryption, so all the rest of what is `present` is sent
    /// along: which kinds of encryption the bucket refuses, above all.
    pub(crate) async fn put_bucket_encryption(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        wanted: &BucketEncryption,
        present: EncryptionRules,
    ) -> Result<(), Failure> {
        const ACTION: &str = "s3:PutEncryptionConfiguration";
        let invalid = unbuildable(ACTION, bucket);
        let (algorithm, key) = match wanted {
            BucketEncryption::Aes => (ServerSideEncryption::Aes256, None),
            BucketEncryption::Kms { key, .. } => (ServerSideEncryption::AwsKms, key.id()),
        };
        // Somebody's dual layer stays; there are no bucket keys with it.
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingDSSEncryption.html>
        let algorithm = match algorithm {
            ServerSideEncryption::AwsKms if present.is_dual_layer() => ServerSideEncryption::AwsKmsDsse,
            other => other,
        };
        let with_bucket_key = algorithm == ServerSideEncryption::AwsKms && wanted.has_bucket_key();
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(algorithm)
            .set_kms_master_key_id(key.map(str::to_owned))
            .build()
            .map_err(invalid)?;
        let mut rules = present.0;
        match rules.first_mut() {
            Some(rule) => {
                rule.apply_server_side_encryption_by_default = Some(default);
                rule.bucket_key_enabled = with_bucket_key.then_some(true);
            }
            None => rules.push(
                ServerSideEncryptionRule::builder()
                    .apply_server_side_encryption_by_default(default)
                    .set_bucket_key_enabled(with_bucket_key.then_some(true))
                    .build(),
            ),
        }
        let configuration = ServerSideEncryptionConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .map_err(invalid)?;
        self.s3
            .put_bucket_encryption()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .server_side_encryption_configuration(configuration)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error))
    }

    /// The bucket's policy.
    pub(crate) async fn bucket_policy(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<Option<Document>>, Failure> {
        const ACTION: &str = "s3:GetBucketPolicy";
        let request = self
            .s3
            .get_bucket_policy()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str());
        let answer = request
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error));
        let policy = answer.and_then(|answer| document(ACTION, bucket.as_str(), answer.policy().unwrap_or_default()));
        optional(policy)
    }

    /// Replaces the bucket's policy.
    pub(crate) async fn put_bucket_policy(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        document: &Document,
    ) -> Result<(), Failure> {
        self.s3
            .put_bucket_policy()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .policy(document.to_json())
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new("s3:PutBucketPolicy", bucket.as_str(), error))
    }

    /// What there is of lifecycle rules.
    pub(crate) async fn lifecycle(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<Lifecycle>, Failure> {
        let rules = self.lifecycle_rules(bucket, owner).await?;
        Ok(rules.map(|rules| rules.lifecycle()))
    }

    /// The lifecycle rules, whole.
    pub(crate) async fn lifecycle_rules(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
    ) -> Result<Reading<LifecycleRules>, Failure> {
        const ACTION: &str = "s3:GetLifecycleConfiguration";
        let answer = self
            .s3
            .get_bucket_lifecycle_configuration()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .send()
            .await
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error));
        let rules = answer.and_then(|answer| {
            let rules = answer.rules.filter(|rules| !rules.is_empty());
            Ok(LifecycleRules {
                rules: rules.ok_or_else(|| says_nothing(ACTION, bucket))?,
                smallest: answer.transition_default_minimum_object_size,
            })
        });
        Ok(optional(rules)?.map(Option::unwrap_or_default))
    }

    /// Adds the rule that aborts unfinished multipart uploads after [`ABORT_AFTER_DAYS`] days to those that are
    /// `present`, which the request replaces and which are sent along.
    pub(crate) async fn abort_unfinished_uploads(
        &self,
        bucket: &BucketName,
        owner: &AccountId,
        present: LifecycleRules,
    ) -> Result<(), Failure> {
        const ACTION: &str = "s3:PutLifecycleConfiguration";
        let invalid = unbuildable(ACTION, bucket);
        let LifecycleRules { mut rules, smallest } = present;
        rules.retain(|rule| rule.id() != Some(ABORT_RULE_ID));
        rules.push(
            LifecycleRule::builder()
                .id(ABORT_RULE_ID)
                .status(ExpirationStatus::Enabled)
                .filter(LifecycleRuleFilter::builder().prefix("").build())
                .abort_incomplete_multipart_upload(
                    AbortIncompleteMultipartUpload::builder()
                        .days_after_initiation(ABORT_AFTER_DAYS)
                        .build(),
                )
                .build()
                .map_err(invalid)?,
        );
        let configuration = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .map_err(invalid)?;
        self.s3
            .put_bucket_lifecycle_configuration()
            .bucket(bucket.as_str())
            .expected_bucket_owner(owner.as_str())
            .set_transition_default_minimum_object_size(smallest)
            .lifecycle_configuration(configuration)
            .send()
            .await
            .map(drop)
            .map_err(|error| Failure::new(ACTION, bucket.as_str(), error))
    }
}

/// Everything that is set about a bucket's encryption, in S3's own words.
#[derive(Debug, Clone, Default)]
pub(crate) struct EncryptionRules(Vec<ServerSideEncryptionRule>);

impl EncryptionRules {
    /// Whether the default is the dual layer of KMS encryption.
    fn is_dual_layer(&self) -> bool {
        let default = self
            .0
            .first()
            .and_then(|rule| rule.apply_server_side_encryption_by_default());
        default.is_some_and(|default| *default.sse_algorithm() == ServerSideEncryption::AwsKmsDsse)
    }

    /// The default encryption.
    pub(crate) fn default_encryption(&self) -> Option<BucketEncryption> {
        let rule = self.0.first()?;
        let default = rule.apply_server_side_encryption_by_default()?;
        Some(match default.sse_algorithm() {
            ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse => BucketEncryption::Kms {
                key: DefaultKey::parse(default.kms_master_key_id()),
                bucket_key: rule.bucket_key_enabled() == Some(true),
            },
            _ => BucketEncryption::Aes,
        })
    }
}

/// A bucket's lifecycle rules, in S3's own words.
#[derive(Debug, Clone, Default)]
pub(crate) struct LifecycleRules {
    rules: Vec<LifecycleRule>,
    smallest: Option<TransitionDefaultMinimumObjectSize>,
}

impl LifecycleRules {
    /// What this program needs to know of them.
    pub(crate) fn lifecycle(&self) -> Lifecycle {
        let others = |rule: &&LifecycleRule| rule.id() != Some(ABORT_RULE_ID);
        let others: Vec<&LifecycleRule> = self.rules.iter().filter(others).collect();
        Lifecycle {
            rules: self.rules.iter().map(rule_of).collect(),
            others: format!("{others:?}"),
        }
    }
}

fn rule_of(rule: &LifecycleRule) -> observed::LifecycleRule {
    #[allow(deprecated)] // Rules written by older tools carry their prefix outside the filter.
    let outside = rule.prefix();
    let filter = rule.filter();
    let both = filter.and_then(|filter| filter.and());
    let prefixes = [
        outside,
        filter.and_then(|filter| filter.prefix()),
        both.and_then(|both| both.prefix()),
    ];
    let sized = |filter: &LifecycleRuleFilter| {
        filter.object_size_greater_than().is_some() || filter.object_size_less_than().is_some()
    };
    let tagged =
        filter.is_some_and(|filter| filter.tag().is_some()) || both.is_some_and(|both| !both.tags().is_empty());
    let sized = filter.is_some_and(sized)
        || both.is_some_and(|both| both.object_size_greater_than().is_some() || both.object_size_less_than().is_some());
    // What Glacier Instant Retrieval keeps is read at once.
    // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html>
    let archives = |class: &TransitionStorageClass| {
        [TransitionStorageClass::Glacier, TransitionStorageClass::DeepArchive].contains(class)
    };
    observed::LifecycleRule {
        id: rule.id().unwrap_or_default().to_owned(),
        enabled: rule.status() == &ExpirationStatus::Enabled,
        prefix: prefixes
            .into_iter()
            .flatten()
            .find(|prefix| !prefix.is_empty())
            .unwrap_or_default()
            .to_owned(),
        tagged,
        sized,
        expires: rule
            .expiration()
            .is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some()),
        archives_to: rule
            .transitions()
            .iter()
            .filter_map(|transition| transition.storage_class())
            .find(|class| archives(class))
            .map(|class| class.as_str().to_owned()),
        expires_noncurrent: rule.noncurrent_version_expiration().is_some(),
        aborts_uploads: rule.abort_incomplete_multipart_upload().is_some(),
    }
}

/// `None` for what is not configured, `Unreadable` for what the caller may not read and for what makes no sense.
pub(super) fn optional<T>(answer: Result<T, Failure>) -> Result<Reading<Option<T>>, Failure> {
    match answer {
        Ok(answer) => Ok(Reading::Known(Some(answer))),
        Err(failure) if failure.cause == Cause::NotFound && failure.code != "NoSuchBucket" => Ok(Reading::Known(None)),
        Err(failure) => failure.unread().map(Reading::Unreadable),
    }
}

/// An answer of the right kind with nothing in it. What is not configured, S3 answers with an error that says so; taken
/// for "not configured", this would be written over what is really there.
fn says_nothing(action: &'static str, bucket: &BucketName) -> Failure {
    Failure::odd(action, bucket.as_str(), "it says nothing")
}

/// A request that the SDK refuses to build.
fn unbuildable(action: &'static str, bucket: &BucketName) -> impl Fn(BuildError) -> Failure + Copy {
    move |error| Failure::incomplete(action, bucket.as_str(), &error.to_string())
}
