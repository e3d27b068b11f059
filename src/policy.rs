//! The documents of IAM and S3, as values: what Mixpanel's page asks for, what stands in AWS, and how the two compare.
//!
//! * [`document`] – [`Document`] and [`Statement`]: JSON that keeps every key it does not know;
//! * [`amend`] – what is changed by hand in somebody's document, statement by statement;
//! * [`build`] – the documents of Mixpanel's page, element for element, and the bucket policy that refuses plain HTTP;
//! * [`compare`] – whether two documents mean the same, and a diff by statement where they do not;
//! * [`evaluate`] – whether documents allow a request, by AWS's rules, in three values: yes, no, cannot be known;
//! * [`excess`] – what a role may do beyond the page;
//! * [`merge`] – adding to somebody's document without losing a statement of theirs;
//! * [`outsiders`] – who gets in from outside the account of a key or a bucket;
//! * [`page`] – whether a document says nothing but what Mixpanel's page says;
//! * [`plain_http`] – whether a bucket's policy refuses plain HTTP;
//! * [`reach`] – whether documents let somebody write anywhere into a bucket;
//! * [`read`] – what a document grants: which buckets are written, which keys are used;
//! * [`trust`] – who may use a role: the one evaluation of a trust policy.
//!
//! Pure: no AWS, no async, no terminal.

pub(crate) mod amend;
pub(crate) mod build;
pub(crate) mod compare;
pub(crate) mod document;
pub(crate) mod evaluate;
pub(crate) mod excess;
mod json;
pub(crate) mod merge;
mod outside;
pub(crate) mod outsiders;
pub(crate) mod page;
pub(crate) mod plain_http;
pub(crate) mod reach;
pub(crate) mod read;
pub(crate) mod trust;

pub(crate) use document::{Document, Statement};
