//! Which packs are shared to their last byte: only their blocks may be reused by a link, for whoever can open a block can read all of it.

use crate::id::BlockId;
use crate::limits::{PACK_MAX, SHARE_COVER};
use crate::map::Map;
use crate::vault::reference::Reference;

/// The shared parts of blocks, gathered chunk by chunk.
#[derive(Default)]
pub(super) struct Cover {
    blocks: Map<BlockId, Parts>,
}

/// Which bytes of a pack are shared.
enum Parts {
    /// Ranges `from..to` in order, none touching the next.
    Some(Vec<(u32, u32)>),
    /// All of a full pack. What lies in a smaller one is never known to be all: what follows may be zeros, or the tree of the vault.
    All,
}

impl Cover {
    /// Notes that a segment is shared. Beyond the bound nothing more is noted, and what lies there is sealed anew.
    pub(super) fn add(&mut self, segment: &Reference) {
        let Some((first, next)) = segment.blocks() else { return };
        let (start, end) = (segment.offset as usize, segment.offset as usize + segment.stored as usize);
        self.add_part(first.id, start, end.min(PACK_MAX));
        if let Some(next) = next {
            self.add_part(next.id, 0, end.saturating_sub(PACK_MAX));
        }
    }

    /// Says whether a link may refer to a segment where it lies: every byte of its one or two blocks is shared.
    pub(super) fn holds(&self, segment: &Reference) -> bool {
        let whole = |id: &BlockId| matches!(self.blocks.get(id), Some(Parts::All));
        segment.blocks().is_some_and(|(first, next)| whole(&first.id) && next.is_none_or(|next| whole(&next.id)))
    }

    fn add_part(&mut self, id: BlockId, start: usize, end: usize) {
        if start >= end || end > PACK_MAX || self.blocks.len() >= SHARE_COVER && !self.blocks.contains_key(&id) {
            return;
        }
        let entry = self.blocks.entry(id).or_insert_with(|| Parts::Some(Vec::new()));
        let Parts::Some(ranges) = entry else { return };
        let (start, end) = (start as u32, end as u32);
        // Everything from the first range that is not wholly before it, to the last that begins no later than it ends, becomes one.
        let from = ranges.partition_point(|(_, to)| *to < start);
        let upto = ranges.partition_point(|(begin, _)| *begin <= end);
        let joined = ranges[from..upto].iter().fold((start, end), |(low, high), (begin, to)| (low.min(*begin), high.max(*to)));
        ranges.splice(from..upto, [joined]);
        if *ranges == [(0, PACK_MAX as u32)] {
            *entry = Parts::All;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vault::compress::Codec;
    use crate::vault::reference::At;
    use crate::vault::seal::BlockKey;

    fn segment(first: u8, next: Option<u8>, offset: usize, stored: usize) -> Reference {
        let at = |number: u8| At::Block(BlockKey { suite: 1, id: BlockId([number; 32]), key: [0; 32] });
        Reference { first: at(first), next: next.map(at), offset: offset as u32, stored: stored as u32, codec: Codec::Raw }
    }

    #[test]
    fn a_segment_that_runs_on_needs_both_packs_whole() {
        let mut cover = Cover::default();
        let parts = [segment(1, None, 0, 1000), segment(1, Some(2), 1000, PACK_MAX), segment(2, None, 1000, PACK_MAX - 1000)];
        cover.add(&parts[0]);
        cover.add(&parts[1]);
        assert!(cover.holds(&parts[0]), "the first pack is shared whole");
        assert!(!cover.holds(&parts[1]), "the end of the second one is not");
        cover.add(&parts[2]);
        assert!(parts.iter().all(|part| cover.holds(part)));
    }

    proptest! {
        #[test]
        fn a_pack_is_whole_exactly_when_every_byte_is_shared(cuts in prop::collection::vec(0usize..PACK_MAX, 0..12), skip in any::<Option<u8>>(), order in any::<u64>()) {
            let mut cuts: Vec<usize> = cuts.into_iter().chain([0, PACK_MAX]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            let mut parts: Vec<Reference> = cuts.windows(2).map(|cut| segment(1, None, cut[0], cut[1] - cut[0])).collect();
            let left_out = skip.map(|skip| parts.remove(usize::from(skip) % parts.len()));
            parts.sort_by_key(|part| blake3::hash(&(u64::from(part.offset) ^ order).to_le_bytes()).as_bytes()[0]);
            let mut cover = Cover::default();
            parts.iter().for_each(|part| cover.add(part));
            for part in parts.iter().chain(&left_out) {
                prop_assert_eq!(cover.holds(part), left_out.is_none());
            }
        }
    }
}
