//! What reads a tree: opened packs, blocks on their way in, and files that are read. A vault has one, and so has whoever opens a link.

use bytes::Bytes;

use super::CommandId;
use super::command::{Command, CommandError, Listed, Reply};
use super::fetch::{Arrived, Fetcher};
use super::opened::Opened;
use super::outbox::Outbox;
use super::read::Reading;
use super::reference::Reference;
use super::seal::OpenError;
use super::tree::{Chunk, Node, Pages, Path, WalkError, walk};
use crate::id::BlockId;
use crate::limits::{READ_WINDOW, TAB_READ_WINDOW};
use crate::map::Map;

/// Caches, fetches and reads.
pub(super) struct Reader {
    pub(super) pages: Pages,
    pub(super) content: Opened,
    pub(super) fetch: Fetcher,
    reads: Map<CommandId, Reading>,
    /// Bytes that the application takes of reads that have not begun.
    pulled: Map<CommandId, usize>,
    /// Bytes that reads ask for ahead.
    window: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            pages: Pages::default(),
            // What a read has asked for ahead, and as much again for reads beside it.
            content: Opened::with_limit(2 * READ_WINDOW),
            fetch: Fetcher::default(),
            reads: Map::new(),
            pulled: Map::new(),
            window: READ_WINDOW,
        }
    }
}

/// Why an attempt came to nothing.
pub(super) enum Refused {
    Walk(WalkError),
    Command(CommandError),
}

impl Reader {
    /// Has less under way at once, as befits a tab.
    pub(super) fn narrow(&mut self) {
        self.window = TAB_READ_WINDOW;
        self.content = Opened::with_limit(2 * TAB_READ_WINDOW);
    }

    /// Answers a command that only looks, from the tree whose root page this is; `None` for every other command.
    pub(super) fn answer(&self, root: Option<&Reference>, command: &Command) -> Result<Option<Reply>, Refused> {
        Ok(Some(match command {
            Command::Stat(path) => Reply::Stat(self.lookup(root, path)?),
            Command::List { path, after, limit } => {
                let Node::Dir { pages, .. } = self.lookup(root, path)? else {
                    return Err(CommandError::NotADirectory(path.to_string()).into());
                };
                Reply::List(walk::list(&self.pages, pages.as_ref(), after.as_ref(), *limit)?)
            }
            Command::Layout { path, from, limit } => {
                let chunks = walk::chunks(&self.pages, &self.file(root, path)?, *from, *limit)?;
                let listed = |(start, chunk): &(u64, Chunk)| Listed { start: *start, len: chunk.len, blocks: blocks_of(&chunk.reference) };
                Reply::Layout(chunks.iter().map(listed).collect())
            }
            _ => return Ok(None),
        }))
    }

    /// Returns what stands at a path.
    pub(super) fn lookup(&self, root: Option<&Reference>, path: &Path) -> Result<Node, Refused> {
        Ok(walk::lookup(&self.pages, root, path)?)
    }

    /// Returns the file at a path.
    pub(super) fn file(&self, root: Option<&Reference>, path: &Path) -> Result<Node, Refused> {
        match self.lookup(root, path)? {
            file @ Node::File { .. } => Ok(file),
            _ => Err(CommandError::NotAFile(path.to_string()).into()),
        }
    }

    /// Begins to read a file; go on with [`Reader::read_on`].
    pub(super) fn begin(&mut self, id: CommandId, file: Node, from: u64, len: Option<u64>) {
        let mut reading = Reading::new(file, from, len);
        reading.pull(self.pulled.remove(&id).unwrap_or(0));
        self.reads.insert(id, reading);
    }

    /// The application takes more bytes of a read; `true` when that is under way.
    pub(super) fn pull(&mut self, id: CommandId, bytes: usize) -> bool {
        let reading = self.reads.get_mut(&id);
        reading.map(|reading| reading.pull(bytes)).is_some()
    }

    /// The application takes bytes of a read that has not begun.
    pub(super) fn pull_ahead(&mut self, id: CommandId, bytes: usize) {
        let pulled = self.pulled.entry(id).or_default();
        *pulled = pulled.saturating_add(bytes);
    }

    /// Goes on with a read as far as it can; how it ended, once it did.
    pub(super) fn read_on(&mut self, id: CommandId, out: &mut Outbox) -> Option<Result<Reply, CommandError>> {
        let window = self.window / self.reads.len().max(1);
        let reading = self.reads.get_mut(&id)?;
        match reading.step(id, window, &self.pages, &mut self.content, &mut self.fetch, out) {
            Ok(false) => None,
            Ok(true) => {
                let given = reading.given();
                self.end(id, out);
                Some(Ok(Reply::Read(given)))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Says whether a file is being read under this number.
    pub(super) fn is_reading(&self, id: CommandId) -> bool {
        self.reads.contains_key(&id)
    }

    /// Returns the numbers of all reads under way.
    pub(super) fn reading(&self) -> impl Iterator<Item = CommandId> {
        self.reads.keys().copied()
    }

    /// Ends whatever a command reads or waits for; `true` when it was reading a file.
    pub(super) fn end(&mut self, id: CommandId, out: &mut Outbox) -> bool {
        self.pulled.remove(&id);
        self.fetch.forget(id, out);
        self.reads.remove(&id).is_some()
    }

    /// Takes the opened pack of a block in.
    pub(super) fn opened(&mut self, block: BlockId, pack: Result<Bytes, OpenError>) -> Option<Arrived> {
        self.fetch.opened(block, pack, &mut self.pages, &mut self.content)
    }
}

fn blocks_of(reference: &Reference) -> Vec<BlockId> {
    reference.blocks().into_iter().flat_map(|(first, next)| std::iter::once(first).chain(next)).map(|key| key.id).collect()
}

impl From<WalkError> for Refused {
    fn from(error: WalkError) -> Self {
        Self::Walk(error)
    }
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        Self::Command(error)
    }
}
