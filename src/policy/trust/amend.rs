//! The trust policy that a role shall have: Mixpanel let in with its ExternalIds, what is open closed as far as it is
//! ours to close, and every other statement kept.

use std::collections::BTreeSet;

use serde_json::Value;

use super::openings::is_unique_id;
use super::requests::Asker;
use super::{
    Gravity, Trust, aws_principals, equal_ids, is_about_assuming, is_for_everybody, is_mixpanels, may_pass,
    speaks_to_mixpanel,
};
use crate::policy::amend::retaining;
use crate::policy::build::{MIXPANEL_ACCOUNT, MIXPANEL_USER_ARN, trust_statement};
use crate::policy::compare::same_statement;
use crate::policy::{Document, Statement};

/// Whose a trust policy is, which decides what of it is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tenure {
    /// Somebody else's: nothing is replaced, and what is open stays open.
    Theirs,
    /// Somebody else made it, and it was taken over: what it says to Mixpanel alone is replaced.
    Adopted,
    /// This program's own: whatever lets Mixpanel in otherwise than Mixpanel's page does is replaced.
    Ours,
}

/// What a trust policy shall say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedTrust<'a> {
    /// The ExternalIds that are let in, besides those that are there.
    pub(crate) external_ids: &'a BTreeSet<String>,
    /// The ExternalIds that are let in no longer.
    pub(crate) removed: &'a BTreeSet<String>,
    /// Whose it is.
    pub(crate) tenure: Tenure,
}

impl Trust<'_> {
    /// The document that says what is wanted. Statements of Mixpanel's page become one, which keeps the ExternalIds
    /// that are there.
    pub(crate) fn amended(&self, wanted: &WantedTrust<'_>) -> Document {
        let mut ids: BTreeSet<String> = wanted.external_ids.clone();
        let mut kept = Vec::new();
        let mut at = None;
        let mut pages = 0;
        for (index, statement) in self.document.statements().iter().enumerate() {
            let fate = self.fate(index, statement, wanted.tenure);
            if fate != StatementFate::Kept {
                at.get_or_insert(kept.len());
                ids.extend(equal_ids(statement).unwrap_or_default().into_iter().map(str::to_owned));
            }
            match fate {
                StatementFate::Kept => kept.push(statement.clone()),
                StatementFate::Page => pages += 1,
                StatementFate::Replaced => kept.extend(without_mixpanel(statement)),
            }
        }
        ids.retain(|id| !wanted.removed.contains(id));
        let replaced = kept.len() + pages < self.document.statements().len()
            || kept
                .iter()
                .any(|statement| !self.document.statements().contains(statement));
        let present: BTreeSet<String> = self
            .document
            .statements()
            .iter()
            .filter(|statement| is_page_statement(statement))
            .flat_map(|statement| equal_ids(statement).unwrap_or_default())
            .map(str::to_owned)
            .collect();
        if (present == ids && !replaced) || ids.is_empty() {
            return self.document.clone();
        }
        kept.insert(at.unwrap_or(kept.len()).min(kept.len()), trust_statement(&ids));
        let mut amended = self.document.clone();
        *amended.statements_mut() = kept.iter().filter_map(without_the_deleted).collect();
        amended
    }

    /// The document with nobody in it but Mixpanel's user with these ExternalIds. What denies stays.
    pub(crate) fn narrowest(&self, external_ids: &BTreeSet<String>) -> Document {
        let mut narrow = self.document.clone();
        let statements = narrow.statements_mut();
        statements.retain(|statement| !statement.allows() || !is_about_assuming(statement));
        *statements = statements.iter().filter_map(without_the_deleted).collect();
        statements.insert(0, trust_statement(external_ids));
        narrow
    }

    fn fate(&self, index: usize, statement: &Statement, tenure: Tenure) -> StatementFate {
        if is_page_statement(statement) {
            return StatementFate::Page;
        }
        if tenure == Tenure::Theirs || !statement.allows() || !is_about_assuming(statement) {
            return StatementFate::Kept;
        }
        let names = aws_principals(statement);
        let only_mixpanel = is_for_mixpanel_alone(statement);
        let for_mixpanel = names.iter().any(|name| is_user_or_account(name));
        let replaced = match tenure {
            Tenure::Theirs => false,
            Tenure::Adopted => only_mixpanel && self.is_loose(index),
            Tenure::Ours => {
                (for_mixpanel && self.is_loose(index)) || (is_for_everybody(statement) && self.lets_mixpanel_in(index))
            }
        };
        match replaced {
            true => StatementFate::Replaced,
            false => StatementFate::Kept,
        }
    }

    /// Whether a statement lets Mixpanel in otherwise than by an exact ExternalId, or all of Mixpanel's account.
    fn is_loose(&self, index: usize) -> bool {
        let Some(alone) = self.alone(index) else {
            return false;
        };
        let exact = alone.statements().iter().all(|statement| {
            statement.condition("StringEquals", super::EXTERNAL_ID).is_some() && equal_ids(statement).is_some()
        });
        let trust = Trust {
            document: &alone,
            ..*self
        };
        let open = trust.openings(&trust.external_ids());
        !exact
            || open.iter().any(|opening| {
                opening.gravity == Gravity::Open || opening.who == super::openings::Who::MixpanelsAccount
            })
    }

    fn lets_mixpanel_in(&self, index: usize) -> bool {
        let Some(alone) = self.alone(index) else {
            return false;
        };
        let trust = Trust {
            document: &alone,
            ..*self
        };
        let ids = trust.external_ids();
        let wrong = trust.wrong_ids(&ids);
        let tries = ids.iter().chain(&wrong).map(|id| Some(id.as_str()));
        let mut tries = tries.chain([None]);
        tries.any(|id| {
            let mut askers = Asker::MIXPANEL_IN_ANY_WAY.iter();
            askers.any(|asker| may_pass(&trust.decide(asker, id)))
        })
    }
}

