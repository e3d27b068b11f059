//! IAM's identifiers: account, role, path, and the ARNs made of them.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html> and the patterns of the IAM API reference.

use std::str::FromStr;

use super::{InvalidName, Partition};

/// The twelve digits of an AWS account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AccountId(String);
super::text!(AccountId);

/// The friendly name of a role, unique in its account without regard to case or path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RoleName(String);
super::text!(RoleName);

/// A path that roles and customer-managed policies may share: `/`, or `/team/export/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct IamPath(String);
super::text!(IamPath);

/// The ARN of a managed policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PolicyArn(String);
super::text!(PolicyArn);

/// The full ARN of a role, account and path included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RoleArn(String);
super::text!(RoleArn);

/// A role as somebody names it: by its name, or by its ARN. IAM's calls take the name alone and answer with the
/// account's role of that name, so an ARN has to be held against what was found: [`RoleReference::accept_account`],
/// [`RoleReference::accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RoleReference {
    name: RoleName,
    arn: Option<RoleArn>,
}

impl FromStr for AccountId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new("account ID", text, "an account ID has twelve digits"))
        }
    }
}

fn is_iam_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | '-')
}

impl FromStr for RoleName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const WHAT: &str = "role name";
        let text = text.trim();
        if text.starts_with("arn:") {
            let invalid = InvalidName::new(WHAT, text, "give the role's name here, not its ARN");
            return Err(match text.parse::<RoleArn>() {
                Ok(arn) => invalid.suggest(format!("Try '{}'.", arn.role_name())),
                Err(_) => invalid,
            });
        }
        if let Some(odd) = text.chars().find(|c| !is_iam_name_char(*c)) {
            let rule = format!(
                "IAM takes letters, digits and _+=,.@- and not '{}'",
                odd.escape_default()
            );
            let invalid = InvalidName::new(WHAT, text, rule);
            if odd == '/' {
                return Err(invalid.suggest("Give the path with --path."));
            }
            let mended: String = text
                .chars()
                .map(|c| if is_iam_name_char(c) { c } else { '-' })
                .take(64)
                .collect();
            return Err(invalid.suggest(format!("Try '{mended}'.")));
        }
        match text.len() {
            1..=64 => Ok(Self(text.to_owned())),
            0 => Err(InvalidName::new(WHAT, text, "it is empty")),
            length => {
                let rule = format!("it has {length} characters, and IAM takes 1 to 64");
                Err(InvalidName::new(WHAT, text, rule).suggest(format!("Try '{}'.", &text[..64])))
            }
        }
    }
}

impl IamPath {
    /// The path `/`, where everything is that names none.
    pub(crate) fn root() -> Self {
        Self("/".into())
    }
}

impl FromStr for IamPath {
    type Err = InvalidName;

