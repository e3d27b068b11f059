//! Everybody who gets into a role and is not Mixpanel's export user with its ExternalId.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::requests::Asker;
use super::{
    Trust, aws_principals, equal_ids, is_about_assuming, is_explicit, is_for_everybody, is_mixpanels, may_pass,
    speaks_to_mixpanel, unforeseen,
};
use crate::policy::build::{MIXPANEL_ACCOUNT, MIXPANEL_USER_ARN};
use crate::policy::document::texts;
use crate::policy::evaluate::{Decision, moment};
use crate::policy::{Document, Statement};

/// How grave it is that something is wider than Mixpanel's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gravity {
    /// Somebody gets in who should not, or reaches what he should not: a failure.
    Open,
    /// It is more than an export needs: a warning.
    Wide,
}

/// Somebody who gets in besides Mixpanel's user with its ExternalId.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Who.
    pub(crate) who: Who,
    /// How grave it is.
    pub(crate) gravity: Gravity,
    /// The statements that let him in, by index.
    pub(crate) statements: Vec<usize>,
    /// Whether that is certain; else it depends on what cannot be known from the document.
    pub(crate) is_certain: bool,
}

/// Who gets in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// Mixpanel's user, without any ExternalId: on behalf of any of its customers.
    MixpanelWithoutId,
    /// Mixpanel's user, with ExternalIds that the document does not name one by one.
    MixpanelWithOtherIds,
    /// Every user and role of Mixpanel's account.
    MixpanelsAccount,
    /// Anybody who has an AWS account.
    Anybody {
        /// Whether he has to know an ExternalId. A project token stands in public client code.
        knows_id: bool,
    },
    /// Anybody who meets a statement's conditions on these keys.
    AnybodyMeeting(Vec<String>),
    /// A principal of another account.
    Foreign(String),
    /// A principal of the role's own account.
    Own(String),
    /// An AWS service.
    Service(String),
    /// Whoever signs in with an identity provider.
    Federation(String),
    /// A principal of a kind that trust policies do not have.
    Odd(String),
}

impl Who {
    /// Whether it is Mixpanel's user without the ExternalId.
    pub(crate) fn is_mixpanel_without_token(&self) -> bool {
        matches!(self, Self::MixpanelWithoutId | Self::MixpanelWithOtherIds)
    }

    /// The principal as the document spells it, where it is not Mixpanel's.
    pub(crate) fn principal(&self) -> Option<&str> {
        match self {
            Self::MixpanelWithoutId | Self::MixpanelWithOtherIds | Self::MixpanelsAccount => None,
            Self::Anybody { .. } | Self::AnybodyMeeting(_) => Some("*"),
            Self::Foreign(name) | Self::Own(name) | Self::Service(name) | Self::Federation(name) | Self::Odd(name) => {
                Some(name)
            }
        }
    }
}

impl fmt::Display for Who {
    /// A clause, such as "the AWS service ec2.amazonaws.com can assume it".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MixpanelWithoutId => {
                f.write_str("Mixpanel can assume it without your project token, so on behalf of any of its customers")
            }
            Self::MixpanelWithOtherIds => f.write_str(
                "Mixpanel can assume it with other project tokens than yours, so on behalf of other customers",
            ),
            Self::MixpanelsAccount => {
                f.write_str("every user and role of Mixpanel's account can assume it, not only its export user")
            }
            Self::Anybody { knows_id: false } => f.write_str("anybody in AWS can assume it"),
            Self::Anybody { knows_id: true } => f.write_str(
                "anybody in AWS who knows the project token can assume it, and the token is in public client code",
            ),
            Self::AnybodyMeeting(keys) => {
                write!(
                    f,
                    "anybody who meets its condition on {} can assume it",
                    keys.join(", ")
                )
            }
            Self::Foreign(name) => write!(f, "{name}, which is not Mixpanel's, can assume it"),
            Self::Own(name) => write!(f, "{name}, of your own account, can assume it"),
            Self::Service(name) => write!(f, "the AWS service {name} can assume it"),
            Self::Federation(name) => write!(f, "whoever signs in through {name} can assume it"),
            Self::Odd(name) => write!(f, "{name} is named as a principal"),
        }
    }
}

