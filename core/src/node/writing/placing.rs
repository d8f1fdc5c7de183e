//! One block that is being brought to its holders, and how far each of them is.

use crate::block::Block;
use crate::id::{PeerId, VaultId};

/// A block on its way out.
///
/// ```text
///             flush          Want                Stored
///   Waiting ---------> Offered -----> Sent ---------------> Stored
///      ^                |  \ Want, no bytes here             ^
///      |                |   +-----> Lacks --bytes came--> Waiting
///      +--linked again--+--lost, silent--> Lost     Refused
///
///            another holder has it                  Stored
///   Behind ---> Waiting ------------------> Pulls ---------> Stored
///                  ^  Absent                  \ Want (it could not have it from there)
///   Offered -----> Held                        +-----> Sent
///     Want, and another holder is being sent it
/// ```
///
/// The lower part is for slow uplinks: one holder is sent the block, and the others pull it from there.
#[derive(Debug)]
pub(super) struct Placing {
    pub(super) vault: VaultId,
    pub(super) body: Option<Block>,
    pub(super) aim: Aim,
    /// Carriers that were chosen for it, in the order of the choice.
    marks: Vec<(PeerId, Mark)>,
    /// Whether the vault above was told that nothing more happens.
    pub(super) settled: bool,
    /// Whether its bytes are being fetched from a holder, or wait for that.
    pub(super) fetching: bool,
    /// Whether holders lack it and its bytes cannot be had at the moment.
    pub(super) starved: bool,
    /// Whether it is among the safe blocks whose bytes are kept.
    pub(super) lingering: bool,
    /// Whether holders are sent it from here however slow the uplink is, because they do not get it from one another.
    pub(super) direct: bool,
}

/// What a block is brought out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// As many copies as the policy wants; the vault above hears of each.
    Copies,
    /// A copy for certain holders that lack it; nobody above asked.
    Gift,
}

/// How far a holder is with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// To be offered.
    Waiting,
    /// To be offered when another holder has it.
    Behind,
    /// Offered, no answer yet.
    Offered,
    /// Wanted, and kept back because another holder is being sent it.
    Held,
    /// Offered with another holder to pull it from, no answer yet.
    Pulls,
    /// Wanted and sent.
    Sent,
    /// Durable there.
    Stored,
    /// Wanted, but its bytes are not here.
    Lacks,
    /// Will not take it.
    Refused,
    /// Could not be reached or did not answer; may come back.
    Lost,
}

impl Mark {
    /// Says whether the copy exists or may still come about without anything new happening.
    pub(super) const fn in_play(self) -> bool {
        !matches!(self, Self::Refused | Self::Lost)
    }

    /// Says whether something is under way.
    pub(super) const fn under_way(self) -> bool {
        !matches!(self, Self::Stored | Self::Refused | Self::Lost)
    }

    /// Says whether the holder owes an answer.
    pub(super) const fn unanswered(self) -> bool {
        matches!(self, Self::Offered | Self::Pulls | Self::Sent)
    }

    /// Says whether the holder's copy is to come by another holder's.
    pub(super) const fn trails(self) -> bool {
        matches!(self, Self::Behind | Self::Held | Self::Pulls)
    }
}

impl Placing {
    /// Starts with no holder chosen.
    pub(super) const fn new(vault: VaultId, body: Option<Block>, aim: Aim) -> Self {
        Self { vault, body, aim, marks: Vec::new(), settled: false, fetching: false, starved: false, lingering: false, direct: false }
    }

    /// Marks a holder; returns the mark before.
    pub(super) fn mark(&mut self, peer: PeerId, mark: Mark) -> Option<Mark> {
        match self.marks.iter_mut().find(|(marked, _)| *marked == peer) {
            Some((_, old)) => Some(std::mem::replace(old, mark)),
            None => {
                self.marks.push((peer, mark));
                None
            }
        }
    }

    /// Returns a holder's mark.
    pub(super) fn of(&self, peer: &PeerId) -> Option<Mark> {
        self.marks.iter().find(|(marked, _)| marked == peer).map(|(_, mark)| *mark)
    }

    /// Returns all holders with this mark.
    pub(super) fn marked(&self, mark: Mark) -> Vec<PeerId> {
        self.marks.iter().filter(|(_, marked)| *marked == mark).map(|(peer, _)| *peer).collect()
    }

    /// Counts the holders whose mark passes.
    pub(super) fn count(&self, pass: impl Fn(Mark) -> bool) -> usize {
        self.marks.iter().filter(|(_, mark)| pass(*mark)).count()
    }
}
