//! Who acts on a request that the script leaves alone: the emulator of this process, or moto, whose quirks are made
//! AWS's.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mixpanel_s3::{Emulator, Request};

use super::action::action_of;
use super::again::{Done, key_of};
use super::calls::only_reads;
use super::server::State;
use crate::support::TOKEN;

/// Who answers.
pub(super) enum Backend {
    Emulator(Emulator),
    Endpoint(String),
}

/// Has the backend act on a request.
pub(super) async fn forward(
    state: &State,
    method: &str,
    path: String,
    headers: HeaderMap,
    body: Bytes,
) -> http::Response<Full<Bytes>> {
    match &state.backend {
        Backend::Emulator(emulator) => {
            let request = Request {
                method: method.to_owned(),
                path_and_query: path.clone(),
                headers: headers.clone(),
                body: body.clone(),
            };
            let answer = emulator.answer(request).await;
            let action = action_of(method, &path, &headers, &body);
            if (200..300).contains(&answer.status) && !only_reads(&action) {
                let key = (action == "kms:CreateKey").then(|| key_of(&answer.body)).flatten();
                let method = method.to_owned();
                let done = Done {
                    method,
                    path,
                    headers,
                    body,
                    key,
                };
                state.done.lock().expect("what was done").push(Arc::new(done));
            }
            let mut response = http::Response::new(Full::new(answer.body));
            *response.status_mut() = http::StatusCode::from_u16(answer.status).expect("a status");
            *response.headers_mut() = answer.headers;
            response
        }
        Backend::Endpoint(endpoint) => {
            // moto minds no trust policy; AWS does.
            let form = String::from_utf8_lossy(&body);
            if form.contains("Action=AssumeRole")
                && form.contains("-probe&")
                && !form.contains(&format!("ExternalId={TOKEN}"))
            {
                let refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: \
                               sts:AssumeRole</Message></Error></ErrorResponse>";
                let mut response = http::Response::new(Full::new(Bytes::from(refusal)));
                *response.status_mut() = http::StatusCode::FORBIDDEN;
                return response;
            }
            let tags = tags_at_creation(method, &path, &headers, &body);
            let (tagging, signed) = (format!("{path}?tagging"), headers.clone());
            let action = action_of(method, &path, &headers, &body);
            let body = in_words_of_moto(&action, body);
            let response = forward_to(endpoint, method, path, headers, body).await;
            let response = in_words_of_s3(&action, response).await;
            // moto leaves out the tags that CreateBucket brings; AWS does not.
            if let Some(tags) = tags.filter(|_| response.status().is_success()) {
                forward_to(endpoint, "PUT", tagging, signed, tags).await;
            }
            response
        }
    }
}

/// moto switches a key on and off and schedules its deletion by its ID alone; KMS takes an ARN too.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html>
fn in_words_of_moto(action: &str, body: Bytes) -> Bytes {
    let by_id = [
        "kms:EnableKey",
        "kms:DisableKey",
        "kms:ScheduleKeyDeletion",
        "kms:CancelKeyDeletion",
    ]
    .contains(&action);
    let text = String::from_utf8_lossy(&body);
    match (by_id, text.split_once("arn:aws:kms:"), text.split_once(":key/")) {
        (true, Some((before, _)), Some((_, id))) => format!("{before}{id}").into(),
        _ => body,
    }
}

/// moto answers GetBucketVersioning and CompleteMultipartUpload under names of its own, and GetBucketRequestPayment
/// with a listing; S3 does none of that.
async fn in_words_of_s3(action: &str, response: http::Response<Full<Bytes>>) -> http::Response<Full<Bytes>> {
    if !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = body.collect().await.unwrap_or_else(|error| match error {});
    let body = body.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let body = match action {
        "s3:GET versioning" => {
            let (own, s3s) = ("GetBucketVersioningResponse", "VersioningConfiguration");
            text.replace(own, s3s).into()
        }
        "s3:POST object" => {
            let own = "CompleteMultipartUploadResponse";
            text.replace(own, "CompleteMultipartUploadResult").into()
        }
        "s3:GET requestPayment" if text.contains("<ListBucketResult") => {
            Bytes::from_static(b"<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>")
        }
        _ => body,
    };
    parts.headers.remove(http::header::CONTENT_LENGTH);
    http::Response::from_parts(parts, Full::new(body))
}

/// The body of the PutBucketTagging that does what CreateBucket's tags do.
fn tags_at_creation(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Bytes> {
    if action_of(method, path, headers, body) != "s3:PUT" {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let tags = text.split_once("<Tags>")?.1.split_once("</Tags>")?.0;
    Some(format!("<Tagging><TagSet>{tags}</TagSet></Tagging>").into())
}

async fn forward_to(
    endpoint: &str,
    method: &str,
    path: String,
    mut headers: HeaderMap,
    body: Bytes,
) -> http::Response<Full<Bytes>> {
    static CLIENT: LazyLock<Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>> =
        LazyLock::new(|| {
            Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build_http()
        });
    headers.remove(http::header::HOST);
    headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = method.parse().expect("a method");
    *request.uri_mut() = format!("{endpoint}{path}").parse().expect("a URI");
    *request.headers_mut() = headers;
    let (parts, body) = CLIENT
        .request(request)
        .await
        .expect("an answer of the endpoint")
        .into_parts();
    let body = body.collect().await.expect("its body").to_bytes();
    let mut response = http::Response::from_parts(parts, Full::new(body));
    response.headers_mut().remove(http::header::TRANSFER_ENCODING);
    response.headers_mut().remove(http::header::CONNECTION);
    response
}
