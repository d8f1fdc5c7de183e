//! Reading trees: functions that return their result or name the blocks that they lack.

use thiserror::Error;

use super::entry::{Chunk, Entry, Node};
use super::pages::Pages;
use super::path::{Name, Path};
use super::snapshot::Snapshot;
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// A walk did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WalkError {
    /// Fetch and open these blocks, insert them into the cache and call again. At most 16, each once.
    #[error("blocks have to be fetched first")]
    Missing(Vec<BlockKey>),
    /// There is nothing at this path.
    #[error("{path} does not exist")]
    NotFound {
        /// The shortest path at which there is nothing.
        path: Path,
    },
    /// The path leads through something that is no directory.
    #[error("{path} is not a directory")]
    NotADirectory {
        /// What is no directory.
        path: Path,
    },
    /// The node is no file.
    #[error("not a file")]
    NotAFile,
    /// An authentic object breaks the rules of the format: whoever wrote it is at fault.
    #[error("the tree is damaged: {0}")]
    Damaged(&'static str),
    /// A newer release wrote this object.
    #[error("written by a newer release: object of kind {kind}, version {version}")]
    Unknown {
        /// The kind of object.
        kind: u8,
        /// Its version.
        version: u8,
    },
}

/// Reads the snapshot at `reference`.
///
/// # Errors
/// [`WalkError`].
pub fn snapshot(_pages: &Pages, _reference: &Reference) -> Result<Snapshot, WalkError> {
    unimplemented!()
}

/// Finds what stands at `path`; the root is a directory without metadata of its own.
///
/// # Errors
/// [`WalkError`].
pub fn lookup(_pages: &Pages, _root: Option<&Reference>, _path: &Path) -> Result<Node, WalkError> {
    unimplemented!()
}

/// Returns entries of a directory in order, those behind `after`: at least one and at most `limit`, unless there are none left.
///
/// An empty answer is the end; a short one is not.
///
/// # Errors
/// [`WalkError`].
pub fn list(_pages: &Pages, _dir: Option<&Reference>, _after: Option<&Name>, _limit: usize) -> Result<Vec<Entry>, WalkError> {
    unimplemented!()
}

/// Returns chunks of a file in order with the offset at which each starts, from the one that holds byte `from` on: at least one and
/// at most `limit`, unless the file ends before `from`.
///
/// # Errors
/// [`WalkError`].
pub fn chunks(_pages: &Pages, _file: &Node, _from: u64, _limit: usize) -> Result<Vec<(u64, Chunk)>, WalkError> {
    unimplemented!()
}

/// Visits everything that snapshots need, object by object, each once.
#[derive(Debug, Default)]
pub struct BlockWalk {}

/// What one step of a [`BlockWalk`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visited {
    /// Blocks that were not named before.
    pub blocks: Vec<BlockKey>,
    /// The object, or an entry in it, is of a kind that a newer release wrote: what lies below is not known, so nothing may be freed.
    pub unknown: bool,
}

impl BlockWalk {
    /// Starts with nothing to visit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a snapshot, and with `history` those that it continues.
    pub fn add(&mut self, _snapshot: &Reference, _history: bool) {
        unimplemented!()
    }

    /// Visits the next object; `None` when all were visited. After an error the walk goes on where it was.
    ///
    /// # Errors
    /// [`WalkError`].
    pub fn next(&mut self, _pages: &Pages) -> Result<Option<Visited>, WalkError> {
        unimplemented!()
    }
}
