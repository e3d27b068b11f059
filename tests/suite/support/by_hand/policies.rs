//! Customer-managed policies.

use aws_sdk_iam::types::Tag;
use serde_json::Value;

use super::super::cloud::block_on;
use super::super::{Cloud, document};

impl Cloud {
    /// The ARN of a policy of this account.
    pub fn policy_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:policy/{name}", self.account)
    }

    /// The ARN of the policy for data that `setup` makes with this test's bucket.
    pub fn data_policy(&self) -> String {
        self.policy_arn(&format!("{}-s3", self.bucket()))
    }

    /// The ARN of the policy for the key, likewise.
    pub fn key_policy(&self) -> String {
        self.policy_arn(&format!("{}-kms", self.bucket()))
    }

    /// A policy. Its ARN.
    pub fn policy_by_hand(&self, name: &str, document: &Value) -> String {
        let create = self.iam().create_policy().policy_name(name);
        let answer = block_on(create.policy_document(document.to_string()).send()).expect("a policy");
        let arn = answer.policy().and_then(|policy| policy.arn());
        arn.expect("its ARN").to_owned()
    }

    /// What a policy says.
    pub fn policy(&self, arn: &str) -> Value {
        let iam = self.iam();
        let policy = block_on(iam.get_policy().policy_arn(arn).send()).expect("a policy");
        let default = policy.policy().and_then(|policy| policy.default_version_id());
        let version = iam.get_policy_version().policy_arn(arn);
        let version = version.version_id(default.expect("a default version"));
        let answer = block_on(version.send()).expect("a version");
        document(
            answer
                .policy_version()
                .and_then(|version| version.document())
                .expect("a document"),
        )
    }

    /// Has a policy say something else, in a new version.
    pub fn set_policy(&self, arn: &str, document: &Value) {
        let version = self.iam().create_policy_version().policy_arn(arn);
        let version = version.policy_document(document.to_string());
        block_on(version.set_as_default(true).send()).expect("a version");
    }

    /// Tags a policy.
    pub fn tag_policy(&self, arn: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build().expect("a tag");
        block_on(self.iam().tag_policy().policy_arn(arn).tags(tag).send()).expect("tagged");
    }

    /// Attaches a policy to a role.
    pub fn attach(&self, role: &str, policy: &str) {
        let attach = self.iam().attach_role_policy().role_name(role);
        block_on(attach.policy_arn(policy).send()).expect("attached");
    }

    /// Detaches a policy from a role.
    pub fn detach(&self, role: &str, policy: &str) {
        let detach = self.iam().detach_role_policy().role_name(role);
        block_on(detach.policy_arn(policy).send()).expect("detached");
    }
}
