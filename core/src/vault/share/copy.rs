//! Writing the frozen copy behind a link: directories and files anew, under the link's own key, and of the data only what lies in packs
//! with anything that is not shared.
//!
//! ```text
//!   Surveying: every chunk of everything shared --> which packs are shared to their last byte
//!   Writing:   its chunk lies in such packs     --> refers to the old blocks
//!              else                             --> fetched, opened, its segment laid into the link's own packs
//! ```
//!
//! Nothing in the link's blocks is a function of the vault's keys: they are sealed under a key from the link's secret, and chunks have
//! other names in them. What memory it takes is bounded, whatever is shared.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cover::Cover;
use super::tour::{Stop, Tour};
use crate::block::Block;
use crate::id::BlockId;
use crate::labels;
use crate::map::Map;
use crate::share_link::ShareSecret;
use crate::vault::chunk::ChunkId;
use crate::vault::command::CommandError;
use crate::vault::opened::Opened;
use crate::vault::pack::{Packer, Stream};
use crate::vault::reference::Reference;
use crate::vault::seal::{BlockKey, SealError, SealKey};
use crate::vault::tree::dir_builder::DirBuilder;
use crate::vault::tree::{Chunk, Entry, FileBuilder, Meta, Name, Node, Pages, TreeWriter, WalkError, WriteError};

/// A copy in the making.
pub(in crate::vault) struct Copying {
    /// What is copied: the pages of a folder, or an entry that is to be its only one.
    source: (Option<Reference>, Option<Entry>),
    tour: Tour,
    cover: Cover,
    writing: Option<Box<Written>>,
    chunk_key: [u8; 32],
    seal_key: Arc<SealKey>,
    bytes: u64,
    files: u64,
    steps: u64,
    /// Old blocks that the copy refers to and that were not named yet.
    reused: Vec<BlockId>,
}

/// What is written so far.
struct Written {
    tree: TreeWriter,
    packer: Packer,
    /// The folders on the way down, the innermost last; the first one is the root.
    folders: Vec<(Option<(Name, Meta)>, DirBuilder)>,
    file: Option<File>,
    root: Option<Reference>,
}

struct File {
    name: Name,
    meta: Meta,
    builder: FileBuilder,
    /// Chunks that were named and not written.
    chunks: VecDeque<Chunk>,
}

/// The copy as it stands when all is written.
pub(in crate::vault) struct Copied {
    pub(in crate::vault) root: Option<Reference>,
    pub(in crate::vault) bytes: u64,
    pub(in crate::vault) files: u64,
}

/// Why a copy does not go on.
pub(in crate::vault) enum Halt {
    /// Pages of the vault's tree are needed first.
    Pages(Vec<BlockKey>),
    /// Blocks of content are needed first.
    Content(Vec<BlockKey>),
    /// It cannot be done.
    Failed(CommandError),
}

impl Copying {
    /// Begins to copy what is in a folder, or one entry.
    pub(in crate::vault) fn new(secret: &ShareSecret, pages: Option<Reference>, entry: Option<Entry>) -> Self {
        Self {
            tour: Tour::new(pages.clone(), entry.clone()),
            source: (pages, entry),
            cover: Cover::default(),
            writing: None,
            chunk_key: *secret.derive(labels::SHARE_CHUNKS),
            seal_key: Arc::new(SealKey::new(*secret.derive(labels::SHARE_BLOCKS))),
            bytes: 0,
            files: 0,
            steps: 0,
            reused: Vec::new(),
        }
    }

    /// Returns a number that grows whenever something was done that is not done again.
    pub(in crate::vault) const fn steps(&self) -> u64 {
        self.steps
    }

    /// Takes the blocks written since the last call, and the old ones that are referred to.
    pub(in crate::vault) fn take(&mut self) -> (Vec<Block>, Vec<BlockId>) {
        let blocks = self.writing.as_mut().map(|written| written.tree.take_blocks()).unwrap_or_default();
        (blocks.into_iter().map(|(block, _)| block).collect(), std::mem::take(&mut self.reused))
    }

    /// Does the next bit; the copy when it is complete.
    pub(in crate::vault) fn advance(&mut self, pages: &Pages, content: &mut Opened) -> Result<Option<Copied>, Halt> {
        let Some(written) = &mut self.writing else {
            self.survey(pages)?;
            self.steps += 1;
            return Ok(None);
        };
        if let Some(file) = &mut written.file
            && let Some(chunk) = file.chunks.front()
        {
            let chunk = match (self.cover.holds(&chunk.reference), chunk.reference.blocks()) {
                (true, Some((first, next))) => {
                    self.reused.extend([Some(first), next].into_iter().flatten().map(|key| key.id));
                    chunk.clone()
                }
                (_, Some((first, next))) => {
                    let (Some(first), Some(next)) =
                        (content.pack(&first.id), next.map_or(Some(None), |key| content.pack(&key.id).map(Some)))
                    else {
                        return Err(Halt::Content(self.lacking(content)));
                    };
                    let stored = chunk.reference.segment(&first, next.as_ref()).map_err(|error| damaged(&error))?;
                    Chunk { reference: written.packer.store(&stored, chunk.reference.codec), ..chunk.clone() }
                }
                (_, None) => return Err(Halt::Failed(CommandError::Damaged("a chunk lies in no block".into()))),
            };
            // Whoever holds the link learns nothing that the vault's own key made.
            let id = ChunkId(*blake3::keyed_hash(&self.chunk_key, &chunk.id.0).as_bytes());
            file.chunks.pop_front();
            file.builder.push(Chunk { id, ..chunk });
            self.steps += 1;
            written.seal_full()?;
            return Ok(None);
        }
        let stop = self.tour.next(pages)?;
        self.steps += 1;
        match stop {
            Some(Stop::Unknown(kind)) => return Err(Halt::Failed(CommandError::Newer(kind))),
            Some(stop) => written.take(stop)?,
            None => {
                written.tree.finish().map_err(WriteError::from)?;
                let root = written.root.as_ref().map(|root| written.tree.resolve(root)).transpose().map_err(WriteError::from)?;
                return Ok(Some(Copied { root, bytes: self.bytes, files: self.files }));
            }
        }
        Ok(None)
    }

