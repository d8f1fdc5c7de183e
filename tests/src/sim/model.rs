//! Models: the simplest things that do what the system promises.

use std::collections::BTreeMap;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::BlockId;
use cachette_core::vault::tree::Path;

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
        self.make_of(rng, 4096)
    }

    /// The same of another size.
    ///
    /// # Panics
    /// When that is no block's size.
    pub fn make_of(&mut self, rng: &mut Rng, size: usize) -> Block {
        let mut bytes = vec![0; size];
        rng.fill(&mut bytes);
        let block = Block::new(bytes.into()).expect("a block's size");
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

/// A plain map of files: what a vault's tree must look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// What stands at every path; a folder is `None`.
    pub entries: BTreeMap<Path, Option<Bytes>>,
}

impl Files {
    /// Puts a file or a folder, with the folders above it; a folder that exists keeps what is in it.
    pub fn put(&mut self, path: &Path, content: Option<Bytes>) {
        let mut above = path.parent();
        while let Some(folder) = above.filter(|folder| !folder.is_root()) {
            above = folder.parent();
            self.entries.entry(folder).or_insert(None);
        }
        self.entries.insert(path.clone(), content);
    }

    /// Removes what stands at a path, with everything in it.
    pub fn remove(&mut self, path: &Path) {
        self.entries.retain(|entry, _| !entry.starts_with(path));
    }

    /// Moves what stands at a path, with everything in it.
    ///
    /// # Panics
    /// When the target nests too deep.
    pub fn rename(&mut self, from: &Path, to: &Path) {
        let moved: Vec<_> =
            self.entries.iter().filter(|(path, _)| path.starts_with(from)).map(|(path, item)| (path.clone(), item.clone())).collect();
        self.remove(from);
        for (path, item) in moved {
            let below = &path.names()[from.names().len()..];
            let path = below.iter().fold(to.clone(), |path, name| path.join(name.clone()).expect("the target is not too deep"));
            self.put(&path, item);
        }
    }
}
