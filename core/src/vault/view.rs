//! What this device knows of everybody's heads, and the one tree that they make together.
//!
//! The heads are also the floor under the vault: kept before anybody acts on them, because a client that forgot what it has seen could
//! be rolled back, and never gone back from. The certificates' floor is the chain, which only grows.

use super::reference::Reference;
use super::tree::{Edit, Path};
use super::{Alarm, Note, notes};
use crate::id::PeerId;
use crate::map::Map;
use crate::record::{Chain, Head};

/// The highest head seen of every device, and what became of merging them.
#[derive(Default)]
pub(super) struct View {
    heads: Map<PeerId, Head>,
    /// Newer heads that are being kept: not acted on, and what is older than they are is not kept after them.
    coming: Map<PeerId, Head>,
    /// The highest sequence seen of devices whose newest head does not stand any more, because an admin removed them.
    set_aside: Map<PeerId, u64>,
    /// The highest suite floor that any head announced.
    suite_floor: u8,
    merged: Option<Merged>,
}

/// The tree of all heads together.
#[derive(Clone, Default)]
pub(super) struct Merged {
    /// The snapshots that it merges.
    pub(super) parents: Vec<Reference>,
    /// The root folder of the first of them; none while the vault is empty.
    pub(super) root: Option<Reference>,
    /// What the others change in it; the next commit writes it down.
    pub(super) changes: Map<Path, Edit>,
    /// The root folder of both together, partly in pages that are only here: what is looked at.
    pub(super) seen: Option<Reference>,
    /// The heads that are in it: the next head's vector.
    pub(super) vector: Map<PeerId, u64>,
}

impl View {
    /// Takes a kept head back in.
    pub(super) fn load(&mut self, chain: &Chain, head: Head) {
        self.suite_floor = self.suite_floor.max(head.suite_floor);
        if chain.check_head(&head).is_ok() {
            self.heads.insert(head.device, head);
        } else {
            self.set_aside(&head);
        }
    }

    /// Looks at a head that a carrier showed: a newer one that stands is to be kept before anybody acts on it, an older one is ignored
    /// (nothing ever goes back), one that contradicts what was seen is an alarm.
    pub(super) fn offer(&mut self, chain: &Chain, head: &Head) -> Result<Option<Note>, Alarm> {
        if chain.check_head(head).is_err() {
            return Ok(None);
        }
        if let Some(known) = self.coming.get(&head.device).or_else(|| self.heads.get(&head.device)) {
            let forks = head.sequence == known.sequence && head.bytes() != known.bytes();
            let parts = known.sequence.checked_add(1) == Some(head.sequence) && head.previous != known.id();
            if forks || parts {
                return Err(Alarm::Fork(head.device));
            }
            if head.sequence <= known.sequence {
                return Ok(None);
            }
        }
        // A removal sets aside heads that were seen, down to the last one that it lets stand, and none before that.
        if let Some(seen) = self.set_aside.get(&head.device) {
            let last = chain.tip().member(&head.device).and_then(|member| member.removed_after);
            if head.sequence < last.map_or(*seen, |last| last.min(*seen)) {
                return Ok(None);
            }
        }
        if head.suite_floor < self.suite_floor {
            return Err(Alarm::Downgrade { device: head.device, seen: self.suite_floor, served: head.suite_floor });
        }
        self.coming.insert(head.device, head.clone());
        Ok(Some((notes::head_key(&head.device), Some(head.bytes().to_vec()))))
    }

    /// A head was kept, or was not and is news when it is shown again.
    pub(super) fn forget(&mut self, head: &Head) {
        if self.coming.get(&head.device).is_some_and(|coming| coming.id() == head.id()) {
            self.coming.remove(&head.device);
        }
    }

    /// Sets heads aside that do not stand any more since the chain grew.
    pub(super) fn follow(&mut self, chain: &Chain) {
        let fallen: Vec<Head> = self.heads.values().filter(|head| chain.check_head(head).is_err()).cloned().collect();
        for head in fallen {
            self.heads.remove(&head.device);
            self.set_aside(&head);
            self.merged = None;
        }
    }

    /// Acts on a head that is kept.
    pub(super) fn adopt(&mut self, head: Head) {
        self.forget(&head);
        self.suite_floor = self.suite_floor.max(head.suite_floor);
        if self.heads.get(&head.device).is_none_or(|known| known.sequence < head.sequence) {
            self.heads.insert(head.device, head);
            self.merged = None;
        }
    }

    /// Takes this device's own new head in with the tree that it stands for.
    pub(super) fn advance(&mut self, head: Head, snapshot: Reference, root: Option<Reference>) {
        self.suite_floor = self.suite_floor.max(head.suite_floor);
        let mut vector: Map<PeerId, u64> = head.vector.iter().copied().collect();
        vector.insert(head.device, head.sequence);
        let covers_all = self.heads.values().all(|known| vector.get(&known.device).is_some_and(|sequence| *sequence >= known.sequence));
        self.heads.insert(head.device, head);
        self.merged = covers_all.then(|| Merged { parents: vec![snapshot], seen: root.clone(), root, changes: Map::new(), vector });
    }

    /// Returns the merged tree, once it was worked out.
    pub(super) fn merged(&self) -> Option<&Merged> {
        self.merged.as_ref()
    }

    /// Remembers what merging gave.
    pub(super) fn resolve(&mut self, merged: Merged) {
        self.merged = Some(merged);
    }

    /// Returns the highest head seen of a device.
    pub(super) fn head(&self, device: &PeerId) -> Option<&Head> {
        self.heads.get(device)
    }

    /// Returns all heads, by device.
    pub(super) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.heads.values()
    }

    /// Returns the heads that no other one has merged, by device: a pure function of the set of heads.
    pub(super) fn maximal(&self) -> Vec<&Head> {
        let merged_elsewhere = |head: &Head| {
            self.heads
                .values()
                .filter(|other| other.device != head.device)
                .any(|other| other.vector.iter().any(|(device, sequence)| *device == head.device && *sequence >= head.sequence))
        };
        self.heads.values().filter(|head| !merged_elsewhere(head)).collect()
    }

    fn set_aside(&mut self, head: &Head) {
        let seen = self.set_aside.entry(head.device).or_default();
        *seen = head.sequence.max(*seen);
    }

    /// Returns the sequence of every device's head.
    pub(super) fn vector(&self) -> Map<PeerId, u64> {
        self.heads.values().map(|head| (head.device, head.sequence)).collect()
    }
}

#[cfg(test)]
mod tests;
