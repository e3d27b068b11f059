//! Tags, by the narrowest of IAM's, S3's and KMS's rules, since one tag goes onto all of them.

use std::str::FromStr;

use super::InvalidName;

/// The tag key that marks what this program made.
pub(crate) const MANAGED_BY_KEY: &str = "managed-by";
/// The value of [`MANAGED_BY_KEY`].
pub(crate) const MANAGED_BY_VALUE: &str = "mixpanel-s3";

/// The tag key that marks what somebody else made and this program was told to take over. It stands beside whatever
/// `managed-by` says, which may be another tool's.
pub(crate) const ADOPTED_BY_KEY: &str = "adopted-by";

/// The tag key that marks a role which stands in for another one for the length of a proof, and names that other one.
/// Such a role does not bear [`MANAGED_BY_KEY`], since it is no set-up.
pub(crate) const PROBE_KEY: &str = "mixpanel-s3-probe-of";

/// The key of the role's tag that remembers what is chosen under "Encryption" in Mixpanel. Nothing else in AWS tells
/// "none" from "AES", since S3 encrypts with SSE-S3 either way.
pub(crate) const ENCRYPTION_KEY: &str = "mixpanel-encryption";

/// The key of the role's tag that names the bucket which its set-up sets out to make. The role is made first, so a run
/// that is cut short before the bucket has tags of its own is completed by the next one.
pub(crate) const BUCKET_KEY: &str = "mixpanel-bucket";

/// A tag: a key of 1–128 characters and a value of at most 256, of letters, digits, spaces and `_.:/=+-@`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag {
    /// The key. Never begins with `aws:`, which is AWS's own.
    pub(crate) key: String,
    /// The value, possibly empty.
    pub(crate) value: String,
}

impl Tag {
    /// A tag of this program's own, whose text is known to obey the rule.
    pub(crate) fn own(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    /// The tag that marks what this program made.
    pub(crate) fn managed_by() -> Self {
        Self::own(MANAGED_BY_KEY, MANAGED_BY_VALUE)
    }

    /// The tag that marks the stand-in of a role.
    pub(crate) fn probe_of(role: &str) -> Self {
        Self::own(PROBE_KEY, role)
    }

    /// The tag by which a role names the bucket that its set-up sets out to make.
    pub(crate) fn of_bucket(bucket: &str) -> Self {
        Self::own(BUCKET_KEY, bucket)
    }

    /// The tag that marks what this program took over.
    pub(crate) fn adopted_by() -> Self {
        Self::own(ADOPTED_BY_KEY, MANAGED_BY_VALUE)
    }
}

impl FromStr for Tag {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let broken = |rule: String| InvalidName::new("tag", text, rule);
        let Some((key, value)) = text.split_once('=') else {
            return Err(broken("write it as KEY=VALUE".into()));
        };
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || key.chars().count() > 128 {
            return Err(broken("a key has 1 to 128 characters".into()));
        }
        if value.chars().count() > 256 {
            return Err(broken("a value has at most 256 characters".into()));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(broken("AWS reserves keys that begin with 'aws:'".into()));
        }
        if [MANAGED_BY_KEY, ADOPTED_BY_KEY].contains(&key) && value != MANAGED_BY_VALUE {
            return Err(broken(format!(
                "'{key}' marks what this program owns, so its value is fixed"
            )));
        }
        let own = [
            (ENCRYPTION_KEY, "is where this program remembers --encryption"),
            (BUCKET_KEY, "is where this program remembers the bucket that it makes"),
            (PROBE_KEY, "marks the role of a live proof"),
        ];
        if let Some((own, what)) = own.iter().find(|(own, _)| *own == key) {
            return Err(broken(format!("'{own}' {what}")));
        }
        let odd = key.chars().chain(value.chars()).find(|c| {
            !(c.is_alphanumeric() || *c == ' ' || matches!(c, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@'))
        });
        match odd {
            Some(odd) => Err(broken(format!(
                "AWS takes letters, digits, spaces and _.:/=+-@ and not '{}'",
                odd.escape_default()
            ))),
            None => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_obey_the_narrowest_rule() {
        let tag: Tag = "team=data platform".parse().unwrap();
        assert_eq!((tag.key.as_str(), tag.value.as_str()), ("team", "data platform"));
        assert_eq!("a=b=c".parse::<Tag>().unwrap().value, "b=c");
        assert_eq!("empty=".parse::<Tag>().unwrap().value, "");
        let rule = |text: &str| text.parse::<Tag>().expect_err(text).rule;
        assert!(rule("team").contains("KEY=VALUE"));
        assert!(rule("=x").contains("1 to 128"));
        assert!(rule(&format!("k={}", "v".repeat(257))).contains("at most 256"));
        assert!(rule("AWS:x=y").contains("reserves"));
        assert!(rule("mixpanel-encryption=KMS").contains("remembers"));
        assert!(rule("mixpanel-bucket=acme").contains("remembers"));
        assert!(rule("mixpanel-s3-probe-of=acme").contains("live proof"));
        assert!(rule("managed-by=me").contains("fixed"));
        assert!(rule("adopted-by=me").contains("fixed"));
        assert!(rule("k=a;b").contains("not ';'"));
    }
}
