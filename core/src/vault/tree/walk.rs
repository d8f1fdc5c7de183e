//! Reading trees: functions that return their result or name the blocks that they lack.

use thiserror::Error;

use super::dir::DirBounds;
use super::entry::{Chunk, Content, Entry, Meta, Node};
use super::file::FileBounds;
use super::pages::{Page, Pages};
use super::path::{Name, Path};
use super::snapshot::Snapshot;
use crate::limits::{DIR_PAGE_ENTRIES, FILE_PAGE_ENTRIES, WALK_AHEAD};
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// A walk did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WalkError {
    /// Fetch and open these blocks, insert them into the cache and call again. At most [`WALK_AHEAD`] and one more, each once.
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
pub fn snapshot(pages: &Pages, reference: &Reference) -> Result<Snapshot, WalkError> {
    match &pages.object(reference)?.page {
        Page::Snapshot(snapshot) => Ok(Snapshot::clone(snapshot)),
        other => Err(other.misplaced()),
    }
}

/// Finds what stands at `path`; the root is a directory without metadata of its own.
///
/// # Errors
/// [`WalkError`].
pub fn lookup(pages: &Pages, root: Option<&Reference>, path: &Path) -> Result<Node, WalkError> {
    let mut node = Node::Dir { meta: Meta::default(), pages: root.cloned() };
    for (depth, name) in path.names().iter().enumerate() {
        let Node::Dir { pages: dir, .. } = &node else {
            return Err(WalkError::NotADirectory { path: path.ancestor(depth) });
        };
        let found = dir.as_ref().map(|dir| find(pages, dir, name)).transpose()?.flatten();
        node = found.ok_or_else(|| WalkError::NotFound { path: path.ancestor(depth + 1) })?;
    }
    Ok(node)
}

/// Finds a name in the directory whose root page this is.
fn find(pages: &Pages, dir: &Reference, name: &Name) -> Result<Option<Node>, WalkError> {
    let (mut at, mut bounds) = (dir.clone(), DirBounds::default());
    loop {
        let object = bounds.load(pages, &at)?;
        match &object.page {
            Page::Dir(page) => {
                let found = page.entries.binary_search_by(|entry| entry.name.cmp(name)).ok();
                return Ok(found.and_then(|at| page.entries.get(at)).map(|entry| entry.node.clone()));
            }
            Page::DirNode(node) => {
                let child = node.position(name);
                bounds = node.bounds_of(child, &bounds);
                at = node.children[child].1.clone();
            }
            other => return Err(other.misplaced()),
        }
    }
}

/// Returns entries of a directory in order, those behind `after`: at least one and at most `limit`, unless there are none left.
///
/// An empty answer is the end; a short one is not.
///
/// # Errors
/// [`WalkError`].
pub fn list(pages: &Pages, dir: Option<&Reference>, after: Option<&Name>, limit: usize) -> Result<Vec<Entry>, WalkError> {
    let mut listing = Gather::new(limit);
    if let Some(dir) = dir {
        list_below(pages, dir, &DirBounds::default(), after, &mut listing)?;
    }
    listing.finish()
}

fn list_below(
    pages: &Pages,
    reference: &Reference,
    bounds: &DirBounds,
    after: Option<&Name>,
    listing: &mut Gather<Entry>,
) -> Result<(), WalkError> {
    if listing.lacks(pages, reference, DIR_PAGE_ENTRIES / 2)? {
        return Ok(());
    }
    let object = bounds.load(pages, reference)?;
    match &object.page {
        Page::Dir(page) => {
            let from = after.map_or(0, |after| page.entries.partition_point(|entry| entry.name <= *after));
            listing.extend(page.entries[from..].iter().cloned());
            Ok(())
        }
        Page::DirNode(node) => {
            for child in after.map_or(0, |after| node.position(after))..node.children.len() {
                if listing.is_full() {
                    break;
                }
                list_below(pages, &node.children[child].1, &node.bounds_of(child, bounds), after, listing)?;
            }
            Ok(())
        }
        other => Err(other.misplaced()),
    }
}

/// Returns chunks of a file in order with the offset at which each starts, from the one that holds byte `from` on: at least one and
/// at most `limit`, unless the file ends before `from`.
///
/// # Errors
/// [`WalkError`].
pub fn chunks(pages: &Pages, file: &Node, from: u64, limit: usize) -> Result<Vec<(u64, Chunk)>, WalkError> {
    let Node::File { len, content, .. } = file else { return Err(WalkError::NotAFile) };
    let mut listing = Gather::new(limit);
    if from < *len {
        match content {
            Content::Inline(chunks) => listing.extend(from_offset(chunks, 0, from)),
            Content::Paged(page) => chunks_below(pages, page, FileBounds { level: None, len: *len }, 0, from, &mut listing)?,
        }
    }
    listing.finish()
}

fn chunks_below(
    pages: &Pages,
    reference: &Reference,
    bounds: FileBounds,
    start: u64,
    from: u64,
    listing: &mut Gather<(u64, Chunk)>,
) -> Result<(), WalkError> {
    if listing.lacks(pages, reference, FILE_PAGE_ENTRIES)? {
        return Ok(());
    }
    let object = bounds.load(pages, reference)?;
    match &object.page {
        Page::File(page) => {
            listing.extend(from_offset(&page.chunks, start, from));
            Ok(())
        }
        Page::FileNode(node) => {
            let mut start = start;
            for (len, child) in &node.children {
                if listing.is_full() {
                    break;
                }
                if start + len > from {
                    chunks_below(pages, child, FileBounds { level: Some(node.level - 1), len: *len }, start, from, listing)?;
                }
                start += len;
            }
            Ok(())
        }
        other => Err(other.misplaced()),
    }
}

/// Returns the chunks that hold bytes at or behind `from`, with the offset of each; the first one starts at `start`.
fn from_offset(chunks: &[Chunk], mut start: u64, from: u64) -> impl Iterator<Item = (u64, Chunk)> {
    chunks.iter().filter_map(move |chunk| {
        let begin = start;
        start += u64::from(chunk.len);
        (start > from).then(|| (begin, chunk.clone()))
    })
}

/// What a walk in order gathers: items up to the first page that is not here, and behind that only the names of what to fetch.
struct Gather<T> {
    items: Vec<T>,
    limit: usize,
    missing: Vec<BlockKey>,
    /// Items that the missing pages probably hold.
    expected: usize,
}

impl<T> Gather<T> {
    const fn new(limit: usize) -> Self {
        Self { items: Vec::new(), limit, missing: Vec::new(), expected: 0 }
    }

    /// Says whether a page is not here, and then expects it to hold so many items.
    fn lacks(&mut self, pages: &Pages, page: &Reference, holds: usize) -> Result<bool, WalkError> {
        let lacks = pages.lacks(page, &mut self.missing)?;
        self.expected += if lacks { holds } else { 0 };
        Ok(lacks)
    }

    fn extend(&mut self, items: impl Iterator<Item = T>) {
        if self.missing.is_empty() {
            let room = self.limit - self.items.len();
            self.items.extend(items.take(room));
        }
    }

    fn is_full(&self) -> bool {
        self.items.len() + self.expected >= self.limit || self.missing.len() >= WALK_AHEAD
    }

    /// Returns what was gathered; the names of what to fetch only when that is nothing.
    fn finish(self) -> Result<Vec<T>, WalkError> {
        if self.items.is_empty() && !self.missing.is_empty() { Err(WalkError::Missing(self.missing)) } else { Ok(self.items) }
    }
}
