//! The chunk index: which chunks the vault already stores, as far as this device remembers.
//!
//! A miss costs space and never correctness; a hit is confirmed with the block's holders before a head counts on it. What a put finds
//! in the place of its file is learned, so that another device, or one that lost its notes, sends only what is new. The index is kept
//! as *segments*, notes that are written as packs are sealed and erased oldest first when there are too many chunks. They are also
//! the journal of an unfinished put: running it again finds every chunk whose block was sealed before the interruption.

use serde::{Deserialize, Serialize};

use super::Note;
use super::chunk::ChunkId;
use super::compress::Codec;
use super::notes;
use super::reference::{At, Reference};
use super::seal::BlockKey;
use super::tree::Chunk;
use crate::codec;
use crate::id::BlockId;
use crate::limits::CHUNK_INDEX;
use crate::map::{Map, Set};

/// What the writer remembers of stored chunks.
#[derive(Default)]
pub(super) struct ChunkIndex {
    /// Chunks of blocks that are sealed, with the segment and position that describes each.
    stored: Map<ChunkId, (u64, u32)>,
    segments: Map<u64, Segment>,
    next_segment: u64,
    /// Chunks of the commit under way that no segment describes yet.
    pending: Map<ChunkId, Reference>,
    /// Blocks that were found to be gone: a tree that names them teaches nothing.
    gone: Set<BlockId>,
}

/// A list of chunks as it is kept: blocks first, chunks by their numbers in that list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Segment {
    blocks: Vec<BlockKey>,
    chunks: Vec<(ChunkId, u32, Option<u32>, u32, u32, Codec)>,
}

impl ChunkIndex {
    /// Takes a kept segment back in; one that cannot be read is forgotten.
    pub(super) fn load(&mut self, number: u64, bytes: &[u8]) {
        self.next_segment = self.next_segment.max(number.saturating_add(1));
        if let Ok(segment) = codec::decode::<Segment>(bytes) {
            self.insert(number, segment);
        }
    }

    /// Returns where a chunk is stored, or will be when its pack is sealed.
    pub(super) fn lookup(&self, id: &ChunkId) -> Option<Reference> {
        if let Some(reference) = self.pending.get(id) {
            return Some(reference.clone());
        }
        let (segment, position) = self.stored.get(id)?;
        self.segments.get(segment)?.reference(*position)
    }

    /// Remembers a chunk that was just laid into packs of the commit under way.
    pub(super) fn insert_pending(&mut self, id: ChunkId, reference: Reference) {
        self.pending.insert(id, reference);
    }

    /// Learns where chunks of the tree lie, as far as there is room; what the device itself wrote is not pushed out by it, and nothing
    /// of it is kept for the next start.
    pub(super) fn learn<'a>(&mut self, chunks: impl IntoIterator<Item = &'a Chunk>) {
        let mut segment = Segment::default();
        let mut numbers = Map::new();
        for chunk in chunks {
            let is_known = self.stored.contains_key(&chunk.id) || self.pending.contains_key(&chunk.id);
            let is_gone = chunk
                .reference
                .blocks()
                .is_none_or(|(first, next)| self.gone.contains(&first.id) || next.is_some_and(|next| self.gone.contains(&next.id)));
            if !is_known && !is_gone && self.stored.len() + segment.chunks.len() < CHUNK_INDEX {
                segment.push(chunk.id, &chunk.reference, &mut numbers);
            }
        }
        if !segment.chunks.is_empty() {
            let number = self.next_segment;
            self.next_segment += 1;
            self.insert(number, segment);
        }
    }

    /// Forgets chunks of packs that will never be sealed.
    pub(super) fn abandon(&mut self) {
        self.pending.clear();
    }

    /// Forgets everything that lies in a block that is gone.
    pub(super) fn forget(&mut self, lost: &BlockId) -> Vec<Note> {
        self.gone.insert(*lost);
        let mut changed = Vec::new();
        for (number, segment) in &mut self.segments {
            let gone: Set<u32> = segment.blocks.iter().enumerate().filter(|(_, block)| block.id == *lost).map(|(i, _)| i as u32).collect();
            if gone.is_empty() {
                continue;
            }
            let lies_there = |first: &u32, next: &Option<u32>| gone.contains(first) || next.is_some_and(|next| gone.contains(&next));
            for (id, first, next, ..) in &segment.chunks {
                if lies_there(first, next) {
                    self.stored.remove(id);
                }
            }
            changed.push(*number);
        }
        // A segment that names a lost block is dropped whole when the device starts again: what else it knew costs space only.
        changed.into_iter().map(|number| (notes::segment_key(number), None)).collect()
    }

    /// Writes a segment of the chunks whose packs are all sealed by now, as `resolve` knows, and erases the oldest ones beyond the bound.
    pub(super) fn flush(&mut self, resolve: impl Fn(&Reference) -> Option<Reference>) -> Vec<Note> {
        let mut sealed = Vec::new();
        self.pending.retain(|id, reference| match resolve(reference) {
            Some(resolved) => {
                sealed.push((*id, resolved));
                false
            }
            None => true,
        });
        if sealed.is_empty() {
            return Vec::new();
        }
        let mut segment = Segment::default();
        let mut numbers: Map<BlockId, u32> = Map::new();
        for (id, reference) in sealed {
            segment.push(id, &reference, &mut numbers);
        }
        let number = self.next_segment;
        self.next_segment += 1;
        let mut changes = vec![(notes::segment_key(number), Some(codec::encode(&segment)))];
        self.insert(number, segment);
        while self.stored.len() > CHUNK_INDEX {
            let Some((oldest, segment)) = self.segments.pop_first() else { break };
            for (id, ..) in segment.chunks {
                if self.stored.get(&id).is_some_and(|(number, _)| *number == oldest) {
                    self.stored.remove(&id);
                }
            }
            changes.push((notes::segment_key(oldest), None));
        }
        changes
    }

    fn insert(&mut self, number: u64, segment: Segment) {
        for (position, (id, ..)) in segment.chunks.iter().enumerate() {
            self.stored.insert(*id, (number, position as u32));
        }
        self.segments.insert(number, segment);
    }
}

impl Segment {
    /// Adds a chunk that lies in sealed blocks; `numbers` are those of the blocks so far.
    fn push(&mut self, id: ChunkId, reference: &Reference, numbers: &mut Map<BlockId, u32>) {
        let mut number = |at: &At| match at {
            At::Block(block) => Some(*numbers.entry(block.id).or_insert_with(|| {
                self.blocks.push(*block);
                self.blocks.len() as u32 - 1
            })),
            At::Pack(_) => None,
        };
        let Some(first) = number(&reference.first) else { return };
        let next = reference.next.as_ref().and_then(&mut number);
        self.chunks.push((id, first, next, reference.offset, reference.stored, reference.codec));
    }

    fn reference(&self, position: u32) -> Option<Reference> {
        let (_, first, next, offset, stored, codec) = self.chunks.get(position as usize)?;
        let block = |number: &u32| self.blocks.get(*number as usize).map(|block| At::Block(*block));
        let next = match next {
            Some(next) => Some(block(next)?),
            None => None,
        };
        Some(Reference { first: block(first)?, next, offset: *offset, stored: *stored, codec: *codec })
    }
}
