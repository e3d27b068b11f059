//! Adding to a document without losing a statement of somebody else's.

use super::compare::same_statement;
use super::{Document, Statement};

/// What may become of a statement that has the wanted one's Sid and says something else. A Sid stands once in a
/// document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSid {
    /// It is replaced where it speaks of nothing else than the wanted one does, and stays beside it otherwise.
    ReplacedIfNarrower,
    /// It is this program's own, from an earlier choice.
    Replaced,
}

/// The document with a statement in it: unchanged where one says the same already, and else with one more, which takes
/// the place of an older form of itself.
pub(crate) fn with_statement(document: &Document, wanted: &Statement, same_sid: SameSid) -> Document {
    let mut merged = document.clone();
    let statements = merged.statements_mut();
    if statements.iter().any(|statement| same_statement(statement, wanted)) {
        return merged;
    }
    let namesake = statements
        .iter()
        .position(|statement| statement.sid().is_some() && statement.sid() == wanted.sid());
    match namesake {
        Some(at) if same_sid == SameSid::Replaced || speaks_of_no_more(&statements[at], wanted) => {
            statements[at] = wanted.clone();
        }
        Some(_) => {
            let renamed = with_free_sid(wanted, statements);
            statements.push(renamed);
        }
        None => statements.push(wanted.clone()),
    }
    merged
}

/// The document with every statement of another one in it, as [`with_statement`] adds them.
pub(crate) fn with_document(document: &Document, wanted: &Document, same_sid: SameSid) -> Document {
    let wanted = wanted.statements().iter();
    wanted.fold(document.clone(), |merged, statement| {
        with_statement(&merged, statement, same_sid)
    })
}

/// Whether a statement has the same effect as another, on the same principals, and names no other resources.
fn speaks_of_no_more(statement: &Statement, wanted: &Statement) -> bool {
    let known = wanted.resources();
    let resources = statement.resources();
    !resources.is_empty()
        && resources.iter().all(|resource| known.contains(resource))
        && statement.allows() == wanted.allows()
        && statement.map().get("Principal") == wanted.map().get("Principal")
        && !statement.map().contains_key("NotPrincipal")
}

fn with_free_sid(wanted: &Statement, others: &[Statement]) -> Statement {
    let sid = wanted.sid().unwrap_or_default();
    let free = (2..)
        .map(|number| format!("{sid}{number}"))
        .find(|sid| others.iter().all(|other| other.sid() != Some(sid)));
    let mut renamed = wanted.clone();
    renamed.map_mut().insert("Sid".into(), free.into());
    renamed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::build;

    #[test]
    fn a_namesake_that_grants_more_stays_beside_ours() {
        let bucket = "acme".parse().unwrap();
        let page = build::data(&bucket);
        let narrower = page.to_json().replace(r#""s3:DeleteObject""#, r#""s3:PutObject""#);
        let merged = with_document(&Document::parse(&narrower).unwrap(), &page, SameSid::ReplacedIfNarrower);
        assert_eq!(merged, page);
        let wider = narrower.replace("acme/*", "other/*");
        let wider = Document::parse(&wider).unwrap();
        let merged = with_document(&wider, &page, SameSid::ReplacedIfNarrower);
        assert_eq!(merged.statements()[0], wider.statements()[0]);
        assert_eq!(merged.statements()[1].sid(), Some("MixpanelS3AccessStatement2"));
        assert_eq!(with_document(&merged, &page, SameSid::ReplacedIfNarrower), merged);
        assert_eq!(with_document(&wider, &page, SameSid::Replaced), page);
    }

    fn statements() -> impl Strategy<Value = Vec<Value>> {
        let text = "[a-zA-Z0-9:*/]{1,8}";
        let text_or_list = prop_oneof![
            text.prop_map(Value::from),
            prop::collection::vec(text, 0..3).prop_map(Value::from),
        ];
        let statement = prop::collection::hash_map(
            prop::sample::select(vec![
                "Sid",
                "Effect",
                "Action",
                "NotAction",
                "Resource",
                "Principal",
                "NotPrincipal",
                "Odd",
            ]),
            text_or_list,
            0..5,
        )
        .prop_map(|map| json!(map));
        prop::collection::vec(statement, 0..5)
    }

    proptest! {
        #[test]
        fn every_statement_of_others_survives(theirs in statements()) {
            let document = Document::parse(&json!({"Version": "2012-10-17", "Id": "x", "Statement": theirs}).to_string()).unwrap();
            let bucket = "acme".parse().unwrap();
            for merged in [with_statement(&document, &build::deny_plain_http(&bucket), SameSid::ReplacedIfNarrower), with_document(&document, &build::data(&bucket), SameSid::ReplacedIfNarrower)] {
                for statement in document.statements() {
                    prop_assert!(merged.statements().contains(statement));
                }
                prop_assert_eq!(merged.statements().len(), document.statements().len() + 1);
                prop_assert_eq!(&merged.to_value()["Id"], "x");
            }
        }
    }
}
