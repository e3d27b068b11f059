//! What is said where steps stopped before their end: what is done, what is not, and how to go on. `setup` and `teardown`
//! say it alike.

use crate::advice::Advice;
use crate::apply::executor::{RunReport, Stopped};
use crate::aws::Session;
use crate::error::{Error, ErrorKind};
use crate::names::RoleName;
use crate::plan::Step;
use crate::report::plan::{in_reading_order, step_line};

/// The words of a command for it.
pub(super) struct Words {
    /// Above what is done.
    pub(super) done: &'static str,
    /// Above what is not.
    pub(super) not_done: &'static str,
    /// Where nothing is done.
    pub(super) nothing: &'static str,
}

/// Steps that stopped before their end.
pub(super) struct StoppedRun<'a, A> {
    pub(super) role: &'a RoleName,
    pub(super) steps: &'a [Step<A>],
    pub(super) ran: &'a RunReport,
    pub(super) stopped: &'a Stopped,
    /// What is done although its step is not.
    pub(super) done_besides: Option<String>,
    /// What is left where every step is done.
    pub(super) left_besides: &'static str,
    pub(super) words: Words,
    /// How to go on.
    pub(super) again: Advice,
}

impl<A> StoppedRun<'_, A> {
    /// The error of the run.
    pub(super) fn into_error(self, session: &Session) -> Error {
        let (error, kind) = match self.stopped {
            Stopped::Interrupted => (
                Error::new(ErrorKind::Interrupted, "Interrupted."),
                ErrorKind::Interrupted,
            ),
            Stopped::Failed(failure) => (
                failure.as_ref().clone().into_error(session.profile()),
                ErrorKind::Partial,
            ),
        };
        let mut done = self.lines(true);
        done.splice(0..0, self.done_besides.as_ref().map(|besides| format!("  {besides}")));
        if done.is_empty() {
            let may_have_acted = self.ran.may_have_acted();
            let what = match may_have_acted {
                true => "AWS may have acted on what was under way.",
                false => self.words.nothing,
            };
            let goes_on = may_have_acted || error.kind == ErrorKind::Partial;
            let message = format!("{} {what}", error.message);
            return Error { message, ..error }.hints(goes_on.then_some(self.again));
        }
        let left = match self.lines(false) {
            none if none.is_empty() => vec![format!("  {}", self.left_besides)],
            left => left,
        };
        Error { kind, ..error }
            .below([self.words.done.to_owned()])
            .below(done)
            .below([self.words.not_done.to_owned()])
            .below(left)
            .hint(self.again)
    }

    fn lines(&self, done: bool) -> Vec<String> {
        in_reading_order(self.steps)
            .into_iter()
            .filter(|(index, _)| self.ran.done.contains(index) == done)
            .map(|(_, step)| format!("  {}", step_line(self.role, step)))
            .collect()
    }
}
