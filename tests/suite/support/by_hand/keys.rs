//! Keys of KMS.

use aws_sdk_kms::operation::create_key::CreateKeyOutput;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, Tag};
use serde_json::Value;

use super::super::Cloud;
use super::super::cloud::block_on;
use super::REGION;

impl Cloud {
    /// A key. Its ARN.
    pub fn key_by_hand(&self) -> String {
        self.key_elsewhere(REGION)
    }

    /// A key with a description, tags and a policy of somebody's choice. Its ARN.
    pub fn described_key_by_hand(&self, description: &str, tags: &[(&str, &str)], policy: &Value) -> String {
        let create = self.kms(REGION).create_key().description(description);
        let tags = tags.iter().map(tag).collect();
        let create = create.policy(policy.to_string()).set_tags(Some(tags));
        let arn = arn_of(&block_on(create.send()).expect("a key"));
        // An emulator may leave out the policy that CreateKey brings.
        self.set_key_policy(&arn, policy);
        arn
    }

    /// A key in another region. Its ARN.
    pub fn key_elsewhere(&self, region: &'static str) -> String {
        let made = block_on(self.kms(region).create_key().send()).expect("a key");
        arn_of(&made)
    }

    /// A key pair, with which S3 cannot encrypt. Its ARN.
    pub fn key_pair(&self) -> String {
        let create = self.kms(REGION).create_key().key_spec(KeySpec::Rsa2048);
        arn_of(&block_on(create.key_usage(KeyUsageType::EncryptDecrypt).send()).expect("a key pair"))
    }

    /// The ARN of the key that `setup` made.
    pub fn own_key(&self) -> String {
        let kms = self.kms(REGION);
        let keys = block_on(kms.list_keys().send()).expect("keys");
        let made_by_setup = |arn: &&str| {
            let answer = block_on(kms.describe_key().key_id(*arn).send()).expect("a key");
            let description = answer.key_metadata().and_then(|key| key.description());
            description.is_some_and(|text| text.ends_with("made by mixpanel-s3"))
        };
        let own = keys.keys().iter().filter_map(|key| key.key_arn()).find(made_by_setup);
        own.expect("a key of setup's").to_owned()
    }

    /// The ARN of the key that has a name.
    pub fn key_named(&self, alias: &str) -> String {
        let answer = block_on(self.kms(REGION).describe_key().key_id(alias).send()).expect("a key");
        let arn = answer.key_metadata().and_then(|key| key.arn());
        arn.expect("its ARN").to_owned()
    }

    /// The name that `setup` gives to the key of this test's bucket.
    pub fn own_alias(&self) -> String {
        format!("alias/mixpanel-s3-{}", self.bucket())
    }

    /// Gives a key a name.
    pub fn name_key(&self, key: &str, alias: &str) {
        let create = self.kms(REGION).create_alias().alias_name(alias);
        block_on(create.target_key_id(key).send()).expect("a name");
    }

    /// Takes all of its names off a key.
    pub fn unname_key(&self, key: &str) {
        let kms = self.kms(REGION);
        let aliases = block_on(kms.list_aliases().key_id(key).send()).expect("aliases");
        for alias in aliases.aliases() {
            let delete = kms.delete_alias().set_alias_name(alias.alias_name.clone());
            block_on(delete.send()).expect("no name");
        }
    }

    /// Tags a key.
    pub fn tag_key(&self, key: &str, name: &str, value: &str) {
        let tagged = self.kms(REGION).tag_resource().key_id(key);
        block_on(tagged.tags(tag(&(name, value))).send()).expect("tagged");
    }

    /// Has a key let others in.
    pub fn set_key_policy(&self, key: &str, policy: &Value) {
        let put = self.kms(REGION).put_key_policy().key_id(key).policy_name("default");
        block_on(put.policy(policy.to_string()).send()).expect("a key policy");
    }

    /// Has a key wait to be deleted.
    pub fn schedule_key_deletion(&self, key: &str) {
        block_on(self.kms(REGION).schedule_key_deletion().key_id(key).send()).expect("scheduled");
    }

    /// Switches a key off.
    pub fn disable_key(&self, key: &str) {
        block_on(self.kms(REGION).disable_key().key_id(key).send()).expect("disabled");
    }
}

fn arn_of(made: &CreateKeyOutput) -> String {
    let arn = made.key_metadata().and_then(|key| key.arn());
    arn.expect("its ARN").to_owned()
}

fn tag((key, value): &(&str, &str)) -> Tag {
    Tag::builder().tag_key(*key).tag_value(*value).build().expect("a tag")
}
