//! The one way to wait: something is asked again, with longer and longer pauses, while there is a reason to and patience
//! left.
//!
//! IAM and S3 answer from many places, and what was just written reaches them one after another. Whoever waits says what
//! an answer has to look like, how long it may take ([`Patience`]), and who is told why. The SDK's own retries of a
//! single call are another thing, and stand in `aws::retries`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::process::Interrupts;

/// How long to wait, and how often to ask meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// How long in all. What is asked last is asked before that.
    pub(crate) total: Duration,
    /// The first pause; each one after it is twice as long.
    pub(crate) first_pause: Duration,
    /// What no pause is longer than.
    pub(crate) longest_pause: Duration,
}

impl Patience {
    /// Asks first after half a second, then more and more seldom.
    pub(crate) const fn growing(total: Duration, longest_pause: Duration) -> Self {
        Self {
            total,
            first_pause: Duration::from_millis(500),
            longest_pause,
        }
    }

    /// Asks once a second.
    pub(crate) const fn steady(total: Duration) -> Self {
        Self {
            total,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(1),
        }
    }
}

/// Asks until an answer gives no reason to ask again, and answers the last one: also where patience ends first, or where
/// Ctrl-C comes between two attempts. An attempt itself is never cut short.
///
/// `tell` is told every reason once, however often it comes up.
pub(crate) async fn retry_until<T, W>(
    patience: Patience,
    interrupts: &Interrupts,
    tell: impl Fn(&'static str),
    reason: impl Fn(&T) -> Option<&'static str>,
    attempt: impl Fn() -> W,
) -> T
where
    W: Future<Output = T>,
{
    let deadline = Instant::now() + patience.total;
    let mut pause = patience.first_pause;
    let mut told = None;
    loop {
        let answer = attempt().await;
        let Some(reason) = reason(&answer) else {
            return answer;
        };
        if Instant::now() + pause > deadline || interrupts.happened() {
            return answer;
        }
        if told != Some(reason) {
            tell(reason);
            told = Some(reason);
        }
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(patience.longest_pause),
            () = interrupts.wait(1) => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const PATIENCE: Patience = Patience::growing(Duration::from_secs(10), Duration::from_secs(4));

    /// How often something is asked that is settled at the attempt of this number, and what is told.
    async fn asked(settled: usize, interrupts: &Interrupts) -> (usize, usize, Vec<&'static str>) {
        let attempts = Cell::new(0);
        let told = RefCell::new(Vec::new());
        let answer = retry_until(
            PATIENCE,
            interrupts,
            |reason| told.borrow_mut().push(reason),
            |attempt| match *attempt {
                attempt if attempt >= settled => None,
                1 => Some("it is new"),
                _ => Some("it is on its way"),
            },
            || async {
                attempts.set(attempts.get() + 1);
                attempts.get()
            },
        )
        .await;
        (answer, attempts.get(), told.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_settled_answer_is_not_asked_for_again() {
        assert_eq!(asked(1, &Interrupts::never()).await, (1, 1, vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn each_reason_is_told_once() {
        let told = vec!["it is new", "it is on its way"];
        assert_eq!(asked(5, &Interrupts::never()).await, (5, 5, told));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_with_the_last_answer() {
        // After 0, 0.5, 1.5, 3.5 and 7.5 seconds; the next one would come after 11.5.
        let (answer, attempts, _) = asked(usize::MAX, &Interrupts::never()).await;
        assert_eq!((answer, attempts), (5, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn ctrl_c_ends_the_waiting_and_no_attempt() {
        let (answer, attempts, told) = asked(usize::MAX, &Interrupts::already()).await;
        assert_eq!((answer, attempts, told), (1, 1, vec![]));
    }
}
