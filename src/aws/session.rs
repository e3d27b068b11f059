//! From flags and environment to a configured SDK: credentials, region, endpoint, deadlines.
//!
//! Making a session reads files and variables only; the first request, and the first look at credentials, is the first
//! call.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
#[cfg(feature = "sandbox")]
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::ServiceConfigKey;

use super::credentials::Checked;
use super::environment;
use super::http::{self, Bundle};
use super::profile::Profile;
use super::retries::RetryReporter;
use super::sts::Assumed;
use crate::error::{Error, Result};
use crate::names::Region;
use crate::process::Process;

/// How long one connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many attempts that never get an answer fit into the deadline of a call.
const UNANSWERED_ATTEMPTS: u32 = 3;
/// How often a call is tried in all, with the SDK's backoff and jitter between, within the deadline.
const ATTEMPTS: u32 = 4;

/// A configured SDK.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    config: SdkConfig,
    profile: Profile,
    path_style: bool,
    sandbox: bool,
    retries: RetryReporter,
}

impl Session {
    /// The session for real AWS, or for whatever endpoint the environment or the profile names.
    ///
    /// `deadline` bounds each call, retries included, of which `retries` tells.
    pub(crate) async fn open(
        process: &Process,
        profile_flag: Option<&str>,
        deadline: Duration,
        retries: RetryReporter,
    ) -> Result<Self> {
        let profile = Profile::select(process, profile_flag).await;
        let region = profile.region().cloned().unwrap_or_else(Region::us_east_1);
        environment::check(process)?;
        profile.check()?;
        let bundle = match (process.variable("AWS_CA_BUNDLE"), profile.ca_bundle()) {
            (Some(path), _) => Some(Bundle::of_environment(path)),
            (None, Some(path)) => Some(Bundle::of_profile(path, profile.name())),
            (None, None) => None,
        };
        let client = http::client(bundle.as_ref())?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(region.to_string()))
            .http_client(client.clone())
            .timeout_config(timeouts(deadline))
            .retry_config(retry_config());
        if profile.is_explicit() {
            // The SDK's default chain asks the environment first. Somebody who names a profile means the profile.
            let provider_config = ProviderConfig::without_region()
                .with_region(Some(aws_config::Region::new(region.to_string())))
                .with_http_client(client);
            loader = loader.profile_name(profile.name()).credentials_provider(
                ProfileFileCredentialsProvider::builder()
                    .configure(&provider_config)
                    .profile_name(profile.name())
                    .build(),
            );
        }
        let mut config = loader.load().await;
        check_endpoints(&config, &profile)?;
        if let Some(credentials) = config.credentials_provider() {
            let checked = Checked::new(credentials, profile.is_shadowed());
            let checked = SharedCredentialsProvider::new(checked);
            config = config.into_builder().credentials_provider(checked).build();
        }
        let path_style = config.endpoint_url().is_some() || service_endpoint(&config, "s3").is_some();
        Ok(Self {
            config,
            profile,
            path_style,
            sandbox: false,
            retries,
        })
    }

    /// A session whose requests all go to an in-memory AWS. It reads neither profiles nor endpoints, so nothing can
    /// leave the machine.
    #[cfg(feature = "sandbox")]
    pub(crate) fn rehearsal(
        process: &Process,
        client: SharedHttpClient,
        credentials: SharedCredentialsProvider,
        deadline: Duration,
        retries: RetryReporter,
    ) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(client)
            .credentials_provider(credentials)
            .region(aws_config::Region::new("us-east-1"))
            .timeout_config(timeouts(deadline))
            .retry_config(retry_config())
            .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(
                aws_smithy_async::rt::sleep::TokioSleep::new(),
            ))
            .build();
        Self {
            config,
            profile: Profile::sandbox(process),
            path_style: true,
            sandbox: true,
            retries,
        }
    }

    /// The same session, as a role that was assumed.
    pub(crate) fn of_role(&self, assumed: &Assumed) -> Self {
        let provider = SharedCredentialsProvider::new(assumed.0.clone());
        let config = self.config.clone().into_builder();
        Self {
            config: config.credentials_provider(provider).build(),
            ..self.clone()
        }
    }

    /// Where credentials come from.
    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether this is a rehearsal.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// The region of the environment or the profile, or us-east-1: where calls go that no region was chosen for.
    pub(crate) fn home_region(&self) -> Region {
        self.profile.region().cloned().unwrap_or_else(Region::us_east_1)
    }

    pub(super) fn retries(&self) -> RetryReporter {
        self.retries.clone()
    }

    pub(super) fn config_for(&self, region: &Region) -> SdkConfig {
        self.config
            .clone()
            .into_builder()
            .region(aws_config::Region::new(region.to_string()))
            .build()
    }

    /// Whether S3 is addressed as `endpoint/bucket`, because the endpoint is not AWS's own and need not have a name for
    /// every bucket.
    pub(super) fn path_style(&self) -> bool {
        self.path_style
    }
}

fn timeouts(deadline: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(deadline))
        .operation_attempt_timeout(deadline / UNANSWERED_ATTEMPTS)
        .operation_timeout(deadline)
        .build()
}

fn retry_config() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(300))
}

/// Refuses an endpoint of the profile's that cannot be one; those of the environment are looked at before.
fn check_endpoints(config: &SdkConfig, profile: &Profile) -> Result<()> {
    let services = ["iam", "kms", "s3", "sts"];
    let urls = services.iter().filter_map(|service| service_endpoint(config, service));
    for url in config.endpoint_url().map(str::to_owned).into_iter().chain(urls) {
        if let Some(problem) = environment::endpoint_problem(&url) {
            return Err(Error::usage(format!(
                "endpoint_url of profile '{}' {problem}.",
                profile.name()
            )));
        }
    }
    Ok(())
}

/// The endpoint that the environment or the profile names for one service.
fn service_endpoint(config: &SdkConfig, service: &'static str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    config.service_config()?.load_config(key)
}
