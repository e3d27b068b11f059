//! A request as far as it is known before it is made.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html> calls this the request
//! context. Only AWS knows it whole, so every part that may be missing here can be marked so.

use std::collections::BTreeMap;
use std::fmt;

/// What is known of a context key in a request.
///
/// A key with several values is
/// [multivalued](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The key has these values; without any, it is absent.
    Known(Vec<String>),
    /// The key has one value: this text, and then something unknown, which may be nothing.
    StartsWith(String),
    /// The key is not in the request.
    Absent,
    /// The key is in the request, with unknown values.
    Present,
    /// Nobody knows whether the key is in the request.
    Unknown,
    /// Nobody knows whether the key is in the request. If it is, its value, or what stands before the first slash of
    /// it, is nothing that a customer's document names: another company's organization.
    Unnamed,
    /// One of these, and nobody knows which.
    Among(Vec<Fact>),
}

/// What is known of the context keys of a request.
///
/// Keys are compared without regard to case, as
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html> says. A key that was never
/// mentioned is [`Fact::Unknown`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestContext {
    facts: BTreeMap<String, Fact>,
    defaults: BTreeMap<String, Fact>,
}

impl RequestContext {
    /// A context of which nothing is known.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The context, with this known of a key.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, fact: Fact) -> Self {
        self.facts.insert(key.to_ascii_lowercase(), fact);
        self
    }

    /// The context, with this known of all keys that begin so and are not given by [`RequestContext::with`], such as
    /// `aws:PrincipalTag/`. Of several such beginnings, the longest counts.
    #[must_use]
    pub(crate) fn with_default(mut self, prefix: &str, fact: Fact) -> Self {
        self.defaults.insert(prefix.to_ascii_lowercase(), fact);
        self
    }

    /// What is known of a key.
    pub(crate) fn fact(&self, key: &str) -> &Fact {
        let key = key.to_ascii_lowercase();
        let default = || {
            self.defaults
                .iter()
                .filter(|(prefix, _)| key.starts_with(prefix.as_str()))
                .max_by_key(|(prefix, _)| prefix.len())
                .map(|(_, fact)| fact)
        };
        self.facts.get(&key).or_else(default).unwrap_or(&Fact::Unknown)
    }
}

/// Who makes a request, in the terms of
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// A session of a role, whose name is not known.
    Session {
        /// The ID of the role's account.
        account: String,
        /// The ARN of the role, with its path.
        role_arn: String,
    },
    /// An IAM user.
    User {
        /// The ID of the user's account.
        account: String,
        /// The ARN of the user.
        arn: String,
    },
}

impl Principal {
    /// The ID of the principal's account.
    pub(crate) fn account(&self) -> &str {
        match self {
            Self::Session { account, .. } | Self::User { account, .. } => account,
        }
    }

    /// The ARN of the role or user.
    pub(crate) fn arn(&self) -> &str {
        match self {
            Self::Session { role_arn: arn, .. } | Self::User { arn, .. } => arn,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { role_arn, .. } => write!(f, "a session of {role_arn}"),
            Self::User { arn, .. } => f.write_str(arn),
        }
    }
}

/// A request to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthorizationRequest {
    /// Who makes it.
    pub(crate) principal: Principal,
    /// The action, such as `s3:GetObject`.
    pub(crate) action: String,
    /// The ARN of what it is about.
    pub(crate) resource: String,
    /// What else is known of it.
    pub(crate) context: RequestContext,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_any_case_and_an_unmentioned_one_is_unknown() {
        let context = RequestContext::new().with("aws:SourceIp", Fact::Absent);
        assert_eq!(context.fact("AWS:sourceip"), &Fact::Absent);
        assert_eq!(context.fact("aws:SourceVpc"), &Fact::Unknown);
    }

    #[test]
    fn the_longest_default_counts_and_a_key_of_its_own_before_it() {
        let context = RequestContext::new()
            .with_default("aws:PrincipalTag/", Fact::Absent)
            .with_default("aws:PrincipalTag/a", Fact::Present)
            .with("aws:PrincipalTag/abc", Fact::Unknown);
        assert_eq!(context.fact("aws:principaltag/b"), &Fact::Absent);
        assert_eq!(context.fact("aws:PrincipalTag/ab"), &Fact::Present);
        assert_eq!(context.fact("aws:PrincipalTag/ABC"), &Fact::Unknown);
    }
}
