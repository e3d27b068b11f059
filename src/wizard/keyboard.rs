//! The keyboard while a question is open.
//!
//! What was typed before is thrown away, and so is what follows the answer. In between, the terminal hands over each
//! key: Ctrl-C is a key of the question's, however soon after its appearance it is pressed.
//!
//! On Windows the console's input can be emptied through unsafe code only, which this crate forbids. There, what was
//! typed ahead reaches the next question; but a gate that creates stands at "no", and one that deletes wants a word.

/// A keyboard that belongs to one question, until it is dropped.
pub(super) struct Keyboard {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

#[cfg(unix)]
impl Keyboard {
    /// Forgets what was typed so far, and listens.
    pub(super) fn listen() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        // A terminal that is gone cannot be set; the question says that it is.
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut modes = before.clone();
            let lines = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            modes.local_modes.remove(lines);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &modes);
        }
        Self { before }
    }

    /// Forgets what was typed since.
    pub(super) fn forget(&self) {
        use rustix::termios::{QueueSelector, tcflush};
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
    }
}

#[cfg(unix)]
impl Drop for Keyboard {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}

#[cfg(not(unix))]
impl Keyboard {
    pub(super) fn listen() -> Self {
        Self {}
    }

    pub(super) fn forget(&self) {}
}
