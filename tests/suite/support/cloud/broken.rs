//! Answers that are broken: bodies that never end, and bodies in which bytes were changed.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use tokio::time::Sleep;

/// A body that never ends.
pub(super) struct Endless {
    next: Bytes,
    again: Bytes,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl Endless {
    pub(super) fn new(begins: &'static str, again: &'static str, pause: Duration) -> Self {
        Self {
            next: Bytes::from_static(begins.as_bytes()),
            again: Bytes::from_static(again.as_bytes()),
            pause,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        ready!(self.sleep.as_mut().poll(context));
        self.sleep = Box::pin(tokio::time::sleep(self.pause));
        let again = self.again.clone();
        let next = std::mem::replace(&mut self.next, again);
        Poll::Ready(Some(Ok(Frame::data(next))))
    }
}

/// The next number of a sequence that depends on the seed alone (xorshift64*).
fn next_number(seed: &mut u64) -> u64 {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// Changes, drops, doubles or cuts off some bytes.
pub(super) fn mutate(bytes: &mut Vec<u8>, mut seed: u64) {
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
