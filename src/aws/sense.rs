//! Whether a successful answer is one to the question that was asked.
//!
//! The SDK reads an empty body, and in places a web page, as an answer in which nothing is set: a captive portal or a
//! half-broken store would say of a bucket that it has no policy and of a key that there is none. So each answer has to
//! be of the operation's own kind, whole, before the SDK reads it.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::bounds::Senseless;

/// Refuses answers of another kind than the operation's.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerCheck;

impl Intercept for AnswerCheck {
    fn name(&self) -> &'static str {
        "AnswerCheck"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let (Some(call), Some(body)) = (bag.load::<Metadata>(), response.body().bytes()) else {
            return Ok(());
        };
        if !response.status().is_success() {
            return Ok(());
        }
        check(call.service(), call.name(), body).map_err(Into::into)
    }
}

/// The kinds of answer.
#[derive(Debug, PartialEq, Eq)]
enum AnswerKind {
    /// An XML document with this root.
    Xml(String),
    /// A JSON object.
    Json,
}

fn kind(service: &str, operation: &str) -> Option<AnswerKind> {
    match service {
        "IAM" | "STS" => Some(AnswerKind::Xml(format!("{operation}Response"))),
        "KMS" => ["Get", "List", "Describe", "CreateKey"]
            .iter()
            .any(|verb| operation.starts_with(verb))
            .then_some(AnswerKind::Json),
        "S3" => s3_root(operation).map(|root| AnswerKind::Xml(root.to_owned())),
        _ => None,
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>
fn s3_root(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "CreateMultipartUpload" => "InitiateMultipartUploadResult",
        "DeleteObjects" => "DeleteResult",
        "GetBucketEncryption" => "ServerSideEncryptionConfiguration",
        "GetBucketLifecycleConfiguration" => "LifecycleConfiguration",
        "GetBucketOwnershipControls" => "OwnershipControls",
        "GetBucketRequestPayment" => "RequestPaymentConfiguration",
        "GetBucketTagging" => "Tagging",
        "GetBucketVersioning" => "VersioningConfiguration",
        "GetObjectLockConfiguration" => "ObjectLockConfiguration",
        "GetPublicAccessBlock" => "PublicAccessBlockConfiguration",
        "ListBuckets" => "ListAllMyBucketsResult",
        "ListMultipartUploads" => "ListMultipartUploadsResult",
        "ListObjectVersions" => "ListVersionsResult",
        "ListObjectsV2" => "ListBucketResult",
        _ => return None,
    })
}

fn check(service: &str, operation: &str, body: &[u8]) -> Result<(), Senseless> {
    match kind(service, operation) {
        None => Ok(()),
        Some(AnswerKind::Json) => match serde_json::from_slice(body) {
            Ok(serde_json::Value::Object(_)) => Ok(()),
            _ => Err(Senseless("the answer is no JSON object".into())),
        },
        Some(AnswerKind::Xml(root)) => match is_document(body, &root) {
            true => Ok(()),
            false => Err(Senseless(format!("the answer is no whole <{root}>"))),
        },
    }
}

/// Whether this is an XML document of that root, from its beginning to its end.
fn is_document(body: &[u8], root: &str) -> bool {
    let Ok(text) = std::str::from_utf8(body) else {
        return false;
    };
    let mut rest = text.trim_start_matches('\u{feff}').trim();
    while let Some((begins, ends)) = [("<?", "?>"), ("<!--", "-->")]
        .into_iter()
        .find(|(begins, _)| rest.starts_with(begins))
    {
        let Some((_, after)) = rest[begins.len()..].split_once(ends) else {
            return false;
        };
        rest = after.trim_start();
    }
    let Some(opened) = rest.strip_prefix('<').and_then(|rest| rest.strip_prefix(root)) else {
        return false;
    };
    let Some((attributes, content)) = opened.split_once('>') else {
        return false;
    };
    if !attributes.is_empty() && !attributes.starts_with([' ', '\t', '\r', '\n', '/']) {
        return false;
    }
    match attributes.ends_with('/') {
        true => content.is_empty(),
        false => content.ends_with(&format!("</{root}>")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_whole_and_of_its_root() {
        for whole in [
            "<Tagging/>",
            "<Tagging></Tagging>",
            "\u{feff}<?xml version=\"1.0\"?>\n<!-- a > b -->\n<Tagging xmlns=\"http://s3\"><TagSet/></Tagging>\n",
        ] {
            assert!(is_document(whole.as_bytes(), "Tagging"), "{whole}");
        }
        for other in [
            "",
            " ",
            "not xml",
            "<html></html>",
            "<Tagging>",
            "<Tagging><TagSet>",
            "<Tagging",
            "<Taggings></Taggings>",
            "<?xml",
            "<Tagging/><Tagging/>",
            "<!DOCTYPE Tagging [<!ENTITY a \"b\">]><Tagging></Tagging>",
            "<Error><Code>x</Code></Error>",
        ] {
            assert!(!is_document(other.as_bytes(), "Tagging"), "{other}");
        }
        assert!(!is_document(b"<Tagging>\xff</Tagging>", "Tagging"));
    }

    #[test]
    fn operations_that_answer_nothing_are_left_alone() {
        assert_eq!(check("S3", "PutBucketPolicy", b""), Ok(()));
        assert_eq!(check("KMS", "CreateAlias", b""), Ok(()));
        assert_eq!(check("KMS", "DescribeKey", b"{}"), Ok(()));
        for (service, operation, body) in [
            ("KMS", "DescribeKey", &b""[..]),
            ("KMS", "DescribeKey", b"[]"),
            ("IAM", "AttachRolePolicy", b"<html>sign in</html>"),
            ("STS", "GetCallerIdentity", b""),
            ("S3", "GetBucketVersioning", b""),
        ] {
            assert!(check(service, operation, body).is_err(), "{operation}");
        }
        let deep = [b"{\"a\":".repeat(100_000), b"}".repeat(100_000)].concat();
        assert!(check("KMS", "GetKeyPolicy", &deep).is_err());
    }
}
