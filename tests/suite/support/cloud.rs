//! An AWS on loopback.
//!
//! Every request of the program goes through [`Cloud`], which writes it down, answers it from the script where the
//! script has a rule for it, and else hands it to the emulator inside this process, or to the endpoint that
//! `MIXPANEL_S3_TEST_ENDPOINT` names (moto's server, say, or several with commas between them, to share the work), so
//! that no emulator's quirk is taken for AWS.

mod action;
mod again;
mod backend;
mod broken;
mod calls;
mod clients;
mod script;
mod server;
mod waiting;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use mixpanel_s3::Emulator;
use tokio::runtime::Runtime;

use backend::Backend;
pub use calls::Call;
pub use script::Scripted;
use server::{State, serve};

/// The environment variable that names the endpoint of another emulator.
const ENDPOINT_VARIABLE: &str = "MIXPANEL_S3_TEST_ENDPOINT";

/// The runtime that every test's AWS runs on.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// Credentials, as the program and the tests use them.
#[derive(Debug, Clone)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// An AWS of one test: an account of its own, and names that no other test uses. Its clones are the same AWS.
#[derive(Clone)]
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
        let state = Arc::new(State::new(backend));
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
        let assume = self
            .sts()
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

    /// Whether the emulator inside this process answers.
    pub fn is_emulator_of_ours(&self) -> bool {
        matches!(self.state.backend, Backend::Emulator(_))
    }
}

/// Waits for a call of the tests' own clients.
pub(in crate::support) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// A number that differs from test to test and from run to run.
fn fastrand() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    let hash = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (hash >> 32) as u32
}