    /// Looks at the next bit, for what it covers.
    fn survey(&mut self, pages: &Pages) -> Result<(), Halt> {
        match self.tour.next(pages)? {
            Some(Stop::File(_, _, len)) => {
                self.bytes = self.bytes.saturating_add(len);
                self.files += 1;
            }
            Some(Stop::Chunks(chunks)) => chunks.iter().for_each(|chunk| self.cover.add(&chunk.reference)),
            Some(Stop::Unknown(kind)) => return Err(Halt::Failed(CommandError::Newer(kind))),
            Some(_) => {}
            None => {
                let (pages, entry) = self.source.clone();
                self.tour = Tour::new(pages, entry);
                self.writing = Some(Box::new(Written::new(&self.seal_key)));
            }
        }
        Ok(())
    }

    /// Names the blocks that the next chunks need, a few ahead.
    fn lacking(&self, content: &Opened) -> Vec<BlockKey> {
        let chunks = self.writing.iter().filter_map(|written| written.file.as_ref()).flat_map(|file| &file.chunks);
        let mut keys: Map<BlockId, BlockKey> = Map::new();
        for chunk in chunks.filter(|chunk| !self.cover.holds(&chunk.reference)) {
            let Some((first, next)) = chunk.reference.blocks() else { continue };
            keys.extend([Some(first), next].into_iter().flatten().filter(|key| !content.contains(&key.id)).map(|key| (key.id, key)));
            if keys.len() >= AHEAD {
                break;
            }
        }
        keys.into_values().collect()
    }
}

impl Written {
    fn new(key: &Arc<SealKey>) -> Self {
        Self {
            tree: TreeWriter::new(Arc::clone(key)),
            packer: Packer::new(Stream::Data),
            folders: vec![(None, DirBuilder::default())],
            file: None,
            root: None,
        }
    }

    fn take(&mut self, stop: Stop) -> Result<(), Halt> {
        match stop {
            Stop::Enter(name, meta) => self.folders.push((Some((name, meta)), DirBuilder::default())),
            Stop::Leave => {
                self.place_tail()?;
                let Some((entry, folder)) = self.folders.pop() else { return Ok(()) };
                let pages = folder.finish(&mut self.tree)?;
                match entry {
                    Some((name, meta)) => self.push(Entry { name, node: Node::Dir { meta, pages } })?,
                    None => self.root = pages,
                }
            }
            Stop::File(name, meta, _) => self.file = Some(File { name, meta, builder: FileBuilder::new(), chunks: VecDeque::new() }),
            Stop::Chunks(chunks) => {
                if let Some(file) = &mut self.file {
                    file.chunks.extend(chunks);
                    file.builder.advance(&mut self.tree)?;
                }
            }
            Stop::FileEnd => {
                if let Some(mut file) = self.file.take() {
                    let (len, content) = match file.builder.finish(&mut self.tree) {
                        Err(WriteError::Unsealed(_)) => {
                            self.place_tail()?;
                            file.builder.finish(&mut self.tree)?
                        }
                        done => done?,
                    };
                    self.push(Entry { name: file.name, node: Node::File { meta: file.meta, len, content } })?;
                }
            }
            Stop::Symlink(entry) => self.push(entry)?,
            Stop::Unknown(_) => {}
        }
        Ok(())
    }

    fn push(&mut self, entry: Entry) -> Result<(), Halt> {
        let Some((_, folder)) = self.folders.last_mut() else { return Ok(()) };
        folder.push(entry);
        if folder.is_full() {
            self.place_tail()?;
            if let Some((_, folder)) = self.folders.last_mut() {
                folder.write(&mut self.tree)?;
            }
        }
        Ok(())
    }

    /// Seals the data's last pack, in the tree's if it fits there: whatever refers to it can be written then.
    fn place_tail(&mut self) -> Result<(), Halt> {
        if let Some(tail) = self.packer.take_tail() {
            self.tree.place_tail(tail).map_err(WriteError::from)?;
        }
        Ok(())
    }

    fn seal_full(&mut self) -> Result<(), Halt> {
        while let Some((number, pack)) = self.packer.take_full() {
            self.tree.seal_data(number, pack).map_err(WriteError::from)?;
        }
        Ok(())
    }
}

fn damaged(error: &dyn std::fmt::Display) -> Halt {
    Halt::Failed(CommandError::Damaged(error.to_string()))
}

impl From<WalkError> for Halt {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Missing(keys) => Self::Pages(keys),
            error => Self::Failed(error.into()),
        }
    }
}

impl From<WriteError> for Halt {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Seal(SealError::Mismatch) => Self::Failed(CommandError::SelfCheck),
            error => damaged(&error),
        }
    }
}

/// Blocks of content that are fetched at once: a few round trips' worth, and little beside the cache that they wait in.
const AHEAD: usize = 8;
