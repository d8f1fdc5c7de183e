//! Whether anything goes on, for commands that wait.

use super::session::Session;

/// Watches what all links of a session moved. Heartbeats are no progress: they go on when nothing else does.
pub(super) struct Movement(u64);

impl Movement {
    /// Begins to watch.
    pub(super) fn of(session: &Session) -> Self {
        Self(session.traffic())
    }

    /// Says whether something went on since it last did.
    pub(super) fn goes_on(&mut self, session: &Session) -> bool {
        let now = session.traffic();
        // A link that ends takes its count along.
        let moved = now < self.0 || now >= self.0.saturating_add(HEARTBEATS);
        if moved {
            self.0 = now;
        }
        moved
    }
}

/// More bytes than heartbeats make in any time that somebody would wait; less than the smallest block.
const HEARTBEATS: u64 = 3072;
