//! What AWS answers where a test says so: a rule names an action, and which of its requests it answers.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use super::Cloud;
use super::server::State;

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
pub struct Meanwhile(pub(super) Arc<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

pub(super) fn content_type(service: &str) -> Vec<(&'static str, String)> {
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

pub(super) struct Rule {
    action: String,
    /// What the request's body has to hold.
    body: String,
    /// Whose requests it leaves alone: the ID of an access key.
    spares: Option<String>,
    /// How many were answered so far.
    answered: usize,
    /// How many requests pass before.
    skip: usize,
    remaining: Option<usize>,
    answer: Scripted,
}

impl Rule {
    fn new(action: &str, remaining: Option<usize>, answer: Scripted) -> Self {
        Self {
            action: action.to_owned(),
            body: String::new(),
            spares: None,
            answered: 0,
            skip: 0,
            remaining,
            answer,
        }
    }
}

/// A request that waits for this to be dropped.
pub struct Held {
    _release: mpsc::SyncSender<()>,
}

/// Changes an answer's body, of the action that was asked.
pub(super) type Rewrite = Box<dyn Fn(&str, String) -> String + Send + Sync>;

impl Cloud {
    /// Answers the next requests of an action from the script. `times: None` is "from now on".
    pub fn script(&self, action: &str, times: Option<usize>, answer: Scripted) {
        self.add_rule(Rule::new(action, times, answer));
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
        self.add_rule(Rule {
            body: body.to_owned(),
            ..Rule::new(action, None, answer)
        });
    }

    /// Answers the requests of an action that are not the caller's own, but a role's that it assumed.
    pub fn script_for_roles(&self, action: &str, answer: Scripted) {
        self.add_rule(Rule {
            spares: Some(self.keys.id.clone()),
            ..Rule::new(action, None, answer)
        });
    }

    /// Answers the n-th request of an action from the script, counted from 1, whatever else the script says of it.
    pub fn script_nth(&self, action: &str, nth: usize, answer: Scripted) {
        let rule = Rule {
            skip: nth - 1,
            ..Rule::new(action, Some(1), answer)
        };
        self.rules().push_front(rule);
    }

    /// Has the next request of an action wait for what is answered here to be dropped. Its wait counts as a hang.
    pub fn hold(&self, action: &str) -> Held {
        let (release, held) = mpsc::sync_channel::<()>(0);
        let held = Mutex::new(held);
        self.meanwhile(action, 1, move |cloud| {
            cloud.state.stuck.store(true, Ordering::SeqCst);
            // It never gets anything but the end of the sender.
            let _ = held.lock().expect("a receiver").recv();
        });
        Held { _release: release }
    }

    /// Acts on the next requests of an action only once there are so many of them.
    pub fn meet_at(&self, action: &str, count: usize) {
        let barrier = Barrier::new(count);
        let all_there = Meanwhile(Arc::new(move || {
            barrier.wait();
        }));
        self.script(action, Some(count), Scripted::After(all_there));
    }

    /// Has somebody else do something right before the n-th request of an action is acted on.
    pub fn meanwhile(&self, action: &str, nth: usize, what: impl Fn(&Self) + Send + Sync + 'static) {
        let cloud = self.clone();
        let what = Arc::new(move || what(&cloud));
        self.script_nth(action, nth, Scripted::After(Meanwhile(what)));
    }

    fn add_rule(&self, rule: Rule) {
        self.rules().push_back(rule);
    }

    fn rules(&self) -> MutexGuard<'_, VecDeque<Rule>> {
        self.state.rules.lock().expect("rules")
    }

    /// Changes the body of every answer that the emulator gives from now on.
    pub fn rewrite(&self, rewrite: impl Fn(&str, String) -> String + Send + Sync + 'static) {
        *self.state.rewrite.lock().expect("a rewrite") = Some(Box::new(rewrite));
    }

    /// Answers nothing from the script any more.
    pub fn clear_script(&self) {
        self.rules().clear();
    }
}

/// What the script answers, and how often it has answered so before.
pub(super) fn scripted(state: &State, action: &str, signer: &str, body: &[u8]) -> Option<(Scripted, usize)> {
    let body = String::from_utf8_lossy(body);
    let mut rules = state.rules.lock().expect("rules");
    let asked = |rule: &&mut Rule| {
        let action = [action, "*"].contains(&rule.action.as_str());
        let spared = rule.spares.as_deref() == Some(signer);
        action && !spared && rule.remaining != Some(0) && body.contains(&rule.body)
    };
    // What one rule lets pass may be another's.
    let rule = rules.iter_mut().filter(asked).find_map(|rule| match rule.skip {
        0 => Some(rule),
        _ => {
            rule.skip -= 1;
            None
        }
    })?;
    if let Some(remaining) = rule.remaining.as_mut() {
        *remaining -= 1;
    }
    rule.answered += 1;
    Some((rule.answer.clone(), rule.answered - 1))
}
