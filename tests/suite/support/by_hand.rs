//! Things as somebody makes and changes them without this program: by the AWS CLI, in the console, after Mixpanel's
//! page. What is done fails loudly where AWS would not do it.

mod buckets;
mod documents;
mod keys;
mod objects;
mod policies;
mod roles;

pub use documents::{USER, data, for_machines, kms, opened_to, statements, trust};

/// Where the tests' buckets and keys are, unless one says otherwise.
pub const REGION: &str = "eu-west-1";
