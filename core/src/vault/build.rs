//! Writing the tree of a commit: files end, edits become pages, a snapshot stands on top.

use super::chunk::ChunkId;
use super::put::{Staged, StagedFile, Writing};
use super::reference::Reference;
use super::tree::{Content, Edit, EditError, Editor, Meta, Node, Pages, Path, Snapshot, WalkError, WriteError, walk};
use super::view::Merged;
use crate::id::PeerId;
use crate::identity::Identity;
use crate::map::Map;
use crate::time::Time;

/// Permission bits of folders that have to be made on the way.
const PARENT_MODE: u32 = 0o755;
/// Chunks compared at once between a file that is put and the one that stands.
const COMPARE: usize = 4096;

/// The tree of one commit in the making; keeps what is done while it waits for pages.
pub(super) struct Build {
    base: Merged,
    files: Map<Path, StagedFile>,
    edits: Map<Path, Edit>,
    compared: Compared,
    editor: Option<Editor>,
}

/// A written tree.
pub(super) struct Built {
    pub(super) snapshot: Reference,
    pub(super) root: Option<Reference>,
    pub(super) vector: Map<PeerId, u64>,
}

/// How far the file that stands has been compared with the one that is put.
#[derive(Default)]
struct Compared {
    offset: u64,
    digest: blake3::Hasher,
}

impl Build {
    pub(super) fn new(base: Merged, staged: Map<Path, Staged>) -> Self {
        let mut files = Map::new();
        let mut edits = base.changes.clone();
        for (path, staged) in staged {
            match staged {
                Staged::File(file) => {
                    files.insert(path, file);
                }
                Staged::Edit(edit) => {
                    edits.insert(path, edit);
                }
            }
        }
        Self { base, files, edits, compared: Compared::default(), editor: None }
    }

    /// Returns a number that changes whenever something was done that is not done again.
    pub(super) fn steps(&self) -> (usize, u64, usize) {
        (self.files.len(), self.compared.offset, self.editor.as_ref().map_or(0, Editor::steps))
    }

    /// Goes on until the tree is written; `None` when it is the one that stands.
    pub(super) fn advance(
        &mut self,
        pages: &Pages,
        writing: &mut Writing,
        message: &str,
        now: Time,
        device: &Identity,
    ) -> Result<Option<Built>, EditError> {
        // Files need all their packs; without any, what lies in the open pack belongs to puts that go on.
        if !self.files.is_empty()
            && let Some(tail) = writing.packer.take_tail()
        {
            writing.tree.place_tail(tail).map_err(WriteError::Seal)?;
        }
        while let Some((path, file)) = self.files.first_key_value() {
            let (path, mut file) = (path.clone(), file.clone());
            let content = match unchanged(&path, &file, self.base.root.as_ref(), &mut self.compared, pages, writing)? {
                Some(content) => content,
                None => file.builder.finish(&mut writing.tree)?.1,
            };
            self.edits.insert(path.clone(), Edit::Put(Node::File { meta: file.meta, len: file.len, content }));
            self.files.remove(&path);
            self.compared = Compared::default();
        }
        let editor = self.editor.get_or_insert_with(|| {
            let parents = Meta { mode: PARENT_MODE, modified_seconds: (now.0 / 1000) as i64, modified_nanos: 0 };
            Editor::new(self.base.root.clone(), std::mem::take(&mut self.edits), parents)
        });
        let root = editor.apply(pages, &mut writing.tree)?;
        if root == self.base.root && self.base.parents.len() <= 1 {
            return Ok(None);
        }
        let snapshot = Snapshot {
            parents: self.base.parents.clone(),
            root: root.clone(),
            time: now,
            device: device.peer(),
            message: message.to_owned(),
        };
        let snapshot = writing.tree.write_snapshot(&snapshot)?;
        writing.tree.finish().map_err(WriteError::Seal)?;
        let resolve = |reference: &Reference| writing.tree.resolve(reference).map_err(WriteError::Unsealed);
        let root = root.as_ref().map(resolve).transpose()?;
        Ok(Some(Built { snapshot: resolve(&snapshot)?, root, vector: self.base.vector.clone() }))
    }
}

/// Returns the content of the file that stands at `path` when it has the same chunks in blocks that this commit counts on: its pages
/// are used again. Where a block was lost and its content sent anew, the old pages lead nowhere.
fn unchanged(
    path: &Path,
    file: &StagedFile,
    root: Option<&Reference>,
    compared: &mut Compared,
    pages: &Pages,
    writing: &Writing,
) -> Result<Option<Content>, WalkError> {
    let there = match walk::lookup(pages, root, path) {
        Ok(node) => node,
        Err(WalkError::NotFound { .. } | WalkError::NotADirectory { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Node::File { len, content: content @ Content::Paged(_), .. } = &there else { return Ok(None) };
    if *len != file.len {
        return Ok(None);
    }
    while compared.offset < *len {
        let chunks = walk::chunks(pages, &there, compared.offset, COMPARE)?;
        let Some((start, last)) = chunks.last() else { return Ok(None) };
        compared.offset = start + u64::from(last.len);
        if !chunks.iter().all(|(_, chunk)| writing.counts_on(&chunk.reference)) {
            return Ok(None);
        }
        for (_, chunk) in &chunks {
            let ChunkId(id) = chunk.id;
            compared.digest.update(&id);
        }
    }
    Ok((compared.digest.finalize() == file.digest).then(|| content.clone()))
}
