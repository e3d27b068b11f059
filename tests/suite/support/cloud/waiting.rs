//! Waiting for what a test needs to have happened. Each wait ends with an event; its bound is met only where something
//! is broken.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Cloud, RUNTIME};

impl Cloud {
    /// Every answer from now on takes this long, so that what waits for what can be told.
    pub fn delay(&self, delay: Duration) {
        self.state.delay.set(delay).expect("one delay a test");
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
}
