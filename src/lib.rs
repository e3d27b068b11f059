//! `mixpanel-s3`: from an AWS account to a working Mixpanel export into S3.
//!
//! The map of the crate, in the order in which data flows:
//!
//! | room | what lives there |
//! |---|---|
//! | `cli`, `process` | what may be typed; arguments, environment, terminal and Ctrl-C |
//! | `commands` | one file a verb, which wires the rooms below and decides nothing |
//! | `answers` | flags, environment and defaults → `answers::Answers`, and back to a command line |
//! | `wizard` | the walk at a terminal: the same answers, asked for |
//! | `names` | names that are parsed once and trusted afterwards |
//! | `encryption` | what is chosen, what the form says, what a bucket does by default: one model |
//! | `spec` | the wanted state |
//! | `observe` → `observed` | what stands in AWS, read side by side; and the types of it |
//! | `policy` | the documents of IAM and S3, as values |
//! | `plan` | what must change, or go: a function of what is wanted and observed |
//! | `verify` | whether Mixpanel can write, and if not, why |
//! | `prove` | the same, tried out with a role that stands in for Mixpanel's |
//! | `apply` | runs a plan, and reads back what it wrote |
//! | `details` | the five values for Mixpanel's form |
//! | `aws` | the only room that names the AWS SDK's clients |
//! | `report` | the only room that prints |
//! | `error`, `advice` | what went wrong, what to do next, which exit code |
//! | `command_line` | commands to be copied, as values that `report` alone quotes |
//! | `wait` | the one way to ask again until an answer settles |
//! | `defect` | what is said where the program itself is wrong |
//! | `sandbox` | an AWS in memory behind the real SDK (feature `sandbox`) |
//!
//! `names`, `encryption`, `policy`, `spec`, `observed`, `plan`, `verify`, `details`, `advice` and `command_line` are
//! pure: no AWS SDK, no async, no terminal, no environment. A test keeps them so.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod advice;
mod answers;
mod apply;
mod aws;
mod cli;
mod command_line;
mod commands;
mod defect;
mod details;
mod encryption;
mod error;
mod names;
mod observe;
mod observed;
mod plan;
mod policy;
mod process;
mod prove;
mod report;
#[cfg(feature = "sandbox")]
mod sandbox;
mod spec;
mod verify;
mod wait;
mod wizard;

use clap::Parser;

pub use process::Process;
#[cfg(feature = "sandbox")]
pub use sandbox::{ACCOUNT, Emulator, Request, Response};

use cli::{Cli, Output};
use commands::Context;
use error::ErrorKind;
use process::Interrupts;
use report::Printer;

/// Runs the program on a runtime, and answers its exit code. A panic is one more error, and ends with 1.
pub fn run_on(runtime: &tokio::runtime::Runtime, process: Process) -> u8 {
    let output = match process.wants_json() {
        true => Output::Json,
        false => Output::Text,
    };
    defect::guard(output, || runtime.block_on(run(process)))
}

/// Runs the program and answers its exit code.
pub async fn run(process: Process) -> u8 {
    let Cli { command, common } = match Cli::try_parse_from(&process.arguments) {
        Ok(cli) => cli,
        Err(error) => return report::usage::usage(&process, &error),
    };
    let context = Context {
        printer: Printer::new(&common, &process),
        interrupts: Interrupts::listen(),
        process,
        common,
    };
    let ran = commands::run(command, &context).await;
    match ran.and_then(|()| context.printer.all_was_written()) {
        Ok(()) => 0,
        Err(error) => {
            if error.kind == ErrorKind::Interrupted {
                wizard::prompt::restore_cursor();
            }
            context.printer.error(&error);
            error.kind.exit_code()
        }
    }
}
