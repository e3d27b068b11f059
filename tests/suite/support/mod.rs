//! What the whole runs stand on: an AWS on loopback that counts, scripts and forwards, and the program as a process.

pub mod account;
pub mod by_hand;
pub mod cloud;
pub mod program;
pub mod shell;

pub use account::document;
pub use cloud::{Cloud, Scripted};
pub use program::{Outcome, TOKEN};