    /// Takes what both a role's path and a policy's path take, since both get the same one. A policy's is the narrower:
    /// `((/[A-Za-z0-9.,+@=_-]+)*)/`, at most 512 characters.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const WHAT: &str = "path";
        let text = text.trim();
        if !text.starts_with('/') || !text.ends_with('/') {
            let invalid = InvalidName::new(WHAT, text, "IAM wants a path to begin and end with a slash");
            let mended = format!("/{}/", text.trim_matches('/'));
            return Err(match mended.parse::<Self>() {
                Ok(path) => invalid.suggest(format!("Try '{path}'.")),
                Err(_) => invalid,
            });
        }
        if text.len() > 512 {
            let rule = format!("it has {} characters, and IAM takes at most 512", text.len());
            return Err(InvalidName::new(WHAT, text, rule));
        }
        if text.contains("//") {
            return Err(InvalidName::new(WHAT, text, "two slashes may not stand side by side"));
        }
        match text.chars().find(|c| *c != '/' && !is_iam_name_char(*c)) {
            Some(odd) => {
                let rule = format!(
                    "IAM takes letters, digits, slashes and _+=,.@- and not '{}'",
                    odd.escape_default()
                );
                Err(InvalidName::new(WHAT, text, rule))
            }
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// Splits `arn:<partition>:iam::<account>:<kind>/<path and name>`; the account may be `aws` for AWS's own policies.
fn split_iam_arn<'a>(text: &'a str, kind: &str) -> Option<(Partition, &'a str, &'a str)> {
    let partition = Partition::of_arn(text)?;
    let rest = text
        .strip_prefix("arn:")?
        .strip_prefix(partition.as_str())?
        .strip_prefix(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    let name = resource.strip_prefix(kind)?.strip_prefix('/')?;
    let sound = !name.is_empty()
        && !name.ends_with('/')
        && name
            .split('/')
            .all(|part| !part.is_empty() && part.chars().all(is_iam_name_char));
    sound.then_some((partition, account, name))
}

impl PolicyArn {
    /// The ARN of a customer-managed policy of that name.
    pub(crate) fn of(partition: Partition, account: &AccountId, path: &IamPath, name: &str) -> Self {
        Self(format!("arn:{}:iam::{account}:policy{path}{name}", partition.as_str()))
    }

    /// Whether AWS itself keeps it, and not the account.
    pub(crate) fn is_aws_managed(&self) -> bool {
        self.0.contains(":iam::aws:policy/")
    }

    /// The policy's friendly name: what stands after the last slash.
    pub(crate) fn policy_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for PolicyArn {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        match split_iam_arn(text, "policy") {
            Some((_, account, _)) if account == "aws" || account.parse::<AccountId>().is_ok() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidName::new(
                "policy ARN",
                text,
                "it has not the form arn:aws:iam::<account>:policy/<name>",
            )
            .suggest("`aws iam list-policies --scope Local` lists the ARNs of your policies.")),
        }
    }
}

impl RoleArn {
    /// The account that the role is in.
    pub(crate) fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// The role's friendly name: what stands after the last slash.
    pub(crate) fn role_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path that the role is under, such as `/export/`; `/` for most.
    pub(crate) fn path(&self) -> &str {
        let place = self.0.split_once(":role").map_or("/", |(_, place)| place);
        let end = place.rfind('/').map_or(0, |at| at + 1);
        &place[..end]
    }

    /// The ARN of a role of that name.
    pub(crate) fn of(partition: Partition, account: &AccountId, path: &IamPath, name: &RoleName) -> Self {
        Self(format!("arn:{}:iam::{account}:role{path}{name}", partition.as_str()))
    }
}

impl FromStr for RoleArn {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let broken = |rule: &str| InvalidName::new("role ARN", text, rule);
        match split_iam_arn(text, "role") {
            Some((_, "", _)) => Err(broken("the account ID is missing between 'iam::' and ':role'")),
            Some((_, account, _)) if account.parse::<AccountId>().is_ok() => Ok(Self(text.to_owned())),
            _ => Err(broken("it has not the form arn:aws:iam::<account>:role/<name>")),
        }
    }
}

impl RoleReference {
    /// The role's name.
    pub(crate) fn name(&self) -> &RoleName {
        &self.name
    }

    /// Refuses an ARN of another account or partition than the one in which roles are looked for.
    pub(crate) fn accept_account(&self, account: &AccountId, partition: Partition) -> Result<(), InvalidName> {
        let same =
            |arn: &RoleArn| arn.account() == account.as_str() && Partition::of_arn(arn.as_str()) == Some(partition);
        match &self.arn {
            Some(arn) if !same(arn) => Err(InvalidName::new(
                "role",
                arn.as_str(),
                format!(
                    "its account is {}, and you are in account {account} of the partition '{}'",
                    arn.account(),
                    partition.as_str()
                ),
            )
            .suggest("Choose a profile of that account with --profile.")),
            _ => Ok(()),
        }
    }

    /// Refuses a role that was found by its name, where it was named by another ARN.
    pub(crate) fn accept(&self, found: &RoleArn) -> Result<(), InvalidName> {
        match &self.arn {
            Some(arn) if arn != found => Err(InvalidName::new(
                "role",
                arn.as_str(),
                format!("the account's role of that name is {found}"),
            )
            .suggest("Give that ARN if it is meant.")),
            _ => Ok(()),
        }
    }
}

impl From<RoleName> for RoleReference {
    fn from(name: RoleName) -> Self {
        Self { name, arn: None }
    }
}

