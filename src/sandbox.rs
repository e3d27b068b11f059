//! `--sandbox`: the same commands through the same SDK clients, against an AWS in memory.
//!
//! The [`Emulator`] plugs in as the SDK's HTTP client, so no request can leave the machine. Its state is written to a
//! file under the user's state directory after every change, so that a rehearsal goes on from one command to the next.
//!
//! An emulator is not AWS. It enforces no permissions, validates no policy and does not page most lists; where it
//! differs from AWS's documentation in a way that a rehearsal would show, `sandbox::fidelity` makes up for it.

mod fidelity;
mod file;
mod state;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::HeaderMap;
use winterbaume_core::{MockRequest, MockService};
use winterbaume_iam::IamService;
use winterbaume_kms::KmsService;
use winterbaume_s3::S3Service;
use winterbaume_sts::StsService;

use crate::aws::{RetryReporter, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::process::Process;

/// The account of every rehearsal.
pub const ACCOUNT: &str = "123456789012";
/// The environment variable that names the state's file, where it shall not be in the state directory.
pub(crate) const STATE_VARIABLE: &str = "MIXPANEL_S3_SANDBOX_STATE";

/// A request to the emulator, from wherever it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path_and_query: String,
    /// The headers; the signature's scope says which service and region is meant.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The emulator's answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An AWS in memory: S3, IAM, KMS and STS of one account.
#[derive(Clone)]
pub struct Emulator(Arc<Inner>);

struct Inner {
    s3: S3Service,
    iam: IamService,
    kms: KmsService,
    sts: StsService,
    regions: std::sync::Mutex<std::collections::BTreeSet<String>>,
    file: Option<PathBuf>,
    /// Only one change is written to the file at a time.
    saving: tokio::sync::Mutex<()>,
}

impl Default for Emulator {
    fn default() -> Self {
        Self::new(None)
    }
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("file", &self.0.file)
            .finish_non_exhaustive()
    }
}

impl Emulator {
    fn new(file: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner {
            s3: S3Service::new(),
            iam: IamService::new(),
            kms: KmsService::new(),
            sts: StsService::new(),
            regions: std::sync::Mutex::default(),
            file,
            saving: tokio::sync::Mutex::default(),
        }))
    }

    /// Answers a request as AWS would.
    pub async fn answer(&self, request: Request) -> Response {
        let Some(scope) = Scope::of(&request.headers) else {
            return fidelity::s3_error(403, "MissingAuthenticationToken", "The request is not signed.", true);
        };
        self.remember_region(&scope.region);
        let reads = is_read(&scope, &request);
        let response = match scope.service.as_str() {
            "s3" => fidelity::s3(self, &scope.region, request).await,
            "iam" => fidelity::iam(self, request).await,
            "sts" => fidelity::sts(self, &scope.region, request).await,
            service => self.forward(service, &scope.region, request).await,
        };
        if !reads && let Err(error) = self.save().await {
            // A rehearsal that cannot be remembered is still a rehearsal; the failure is told as AWS would tell its
            // own.
            return fidelity::s3_error(
                500,
                "InternalError",
                &format!("The sandbox's state could not be saved: {error}"),
                true,
            );
        }
        response
    }

    /// Hands a request to the emulated service, under the host name that it knows.
    async fn forward(&self, service: &str, region: &str, request: Request) -> Response {
        let host = match service {
            "iam" => "iam.amazonaws.com".to_owned(),
            _ => format!("{service}.{region}.amazonaws.com"),
        };
        let request = MockRequest {
            method: request.method,
            uri: format!("https://{host}{}", request.path_and_query),
            headers: request.headers,
            body: request.body,
        };
        let answer = match service {
            "s3" => self.0.s3.handle(request).await,
            "iam" => self.0.iam.handle(request).await,
            "kms" => self.0.kms.handle(request).await,
            "sts" => self.0.sts.handle(request).await,
            other => {
                let message = format!("The sandbox has no service {other}.");
                return fidelity::s3_error(501, "NotImplemented", &message, true);
            }
        };
        Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        }
    }

    fn regions(&self) -> Vec<String> {
        let regions = self.0.regions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        regions.iter().cloned().collect()
    }

    fn remember_region(&self, region: &str) {
        let mut regions = self.0.regions.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !regions.contains(region) {
            regions.insert(region.to_owned());
        }
    }
}

