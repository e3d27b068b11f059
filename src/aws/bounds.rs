//! What an endpoint may take of this program: pages, items, bytes, seconds. AWS stays far below each of these; an
//! endpoint that does not is broken or hostile, and ends the call with an error instead of going on for ever.
//!
//! The seconds of one call are `--timeout`'s ([`super::session`]), which covers the reading of its answer.

use std::fmt;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::Failure;
use super::failure::Cause;

/// The longest answer in bytes. The longest of AWS is a page of ListRoles: a thousand roles, each with a trust policy
/// of 4,096 characters, which the URL encoding triples, and a kilobyte of names; 13 MB.
pub(super) const MOST_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// The most pages of one list. An account has at most 5,000 roles and 10,000 customer-managed policies, 100,000 keys in
/// a region and 1,000,000 buckets, which take a thousand pages at the most where a page is as long as it may be; IAM
/// may answer shorter ones.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>,
/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>,
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
pub(super) const MOST_PAGES: usize = 1_000;

/// The most items of one list, which are what is held in memory of it.
pub(super) const MOST_ITEMS: usize = 1_000_000;

/// The longest that one list may take, in all of its pages.
pub(super) const MOST_LIST_TIME: Duration = Duration::from_secs(15 * 60);

/// The most pages of one pass over a bucket's objects: ten billion of them, at a thousand a page. S3 has no limit of
/// its own.
pub(super) const MOST_OBJECT_PAGES: usize = 10_000_000;

/// The longest policy document in bytes, white space included: the longest that IAM's and KMS's APIs take.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html>
pub(super) const MOST_DOCUMENT_BYTES: usize = 131_072;

/// The longest policy document in characters that count, which white space does not: KMS's quota of 32 KB for a key
/// policy, the largest of all. A bucket's policy has 20 KB, a role's inline policies 10,240 characters together, a
/// managed policy 6,144, a trust policy 4,096.
pub(super) const MOST_DOCUMENT_CHARACTERS: usize = 32_768;

/// An answer that AWS would not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Senseless(pub(super) String);

impl fmt::Display for Senseless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Senseless {}

/// A list that is read page by page.
///
/// The SDK's own paginators take a page that repeats its marker, or that says there is more without saying where, for
/// the last one. Here that is an error: half a list would be taken for the whole.
#[derive(Debug)]
pub(super) struct Listing {
    action: &'static str,
    resource: String,
    marker: Option<String>,
    pages: usize,
    items: usize,
    began: Instant,
}

impl Listing {
    /// A list before its first page. `action` and `resource` are what a failure of it names.
    pub(super) fn new(action: &'static str, resource: &str) -> Self {
        Self {
            action,
            resource: resource.to_owned(),
            marker: None,
            pages: 0,
            items: 0,
            began: Instant::now(),
        }
    }

    /// What the next page is asked with.
    pub(super) fn marker(&self) -> Option<String> {
        self.marker.clone()
    }

    /// A page that failed.
    pub(super) fn failure<E>(&self, error: SdkError<E, HttpResponse>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Failure::new(self.action, &self.resource, error)
    }

    /// Counts a page of so many items. Whether there is another, and then [`Self::marker`] says where it begins.
    pub(super) fn goes_on(&mut self, items: usize, truncated: bool, next: Option<&str>) -> Result<bool, Failure> {
        self.pages += 1;
        self.items += items;
        if self.items > MOST_ITEMS {
            return Err(self.endless(&format!("it has more than {MOST_ITEMS} items")));
        }
        if !truncated {
            return Ok(false);
        }
        let next = next.filter(|next| !next.is_empty());
        match next {
            None => return Err(self.endless("it says that there is more, and not where")),
            Some(next) if self.marker.as_deref() == Some(next) => {
                return Err(self.endless("it repeats its marker"));
            }
            Some(_) if self.pages >= MOST_PAGES => {
                return Err(self.endless(&format!("it has more than {MOST_PAGES} pages")));
            }
            Some(_) if self.began.elapsed() > MOST_LIST_TIME => {
                let minutes = MOST_LIST_TIME.as_secs() / 60;
                return Err(self.endless(&format!("it takes more than {minutes} minutes")));
            }
            Some(next) => self.marker = Some(next.to_owned()),
        }
        Ok(true)
    }

    fn endless(&self, why: &str) -> Failure {
        Failure::odd(self.action, &self.resource, &format!("the list does not end: {why}"))
    }
}

/// Why a policy document cannot be one that AWS keeps, if so.
pub(super) fn document_problem(text: &str) -> Option<String> {
    if text.len() > MOST_DOCUMENT_BYTES {
        return Some(format!(
            "the policy document has {} bytes, and AWS keeps none of more than {MOST_DOCUMENT_BYTES}",
            text.len()
        ));
    }
    let count = text.chars().filter(|one| !one.is_whitespace()).count();
    (count > MOST_DOCUMENT_CHARACTERS).then(|| {
        format!(
            "the policy document has {count} characters, and AWS keeps none of more than {MOST_DOCUMENT_CHARACTERS}"
        )
    })
}

impl Failure {
    /// An answer that makes no sense.
    pub(crate) fn odd(action: &'static str, resource: &str, why: &str) -> Self {
        Self {
            cause: Cause::Odd,
            ..Self::incomplete(action, resource, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Listing {
        Listing::new("iam:ListRoles", "*")
    }

    #[test]
    fn a_list_ends_where_it_says_so() {
        let mut list = list();
        assert!(list.goes_on(10, true, Some("a")).unwrap());
        assert_eq!(list.marker().as_deref(), Some("a"));
        assert!(list.goes_on(0, true, Some("b")).unwrap());
        // A marker that an answer names without need is none.
        assert!(!list.goes_on(10, false, Some("c")).unwrap());
    }

    #[test]
    fn a_list_that_does_not_end_is_an_error() {
        let message = |result: Result<bool, Failure>| result.unwrap_err().message;
        for nowhere in [None, Some("")] {
            assert!(message(list().goes_on(1, true, nowhere)).contains("and not where"));
        }
        let mut repeating = list();
        repeating.goes_on(1, true, Some("a")).unwrap();
        assert!(message(repeating.goes_on(1, true, Some("a"))).contains("repeats"));
        let mut changing = list();
        let ended = (1..).find_map(|page| changing.goes_on(1, true, Some(&page.to_string())).err());
        assert_eq!(changing.pages, MOST_PAGES);
        assert_eq!(ended.unwrap().cause, Cause::Odd);
        let mut full = list();
        assert!(message(full.goes_on(MOST_ITEMS + 1, false, None)).contains("items"));
    }

    #[test]
    fn white_space_counts_for_bytes_only() {
        assert_eq!(document_problem(&" ".repeat(MOST_DOCUMENT_BYTES)), None);
        assert!(document_problem(&" ".repeat(MOST_DOCUMENT_BYTES + 1)).is_some());
        assert_eq!(document_problem(&"x".repeat(MOST_DOCUMENT_CHARACTERS)), None);
        assert!(document_problem(&"x".repeat(MOST_DOCUMENT_CHARACTERS + 1)).is_some());
    }
}
