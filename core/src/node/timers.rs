//! What a node waits for: moments with reasons, in order.

use super::LinkId;
use crate::id::{BlockId, PeerId};
use crate::map::Set;
use crate::message::Ask;
use crate::time::{Deadline, Time, Wake};

/// All moments at which a node wants to be woken.
#[derive(Debug, Default)]
pub(super) struct Timers(Set<(Time, Timer)>);

/// Whom to wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Looks whether the other side of a link is alive.
    Beat(LinkId),
    /// Looks who has given a sign of life since this peer is back.
    Resumed,
    /// Dials a peer again.
    Redial(PeerId),
    /// Looks whether a needed block has been waited for long enough.
    Fetch(BlockId),
    /// Gives a question up.
    Ask(LinkId, Ask),
    /// Looks whether a holder still answers offers.
    Offers(PeerId),
    /// Looks whether holders that pull from others do, and whether the uplink idles meanwhile.
    Pulls,
    /// Looks again for bytes that holders lack and no other holder delivered.
    Bodies,
    /// Offers again to a holder that was busy.
    Retry(PeerId),
    /// Hands records again to a carrier that had no room for them.
    Publish(PeerId),
    /// Looks whether a writer still delivers what it was invited to.
    Invited(LinkId),
    /// Looks whether another holder delivers what was fetched from it, or is needed any longer.
    Source(PeerId),
    /// Looks whether a tab that was called is still of use.
    Tunnel(PeerId),
}

impl Timer {
    /// Returns the reason that the driver is told.
    const fn wake(self) -> Wake {
        match self {
            Self::Beat(_) | Self::Resumed => Wake::Heartbeat,
            Self::Redial(_) | Self::Retry(_) | Self::Bodies | Self::Publish(_) => Wake::Redial,
            Self::Fetch(_) => Wake::Hedge,
            Self::Ask(..) | Self::Offers(_) | Self::Pulls | Self::Invited(_) | Self::Source(_) | Self::Tunnel(_) => Wake::Timeout,
        }
    }
}

impl Timers {
    /// Wakes `timer` at `at`.
    pub(super) fn arm(&mut self, at: Time, timer: Timer) {
        self.0.insert((at, timer));
    }

    /// Takes a moment back.
    pub(super) fn disarm(&mut self, at: Time, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    /// Takes the next timer that is due.
    pub(super) fn due(&mut self, now: Time) -> Option<Timer> {
        let first = *self.0.first()?;
        (first.0 <= now).then(|| {
            self.0.remove(&first);
            first.1
        })
    }

    /// Returns the earliest moment.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.0.first().map(|&(at, timer)| Deadline { at, wake: timer.wake() })
    }
}