/// Which service of which region a request is signed for.
struct Scope {
    service: String,
    region: String,
}

impl Scope {
    /// From `Credential=<key>/<date>/<region>/<service>/aws4_request`.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let authorization = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let (_, credential) = authorization.split_once("Credential=")?;
        let mut parts = credential.split(',').next()?.split('/').skip(2);
        let region = parts.next()?.to_owned();
        Some(Self {
            region,
            service: parts.next()?.to_owned(),
        })
    }
}

fn is_read(scope: &Scope, request: &Request) -> bool {
    let reads = |action: &str| ["Get", "List", "Describe"].iter().any(|verb| action.starts_with(verb));
    match scope.service.as_str() {
        "s3" => matches!(request.method.as_str(), "GET" | "HEAD"),
        "kms" => {
            let target = request
                .headers
                .get("x-amz-target")
                .and_then(|target| target.to_str().ok());
            target.and_then(|target| target.split('.').nth(1)).is_some_and(reads)
        }
        _ => fidelity::parameter(&request.body, "Action").is_some_and(|action| reads(&action)),
    }
}

/// The session of a rehearsal, and the file that holds its state.
pub(crate) async fn session(
    process: &Process,
    deadline: Duration,
    retries: RetryReporter,
) -> Result<(Session, PathBuf)> {
    let file = state_file(process)?;
    let emulator = Emulator::load(&file).await?;
    let credentials = Credentials::new("AKIASANDBOX", "sandbox", None, None, "sandbox");
    let session = Session::rehearsal(
        process,
        SharedHttpClient::new(emulator),
        SharedCredentialsProvider::new(credentials),
        deadline,
        retries,
    );
    Ok((session, file))
}

fn state_file(process: &Process) -> Result<PathBuf> {
    if let Some(file) = process.variable(STATE_VARIABLE) {
        return Ok(Path::new(file).to_owned());
    }
    let directory = dirs::state_dir().or_else(dirs::data_local_dir).ok_or_else(|| {
        Error::new(ErrorKind::Failed, "There is no directory for the sandbox's state.")
            .hint(format!("Name a file with {STATE_VARIABLE}."))
    })?;
    let directory = directory.join("mixpanel-s3");
    file::own_directory(&directory).map_err(|error| {
        Error::new(
            ErrorKind::Failed,
            format!(
                "The directory for the sandbox's state, {}, cannot be used: {error}.",
                directory.display()
            ),
        )
        .hint(format!("Name a file with {STATE_VARIABLE}."))
    })?;
    Ok(directory.join("sandbox.json"))
}

impl HttpClient for Emulator {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Emulator {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let emulator = self.clone();
        HttpConnectorFuture::new(async move {
            let broken = |error: &dyn std::fmt::Display| ConnectorError::user(error.to_string().into());
            let uri: http::Uri = request.uri().parse().map_err(|error| broken(&error))?;
            let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let body = request.body().bytes().map(Bytes::copy_from_slice).unwrap_or_default();
            let method = request.method().to_owned();
            let headers = request
                .headers()
                .iter()
                .filter_map(|(name, value)| Some((name.parse::<http::HeaderName>().ok()?, value.parse().ok()?)))
                .collect();
            let answer = emulator
                .answer(Request {
                    method,
                    path_and_query,
                    headers,
                    body,
                })
                .await;
            let status = answer.status.try_into().map_err(|error| broken(&error))?;
            let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
            for (name, value) in &answer.headers {
                if let Ok(value) = value.to_str() {
                    response
                        .headers_mut()
                        .insert(name.as_str().to_owned(), value.to_owned());
                }
            }
            Ok(response)
        })
    }
}
