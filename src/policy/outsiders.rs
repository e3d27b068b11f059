//! Who gets in from outside a resource's account, as its policy says, by the evaluator's rules: conditions and Denies
//! count. Of a KMS key, and of a bucket.
//!
//! KMS's default key policy names the key's own account and leaves the rest to IAM; whoever else it lets in stands in it.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>

use super::evaluate::{AuthorizationRequest, Decision, Fact, Named, Policies, Principal, RequestContext, Rule, decide};
use super::outside::{Outside, outside};
use super::reach::{meets_bucket, sample};
use super::trust::Gravity;
use super::trust::requests::{STRANGER, known, of_outsider};
use super::{Document, Statement};
use crate::names::BucketName;

/// Somebody outside the account whom a resource's policy lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outsider {
    /// The principal, as it is written there, with the condition keys that he has to meet.
    pub(crate) principal: String,
    /// Whether it is a service of AWS's, which acts for whoever has it act.
    pub(crate) is_service: bool,
    /// Whether it is everybody.
    pub(crate) is_everybody: bool,
    /// [`Gravity::Open`] where he may administer the resource, or where nobody knows who he is.
    pub(crate) gravity: Gravity,
    /// The statement, by index.
    pub(crate) statement: usize,
}

/// What can be done with a resource.
struct Powers<'a> {
    /// The resource, and some of what is in it.
    resources: Vec<String>,
    /// The bucket that it is; of a key, a policy speaks of nothing but the key itself.
    bucket: Option<&'a BucketName>,
    /// To use it.
    uses: &'a [&'static str],
    /// To give others what one has, or to do away with it.
    administration: &'a [&'static str],
}

impl Powers<'_> {
    /// The resources on which a statement is tried: those that it speaks of, or else a text for each pattern that may
    /// name a part of the resource, such as a folder of a bucket.
    fn tried(&self, statement: &Statement) -> Vec<String> {
        let known = self.resources.iter().filter(|resource| statement.may_reach(resource));
        let known: Vec<String> = known.cloned().collect();
        match known.is_empty() {
            false => known,
            true => {
                let patterns = statement.resources().into_iter();
                let meeting = patterns.filter(|pattern| self.bucket.is_none_or(|bucket| meets_bucket(pattern, bucket)));
                meeting.map(sample).collect()
            }
        }
    }
}

/// Everybody outside the account whom a key's policy lets in.
pub(crate) fn of_key(policy: &Document, account: &str) -> Vec<Outsider> {
    let powers = Powers {
        resources: vec![format!("arn:aws:kms:us-east-1:{account}:key/\u{1}")],
        bucket: None,
        uses: &[
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "kms:Encrypt",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
            "kms:DescribeKey",
        ],
        administration: &[
            "kms:PutKeyPolicy",
            "kms:CreateGrant",
            "kms:ScheduleKeyDeletion",
            "kms:DisableKey",
            "kms:UpdateAlias",
            "kms:RevokeGrant",
        ],
    };
    outsiders(policy, account, &powers)
}

/// Everybody outside the account whom a bucket's policy lets in.
pub(crate) fn of_bucket(policy: &Document, account: &str, bucket: &BucketName) -> Vec<Outsider> {
    let powers = Powers {
        resources: parts_of(bucket),
        bucket: Some(bucket),
        uses: &[
            "s3:GetObject",
            "s3:GetObjectVersion",
            "s3:ListBucket",
            "s3:PutObject",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
        ],
        administration: &[
            "s3:PutBucketPolicy",
            "s3:DeleteBucketPolicy",
            "s3:DeleteBucket",
            "s3:PutBucketAcl",
            "s3:PutObjectAcl",
            "s3:PutLifecycleConfiguration",
            "s3:PutReplicationConfiguration",
            "s3:PutEncryptionConfiguration",
            "s3:PutBucketPublicAccessBlock",
        ],
    };
    outsiders(policy, account, &powers)
}