impl Opening {
    /// Where it stands: "statement 2", "statements 1 and 3".
    pub(crate) fn place(&self) -> String {
        let numbers: Vec<String> = self.statements.iter().map(|index| (index + 1).to_string()).collect();
        match numbers.as_slice() {
            [] => "no single statement".into(),
            [only] => format!("statement {only}"),
            several => format!("statements {}", several.join(", ")),
        }
    }
}

impl Trust<'_> {
    /// Everybody who gets in and should not, or need not. `right` are the ExternalIds that are meant to be let in,
    /// besides those that the document names one by one, each of which may be another project's.
    pub(crate) fn openings(&self, right: &BTreeSet<String>) -> Vec<Opening> {
        let mut right = right.clone();
        right.extend(self.external_ids());
        let mut found: Vec<Opening> = Vec::new();
        found.extend(self.without_token(&right));
        found.extend(self.any_stranger(&right));
        found.extend(self.colleagues(&right));
        for (index, statement) in self.document.statements().iter().enumerate() {
            if statement.allows() && is_about_assuming(statement) {
                found.extend(self.named_in(index, statement));
            }
        }
        merged(found)
    }

    /// The principals that get in and are not Mixpanel's, as the document spells them.
    pub(crate) fn others(&self) -> Vec<String> {
        let openings = self.openings(&BTreeSet::new());
        let mut others: Vec<String> = openings
            .iter()
            .filter_map(|opening| opening.who.principal().map(str::to_owned))
            .collect();
        others.sort();
        others.dedup();
        others
    }

    /// Mixpanel's user without an ExternalId, or with another one.
    fn without_token(&self, right: &BTreeSet<String>) -> Option<Opening> {
        if let Some(bare) = self.likeliest_for_mixpanel([None]) {
            return Some(opening(Who::MixpanelWithoutId, Gravity::Open, &bare));
        }
        let wrong = self.wrong_ids(right);
        let wrong = wrong.iter().map(|id| Some(id.as_str()));
        if let Some(passed) = self.likeliest_for_mixpanel(wrong) {
            return Some(opening(Who::MixpanelWithOtherIds, Gravity::Open, &passed));
        }
        self.compared_otherwise(right)
    }

    /// What the document says where it may let Mixpanel's user in with one of these ExternalIds: from wherever it
    /// calls, and whenever. A yes comes before a perhaps.
    fn likeliest_for_mixpanel<'i>(&self, external_ids: impl IntoIterator<Item = Option<&'i str>>) -> Option<Decision> {
        let timeless = Self { now: None, ..*self };
        let times: Vec<OffsetDateTime> = self.moments();
        let mut perhaps = None;
        for id in external_ids {
            for asker in &Asker::MIXPANEL_IN_ANY_WAY {
                let decision = timeless.decide(asker, id);
                if !may_pass(&decision) {
                    continue;
                }
                let at = times.iter().map(|time| self.at(*time).decide(asker, id));
                let mut all = std::iter::once(decision.clone()).chain(at);
                if let Some(yes) = all.find(|one| matches!(one, Decision::Allowed { .. })) {
                    return Some(yes);
                }
                perhaps.get_or_insert(decision);
            }
        }
        perhaps
    }

    /// The times at which what the document says may change, a second before and after each, but none that is past:
    /// what opens one day is open.
    fn moments(&self) -> Vec<OffsetDateTime> {
        let statements = self.document.statements().iter();
        statements
            .flat_map(Statement::condition_values)
            .filter_map(moment)
            .flat_map(|moment| [-1, 0, 1].map(|second| moment.checked_add(Duration::seconds(second))))
            .flatten()
            .filter(|moment| self.now.is_none_or(|now| *moment >= now))
            .collect()
    }

    /// A statement that lets Mixpanel in and compares the ExternalId with anything but equality: whether some other ID
    /// gets in was not found by trying, and is not to be trusted, unless a Deny keeps every other ID out.
    fn compared_otherwise(&self, right: &BTreeSet<String>) -> Option<Opening> {
        let other = unforeseen(&self.document.to_json());
        if is_explicit(&self.decide_for_mixpanel(Some(&other))) {
            return None;
        }
        let statements: Vec<usize> = self
            .document
            .statements()
            .iter()
            .enumerate()
            .filter(|(index, statement)| {
                statement.allows()
                    && speaks_to_mixpanel(statement)
                    && equal_ids(statement).is_none()
                    && self.alone(*index).is_some_and(|alone| {
                        let alone = Trust {
                            document: &alone,
                            ..*self
                        };
                        let mut ids = right.iter();
                        ids.any(|id| may_pass(&alone.decide_for_mixpanel(Some(id))))
                    })
            })
            .map(|(index, _)| index)
            .collect();
        (!statements.is_empty()).then_some(Opening {
            who: Who::MixpanelWithOtherIds,
            gravity: Gravity::Open,
            statements,
            is_certain: false,
        })
    }

    /// The document with one of its statements only.
    pub(super) fn alone(&self, index: usize) -> Option<Document> {
        let statement = self.document.statements().get(index)?.clone();
        let mut alone = self.document.clone();
        *alone.statements_mut() = vec![statement];
        Some(alone)
    }

    /// A stranger, whom no statement names.
    fn any_stranger(&self, right: &BTreeSet<String>) -> Option<Opening> {
        let text = self.document.to_json();
        let account = (0..=u64::MAX)
            .map(|number| format!("{:012}", 100_200_300_400_u64.wrapping_add(number * 7)))
            .find(|account| !text.contains(account.as_str()))?;
        let stranger = Asker::Stranger { account };
        let bare = self.decide(&stranger, None);
        if may_pass(&bare) {
            let who = Who::Anybody { knows_id: false };
            return Some(opening(who, Gravity::Open, &bare));
        }
        let wrong = self.wrong_ids(right);
        let decision = right
            .iter()
            .chain(&wrong)
            .map(|id| self.decide(&stranger, Some(id)))
            .find(may_pass)?;
        let who = Who::Anybody { knows_id: true };
        Some(opening(who, Gravity::Open, &decision))
    }

    /// Another user of Mixpanel's account, with whatever ExternalId.
    fn colleagues(&self, right: &BTreeSet<String>) -> Option<Opening> {
        let tries = right.iter().map(|id| Some(id.as_str()));
        let decision = tries
            .chain([None])
            .map(|id| self.decide(&Asker::MixpanelColleague, id))
            .find(may_pass)?;
        Some(opening(Who::MixpanelsAccount, Gravity::Wide, &decision))
    }

    /// The principals that a statement names, and that are not Mixpanel's user.
    fn named_in(&self, index: usize, statement: &Statement) -> Vec<Opening> {
        let asks_for_id = equal_ids(statement).is_some();
        let unless_asked = match asks_for_id {
            true => Gravity::Wide,
            false => Gravity::Open,
        };
        let of = |who, gravity| Opening {
            who,
            gravity,
            statements: vec![index],
            is_certain: true,
        };
        let mut found = Vec::new();
        if is_for_everybody(statement) {
            let meeting = conditions_on_others(statement);
            found.extend(meeting.map(|keys| of(Who::AnybodyMeeting(keys), unless_asked)));
        }
        for name in aws_principals(statement) {
            let own = self.role.account();
            let account = name.split(':').nth(4).unwrap_or(name);
            if name == "*" || name == MIXPANEL_USER_ARN || is_unique_id(name) {
                continue;
            }
            if is_mixpanels(name) {
                // Its whole account is told by whoever else gets in from there.
                if name != MIXPANEL_ACCOUNT && !name.ends_with(":root") {
                    found.push(of(Who::Foreign(name.to_owned()), unless_asked));
                }
            } else if account == own {
                found.push(of(Who::Own(name.to_owned()), Gravity::Wide));
            } else {
                found.push(of(Who::Foreign(name.to_owned()), unless_asked));
            }
        }
        let principal = statement.map().get("Principal").and_then(Value::as_object);
        for (kind, names) in principal.into_iter().flatten() {
            for name in texts(Some(names)) {
                let name = name.to_owned();
                match kind.as_str() {
                    "AWS" => {}
                    "Service" => found.push(of(Who::Service(name), Gravity::Wide)),
                    "Federated" => {
                        let gravity = match statement.is_conditional() {
                            true => Gravity::Wide,
                            false => Gravity::Open,
                        };
                        found.push(of(Who::Federation(name), gravity));
                    }
                    _ => found.push(of(Who::Odd(name), Gravity::Wide)),
                }
            }
        }
        found
    }
}

