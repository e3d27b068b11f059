//! What was asked: every request that arrived, in order.

use std::time::Instant;

use super::Cloud;

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
    pub(super) began: Instant,
    pub(super) ended: Option<Instant>,
}

impl Call {
    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        only_reads(&self.action)
    }
}

/// Whether what is asked only reads.
pub(super) fn only_reads(action: &str) -> bool {
    let (service, action) = action.split_once(':').expect("service:action");
    match service {
        "s3" => action.starts_with("GET") || action.starts_with("HEAD"),
        _ => ["Get", "List", "Describe", "Simulate"]
            .iter()
            .any(|verb| action.starts_with(verb)),
    }
}

impl Cloud {
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

    /// How many requests of an action there were.
    pub fn count(&self, action: &str) -> usize {
        let calls = self.calls();
        calls.iter().filter(|call| call.action == action).count()
    }
}
