//! The one matcher, for what is no request: whether a pattern, or an element of a statement, covers a text for certain.

use super::condition;
use super::pattern::{LetterCase, Pattern, Sense, Text, Wildcards};
use super::request::RequestContext;
use super::statement;
use super::truth::Truth;
use crate::policy::Statement;

/// Whether a pattern of IAM's (`*` for any text, `?` for any character) covers a text.
pub(crate) fn pattern_covers(pattern: &str, text: &str) -> bool {
    matches(pattern, text, LetterCase::Sensitive)
}

/// Whether a pattern covers an action, in whatever case both are written.
pub(crate) fn action_covers(pattern: &str, action: &str) -> bool {
    matches(pattern, action, LetterCase::Ignored)
}

fn matches(pattern: &str, text: &str, case: LetterCase) -> bool {
    let pattern = Pattern::new(pattern, Wildcards::Special, None);
    pattern.matches(Text::Exact(text), case, Sense::Positive, "") == Truth::Yes
}

impl Statement {
    /// Whether its `Action` takes in an action, or its `NotAction` does not leave it out.
    pub(crate) fn takes_in(&self, action: &str) -> bool {
        let map = self.map();
        statement::action(map.get("Action"), map.get("NotAction"), action) == Truth::Yes
    }

    /// Whether its conditions may hold in a request, for all that is known of it.
    pub(crate) fn may_hold(&self, context: &RequestContext) -> bool {
        let outcomes = condition::outcomes(self.map().get("Condition"), context, true);
        Truth::all(outcomes.into_iter().map(|(_, truth)| truth)) != Truth::No
    }

    /// Whether it may speak of a resource, whatever its variables stand for.
    pub(crate) fn may_reach(&self, resource: &str) -> bool {
        let map = self.map();
        let variables = RequestContext::new();
        statement::resource(map.get("Resource"), map.get("NotResource"), resource, Some(&variables)) != Truth::No
    }

    /// Whether its `Resource` takes in a resource, or its `NotResource` does not leave it out, whatever the variables
    /// are.
    pub(crate) fn reaches(&self, resource: &str) -> bool {
        let map = self.map();
        statement::resource(map.get("Resource"), map.get("NotResource"), resource, None) == Truth::Yes
    }
}
