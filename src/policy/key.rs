//! Who may use a KMS key, as its policy says: a key that somebody else can use or administer is no key of this
//! program's, whatever its tags and its alias say.
//!
//! KMS's default key policy names the key's own account and leaves the rest to IAM.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>

use super::outside::{Outside, outside};
use super::trust::Gravity;
use super::{Document, Statement};

/// Somebody outside the key's account whom its policy lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outsider {
    /// The principal, as it is written there.
    pub(crate) principal: String,
    /// [`Gravity::Open`] where he may administer the key or grant its use to others, or where nobody knows who he is.
    pub(crate) gravity: Gravity,
    /// The statement, by index.
    pub(crate) statement: usize,
}

/// Everybody outside the account whom a key policy lets in.
pub(crate) fn outsiders(policy: &Document, account: &str) -> Vec<Outsider> {
    let mut found = Vec::new();
    for (index, statement) in policy.statements().iter().enumerate() {
        if !statement.allows() {
            continue;
        }
        for principal in outside(statement, account) {
            let unknown = matches!(principal, Outside::Everybody | Outside::EverybodyBut(_));
            found.push(Outsider {
                gravity: match unknown || administers(statement) {
                    true => Gravity::Open,
                    false => Gravity::Wide,
                },
                principal: principal.to_string(),
                statement: index,
            });
        }
    }
    found
}

/// Whether a statement allows more than using the key.
fn administers(statement: &Statement) -> bool {
    const ADMINISTRATION: [&str; 6] = [
        "kms:putkeypolicy",
        "kms:creategrant",
        "kms:schedulekeydeletion",
        "kms:disablekey",
        "kms:updatealias",
        "kms:revokegrant",
    ];
    ADMINISTRATION.iter().any(|action| statement.takes_in(action))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "123456789012";

    fn found(principal: Value, action: Value, condition: Value) -> Vec<(String, Gravity)> {
        let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*" });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
        outsiders(&Document::parse(&policy.to_string()).unwrap(), ACCOUNT)
            .into_iter()
            .map(|outsider| (outsider.principal, outsider.gravity))
            .collect()
    }

    #[test]
    fn the_accounts_own_principals_are_no_outsiders() {
        for principal in [
            json!({ "AWS": "arn:aws:iam::123456789012:root" }),
            json!({ "AWS": [ACCOUNT, "arn:aws:iam::123456789012:role/admin"] }),
        ] {
            assert_eq!(found(principal, json!("kms:*"), Value::Null), []);
        }
        let bound = json!({ "StringEquals": { "kms:CallerAccount": ACCOUNT } });
        assert_eq!(found(json!({ "AWS": "*" }), json!("kms:*"), bound), []);
        let managed = super::super::build::aws_managed_key(ACCOUNT, "eu-west-1");
        assert_eq!(outsiders(&managed, ACCOUNT), []);
    }

    #[test]
    fn everybody_else_is_named_and_told_by_what_he_may() {
        let other = "arn:aws:iam::111122223333:root";
        assert_eq!(
            found(json!({ "AWS": other }), json!(["kms:Decrypt"]), Value::Null),
            [(other.to_owned(), Gravity::Wide)]
        );
        assert_eq!(
            found(json!({ "AWS": "111122223333" }), json!("kms:Create*"), Value::Null),
            [("111122223333".to_owned(), Gravity::Open)]
        );
        assert_eq!(
            found(json!("*"), json!("kms:Decrypt"), Value::Null),
            [("*".to_owned(), Gravity::Open)]
        );
        let elsewhere = json!({ "StringEquals": { "kms:CallerAccount": [ACCOUNT, "111122223333"] } });
        assert_eq!(found(json!("*"), json!("kms:Decrypt"), elsewhere).len(), 1);
        assert_eq!(
            found(
                json!({ "Service": "logs.amazonaws.com" }),
                json!("kms:Decrypt"),
                Value::Null
            ),
            [("Service logs.amazonaws.com".to_owned(), Gravity::Wide)]
        );
    }
}
