//! The bounded cache of opened packs of file content, apart from the tree's: a film must not push the tree out.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::reference::SegmentError;
use super::tree::Chunk;
use crate::id::BlockId;
use crate::limits::READ_WINDOW;

/// Bytes kept: what a read has asked for ahead, and as much again for reads beside it.
const OPENED_MAX: usize = 2 * READ_WINDOW;

/// Opened packs, the least recently used of which go first.
#[derive(Default)]
pub(super) struct Opened {
    packs: BTreeMap<BlockId, (u64, Bytes)>,
    bytes: usize,
    uses: u64,
}

impl Opened {
    /// Takes the opened pack of a block.
    pub(super) fn insert(&mut self, id: BlockId, pack: Bytes) {
        self.uses += 1;
        self.bytes += pack.len();
        if let Some((_, old)) = self.packs.insert(id, (self.uses, pack)) {
            self.bytes -= old.len();
        }
        while self.bytes > OPENED_MAX
            && let Some(oldest) = self.packs.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id)
            && let Some((_, pack)) = self.packs.remove(&oldest)
        {
            self.bytes -= pack.len();
        }
    }

    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.packs.contains_key(id)
    }

    /// Returns a chunk's bytes, `None` while a pack of it is not here; an error says that it does not fit its reference.
    pub(super) fn chunk(&mut self, chunk: &Chunk) -> Result<Option<Bytes>, SegmentError> {
        let Some((first, next)) = chunk.reference.blocks() else { return Ok(None) };
        let Some(first) = self.used(&first.id) else { return Ok(None) };
        let next = match next {
            Some(next) => match self.used(&next.id) {
                Some(pack) => Some(pack),
                None => return Ok(None),
            },
            None => None,
        };
        chunk.reference.chunk(chunk.len, &first, next.as_ref()).map(Some)
    }

    fn used(&mut self, id: &BlockId) -> Option<Bytes> {
        self.uses += 1;
        let (used, pack) = self.packs.get_mut(id)?;
        *used = self.uses;
        Some(pack.clone())
    }
}
