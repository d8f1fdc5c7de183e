//! Visiting every block that snapshots need, for checking and for telling live blocks from dead ones.

use super::dir::DirBounds;
use super::entry::{Content, Node};
use super::file::FileBounds;
use super::pages::{Page, Pages};
use super::walk::WalkError;
use crate::id::BlockId;
use crate::limits::{PATH_DEPTH, WALK_AHEAD};
use crate::map::Set;
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// Visits everything that snapshots need, object by object, each once.
#[derive(Debug, Default)]
pub struct BlockWalk {
    /// Objects to visit, the next one last.
    pending: Vec<Pending>,
    /// Objects that were visited or wait to be.
    objects: Set<(BlockId, u32)>,
    blocks: Set<BlockId>,
}

/// What one step of a [`BlockWalk`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Visited {
    /// Blocks that were not named before.
    pub blocks: Vec<BlockKey>,
    /// The object, or an entry in it, is of a kind that a newer release wrote: what lies below is not known, so nothing may be freed.
    pub unknown: bool,
}

#[derive(Debug, Clone)]
struct Pending {
    reference: Reference,
    expected: Expected,
}

/// What has to stand at a reference.
#[derive(Debug, Clone)]
enum Expected {
    Snapshot { history: bool },
    Dir { bounds: DirBounds, depth: usize },
    File(FileBounds),
}

impl BlockWalk {
    /// Starts with nothing to visit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a snapshot, and with `history` those that it continues.
    pub fn add(&mut self, snapshot: &Reference, history: bool) {
        self.push(snapshot, Expected::Snapshot { history });
    }

    /// Adds the directory at whose root this page stands.
    pub fn add_dir(&mut self, root: &Reference) {
        self.push(root, Expected::Dir { bounds: DirBounds::default(), depth: 0 });
    }

    /// Visits the next object; `None` when all were visited. After an error the walk goes on where it was.
    ///
    /// # Errors
    /// [`WalkError`].
    pub fn next(&mut self, pages: &Pages) -> Result<Option<Visited>, WalkError> {
        let Some(next) = self.pending.last() else { return Ok(None) };
        let Pending { reference, expected } = next.clone();
        let object = match &expected {
            Expected::Dir { bounds, .. } => bounds.load(pages, &reference),
            Expected::File(bounds) => bounds.load(pages, &reference),
            Expected::Snapshot { .. } => pages.object(&reference),
        };
        let object = match object {
            Ok(object) => object,
            Err(WalkError::Missing(_)) => return Err(self.missing(pages)),
            Err(WalkError::Unknown { .. }) => pages.object(&reference)?,
            Err(error) => return Err(error),
        };
        self.pending.pop();
        let mut visited = Visited::default();
        let own = reference.blocks().into_iter().flat_map(|(first, next)| [Some(first), next]).flatten();
        visited.blocks.extend(own.chain(object.blocks.iter().copied()).filter(|block| self.blocks.insert(block.id)));
        match (&object.page, expected) {
            (Page::Unknown { .. }, _) => visited.unknown = true,
            (Page::Snapshot(snapshot), Expected::Snapshot { history }) => {
                for parent in snapshot.parents.iter().rev().filter(|_| history) {
                    self.push(parent, Expected::Snapshot { history });
                }
                if let Some(root) = &snapshot.root {
                    self.push(root, Expected::Dir { bounds: DirBounds::default(), depth: 0 });
                }
            }
            (Page::Dir(page), Expected::Dir { depth, .. }) => {
                for entry in page.entries.iter().rev() {
                    match &entry.node {
                        Node::Dir { pages: Some(dir), .. } if depth < PATH_DEPTH => {
                            self.push(dir, Expected::Dir { bounds: DirBounds::default(), depth: depth + 1 });
                        }
                        Node::Dir { pages: Some(_), .. } => return Err(WalkError::Damaged("directories nest too deep")),
                        Node::File { len, content: Content::Paged(page), .. } => {
                            self.push(page, Expected::File(FileBounds { level: None, len: *len }));
                        }
                        Node::Unknown { .. } => visited.unknown = true,
                        Node::File { .. } | Node::Dir { .. } | Node::Symlink { .. } | Node::Mount { .. } => {}
                    }
                }
            }
            (Page::DirNode(node), Expected::Dir { bounds, depth }) => {
                for (child, (_, reference)) in node.children.iter().enumerate().rev() {
                    self.push(reference, Expected::Dir { bounds: node.bounds_of(child, &bounds), depth });
                }
            }
            (Page::FileNode(node), Expected::File(_)) => {
                for (len, reference) in node.children.iter().rev() {
                    self.push(reference, Expected::File(FileBounds { level: Some(node.level - 1), len: *len }));
                }
            }
            (Page::File(_), Expected::File(_)) => {}
            (other, _) => return Err(other.misplaced()),
        }
        Ok(Some(visited))
    }

    fn push(&mut self, reference: &Reference, expected: Expected) {
        let known = reference.blocks().is_some_and(|(first, _)| !self.objects.insert((first.id, reference.offset)));
        if !known {
            self.pending.push(Pending { reference: reference.clone(), expected });
        }
    }

    /// Names the blocks that the next objects need.
    fn missing(&self, pages: &Pages) -> WalkError {
        let mut missing = Vec::new();
        for next in self.pending.iter().rev() {
            if missing.len() >= WALK_AHEAD {
                break;
            }
            if let Err(error) = pages.lacks(&next.reference, &mut missing) {
                return error;
            }
        }
        WalkError::Missing(missing)
    }
}
