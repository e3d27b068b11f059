//! The last resort: a panic is a defect of this program, and ends it with one line that holds no value of anybody's.

use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};

use crate::cli::Output;
use crate::error::{Error, ErrorKind};
use crate::report::Printer;
use crate::wizard::prompt::restore_cursor;

/// Runs the program, and answers its exit code; 1 after a panic, which is told in the form that was asked for.
pub(crate) fn guard(output: Output, program: impl FnOnce() -> u8) -> u8 {
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        restore_cursor();
        Printer::plain(output).error(&defect(info.location()));
    }));
    panic::catch_unwind(AssertUnwindSafe(program)).unwrap_or(1)
}

/// Where it happened helps whoever mends it; what the panic says may hold a secret.
fn defect(location: Option<&Location<'_>>) -> Error {
    let place = location.map(|location| {
        let file = location.file().rsplit(['/', '\\']).next();
        format!(" ({}, line {})", file.unwrap_or_default(), location.line())
    });
    Error::new(
        ErrorKind::Failed,
        format!(
            "mixpanel-s3 has failed by a defect of its own{}.",
            place.unwrap_or_default()
        ),
    )
    .hint("What was changed before stays. Run the same again: it finds what is there and goes on.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_with_1() {
        let before = panic::take_hook();
        let code = guard(Output::Text, || panic!("a defect, on purpose"));
        panic::set_hook(before);
        assert_eq!(code, 1);
    }

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        let error = defect(Some(Location::caller()));
        assert!(error.message.contains("defect.rs, line "), "{}", error.message);
        assert!(!error.message.contains('/'), "{}", error.message);
        assert_eq!(error.kind.exit_code(), 1);
    }
}
