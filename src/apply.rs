//! Runs a plan: steps that do not wait for one another side by side, each retried while AWS has not heard of what was just
//! made, all of them told as they happen.
//!
//! A failure, or Ctrl-C, starts nothing new and lets what is under way end, so that the account of what was done is true.

pub mod read_back;
mod step;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::aws::{Aws, Failure};
use crate::names::KeyArn;
use crate::plan::{Plan, Step};
use crate::process::Interrupts;
use crate::spec::SetupSpec;

/// What happens while a plan runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step is done.
    Done(&'a Step),
    /// A step waits for AWS, and why.
    Waiting(&'a Step, &'static str),
    /// A step failed.
    Failed(&'a Step, &'a Failure),
    /// Ctrl-C: what is under way ends, nothing new begins.
    Interrupted,
}

/// How far a plan came.
#[derive(Debug)]
pub struct Applied {
    /// The steps that are done, by index.
    pub done: BTreeSet<usize>,
    /// The ARN of the key that the plan made, if it made one.
    pub new_key: Option<KeyArn>,
    /// Why it stopped, if it did not come to the end.
    pub stopped: Option<Stopped>,
    /// Whether requests were abandoned under way, so that nobody knows whether AWS acted on them.
    pub aborted: bool,
}

/// Why a plan stopped before its end.
#[derive(Debug)]
pub enum Stopped {
    /// A step failed.
    Failed(usize, Box<Failure>),
    /// Ctrl-C.
    Interrupted,
}

/// What every step needs.
#[derive(Debug)]
struct Context {
    aws: Aws,
    spec: SetupSpec,
    new_key: OnceLock<KeyArn>,
    /// Whether this run makes things of which IAM may not have heard everywhere yet.
    creates: bool,
}

/// Runs a plan to its end, or as far as it goes.
pub async fn apply(
    aws: &Aws,
    spec: &SetupSpec,
    plan: &Plan,
    interrupts: &Interrupts,
    mut report: impl FnMut(Event<'_>),
) -> Applied {
    let context = Arc::new(Context {
        aws: aws.clone(),
        spec: spec.clone(),
        new_key: OnceLock::new(),
        creates: plan
            .steps
            .iter()
            .any(|step| step.change == crate::plan::Change::Create),
    });
    let (waiting, mut waits) = mpsc::unbounded_channel();
    let mut running = JoinSet::new();
    let mut begun = BTreeSet::new();
    let mut done = BTreeSet::new();
    let (mut stopped, mut aborted) = (None, false);
    loop {
        if stopped.is_none() {
            for (index, step) in plan.steps.iter().enumerate() {
                if !begun.contains(&index) && step.after.iter().all(|before| done.contains(before))
                {
                    begun.insert(index);
                    let (context, action) = (Arc::clone(&context), step.action.clone());
                    let (waiting, interrupts) = (waiting.clone(), interrupts.clone());
                    running.spawn(async move {
                        let wait = |reason| {
                            // Nobody listens any more only where the run has ended.
                            let _ = waiting.send((index, reason));
                        };
                        (index, step::run(&context, &action, &interrupts, wait).await)
                    });
                }
            }
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some((index, reason)) = waits.recv() => report(Event::Waiting(&plan.steps[index], reason)),
            Some(joined) = running.join_next() => match joined {
                Ok((index, Ok(()))) => {
                    done.insert(index);
                    report(Event::Done(&plan.steps[index]));
                }
                Ok((index, Err(failure))) => {
                    report(Event::Failed(&plan.steps[index], &failure));
                    stopped.get_or_insert(Stopped::Failed(index, Box::new(failure)));
                }
                // A task ends so only by a panic of its own, or by the abort below.
                Err(_) => {
                    stopped.get_or_insert(Stopped::Interrupted);
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
    Applied {
        done,
        new_key: context.new_key.get().cloned(),
        stopped,
        aborted,
    }
}
