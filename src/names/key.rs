//! KMS keys: what a person may type for one, and the ARN that every document and Mixpanel's form want.
//!
//! <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id>

use std::str::FromStr;

use super::{AccountId, InvalidName, Partition, Region};

/// The ARN of a KMS key (never of an alias).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KeyArn(String);
super::text!(KeyArn);

/// An alias with its prefix: `alias/acme`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AliasName(String);
super::text!(AliasName);

/// A key as a person names it. [`KeyArn`] is what AWS answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyReference {
    /// The key's ARN.
    Arn(KeyArn),
    /// A key ID: a UUID, or `mrk-` and 32 hexadecimal digits.
    Id(String),
    /// An alias, with its prefix.
    Alias(AliasName),
    /// An alias's ARN, which carries a region.
    AliasArn(String),
}

const WHAT: &str = "KMS key";

impl KeyArn {
    /// The region that the ARN names.
    pub(crate) fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }

    /// The account that the ARN names.
    pub(crate) fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl FromStr for KeyArn {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match split_kms_arn(text) {
            Some(resource) if resource.strip_prefix("key/").is_some_and(is_key_id) => Ok(Self(text.to_owned())),
            _ => Err(InvalidName::new(
                WHAT,
                text,
                "it has not the form arn:aws:kms:<region>:<account>:key/<id>",
            )),
        }
    }
}

impl FromStr for AliasName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let name = text.strip_prefix("alias/").unwrap_or_default();
        let sound = !name.is_empty()
            && text.len() <= 256
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-'));
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::new(
                WHAT,
                text,
                "an alias is 'alias/' and letters, digits, slashes, _ and -",
            ))
        }
    }
}

impl AliasName {
    /// The alias made of any text: what KMS does not take becomes a hyphen.
    pub(crate) fn for_text(text: &str) -> Self {
        let name: String = text
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
                    c
                } else {
                    '-'
                }
            })
            .take(250)
            .collect();
        Self(format!("alias/{name}"))
    }
}

impl FromStr for KeyReference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let aws_managed = || {
            InvalidName::new(
                WHAT,
                text,
                "that is the AWS-managed default key, and Mixpanel wants it left empty",
            )
            .suggest("Use --encryption kms without --kms-key.")
        };
        if text == "aws/s3" || text.contains("alias/aws/") {
            return Err(aws_managed());
        }
        if text.starts_with("arn:") {
            return match split_kms_arn(text) {
                Some(resource) if resource.starts_with("key/") => text.parse().map(Self::Arn),
                Some(resource) if resource.parse::<AliasName>().is_ok() => Ok(Self::AliasArn(text.to_owned())),
                _ => Err(InvalidName::new(
                    WHAT,
                    text,
                    "it has not the form arn:aws:kms:<region>:<account>:key/<id>",
                )),
            };
        }
        if text.starts_with("alias/") {
            return text.parse().map(Self::Alias);
        }
        if is_key_id(text) {
            return Ok(Self::Id(text.to_owned()));
        }
        let invalid = InvalidName::new(WHAT, text, "it is no key ARN, key ID or alias");
        let as_alias = format!("alias/{text}");
        Err(match as_alias.parse::<AliasName>() {
            Ok(alias) => invalid.suggest(format!("Is it the alias '{alias}'?")),
            Err(_) => invalid.suggest("`aws kms list-aliases` lists your keys."),
        })
    }
}

impl KeyReference {
    /// What DescribeKey takes as its KeyId.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Arn(arn) => arn.as_str(),
            Self::Alias(alias) => alias.as_str(),
            Self::Id(text) | Self::AliasArn(text) => text,
        }
    }

    /// The region that the reference names, if it names one.
    pub(crate) fn region(&self) -> Option<&str> {
        match self {
            Self::Arn(_) | Self::AliasArn(_) => self.as_str().split(':').nth(3),
            Self::Id(_) | Self::Alias(_) => None,
        }
    }
}

/// The resource part (`key/…` or `alias/…`) of a sound KMS ARN.
fn split_kms_arn(text: &str) -> Option<&str> {
    let mut fields = text.splitn(6, ':');
    let partition_ok = fields.next() == Some("arn") && fields.next().and_then(Partition::named).is_some();
    let service_ok = fields.next() == Some("kms");
    let region_ok = fields
        .next()
        .is_some_and(|text| text.parse::<Region>().is_ok_and(|region| region.as_str() == text));
    let account_ok = fields
        .next()
        .is_some_and(|account| account.parse::<AccountId>().is_ok());
    fields
        .next()
        .filter(|_| partition_ok && service_ok && region_ok && account_ok)
}

fn is_key_id(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(rest) = text.strip_prefix("mrk-") {
        return rest.len() == 32 && hex(rest);
    }
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.split('-').all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn every_way_to_name_a_key_is_told_apart() {
        let arn = format!("arn:aws:kms:eu-west-1:123456789012:key/{ID}");
        let parsed: KeyReference = arn.parse().unwrap();
        assert_eq!(parsed, KeyReference::Arn(arn.parse().unwrap()));
        assert_eq!(parsed.region(), Some("eu-west-1"));
        assert_eq!(ID.parse::<KeyReference>().unwrap(), KeyReference::Id(ID.into()));
        assert!(matches!(
            "mrk-1234abcd12ab34cd56ef1234567890ab".parse(),
            Ok(KeyReference::Id(_))
        ));
        assert!(matches!("alias/acme".parse(), Ok(KeyReference::Alias(_))));
        assert!(matches!(
            "arn:aws:kms:eu-west-1:123456789012:alias/acme".parse(),
            Ok(KeyReference::AliasArn(_))
        ));
    }

    #[test]
    fn what_is_no_key_says_what_to_do() {
        let message = |text: &str| text.parse::<KeyReference>().expect_err(text).to_string();
        assert!(message("aws/s3").ends_with("Use --encryption kms without --kms-key."));
        assert!(message("alias/aws/s3").contains("AWS-managed default key"));
        assert!(message("acme").ends_with("Is it the alias 'alias/acme'?"));
        assert!(message("arn:aws:kms:eu-west-1:key/1").contains("arn:aws:kms:<region>"));
        assert!(message("arn:aws:s3:::acme").contains("arn:aws:kms:<region>"));
        assert!(message("alias/a b").contains("an alias is"));
        assert!(message("").contains("no key ARN"));
    }

    #[test]
    fn an_alias_can_be_made_of_any_name() {
        let alias = AliasName::for_text("acme.export+1");
        assert_eq!(alias.as_str(), "alias/acme-export-1");
        assert_eq!(alias.as_str().parse::<AliasName>().unwrap(), alias);
    }
}