/// Everybody outside the account whom a bucket's policy lets do this on some object of it, services of AWS's left out:
/// they are nobody whom Mixpanel, or a reader of exports, could be.
pub(crate) fn who_may(action: &'static str, policy: &Document, account: &str, bucket: &BucketName) -> Vec<Outsider> {
    let powers = Powers {
        resources: parts_of(bucket),
        bucket: Some(bucket),
        uses: &[action],
        administration: &[],
    };
    let mut found = outsiders(policy, account, &powers);
    found.retain(|outsider| {
        let takes_in = |statement: &Statement| statement.takes_in(action);
        !outsider.is_service && policy.statements().get(outsider.statement).is_some_and(takes_in)
    });
    found
}

fn parts_of(bucket: &BucketName) -> Vec<String> {
    ["", "/\u{1}", "/\u{1}/mp_master_event/\u{2}/\u{3}"]
        .map(|part| format!("arn:aws:s3:::{bucket}{part}"))
        .into()
}

fn outsiders(policy: &Document, account: &str, powers: &Powers<'_>) -> Vec<Outsider> {
    let mut found = Vec::new();
    for (index, statement) in policy.statements().iter().enumerate() {
        if !statement.allows() {
            continue;
        }
        for principal in outside(statement, account) {
            let Some(gravity) = gravity(policy, statement, &principal, powers) else {
                continue;
            };
            found.push(Outsider {
                is_service: matches!(&principal, Outside::Other { kind, .. } if kind == "Service"),
                is_everybody: matches!(principal, Outside::Everybody | Outside::EverybodyBut(_)),
                gravity,
                principal: shown(&principal, statement),
                statement: index,
            });
        }
    }
    found
}

