//! Many cases of one test beside each other: most of them wait most of the time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many cases run at the same time.
const AT_ONCE: usize = 8;

/// Tries each case, and fails with those that fail; each has said why on its own.
pub fn side_by_side<T: Sync + std::fmt::Debug>(cases: &[T], one: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if catch_unwind(AssertUnwindSafe(|| one(case))).is_err() {
                        failed.lock().expect("failures").push(format!("{case:?}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("failures");
    assert!(
        failed.is_empty(),
        "{} of {} cases:\n{}",
        failed.len(),
        cases.len(),
        failed.join("\n")
    );
}
