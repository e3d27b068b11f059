//! Whom the policy of a resource lets in from outside the resource's account.

use std::fmt;

use serde_json::Value;

use super::Statement;
use super::document::texts;
use super::trust::openings::is_unique_id;

/// Somebody who is not of the account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outside {
    /// `*`.
    Everybody,
    /// A `NotPrincipal`, as it is written.
    EverybodyBut(String),
    /// A principal of AWS's own kind, as it is written.
    Aws(String),
    /// A principal of another kind: a service, a federation.
    Other {
        /// The kind.
        kind: String,
        /// The name.
        name: String,
    },
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("*"),
            Self::EverybodyBut(but) => write!(f, "everybody but {but}"),
            Self::Aws(name) => f.write_str(name),
            Self::Other { kind, name } => write!(f, "{kind} {name}"),
        }
    }
}

/// Every principal of a statement that is not of the account.
pub(super) fn outside(statement: &Statement, account: &str) -> Vec<Outside> {
    let map = statement.map();
    if let Some(but) = map.get("NotPrincipal") {
        return vec![Outside::EverybodyBut(but.to_string())];
    }
    let of_aws = |name: &str| match name {
        "*" => Outside::Everybody,
        name => Outside::Aws(name.to_owned()),
    };
    let mut names = Vec::new();
    match map.get("Principal") {
        Some(Value::String(text)) => names.push(of_aws(text)),
        Some(Value::Object(kinds)) => {
            for (kind, values) in kinds {
                names.extend(texts(Some(values)).into_iter().map(|name| match kind.as_str() {
                    "AWS" => of_aws(name),
                    kind => Outside::Other {
                        kind: kind.to_owned(),
                        name: name.to_owned(),
                    },
                }));
            }
        }
        _ => {}
    }
    names.retain(|name| match name {
        Outside::Aws(name) => is_outside(name, account),
        Outside::Everybody | Outside::EverybodyBut(_) | Outside::Other { .. } => true,
    });
    names
}

/// Whether a principal of AWS's kind is not of the account. A deleted user or role is shown by its unique ID: nobody
/// gets in by that.
pub(super) fn is_outside(name: &str, account: &str) -> bool {
    !is_unique_id(name) && name.split(':').nth(4).unwrap_or(name) != account
}
