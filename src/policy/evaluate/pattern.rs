//! Patterns: texts of a policy with wildcards and policy variables, and the texts they match.
//!
//! The wildcards are those of
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>, the variables those of
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.

use std::collections::BTreeSet;

use super::request::{Fact, RequestContext};
use super::truth::Truth;

/// A text of the request, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text<'a> {
    Exact(&'a str),
    /// This, and then something unknown, which may be nothing.
    Prefix(&'a str),
}

/// What `*` and `?` in a pattern are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wildcards {
    Special,
    Literal,
}

/// Whether a comparison regards case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterCase {
    Sensitive,
    Ignored,
}

/// What a match is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// The element holds where the pattern matches.
    Positive,
    /// The element holds where the pattern does not match, as in `NotResource` and `StringNotLike`.
    Negated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Character(char),
    One,
    Many,
}

/// A pattern whose variables have been replaced.
#[derive(Debug, Clone, Default)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    /// The variables without a known value. [`Token::Many`] stands for each of them, so what does not match this way
    /// does not match in any way.
    open: BTreeSet<String>,
    /// The variables of which nobody can say whether they match nothing or make the whole statement invalid.
    doubtful: BTreeSet<String>,
    /// The variables that have no single value.
    missing: BTreeSet<String>,
}

/// The keys of which AWS says, in a note and in its table of principals, that a variable without a value may make the
/// statement invalid. Of variables in general it says that they equal nothing then, so that `StringNotEquals` holds,
/// and shows it by a tag.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value>
fn makes_invalid(key: &str) -> bool {
    const KEYS: [&str; 4] = ["aws:PrincipalType", "aws:TokenIssueTime", "aws:userid", "aws:username"];
    KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

impl Pattern {
    /// Reads a text of a policy; without a context it has no variables.
    pub(super) fn new(text: &str, wildcards: Wildcards, variables: Option<&RequestContext>) -> Self {
        let mut pattern = Self::default();
        let mut rest = text;
        // Looked up once: a text of many openings that nothing closes would be searched to its end for each.
        let last_end = text.rfind('}').unwrap_or_default();
        while let Some(character) = rest.chars().next() {
            #[cfg(test)]
            effort::spend(1);
            if let Some(context) = variables
                && text.len() - rest.len() < last_end
                && let Some((inner, after)) = rest.strip_prefix("${").and_then(|r| r.split_once('}'))
            {
                pattern.push_variable(inner, context);
                rest = after;
                continue;
            }
            pattern.tokens.push(match (character, wildcards) {
                ('*', Wildcards::Special) => Token::Many,
                ('?', Wildcards::Special) => Token::One,
                (other, _) => Token::Character(other),
            });
            rest = &rest[character.len_utf8()..];
        }
        pattern
    }

    fn push_literal(&mut self, text: &str) {
        self.tokens.extend(text.chars().map(Token::Character));
    }

    fn push_variable(&mut self, inner: &str, context: &RequestContext) {
        if matches!(inner, "*" | "?" | "$") {
            return self.push_literal(inner);
        }
        let (key, default) = match inner.split_once(',') {
            Some((key, default)) => {
                let default = default.trim();
                let unquoted = default.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                (key.trim(), Some(unquoted.unwrap_or(default)))
            }
            None => (inner.trim(), None),
        };
        match (context.fact(key), default) {
            (Fact::Known(values), _) if values.len() == 1 => self.push_literal(&values[0]),
            (Fact::Absent, Some(default)) => self.push_literal(default),
            (Fact::Known(values), Some(default)) if values.is_empty() => self.push_literal(default),
            (fact @ (Fact::Absent | Fact::Known(_)), _) => {
                self.missing.insert(key.to_owned());
                // A key of several values is no variable, and AWS does not say what becomes of one.
                if matches!(fact, Fact::Known(values) if !values.is_empty()) || makes_invalid(key) {
                    self.doubtful.insert(key.to_owned());
                }
            }
            (Fact::StartsWith(start), _) => {
                self.push_literal(start);
                self.tokens.push(Token::Many);
                self.open.insert(key.to_owned());
            }
            // A key of unknown values may have several, and a multivalued key is no variable.
            (Fact::Present | Fact::Unknown | Fact::Unnamed | Fact::Among(_), _) => {
                self.tokens.push(Token::Many);
                self.open.insert(key.to_owned());
                self.doubtful.insert(key.to_owned());
            }
        }
    }

    /// Whether a text matches.
    pub(super) fn matches(&self, text: Text<'_>, case: LetterCase, sense: Sense, key: &str) -> Truth {
        self.settle(sense, || glob(&self.tokens, text, case, key))
    }

    /// Whether an ARN matches, part by part:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>.
    pub(super) fn matches_arn(&self, text: Text<'_>, sense: Sense, key: &str) -> Truth {
        let undocumented = || Truth::unknown(format!("how AWS reads the ARN pattern for {key}"));
        self.settle(sense, || {
            let parts: Vec<_> = self.tokens.splitn(6, |token| *token == Token::Character(':')).collect();
            // What AWS does with something that is no ARN, it does not say.
            if parts.len() != 6 && self.open.is_empty() {
                return undocumented();
            }
            if matches!(text, Text::Exact(known) if known.splitn(6, ':').count() != 6) {
                return undocumented();
            }
            // A match of the parts is one of the whole as well. The whole is all there is to go by where the parts are
            // not known: a variable may hold colons.
            let whole = glob(&self.tokens, text, LetterCase::Sensitive, key);
            if whole == Truth::No {
                return Truth::No;
            }
            let known = match text {
                Text::Exact(known) | Text::Prefix(known) => known,
            };
            let values: Vec<_> = known.splitn(6, ':').collect();
            if values.len() != 6 {
                return Truth::unknown(key);
            }
            if !self.open.is_empty() {
                return whole;
            }
            Truth::all(parts.iter().zip(&values).enumerate().map(|(index, (part, value))| {
                let value = match text {
                    Text::Prefix(_) if index == 5 => Text::Prefix(value),
                    _ => Text::Exact(value),
                };
                glob(part, value, LetterCase::Sensitive, key)
            }))
        })
    }

    /// Whether the ARN of a resource matches. A wildcard stays within its segment of an ARN, of which the sixth reaches
    /// to the end; only one that ends the pattern may cross colons. Where that and a comparison of the whole differ,
    /// AWS is not taken at its word:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>.
    pub(super) fn matches_resource(&self, arn: &str, sense: Sense) -> Truth {
        self.settle(sense, || {
            // What stays within its segments matches the whole as well.
            let whole = reached(&self.tokens, arn, LetterCase::Sensitive, |_| true)[self.tokens.len()];
            if !whole {
                return Truth::No;
            }
            let colons = self.tokens.iter().enumerate();
            let mut colons = colons.filter(|(_, token)| **token == Token::Character(':'));
            let sixth = colons.nth(4).map_or(usize::MAX, |(place, _)| place);
            let last = self.tokens.len().saturating_sub(1);
            let crosses = |place: usize| place > sixth || (place == last && self.tokens[last] == Token::Many);
            let by_segment = reached(&self.tokens, arn, LetterCase::Sensitive, crosses)[self.tokens.len()];
            match by_segment || !self.open.is_empty() {
                true => Truth::Yes,
                false => Truth::unknown("whether a wildcard of a Resource crosses a colon"),
            }
        })
    }

    /// The outcome with regard to variables.
    ///
    /// A variable without a value fails to match, and some may make the whole statement invalid. The two differ where a
    /// failure to match is what the statement asks for.
    fn settle(&self, sense: Sense, matches: impl FnOnce() -> Truth) -> Truth {
        let outcome = if !self.missing.is_empty() {
            Truth::No
        } else {
            match matches() {
                Truth::No => Truth::No,
                outcome if self.open.is_empty() => outcome,
                Truth::Yes => Truth::Unknown(self.open.clone()),
                Truth::Unknown(mut reasons) => {
                    reasons.extend(self.open.iter().cloned());
                    Truth::Unknown(reasons)
                }
            }
        };
        if outcome == Truth::No && sense == Sense::Negated && !self.doubtful.is_empty() {
            Truth::Unknown(self.doubtful.clone())
        } else {
            outcome
        }
    }
}

/// How much is compared, counted for the promise that it grows no faster than the documents do.
#[cfg(test)]
pub(crate) mod effort {
    use std::cell::Cell;

    thread_local!(static SPENT: Cell<usize> = const { Cell::new(0) });

    pub(super) fn spend(steps: usize) {
        SPENT.set(SPENT.get() + steps);
    }

    /// The steps that something takes on this thread.
    pub(crate) fn of(work: impl FnOnce()) -> usize {
        let before = SPENT.get();
        work();
        SPENT.get() - before
    }
}

fn glob(tokens: &[Token], text: Text<'_>, case: LetterCase, key: &str) -> Truth {
    match text {
        Text::Exact(text) => reached(tokens, text, case, |_| true)[tokens.len()].into(),
        Text::Prefix(text) => {
            let places = reached(tokens, text, case, |_| true);
            let covers = |place: usize| {
                let rest = &tokens[place..];
                !rest.is_empty() && rest.iter().all(|token| *token == Token::Many)
            };
            if !places.contains(&true) {
                Truth::No
            } else if (0..tokens.len()).any(|place| places[place] && covers(place)) {
                Truth::Yes
            } else {
                Truth::unknown(key)
            }
        }
    }
}

/// At which places of the pattern one can be after the text; backtracking instead would take exponential time.
/// `crosses` tells of a place whether a wildcard there matches a colon.
fn reached(tokens: &[Token], text: &str, case: LetterCase, crosses: impl Fn(usize) -> bool) -> Vec<bool> {
    let skip = |places: &mut Vec<bool>| {
        for (place, token) in tokens.iter().enumerate() {
            places[place + 1] |= places[place] && *token == Token::Many;
        }
    };
    let mut places = vec![false; tokens.len() + 1];
    let mut characters = text.chars().peekable();
    // What both begin with, letter for letter, needs no search: most patterns of a policy are of something else, and
    // part there.
    let mut start = 0;
    while let (Some(Token::Character(own)), Some(character)) = (tokens.get(start), characters.peek()) {
        #[cfg(test)]
        effort::spend(1);
        if !equal(*own, *character, case) {
            return places;
        }
        start += 1;
        characters.next();
    }
    places[start] = true;
    skip(&mut places);
    let mut next = places.clone();
    for character in characters {
        #[cfg(test)]
        effort::spend(tokens.len() + 1);
        next.fill(false);
        for (place, token) in tokens.iter().enumerate().skip(start) {
            if !places[place] {
                continue;
            }
            match token {
                Token::Many | Token::One if character == ':' && !crosses(place) => {}
                Token::Many => next[place] = true,
                Token::One => next[place + 1] = true,
                Token::Character(own) => next[place + 1] |= equal(*own, character, case),
            }
        }
        skip(&mut next);
        std::mem::swap(&mut places, &mut next);
        if !places.contains(&true) {
            break;
        }
    }
    places
}

fn equal(left: char, right: char, case: LetterCase) -> bool {
    left == right || case == LetterCase::Ignored && left.to_lowercase().eq(right.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(pattern: &str, text: Text<'_>) -> Truth {
        Pattern::new(pattern, Wildcards::Special, None).matches(text, LetterCase::Sensitive, Sense::Positive, "k")
    }

    fn with(pattern: &str, fact: Fact, text: &str, sense: Sense) -> Truth {
        let context = RequestContext::new().with("a:b", fact);
        Pattern::new(pattern, Wildcards::Special, Some(&context)).matches(
            Text::Exact(text),
            LetterCase::Sensitive,
            sense,
            "k",
        )
    }

    fn arn(pattern: &str, text: Text<'_>) -> Truth {
        Pattern::new(pattern, Wildcards::Special, None).matches_arn(text, Sense::Positive, "k")
    }

    #[test]
    fn wildcards_match_any_text_and_any_character() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("*a*b*", "xxaxxb", true),
            ("A", "a", false),
        ] {
            assert_eq!(like(pattern, Text::Exact(text)), expected.into(), "{pattern} {text}");
        }
    }

    #[test]
    fn many_wildcards_take_no_exponential_time() {
        assert_eq!(like(&"*a".repeat(500), Text::Exact(&"a".repeat(499))), Truth::No);
    }

    #[test]
    fn openings_that_nothing_closes_take_no_quadratic_time() {
        let text = "${".repeat(500_000);
        let context = RequestContext::new();
        let pattern = Pattern::new(&text, Wildcards::Special, Some(&context));
        assert_eq!(pattern.tokens.len(), 1_000_000);
        assert!(pattern.open.is_empty() && pattern.missing.is_empty());
    }

    #[test]
    fn a_beginning_matches_for_sure_only_where_a_wildcard_covers_the_rest() {
        let unknown = Truth::unknown("k");
        assert_eq!(like("AROA:*", Text::Prefix("AROA:")), Truth::Yes);
        assert_eq!(like("AROA*", Text::Prefix("AROA:x")), Truth::Yes);
        assert_eq!(like("AROA:x", Text::Prefix("AROA:")), unknown);
        assert_eq!(like("AROA:", Text::Prefix("AROA:")), unknown);
        assert_eq!(like("AROB:*", Text::Prefix("AROA:")), Truth::No);
        assert_eq!(like("AROA", Text::Prefix("AROA:")), Truth::No);
        assert_eq!(like("*", Text::Prefix("")), Truth::Yes);
    }

    #[test]
    fn a_variable_is_replaced_and_its_wildcards_are_literal() {
        let known = |text: &str| Fact::Known(vec![text.into()]);
        let sense = Sense::Positive;
        assert_eq!(with("x/${a:b}/*", known("y"), "x/y/z", sense), Truth::Yes);
        assert_eq!(with("x/${A:B}", known("*"), "x/y", sense), Truth::No);
        assert_eq!(with("${*}${?}${$}", known("y"), "*?$", sense), Truth::Yes);
        assert_eq!(with("${*}", known("y"), "z", sense), Truth::No);
        assert_eq!(with("${a:b", known("y"), "${a:b", sense), Truth::Yes);
    }

    #[test]
    fn a_missing_variable_takes_its_default_or_does_not_match() {
        let sense = Sense::Positive;
        assert_eq!(with("${a:b, 'c'}", Fact::Absent, "c", sense), Truth::Yes);
        assert_eq!(with("${a:b, 'c'}", Fact::Known(vec![]), "c", sense), Truth::Yes);
        assert_eq!(with("${a:b}*", Fact::Absent, "c", sense), Truth::No);
        let several = Fact::Known(vec!["c".into(), "d".into()]);
        assert_eq!(with("${a:b, 'c'}", several, "c", sense), Truth::No);
    }

    #[test]
    fn a_negated_match_with_a_missing_variable_fails_where_aws_says_so() {
        let unknown = Truth::unknown("a:b");
        assert_eq!(with("${a:b}", Fact::Absent, "c", Sense::Negated), Truth::No);
        let several = Fact::Known(vec!["c".into(), "d".into()]);
        assert_eq!(with("${a:b}", several, "c", Sense::Negated), unknown);
        assert_eq!(with("x${a:b}", Fact::Unknown, "c", Sense::Negated), unknown);
        let context = RequestContext::new().with("aws:username", Fact::Absent);
        let name = Pattern::new("${AWS:username}", Wildcards::Special, Some(&context));
        let on = |sense| name.matches(Text::Exact("c"), LetterCase::Sensitive, sense, "k");
        assert_eq!(on(Sense::Negated), Truth::unknown("AWS:username"));
        assert_eq!(on(Sense::Positive), Truth::No);
    }

    #[test]
    fn an_unknown_variable_can_still_rule_a_match_out() {
        let unknown = Truth::unknown("a:b");
        let sense = Sense::Positive;
        assert_eq!(with("x/${a:b}", Fact::Unknown, "x/y", sense), unknown);
        assert_eq!(with("x/${a:b}", Fact::Unknown, "z/y", sense), Truth::No);
        let start = Fact::StartsWith("AROA:".into());
        assert_eq!(with("x/${a:b}", start.clone(), "x/AROA:s", sense), unknown);
        assert_eq!(with("x/${a:b}", start, "x/y", sense), Truth::No);
    }

    #[test]
    fn the_parts_of_an_arn_are_matched_one_by_one() {
        // The example of the page named above.
        let value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
        let pattern = "arn:aws:someservice:*:111122223333:finance/*";
        assert_eq!(like(pattern, Text::Exact(value)), Truth::Yes);
        assert_eq!(arn(pattern, Text::Exact(value)), Truth::No);
        assert_eq!(
            arn("arn:aws:iam::1:role/*", Text::Exact("arn:aws:iam::1:role/a:b")),
            Truth::Yes
        );
        let odd = arn("*:*:*:*:*:*", Text::Exact("no ARN"));
        assert!(matches!(odd, Truth::Unknown(_)), "{odd:?}");
    }

    #[test]
    fn an_arn_that_is_half_known_is_matched_as_far_as_possible() {
        let session = Text::Prefix("arn:aws:sts::1:assumed-role/r/");
        assert_eq!(arn("arn:aws:sts::1:assumed-role/r/*", session), Truth::Yes);
        assert_eq!(arn("arn:aws:sts::1:assumed-role/r/s", session), Truth::unknown("k"));
        assert_eq!(arn("arn:aws:sts::2:assumed-role/r/*", session), Truth::No);
        assert_eq!(arn("arn:aws:sts::1:*", Text::Prefix("arn:aws")), Truth::unknown("k"));
    }

    #[test]
    fn what_a_short_arn_pattern_matches_is_unknown() {
        for pattern in ["arn:*", "urn:*", "*", "r"] {
            let truth = arn(pattern, Text::Exact("arn:aws:iam::1:role/r"));
            assert!(matches!(truth, Truth::Unknown(_)), "{pattern}: {truth:?}");
        }
    }

    #[test]
    fn a_wildcard_of_a_resource_stays_within_its_segment_and_a_last_one_does_not() {
        let arn = "arn:aws:s3:::mp-bucket/1/a:b";
        let on = |pattern: &str| Pattern::new(pattern, Wildcards::Special, None).matches_resource(arn, Sense::Positive);
        for pattern in [
            "*",
            "arn:aws:s3:*",
            "arn:aws:s3:::mp-bucket/*",
            "arn:*:s3:::mp-*/1/*b",
            "arn:aws:s3:*:*:mp-bucket/*",
        ] {
            assert_eq!(on(pattern), Truth::Yes, "{pattern}");
        }
        for pattern in [
            "arn:aws:s3:*bucket/*",
            "arn:aws:s3???mp-bucket/*",
            "*mp-bucket/*",
            "arn:*/*",
        ] {
            assert!(matches!(on(pattern), Truth::Unknown(_)), "{pattern}");
        }
        for pattern in ["arn:aws:s3:::other/*", "arn:aws:kms:*", ""] {
            assert_eq!(on(pattern), Truth::No, "{pattern}");
        }
    }
}
