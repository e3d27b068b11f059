//! Runs steps: those that do not wait for one another side by side, each tried again while there is a reason to wait,
//! all of them told as they happen.
//!
//! A failure, or Ctrl-C, starts nothing new and lets what is under way end, so that the account of what was done is
//! true.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::aws::Failure;
use crate::plan::Step;
use crate::process::Interrupts;
use crate::wait::{Patience, retry_until};

/// How long a step waits for AWS to hear of what was just made or removed.
const PATIENCE: Patience = Patience::growing(Duration::from_secs(120), Duration::from_secs(8));

/// What happens while steps run.
#[derive(Debug)]
pub(crate) enum Event<'a, A> {
    /// A step is done.
    Done(&'a Step<A>),
    /// A step waits for AWS, and why; or says how far it is.
    Waiting(&'a Step<A>, String),
    /// A step failed.
    Failed(&'a Step<A>),
    /// Ctrl-C: what is under way ends, nothing new begins.
    Interrupted,
}

/// How far steps came.
#[derive(Debug)]
pub(crate) struct RunReport {
    /// The steps that are done, by index.
    pub(crate) done: BTreeSet<usize>,
    /// Why they stopped, if they did not come to the end.
    pub(crate) stopped: Option<Stopped>,
    /// Whether requests were abandoned under way, so that nobody knows whether AWS acted on them.
    pub(crate) aborted: bool,
}

/// Why steps stopped before their end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// A step failed.
    Failed(Box<Failure>),
    /// Ctrl-C.
    Interrupted,
}

impl RunReport {
    /// Of a plan that was not run.
    pub(crate) fn nothing() -> Self {
        Self {
            done: BTreeSet::new(),
            stopped: None,
            aborted: false,
        }
    }

    /// Whether AWS may have acted on something that is not among what is done.
    pub(crate) fn may_have_acted(&self) -> bool {
        match &self.stopped {
            None => false,
            Some(Stopped::Interrupted) => self.aborted,
            Some(Stopped::Failed(failure)) => failure.may_have_acted(),
        }
    }
}

/// With what a step tells of itself while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    step: usize,
    sender: mpsc::UnboundedSender<(usize, String)>,
}

impl Reporter {
    /// Says why the step waits, or how far it is.
    pub(crate) fn tell(&self, what: impl Into<String>) {
        // Nobody listens any more only where the run has ended.
        let _ = self.sender.send((self.step, what.into()));
    }
}

/// Runs steps to their end, or as far as they go. `work` does what a step's action says.
pub(crate) async fn run<A, W>(
    steps: &[Step<A>],
    interrupts: &Interrupts,
    work: impl Fn(A, Reporter) -> W,
    mut report: impl FnMut(Event<'_, A>),
) -> RunReport
where
    A: Clone,
    W: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let (sender, mut told) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    let mut begun = BTreeSet::new();
    let mut done = BTreeSet::new();
    let (mut stopped, mut aborted, mut defect) = (None, false, None);
    loop {
        if stopped.is_none() && defect.is_none() {
            for (index, step) in steps.iter().enumerate() {
                if !begun.contains(&index) && step.depends_on.iter().all(|before| done.contains(before)) {
                    begun.insert(index);
                    let reporter = Reporter {
                        step: index,
                        sender: sender.clone(),
                    };
                    let work = work(step.action.clone(), reporter);
                    running.spawn(async move { (index, work.await) });
                }
            }
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((index, what)) = told.recv() => report(Event::Waiting(&steps[index], what)),
            Some(joined) = running.join_next() => match joined {
                Ok((index, Ok(()))) => {
                    done.insert(index);
                    report(Event::Done(&steps[index]));
                }
                Ok((index, Err(failure))) => {
                    report(Event::Failed(&steps[index]));
                    stopped.get_or_insert(Stopped::Failed(Box::new(failure)));
                }
                // A task ends so only by a panic of its own, or by the abort below.
                Err(error) => {
                    defect = error.try_into_panic().ok().or(defect);
                }
            },
            () = interrupts.wait(1), if stopped.is_none() => {
                report(Event::Interrupted);
                stopped = Some(Stopped::Interrupted);
            }
            // A second Ctrl-C does not wait for what is under way.
            () = interrupts.wait(2), if !aborted => {
                running.abort_all();
                aborted = true;
            }
        }
    }
    if let Some(defect) = defect {
        // What was under way has ended, and was told. A defect is nobody's interruption.
        std::panic::resume_unwind(defect);
    }
    RunReport { done, stopped, aborted }
}

/// Tries a step until it is done, as long as `reason_to_wait` has a reason for its failure and there is patience left.
pub(crate) async fn retry_step<W>(
    interrupts: &Interrupts,
    reporter: &Reporter,
    reason_to_wait: impl Fn(&Failure) -> Option<&'static str>,
    attempt: impl Fn() -> W,
) -> Result<(), Failure>
where
    W: Future<Output = Result<(), Failure>>,
{
    let tell = |reason| reporter.tell(format!("waiting: {reason}"));
    let reason = |answer: &Result<(), Failure>| answer.as_ref().err().and_then(&reason_to_wait);
    retry_until(PATIENCE, interrupts, tell, reason, attempt).await
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::plan::{Change, Resource};

    fn step(id: &str, depends_on: Vec<usize>) -> Step<bool> {
        Step {
            change: Change::Create,
            resource: Resource::Bucket,
            id: id.to_owned(),
            summary: String::new(),
            diff: None,
            action: id == "defect",
            depends_on,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_defect_lets_what_is_under_way_end_and_is_no_interruption() {
        let steps = [
            step("defect", Vec::new()),
            step("slow", Vec::new()),
            step("next", vec![1]),
        ];
        let done = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&done);
        let ran = tokio::spawn(async move {
            let work = |is_defect: bool, _| async move {
                assert!(!is_defect, "a defect, on purpose");
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(())
            };
            let interrupts = Interrupts::never();
            run(&steps, &interrupts, work, |event| {
                if let Event::Done(step) = event {
                    told.lock().unwrap().push(step.id.clone());
                }
            })
            .await
            .stopped
        });
        assert!(ran.await.unwrap_err().is_panic(), "the defect goes on");
        assert_eq!(*done.lock().unwrap(), ["slow"]);
    }
}
