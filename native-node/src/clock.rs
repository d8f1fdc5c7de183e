//! The machines' time on this computer: the wall clock as it was at the start, moved on by a clock that never jumps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachette_core::time::Time;
use tokio::time::Instant;

/// Reads the time for machines. Copies agree with one another.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    epoch: u64,
}

impl Clock {
    /// Sets the clock by the computer's.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), epoch: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Returns the time now.
    #[must_use]
    pub fn now(&self) -> Time {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Time(self.epoch.saturating_add(elapsed))
    }

    /// Returns when that time is reached, rounded up so that a machine is never woken too early.
    #[must_use]
    pub fn instant(&self, time: Time) -> Instant {
        let after = Duration::from_millis(time.0.saturating_sub(self.epoch).min(FAR));
        self.started + after + Duration::from_millis(1)
    }
}

/// Milliseconds of a hundred years: later than any deadline, and no overflow of an instant.
const FAR: u64 = 100 * 365 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_no_earlier_than_the_machine_said() {
        let clock = Clock::start();
        let now = clock.now();
        assert!(clock.instant(now) >= Instant::now());
        assert!(clock.instant(Time(u64::MAX)) > Instant::now());
        assert!(clock.instant(Time(0)) <= Instant::now() + Duration::from_millis(1));
    }
}
