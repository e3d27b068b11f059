//! The names of things, parsed once at the edge and trusted afterwards.
//!
//! A value of one of these types obeys the whole rule that AWS (or Mixpanel) has for it, so no other room checks again:
//!
//! * [`BucketName`] – a general-purpose S3 bucket, by S3's bucket naming rules;
//! * [`Region`] and [`Partition`] – where the bucket is, and which family of regions that belongs to;
//! * [`RoleName`], [`IamPath`], [`PolicyArn`], [`RoleArn`], [`AccountId`] – IAM's identifiers; [`RoleReference`] – a
//!   role as somebody names it;
//! * [`KeyReference`] (what a person types) and [`KeyArn`] (what AWS and Mixpanel want);
//! * [`ProjectId`] – the number that begins the paths of a project's exports;
//! * [`ProjectToken`] – the `sts:ExternalId`; it never shows itself whole unless asked by name;
//! * [`Tag`] – a key and a value.
//!
//! What does not parse is an [`InvalidName`]: which rule was broken, and a name that would do, where there is one.

mod bucket;
mod iam;
mod key;
mod project;
mod region;
mod tag;
mod token;

pub(crate) use bucket::BucketName;
pub(crate) use iam::{AccountId, IamPath, PolicyArn, RoleArn, RoleName, RoleReference};
pub(crate) use key::{AliasName, KeyArn, KeyReference};
pub(crate) use project::ProjectId;
pub(crate) use region::{MIXPANEL_REGIONS, Partition, Region};
pub(crate) use tag::{ADOPTED_BY_KEY, BUCKET_KEY, ENCRYPTION_KEY, MANAGED_BY_KEY, MANAGED_BY_VALUE, PROBE_KEY, Tag};
pub(crate) use token::{ExternalIdReference, ProjectToken, TOKEN_VARIABLE, TokenShape, without_tokens};

use std::fmt;

/// A name that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidName {
    /// What was being named, in the field's words: "bucket name", "role name".
    pub(crate) what: &'static str,
    /// The value, in which a project token that was typed in the wrong place is shown by its ends.
    pub(crate) value: String,
    /// The rule that it breaks, as a sentence without its full stop.
    pub(crate) rule: String,
    /// A value that would do, or what to do instead.
    pub(crate) suggestion: Option<String>,
}

impl InvalidName {
    fn new(what: &'static str, value: &str, rule: impl Into<String>) -> Self {
        Self {
            what,
            value: without_tokens(value),
            rule: rule.into(),
            suggestion: None,
        }
    }

    fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(without_tokens(&suggestion.into()));
        self
    }
}

impl InvalidName {
    /// The message in a line, for somebody who has just typed the value and sees it.
    pub(crate) fn in_a_line(&self) -> String {
        let whole = self
            .suggestion
            .as_ref()
            .map(|suggestion| format!("{}. {suggestion}", self.rule));
        whole
            .filter(|whole| whole.chars().count() <= 76)
            .unwrap_or_else(|| self.rule.clone())
    }
}

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}': {}.", self.what, self.value, self.rule)?;
        if let Some(suggestion) = &self.suggestion {
            write!(f, " {suggestion}")?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidName {}

/// Gives a string type its text: `as_str`, `Display`, and serialisation as that text.
macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text, as AWS wants it.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}
use text;