/// The keys by which a statement for everybody picks out some, where those are not Mixpanel's user alone.
fn conditions_on_others(statement: &Statement) -> Option<Vec<String>> {
    let only_mixpanel = ["StringEquals", "ArnEquals", "ArnLike", "ForAnyValue:StringEquals"]
        .iter()
        .any(|operator| {
            statement
                .condition(operator, "aws:PrincipalArn")
                .is_some_and(|values| values == [MIXPANEL_USER_ARN])
        });
    let mut keys: Vec<String> = statement
        .condition_keys()
        .into_iter()
        .filter(|key| !key.eq_ignore_ascii_case(super::EXTERNAL_ID))
        .map(str::to_owned)
        .collect();
    keys.sort();
    keys.dedup();
    // Without any such key, a stranger has been let in already.
    (!only_mixpanel && !keys.is_empty()).then_some(keys)
}

/// IAM shows a deleted user or role by its unique ID: nobody gets in by that.
pub(crate) fn is_unique_id(name: &str) -> bool {
    name.len() >= 16 && (name.starts_with("AIDA") || name.starts_with("AROA"))
}

fn opening(who: Who, gravity: Gravity, decision: &Decision) -> Opening {
    let (by, is_certain) = match decision {
        Decision::Allowed { by } => (by.as_slice(), true),
        Decision::Unknown { by, .. } => (by.as_slice(), false),
        Decision::Denied(_) => (&[][..], false),
    };
    let mut statements: Vec<usize> = by.iter().map(|source| source.statement).collect();
    statements.dedup();
    Opening {
        who,
        gravity,
        statements,
        is_certain,
    }
}

/// Each of them once, the graver reading of two, and nobody who is told with somebody wider.
fn merged(found: Vec<Opening>) -> Vec<Opening> {
    let is_anybody = |opening: &Opening| matches!(opening.who, Who::Anybody { .. });
    let anybody = found.iter().any(|opening| is_anybody(opening) && opening.is_certain);
    let meeting = found
        .iter()
        .any(|opening| matches!(opening.who, Who::AnybodyMeeting(_)));
    let mut merged: Vec<Opening> = Vec::new();
    for opening in found {
        let told = match opening.who {
            Who::AnybodyMeeting(_) | Who::MixpanelsAccount => anybody,
            // Where it depends on a condition, that condition says more.
            Who::Anybody { .. } => !opening.is_certain && meeting,
            _ => false,
        };
        if told {
            continue;
        }
        match merged.iter_mut().find(|known| known.who == opening.who) {
            None => merged.push(opening),
            Some(known) => {
                known.gravity = known.gravity.min(opening.gravity);
                known.is_certain |= opening.is_certain;
                known.statements.extend(opening.statements);
                known.statements.sort_unstable();
                known.statements.dedup();
            }
        }
    }
    merged
}
