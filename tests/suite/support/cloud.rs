//! An AWS on loopback.
//!
//! Every request of the program goes through [`Cloud`], which writes it down, answers it from the script where the
//! script has a rule for it, and else hands it to the emulator inside this process, or to the endpoint that
//! `MIXPANEL_S3_TEST_ENDPOINT` names (moto's server, say, or several with commas between them, to share the work), so
//! that no emulator's quirk is taken for AWS.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mixpanel_s3::{Emulator, Request};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use super::TOKEN;

/// The environment variable that names the endpoint of another emulator.
pub const ENDPOINT_VARIABLE: &str = "MIXPANEL_S3_TEST_ENDPOINT";

/// The runtime that every test's AWS runs on.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A request that the program made.
#[derive(Debug, Clone)]
pub struct Call {
    /// What was asked, such as `iam:GetRole`, `s3:PUT tagging` or `s3:HEAD`.
    pub action: String,
    /// Its path and query.
    pub path: String,
    /// Whose the bucket has to be, where the request says so.
    pub expected_owner: Option<String>,
    /// The body: a form, a document, or nothing.
    pub body: String,
    /// Whether AWS acted on it, and did not merely answer that it did not.
    pub acted: bool,
    began: Instant,
    ended: Option<Instant>,
}

impl Call {
    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        let (service, action) = self.action.split_once(':').expect("service:action");
        match service {
            "s3" => action.starts_with("GET") || action.starts_with("HEAD"),
            _ => ["Get", "List", "Describe", "Simulate"]
                .iter()
                .any(|verb| action.starts_with(verb)),
        }
    }
}

/// A scripted answer.
#[derive(Debug, Clone)]
pub enum Scripted {
    /// Status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The n-th answer of the script, counted from 0: status 200 and this body.
    Numbered(fn(usize) -> String),
    /// Status 200 and a body that begins so and never ends: the same again and again, with a pause between.
    Endless(&'static str, &'static str, Duration),
    /// It is done, and the answer arrives with some bytes changed, dropped or doubled, as the seed has it.
    Mutated(u64),
    /// No answer at all.
    Hang,
    /// It is done, and no answer comes.
    HangAfter,
    /// The connection breaks before anything is done.
    ResetBefore,
    /// It is done, and then the connection breaks instead of an answer.
    LostAnswer,
    /// Somebody else does something first, and then it is done and answered.
    After(Meanwhile),
}

/// What somebody else does while the program runs.
#[derive(Clone)]
pub struct Meanwhile(Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

fn content_type(service: &str) -> Vec<(&'static str, String)> {
    let protocol = match service {
        "kms" => "application/x-amz-json-1.1",
        _ => "text/xml",
    };
    vec![("content-type", protocol.to_owned())]
}

impl Scripted {
    /// An error in the form of the service's protocol.
    pub fn error(service: &str, status: u16, code: &str, message: &str) -> Self {
        let body = match service {
            "s3" => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
            "kms" => format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
            _ => format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></\
                 ErrorResponse>"
            ),
        };
        Self::Answer(status, content_type(service), body)
    }

    /// An answer in the form of the service's protocol.
    pub fn answer(service: &str, body: impl Into<String>) -> Self {
        Self::Answer(200, content_type(service), body.into())
    }

    /// A bare status with headers, as S3 answers HEAD requests.
    pub fn bare(status: u16, headers: Vec<(&'static str, String)>) -> Self {
        Self::Answer(status, headers, String::new())
    }
}

struct Rule {
    action: String,
    /// What the request's body has to hold.
    body: String,
    /// How many were answered so far.
    answered: usize,
    /// How many requests pass before.
    skip: usize,
    remaining: Option<usize>,
    answer: Scripted,
}

/// A body that never ends.
struct Endless {
    next: Bytes,
    again: Bytes,
    pause: Duration,
    sleep: std::pin::Pin<Box<tokio::time::Sleep>>,
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::ready!(self.sleep.as_mut().poll(context));
        self.sleep = Box::pin(tokio::time::sleep(self.pause));
        let again = self.again.clone();
        let next = std::mem::replace(&mut self.next, again);
        std::task::Poll::Ready(Some(Ok(Frame::data(next))))
    }
}

