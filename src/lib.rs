//! `mixpanel-s3`.
pub mod names;
pub mod policy;
