//! Writing tree objects: children first, into the packs of the tree stream, which are sealed as they fill.

use std::sync::Arc;

use thiserror::Error;

use super::snapshot::Snapshot;
use crate::block::Block;
use crate::vault::pack::{PackNumber, Tail};
use crate::vault::reference::Reference;
use crate::vault::seal::{BlockKey, SealError, SealKey};

/// Writes the tree stream of one commit. A clone is another attempt at the same commit.
#[derive(Clone)]
pub struct TreeWriter {
    _key: Arc<SealKey>,
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

impl TreeWriter {
    /// Starts the tree stream of a commit.
    #[must_use]
    pub fn new(_key: Arc<SealKey>) -> Self {
        unimplemented!()
    }

    /// Takes note that a data pack was sealed.
    pub fn sealed(&mut self, _pack: PackNumber, _key: BlockKey) {
        unimplemented!()
    }

    /// Takes the data stream's tail: into the tree's pack where it fits there, else sealed alone. All data references resolve after.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn place_tail(&mut self, _tail: Tail) -> Result<(), SealError> {
        unimplemented!()
    }

    /// Writes a snapshot, the last object of a commit.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_snapshot(&mut self, _snapshot: &Snapshot) -> Result<Reference, WriteError> {
        unimplemented!()
    }

    /// Seals the last pack, padded to the smallest block that takes it.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn finish(&mut self) -> Result<(), SealError> {
        unimplemented!()
    }

    /// Takes the blocks sealed since the last call, in the order of the stream.
    pub fn take_blocks(&mut self) -> Vec<(Block, BlockKey)> {
        unimplemented!()
    }

    /// Returns the reference with blocks in the place of packs.
    ///
    /// # Errors
    /// [`Unsealed`]: after [`TreeWriter::finish`] only for data packs that it was not told of.
    pub fn resolve(&self, _reference: &Reference) -> Result<Reference, Unsealed> {
        unimplemented!()
    }
}
