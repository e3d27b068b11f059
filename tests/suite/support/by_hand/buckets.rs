//! Buckets and what is set on them.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, ObjectOwnership, OwnershipControls,
    OwnershipControlsRule, ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use serde_json::Value;

use super::super::cloud::block_on;
use super::super::{Cloud, document};
use super::REGION;

impl Cloud {
    /// A bucket, as the CLI makes it.
    pub fn bucket_by_hand(&self, bucket: &str, region: &'static str) {
        // S3 takes no constraint for the region that was its first.
        let place = (region != "us-east-1").then(|| {
            let constraint = BucketLocationConstraint::from(region);
            CreateBucketConfiguration::builder()
                .location_constraint(constraint)
                .build()
        });
        let create = self.s3(region).create_bucket().bucket(bucket);
        block_on(create.set_create_bucket_configuration(place).send()).expect("a bucket");
    }

    /// Deletes a bucket.
    pub fn delete_bucket(&self, bucket: &str) {
        block_on(self.s3(REGION).delete_bucket().bucket(bucket).send()).expect("deleted");
    }

    /// Gives a bucket a policy in the place of the one that it has.
    pub fn set_bucket_policy(&self, bucket: &str, policy: &Value) {
        let put = self.s3(REGION).put_bucket_policy().bucket(bucket);
        block_on(put.policy(policy.to_string()).send()).expect("a policy");
    }

    /// What a bucket's policy says, if it has one.
    pub fn bucket_policy(&self, bucket: &str) -> Option<Value> {
        let get = self.s3(REGION).get_bucket_policy().bucket(bucket);
        match block_on(get.send()) {
            Ok(answer) => Some(document(answer.policy().expect("a policy"))),
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Takes a bucket's policy away.
    pub fn delete_bucket_policy(&self, bucket: &str) {
        block_on(self.s3(REGION).delete_bucket_policy().bucket(bucket).send()).expect("no policy");
    }

    /// Takes away the policy that `setup` gave to this test's bucket: it refuses plain HTTP, by which the tests' AWS is
    /// reached, and an emulator may mind it.
    pub fn let_plain_http_in(&self) {
        self.delete_bucket_policy(&self.bucket());
    }

    /// Gives a bucket these tags and no others.
    pub fn set_bucket_tags(&self, bucket: &str, tags: &[(&str, &str)]) {
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build().expect("a tag");
        let tags = tags.iter().map(tag).collect();
        let tags = Tagging::builder().set_tag_set(Some(tags)).build().expect("tags");
        block_on(self.s3(REGION).put_bucket_tagging().bucket(bucket).tagging(tags).send()).expect("tagged");
    }

    /// Takes a bucket's tags away.
    pub fn delete_bucket_tags(&self, bucket: &str) {
        block_on(self.s3(REGION).delete_bucket_tagging().bucket(bucket).send()).expect("no tags");
    }

    /// Gives a bucket one lifecycle rule: what begins so expires after so many days.
    pub fn set_lifecycle(&self, bucket: &str, id: &str, prefix: &str, days: i32) {
        let rule = LifecycleRule::builder()
            .id(id)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
            .expiration(LifecycleExpiration::builder().days(days).build());
        self.set_lifecycle_rules(bucket, vec![rule.build().expect("a rule")]);
    }

    /// Gives a bucket these lifecycle rules and no others.
    pub fn set_lifecycle_rules(&self, bucket: &str, rules: Vec<LifecycleRule>) {
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
        let put = self.s3(REGION).put_bucket_lifecycle_configuration().bucket(bucket);
        let put = put.lifecycle_configuration(rules.build().expect("rules"));
        block_on(put.send()).expect("a lifecycle");
    }

    /// Takes a bucket's lifecycle rules away.
    pub fn delete_lifecycle(&self, bucket: &str) {
        block_on(self.s3(REGION).delete_bucket_lifecycle().bucket(bucket).send()).expect("no lifecycle");
    }

    /// Takes the public-access blocks of a bucket away.
    pub fn unblock(&self, bucket: &str) {
        block_on(self.s3(REGION).delete_public_access_block().bucket(bucket).send()).expect("no blocks");
    }

    /// Sets whose the objects of a bucket are, which is what switches ACLs on and off.
    pub fn set_ownership(&self, bucket: &str, ownership: ObjectOwnership) {
        let rule = OwnershipControlsRule::builder().object_ownership(ownership);
        let controls = OwnershipControls::builder().rules(rule.build().expect("a rule"));
        let put = self.s3(REGION).put_bucket_ownership_controls().bucket(bucket);
        let put = put.ownership_controls(controls.build().expect("controls"));
        block_on(put.send()).expect("ownership");
    }

    /// Sets a bucket's default encryption.
    pub fn encrypt(&self, bucket: &str, algorithm: ServerSideEncryption, key: Option<&str>, bucket_key: bool) {
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(algorithm)
            .set_kms_master_key_id(key.map(str::to_owned))
            .build()
            .expect("a default");
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .bucket_key_enabled(bucket_key)
            .build();
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule);
        let put = self.s3(REGION).put_bucket_encryption().bucket(bucket);
        let put = put.server_side_encryption_configuration(rules.build().expect("a configuration"));
        block_on(put.send()).expect("encrypted");
    }

    /// Has a bucket keep old versions of its objects.
    pub fn keep_versions(&self, bucket: &str) {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let put = self.s3(REGION).put_bucket_versioning().bucket(bucket);
        block_on(put.versioning_configuration(on.build()).send()).expect("versions");
    }
}