impl FromStr for RoleReference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if !text.trim().starts_with("arn:") {
            return text.parse::<RoleName>().map(Self::from);
        }
        let arn: RoleArn = text.parse()?;
        Ok(Self {
            name: arn.role_name().parse()?,
            arn: Some(arn),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_arn_names_one_role_of_one_account() {
        let account: AccountId = "123456789012".parse().unwrap();
        let named = |text: &str| text.parse::<RoleReference>().unwrap();
        let found: RoleArn = "arn:aws:iam::123456789012:role/acme".parse().unwrap();
        for own in ["acme", "arn:aws:iam::123456789012:role/acme"] {
            assert_eq!(named(own).name().as_str(), "acme");
            assert!(named(own).accept_account(&account, Partition::Aws).is_ok());
            assert!(named(own).accept(&found).is_ok());
        }
        let elsewhere = named("arn:aws:iam::210987654321:role/acme");
        let refused = elsewhere.accept_account(&account, Partition::Aws);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("210987654321") && text.contains("123456789012"));
        let partition = named("arn:aws-cn:iam::123456789012:role/acme");
        assert!(partition.accept_account(&account, Partition::Aws).is_err());
        let moved = named("arn:aws:iam::123456789012:role/team/acme");
        assert!(moved.accept_account(&account, Partition::Aws).is_ok());
        let text = moved.accept(&found).unwrap_err().to_string();
        assert!(text.contains("role/team/acme") && text.contains("role/acme"));
    }

    #[test]
    fn role_names_say_which_rule_they_break() {
        let rule = |name: &str| name.parse::<RoleName>().expect_err(name).to_string();
        assert_eq!(
            rule("acme export"),
            "role name 'acme export': IAM takes letters, digits and _+=,.@- and not ' '. Try 'acme-export'."
        );
        assert!(rule("team/acme").ends_with("Give the path with --path."));
        assert!(rule(&"a".repeat(65)).contains("it has 65 characters"));
        assert!(rule("").contains("it is empty"));
        assert!(rule("arn:aws:iam::123456789012:role/team/acme").ends_with("Try 'acme'."));
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        assert!("/".parse::<IamPath>().is_ok());
        assert!("/team/export/".parse::<IamPath>().is_ok());
        let rule = |path: &str| path.parse::<IamPath>().expect_err(path).to_string();
        assert!(rule("team").ends_with("Try '/team/'."));
        assert!(rule("/a//b/").contains("side by side"));
        assert!(rule("/a b/").contains("not ' '"));
        assert!(rule(&format!("/{}/", "a".repeat(512))).contains("514 characters"));
    }

    #[test]
    fn arns_are_whole() {
        assert!("arn:aws:iam::123456789012:role/a/b".parse::<RoleArn>().is_ok());
        let missing = "arn:aws:iam:::role/example-s3-role".parse::<RoleArn>().unwrap_err();
        assert!(missing.rule.contains("account ID is missing"));
        for text in [
            "",
            "role/x",
            "arn:aws:iam::1:role/x",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:role/",
        ] {
            assert!(text.parse::<RoleArn>().is_err(), "{text}");
        }
        assert!("arn:aws:iam::aws:policy/PowerUserAccess".parse::<PolicyArn>().is_ok());
        assert!(
            "arn:aws:iam::123456789012:policy/team/boundary"
                .parse::<PolicyArn>()
                .is_ok()
        );
        assert!("arn:aws:iam::123456789012:role/boundary".parse::<PolicyArn>().is_err());
        assert!("boundary".parse::<PolicyArn>().is_err());
    }

    proptest! {
        #[test]
        fn what_parses_round_trips_through_an_arn(name in "[A-Za-z0-9_+=,.@-]{1,64}", path in "(/[A-Za-z0-9_+=,.@-]{1,12}){0,3}/") {
            let name: RoleName = name.parse()?;
            let path: IamPath = path.parse()?;
            let account: AccountId = "123456789012".parse()?;
            let arn = RoleArn::of(Partition::Aws, &account, &path, &name);
            let parsed: RoleArn = arn.as_str().parse()?;
            prop_assert_eq!(parsed.role_name(), name.as_str());
            prop_assert_eq!(arn.account(), account.as_str());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,90}") {
            let _ = text.parse::<RoleName>();
            let _ = text.parse::<IamPath>();
            let _ = text.parse::<RoleArn>();
            let _ = text.parse::<PolicyArn>();
            let _ = text.parse::<AccountId>();
        }
    }
}
