//! S3's rule for the name of a general-purpose bucket.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>, and for the account-regional namespace
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html>.

use std::str::FromStr;

use super::{AccountId, InvalidName, Region};

/// The name of a general-purpose bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BucketName(String);

super::text!(BucketName);

const WHAT: &str = "bucket name";
const RESERVED_PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
const RESERVED_SUFFIXES: [(&str, &str); 5] = [
    ("-s3alias", "access point aliases"),
    ("--ol-s3", "Object Lambda access points"),
    (".mrap", "Multi-Region Access Points"),
    ("--x-s3", "directory buckets"),
    ("--table-s3", "table buckets"),
];

impl BucketName {
    /// Whether the name has the form of S3's account-regional namespace, `<prefix>-<account>-<region>-an`, which
    /// CreateBucket takes only with a header that says so.
    pub(crate) fn is_account_regional(&self) -> bool {
        self.0.ends_with("-an")
            && self
                .account_regional_parts()
                .is_some_and(|(account, _)| account.parse::<AccountId>().is_ok())
    }

    /// Whether an account-regional name carries this account and region. True of every other name.
    pub(crate) fn fits(&self, account: &AccountId, region: &Region) -> bool {
        !self.is_account_regional() || self.0.ends_with(&format!("-{account}-{region}-an"))
    }

    /// Whether the name has dots, which break the certificate match of `<bucket>.s3.<region>.amazonaws.com`.
    pub(crate) fn has_dots(&self) -> bool {
        self.0.contains('.')
    }

    /// `(account, region)` of `<prefix>-<account>-<region>-an`, when some part of the name has twelve digits.
    fn account_regional_parts(&self) -> Option<(&str, &str)> {
        let stem = self.0.strip_suffix("-an")?;
        let account = stem
            .split('-')
            .find(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit()))?;
        let (_, region) = stem.split_once(account)?;
        let region = region.strip_prefix('-')?;
        Region::from_str(region).ok().map(|_| (account, region))
    }
}

impl FromStr for BucketName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let broken = |rule: String| {
            let invalid = InvalidName::new(WHAT, text, rule);
            match repaired(text) {
                Some(name) => invalid.suggest(format!("Try '{name}'.")),
                None => invalid,
            }
        };
        match broken_rule(text) {
            Some(rule) => Err(broken(rule)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

fn broken_rule(name: &str) -> Option<String> {
    if name.starts_with("s3://") {
        return Some("give the bucket's name alone, without 's3://' and without a path".into());
    }
    if name.starts_with("arn:") {
        return Some("give the bucket's name alone, not its ARN".into());
    }
    if let Some(odd) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '-')) {
        return Some(match odd {
            'A'..='Z' => "S3 takes lowercase letters only".into(),
            '_' => "S3 takes no underscores".into(),
            '/' => "S3 takes no slashes, and Mixpanel takes no prefix".into(),
            ' ' => "S3 takes no spaces".into(),
            other => format!(
                "S3 takes lowercase letters, digits, dots and hyphens, not '{}'",
                other.escape_default()
            ),
        });
    }
    if !(3..=63).contains(&name.len()) {
        return Some(format!(
            "it has {} character{}, and S3 takes 3 to 63",
            name.len(),
            if name.len() == 1 { "" } else { "s" }
        ));
    }
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !alphanumeric(name.chars().next()) || !alphanumeric(name.chars().next_back()) {
        return Some("it must begin and end with a letter or a digit".into());
    }
    if name.contains("..") {
        return Some("two dots may not stand side by side".into());
    }
    let is_ip = name.split('.').count() == 4
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if is_ip {
        return Some("it must not look like an IP address".into());
    }
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.starts_with(**prefix)) {
        return Some(format!("S3 reserves names that begin with '{prefix}'"));
    }
    if let Some((suffix, owner)) = RESERVED_SUFFIXES.iter().find(|(suffix, _)| name.ends_with(suffix)) {
        return Some(format!("S3 reserves names that end in '{suffix}' for {owner}"));
    }
    None
}

