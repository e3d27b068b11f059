//! What the whole runs stand on: an AWS on loopback that counts, scripts and forwards, and the program as a process.

pub mod cloud;
pub mod program;

pub use cloud::{Cloud, Scripted};
pub use program::{Outcome, TOKEN};
