//! Whether a document says nothing but what Mixpanel's page says: what this program makes does, and what somebody put
//! beside it or into it does not.

use std::collections::BTreeSet;

use super::build;
use super::{Document, Statement};
use crate::names::{BucketName, KeyArn};

/// What a document grants that says nothing but the page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PageGrants {
    /// The buckets whose objects may be written, read, listed and removed.
    pub(crate) buckets: BTreeSet<BucketName>,
    /// The keys that may be used for that.
    pub(crate) keys: BTreeSet<KeyArn>,
}

/// What a document grants, where every statement of it is one of the page's or a narrower one; `None` where one says
/// anything else: another action, a wildcard, a resource that is no bucket and no key, a Deny.
pub(crate) fn page_grants(document: &Document) -> Option<PageGrants> {
    let statements = document.statements();
    if statements.is_empty() {
        return None;
    }
    let mut grants = PageGrants::default();
    for statement in statements {
        if !add_bucket(statement, &mut grants) && !add_keys(statement, &mut grants) {
            return None;
        }
    }
    Some(grants)
}

/// Whether a statement is the data-modification policy's, for whatever buckets, each named whole.
pub(crate) fn is_of_data(statement: &Statement) -> bool {
    let named = |resource: &str| {
        let name = resource.strip_prefix("arn:aws:s3:::")?.split('/').next()?;
        (!name.is_empty() && !name.contains(['*', '?', '$'])).then_some(())
    };
    plain(statement, &build::DATA_ACTIONS, named).is_some()
}

/// Whether every resource of a statement is a bucket or is in one, and every action one of the page's on it.
fn add_bucket(statement: &Statement, grants: &mut PageGrants) -> bool {
    let bucket = |resource: &str| -> Option<BucketName> {
        let name = resource.strip_prefix("arn:aws:s3:::")?;
        name.split('/').next()?.parse().ok()
    };
    let found: Option<Vec<BucketName>> = plain(statement, &build::DATA_ACTIONS, bucket);
    grants.buckets.extend(found.iter().flatten().cloned());
    found.is_some()
}

fn add_keys(statement: &Statement, grants: &mut PageGrants) -> bool {
    let key = |resource: &str| resource.parse().ok();
    let found: Option<Vec<KeyArn>> = plain(statement, &build::KMS_ACTIONS, key);
    grants.keys.extend(found.iter().flatten().cloned());
    found.is_some()
}

/// The resources of a statement that allows nothing but known actions on resources that can be read.
fn plain<T>(statement: &Statement, known: &[&str], read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let (actions, resources) = (statement.actions(), statement.resources());
    let is_known = |action: &&str| known.iter().any(|one| one.eq_ignore_ascii_case(action));
    let odd = ["NotAction", "NotResource", "NotPrincipal", "Principal"];
    let sound = statement.allows()
        && !odd.iter().any(|name| statement.map().contains_key(*name))
        && !actions.is_empty()
        && actions.iter().all(is_known)
        && !resources.is_empty();
    match sound {
        true => resources.into_iter().map(read).collect(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn read(statement: &str) -> Option<PageGrants> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        page_grants(&Document::parse(&text).unwrap())
    }

    #[test]
    fn the_pages_documents_say_nothing_else() {
        let bucket: BucketName = "acme".parse().unwrap();
        let key: KeyArn = KEY.parse().unwrap();
        let data = page_grants(&build::data(&bucket)).unwrap();
        assert_eq!(data.buckets, [bucket].into());
        let kms = page_grants(&build::kms(&key)).unwrap();
        assert_eq!(kms.keys, [key].into());
    }

    #[test]
    fn a_narrower_statement_says_no_more_and_any_other_does() {
        let narrower = r#"{"Effect":"Allow","Action":"S3:putobject","Resource":"arn:aws:s3:::acme/1/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}"#;
        assert!(read(narrower).is_some());
        for wider in [
            "",
            r#"{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::acme/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme/*"}"#,
            r#"{"Effect":"Allow","Action":["s3:PutObject","sqs:SendMessage"],"Resource":"arn:aws:s3:::acme/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::acme*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","NotResource":"arn:aws:s3:::acme/*"}"#,
            r#"{"Effect":"Allow","NotAction":"s3:PutObject","Resource":"arn:aws:s3:::acme/*"}"#,
            r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:s3:::acme/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject"}"#,
        ] {
            assert_eq!(read(wider), None, "{wider}");
            let beside = format!("{narrower},{wider}");
            if !wider.is_empty() {
                assert_eq!(read(&beside), None, "{wider}");
            }
        }
    }
}
