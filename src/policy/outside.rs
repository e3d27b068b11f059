//! Whom the policy of a resource lets in from outside the resource's account.

use serde_json::Value;

use super::Statement;
use super::document::texts;

/// Every principal of a statement that is not of the account, as it is written there; of other kinds than AWS's with
/// the kind before it, such as `Service logs.amazonaws.com`.
pub(super) fn outside(statement: &Statement, account: &str) -> Vec<String> {
    let map = statement.map();
    if let Some(but) = map.get("NotPrincipal") {
        return vec![format!("everybody but {but}")];
    }
    let mut names: Vec<String> = Vec::new();
    match map.get("Principal") {
        Some(Value::String(text)) => names.push(text.clone()),
        Some(Value::Object(kinds)) => {
            for (kind, values) in kinds {
                for name in texts(Some(values)) {
                    names.push(match kind.as_str() {
                        "AWS" => name.to_owned(),
                        other => format!("{other} {name}"),
                    });
                }
            }
        }
        _ => {}
    }
    names.retain(|name| match name.as_str() {
        // AWS's own keys are for everybody of the account.
        "*" => !is_bound_to(statement, account),
        name => is_outside(name, account),
    });
    names
}

/// Whether a principal of AWS's kind is not of the account. A deleted user or role is shown by its unique ID: nobody
/// gets in by that.
pub(super) fn is_outside(name: &str, account: &str) -> bool {
    let is_deleted = name.starts_with("AIDA") || name.starts_with("AROA");
    !is_deleted && name.split(':').nth(4).unwrap_or(name) != account
}

/// Whether a statement for everybody speaks of the account's own callers only.
fn is_bound_to(statement: &Statement, account: &str) -> bool {
    ["kms:CallerAccount", "aws:PrincipalAccount"].iter().any(|key| {
        let values = statement.condition("StringEquals", key);
        values.is_some_and(|values| !values.is_empty() && values.iter().all(|v| *v == account))
    })
}
