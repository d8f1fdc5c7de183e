//! Files: the list of a file's chunks, in pages where it is long.

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::{Chunk, Content, StoredChunk};
use super::object::{self, Frame, List, Stored, kind};
use super::pages::{Object, Page, Pages};
use super::walk::WalkError;
use super::writer::{Draft, TreeWriter, Unsealed, WriteError};
use crate::limits::{FILE_PAGE_ENTRIES, INLINE_CHUNKS, PAGE_LEVELS};
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// Collects the chunks of one file in order and writes pages of them as soon as their packs are sealed, so that memory stays bounded.
#[derive(Debug, Clone, Default)]
pub struct FileBuilder {
    len: u64,
    /// Chunks that stand in no page yet.
    waiting: VecDeque<Chunk>,
    /// Pages of chunks, pages of those, and so on, that stand in no page yet, each with the bytes below it.
    levels: Vec<Vec<(u64, Reference)>>,
}

/// Chunks in order, at least one.
#[derive(Debug)]
pub(crate) struct FilePage {
    pub(crate) chunks: Vec<Chunk>,
}

/// Pages in order, at least one, each with the bytes below it.
#[derive(Debug)]
pub(crate) struct FileNode {
    /// How many levels of pages lie below: 1 above pages of chunks.
    pub(crate) level: u8,
    pub(crate) children: Vec<(u64, Reference)>,
}

/// What the page above demands of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileBounds {
    /// Its level; any for the page at a file's root.
    pub(crate) level: Option<u8>,
    /// The bytes below it.
    pub(crate) len: u64,
}

type PageBody = List<StoredChunk, FILE_PAGE_ENTRIES>;
type NodeBody = (u8, List<(u64, Stored), FILE_PAGE_ENTRIES>);

impl FileBuilder {
    /// Starts an empty file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the file's next chunk.
    pub fn push(&mut self, chunk: Chunk) {
        self.len += u64::from(chunk.len);
        self.waiting.push_back(chunk);
    }

