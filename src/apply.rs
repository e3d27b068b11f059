//! Runs a plan ([`executor`] runs steps of any kind, `step` does what a set-up's say), and reads back what it wrote
//! ([`read_back`]). Takes a set-up away ([`remove`]).

mod born;
mod empty;
pub(crate) mod executor;
pub(crate) mod read_back;
pub(crate) mod remove;
mod replace;
mod step;

use std::sync::{Arc, OnceLock};

use crate::aws::Aws;
use crate::names::KeyArn;
use crate::plan::{Action, Change, Plan};
use crate::process::Interrupts;
use crate::spec::SetupSpec;
pub(crate) use born::Born;
use executor::{Event, RunReport};

/// How far a plan came.
#[derive(Debug)]
pub(crate) struct Applied {
    /// Which steps are done, and why it stopped, if it did.
    pub(crate) ran: RunReport,
    /// The ARN of the key that the set-up uses, if the plan was to make one.
    pub(crate) new_key: Option<KeyArn>,
    /// The key that this run made although another run, at the same time, was quicker: nothing uses it.
    pub(crate) spare_key: Option<KeyArn>,
    /// What the bucket had from the start, where this run made it: that is not written, and was read already.
    pub(crate) born: Option<Born>,
}

/// What every step needs.
#[derive(Debug)]
struct Applying {
    aws: Aws,
    spec: SetupSpec,
    keys: Keys,
    /// What the bucket had from the start, where this run made it.
    born: OnceLock<Born>,
    /// Whether the bucket was there already when this run came to make it.
    bucket_was_taken: OnceLock<()>,
    /// Whether this run makes things of which IAM may not have heard everywhere yet.
    creates: bool,
}

/// What is known of the key that a plan makes.
#[derive(Debug, Default)]
struct Keys {
    /// The one that this run made or found without a name.
    made: OnceLock<KeyArn>,
    /// The one that the alias names, and that the set-up uses.
    named: OnceLock<KeyArn>,
    /// Whether the role was there when this run came to make it, so that another run may be about to make the key.
    role_was_taken: OnceLock<()>,
}

/// Runs a plan to its end, or as far as it goes.
pub(crate) async fn apply(
    aws: &Aws,
    spec: &SetupSpec,
    plan: &Plan,
    interrupts: &Interrupts,
    report: impl FnMut(Event<'_, Action>),
) -> Applied {
    let context = Arc::new(Applying {
        aws: aws.clone(),
        spec: spec.clone(),
        keys: Keys::default(),
        born: OnceLock::new(),
        bucket_was_taken: OnceLock::new(),
        creates: plan.steps.iter().any(|step| step.change == Change::Create),
    });
    let work = |action, reporter| {
        let (context, interrupts) = (Arc::clone(&context), interrupts.clone());
        async move { step::run(&context, &action, &interrupts, &reporter).await }
    };
    let ran = executor::run(&plan.steps, interrupts, work, report).await;
    let made = context.keys.made.get().cloned();
    let named = context.keys.named.get().cloned();
    Applied {
        ran,
        spare_key: made
            .clone()
            .filter(|made| named.as_ref().is_some_and(|named| named != made)),
        new_key: named.or(made),
        born: context.born.get().cloned(),
    }
}
