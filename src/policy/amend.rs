//! What is changed in a policy by hand so that it lets somebody through, or lets somebody in no longer: statement by
//! statement, so that what is shown is what goes and what comes, and everything else stays.

use serde_json::{Map, Value, json};

use super::compare::Diff;
use super::document::{Principals, texts};
use super::outside::is_outside;
use super::{Document, Statement};
use crate::names::BucketName;

/// A document on its way to what is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Amendment {
    document: Document,
    /// Where each of its statements stood in the original; `None` for what was put there since.
    places: Vec<Option<usize>>,
    diff: Diff,
}

impl Amendment {
    /// The document as it is.
    pub(crate) fn new(document: &Document) -> Self {
        Self {
            document: document.clone(),
            places: (0..document.statements().len()).map(Some).collect(),
            diff: Diff {
                removed: Vec::new(),
                added: Vec::new(),
            },
        }
    }

    /// What it says by now.
    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// What goes and what comes.
    pub(crate) fn diff(&self) -> &Diff {
        &self.diff
    }

    /// Where a statement stood in the original; `None` where it was put there since, or where there is none.
    pub(crate) fn original(&self, at: usize) -> Option<usize> {
        *self.places.get(at)?
    }

    /// Puts a statement, or none, in the place of one of the original's.
    pub(crate) fn replace(&mut self, at: usize, by: Option<Statement>) {
        let statements = self.document.statements_mut();
        if at >= statements.len() {
            return;
        }
        self.diff.removed.push(statements[at].clone());
        match by {
            Some(by) => {
                statements[at] = by.clone();
                self.places[at] = None;
                self.diff.added.push(by);
            }
            None => {
                statements.remove(at);
                self.places.remove(at);
            }
        }
    }

    /// Adds a statement.
    pub(crate) fn add(&mut self, statement: Statement) {
        self.document.statements_mut().push(statement.clone());
        self.places.push(None);
        self.diff.added.push(statement);
    }
}

/// How a Deny comes to spare somebody.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spared {
    /// It names nobody else, and goes.
    Gone,
    /// He is no longer among those that it names.
    Unnamed(Statement),
    /// It gets an exception for him.
    Exempted(Statement),
}

/// A Deny that does not concern the principal of this ARN any more.
pub(crate) fn spared(statement: &Statement, arn: &str) -> Spared {
    if let Principals::Aws(names) = statement.principals()
        && names.contains(&arn)
    {
        return match retaining(statement, |kind, name| kind != "AWS" || name != arn) {
            Some(rest) => Spared::Unnamed(rest),
            None => Spared::Gone,
        };
    }
    // Several values of a negated operator mean "none of these".
    // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>
    let mut exempted = statement.clone();
    within(exempted.map_mut(), "Condition", |conditions| {
        within(conditions, "ArnNotEquals", |comparisons| {
            let known = comparisons.keys().find(|key| is(key, PRINCIPAL_ARN));
            let key = known.map_or_else(|| PRINCIPAL_ARN.to_owned(), Clone::clone);
            let known = texts(comparisons.get(&key)).into_iter();
            let values: Vec<Value> = known.chain([arn]).map(Value::from).collect();
            comparisons.insert(key, one_or_many(values));
        });
    });
    Spared::Exempted(exempted)
}

const PRINCIPAL_ARN: &str = "aws:PrincipalArn";

/// A statement that asks for the encryption context which S3 sends for this bucket, and for no other: the bucket's ARN
/// where there is an S3 bucket key, and else the object's.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context>
pub(crate) fn with_context_of_s3(statement: &Statement, bucket: &BucketName) -> Statement {
    let mut fitting = statement.clone();
    within(fitting.map_mut(), "Condition", |conditions| {
        for comparisons in conditions.values_mut().filter_map(Value::as_object_mut) {
            comparisons.retain(|key, _| {
                let key = key.to_ascii_lowercase();
                !key.starts_with("kms:encryptioncontext")
            });
        }
        let says_something = |keys: &Value| keys.as_object().is_none_or(|keys| !keys.is_empty());
        conditions.retain(|_, comparisons| says_something(comparisons));
        let [bucket, objects] = ["", "/*"].map(|rest| format!("arn:aws:s3:::{bucket}{rest}"));
        within(conditions, "StringLike", |comparisons| {
            let key = "kms:EncryptionContext:aws:s3:arn".to_owned();
            comparisons.insert(key, json!([bucket, objects]));
        });
    });
    fitting
}

