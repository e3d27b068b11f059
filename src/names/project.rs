//! The ID of a Mixpanel project: the first part of the path of everything that Mixpanel writes.

use std::str::FromStr;

use super::InvalidName;

/// A project's ID: digits, as in Mixpanel's Settings → Project settings. It is not the project token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProjectId(String);

super::text!(ProjectId);

impl FromStr for ProjectId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && text.len() <= 20 {
            return Ok(Self(text.to_owned()));
        }
        // It may be a token, which is nobody's business.
        let shown: String = text.chars().take(4).chain(['…']).collect();
        Err(
            InvalidName::new("project ID", &shown, "it is a number of at most 20 digits")
                .suggest("It is in Mixpanel under Settings → Project settings, and is not the project token."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_project_id_and_a_token_is_not_shown() {
        assert_eq!(" 2195193 ".parse::<ProjectId>().unwrap().as_str(), "2195193");
        let refused = "0123456789abcdef0123456789abcdef".parse::<ProjectId>().unwrap_err();
        assert!(!refused.to_string().contains("456789abcdef"));
        assert!("".parse::<ProjectId>().is_err());
    }
}
