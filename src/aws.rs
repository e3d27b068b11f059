//! The only room that names `aws_sdk_*`: clients and credentials ([`session`]), calls in this crate's own types
//! ([`s3`],
//! [`iam`], [`kms`], [`sts`]), and what it means when a call fails ([`failure`]). What an endpoint may take and answer is bounded in
//! `bounds`, `http` and `sense`.
//!
//! There is no trait with one implementation here. The seam for tests and for the sandbox is the SDK's own
//! configuration: an endpoint, or an HTTP client, so that the real request and error code is what runs.

mod bounds;
mod credentials;
mod environment;
pub(crate) mod failure;
mod http;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod profile;
pub(crate) mod retries;
pub(crate) mod s3;
mod sense;
pub(crate) mod session;
pub(crate) mod sts;

pub(crate) use failure::{Cause, Failure};
pub(crate) use retries::RetryReporter;
pub(crate) use session::Session;

use crate::names::Region;
use sense::AnswerCheck;

/// The clients of the four services, in one region.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
    s3: aws_sdk_s3::Client,
    sts: aws_sdk_sts::Client,
}

impl Aws {
    /// The clients for a region. IAM is global: its requests are signed for the partition's own region whatever this
    /// is. Who calls is asked at home, since an opt-in region that is not enabled answers as if the credentials were
    /// bad.
    pub(crate) fn new(session: &Session, region: &Region) -> Self {
        let config = session.config_for(region);
        let at_home = session.config_for(&session.home_region());
        let retries = session.retries();
        let iam = aws_sdk_iam::config::Builder::from(&config).interceptor(retries.clone());
        let kms = aws_sdk_kms::config::Builder::from(&config).interceptor(retries.clone());
        let s3 = aws_sdk_s3::config::Builder::from(&config).interceptor(retries.clone());
        let s3 = s3.force_path_style(session.path_style());
        let sts = aws_sdk_sts::config::Builder::from(&at_home).interceptor(retries);
        Self {
            iam: aws_sdk_iam::Client::from_conf(iam.interceptor(AnswerCheck).build()),
            kms: aws_sdk_kms::Client::from_conf(kms.interceptor(AnswerCheck).build()),
            s3: aws_sdk_s3::Client::from_conf(s3.interceptor(AnswerCheck).build()),
            sts: aws_sdk_sts::Client::from_conf(sts.interceptor(AnswerCheck).build()),
        }
    }
}