/// A statement of a resource's policy for the resource's own account alone: what it says to everybody, it says to the
/// account, and whoever else is named is not named any more. Nothing where nobody is left.
pub(crate) fn for_account_alone(statement: &Statement, account: &str) -> Option<Statement> {
    let is_for_everybody = statement.has_not_principal()
        || match statement.principals() {
            Principals::Anyone => true,
            Principals::Aws(names) => names.contains(&"*"),
            Principals::Others => false,
        };
    if is_for_everybody {
        let root = json!({ "AWS": format!("arn:aws:iam::{account}:root") });
        let renamed =
            statement.map().iter().map(
                |(key, value)| match ["Principal", "NotPrincipal"].contains(&key.as_str()) {
                    true => ("Principal".to_owned(), root.clone()),
                    false => (key.clone(), value.clone()),
                },
            );
        return Some(Statement::from_map(renamed.collect()));
    }
    retaining(statement, |kind, name| kind == "AWS" && !is_outside(name, account))
}

/// A statement without some of its principals, told by their kind and name; nothing where nobody is left.
pub(crate) fn retaining(statement: &Statement, keeps: impl Fn(&str, &str) -> bool) -> Option<Statement> {
    let mut rest = statement.clone();
    let kinds = rest.map_mut().get_mut("Principal").and_then(Value::as_object_mut)?;
    for (kind, names) in kinds.iter_mut() {
        let kept: Vec<Value> = texts(Some(names))
            .into_iter()
            .filter(|name| keeps(kind, name))
            .map(Value::from)
            .collect();
        *names = one_or_many(kept);
    }
    kinds.retain(|_, names| names.as_array().is_none_or(|names| !names.is_empty()));
    (!kinds.is_empty()).then_some(rest)
}

/// Changes the object under a key, which is made where there is none.
fn within(map: &mut Map<String, Value>, key: &str, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut object = match map.get(key) {
        Some(Value::Object(object)) => object.clone(),
        _ => Map::new(),
    };
    change(&mut object);
    map.insert(key.to_owned(), Value::Object(object));
}

fn one_or_many(values: Vec<Value>) -> Value {
    match values.as_slice() {
        [only] => only.clone(),
        _ => Value::Array(values),
    }
}

fn is(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/export";

    fn statement(value: Value) -> Statement {
        Statement::from_value(value).unwrap()
    }

    #[test]
    fn a_deny_that_names_somebody_goes_and_any_other_gets_an_exception() {
        let deny = |principal: Value| statement(json!({ "Effect": "Deny", "Principal": principal }));
        assert_eq!(spared(&deny(json!({ "AWS": [ROLE] })), ROLE), Spared::Gone);
        assert_eq!(
            spared(&deny(json!({ "AWS": [ROLE, "x"] })), ROLE),
            Spared::Unnamed(deny(json!({ "AWS": "x" })))
        );
        let once = match spared(&deny(json!("*")), ROLE) {
            Spared::Exempted(once) => once,
            other => panic!("{other:?}"),
        };
        let exempts = |statement: &Statement, expected: Value| {
            assert_eq!(statement.map()["Condition"]["ArnNotEquals"][PRINCIPAL_ARN], expected);
        };
        exempts(&once, json!(ROLE));
        match spared(&once, "y") {
            Spared::Exempted(twice) => exempts(&twice, json!([ROLE, "y"])),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_context_of_another_bucket_makes_way_for_this_ones() {
        let condition = json!({
            "StringEquals": { "kms:EncryptionContext:aws:s3:arn": "x", "kms:ViaService": "y" },
            "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": "z" },
        });
        let fitting = with_context_of_s3(&statement(json!({ "Condition": condition })), &"acme".parse().unwrap());
        assert_eq!(
            fitting.map()["Condition"],
            json!({
                "StringEquals": { "kms:ViaService": "y" },
                "StringLike": { "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::acme", "arn:aws:s3:::acme/*"] },
            })
        );
    }

    #[test]
    fn nobody_outside_the_account_is_left() {
        let account = "123456789012";
        let root = json!({ "AWS": "arn:aws:iam::123456789012:root" });
        for (principal, expected) in [
            (json!("*"), Some(root.clone())),
            (json!({ "AWS": ["*", ROLE] }), Some(root.clone())),
            (
                json!({ "AWS": [ROLE, "111122223333"], "Service": "logs.amazonaws.com" }),
                Some(json!({ "AWS": ROLE })),
            ),
            (json!({ "AWS": "arn:aws:iam::111122223333:root" }), None),
        ] {
            let left = for_account_alone(&statement(json!({ "Principal": principal })), account);
            let left = left.map(|statement| statement.map()["Principal"].clone());
            assert_eq!(left, expected);
        }
        let but = statement(json!({ "NotPrincipal": { "AWS": ROLE } }));
        let left = for_account_alone(&but, account).unwrap();
        assert_eq!(left.map()["Principal"], root);
    }
}