/// How grave it is that a statement names somebody; `None` where he does not get in for all that.
fn gravity(policy: &Document, statement: &Statement, principal: &Outside, powers: &Powers<'_>) -> Option<Gravity> {
    let taken = |actions: &[&'static str]| -> Vec<&'static str> {
        actions
            .iter()
            .copied()
            .filter(|action| statement.takes_in(action))
            .collect()
    };
    let (uses, administration) = (taken(powers.uses), taken(powers.administration));
    // It allows something else, which is looked at by name alone.
    if uses.is_empty() && administration.is_empty() {
        return Some(Gravity::Wide);
    }
    let gets_in = |account: &str, arn: Option<&str>, is_strange: bool, actions: &[&'static str]| {
        let context = of_outsider(account, is_strange);
        actions
            .iter()
            .any(|action| may(policy, statement, account, arn, action, powers, &context))
    };
    let by_power = |gets_in: &dyn Fn(&[&'static str]) -> bool| match (gets_in(&administration), gets_in(&uses)) {
        (true, _) => Some(Gravity::Open),
        (false, true) => Some(Gravity::Wide),
        (false, false) => None,
    };
    match principal {
        Outside::Everybody | Outside::EverybodyBut(_) => {
            let all: Vec<&str> = uses.iter().chain(&administration).copied().collect();
            match (
                gets_in(STRANGER, None, true, &all),
                gets_in(STRANGER, None, false, &all),
            ) {
                (true, _) => Some(Gravity::Open),
                // An organization's, say: somebody, but not everybody.
                (false, true) => Some(Gravity::Wide),
                (false, false) => None,
            }
        }
        Outside::Aws(name) => {
            let account = name.split(':').nth(4).unwrap_or(name);
            let arn = name
                .starts_with("arn:")
                .then_some(name.as_str())
                .filter(|arn| !arn.ends_with(":root"));
            by_power(&|actions| gets_in(account, arn, false, actions))
        }
        // What a service does for a stranger; federations are looked at by name alone.
        Outside::Other { kind, .. } if kind == "Service" => {
            let for_a_stranger = RequestContext::new()
                .with("aws:SourceAccount", known(STRANGER))
                .with(
                    "aws:SourceArn",
                    Fact::StartsWith(format!("arn:aws:\u{1}:\u{1}:{STRANGER}:")),
                )
                .with("aws:SourceOrgID", known("(a stranger's organization)"))
                .with("kms:CallerAccount", known(STRANGER));
            match statement.may_hold(&for_a_stranger) {
                false => None,
                true if administration.is_empty() => Some(Gravity::Wide),
                true => Some(Gravity::Open),
            }
        }
        Outside::Other { .. } if administration.is_empty() => Some(Gravity::Wide),
        Outside::Other { .. } => Some(Gravity::Open),
    }
}

/// Whether somebody may get an action through, for all that is known.
fn may(
    policy: &Document,
    statement: &Statement,
    account: &str,
    arn: Option<&str>,
    action: &str,
    powers: &Powers<'_>,
    context: &RequestContext,
) -> bool {
    // What his own account lets him do is his own account's to say.
    let everything = Document::everything();
    let policies = Policies {
        identity: vec![Named {
            name: "the policies of his own account".to_owned(),
            document: &everything,
        }],
        boundary: None,
        resource: Some(Named {
            name: "the policy".to_owned(),
            document: policy,
        }),
        unreadable: Vec::new(),
        rule: Rule::Both,
    };
    let principal = match arn {
        Some(arn) if arn.contains(":role/") => Principal::Session {
            account: account.to_owned(),
            role_arn: arn.to_owned(),
        },
        Some(arn) => Principal::User {
            account: account.to_owned(),
            arn: arn.to_owned(),
        },
        None => Principal::User {
            account: account.to_owned(),
            arn: format!("arn:aws:iam::{account}:user/\u{1}"),
        },
    };
    let context = match arn {
        Some(arn) => context.clone().with("aws:PrincipalArn", known(arn)),
        None => context.clone(),
    };
    powers.tried(statement).into_iter().any(|resource| {
        let request = AuthorizationRequest {
            principal: principal.clone(),
            action: action.to_owned(),
            resource,
            context: context.clone(),
        };
        !matches!(decide(&request, &policies), Decision::Denied(_))
    })
}

/// The principal, and what he has to meet.
fn shown(principal: &Outside, statement: &Statement) -> String {
    let keys = statement.condition_keys();
    match keys.is_empty() {
        true => principal.to_string(),
        false => format!("{principal} (if {} fits)", keys.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ACCOUNT: &str = "123456789012";
    const OTHER: &str = "arn:aws:iam::111122223333:root";

    fn policy(statements: Value) -> Document {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        Document::parse(&policy.to_string()).unwrap()
    }

    fn allow(principal: Value, action: Value, condition: Value) -> Value {
        let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*" });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        statement
    }

    fn found(principal: Value, action: Value, condition: Value) -> Vec<(String, Gravity)> {
        let outsiders = of_key(&policy(json!([allow(principal, action, condition)])), ACCOUNT);
        outsiders
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
        let managed = super::super::build::aws_managed_key(ACCOUNT, "eu-west-1");
        assert_eq!(of_key(&managed, ACCOUNT), []);
    }

    #[test]
    fn everybody_bound_to_the_account_is_no_outsider() {
        for condition in [
            json!({ "StringEquals": { "kms:CallerAccount": ACCOUNT } }),
            json!({ "StringLike": { "kms:CallerAccount": ACCOUNT } }),
            json!({ "StringEqualsIfExists": { "kms:CallerAccount": ACCOUNT } }),
            json!({ "StringEquals": { "kms:CallerAccount": 123456789012_u64 } }),
            json!({ "StringEquals": { "aws:PrincipalAccount": ACCOUNT } }),
            json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::123456789012:role/*" } }),
        ] {
            assert_eq!(
                found(json!("*"), json!("kms:Decrypt"), condition.clone()),
                [],
                "{condition}"
            );
        }
        let others = json!({ "StringNotEquals": { "kms:CallerAccount": ACCOUNT } });
        let mut deny = allow(json!("*"), json!("kms:*"), others);
        deny["Effect"] = json!("Deny");
        let open = allow(json!("*"), json!(["kms:Decrypt", "kms:GenerateDataKey"]), Value::Null);
        assert_eq!(of_key(&policy(json!([open, deny])), ACCOUNT), []);
    }

    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-services.html>
    #[test]
    fn a_service_that_acts_for_the_account_is_no_outsider() {
        let service = json!({ "Service": "s3.amazonaws.com" });
        let bound = json!({ "StringEquals": { "aws:SourceAccount": ACCOUNT },
            "ArnLike": { "aws:SourceArn": "arn:aws:s3:::acme" } });
        assert_eq!(found(service.clone(), json!("kms:GenerateDataKey"), bound), []);
        let trail = json!({ "StringEquals": {
            "aws:SourceArn": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/x" } });
        assert_eq!(found(service.clone(), json!("kms:GenerateDataKey"), trail), []);
        let open = found(service, json!("kms:Decrypt"), Value::Null);
        assert_eq!(open, [("Service s3.amazonaws.com".to_owned(), Gravity::Wide)]);
    }

    #[test]
    fn everybody_else_is_named_and_told_by_what_he_may() {
        for (principal, action, condition, says, gravity) in [
            (
                json!({ "AWS": OTHER }),
                json!(["kms:Decrypt"]),
                Value::Null,
                OTHER,
                Gravity::Wide,
            ),
            (
                json!({ "AWS": "111122223333" }),
                json!("kms:Create*"),
                Value::Null,
                "111122223333",
                Gravity::Open,
            ),
            (json!("*"), json!("kms:Decrypt"), Value::Null, "*", Gravity::Open),
            (
                json!("*"),
                json!("kms:Decrypt"),
                json!({ "StringEquals": { "kms:ViaService": "s3.eu-west-1.amazonaws.com" } }),
                "* (if kms:ViaService fits)",
                Gravity::Open,
            ),
            (
                json!("*"),
                json!("kms:Decrypt"),
                json!({ "StringEquals": { "aws:PrincipalOrgID": "o-abcdefghij" } }),
                "* (if aws:PrincipalOrgID fits)",
                Gravity::Wide,
            ),
        ] {
            assert_eq!(found(principal, action, condition), [(says.to_owned(), gravity)]);
        }
    }

    #[test]
    fn a_key_that_is_named_by_its_own_arn_is_that_key() {
        let mut named = allow(json!({ "AWS": OTHER }), json!("kms:Decrypt"), Value::Null);
        named["Resource"] = json!("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab");
        assert_eq!(of_key(&policy(json!([named])), ACCOUNT).len(), 1);
    }

    #[test]
    fn a_bucket_is_read_by_some_and_changed_by_others() {
        let of = |statement: Value| {
            let outsiders = of_bucket(&policy(json!([statement])), ACCOUNT, &"acme".parse().unwrap());
            outsiders
                .into_iter()
                .map(|outsider| outsider.gravity)
                .collect::<Vec<_>>()
        };
        let other = json!({ "AWS": OTHER });
        assert_eq!(of(allow(other.clone(), json!("s3:Get*"), Value::Null)), [Gravity::Wide]);
        assert_eq!(
            of(allow(other.clone(), json!("s3:PutObject"), Value::Null)),
            [Gravity::Wide]
        );
        assert_eq!(of(allow(other.clone(), json!("s3:Put*"), Value::Null)), [Gravity::Open]);
        assert_eq!(
            of(allow(json!("*"), json!("s3:GetObject"), Value::Null)),
            [Gravity::Open]
        );
        let own = json!({ "StringEquals": { "aws:PrincipalAccount": ACCOUNT } });
        assert_eq!(of(allow(json!("*"), json!("s3:*"), own)), []);
        let mut folder = allow(other.clone(), json!("s3:GetObject"), Value::Null);
        folder["Resource"] = json!("arn:aws:s3:::acme/123/mp_*");
        assert_eq!(of(folder), [Gravity::Wide]);
        let elsewhere =
            json!({ "Effect": "Allow", "Principal": other, "Action": "s3:*", "Resource": "arn:aws:s3:::else/*" });
        assert_eq!(of(elsewhere), []);
    }

    #[test]
    fn who_writes_from_outside_is_named() {
        let named = |principal: Value, action: &str| -> Vec<String> {
            let policy = policy(json!([allow(principal, json!(action), Value::Null)]));
            let found = who_may("s3:PutObject", &policy, ACCOUNT, &"acme".parse().unwrap());
            found.into_iter().map(|outsider| outsider.principal).collect()
        };
        let other = json!({ "AWS": ["arn:aws:iam::999999999999:role/x", "arn:aws:iam::123456789012:role/y"] });
        assert_eq!(named(other.clone(), "s3:Put*"), ["arn:aws:iam::999999999999:role/x"]);
        assert_eq!(named(json!("*"), "*"), ["*"]);
        assert!(named(other, "s3:GetObject").is_empty());
        assert!(named(json!({ "Service": "logging.s3.amazonaws.com" }), "s3:PutObject").is_empty());
        assert!(named(json!({ "AWS": ACCOUNT }), "s3:PutObject").is_empty());
    }
}
