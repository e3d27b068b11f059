//! Who may use a role: the one evaluation of a trust policy, for `setup`, `--adopt`, `verify`, `print-details` and
//! discovery.
//!
//! A trust policy is somebody's text, so nothing in it is taken for what it looks like. It is *asked*, by AWS's own
//! rules ([`evaluate`](super::evaluate)): as Mixpanel's export user, as another user of Mixpanel's account and as a
//! stranger; with a right ExternalId, with none, and with wrong ones that are chosen against the document. What it
//! answers is an [`Admission`], and [`Opening`]s: everybody who gets in and is not Mixpanel's user with its ExternalId.
//!
//! * [`requests`] – the requests that are made of it;
//! * [`openings`] – who else gets in;
//! * [`amend`] – letting Mixpanel in, and closing what is open.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>

pub(crate) mod amend;
pub(crate) mod openings;
pub(crate) mod requests;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;
use time::OffsetDateTime;

use super::build::{MIXPANEL_ACCOUNT, MIXPANEL_USER_ARN};
use super::document::texts;
use super::evaluate::explain::{Judgement, judge};
use super::evaluate::{Decision, Named, Policies, Refusal, Rule, decide};
use super::{Document, Statement};
use crate::names::RoleArn;
pub(crate) use openings::{Gravity, Opening};
use requests::Asker;

/// A trust policy, and the role that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust<'a> {
    document: &'a Document,
    role: &'a RoleArn,
    now: Option<OffsetDateTime>,
}

/// Whether a trust policy lets Mixpanel's export user in. Ordered from worst to best, but for [`Admission::None`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Admission {
    /// It neither names Mixpanel nor lets it in.
    None,
    /// It names Mixpanel's user or account, and something else keeps it out.
    Kept,
    /// It lets Mixpanel in, and somebody who has not the ExternalId.
    Open,
    /// It lets Mixpanel in, and is wider than Mixpanel's page asks for.
    Wide,
    /// It lets Mixpanel's export user in, with an ExternalId, and nobody else.
    Narrow,
}

impl<'a> Trust<'a> {
    /// The trust policy of a role, at a time that is not known.
    pub(crate) fn new(document: &'a Document, role: &'a RoleArn) -> Self {
        Self {
            document,
            role,
            now: None,
        }
    }

    /// The same at a time, which conditions may go by.
    #[must_use]
    pub(crate) fn at(self, now: OffsetDateTime) -> Self {
        Self { now: Some(now), ..self }
    }

    /// What it says to somebody who comes with this ExternalId, or with none.
    pub(crate) fn decide(&self, asker: &Asker, external_id: Option<&str>) -> Decision {
        let request = requests::assumption(self.role, asker, external_id, self.now);
        decide(&request, &self.policies())
    }

