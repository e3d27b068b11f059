//! The SDK's HTTPS client, with what its default one leaves out: proxies from the environment (HTTPS_PROXY, HTTP_PROXY,
//! NO_PROXY), AWS_CA_BUNDLE, which adds to the system's certificates, and a bound on what an answer may hold. It
//! follows no redirects.

use std::fs::File;
use std::io::{self, Read};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder as HttpClientBuilder, Connector};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::bounds::{MOST_ANSWER_BYTES, Senseless};
use crate::error::{Error, Result};

/// The longest bundle of certificates, in bytes. The world's public ones take a quarter of a megabyte.
const MOST_BUNDLE_BYTES: u64 = 16 * 1024 * 1024;

/// A file of certificates to trust besides the system's.
pub(super) struct Bundle {
    path: String,
    /// What names the file.
    named_by: String,
}

impl Bundle {
    /// The file that AWS_CA_BUNDLE names.
    pub(super) fn of_environment(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            named_by: "AWS_CA_BUNDLE".to_owned(),
        }
    }

    /// The file that a profile names.
    pub(super) fn of_profile(path: &str, profile: &str) -> Self {
        Self {
            path: path.to_owned(),
            named_by: format!("ca_bundle of profile '{profile}'"),
        }
    }
}

/// The client.
pub(super) fn client(bundle: Option<&Bundle>) -> Result<SharedHttpClient> {
    let mut store = TrustStore::default();
    if let Some(bundle) = bundle {
        store = store.with_pem_certificate(certificates(bundle)?);
    }
    let context = TlsContext::builder().with_trust_store(store).build().map_err(|error| {
        let holder = bundle.map_or("the system's store", |bundle| &bundle.named_by);
        Error::usage(format!("No usable certificates in {holder}: {error}."))
    })?;
    let client = HttpClientBuilder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .proxy_config(ProxyConfig::from_env());
        if let Some(settings) = settings {
            builder = builder.connector_settings(settings.clone());
        }
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    });
    Ok(SharedHttpClient::new(Bounded(client)))
}

/// The bundle, in which every certificate is one that can be trusted: the SDK panics at others.
fn certificates(bundle: &Bundle) -> Result<Vec<u8>> {
    let Bundle { path, named_by } = bundle;
    let unusable = |why: &str| {
        Error::usage(format!("{named_by} names '{path}', {why}.")).hint(format!(
            "It has to name a file of certificates in PEM. Correct {named_by}, or unset it."
        ))
    };
    let pem = read(path).map_err(|error| unusable(&format!("which cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        certificate
            .ok()
            .and_then(|certificate| roots.add(certificate).ok())
            .ok_or_else(|| unusable("which holds a certificate that is broken or cut off"))?;
    }
    match roots.is_empty() {
        true => Err(unusable("which holds no certificate")),
        false => Ok(pem),
    }
}

fn read(path: &str) -> io::Result<Vec<u8>> {
    let other = |why: &str| io::Error::other(why.to_owned());
    // A device or a pipe might never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(other("it is not a file"));
    }
    let mut pem = Vec::new();
    File::open(path)?.take(MOST_BUNDLE_BYTES + 1).read_to_end(&mut pem)?;
    match pem.len() as u64 > MOST_BUNDLE_BYTES {
        true => Err(other("it is far too long for certificates")),
        false => Ok(pem),
    }
}

/// A client that reads each answer whole, and none that is longer than AWS's can be. As the reading is part of the
/// call, the deadline of the call is its deadline too.
#[derive(Debug)]
struct Bounded<T>(T);

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        bag: &ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.0.validate_base_client_config(components, bag)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        bag: &ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        self.0.validate_final_config(components, bag)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            let mut response = connector.call(request).await?;
            let body = whole(ByteStream::new(response.take_body())).await?;
            *response.body_mut() = SdkBody::from(body);
            Ok::<HttpResponse, ConnectorError>(response)
        })
    }
}

async fn whole(mut stream: ByteStream) -> std::result::Result<Vec<u8>, ConnectorError> {
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| ConnectorError::io(error.into()))?;
        if body.len() + chunk.len() > MOST_ANSWER_BYTES {
            let message = format!("the answer has more than {MOST_ANSWER_BYTES} bytes");
            return Err(ConnectorError::other(Senseless(message).into(), None));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
