//! What the whole runs stand on: an AWS on loopback that counts, scripts and forwards, and the program as a process.

mod account;
pub mod by_hand;
mod cloud;
pub mod program;
pub mod shell;
mod workers;

pub use account::document;
pub use cloud::{Call, Cloud, Scripted};
pub use program::{Outcome, TOKEN};
pub use workers::side_by_side;