    fn policies(&self) -> Policies<'a> {
        Policies {
            identity: Vec::new(),
            boundary: None,
            resource: Some(Named {
                name: format!("trust policy of role {}", self.role.role_name()),
                document: self.document,
            }),
            unreadable: Vec::new(),
            rule: Rule::ResourceOnly,
        }
    }

    /// What it says to Mixpanel's export user, and why.
    pub(crate) fn judge_for_mixpanel(&self, external_id: Option<&str>) -> Judgement {
        let request = requests::assumption(self.role, &Asker::MixpanelUser, external_id, self.now);
        judge(request, &self.policies())
    }

    /// What it says to Mixpanel's export user.
    pub(crate) fn decide_for_mixpanel(&self, external_id: Option<&str>) -> Decision {
        self.decide(&Asker::MixpanelUser, external_id)
    }

    /// With what Mixpanel can come, as far as it makes a difference here: an ExternalId that it is asked for, another
    /// one, or none.
    pub(crate) fn tries(&self) -> Vec<Option<String>> {
        let ids = self.external_ids();
        let wrong = self.wrong_ids(&ids);
        ids.into_iter().chain(wrong).map(Some).chain([None]).collect()
    }

    /// Whether Mixpanel gets in, and how safely.
    pub(crate) fn admission(&self) -> Admission {
        let named = self.document.statements().iter().any(names_mixpanel);
        let mut tries = self.tries().into_iter();
        let admitted = tries.any(|id| may_pass(&self.decide_for_mixpanel(id.as_deref())));
        if !admitted {
            return match named {
                true => Admission::Kept,
                false => Admission::None,
            };
        }
        let openings = self.openings(&BTreeSet::new());
        if openings.iter().any(|opening| opening.gravity == Gravity::Open) {
            Admission::Open
        } else if openings.is_empty() {
            Admission::Narrow
        } else {
            Admission::Wide
        }
    }

    /// The ExternalIds that it asks Mixpanel for by equality: what can be a project token, and nothing with a wildcard
    /// or a variable in it.
    pub(crate) fn external_ids(&self) -> BTreeSet<String> {
        let statements = self.document.statements().iter();
        statements
            .filter(|statement| speaks_to_mixpanel(statement))
            .flat_map(|statement| match statement.allows() {
                true => equal_ids(statement).unwrap_or_default(),
                // To deny all but some is to name those.
                false => statement.condition("StringNotEquals", EXTERNAL_ID).unwrap_or_default(),
            })
            .map(str::to_owned)
            .collect()
    }

    /// Every text that it compares Mixpanel's ExternalId with by an operator that is not a negation, patterns included:
    /// what a person sees there.
    pub(crate) fn asked_ids(&self) -> BTreeSet<String> {
        let statements = self.document.statements().iter();
        statements
            .filter(|statement| statement.allows() && speaks_to_mixpanel(statement))
            .flat_map(|statement| statement.wanted_of(EXTERNAL_ID))
            .map(str::to_owned)
            .collect()
    }

    /// ExternalIds that are none of these, chosen so that a document which lets any other one in is likely to let one
    /// of them in: of Mixpanel's usual form, not to be found in the document and not to be foreseen by whoever wrote
    /// it; of every first character; and made of whatever patterns the document compares with.
    fn wrong_ids(&self, right: &BTreeSet<String>) -> Vec<String> {
        let text = self.document.to_json();
        let mut ids = vec![unforeseen(&text)];
        ids.extend(('0'..='9').chain('a'..='f').map(|c| String::from(c).repeat(32)));
        for value in self.document.statements().iter().flat_map(compared_external_ids) {
            for star in ["", "5eed"] {
                ids.push(value.replace('*', star).replace('?', "5"));
            }
            ids.push(swapped_case(value));
        }
        ids.retain(|id| (2..=1224).contains(&id.len()) && !right.contains(id));
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Whether a decision does not refuse for sure.
fn may_pass(decision: &Decision) -> bool {
    !matches!(decision, Decision::Denied(_))
}

/// Whether a refusal comes from a statement that denies, and not from silence.
fn is_explicit(decision: &Decision) -> bool {
    matches!(decision, Decision::Denied(Refusal::Statement(_)))
}

/// Whether a statement that allows names Mixpanel's user or its account as a principal.
pub(crate) fn names_mixpanel(statement: &Statement) -> bool {
    statement.allows() && aws_principals(statement).iter().any(|name| is_mixpanels(name))
}

/// Whether a name in `Principal` is Mixpanel's user, its account, or something else in that account.
fn is_mixpanels(name: &str) -> bool {
    name == MIXPANEL_ACCOUNT || name.split(':').nth(4) == Some(MIXPANEL_ACCOUNT)
}

/// Whether a statement of a trust policy speaks of Mixpanel's user, by whatever name.
pub(crate) fn speaks_to_mixpanel(statement: &Statement) -> bool {
    let root = format!("arn:aws:iam::{MIXPANEL_ACCOUNT}:root");
    is_for_everybody(statement)
        || aws_principals(statement)
            .iter()
            .any(|name| [MIXPANEL_USER_ARN, MIXPANEL_ACCOUNT, &root].contains(name))
}

/// Whether a statement speaks of everybody, or of everybody but some.
fn is_for_everybody(statement: &Statement) -> bool {
    let map = statement.map();
    map.get("Principal").and_then(Value::as_str) == Some("*")
        || aws_principals(statement).contains(&"*")
        || map.contains_key("NotPrincipal")
}

/// The values under `AWS` in a statement's `Principal`.
fn aws_principals(statement: &Statement) -> Vec<&str> {
    texts(
        statement
            .map()
            .get("Principal")
            .and_then(|principal| principal.get("AWS")),
    )
}

/// Whether a statement allows one of the ways to become the role. A statement without a readable action is taken for
/// one.
fn is_about_assuming(statement: &Statement) -> bool {
    const WAYS: [&str; 3] = [
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
    ];
    let has = |element| statement.map().contains_key(element);
    let is_readable = has("Action") != has("NotAction");
    !is_readable || WAYS.iter().any(|way| statement.takes_in(way))
}

/// The ExternalIds that a statement compares with by equality; `None` where it does not ask for equality with anything.
/// Of several such conditions all have to hold, so any one of them is a bound.
fn equal_ids(statement: &Statement) -> Option<Vec<&str>> {
    let literal = |value: &&str| !value.contains("${");
    let plain = |value: &&str| !value.contains(['*', '?']);
    ["StringEquals", "ForAnyValue:StringEquals"]
        .iter()
        .find_map(|operator| {
            let values = statement.condition(operator, EXTERNAL_ID)?;
            values.iter().all(literal).then_some(values)
        })
        .or_else(|| {
            // Without a wildcard, this is equality.
            let values = statement.condition("StringLike", EXTERNAL_ID)?;
            let same = values.iter().all(literal) && values.iter().all(plain);
            same.then_some(values)
        })
}

/// Every value that a statement compares the ExternalId with, by whatever operator.
fn compared_external_ids(statement: &Statement) -> Vec<&str> {
    let operators = statement.map().get("Condition").and_then(Value::as_object);
    operators
        .into_iter()
        .flat_map(|operators| operators.values())
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(key, _)| key.eq_ignore_ascii_case(EXTERNAL_ID))
        .flat_map(|(_, value)| texts(Some(value)))
        .collect()
}

/// The condition key of the ExternalId.
const EXTERNAL_ID: &str = "sts:ExternalId";

/// A text of the form of a project token that depends on all of a document, so that no document can name it.
fn unforeseen(text: &str) -> String {
    // FNV-1a, twice, from two beginnings: nothing secret, only nothing that could be written down beforehand.
    let hash = |mut state: u64| {
        for byte in text.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        state
    };
    format!(
        "{:016x}{:016x}",
        hash(0xcbf2_9ce4_8422_2325),
        hash(0x6c62_272e_07bb_0142)
    )
}

fn swapped_case(text: &str) -> String {
    text.chars()
        .map(|c| match c.is_ascii_lowercase() {
            true => c.to_ascii_uppercase(),
            false => c.to_ascii_lowercase(),
        })
        .collect()
}
