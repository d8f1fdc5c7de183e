//! Uplink: how fast blocks leave this machine, and so whether one copy leaves or all of them.
//!
//! When a block is acked, everything that holders acked since the last ack before it was sent has passed the uplink in that time. The
//! quotient is never much above what the uplink carries; below it is whatever disks, round trips and idleness make of it. So a high one
//! says at once that the uplink is fast, and a low one says that it is slow only when many bytes were acked. Blocks under [`PULL_MIN`]
//! tell how long an ack takes, not how fast bytes leave, and are not asked.

use crate::limits::{PULL_MIN, PULL_PATIENCE};
use crate::time::{Span, Time};

/// What is known of this machine's way to the holders.
#[derive(Debug)]
pub(super) struct Uplink {
    pace: Pace,
    /// Bytes per second that much was last acked at.
    rate: u64,
    /// Bytes of blocks that holders acked.
    acked: u64,
    /// Bytes of blocks that were sent and have not been acked.
    on_way: usize,
    /// When the last ack came, or a block left while none was on its way.
    last: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Unknown,
    Fast,
    Slow,
}

/// A block that was sent: its bytes, and what had been acked by when before that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    since: Time,
    acked: u64,
    bytes: usize,
}

impl Default for Uplink {
    fn default() -> Self {
        Self { pace: Pace::Unknown, rate: GUESS, acked: 0, on_way: 0, last: Time(0) }
    }
}

impl Uplink {
    /// Notes that a block leaves.
    pub(super) fn leaves(&mut self, now: Time, bytes: usize) -> Departure {
        if self.on_way == 0 {
            self.last = now;
        }
        self.on_way += bytes;
        Departure { since: self.last, acked: self.acked, bytes }
    }

    /// Learns from blocks that were acked together.
    pub(super) fn acked(&mut self, now: Time, departures: &[Departure]) {
        for departure in departures {
            self.lost(*departure);
            self.acked += departure.bytes as u64;
            self.last = now;
        }
        let drained = |departure: &Departure| {
            let bytes = self.acked - departure.acked;
            (bytes * 1000 / now.since(departure.since).millis().max(1), bytes >= EVIDENCE)
        };
        let Some((rate, much)) = departures.iter().filter(|departure| departure.bytes >= PULL_MIN).map(drained).max() else { return };
        if much {
            self.rate = rate;
        }
        if rate >= FAST_AGAIN || (much && rate >= SLOW && self.pace == Pace::Unknown) {
            self.pace = Pace::Fast;
        } else if much && rate < SLOW {
            self.pace = Pace::Slow;
        }
    }

    /// Notes that a block will not be acked, or that nobody waits for it.
    pub(super) const fn lost(&mut self, departure: Departure) {
        self.on_way -= departure.bytes;
    }

    /// Says whether blocks of this size should leave once, for the other holders to pull them from the first.
    pub(super) fn is_slow(&self, bytes: usize) -> bool {
        self.pace == Pace::Slow && bytes >= PULL_MIN
    }

    /// Says whether further copies of blocks of this size have to wait until it is known what the uplink carries.
    pub(super) fn is_tried(&self, bytes: usize) -> bool {
        self.pace == Pace::Unknown && bytes >= PULL_MIN && self.on_way >= TRIAL
    }

    /// Says whether the uplink has had nothing to do for a while: nothing is on its way, or nothing that was not due long ago.
    pub(super) fn idles(&self, now: Time) -> bool {
        let due = 2 * 1000 * self.on_way as u64 / self.rate.max(1);
        now.since(self.last) >= Span(due + PULL_PATIENCE.millis())
    }
}

