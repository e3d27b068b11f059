//! One test binary: whole runs of the program against an AWS on loopback, at a terminal, and in the sandbox.
#![allow(missing_docs, unreachable_pub, clippy::print_stdout, clippy::unwrap_used)]

mod support;

mod adopt;
mod architecture;
mod bad_input;
mod bucket_owner;
mod claim;
mod copied_commands;
mod drift;
mod exports;
mod faults;
mod hostile;
mod hostile_text;
#[cfg(unix)]
mod matrix;
mod meanwhile;
mod named_role;
mod ownership;
mod print_details;
#[cfg(unix)]
mod printed_fixes;
mod probe;
mod readme;
mod requests;
mod sandbox;
mod setup;
mod shared_bucket;
mod teardown;
mod trust;
mod verify;
#[cfg(unix)]
mod walk;
