//! Policy documents as people write them.

use serde_json::{Value, json};

/// Mixpanel's export user.
pub const USER: &str = "arn:aws:iam::485438090326:user/mixpanel-export";

/// A document of these statements.
pub fn statements(statements: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A trust policy as on Mixpanel's page; without an ExternalId, as in its console steps.
pub fn trust(principal: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "sts:AssumeRole" });
    if let Some(id) = external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
    }
    statements(json!([statement]))
}

/// The trust policy of a role that is for EC2's machines.
pub fn for_machines() -> Value {
    statements(json!([{
        "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole",
    }]))
}

/// A trust policy that lets somebody else in beside whoever it lets in already.
pub fn opened_to(mut trust: Value, principal: &str) -> Value {
    let other = self::trust(principal, None)["Statement"][0].clone();
    let all = trust["Statement"].as_array_mut().expect("statements");
    all.push(other);
    trust
}

/// The page's data-modification policy.
pub fn data(bucket: &str) -> Value {
    statements(json!([{
        "Sid": "MixpanelS3AccessStatement", "Effect": "Allow",
        "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"],
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    }]))
}

/// The page's KMS policy.
pub fn kms(key: &str) -> Value {
    statements(json!([{
        "Sid": "MixpanelKmsStatement", "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptTo",
                   "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey", "kms:ReEncryptFrom"],
        "Resource": key,
    }]))
}
