//! Calls that the SDK tries again, told as it does so: nobody should have to guess why a run is slow.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// Tells of every call that is tried again.
#[derive(Clone)]
pub(crate) struct RetryReporter(Arc<dyn Fn(&str) + Send + Sync>);

impl RetryReporter {
    /// Tells it to somebody, in a few words such as `iam:CreateRole: trying again, since there was no answer`.
    pub(crate) fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for RetryReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryReporter")
    }
}

/// Why the last attempt of a call failed.
#[derive(Debug)]
struct LastFailure(String);

impl Storable for LastFailure {
    type Storer = StoreReplace<Self>;
}

impl Intercept for RetryReporter {
    fn name(&self) -> &'static str {
        "RetryReporter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let attempt = bag.load::<RequestAttempts>().map_or(1, |made| made.attempts());
        if attempt > 1
            && let Some(call) = bag.load::<Metadata>()
        {
            let service = call.service().to_ascii_lowercase();
            let reason = bag
                .load::<LastFailure>()
                .map_or("it failed", |failure| failure.0.as_str());
            let operation = call.name();
            (self.0)(&format!("{service}:{operation}: trying again, since {reason}"));
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Err(error)) = context.output_or_error() else {
            return Ok(());
        };
        let reason = match context.response() {
            Some(response) if response.status().is_success() => "its answer made no sense".to_owned(),
            Some(response) => format!("AWS is busy (HTTP {})", response.status().as_u16()),
            None if error.is_timeout_error() => "there was no answer".to_owned(),
            None => "the connection broke".to_owned(),
        };
        bag.interceptor_state().store_put(LastFailure(reason));
        Ok(())
    }
}
