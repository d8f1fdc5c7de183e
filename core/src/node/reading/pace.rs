//! How long holders took lately, and from when on another one is asked too.

use crate::limits::{ASK_TIMEOUT, HEDGE_MIN, HEDGE_START};
use crate::sort;
use crate::time::Span;

/// The last latencies of fetched blocks.
#[derive(Debug)]
pub(super) struct Pace {
    recent: [u64; RECENT],
    count: usize,
    p95: Span,
}

impl Default for Pace {
    fn default() -> Self {
        Self { recent: [0; RECENT], count: 0, p95: HEDGE_START }
    }
}

impl Pace {
    /// Counts a block that came.
    pub(super) fn learn(&mut self, latency: Span) {
        self.recent[self.count % RECENT] = latency.millis();
        self.count += 1;
        if self.count >= ENOUGH && self.count.is_multiple_of(8) {
            let mut sorted = self.recent;
            let sorted = &mut sorted[..self.count.min(RECENT)];
            sort::by_key(sorted, |millis| *millis);
            self.p95 = Span(sorted[sorted.len() * 95 / 100].clamp(HEDGE_MIN.millis(), ASK_TIMEOUT.millis()));
        }
    }

    /// Returns how long to wait until another holder is asked too: the 95th percentile of late.
    pub(super) const fn hedge(&self) -> Span {
        self.p95
    }
}

/// Latencies that are remembered.
const RECENT: usize = 64;
/// Latencies from which on they mean something.
const ENOUGH: usize = 16;
