//! The project token, which is the `sts:ExternalId` of the role's trust.
//!
//! Mixpanel shows it under Settings → Project settings → Access keys: 32 hexadecimal characters. It is no secret, yet
//! nobody wants it in a log, so this type shows its ends only; [`ProjectToken::expose`] is the one way to all of it.

use std::fmt;
use std::str::FromStr;

use super::InvalidName;

/// The environment variable that holds the project token.
pub(crate) const TOKEN_VARIABLE: &str = "MIXPANEL_PROJECT_TOKEN";

/// A Mixpanel project token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProjectToken(String);

/// Whether a token looks like the ones that Mixpanel gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenShape {
    /// 32 hexadecimal characters.
    Usual,
    /// Something else that AWS would take as an ExternalId.
    Unusual,
}

impl ProjectToken {
    /// The whole token, for AWS and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The ends of an ExternalId, which may be a token or may not: how it is shown, and how `--remove-token` may name
    /// it.
    pub(crate) fn ends_of(external_id: &str) -> String {
        shortened(external_id)
    }

    /// What to say of a token of [`TokenShape::Unusual`].
    pub(crate) fn unusual_warning(&self) -> String {
        format!("the project token {self} does not look like Mixpanel's, which have 32 hexadecimal characters.")
    }

    /// Whether it looks like a Mixpanel token.
    pub(crate) fn shape(&self) -> TokenShape {
        if is_usual(&self.0) {
            TokenShape::Usual
        } else {
            TokenShape::Unusual
        }
    }
}

impl FromStr for ProjectToken {
    type Err = InvalidName;

    /// Takes what STS takes as an ExternalId: 2–1224 of `[\w+=,.@:\/-]`, after trimming white space.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const WHAT: &str = "project token";
        const WHERE: &str = "The token is in Mixpanel under Settings → Project settings → Access keys.";
        let text = text.trim();
        let broken = |rule: String| InvalidName::new(WHAT, &shortened(text), rule).suggest(WHERE);
        if text.is_empty() {
            return Err(broken("it is empty".into()));
        }
        if text.len() != 32 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(broken("that looks like the project ID, not the token".into()));
        }
        if let Some(odd) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | ':' | '/' | '-')))
        {
            return Err(broken(format!("a token has no '{}'", odd.escape_default())));
        }
        if !(2..=1224).contains(&text.len()) {
            return Err(broken("AWS takes an ExternalId of 2 to 1224 characters".into()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// An ExternalId as a person names one that is to go: whole, or by its ends as this program shows it (`0123…cdef`, or
/// with three dots). So a command that takes a wrong one away can be printed without printing it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ExternalIdReference(String);

impl ExternalIdReference {
    /// Whether this ExternalId is meant. White space around it, which a pasted one may have brought along, does not
    /// count.
    pub(crate) fn means(&self, external_id: &str) -> bool {
        let ends = |id: &str| ProjectToken::ends_of(id).trim().to_owned();
        self.0 == external_id.trim() || (self.0.contains('…') && self.0 == ends(external_id))
    }

    /// The reference by its ends, which says as much.
    pub(crate) fn ends(&self) -> String {
        match self.0.contains('…') {
            true => self.0.clone(),
            false => shortened(&self.0),
        }
    }
}

impl FromStr for ExternalIdReference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim().replace("...", "…");
        match text.chars().count() {
            0 => Err(InvalidName::new("project token", "", "it is empty")),
            1..=1224 => Ok(Self(text)),
            _ => {
                let rule = "AWS takes an ExternalId of 2 to 1224 characters";
                Err(InvalidName::new("project token", &shortened(&text), rule))
            }
        }
    }
}

impl fmt::Debug for ExternalIdReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalIdReference({})", self.ends())
    }
}

/// Text in which everything that looks like a Mixpanel token is shown by its ends: one was typed, or stands, in the
/// wrong place.
pub(crate) fn without_tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        shown.push_str(before);
        // The ID of a multi-Region key is as long.
        let is_key = shown.ends_with("mrk-");
        match is_usual(word) && !is_key {
            true => shown.push_str(&shortened(word)),
            false => shown.push_str(word),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

fn is_usual(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The first and the last four characters of a long text, and less of a short one.
fn shortened(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let ends = if characters.len() >= 16 {
        4
    } else {
        usize::from(characters.len() >= 6)
    };
    let head: String = characters.iter().take(ends).collect();
    let tail: String = characters.iter().skip(characters.len() - ends).collect();
    if characters.is_empty() {
        String::new()
    } else {
        format!("{head}…{tail}")
    }
}

impl fmt::Display for ProjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.0))
    }
}

impl fmt::Debug for ProjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProjectToken({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_token_never_shows_itself_whole() {
        let token: ProjectToken = TOKEN.parse().unwrap();
        assert_eq!(token.to_string(), "0123…cdef");
        assert_eq!(format!("{token:?}"), "ProjectToken(0123…cdef)");
        assert_eq!(token.expose(), TOKEN);
    }

    #[test]
    fn what_is_not_a_token_is_recognised() {
        let rule = |text: &str| text.parse::<ProjectToken>().expect_err(text).rule;
        assert!(rule("2195193").contains("project ID"));
        assert!(rule("   ").contains("empty"));
        assert!(rule("a token").contains("no ' '"));
        assert!(rule("a").contains("2 to 1224"));
        assert_eq!(format!("  {TOKEN}\n").parse::<ProjectToken>().unwrap().expose(), TOKEN);
        assert_eq!(TOKEN.parse::<ProjectToken>().unwrap().shape(), TokenShape::Usual);
        assert_eq!("abc-def".parse::<ProjectToken>().unwrap().shape(), TokenShape::Unusual);
    }

    #[test]
    fn an_external_id_is_meant_whole_or_by_its_ends() {
        let means = |text: &str, id: &str| text.parse::<ExternalIdReference>().unwrap().means(id);
        assert!(means(TOKEN, TOKEN));
        assert!(means("0123…cdef", TOKEN));
        assert!(means(" 0123...cdef\n", TOKEN));
        assert!(means(TOKEN, &format!(" {TOKEN} ")));
        assert!(!means("0123…cdee", TOKEN));
        assert!(!means("0123", TOKEN));
        assert!(means("2…3", "2195193"));
        assert!("".parse::<ExternalIdReference>().is_err());
        let reference: ExternalIdReference = TOKEN.parse().unwrap();
        assert!(!format!("{reference:?}").contains(TOKEN));
    }

    #[test]
    fn a_token_in_another_text_is_shown_by_its_ends() {
        for (text, shown) in [
            (TOKEN, "0123…cdef"),
            ("team=0123456789ABCDEF0123456789abcdef;x", "team=0123…cdef;x"),
            ("0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcde"),
            (
                "key/mrk-1234abcd12ab34cd56ef1234567890ab",
                "key/mrk-1234abcd12ab34cd56ef1234567890ab",
            ),
            ("ü/é", "ü/é"),
        ] {
            assert_eq!(without_tokens(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_error_and_no_display_holds_the_whole_text(text in "\\PC{2,80}") {
            match text.parse::<ProjectToken>() {
                Ok(token) => {
                    let shown = format!("{token} {token:?}");
                    prop_assert!(!shown.contains(text.trim()));
                }
                Err(invalid) => prop_assert!(!invalid.value.contains(text.trim()) || text.trim().is_empty()),
            }
        }
    }
}
