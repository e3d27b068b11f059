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
        .filter(|statement| statement.allows())
        .filter(|statement| {
            statement
                .actions()
                .iter()
                .any(|pattern| action_matches(pattern, action))
        })
        .flat_map(Statement::resources)
        .map(str::to_owned)
        .collect()
}

/// Whether an action pattern covers an action, which is given in lowercase.
pub(crate) fn action_matches(pattern: &str, action: &str) -> bool {
    matches_pattern(&pattern.to_ascii_lowercase(), action)
}

/// Whether a document grants everything that another one does, without any condition: by the same statements, or by
/// wider ones. Statements that deny are left out of account, as are `NotAction` and `NotResource`.
pub(crate) fn covers(document: &Document, wanted: &Document) -> bool {
    let grants = |action: &str, resource: &str| {
        document.statements().iter().any(|statement| {
            let action = action.to_ascii_lowercase();
            statement.allows()
                && !statement.is_conditional()
                && statement
                    .actions()
                    .iter()
                    .any(|pattern| action_matches(pattern, &action))
                && statement
                    .resources()
                    .iter()
                    .any(|pattern| matches_pattern(pattern, resource))
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

/// S3's actions on objects do nothing with a bucket's ARN, nor ListBucket with an object's.
fn concerns(action: &str, resource: &str) -> bool {
    let on_bucket = action.eq_ignore_ascii_case("s3:ListBucket");
    !resource.starts_with("arn:aws:s3:::") || on_bucket != resource.contains('/')
}

/// Whether a pattern of IAM's (`*` for any text, `?` for any character) covers a text.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where to go on from when a guess at what the last star covers was too short.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(expected) if *expected == '?' || *expected == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, covered)) => {
                    star = Some((star_at, covered + 1));
                    at = star_at + 1;
                    read = covered + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
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
