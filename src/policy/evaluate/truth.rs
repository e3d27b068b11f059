//! The three truth values that everything here is computed in.
//!
//! Much of a request is not known beforehand, such as where it will come from. Strong Kleene logic keeps the answer
//! honest: whatever is learnt later can turn an unknown into a yes or a no, but never a yes into a no.

use std::collections::BTreeSet;

/// Whether something holds, and where nobody can say, what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Unknown(BTreeSet<String>),
}

impl Truth {
    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(BTreeSet::from([reason.into()]))
    }

    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, truth) | (truth, Self::Yes) => truth,
            (Self::Unknown(mut reasons), Self::Unknown(more)) => {
                reasons.extend(more);
                Self::Unknown(reasons)
            }
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown => unknown,
        }
    }

    pub(super) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::Yes, Self::and)
    }

    pub(super) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().fold(Self::No, Self::or)
    }

    /// What two possible worlds agree on; where they differ, `reason` tells them apart.
    pub(super) fn agreement(self, other: Self, reason: &str) -> Self {
        if self == other {
            return self;
        }
        let mut reasons = BTreeSet::from([reason.to_owned()]);
        for truth in [self, other] {
            if let Self::Unknown(more) = truth {
                reasons.extend(more);
            }
        }
        Self::Unknown(reasons)
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_decides_a_conjunction_and_a_yes_a_disjunction() {
        let unknown = || Truth::unknown("x");
        assert_eq!(unknown().and(Truth::No), Truth::No);
        assert_eq!(unknown().and(Truth::Yes), unknown());
        assert_eq!(unknown().or(Truth::Yes), Truth::Yes);
        assert_eq!(unknown().or(Truth::No), unknown());
        assert_eq!(unknown().not(), unknown());
    }

    #[test]
    fn the_reasons_of_two_unknowns_add_up() {
        let both = Truth::Unknown(BTreeSet::from(["x".into(), "y".into()]));
        assert_eq!(Truth::unknown("x").and(Truth::unknown("y")), both);
        assert_eq!(Truth::unknown("x").or(Truth::unknown("y")), both);
        assert_eq!(Truth::No.agreement(Truth::unknown("x"), "y"), both);
    }
}
