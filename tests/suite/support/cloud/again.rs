//! The same AWS once more: what was done to one is done to another, without a program or a network between.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use mixpanel_s3::{Emulator, Request};
use serde_json::Value;

use super::backend::Backend;
use super::server::{State, serve};
use super::{Cloud, RUNTIME};

/// A request that AWS has acted on.
pub(super) struct Done {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The ID of the key that it made.
    pub(super) key: Option<String>,
}

/// The ID of the key that an answer tells of.
pub(super) fn key_of(answer: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["KeyMetadata"]["KeyId"].as_str().map(str::to_owned)
}

impl Cloud {
    /// Another AWS in which the same was done, under the same names; nobody has scripted or asked anything of it yet.
    /// `None` where it is not the emulator inside this process, which alone has as many accounts of one number as there
    /// are tests.
    pub fn again(&self) -> Option<Self> {
        let Backend::Emulator(_) = &self.state.backend else {
            return None;
        };
        let emulator = Emulator::default();
        RUNTIME.block_on(self.repeat(&emulator));
        let state = Arc::new(State::new(Backend::Emulator(emulator)));
        let address = RUNTIME.block_on(serve(Arc::clone(&state)));
        Some(Self {
            state,
            address,
            ..self.clone()
        })
    }

    async fn repeat(&self, emulator: &Emulator) {
        let done: Vec<Arc<Done>> = self.state.done.lock().expect("what was done").clone();
        let mut keys: Vec<(&str, String)> = Vec::new();
        for done in &done {
            let Done { method, path, body, .. } = &**done;
            let body = match std::str::from_utf8(body) {
                Ok(text) => keys
                    .iter()
                    .fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
                    .into(),
                Err(_) => body.clone(),
            };
            let request = Request {
                method: method.clone(),
                path_and_query: path.clone(),
                headers: done.headers.clone(),
                body,
            };
            let answer = emulator.answer(request).await;
            assert!(
                (200..300).contains(&answer.status),
                "{method} {path}: {}",
                answer.status
            );
            // A key has another ID each time.
            if let Some(old) = &done.key {
                keys.push((old, key_of(&answer.body).expect("a key's ID")));
            }
        }
    }
}
