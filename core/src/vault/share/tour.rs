//! A way through everything in a folder, in order and bit by bit, for those who write it anew.

use std::collections::VecDeque;

use crate::limits::{FILE_PAGE_ENTRIES, PATH_DEPTH};
use crate::vault::reference::Reference;
use crate::vault::tree::{Chunk, Entry, Meta, Name, Node, Pages, WalkError, walk};

/// Where a tour is.
pub(super) struct Tour {
    folders: Vec<Folder>,
    /// The file that is being passed, and the byte from which on its chunks were not named.
    file: Option<(Node, u64)>,
}

/// A folder on the way down.
struct Folder {
    pages: Option<Reference>,
    after: Option<Name>,
    entries: VecDeque<Entry>,
}

/// What comes next.
pub(super) enum Stop {
    /// A folder; what lies in it follows.
    Enter(Name, Meta),
    /// The end of the folder that was entered last.
    Leave,
    /// A file; its chunks follow.
    File(Name, Meta, u64),
    /// Chunks of the file.
    Chunks(Vec<Chunk>),
    /// The end of the file.
    FileEnd,
    /// A symbolic link.
    Symlink(Entry),
    /// What a newer release wrote.
    Unknown(u8),
}

impl Tour {
    /// Starts in the folder whose root page this is, or with one entry that stands for a folder of its own.
    pub(super) fn new(pages: Option<Reference>, entry: Option<Entry>) -> Self {
        Self { folders: vec![Folder { pages, after: None, entries: entry.into_iter().collect() }], file: None }
    }

    /// Goes on; `None` at the end, which is the end of the first folder. After an error the tour is where it was.
    ///
    /// Another vault that is mounted is passed by: whoever holds a link could not open it, and its name is nobody's business.
    pub(super) fn next(&mut self, pages: &Pages) -> Result<Option<Stop>, WalkError> {
        if let Some((node, offset)) = &mut self.file {
            let chunks = walk::chunks(pages, node, *offset, FILE_PAGE_ENTRIES)?;
            return Ok(Some(match chunks.last() {
                Some((start, last)) => {
                    *offset = start + u64::from(last.len);
                    Stop::Chunks(chunks.into_iter().map(|(_, chunk)| chunk).collect())
                }
                None => {
                    self.file = None;
                    Stop::FileEnd
                }
            }));
        }
        loop {
            let depth = self.folders.len();
            let Some(folder) = self.folders.last_mut() else { return Ok(None) };
            let Some(entry) = folder.entries.pop_front() else {
                folder.entries = walk::list(pages, folder.pages.as_ref(), folder.after.as_ref(), LIST)?.into();
                if folder.entries.is_empty() {
                    self.folders.pop();
                    return Ok(Some(Stop::Leave));
                }
                continue;
            };
            folder.after = Some(entry.name.clone());
            match entry.node {
                Node::Dir { .. } if depth > PATH_DEPTH => return Err(WalkError::Damaged("directories nest too deep")),
                Node::Dir { meta, pages } => {
                    self.folders.push(Folder { pages, after: None, entries: VecDeque::new() });
                    return Ok(Some(Stop::Enter(entry.name, meta)));
                }
                Node::File { meta, len, .. } => {
                    self.file = Some((entry.node, 0));
                    return Ok(Some(Stop::File(entry.name, meta, len)));
                }
                Node::Symlink { .. } => return Ok(Some(Stop::Symlink(entry))),
                Node::Mount { .. } => {}
                Node::Unknown { kind, .. } => return Ok(Some(Stop::Unknown(kind))),
            }
        }
    }
}

/// Entries that are listed at once.
const LIST: usize = 64;
