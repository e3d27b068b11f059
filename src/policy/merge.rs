//! Adding to a document without losing a statement of somebody else's.

use std::collections::BTreeSet;

use super::build::{MIXPANEL_USER_ARN, trust_statement};
use super::compare::same_statement;
use super::document::Principals;
use super::{Document, Statement};

/// What may become of a statement that has the wanted one's Sid and says something else. A Sid stands once in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSid {
    /// It is replaced where it speaks of nothing else than the wanted one does, and stays beside it otherwise.
    ReplacedIfNarrower,
    /// It is this program's own, from an earlier choice.
    Replaced,
}

/// The document with a statement in it: unchanged where one says the same already, and else with one more, which takes the
/// place of an older form of itself.
pub fn with_statement(document: &Document, wanted: &Statement, same_sid: SameSid) -> Document {
    let mut merged = document.clone();
    let statements = merged.statements_mut();
    if statements
        .iter()
        .any(|statement| same_statement(statement, wanted))
    {
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
pub fn with_document(document: &Document, wanted: &Document, same_sid: SameSid) -> Document {
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

/// The trust policy that lets Mixpanel assume the role with these ExternalIds and with those that are there already.
///
/// A statement that has the shape of Mixpanel's page is extended. Every other statement stays, except in an owned document
/// (`replace_wide`) one that trusts Mixpanel's user without any ExternalId: that is the confused deputy which the page
/// warns of.
pub fn trust_with(
    document: &Document,
    external_ids: &BTreeSet<String>,
    replace_wide: bool,
) -> Document {
    let mut merged = document.clone();
    let statements = merged.statements_mut();
    if replace_wide {
        statements
            .retain(|statement| !is_for_mixpanel_user(statement) || statement.is_conditional());
    }
    let mut all = external_ids.clone();
    for statement in statements
        .iter()
        .filter(|statement| is_page_statement(statement))
    {
        all.extend(page_external_ids(statement));
    }
    let present: BTreeSet<String> = statements
        .iter()
        .filter(|statement| is_page_statement(statement))
        .flat_map(page_external_ids)
        .collect();
    if present == all {
        return merged;
    }
    let first = statements.iter().position(is_page_statement);
    statements.retain(|statement| !is_page_statement(statement));
    let at = first.unwrap_or(statements.len()).min(statements.len());
    statements.insert(at, trust_statement(&all));
    merged
}

fn is_for_mixpanel_user(statement: &Statement) -> bool {
    statement.allows() && statement.principals() == Principals::Aws(vec![MIXPANEL_USER_ARN])
}

/// Whether the statement is the page's trust statement for some ExternalIds, and nothing more.
fn is_page_statement(statement: &Statement) -> bool {
    let ids: BTreeSet<String> = page_external_ids(statement).into_iter().collect();
    !ids.is_empty() && same_statement(statement, &trust_statement(&ids))
}

fn page_external_ids(statement: &Statement) -> Vec<String> {
    statement
        .condition("StringEquals", "sts:ExternalId")
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::build;
    use crate::policy::compare::same_meaning;

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn external_ids_that_are_there_stay() {
        let one = build::trust(&ids(&["aa"]));
        let both = trust_with(&one, &ids(&["bb"]), true);
        assert!(same_meaning(&both, &build::trust(&ids(&["aa", "bb"]))));
        assert_eq!(trust_with(&both, &ids(&["aa"]), true), both);
    }

    #[test]
    fn a_wide_trust_is_replaced_only_where_the_document_is_ours() {
        let wide = Document::parse(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::485438090326:user/mixpanel-export"},"Action":"sts:AssumeRole"}]}"#,
        )
        .unwrap();
        assert!(same_meaning(
            &trust_with(&wide, &ids(&["aa"]), true),
            &build::trust(&ids(&["aa"]))
        ));
        assert_eq!(
            trust_with(&wide, &ids(&["aa"]), false).statements().len(),
            2
        );
    }

    #[test]
    fn a_namesake_that_grants_more_stays_beside_ours() {
        let bucket = "acme".parse().unwrap();
        let page = build::data(&bucket);
        let narrower = page
            .to_json()
            .replace(r#""s3:DeleteObject""#, r#""s3:PutObject""#);
        let merged = with_document(
            &Document::parse(&narrower).unwrap(),
            &page,
            SameSid::ReplacedIfNarrower,
        );
        assert_eq!(merged, page);
        let wider = narrower.replace("acme/*", "other/*");
        let wider = Document::parse(&wider).unwrap();
        let merged = with_document(&wider, &page, SameSid::ReplacedIfNarrower);
        assert_eq!(merged.statements()[0], wider.statements()[0]);
        assert_eq!(
            merged.statements()[1].sid(),
            Some("MixpanelS3AccessStatement2")
        );
        assert_eq!(
            with_document(&merged, &page, SameSid::ReplacedIfNarrower),
            merged
        );
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
        fn every_statement_of_others_survives(theirs in statements(), tokens in prop::collection::btree_set("[a-f0-9]{2,4}", 1..4)) {
            let document = Document::parse(&json!({"Version": "2012-10-17", "Id": "x", "Statement": theirs}).to_string()).unwrap();
            let bucket = "acme".parse().unwrap();
            for merged in [trust_with(&document, &tokens, true), with_statement(&document, &build::deny_plain_http(&bucket), SameSid::ReplacedIfNarrower), with_document(&document, &build::data(&bucket), SameSid::ReplacedIfNarrower)] {
                for statement in document.statements() {
                    prop_assert!(merged.statements().contains(statement));
                }
                prop_assert_eq!(merged.statements().len(), document.statements().len() + 1);
                prop_assert_eq!(&merged.to_value()["Id"], "x");
            }
            let once = trust_with(&document, &tokens, true);
            prop_assert_eq!(trust_with(&once, &tokens, true), once);
        }
    }
}