/// The next number of a sequence that depends on the seed alone (xorshift64*).
pub fn next_number(seed: &mut u64) -> u64 {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// Changes, drops, doubles or cuts off some bytes.
pub fn mutate(bytes: &mut Vec<u8>, mut seed: u64) {
    for _ in 0..=next_number(&mut seed) % 4 {
        if bytes.is_empty() {
            return;
        }
        let at = next_number(&mut seed) as usize % bytes.len();
        let length = 1 + next_number(&mut seed) as usize % 40;
        let end = (at + length).min(bytes.len());
        match next_number(&mut seed) % 6 {
            0 => bytes[at] ^= 1 << (next_number(&mut seed) % 8),
            1 => bytes[at] = next_number(&mut seed) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let again = bytes[at..end].repeat(1 + next_number(&mut seed) as usize % 2000);
                bytes.splice(at..at, again);
            }
            _ => {
                let special = b"<>&;\"'{}[]\\\0\x1b%";
                let index = next_number(&mut seed) as usize % special.len();
                bytes.insert(at, special[index]);
            }
        }
    }
}

enum Backend {
    Emulator(Emulator),
    Endpoint(String),
}

/// Changes an answer's body, of the action that was asked.
type Rewrite = Box<dyn Fn(&str, String) -> String + Send + Sync>;

struct State {
    backend: Backend,
    calls: Mutex<Vec<Call>>,
    rules: Mutex<VecDeque<Rule>>,
    delay: OnceLock<Duration>,
    rewrite: Mutex<Option<Rewrite>>,
    /// Whether a request is left without its answer.
    stuck: AtomicBool,
    /// How many connections and requests are open, but for those that the script leaves without an answer.
    open: tokio::sync::watch::Sender<usize>,
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

/// Credentials, as the program and the tests use them.
#[derive(Debug, Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// An AWS of one test: an account of its own, and names that no other test uses.
pub struct Cloud {
    state: Arc<State>,
    address: SocketAddr,
    pub account: String,
    pub keys: Keys,
    unique: String,
}

impl Cloud {
    /// Starts one.
    pub fn start() -> Self {
        let endpoints = std::env::var(ENDPOINT_VARIABLE).unwrap_or_default();
        let endpoints: Vec<&str> = endpoints.split(',').filter(|one| !one.is_empty()).collect();
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let endpoint = endpoints.get(turn % endpoints.len().max(1));
        let backend = match endpoint {
            Some(endpoint) => Backend::Endpoint(endpoint.trim_end_matches('/').to_owned()),
            None => Backend::Emulator(Emulator::default()),
        };
        let state = Arc::new(State {
            backend,
            calls: Mutex::default(),
            rules: Mutex::default(),
            delay: OnceLock::new(),
            rewrite: Mutex::default(),
            stuck: AtomicBool::new(false),
            open: tokio::sync::watch::Sender::new(0),
        });
        let address = RUNTIME.block_on(serve(Arc::clone(&state)));
        let unique = format!("{:08x}", fastrand());
        let mut cloud = Self {
            state,
            address,
            account: mixpanel_s3::ACCOUNT.to_owned(),
            keys: Keys {
                id: "AKIATEST".into(),
                secret: "test".into(),
                token: None,
            },
            unique,
        };
        if endpoint.is_some() {
            cloud.move_into_an_account_of_its_own();
        }
        cloud
    }

    /// moto gives whoever assumes a role in an account that account, so tests beside each other do not meet.
    fn move_into_an_account_of_its_own(&mut self) {
        let account = format!("{:012}", 100_000_000_000_u64 + u64::from(fastrand()) * 7);
        let sts = aws_sdk_sts::Client::new(&self.sdk_config("us-east-1"));
        let assume = sts
            .assume_role()
            .role_arn(format!("arn:aws:iam::{account}:role/tester"))
            .role_session_name("tester");
        let answer = RUNTIME.block_on(assume.send()).expect("an account of its own");
        let keys = answer.credentials().expect("credentials");
        self.keys = Keys {
            id: keys.access_key_id().into(),
            secret: keys.secret_access_key().into(),
            token: Some(keys.session_token().into()),
        };
        self.account = account;
        self.forget();
    }

    /// The endpoint for AWS_ENDPOINT_URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A bucket name of this test's own.
    pub fn bucket(&self) -> String {
        format!("acme-{}", self.unique)
    }

