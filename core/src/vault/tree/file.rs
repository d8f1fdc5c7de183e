//! Files: the list of a file's chunks, in pages where it is long.

use super::entry::{Chunk, Content};
use super::writer::{TreeWriter, WriteError};

/// Collects the chunks of one file in order and writes pages of them as soon as their packs are sealed, so that memory stays bounded.
#[derive(Debug, Clone, Default)]
pub struct FileBuilder {}

impl FileBuilder {
    /// Starts an empty file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the file's next chunk.
    pub fn push(&mut self, _chunk: Chunk) {
        unimplemented!()
    }

    /// Writes the pages that are full and whose packs are sealed.
    ///
    /// # Errors
    /// [`WriteError`], but never [`WriteError::Unsealed`].
    pub fn advance(&mut self, _tree: &mut TreeWriter) -> Result<(), WriteError> {
        unimplemented!()
    }

    /// Ends the file: its length and content.
    ///
    /// # Errors
    /// [`WriteError::Unsealed`] when a page has to be written and a pack of it is not sealed: call again later.
    pub fn finish(&mut self, _tree: &mut TreeWriter) -> Result<(u64, Content), WriteError> {
        unimplemented!()
    }
}
