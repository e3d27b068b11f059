//! Whether a statement of a resource-based policy speaks of a principal, and how directly.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>

use serde_json::{Map, Value};

use super::request::Principal;
use super::truth::Truth;
use crate::policy::document::Statement;

const SESSION_NAME: &str = "the session's name";
const UNREADABLE: &str = "the statement's principals, which cannot be read";

/// In which ways an `Allow` statement speaks of a principal. The way decides which other policies must allow as well:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Granted {
    /// To the user or session itself: neither identity-based policies nor a permissions boundary need allow.
    pub(super) direct: Truth,
    /// To everyone: identity-based policies need not allow; AWS does not say whether a permissions boundary must.
    pub(super) everyone: Truth,
    /// To the role: a permissions boundary must allow.
    pub(super) role: Truth,
    /// To the account, which is left to say who may: identity-based policies and a permissions boundary must allow.
    pub(super) account: Truth,
}

impl Granted {
    fn none() -> Self {
        Self {
            direct: Truth::No,
            everyone: Truth::No,
            role: Truth::No,
            account: Truth::No,
        }
    }
}

/// Which of the names of a principal a list of principals has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ListedNames {
    anyone: bool,
    account: bool,
    /// The ARN of the role or user.
    itself: bool,
    /// The ARN of some session of the role.
    session: bool,
}

impl ListedNames {
    /// Reads the value of `Principal` or `NotPrincipal`. Services, federations and canonical users are no principals of
    /// ours, and unique IDs (`AROA…`) are what AWS shows for deleted ones.
    fn read(value: &Value, principal: &Principal) -> Option<Self> {
        let mut listed = Self::default();
        match value {
            Value::String(text) if text == "*" => listed.anyone = true,
            Value::Object(map) => match map.get("AWS") {
                None => {}
                Some(Value::String(text)) => listed.add(text, principal),
                Some(Value::Array(values)) => {
                    for value in values {
                        listed.add(value.as_str()?, principal);
                    }
                }
                Some(_) => return None,
            },
            _ => return None,
        }
        Some(listed)
    }

    fn add(&mut self, name: &str, principal: &Principal) {
        let account = principal.account();
        if name == "*" {
            self.anyone = true;
        } else if name == account {
            self.account = true;
        } else if name == principal.arn() {
            self.itself = true;
        } else if let ["arn", _, service, "", owner, resource] = name.splitn(6, ':').collect::<Vec<_>>()[..]
            && owner == account
        {
            match (service, principal) {
                ("iam", _) if resource == "root" => self.account = true,
                ("sts", Principal::Session { role_arn, .. }) => {
                    // The path of a role is no part of the ARNs of its sessions.
                    let role = role_arn.rsplit('/').next().unwrap_or_default();
                    self.session |= resource
                        .strip_prefix("assumed-role/")
                        .and_then(|rest| rest.split_once('/'))
                        // A principal names one session: nothing is expanded there.
                        .is_some_and(|(name, session)| name == role && !session.contains(['*', '?']));
                }
                _ => {}
            }
        }
    }
}

enum PrincipalElement {
    Principal(ListedNames),
    NotPrincipal(ListedNames),
    Neither,
    Unreadable,
}

fn element(map: &Map<String, Value>, principal: &Principal) -> PrincipalElement {
    let read = |value| ListedNames::read(value, principal);
    match (map.get("Principal"), map.get("NotPrincipal")) {
        (None, None) => PrincipalElement::Neither,
        (Some(value), None) => read(value).map_or(PrincipalElement::Unreadable, PrincipalElement::Principal),
        (None, Some(value)) => read(value).map_or(PrincipalElement::Unreadable, PrincipalElement::NotPrincipal),
        (Some(_), Some(_)) => PrincipalElement::Unreadable,
    }
}

/// Whether a `Deny` statement of a resource-based policy speaks of a principal, who may have a permissions boundary.
///
/// AWS exempts by `NotPrincipal` only who is listed with all his names, and nobody who has a permissions boundary.
pub(super) fn denied(statement: &Statement, principal: &Principal, boundary: &Truth) -> Truth {
    match element(statement.map(), principal) {
        PrincipalElement::Neither => Truth::No,
        PrincipalElement::Unreadable => Truth::unknown(UNREADABLE),
        PrincipalElement::Principal(listed) => {
            if listed.anyone || listed.account || listed.itself {
                Truth::Yes
            } else if listed.session {
                Truth::unknown(SESSION_NAME)
            } else {
                Truth::No
            }
        }
        PrincipalElement::NotPrincipal(listed) => {
            let exempt = if listed.anyone {
                Truth::Yes
            } else {
                match principal {
                    _ if !(listed.account && listed.itself) => Truth::No,
                    Principal::User { .. } => Truth::Yes,
                    // AWS checks account, role and session in turn, and advises to list the first two. Whether a
                    // session that is not listed is then exempt, its page leaves open.
                    Principal::Session { .. } => Truth::unknown(SESSION_NAME),
                }
            };
            exempt.not().or(boundary.clone())
        }
    }
}

/// In which ways an `Allow` statement of a resource-based policy speaks of a principal.
pub(super) fn granted(statement: &Statement, principal: &Principal) -> Granted {
    match element(statement.map(), principal) {
        PrincipalElement::Neither => Granted::none(),
        PrincipalElement::Unreadable => {
            let unknown = Truth::unknown(UNREADABLE);
            Granted {
                direct: unknown.clone(),
                everyone: unknown.clone(),
                role: unknown.clone(),
                account: unknown,
            }
        }
        PrincipalElement::Principal(listed) => {
            let everyone = to_everyone(statement, listed.anyone.into());
            let (direct, role) = match principal {
                Principal::User { .. } => (listed.itself.into(), Truth::No),
                Principal::Session { .. } if listed.session => (Truth::unknown(SESSION_NAME), listed.itself.into()),
                Principal::Session { .. } => (Truth::No, listed.itself.into()),
            };
            Granted {
                direct: everyone.direct.or(direct),
                everyone: everyone.everyone,
                role,
                account: listed.account.into(),
            }
        }
        // AWS no longer supports this. Who is not listed at all is certainly granted what everyone is.
        PrincipalElement::NotPrincipal(listed) => {
            let matches = if listed.anyone {
                Truth::No
            } else if listed == ListedNames::default() {
                Truth::Yes
            } else {
                Truth::unknown("how AWS reads NotPrincipal in an Allow statement")
            };
            to_everyone(statement, matches)
        }
    }
}

/// A grant to everyone. AWS says that one with a condition on `aws:PrincipalArn` is not limited by a permissions
/// boundary, and leaves open whether one without is.
fn to_everyone(statement: &Statement, truth: Truth) -> Granted {
    let names_principal = statement
        .map()
        .get("Condition")
        .and_then(Value::as_object)
        .is_some_and(|operators| {
            operators
                .values()
                .filter_map(Value::as_object)
                .flat_map(Map::keys)
                .any(|key| key.eq_ignore_ascii_case("aws:PrincipalArn"))
        });
    if names_principal {
        Granted {
            direct: truth,
            ..Granted::none()
        }
    } else {
        Granted {
            everyone: truth,
            ..Granted::none()
        }
    }
}

#[cfg(test)]
mod tests;