    /// Text with what differs from run to run made the same.
    pub fn normalize(&self, text: &str) -> String {
        text.replace(&self.account, "123456789012")
            .replace(&self.unique, "xxxxxxxx")
            .replace(&self.endpoint(), "<endpoint>")
    }

    /// Every answer from now on takes this long, so that what waits for what can be told.
    pub fn delay(&self, delay: Duration) {
        self.state.delay.set(delay).expect("one delay a test");
    }

    /// Answers the next requests of an action from the script. `times: None` is "from now on".
    pub fn script(&self, action: &str, times: Option<usize>, answer: Scripted) {
        self.add_rule(action, "", 0, times, answer);
    }

    /// Whether the emulator inside this process answers.
    pub fn is_emulator_of_ours(&self) -> bool {
        matches!(self.state.backend, Backend::Emulator(_))
    }

    /// Makes the next new bucket look as another store's, or an old one's: with nothing set, and without the tags that
    /// it was given.
    pub fn has_bare_buckets(&self) {
        for (setting, code) in [
            ("tagging", "NoSuchTagSet"),
            ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
            ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ] {
            let none = Scripted::error("s3", 404, code, "It is not set.");
            self.script(&format!("s3:GET {setting}"), Some(1), none);
        }
    }

    /// Answers the requests of an action whose body holds a text, such as a policy's ARN as a form spells it, from now
    /// on.
    pub fn script_for(&self, action: &str, body: &str, answer: Scripted) {
        self.add_rule(action, body, 0, None, answer);
    }

    /// Answers the n-th request of an action from the script, counted from 1.
    pub fn script_nth(&self, action: &str, nth: usize, answer: Scripted) {
        self.add_rule(action, "", nth - 1, Some(1), answer);
    }

    /// Has somebody else do something right before the n-th request of an action is acted on.
    pub fn meanwhile(&self, action: &str, nth: usize, what: impl Fn() + Send + Sync + 'static) {
        self.script_nth(action, nth, Scripted::After(Meanwhile(Arc::new(what))));
    }

    fn add_rule(&self, action: &str, body: &str, skip: usize, remaining: Option<usize>, answer: Scripted) {
        let rule = Rule {
            action: action.to_owned(),
            body: body.to_owned(),
            answered: 0,
            skip,
            remaining,
            answer,
        };
        self.state.rules.lock().expect("rules").push_back(rule);
    }

    /// How many requests of an action there were.
    pub fn count(&self, action: &str) -> usize {
        let calls = self.calls();
        calls.iter().filter(|call| call.action == action).count()
    }

    /// Changes the body of every answer that the emulator gives from now on.
    pub fn rewrite(&self, rewrite: impl Fn(&str, String) -> String + Send + Sync + 'static) {
        *self.state.rewrite.lock().expect("a rewrite") = Some(Box::new(rewrite));
    }

    /// Answers nothing from the script any more.
    pub fn clear_script(&mut self) {
        self.state.rules.lock().expect("rules").clear();
    }

    /// Waits until a scripted hang has begun, or until the program has ended without one. Whether there is one.
    pub fn wait_for_hang_of(&self, child: &mut std::process::Child) -> bool {
        loop {
            if self.is_stuck() {
                return true;
            }
            if child.try_wait().expect("a child").is_some() {
                return self.is_stuck();
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until a scripted hang has begun.
    pub fn wait_for_hang(&self) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.is_stuck() {
            assert!(Instant::now() < patience, "a request that hangs");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn is_stuck(&self) -> bool {
        self.state.stuck.load(Ordering::SeqCst)
    }

    /// Waits until everything that a killed program had asked is acted on: what was on its way when it died still
    /// arrives.
    pub fn wait_until_quiet(&self) {
        RUNTIME.block_on(async {
            let mut open = self.state.open.subscribe();
            let patience = Duration::from_secs(30);
            let settled = async {
                // Connections are accepted in order: once this one has its complaint, all of the dead program's are
                // counted.
                let mut own = tokio::net::TcpStream::connect(self.address)
                    .await
                    .expect("a connection");
                own.write_all(b"quiet?\r\n\r\n").await.expect("sent");
                let _ = own.read_to_end(&mut Vec::new()).await;
                open.wait_for(|open| *open == 0).await.expect("a state");
            };
            tokio::time::timeout(patience, settled)
                .await
                .expect("quiet after a kill");
        });
    }

    /// What was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().expect("calls").clone()
    }

    /// The actions of the requests so far that were not reads.
    pub fn writes(&self) -> Vec<String> {
        let writes = self.calls().into_iter().filter(|call| !call.reads());
        writes.map(|call| call.action).collect()
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.state.calls.lock().expect("calls").clear();
    }

    /// The longest run of requests of which each began after the one before had ended.
    pub fn depth(&self) -> usize {
        let calls = self.calls();
        let mut depths: Vec<usize> = Vec::new();
        for (index, call) in calls.iter().enumerate() {
            let before = calls[..index].iter().zip(&depths);
            let deepest = before
                .filter(|(earlier, _)| earlier.ended.is_some_and(|ended| ended <= call.began))
                .map(|(_, depth)| *depth)
                .max();
            depths.push(1 + deepest.unwrap_or(0));
        }
        depths.into_iter().max().unwrap_or(0)
    }

    /// A configuration for the tests' own SDK clients.
    pub fn sdk_config(&self, region: &'static str) -> SdkConfig {
        let keys = self.keys.clone();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(region))
            .endpoint_url(self.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                aws_credential_types::Credentials::new(keys.id, keys.secret, keys.token, None, "tests"),
            ))
            .build()
    }

    /// S3, for looking at what is there and for putting things there.
    pub fn s3(&self, region: &'static str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk_config(region))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// IAM, likewise.
    pub fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.sdk_config("us-east-1"))
    }

