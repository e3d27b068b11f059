//! Whether a bucket's policy refuses plain HTTP: the one rule of what `setup` lacks and `verify` warns of.

use super::Document;
use super::build::DATA_ACTIONS;
use super::evaluate::{
    AuthorizationRequest, Decision, Fact, Named, Policies, Principal, Refusal, RequestContext, Rule, decide,
};
use crate::names::BucketName;

/// Whether it denies, in whatever words, what anybody asks over plain HTTP of the bucket and of its objects.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html>
pub(crate) fn refuses_plain_http(policy: &Document, bucket: &BucketName) -> bool {
    let policies = Policies {
        identity: Vec::new(),
        boundary: None,
        resource: Some(Named {
            name: "the bucket's policy".to_owned(),
            document: policy,
        }),
        unreadable: Vec::new(),
        rule: Rule::Either,
    };
    DATA_ACTIONS.iter().all(|action| {
        let resource = match *action {
            "s3:ListBucket" => format!("arn:aws:s3:::{bucket}"),
            _ => format!("arn:aws:s3:::{bucket}/\u{1}"),
        };
        // Somebody whom no document names, and of whose request nothing else is known.
        let request = AuthorizationRequest {
            principal: Principal::Session {
                account: "000000000000".to_owned(),
                role_arn: "arn:aws:iam::000000000000:role/\u{1}".to_owned(),
            },
            action: (*action).to_owned(),
            resource,
            context: RequestContext::new().with("aws:SecureTransport", Fact::Known(vec!["false".to_owned()])),
        };
        matches!(decide(&request, &policies), Decision::Denied(Refusal::Statement(_)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::build;

    fn refuses(statement: Value) -> bool {
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        refuses_plain_http(&Document::parse(&text).unwrap(), &"acme".parse().unwrap())
    }

    fn deny(resource: Value, condition: Value) -> Value {
        json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource, "Condition": condition })
    }

    #[test]
    fn whatever_denies_plain_http_to_everybody_refuses_it() {
        let whole = json!(["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"]);
        let ours = Document::new(vec![build::deny_plain_http(&"acme".parse().unwrap())]);
        assert!(refuses_plain_http(&ours, &"acme".parse().unwrap()));
        assert!(refuses(deny(
            whole.clone(),
            json!({ "Bool": { "aws:securetransport": false } })
        )));
        assert!(refuses(deny(
            json!("*"),
            json!({ "BoolIfExists": { "aws:SecureTransport": "false" } })
        )));
        assert!(refuses(
            json!({ "Effect": "Deny", "Principal": { "AWS": "*" }, "NotAction": "s3:ListAllMyBuckets",
            "Resource": whole, "Condition": { "StringNotEquals": { "aws:SecureTransport": "true" } } })
        ));
    }

    #[test]
    fn what_denies_it_to_some_or_in_part_does_not() {
        let plain = json!({ "Bool": { "aws:SecureTransport": "false" } });
        let whole = json!(["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"]);
        assert!(
            !refuses(deny(json!("arn:aws:s3:::acme/*"), plain.clone())),
            "the bucket itself"
        );
        assert!(
            !refuses(deny(json!("arn:aws:s3:::acme/?/*"), plain.clone())),
            "some objects"
        );
        assert!(!refuses(deny(
            whole.clone(),
            json!({ "Bool": { "aws:SecureTransport": "true" } })
        )));
        let also = json!({ "Bool": { "aws:SecureTransport": "false" }, "StringEquals": { "aws:SourceVpc": "vpc-1" } });
        assert!(!refuses(deny(whole.clone(), also)), "from one network");
        let mut to_one = deny(whole, plain);
        to_one["Principal"] = json!({ "AWS": "arn:aws:iam::123456789012:role/export" });
        assert!(!refuses(to_one), "to one role");
    }
}
