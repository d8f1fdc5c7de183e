//! Models: the simplest things that do what the system promises.

use std::collections::BTreeMap;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::BlockId;

use super::rng::Rng;

/// A plain map of blocks: what was placed, and how safely.
#[derive(Debug, Default)]
pub struct Blocks {
    blocks: BTreeMap<BlockId, (Bytes, u8)>,
}

impl Blocks {
    /// Makes a fresh block of 4 KiB and remembers it.
    ///
    /// # Panics
    /// Never: 4 KiB is a block's size.
    pub fn make(&mut self, rng: &mut Rng) -> Block {
        let mut bytes = vec![0; 4096];
        rng.fill(&mut bytes);
        let block = Block::new(bytes.into()).expect("4 KiB is a block's size");
        self.blocks.insert(block.id(), (block.bytes().clone(), 0));
        block
    }

    /// Notes that a block was said to be durable so many times.
    pub fn acked(&mut self, id: &BlockId, durable: u8) {
        if let Some((_, acked)) = self.blocks.get_mut(id) {
            *acked = durable.max(*acked);
        }
    }

    /// Returns the bytes of a block that was made here.
    #[must_use]
    pub fn bytes(&self, id: &BlockId) -> Option<&Bytes> {
        self.blocks.get(id).map(|(bytes, _)| bytes)
    }

    /// Returns all blocks.
    #[must_use]
    pub fn ids(&self) -> Vec<BlockId> {
        self.blocks.keys().copied().collect()
    }

    /// Returns the blocks that were said to be durable at least so many times.
    #[must_use]
    pub fn acked_ids(&self, times: u8) -> Vec<BlockId> {
        self.blocks.iter().filter(|(_, (_, acked))| *acked >= times).map(|(id, _)| *id).collect()
    }
}
