//! The bounded cache of opened packs that tree walks work on.

use bytes::Bytes;

use crate::id::BlockId;

/// Opened packs, the least recently used of which go first.
#[derive(Debug, Default)]
pub struct Pages {}

impl Pages {
    /// Starts an empty cache of [`crate::limits::PAGE_CACHE`] bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the opened pack of a block.
    pub fn insert(&mut self, _id: BlockId, _pack: Bytes) {
        unimplemented!()
    }
}