    /// KMS, likewise.
    pub fn kms(&self, region: &'static str) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.sdk_config(region))
    }
}

/// Waits for a call of the tests' own clients.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// A number that differs from test to test and from run to run.
fn fastrand() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let hash = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (hash >> 32) as u32
}

async fn serve(state: Arc<State>) -> SocketAddr {
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
    let response = match scripted(&state, &action, &body) {
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
            return Ok(http::Response::new(Either::Right(Endless {
                next: Bytes::from_static(begins.as_bytes()),
                again: Bytes::from_static(again.as_bytes()),
                pause,
                sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            })));
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

/// What the script answers, and how often it has answered so before.
fn scripted(state: &State, action: &str, body: &[u8]) -> Option<(Scripted, usize)> {
    let body = String::from_utf8_lossy(body);
    let mut rules = state.rules.lock().expect("rules");
    let rule = rules.iter_mut().find(|rule| {
        let asked = [action, "*"].contains(&rule.action.as_str());
        asked && rule.remaining != Some(0) && body.contains(&rule.body)
    })?;
    if rule.skip > 0 {
        rule.skip -= 1;
        return None;
    }
    if let Some(remaining) = rule.remaining.as_mut() {
        *remaining -= 1;
    }
    rule.answered += 1;
    Some((rule.answer.clone(), rule.answered - 1))
}

async fn forward(
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
                path_and_query: path,
                headers,
                body,
            };
            let answer = emulator.answer(request).await;
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

/// `iam:GetRole`, `kms:DescribeKey`, `s3:PUT tagging`, `s3:HEAD`, `s3:GET` (the list of buckets), …
fn action_of(method: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let authorization = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let service = authorization.split('/').nth(3).unwrap_or("unsigned");
    match service {
        "s3" => {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let sub = query.split('&').find_map(|part| {
                let name = part.split('=').next().unwrap_or_default();
                let known = [
                    "tagging",
                    "publicAccessBlock",
                    "ownershipControls",
                    "encryption",
                    "policy",
                    "lifecycle",
                    "versions",
                    "uploads",
                    "delete",
                    "versioning",
                    "object-lock",
                    "requestPayment",
                ];
                known.contains(&name).then_some(name)
            });
            let place = path.split('?').next().unwrap_or_default();
            let key = place.trim_start_matches('/').split_once('/');
            match (sub, key.is_some_and(|(_, key)| !key.is_empty())) {
                (Some(sub), _) => format!("s3:{method} {sub}"),
                (None, true) => format!("s3:{method} object"),
                (None, false) => format!("s3:{method}"),
            }
        }
        "kms" => {
            let target = headers
                .get("x-amz-target")
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            format!("kms:{}", target.split('.').nth(1).unwrap_or_default())
        }
        service => {
            let body = String::from_utf8_lossy(body);
            let action = body
                .split('&')
                .find_map(|pair| pair.strip_prefix("Action="))
                .unwrap_or_default();
            format!("{service}:{action}")
        }
    }
}
