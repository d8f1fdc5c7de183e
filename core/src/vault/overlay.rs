//! The merged tree before a commit has written it down: what the others change in the first head's tree, in pages that are on this device
//! and nowhere else. So everybody's files are seen as soon as their heads are known, by those too who never write.

use std::sync::Arc;

use super::reference::Reference;
use super::seal::SealKey;
use super::tree::{Edit, EditError, Editor, Meta, Pages, Path, TreeWriter, WriteError};
use crate::block::Block;
use crate::map::Map;

/// The pages of a merged tree in the making; keeps what is done while it waits for old ones.
pub(super) struct Overlay {
    root: Option<Reference>,
    changes: Map<Path, Edit>,
    editor: Editor,
    tree: TreeWriter,
}

/// A merged tree.
pub(super) struct Whole {
    /// The root folder of the first head.
    pub(super) root: Option<Reference>,
    /// What the others change in it.
    pub(super) changes: Map<Path, Edit>,
    /// The root folder of both together.
    pub(super) seen: Option<Reference>,
    /// The pages that it takes.
    pub(super) blocks: Vec<Block>,
}

impl Overlay {
    pub(super) fn new(root: Option<Reference>, changes: Map<Path, Edit>, key: &Arc<SealKey>) -> Self {
        let editor = Editor::new(root.clone(), changes.clone(), Meta::default());
        Self { root, changes, editor, tree: TreeWriter::new(Arc::clone(key)) }
    }

    /// Returns a number that grows whenever something was done that is not done again.
    pub(super) fn steps(&self) -> usize {
        self.editor.steps()
    }

    /// Goes on until all pages are written. Where a newer release has written, the first head's tree is all that can be shown.
    pub(super) fn advance(&mut self, pages: &Pages) -> Result<Whole, EditError> {
        let (root, changes) = (self.root.clone(), self.changes.clone());
        let seen = match self.editor.apply(pages, &mut self.tree) {
            Err(EditError::Unknown(_)) => return Ok(Whole { seen: root.clone(), root, changes, blocks: Vec::new() }),
            seen => seen?,
        };
        self.tree.finish().map_err(WriteError::Seal)?;
        let seen = seen.map(|seen| self.tree.resolve(&seen).map_err(WriteError::Unsealed)).transpose()?;
        let blocks = self.tree.take_blocks().into_iter().map(|(block, _)| block).collect();
        Ok(Whole { root, changes, seen, blocks })
    }
}
