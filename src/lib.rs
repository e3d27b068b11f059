//! `mixpanel-s3`.
#![cfg_attr(test, allow(clippy::unwrap_used))]
pub mod apply;
pub mod aws;
pub mod details;
pub mod error;
pub mod names;
pub mod observe;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod process;
pub mod spec;
