//! Whether anything goes on, for commands that wait.

use std::time::{Duration, Instant};

use cachette_core::limits::HEARTBEAT;

use super::session::Session;

/// Watches what all links of a session moved. Heartbeats are no progress: they go on when nothing else does.
pub(super) struct Movement {
    bytes: u64,
    since: Instant,
}

impl Movement {
    /// Begins to watch.
    pub(super) fn of(session: &Session) -> Self {
        Self { bytes: session.traffic(), since: Instant::now() }
    }

    /// Says whether something went on since it last did.
    pub(super) fn goes_on(&mut self, session: &Session) -> bool {
        let bytes = session.traffic();
        // A link that ends takes its count along.
        let goes_on = bytes < self.bytes || bytes - self.bytes > idle(session.links.len(), self.since.elapsed());
        if goes_on {
            *self = Self { bytes, since: Instant::now() };
        }
        goes_on
    }
}

/// Returns the bytes that links move at most in a time in which nothing goes on.
fn idle(links: usize, time: Duration) -> u64 {
    let beats = time.as_millis() as u64 / HEARTBEAT.millis() + 1;
    links as u64 * beats * BEAT
}

/// Bytes of both sides' heartbeats with their answers, several times over; far less than the smallest block.
const BEAT: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_idle_grows_with_links_and_time_and_stays_below_a_block_a_link() {
        let beat = Duration::from_millis(HEARTBEAT.millis());
        assert_eq!((idle(0, beat), idle(1, Duration::ZERO), idle(3, beat)), (0, BEAT, 6 * BEAT));
        assert!(idle(1, beat * 2) < 4096, "a block within a minute is progress");
    }
}
