//! What goes wrong, and plans of what goes wrong when, drawn from the seed.

use std::fmt::{self, Display};

use cachette_core::time::Span;

use super::rng::Rng;
use super::{HostNo, World};

/// Something that goes wrong with a host, or is mended again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its process is killed, or (`true`) its power is cut.
    Crash(HostNo, bool),
    /// It starts again, if it is down.
    Restart(HostNo),
    /// What the first sends to the second is held back.
    Cut(HostNo, HostNo),
    /// All cuts are healed.
    Heal,
    /// All its connections break.
    Break(HostNo),
    /// All its connections break, and only those who were called notice.
    HalfOpen(HostNo),
    /// It stands still, as a suspended laptop does.
    Freeze(HostNo),
    /// It goes on.
    Thaw(HostNo),
    /// Its disk is full.
    Full(HostNo),
    /// So many of a thousand operations on its disk fail.
    Failing(HostNo, u64),
    /// Its disk is sound and has room.
    Sound(HostNo),
    /// One of its blocks rots.
    Rot(HostNo, usize),
}

/// Which kinds of fault a plan holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kinds {
    /// Crashes with restarts.
    pub crashes: bool,
    /// Broken and half-open connections.
    pub breaks: bool,
    /// Partitions, whole and one-sided, with healing.
    pub cuts: bool,
    /// Hosts that stand still and go on.
    pub freezes: bool,
    /// Full and failing disks, mended later.
    pub disks: bool,
}

impl World {
    /// Draws faults of some kinds for these hosts over a length of time, and puts them on the schedule.
    pub fn draw_faults(&mut self, kinds: Kinds, hosts: &[HostNo], count: u64, length: Span) {
        let mut rng = self.rng.fork();
        for _ in 0..count {
            let at = rng.below(length.millis());
            let (fault, mended) = draw(&mut rng, kinds, hosts, self.hosts.len());
            let Some(fault) = fault else { return };
            self.plan(Span(at), fault);
            if let Some(mended) = mended {
                self.plan(Span(at + rng.below(length.millis() / 2)), mended);
            }
        }
    }
}

/// Draws one fault and what mends it.
fn draw(rng: &mut Rng, kinds: Kinds, hosts: &[HostNo], all: usize) -> (Option<Fault>, Option<Fault>) {
    let no = *rng.pick(hosts);
    let other = HostNo(rng.index(all));
    let mut choices = Vec::new();
    if kinds.crashes {
        choices.push((Fault::Crash(no, rng.per_mille(500)), Some(Fault::Restart(no))));
    }
    if kinds.breaks {
        choices.push((Fault::Break(no), None));
        choices.push((Fault::HalfOpen(no), None));
    }
    if kinds.cuts {
        choices.push((Fault::Cut(no, other), Some(Fault::Heal)));
        choices.push((Fault::Cut(other, no), Some(Fault::Heal)));
    }
    if kinds.freezes {
        choices.push((Fault::Freeze(no), Some(Fault::Thaw(no))));
    }
    if kinds.disks {
        choices.push((Fault::Full(no), Some(Fault::Sound(no))));
        choices.push((Fault::Failing(no, 300), Some(Fault::Sound(no))));
    }
    if choices.is_empty() {
        return (None, None);
    }
    let (fault, mended) = *rng.pick(&choices);
    (Some(fault), mended)
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash(no, false) => write!(f, "fault: kill {no}"),
            Self::Crash(no, true) => write!(f, "fault: power cut at {no}"),
            Self::Restart(no) => write!(f, "{no} may start again"),
            Self::Cut(from, to) => write!(f, "fault: cut {from} → {to}"),
            Self::Heal => f.write_str("cuts are healed"),
            Self::Break(no) => write!(f, "fault: break the connections of {no}"),
            Self::HalfOpen(no) => write!(f, "fault: half-open connections at {no}"),
            Self::Freeze(no) => write!(f, "fault: freeze {no}"),
            Self::Thaw(no) => write!(f, "{no} thaws"),
            Self::Full(no) => write!(f, "fault: the disk of {no} is full"),
            Self::Failing(no, per_mille) => write!(f, "fault: {per_mille} of 1000 operations fail on the disk of {no}"),
            Self::Sound(no) => write!(f, "the disk of {no} is sound again"),
            Self::Rot(no, nth) => write!(f, "fault: block {nth} of {no} rots"),
        }
    }
}
