//! What the stories of this layer share: bytes that anybody can make again, and a place where blocks lie.

use std::sync::Arc;

use bytes::Bytes;

use super::chunk::{ChunkId, ChunkKey};
use super::compress::Codec;
use super::pack::{Packer, Stream};
use super::reference::{At, Reference};
use super::seal::{BlockKey, SealKey, open, seal};
use super::tree::{Chunk, Content, Edit, EditError, Editor, Meta, Node, Pages, Path, TreeWriter, WalkError};
use crate::block::Block;
use crate::id::BlockId;
use crate::map::Map;

/// Returns bytes that look random: the extended output of BLAKE3 over a name.
pub(crate) fn noise(name: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn seal_key() -> Arc<SealKey> {
    Arc::new(SealKey::new([7; 32]))
}

pub(crate) fn path(text: &str) -> Path {
    Path::parse(text).expect("a path")
}

/// Returns a file of one chunk that lies, raw, in a block of its own.
pub(crate) fn file(world: &mut World, content: &[u8]) -> Node {
    let chunks = if content.is_empty() { Vec::new() } else { vec![world.chunk(content)] };
    Node::File { meta: Meta { mode: 0o644, ..Meta::default() }, len: content.len() as u64, content: Content::Inline(chunks) }
}

/// Returns a chunk that stands for content which no test reads.
pub(crate) fn stand_in(number: u32) -> Chunk {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let key = BlockKey { suite: 1, id: BlockId(*blake3::hash(&(number / 4).to_be_bytes()).as_bytes()), key: [3; 32] };
    let reference = Reference { first: At::Block(key), next: None, offset: number % 4 * 100_000, stored: 100_000, codec: Codec::Raw };
    Chunk { id: ChunkId(id), len: 100_000, reference }
}

/// Every block there is, and a cache of opened ones.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) blocks: Map<BlockId, Block>,
    pub(crate) pages: Pages,
    /// Blocks that walks asked for.
    pub(crate) fetched: usize,
}

impl World {
    pub(crate) fn keep(&mut self, tree: &mut TreeWriter) -> Vec<BlockKey> {
        let blocks = tree.take_blocks();
        blocks
            .into_iter()
            .map(|(block, key)| {
                self.blocks.insert(block.id(), block);
                key
            })
            .collect()
    }

    fn chunk(&mut self, content: &[u8]) -> Chunk {
        let mut packer = Packer::new(Stream::Data);
        let mut reference = packer.store(content, Codec::Raw);
        let tail = packer.take_tail().expect("a tail");
        let (block, key) = seal(&seal_key(), super::pack::pad(tail.bytes)).expect("sealed");
        self.blocks.insert(block.id(), block);
        reference.first = At::Block(key);
        Chunk { id: ChunkKey::new([9; 32]).id(content), len: content.len() as u32, reference }
    }

    /// Calls a walk until it has what it needs.
    pub(crate) fn walk<T>(&mut self, mut walk: impl FnMut(&Pages) -> Result<T, WalkError>) -> Result<T, WalkError> {
        for _ in 0..10_000 {
            match walk(&self.pages) {
                Err(WalkError::Missing(keys)) => self.fetch(&keys),
                other => return other,
            }
        }
        panic!("a walk never ends");
    }

    pub(crate) fn fetch(&mut self, keys: &[BlockKey]) {
        assert!(!keys.is_empty() && keys.len() <= crate::limits::WALK_AHEAD + 1, "{} blocks asked for", keys.len());
        for key in keys {
            self.fetched += 1;
            let block = self.blocks.get(&key.id).expect("a block that exists");
            self.pages.insert(key.id, open(block.clone(), key).expect("opens"));
        }
    }

    /// Applies edits in a commit of its own; returns the new root and the blocks that it wrote.
    pub(crate) fn commit(
        &mut self,
        base: Option<Reference>,
        edits: Map<Path, Edit>,
    ) -> Result<(Option<Reference>, Vec<BlockKey>), EditError> {
        let mut tree = TreeWriter::new(seal_key());
        let mut editor = Editor::new(base, edits, Meta::default());
        let mut rounds = 0;
        let root = loop {
            match editor.apply(&self.pages, &mut tree) {
                Err(EditError::Walk(WalkError::Missing(keys))) => self.fetch(&keys),
                other => break other?,
            }
            rounds += 1;
            assert!(rounds < 10_000, "editing never ends");
        };
        tree.finish().expect("sealed");
        let root = root.map(|root| tree.resolve(&root).expect("all is sealed"));
        Ok((root, self.keep(&mut tree)))
    }

    /// Returns everything below a directory, by path.
    pub(crate) fn everything(&mut self, root: Option<&Reference>, limit: usize) -> Map<Path, Node> {
        let mut found = Map::new();
        let mut dirs = vec![(Path::root(), root.cloned())];
        while let Some((dir, page)) = dirs.pop() {
            let mut after = None;
            loop {
                let entries = self.walk(|pages| super::tree::walk::list(pages, page.as_ref(), after.as_ref(), limit)).expect("a listing");
                let Some(last) = entries.last() else { break };
                assert!(entries.len() <= limit);
                after = Some(last.name.clone());
                for entry in entries {
                    let path = dir.join(entry.name).expect("not too deep");
                    if let Node::Dir { pages, .. } = &entry.node {
                        dirs.push((path.clone(), pages.clone()));
                    }
                    assert!(found.insert(path, entry.node).is_none(), "a name came twice");
                }
            }
        }
        found
    }

    /// Returns the bytes of a file.
    pub(crate) fn read(&mut self, file: &Node) -> Bytes {
        let mut content = Vec::new();
        loop {
            let chunks = self.walk(|pages| super::tree::walk::chunks(pages, file, content.len() as u64, 7)).expect("chunks");
            if chunks.is_empty() {
                return Bytes::from(content);
            }
            for (start, chunk) in chunks {
                assert_eq!(start, content.len() as u64);
                let (first, next) = chunk.reference.blocks().expect("sealed");
                let pack = |key: BlockKey| open(self.blocks.get(&key.id).expect("kept").clone(), &key).expect("opens");
                let next = next.map(pack);
                content.extend_from_slice(&chunk.reference.chunk(chunk.len, &pack(first), next.as_ref()).expect("a chunk"));
            }
        }
    }
}
