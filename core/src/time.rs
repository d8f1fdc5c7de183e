//! Time as the machines know it: milliseconds that a driver hands in, never a clock.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A moment: milliseconds since the Unix epoch, as the driver's clock has it.
///
/// Machines use it for waiting only. Nothing is ever ordered, accepted or refused because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Time(pub u64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span(pub u64);

impl Span {
    /// Returns a span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// Returns the span in milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl Time {
    /// Returns the span from `earlier` to `self`, zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Span> for Time {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Time {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1000 => write!(f, "{} ms", self.0),
            _ => write!(f, "{}.{} s", self.0 / 1000, self.0 % 1000 / 100),
        }
    }
}

/// The clock of one machine: never goes back, whatever the driver says (machine rule 2).
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock(Time);

impl Clock {
    /// Takes the driver's `now` and returns the machine's: the later of the two.
    pub fn advance(&mut self, now: Time) -> Time {
        self.0 = self.0.max(now);
        self.0
    }

    /// Returns the latest moment that the machine has seen.
    #[must_use]
    pub const fn now(self) -> Time {
        self.0
    }
}

/// When a machine wants `Tick` again, and why (for people who wonder who woke the machine).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// The moment; after `handle(at, Tick)` the next deadline is later (machine rule 5).
    pub at: Time,
    /// The reason.
    pub wake: Wake,
}

impl Deadline {
    /// Returns the earlier of two deadlines that may not exist.
    #[must_use]
    pub fn earliest(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (one, other) => one.or(other),
        }
    }
}

/// Why a machine wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    /// A handshake must be finished by then.
    Handshake,
    /// A peer is due a sign of life, or owes us one.
    Heartbeat,
    /// A lost or refused connection is tried again.
    Redial,
    /// A question to a peer has waited long enough to ask another one too.
    Hedge,
    /// A question to a peer is given up.
    Timeout,
    /// Work of an unfinished put is written to the journal or published.
    Checkpoint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_clock_never_goes_back() {
        let mut clock = Clock::default();
        assert_eq!(clock.advance(Time(5)), Time(5));
        assert_eq!(clock.advance(Time(3)), Time(5));
        assert_eq!(Time(3).since(Time(5)), Span(0));
    }
}
