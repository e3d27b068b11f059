//! What documents grant, as far as `print-details` and `setup` need to know.

use std::collections::BTreeSet;

use super::{Document, Statement};
use crate::names::{BucketName, KeyArn};

/// The buckets whose objects the documents let somebody put.
pub(crate) fn buckets_written<'a>(documents: impl IntoIterator<Item = &'a Document>) -> BTreeSet<BucketName> {
    resources_allowed(documents, "s3:putobject")
        .iter()
        .filter_map(|resource| resource.strip_prefix("arn:aws:s3:::")?.split('/').next()?.parse().ok())
        .collect()
}

/// The KMS keys with which the documents let somebody encrypt.
pub(crate) fn keys_used<'a>(documents: impl IntoIterator<Item = &'a Document>) -> BTreeSet<KeyArn> {
    resources_allowed(documents, "kms:generatedatakey")
        .iter()
        .filter_map(|resource| resource.parse().ok())
        .collect()
}

fn resources_allowed<'a>(documents: impl IntoIterator<Item = &'a Document>, action: &str) -> BTreeSet<String> {
    documents
        .into_iter()
        .flat_map(Document::statements)
        .filter(|statement| statement.allows() && statement.takes_in(action))
        .flat_map(Statement::resources)
        .map(str::to_owned)
        .collect()
}

/// Whether a document grants everything that another one does, without any condition: by the same statements, or by
/// wider ones. Statements that deny are left out of account: to grant the same once more would not help.
pub(crate) fn covers(document: &Document, wanted: &Document) -> bool {
    let grants = |action: &str, resource: &str| {
        document.statements().iter().any(|statement| {
            let granted = statement.allows() && !statement.is_conditional() && statement.takes_in(action);
            granted && samples(resource).iter().all(|sample| statement.reaches(sample))
        })
    };
    wanted.statements().iter().all(|statement| {
        statement.actions().iter().all(|action| {
            statement
                .resources()
                .iter()
                .filter(|resource| concerns(action, resource))
                .all(|resource| grants(action, resource))
        })
    })
}

/// What a pattern that ends in a star stands for: names of one character and of many, which nobody writes out.
fn samples(resource: &str) -> Vec<String> {
    match resource.strip_suffix('*') {
        None => vec![resource.to_owned()],
        Some(start) => ["\u{1}", "\u{1}/\u{2}/\u{3}"].map(|end| format!("{start}{end}")).into(),
    }
}

/// S3's actions on objects do nothing with a bucket's ARN, nor ListBucket with an object's.
fn concerns(action: &str, resource: &str) -> bool {
    let on_bucket = action.eq_ignore_ascii_case("s3:ListBucket");
    !resource.starts_with("arn:aws:s3:::") || on_bucket != resource.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::build;

    #[test]
    fn a_set_up_is_read_back_from_its_documents() {
        let bucket: BucketName = "acme".parse().unwrap();
        let key: KeyArn = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
            .parse()
            .unwrap();
        let documents = [build::data(&bucket), build::kms(&key)];
        assert_eq!(buckets_written(&documents), BTreeSet::from([bucket]));
        assert_eq!(keys_used(&documents), BTreeSet::from([key]));
    }

    #[test]
    fn wider_grants_cover_and_narrower_ones_do_not() {
        let page = build::data(&"acme".parse().unwrap());
        let covered = |statement: &str| {
            let text = format!(r#"{{"Statement":[{statement}]}}"#);
            covers(&Document::parse(&text).unwrap(), &page)
        };
        assert!(covers(&page, &page));
        assert!(covered(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#));
        assert!(covered(
            r#"{"Effect":"Allow","Action":["s3:*Object","S3:listbucket"],"Resource":["arn:aws:s3:::acme","arn:aws:s3:::acm?/*"]}"#
        ));
        assert!(!covered(
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/*"}"#
        ));
        assert!(!covered(r#"{"Effect":"Allow","Action":"s3:P*","Resource":"*"}"#));
        assert!(!covered(
            r#"{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::acme","arn:aws:s3:::acme/?"]}"#
        ));
        assert!(covered(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#));
        assert!(!covered(
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}"#
        ));
        assert!(!covered(r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#));
    }

    #[test]
    fn wildcards_grant_but_do_not_name() {
        let document = Document::parse(
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:Put*","Resource":["arn:aws:s3:::acme/*","*"]},
                {"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}]}"#,
        )
        .unwrap();
        assert_eq!(buckets_written([&document]), BTreeSet::from(["acme".parse().unwrap()]));
    }
}
