//! The bounded cache of opened packs of file content, apart from the tree's: a film must not push the tree out.

use bytes::Bytes;

use super::reference::SegmentError;
use super::tree::Chunk;
use crate::id::BlockId;
use crate::map::Map;

/// Opened packs, the least recently used of which go first.
pub(super) struct Opened {
    packs: Map<BlockId, (u64, Bytes)>,
    bytes: usize,
    uses: u64,
    limit: usize,
}

impl Opened {
    /// Starts an empty cache of so many bytes.
    pub(super) const fn with_limit(limit: usize) -> Self {
        Self { packs: Map::new(), bytes: 0, uses: 0, limit }
    }

    /// Takes the opened pack of a block.
    pub(super) fn insert(&mut self, id: BlockId, pack: Bytes) {
        self.uses += 1;
        self.bytes += pack.len();
        if let Some((_, old)) = self.packs.insert(id, (self.uses, pack)) {
            self.bytes -= old.len();
        }
        // The newest stays, however heavy: whoever waits for it takes it at once.
        while self.bytes > self.limit
            && self.packs.len() > 1
            && let Some(oldest) = self.packs.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id)
            && let Some((_, pack)) = self.packs.remove(&oldest)
        {
            self.bytes -= pack.len();
        }
    }

    pub(super) fn contains(&self, id: &BlockId) -> bool {
        self.packs.contains_key(id)
    }

    /// Returns the opened pack of a block, if it is here.
    pub(super) fn pack(&mut self, id: &BlockId) -> Option<Bytes> {
        self.uses += 1;
        let (used, pack) = self.packs.get_mut(id)?;
        *used = self.uses;
        Some(pack.clone())
    }

    /// Returns a chunk's bytes, `None` while a pack of it is neither here nor `held`; an error says that it does not fit its reference.
    pub(super) fn chunk(&mut self, chunk: &Chunk, held: &Map<BlockId, Bytes>) -> Result<Option<Bytes>, SegmentError> {
        let mut pack = |id: &BlockId| held.get(id).cloned().or_else(|| self.pack(id));
        let Some((first, next)) = chunk.reference.blocks() else { return Ok(None) };
        let Some(first) = pack(&first.id) else { return Ok(None) };
        let next = match next {
            Some(next) => match pack(&next.id) {
                Some(pack) => Some(pack),
                None => return Ok(None),
            },
            None => None,
        };
        chunk.reference.chunk(chunk.len, &first, next.as_ref()).map(Some)
    }
}
