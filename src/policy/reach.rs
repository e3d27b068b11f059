//! Whether documents let somebody write into a bucket, anywhere in it and under whatever conditions. Where the answer
//! depends on something, it is yes: what is asked here is whether a bucket may be taken away from under somebody who
//! writes to it.

use super::document::Principals;
use super::evaluate::covers::pattern_covers;
use super::{Document, Statement};
use crate::names::{BucketName, RoleArn};

const WRITE: &str = "s3:putobject";

/// Whether the policies of a role let it write some object of a bucket.
pub(crate) fn may_write<'a>(policies: impl IntoIterator<Item = &'a Document>, bucket: &BucketName) -> bool {
    let statements: Vec<&Statement> = policies.into_iter().flat_map(Document::statements).collect();
    let denied = statements.iter().any(|statement| denies_everything(statement, bucket));
    !denied && statements.iter().any(|statement| allows_some(statement, bucket))
}

/// Whether the policy of a bucket lets a role write into it, whatever the role's own policies say.
pub(crate) fn lets_write(policy: &Document, bucket: &BucketName, role: &RoleArn) -> bool {
    policy.statements().iter().any(|statement| {
        let names_role = match statement.principals() {
            Principals::Anyone => true,
            Principals::Aws(principals) => principals
                .iter()
                .any(|principal| *principal == "*" || *principal == role.as_str()),
            Principals::Others => statement.has_not_principal(),
        };
        names_role && allows_some(statement, bucket)
    })
}

fn allows_some(statement: &Statement, bucket: &BucketName) -> bool {
    statement.allows() && statement.takes_in(WRITE) && {
        let objects = format!("arn:aws:s3:::{bucket}/*");
        let excluded = texts(statement, "NotResource");
        let resources = statement.resources();
        match excluded.is_empty() {
            true => resources.iter().any(|pattern| meet(pattern, &objects)),
            false => !excluded.iter().any(|pattern| covers(pattern, bucket)),
        }
    }
}

/// Whether a statement denies to write any object of the bucket, without a condition.
fn denies_everything(statement: &Statement, bucket: &BucketName) -> bool {
    !statement.allows()
        && !statement.is_conditional()
        && statement.takes_in(WRITE)
        && statement.resources().iter().any(|pattern| covers(pattern, bucket))
}

fn texts<'a>(statement: &'a Statement, element: &str) -> Vec<&'a str> {
    super::document::texts(statement.map().get(element))
}

/// Whether a pattern covers every object of a bucket: an object of one character and one of many, which nobody names.
fn covers(pattern: &str, bucket: &BucketName) -> bool {
    ["\u{1}", "\u{1}/\u{2}/\u{3}"]
        .iter()
        .all(|key| pattern_covers(pattern, &format!("arn:aws:s3:::{bucket}/{key}")))
}

/// Whether a pattern covers the bucket, or something in it.
pub(super) fn meets_bucket(pattern: &str, bucket: &BucketName) -> bool {
    ["", "/*"]
        .iter()
        .any(|part| meet(pattern, &format!("arn:aws:s3:::{bucket}{part}")))
}

/// A text that a pattern covers: something that nobody names, for each wildcard and variable.
pub(super) fn sample(pattern: &str) -> String {
    let characters = self::pattern(pattern).into_iter();
    characters
        .map(|one| if matches!(one, '*' | '?') { '\u{1}' } else { one })
        .collect()
}

/// Whether some text is covered by both patterns. A policy variable may stand for anything.
fn meet(one: &str, other: &str) -> bool {
    let (one, other) = (pattern(one), pattern(other));
    // `reachable[j]`: whether what is left of `one` and `other[j..]` have a text in common.
    let mut reachable = vec![false; other.len() + 1];
    for (i, mine) in one.iter().map(Some).chain([None]).rev().enumerate() {
        let mut next = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            let theirs = other.get(j);
            next[j] = match (mine, theirs) {
                (None, None) => i == 0,
                (Some('*'), _) => reachable[j] || (theirs.is_some() && next[j + 1]),
                (_, Some('*')) => next[j + 1] || (mine.is_some() && reachable[j]),
                (Some(mine), Some(theirs)) => (mine == theirs || *mine == '?' || *theirs == '?') && reachable[j + 1],
                _ => false,
            };
        }
        reachable = next;
    }
    reachable[0]
}

fn pattern(text: &str) -> Vec<char> {
    let mut characters = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        match rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            Some((_, after)) => {
                characters.push('*');
                rest = after;
            }
            None => {
                characters.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    characters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::build;

    fn writes(statements: &str) -> bool {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        may_write([&Document::parse(&text).unwrap()], &bucket())
    }

    fn bucket() -> BucketName {
        "acme".parse().unwrap()
    }

    #[test]
    fn whatever_reaches_an_object_of_the_bucket_may_write() {
        assert!(may_write([&build::data(&bucket())], &bucket()));
        for allow in [
            r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme*"}"#,
            r#"{"Effect":"Allow","Action":"S3:Put*","Resource":["arn:aws:s3:::other/*","arn:aws:s3:::a*/exports/*"]}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::acme/${aws:PrincipalTag/x}/day"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:*:s3:::${aws:PrincipalTag/x}/*"}"#,
            r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","NotResource":"arn:aws:s3:::acme/keep/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::acme/?","Condition":{"Bool":{"x":"y"}}}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"x":"y"}}}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::acme/1/*"}"#,
        ] {
            assert!(writes(allow), "{allow}");
        }
    }

    #[test]
    fn what_reaches_no_object_of_the_bucket_may_not() {
        for other in [
            "",
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::acme"}"#,
            r#"{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::acme-2/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}"#,
            r#"{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::acme*"}"#,
            r#"{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::acme/*"}"#,
        ] {
            assert!(!writes(other), "{other}");
        }
    }

    #[test]
    fn a_buckets_own_policy_may_let_a_role_write() {
        let role = "arn:aws:iam::123456789012:role/x".parse().unwrap();
        let lets = |principal: &str| {
            let text = format!(
                r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"s3:PutObject","Resource":"arn:aws:s3:::acme/*"}}]}}"#
            );
            lets_write(&Document::parse(&text).unwrap(), &bucket(), &role)
        };
        assert!(lets(r#"{"AWS":"arn:aws:iam::123456789012:role/x"}"#));
        assert!(lets(r#""*""#));
        assert!(!lets(r#"{"AWS":"arn:aws:iam::123456789012:role/y"}"#));
        assert!(!lets(r#"{"Service":"logging.s3.amazonaws.com"}"#));
    }

    proptest! {
        #[test]
        fn two_patterns_meet_where_a_text_matches_both(
            one in "[ab*?]{0,6}",
            other in "[ab*?]{0,6}",
            texts in prop::collection::vec("[ab]{0,6}", 30),
        ) {
            let both = |text: &String| pattern_covers(&one, text) && pattern_covers(&other, text);
            prop_assert!(meet(&one, &other) || !texts.iter().any(both));
            // A pattern meets the text that it covers, and no other.
            for text in &texts {
                prop_assert_eq!(meet(&one, text), pattern_covers(&one, text));
            }
            prop_assert_eq!(meet(&one, &other), meet(&other, &one));
        }
    }
}
