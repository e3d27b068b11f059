//! The comparison of one value of a policy with one value of a request.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::cmp::Ordering;
use std::net::IpAddr;

use super::super::pattern::{LetterCase, Pattern, Sense, Text, Wildcards};
use super::super::request::RequestContext;
use super::super::truth::Truth;
use super::date;

/// How two ordered values must stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// What an operator compares, apart from its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    Numeric(Relation),
    Date(Relation),
    Bool,
    Binary,
    IpAddress,
    Arn,
}

impl Comparison {
    /// Whether the request's value of a key stands to the policy's as this says.
    pub(super) fn holds(
        self,
        policy: &str,
        request: Text<'_>,
        key: &str,
        sense: Sense,
        variables: Option<&RequestContext>,
    ) -> Truth {
        let text = |wildcards, case| Pattern::new(policy, wildcards, variables).matches(request, case, sense, key);
        match self {
            Self::Equals => text(Wildcards::Literal, LetterCase::Sensitive),
            Self::EqualsIgnoreCase => text(Wildcards::Literal, LetterCase::Ignored),
            Self::Like => text(Wildcards::Special, LetterCase::Sensitive),
            Self::Arn => Pattern::new(policy, Wildcards::Special, variables).matches_arn(request, sense, key),
            // The policy's value is base64, and of what, AWS does not say.
            Self::Binary => unreadable(policy, key),
            // AWS contradicts itself on variables here, so a value that is no truth value is not guessed at.
            Self::Bool => match policy.to_ascii_lowercase().as_str() {
                value @ ("true" | "false") => {
                    Pattern::new(value, Wildcards::Literal, None).matches(request, LetterCase::Ignored, sense, key)
                }
                _ => unreadable(policy, key),
            },
            Self::Numeric(relation) => parsed(policy, request, key, number, |policy, request| {
                request
                    .partial_cmp(policy)
                    .is_some_and(|ordering| relation.holds(ordering))
            }),
            Self::Date(relation) => parsed(policy, request, key, date::parse, |policy, request| {
                relation.holds(request.cmp(policy))
            }),
            Self::IpAddress => match network(policy) {
                None => unreadable(policy, key),
                Some(network) => match request {
                    Text::Exact(text) => text
                        .parse()
                        .map_or_else(|_| Truth::unknown(key), |address| network.contains(address).into()),
                    Text::Prefix(_) => Truth::unknown(key),
                },
            },
        }
    }
}

/// A value that AWS would not have taken, or that this code does not understand.
pub(super) fn unreadable(policy: &str, key: &str) -> Truth {
    Truth::unknown(format!("how AWS compares {key} with “{policy}”"))
}

fn parsed<T>(
    policy: &str,
    request: Text<'_>,
    key: &str,
    parse: impl Fn(&str) -> Option<T>,
    holds: impl Fn(&T, &T) -> bool,
) -> Truth {
    let Some(policy_value) = parse(policy) else {
        return unreadable(policy, key);
    };
    match request {
        Text::Exact(text) => parse(text).map_or_else(
            || Truth::unknown(key),
            |request_value| holds(&policy_value, &request_value).into(),
        ),
        Text::Prefix(_) => Truth::unknown(key),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

struct Network {
    address: IpAddr,
    length: u32,
}

impl Network {
    /// Whether all its addresses are for use within a network.
    /// <https://www.rfc-editor.org/rfc/rfc1918>, <https://www.rfc-editor.org/rfc/rfc4193>
    fn is_private(&self) -> bool {
        let within =
            |text: &str| network(text).is_some_and(|own| own.length <= self.length && own.contains(self.address));
        [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "fc00::/7",
            "fe80::/10",
            "::1/128",
        ]
        .into_iter()
        .any(within)
    }

    fn contains(&self, address: IpAddr) -> bool {
        let difference = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits() ^ other.to_bits())) << 96,
            (IpAddr::V6(own), IpAddr::V6(other)) => own.to_bits() ^ other.to_bits(),
            _ => return false,
        };
        difference.leading_zeros() >= self.length
    }
}

/// Whether an address that nobody knows is in one of these networks. What is known of it is that it is public: AWS
/// gives `aws:SourceIp` for public addresses only.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-sourceip>
pub(super) fn of_some_public_address<'a>(networks: impl Iterator<Item = &'a str>, key: &str) -> Truth {
    let (mut every_v4, mut every_v6, mut inside) = (false, false, Truth::No);
    for text in networks {
        inside = inside.or(match network(text) {
            None => unreadable(text, key),
            Some(network) if network.is_private() => Truth::No,
            Some(network) => {
                let is_all = network.length == 0;
                every_v4 |= is_all && network.address.is_ipv4();
                every_v6 |= is_all && network.address.is_ipv6();
                Truth::unknown(key)
            }
        });
    }
    match every_v4 && every_v6 {
        true => Truth::Yes,
        false => inside,
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = length.map_or(Some(most), |length| length.parse().ok())?;
    (length <= most).then_some(Network { address, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(comparison: Comparison, policy: &str, request: &str) -> Truth {
        comparison.holds(policy, Text::Exact(request), "k", Sense::Positive, None)
    }

    #[test]
    fn an_address_is_in_its_network_alone() {
        for (policy, request, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", true),
            ("2001:DB8:1234:5678::/64", "2001:db8:1234:5679::9", false),
            ("::/0", "2001:db8::1", true),
        ] {
            assert_eq!(
                holds(Comparison::IpAddress, policy, request),
                expected.into(),
                "{policy}"
            );
        }
    }

    #[test]
    fn numbers_and_dates_are_ordered() {
        let at_most = Comparison::Numeric(Relation::LessOrEqual);
        assert_eq!(holds(at_most, "10", "9"), Truth::Yes);
        assert_eq!(holds(at_most, "10", "10.0"), Truth::Yes);
        assert_eq!(holds(at_most, "10", "11"), Truth::No);
        let after = Comparison::Date(Relation::Greater);
        assert_eq!(holds(after, "2020-01-01T00:00:01Z", "2020-01-01T00:00:02Z"), Truth::Yes);
        assert_eq!(holds(after, "2020-01-01T00:00:01Z", "1577836801"), Truth::No);
    }

    #[test]
    fn what_cannot_be_compared_is_unknown() {
        for (comparison, policy, request) in [
            (Comparison::IpAddress, "203.0.113.0/33", "203.0.113.1"),
            (Comparison::IpAddress, "x", "203.0.113.1"),
            (Comparison::IpAddress, "203.0.113.0/24", "x"),
            (Comparison::Numeric(Relation::Equal), "NaN", "NaN"),
            (Comparison::Numeric(Relation::Equal), "1", ""),
            (Comparison::Date(Relation::Equal), "2020", "yesterday"),
            (Comparison::Bool, "${a:b}", "true"),
        ] {
            let truth = holds(comparison, policy, request);
            assert!(matches!(truth, Truth::Unknown(_)), "{comparison:?} {policy}");
        }
    }

    #[test]
    fn truth_values_are_compared_in_any_case() {
        assert_eq!(holds(Comparison::Bool, "False", "false"), Truth::Yes);
        assert_eq!(holds(Comparison::Bool, "true", "false"), Truth::No);
    }
}