/// The statement without users and roles that were deleted, whom IAM shows by their unique IDs: nobody gets in by one,
/// and IAM takes no document that names one. Nothing where nobody is left.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
pub(crate) fn without_the_deleted(statement: &Statement) -> Option<Statement> {
    match aws_principals(statement).iter().any(|name| is_unique_id(name)) {
        true => retaining(statement, |kind, name| kind != "AWS" || !is_unique_id(name)),
        false => Some(statement.clone()),
    }
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatementFate {
    /// It stays as it is.
    Kept,
    /// It is the page's, and its ExternalIds go into the one that is written.
    Page,
    /// What it says to Mixpanel goes, and what it says to others stays.
    Replaced,
}

/// Whether a name is Mixpanel's export user or all of its account.
fn is_user_or_account(name: &str) -> bool {
    name == MIXPANEL_USER_ARN || name == MIXPANEL_ACCOUNT || (is_mixpanels(name) && name.ends_with(":root"))
}

fn is_for_mixpanel_alone(statement: &Statement) -> bool {
    let principal = statement.map().get("Principal").and_then(Value::as_object);
    let names = aws_principals(statement);
    principal.is_some_and(|kinds| kinds.len() == 1)
        && !names.is_empty()
        && names.iter().all(|name| is_user_or_account(name))
}

/// The statement without Mixpanel among its principals; nothing where nobody is left, or where it spoke of everybody.
fn without_mixpanel(statement: &Statement) -> Option<Statement> {
    if is_for_everybody(statement) {
        return None;
    }
    let mut rest = statement.clone();
    let principal = rest.map_mut().get_mut("Principal").and_then(Value::as_object_mut)?;
    let others: Vec<Value> = aws_principals(statement)
        .into_iter()
        .filter(|name| !is_user_or_account(name))
        .map(Value::from)
        .collect();
    match others.is_empty() {
        true => principal.shift_remove("AWS"),
        false => principal.insert("AWS".into(), others.into()),
    };
    (!principal.is_empty()).then_some(rest)
}

/// Whether the statement is the page's trust statement for some ExternalIds, and nothing more.
fn is_page_statement(statement: &Statement) -> bool {
    let ids: BTreeSet<String> = equal_ids(statement)
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect();
    !ids.is_empty() && speaks_to_mixpanel(statement) && same_statement(statement, &trust_statement(&ids))
}