/// Bytes per second below which an uplink is slow: what homes with 30 Mbit/s upstream have, and no wired network in a house.
const SLOW: u64 = 4 << 20;
/// Bytes per second from which on it is fast again: far enough above that it does not flicker.
const FAST_AGAIN: u64 = 2 * SLOW;
/// Bytes per second that nothing is taken for dead at while nothing is known: as slow as uplinks get.
const GUESS: u64 = 256 << 10;
/// Acked bytes that say that an uplink is slow: half a second's worth, longer than an ack takes on its way.
const EVIDENCE: u64 = 2 << 20;
/// Bytes that are on their way in all copies until the uplink is known: a block of the largest size to three holders, and a few small.
const TRIAL: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Sends and acks blocks of `bytes` one after the other, each of which takes `span`.
    fn run(uplink: &mut Uplink, now: &mut Time, blocks: usize, bytes: usize, span: Span) {
        for _ in 0..blocks {
            let departure = uplink.leaves(*now, bytes);
            *now = *now + span;
            uplink.acked(*now, &[departure]);
        }
    }

    /// Sends `blocks` at once; `burst` of them are acked together every `span`.
    fn flood(uplink: &mut Uplink, now: &mut Time, blocks: usize, burst: usize, span: Span) {
        let departures: Vec<_> = (0..blocks).map(|_| uplink.leaves(*now, MIB)).collect();
        for burst in departures.chunks(burst) {
            *now = *now + span;
            uplink.acked(*now, burst);
        }
    }

    #[test]
    fn nothing_is_slow_before_much_was_sent() {
        let (mut uplink, mut now) = (Uplink::default(), Time(5));
        run(&mut uplink, &mut now, 100, MIB, Span::seconds(10));
        assert!(!uplink.is_slow(MIB), "one block at a time may as well wait for a disk");
        flood(&mut uplink, &mut now, 3, 1, Span::seconds(1));
        assert!(uplink.is_slow(MIB) && uplink.is_slow(PULL_MIN));
        assert!(!uplink.is_slow(PULL_MIN - 1), "what is small goes to all at once");
    }

    #[test]
    fn small_blocks_say_nothing_about_the_uplink() {
        let (mut uplink, now) = (Uplink::default(), Time(5));
        let departures: Vec<_> = (0..1000).map(|_| uplink.leaves(now, 4096)).collect();
        uplink.acked(now + Span::seconds(60), &departures);
        assert!(!uplink.is_slow(MIB));
    }

    #[test]
    fn many_blocks_on_their_way_count_together() {
        let (mut uplink, mut now) = (Uplink::default(), Time(5));
        // Each waits for long, and the uplink carries 20 MiB a second.
        flood(&mut uplink, &mut now, 100, 1, Span(50));
        assert!(!uplink.is_slow(MIB));
    }

    #[test]
    fn acks_that_come_in_a_burst_make_no_slow_uplink_fast() {
        let (mut uplink, mut now) = (Uplink::default(), Time(5));
        flood(&mut uplink, &mut now, 24, 8, Span::seconds(4));
        assert!(uplink.is_slow(MIB), "2 MiB a second");
        let many: Vec<_> = (0..8).map(|_| uplink.leaves(now, MIB)).collect();
        now = now + Span(3900);
        let late = uplink.leaves(now, PULL_MIN);
        uplink.acked(now + Span(99), &many);
        uplink.acked(now + Span(100), &[late]);
        assert!(uplink.is_slow(MIB), "8 MiB were acked in the last tenth of a second, and had four for their way");
    }

    #[test]
    fn a_slow_uplink_that_becomes_fast_is_noticed_and_does_not_flicker() {
        let (mut uplink, mut now) = (Uplink::default(), Time(5));
        flood(&mut uplink, &mut now, 8, 1, Span(400));
        assert!(uplink.is_slow(MIB));
        flood(&mut uplink, &mut now, 8, 1, Span(200));
        assert!(uplink.is_slow(MIB), "5 MiB a second: between the two limits");
        flood(&mut uplink, &mut now, 8, 1, Span(100));
        assert!(!uplink.is_slow(MIB));
        flood(&mut uplink, &mut now, 8, 1, Span(200));
        assert!(!uplink.is_slow(MIB));
    }

    #[test]
    fn an_unknown_uplink_takes_a_little_in_all_copies() {
        let (mut uplink, mut now) = (Uplink::default(), Time(5));
        let departures: Vec<_> = (0..4).map(|_| uplink.leaves(now, MIB)).collect();
        assert!(uplink.is_tried(MIB) && !uplink.is_tried(PULL_MIN - 1));
        now = now + Span(100);
        uplink.acked(now, &departures);
        for _ in 0..8 {
            uplink.leaves(now, MIB);
        }
        assert!(!uplink.is_tried(MIB) && !uplink.is_slow(MIB), "40 MiB a second");
    }

    #[test]
    fn an_uplink_idles_when_nothing_is_on_its_way_or_all_was_due_long_ago() {
        let (mut uplink, mut now) = (Uplink::default(), Time(5));
        flood(&mut uplink, &mut now, 8, 1, Span::seconds(1));
        assert!(!uplink.idles(now) && uplink.idles(now + PULL_PATIENCE));
        let departure = uplink.leaves(now, 8 * MIB);
        assert!(!uplink.idles(now + Span::seconds(15)) && uplink.idles(now + Span::seconds(16) + PULL_PATIENCE));
        uplink.lost(departure);
        assert!(uplink.idles(now + PULL_PATIENCE));
    }
}
