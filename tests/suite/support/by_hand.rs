//! Things as somebody makes them without this program: by the AWS CLI, in the console, after Mixpanel's page.

use aws_sdk_kms::operation::create_key::CreateKeyOutput;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use serde_json::{Value, json};

use super::Cloud;
use super::cloud::block_on;

/// Mixpanel's export user.
pub const USER: &str = "arn:aws:iam::485438090326:user/mixpanel-export";

/// A trust policy as on Mixpanel's page; without an ExternalId, as in its console steps.
pub fn trust(principal: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" });
    if let Some(id) = external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// The page's data-modification policy.
pub fn data(bucket: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "MixpanelS3AccessStatement", "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"],
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    }]})
}

/// The page's KMS policy.
pub fn kms(key: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "MixpanelKmsStatement", "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo",
                   "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey", "kms:ReEncryptFrom"],
        "Resource": key,
    }]})
}

/// A bucket's default encryption.
pub fn encrypt(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    algorithm: ServerSideEncryption,
    key: Option<&str>,
    bucket_key: bool,
) {
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
    let rules = rules.build().expect("a configuration");
    let put = s3.put_bucket_encryption().bucket(bucket);
    block_on(put.server_side_encryption_configuration(rules).send()).expect("encrypted");
}

/// The ARN of a key that was made.
pub fn arn_of(made: &CreateKeyOutput) -> String {
    let arn = made.key_metadata().and_then(|key| key.arn());
    arn.expect("its ARN").to_owned()
}

impl Cloud {
    /// A role with customer-managed policies of these documents, named `<role>-0` and so on. The policies' ARNs.
    pub fn role_by_hand(&self, role: &str, trust: &Value, documents: &[Value]) -> Vec<String> {
        let iam = self.iam();
        let create = iam
            .create_role()
            .role_name(role)
            .assume_role_policy_document(trust.to_string());
        block_on(create.send()).expect("a role");
        let attach = |(index, document): (usize, &Value)| {
            let arn = self.policy_by_hand(&format!("{role}-{index}"), document);
            self.attach_by_hand(role, &arn);
            arn
        };
        documents.iter().enumerate().map(attach).collect()
    }

    /// A customer-managed policy. Its ARN.
    pub fn policy_by_hand(&self, name: &str, document: &Value) -> String {
        let iam = self.iam();
        let create = iam
            .create_policy()
            .policy_name(name)
            .policy_document(document.to_string());
        let answer = block_on(create.send()).expect("a policy");
        answer
            .policy()
            .and_then(|policy| policy.arn())
            .expect("its ARN")
            .to_owned()
    }

    /// Attaches a policy to a role.
    pub fn attach_by_hand(&self, role: &str, policy: &str) {
        let iam = self.iam();
        let attach = iam.attach_role_policy().role_name(role).policy_arn(policy);
        block_on(attach.send()).expect("attached");
    }

    /// A bucket, as the CLI makes it.
    pub fn bucket_by_hand(&self, bucket: &str, region: &'static str) {
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build();
        let s3 = self.s3(region);
        let create = s3.create_bucket().bucket(bucket).create_bucket_configuration(place);
        block_on(create.send()).expect("a bucket");
    }

    /// A key. Its ARN.
    pub fn key_by_hand(&self) -> String {
        let kms = self.kms("eu-west-1");
        arn_of(&block_on(kms.create_key().send()).expect("a key"))
    }
}
