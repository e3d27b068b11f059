//! The server on loopback: it writes down each request, and answers it from the script or by the backend.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderName;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::action::{action_of, signer_of};
use super::again::Done;
use super::backend::{Backend, forward};
use super::broken::{Endless, mutate};
use super::calls::Call;
use super::script::{Meanwhile, Rewrite, Rule, Scripted, content_type, scripted};

pub(super) struct State {
    pub(super) backend: Backend,
    pub(super) calls: Mutex<Vec<Call>>,
    /// What has changed something.
    pub(super) done: Mutex<Vec<Arc<Done>>>,
    pub(super) rules: Mutex<VecDeque<Rule>>,
    pub(super) delay: OnceLock<Duration>,
    pub(super) rewrite: Mutex<Option<Rewrite>>,
    /// Whether a request is left without its answer.
    pub(super) stuck: AtomicBool,
    /// How many connections and requests are open, but for those that the script leaves without an answer.
    pub(super) open: watch::Sender<usize>,
}

impl State {
    pub(super) fn new(backend: Backend) -> Self {
        Self {
            backend,
            calls: Mutex::default(),
            done: Mutex::default(),
            rules: Mutex::default(),
            delay: OnceLock::new(),
            rewrite: Mutex::default(),
            stuck: AtomicBool::new(false),
            open: watch::Sender::new(0),
        }
    }
}

/// One of [`State::open`], until it is dropped.
struct Open(Arc<State>);

impl Open {
    fn new(state: &Arc<State>) -> Self {
        state.open.send_modify(|open| *open += 1);
        Self(Arc::clone(state))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

/// Serves on a port of its own from now on.
pub(super) async fn serve(state: Arc<State>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port on loopback");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let open = Open::new(&state);
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                let _open = open;
                let service = service_fn(move |request| {
                    // AWS acts on what it was asked, whether or not the asker is still there.
                    let (open, state) = (Open::new(&state), Arc::clone(&state));
                    let acting = tokio::spawn(answer(state, request, open));
                    async move { acting.await.unwrap_or(Err("the answer panicked")) }
                });
                // A client that went away is no failure of the server's.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    address
}

async fn answer(
    state: Arc<State>,
    request: http::Request<Incoming>,
    open: Open,
) -> Result<http::Response<Either<Full<Bytes>, Endless>>, &'static str> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let action = action_of(parts.method.as_str(), &path, &parts.headers, &body);
    let index = {
        let mut calls = state.calls.lock().expect("calls");
        calls.push(Call {
            action: action.clone(),
            path: path.clone(),
            expected_owner: parts
                .headers
                .get("x-amz-expected-bucket-owner")
                .and_then(|owner| owner.to_str().ok())
                .map(str::to_owned),
            body: String::from_utf8_lossy(&body).into_owned(),
            acted: false,
            began: Instant::now(),
            ended: None,
        });
        calls.len() - 1
    };
    if let Some(delay) = state.delay.get() {
        tokio::time::sleep(*delay).await;
    }
    let act = async |path: String| {
        let method = parts.method.as_str();
        let response = forward(&state, method, path, parts.headers.clone(), body.clone()).await;
        // `forget` may have emptied the list meanwhile.
        if let Some(call) = state.calls.lock().expect("calls").get_mut(index) {
            call.acted = response.status().is_success();
        }
        rewritten(&state, &action, response).await
    };
    let whole = |status: u16, headers: Vec<(&'static str, String)>, text: String| {
        let mut response = http::Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        for (name, value) in headers {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value.parse().expect("a header"));
        }
        response
    };
    let service = action.split(':').next().unwrap_or_default();
    let response = match scripted(&state, &action, signer_of(&parts.headers), &body) {
        Some((Scripted::Hang, _)) => {
            state.stuck.store(true, Ordering::SeqCst);
            drop(open);
            std::future::pending().await
        }
        Some((Scripted::HangAfter, _)) => {
            act(path).await;
            state.stuck.store(true, Ordering::SeqCst);
            drop(open);
            std::future::pending().await
        }
        Some((Scripted::After(Meanwhile(what)), _)) => {
            let done = tokio::task::spawn_blocking(move || what()).await;
            done.expect("what somebody else does works");
            act(path).await
        }
        Some((Scripted::ResetBefore, _)) => return Err("reset by the script"),
        Some((Scripted::LostAnswer, _)) => {
            act(path).await;
            return Err("reset by the script");
        }
        Some((Scripted::Answer(status, headers, text), _)) => whole(status, headers, text),
        Some((Scripted::Numbered(text), number)) => whole(200, content_type(service), text(number)),
        Some((Scripted::Mutated(seed), number)) => {
            let (mut parts, body) = act(path).await.into_parts();
            let body = body.collect().await.unwrap_or_else(|error| match error {});
            let mut bytes = body.to_bytes().to_vec();
            mutate(&mut bytes, seed.wrapping_add(number as u64).max(1));
            parts.headers.remove(http::header::CONTENT_LENGTH);
            http::Response::from_parts(parts, Full::new(Bytes::from(bytes)))
        }
        Some((Scripted::Endless(begins, again, pause), _)) => {
            drop(open);
            return Ok(http::Response::new(Either::Right(Endless::new(begins, again, pause))));
        }
        None => act(path).await,
    };
    if let Some(call) = state.calls.lock().expect("calls").get_mut(index) {
        call.ended = Some(Instant::now());
    }
    Ok(response.map(Either::Left))
}

async fn rewritten(state: &State, action: &str, response: http::Response<Full<Bytes>>) -> http::Response<Full<Bytes>> {
    let (mut parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let rewrite = state.rewrite.lock().expect("a rewrite");
    let body = match (rewrite.as_ref(), String::from_utf8(bytes.to_vec())) {
        (Some(rewrite), Ok(text)) if text.starts_with(['<', '{']) => {
            parts.headers.remove(http::header::CONTENT_LENGTH);
            Bytes::from(rewrite(action, text))
        }
        _ => bytes,
    };
    http::Response::from_parts(parts, Full::new(body))
}
