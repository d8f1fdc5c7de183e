//! Writing tree objects: children first, into the packs of the tree stream, which are sealed as they fill.

use std::sync::Arc;

use thiserror::Error;

use super::object::{Stored, Table};
use super::snapshot::Snapshot;
use crate::block::Block;
use crate::limits::PACK_MAX;
use crate::map::Map;
use crate::vault::compress::Codec;
use crate::vault::pack::{PackNumber, Packer, Stream, Tail, pad};
use crate::vault::reference::{At, Reference};
use crate::vault::seal::{BlockKey, SealError, SealKey, seal};

/// Writes the tree stream. A clone is another attempt at the same commit.
///
/// The numbers of packs go on after [`TreeWriter::finish`], so one writer serves all commits of a long put and references that it
/// gave out stay good.
#[derive(Clone)]
pub struct TreeWriter {
    key: Arc<SealKey>,
    packer: Packer,
    sealed: Map<PackNumber, BlockKey>,
    /// Data packs that lie inside a tree pack, and how many bytes lie before them there.
    joined: Map<PackNumber, (PackNumber, u32)>,
    blocks: Vec<(Block, BlockKey)>,
}

/// A pack to which something refers is not sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("pack {0:?} is not sealed yet")]
pub struct Unsealed(pub PackNumber);

/// An object was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A data pack to which it refers has to be sealed first.
    #[error(transparent)]
    Unsealed(#[from] Unsealed),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It breaks a bound of the format.
    #[error("out of bounds: {0}")]
    Bounds(&'static str),
}

/// An object that is being written: the next one in the tree's pack.
pub(crate) struct Draft<'a> {
    tree: &'a TreeWriter,
    pub(crate) table: Table,
}

/// Where a segment lies as the next object sees it; no block is *self*.
pub(crate) struct Located {
    first: Option<BlockKey>,
    next: Option<Option<BlockKey>>,
    offset: u32,
}

impl TreeWriter {
    /// Starts a tree stream.
    #[must_use]
    pub const fn new(key: Arc<SealKey>) -> Self {
        Self { key, packer: Packer::new(Stream::Tree), sealed: Map::new(), joined: Map::new(), blocks: Vec::new() }
    }

    /// Takes note that a data pack was sealed.
    pub fn sealed(&mut self, pack: PackNumber, key: BlockKey) {
        self.sealed.insert(pack, key);
    }

    /// Takes the data stream's tail: into the tree's pack where it fits there, else sealed alone. All data references resolve after.
    ///
    /// What runs on into a pack goes on at its first byte, so a tail with the end of such a segment joins an empty pack only.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn place_tail(&mut self, tail: Tail) -> Result<(), SealError> {
        let before = self.packer.tail().1.len();
        if before + tail.bytes.len() <= PACK_MAX && (before == 0 || !tail.entered) {
            let spot = self.packer.append(&tail.bytes);
            self.joined.insert(tail.number, (spot.pack, spot.offset));
            return self.seal_full();
        }
        self.seal_pack(tail.number, pad(tail.bytes))
    }

    /// Seals a full pack of the data stream.
    ///
    /// # Errors
    /// [`SealError`].
    pub(crate) fn seal_data(&mut self, pack: PackNumber, bytes: Vec<u8>) -> Result<(), SealError> {
        self.seal_pack(pack, bytes)
    }

    /// Writes a snapshot, the last object of a commit.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_snapshot(&mut self, snapshot: &Snapshot) -> Result<Reference, WriteError> {
        self.write(|draft| snapshot.encode(draft))
    }

    /// Seals the last pack, padded to the smallest block that takes it.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn finish(&mut self) -> Result<(), SealError> {
        match self.packer.take_tail() {
            Some(tail) => self.seal_pack(tail.number, pad(tail.bytes)),
            None => Ok(()),
        }
    }

    /// Takes the blocks sealed since the last call, in the order of the stream.
    pub fn take_blocks(&mut self) -> Vec<(Block, BlockKey)> {
        std::mem::take(&mut self.blocks)
    }

    /// Returns the reference with blocks in the place of packs.
    ///
    /// # Errors
    /// [`Unsealed`]: after [`TreeWriter::finish`] only for data packs that it was not told of.
    pub fn resolve(&self, reference: &Reference) -> Result<Reference, Unsealed> {
        let located = self.locate(reference)?;
        let block = |entry: Option<BlockKey>| entry.map(At::Block).ok_or(Unsealed(self.packer.tail().0));
        Ok(Reference {
            first: block(located.first)?,
            next: located.next.map(block).transpose()?,
            offset: located.offset,
            stored: reference.stored,
            codec: reference.codec,
        })
    }

    /// Appends the object that `encode` makes.
    pub(crate) fn write(&mut self, encode: impl FnOnce(Draft<'_>) -> Result<Vec<u8>, WriteError>) -> Result<Reference, WriteError> {
        let bytes = encode(Draft { tree: self, table: Table::default() })?;
        let reference = self.packer.store(&bytes, Codec::Raw);
        self.seal_full()?;
        Ok(reference)
    }

    /// Finds a segment for the next object.
    pub(crate) fn locate(&self, reference: &Reference) -> Result<Located, Unsealed> {
        let (first, shift) = self.block(reference.first)?;
        let next = reference.next.map(|next| self.block(next)).transpose()?.map(|(next, _)| next);
        Ok(Located { first, next, offset: reference.offset + shift })
    }

    /// Returns the block of a pack, none for the one that is being filled, and the bytes before the pack in it.
    fn block(&self, at: At) -> Result<(Option<BlockKey>, u32), Unsealed> {
        let pack = match at {
            At::Block(key) => return Ok((Some(key), 0)),
            At::Pack(pack) => pack,
        };
        let (pack, shift) = self.joined.get(&pack).copied().unwrap_or((pack, 0));
        match self.sealed.get(&pack) {
            Some(key) => Ok((Some(*key), shift)),
            None if pack == self.packer.tail().0 => Ok((None, shift)),
            None => Err(Unsealed(pack)),
        }
    }

    fn seal_full(&mut self) -> Result<(), SealError> {
        while let Some((number, pack)) = self.packer.take_full() {
            self.seal_pack(number, pack)?;
        }
        Ok(())
    }

    fn seal_pack(&mut self, number: PackNumber, pack: Vec<u8>) -> Result<(), SealError> {
        let (block, key) = seal(&self.key, pack)?;
        self.sealed.insert(number, key);
        self.blocks.push((block, key));
        Ok(())
    }
}

impl Draft<'_> {
    /// Enters the blocks of a reference into the object's table.
    pub(crate) fn refer(&mut self, reference: &Reference) -> Result<Stored, WriteError> {
        let located = self.tree.locate(reference)?;
        Ok(self.table.refer(located.first, located.next, located.offset, reference.stored, reference.codec))
    }
}