    /// Returns the bytes of the file so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Says whether the file has no bytes so far.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes the pages that are full and whose packs are sealed.
    ///
    /// # Errors
    /// [`WriteError`], but never [`WriteError::Unsealed`].
    pub fn advance(&mut self, tree: &mut TreeWriter) -> Result<(), WriteError> {
        while self.waiting.len() > FILE_PAGE_ENTRIES && self.unsealed(FILE_PAGE_ENTRIES, tree).is_none() {
            self.write_page(FILE_PAGE_ENTRIES, tree)?;
            for level in 0..self.levels.len() {
                if self.levels[level].len() > FILE_PAGE_ENTRIES {
                    let full = self.levels[level].drain(..FILE_PAGE_ENTRIES).collect::<Vec<_>>();
                    self.write_node(level, &full, tree)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the file: its length and content.
    ///
    /// # Errors
    /// [`WriteError::Unsealed`] when a page has to be written and a pack of it is not sealed: call again later.
    pub fn finish(&mut self, tree: &mut TreeWriter) -> Result<(u64, Content), WriteError> {
        if self.levels.is_empty() && self.waiting.len() <= INLINE_CHUNKS {
            return Ok((self.len, Content::Inline(self.waiting.iter().cloned().collect())));
        }
        if let Some(unsealed) = self.unsealed(self.waiting.len(), tree) {
            return Err(unsealed.into());
        }
        self.advance(tree)?;
        if !self.waiting.is_empty() {
            self.write_page(self.waiting.len(), tree)?;
        }
        let mut level = 0;
        loop {
            let pages = std::mem::take(&mut self.levels[level]);
            match pages.as_slice() {
                [(_, root)] if level + 1 == self.levels.len() => return Ok((self.len, Content::Paged(root.clone()))),
                pages => {
                    for pages in pages.chunks(FILE_PAGE_ENTRIES) {
                        self.write_node(level, pages, tree)?;
                    }
                }
            }
            level += 1;
        }
    }

    /// Returns how many chunks and pages are held in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.waiting.len(), self.levels.iter().map(Vec::len).sum())
    }

    /// Returns a pack of the first `count` waiting chunks that is not sealed.
    fn unsealed(&self, count: usize, tree: &TreeWriter) -> Option<Unsealed> {
        self.waiting.iter().take(count).find_map(|chunk| tree.locate(&chunk.reference).err())
    }

    /// Writes a page of the first `count` waiting chunks.
    fn write_page(&mut self, count: usize, tree: &mut TreeWriter) -> Result<(), WriteError> {
        let chunks = self.waiting.drain(..count).collect::<Vec<_>>();
        let page = tree.write(|draft| FilePage::encode(&chunks, draft))?;
        let len = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
        self.add(0, (len, page))
    }

    /// Writes a page of pages of `level`.
    fn write_node(&mut self, level: usize, pages: &[(u64, Reference)], tree: &mut TreeWriter) -> Result<(), WriteError> {
        let node = tree.write(|draft| FileNode::encode(level as u8 + 1, pages, draft))?;
        self.add(level + 1, (pages.iter().map(|(len, _)| len).sum(), node))
    }

    fn add(&mut self, level: usize, page: (u64, Reference)) -> Result<(), WriteError> {
        if level >= PAGE_LEVELS {
            return Err(WriteError::Bounds("a file has too many levels of pages"));
        }
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(page);
        Ok(())
    }
}

impl FilePage {
    pub(crate) fn encode(chunks: &[Chunk], mut draft: Draft<'_>) -> Result<Vec<u8>, WriteError> {
        let chunks = chunks.iter().map(|chunk| chunk.encode(&mut draft)).collect::<Result<Vec<_>, _>>()?;
        object::encode(kind::FILE, &draft.table, &chunks)
    }

    pub(crate) fn decode(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<(Frame, Self), WalkError> {
        let (frame, chunks) = Frame::decode::<PageBody>(own, offset, bytes)?;
        let chunks = chunks.0.into_iter().map(|chunk| chunk.decode(&frame)).collect::<Result<Vec<_>, _>>()?;
        Ok((frame, Self { chunks }))
    }
}

impl FileNode {
    pub(crate) fn encode(level: u8, children: &[(u64, Reference)], mut draft: Draft<'_>) -> Result<Vec<u8>, WriteError> {
        if usize::from(level) >= PAGE_LEVELS {
            return Err(WriteError::Bounds("a file has too many levels of pages"));
        }
        let children = children.iter().map(|(len, child)| Ok((len, draft.refer(child)?))).collect::<Result<Vec<_>, WriteError>>()?;
        object::encode(kind::FILE_NODE, &draft.table, &(level, children))
    }

    pub(crate) fn decode(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<(Frame, Self), WalkError> {
        let (frame, (level, children)) = Frame::decode::<NodeBody>(own, offset, bytes)?;
        if !(1..PAGE_LEVELS).contains(&usize::from(level)) {
            return Err(WalkError::Damaged("a file has too many levels of pages"));
        }
        let children =
            children.0.into_iter().map(|(len, child)| Ok((len, frame.refer_object(child)?))).collect::<Result<Vec<_>, WalkError>>()?;
        Ok((frame, Self { level, children }))
    }
}

impl FileBounds {
    /// Reads a page and checks that it is what the page above demands.
    pub(crate) fn load(self, pages: &Pages, reference: &Reference) -> Result<Arc<Object>, WalkError> {
        let object = pages.object(reference)?;
        let (level, len) = match &object.page {
            Page::File(page) => (0, sum(page.chunks.iter().map(|chunk| u64::from(chunk.len)))),
            Page::FileNode(node) => (node.level, sum(node.children.iter().map(|(len, _)| *len))),
            other => return Err(other.misplaced()),
        };
        if self.level.is_some_and(|demanded| demanded != level) {
            return Err(WalkError::Damaged("a file page is of another level"));
        }
        if len != Some(self.len) {
            return Err(WalkError::Damaged("the pages of a file do not add up to its length"));
        }
        Ok(object)
    }
}

/// Adds lengths up; `None` when one is zero, there are none, or they overflow.
fn sum(lengths: impl Iterator<Item = u64>) -> Option<u64> {
    let mut total = 0u64;
    for len in lengths {
        total = total.checked_add(len).filter(|_| len > 0)?;
    }
    (total > 0).then_some(total)
}