/// The nearest name that obeys the rule, if a mechanical mend gives one.
fn repaired(name: &str) -> Option<String> {
    let bare = name.trim_start_matches("s3://").trim_start_matches("arn:aws:s3:::");
    let mut mended: String = bare
        .split('/')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' | '.' | '-' => c,
            _ => '-',
        })
        .collect();
    while mended.contains("..") {
        mended = mended.replace("..", ".");
    }
    for prefix in RESERVED_PREFIXES {
        mended = mended.trim_start_matches(prefix).to_owned();
    }
    for (suffix, _) in RESERVED_SUFFIXES {
        mended = mended.trim_end_matches(suffix).to_owned();
    }
    mended.truncate(63);
    let mended = mended.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    (mended != name && broken_rule(&mended).is_none()).then_some(mended)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(name: &str) -> String {
        name.parse::<BucketName>().expect_err(name).to_string()
    }

    #[test]
    fn each_rule_is_named_and_mended_where_a_mend_exists() {
        assert_eq!(
            rule("Acme-Export"),
            "bucket name 'Acme-Export': S3 takes lowercase letters only. Try 'acme-export'."
        );
        assert_eq!(
            rule("acme_export"),
            "bucket name 'acme_export': S3 takes no underscores. Try 'acme-export'."
        );
        assert_eq!(
            rule("ab"),
            "bucket name 'ab': it has 2 characters, and S3 takes 3 to 63."
        );
        assert!(rule(&"a".repeat(64)).contains("it has 64 characters"));
        assert!(rule("-acme").contains("begin and end with a letter or a digit"));
        assert!(rule("acme..export").contains("two dots"));
        assert!(rule("192.168.5.4").contains("IP address"));
        assert!(rule("xn--acme").contains("begin with 'xn--'"));
        assert!(rule("sthree-acme").contains("'sthree-'"));
        assert!(rule("amzn-s3-demo-bucket").contains("'amzn-s3-demo-'"));
        assert!(rule("acme-s3alias").contains("access point aliases"));
        assert!(rule("acme--ol-s3").contains("Object Lambda"));
        assert!(rule("acme.mrap").contains("Multi-Region"));
        assert!(rule("acme--usw2-az1--x-s3").contains("directory buckets"));
        assert!(rule("acme--table-s3").contains("table buckets"));
        assert!(rule("s3://acme/exports").contains("Try 'acme'."));
        assert!(rule("arn:aws:s3:::acme").contains("Try 'acme'."));
        assert!(rule("acme/exports").contains("Mixpanel takes no prefix"));
        assert!(rule("bücket").contains("not '\\u{fc}'"));
    }

    #[test]
    fn the_account_regional_form_is_recognised_and_checked() {
        let account: AccountId = "123456789012".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        let name: BucketName = "acme-123456789012-eu-west-1-an".parse().unwrap();
        assert!(name.is_account_regional());
        assert!(name.fits(&account, &region));
        assert!(!name.fits(&account, &"us-east-1".parse().unwrap()));
        let plain: BucketName = "big-data-an".parse().unwrap();
        assert!(!plain.is_account_regional());
        assert!(plain.fits(&account, &region));
    }

    proptest! {
        #[test]
        fn what_parses_obeys_the_rule_and_survives_a_round_trip(text in "[a-zA-Z0-9._/-]{0,70}") {
            if let Ok(name) = text.parse::<BucketName>() {
                prop_assert!((3..=63).contains(&name.as_str().len()));
                prop_assert!(name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-'));
                prop_assert_eq!(name.to_string().parse::<BucketName>(), Ok(name));
            }
        }

        #[test]
        fn a_suggested_name_is_valid(text in "\\PC{0,80}") {
            if let Err(InvalidName { suggestion: Some(suggestion), .. }) = text.parse::<BucketName>() {
                let name = suggestion.trim_start_matches("Try '").trim_end_matches("'.");
                prop_assert!(name.parse::<BucketName>().is_ok(), "{}", name);
            }
        }
    }
}
