//! Changing trees: edits by path become new pages, and pages that no edit touches stay as they are.

use std::collections::BTreeMap;

use thiserror::Error;

use super::entry::{Meta, Node};
use super::pages::Pages;
use super::path::Path;
use super::walk::WalkError;
use super::writer::{TreeWriter, WriteError};
use crate::vault::reference::Reference;

/// A change at one path. A move is a [`Edit::Remove`] and a [`Edit::Put`] of the node that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// This stands there from now on, whatever stood there before. Edits inside of a directory put apply to it afterwards.
    Put(Node),
    /// A directory with this metadata stands there; if one did before, what lies in it stays.
    Directory(Meta),
    /// Nothing stands there any more; edits inside apply to an empty directory.
    Remove,
}

/// Edits were not applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// Reading the base failed or has to be repeated ([`WalkError::Missing`]).
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Writing failed or has to be repeated ([`WriteError::Unsealed`]).
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The page that would be rewritten holds an entry of a newer release.
    #[error("{0} holds an entry that a newer release wrote, so this one cannot change it")]
    Unknown(Path),
}

/// Applies edits to a tree. What was done is kept between calls, so that a tree of any size passes through the bounded cache.
#[derive(Debug, Clone)]
pub struct Editor {}

impl Editor {
    /// Starts with the root page of the base, or none; `parents` is the metadata of directories that have to be made on the way.
    #[must_use]
    pub fn new(_base: Option<Reference>, _edits: BTreeMap<Path, Edit>, _parents: Meta) -> Self {
        unimplemented!()
    }

    /// Goes on until all is applied and returns the new root page; the base's, when nothing changed. Always give the same writer.
    ///
    /// # Errors
    /// [`EditError`]; call again after what it asks for was done.
    pub fn apply(&mut self, _pages: &Pages, _tree: &mut TreeWriter) -> Result<Option<Reference>, EditError> {
        unimplemented!()
    }
}
