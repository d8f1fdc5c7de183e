//! The store as its users see it: open, submit, close. Inside, one committer thread and a few readers.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use cachette_core::id::VaultId;
use cachette_core::store::{Commit, StoreAnswer, StoreFault, StoreOp, Usage};
use thiserror::Error;

use super::committer::{Committer, Write};
use super::index::{Index, IndexError, View};
use super::layout;
use super::os::OsVfs;
use super::queue::Queue;
use super::reader::{self, Read};
use super::rebuild::{self, Rebuilt};
use super::vfs::{Space, Vfs};
use crate::data_dir::{DataDir, DataDirError};

/// Blocks and records of many vaults in a data directory.
///
/// Any thread may [`submit`](Self::submit). Dropping the store waits for what was submitted, as [`close`](Self::close) does.
pub struct Store {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    rebuilt: Option<Rebuilt>,
    _dir: Option<DataDir>,
}

/// How a store works; the default fits a disk of a server or a laptop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes that commits leave free on the disk. `None`: 64 MiB or 1 % of the disk, whichever is more.
    pub reserve: Option<u64>,
    /// Threads that read.
    pub readers: usize,
    /// Threads that write and sync the files of a batch; they mostly wait for the disk, and the more wait at once, the more it does at once.
    pub writers: usize,
    /// Sets the index aside and makes it anew from the files.
    pub rebuild: bool,
    /// Looks, once it is open, whether every block that the index knows still has its file.
    pub verify: bool,
}

/// A store cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be had.
    #[error(transparent)]
    Dir(#[from] DataDirError),
    /// A later release wrote it.
    #[error("data directory {path} was written by a later release (format {format})", path = path.display())]
    Later {
        /// The directory.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// The disk or the operating system refused.
    #[error("store in {path}: {source}", path = path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The index cannot be read or written.
    #[error("store in {path}: {reason}", path = path.display())]
    Index {
        /// The directory.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// Who waits for an answer. Called once, on a thread of the store, also when that thread fails before it has one.
pub(super) struct Reply(Option<Box<dyn FnOnce(StoreAnswer) + Send>>);

/// What the store's threads share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) vfs: Arc<dyn Vfs>,
    pub(super) index: Index,
    pub(super) options: Options,
    pub(super) reads: Queue<Read>,
    pub(super) writes: Queue<Write>,
    /// A sync failed: nothing more is promised until the store is opened anew.
    pub(super) broken: AtomicBool,
}

impl Default for Options {
    fn default() -> Self {
        Self { reserve: None, readers: 2, writers: 16, rebuild: false, verify: false }
    }
}

impl Store {
    /// Opens the store of a data directory that nobody else uses, and creates it when it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_in(&DataDir::claim(path)?, options)
    }

    /// Opens the store of a data directory that this process has claimed.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_in(dir: &DataDir, options: Options) -> Result<Self, OpenError> {
        let vfs = Arc::new(OsVfs::new(dir.path().to_owned()));
        let mut store = Self::open_on(vfs, options).map_err(|fault| fault.at(dir.path()))?;
        store._dir = Some(dir.clone());
        Ok(store)
    }

    /// Does `op` and calls `reply` with the answer, once. Waits when a thousand operations are under way.
    pub fn submit(&self, op: StoreOp, reply: impl FnOnce(StoreAnswer) + Send + 'static) {
        let reply = Reply(Some(Box::new(reply)));
        let refused = match op {
            StoreOp::Commit(commit) => self.shared.writes.push(Write::Commit(commit, reply)).err().map(Write::into_reply),
            // One disk, one kind of sync: what is batched with others costs none of its own.
            StoreOp::Cache(vault, block) => {
                self.shared.writes.push(Write::Commit(Commit::block(vault, block), reply)).err().map(Write::into_reply)
            }
            StoreOp::Delete(vault, ids) => self.shared.writes.push(Write::Delete(vault, ids, reply)).err().map(Write::into_reply),
            op => self.shared.reads.push(Read(op, reply)).err().map(|read| read.1),
        };
        if let Some(reply) = refused {
            reply.answer(StoreAnswer::Failed(StoreFault::Failed));
        }
    }

    /// Lists the vaults that ever stored a block here, with what they take.
    ///
    /// # Errors
    /// [`StoreFault::Failed`] when the index cannot be read.
    pub fn owners(&self) -> Result<Vec<(VaultId, Usage)>, StoreFault> {
        self.shared.index.view(View::owners).map_err(|_| StoreFault::Failed)
    }

    /// Returns what was found when the index had to be made anew at this opening.
    #[must_use]
    pub const fn rebuilt(&self) -> Option<&Rebuilt> {
        self.rebuilt.as_ref()
    }

    /// Says whether the disk failed so that nothing is written until the store is opened anew.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// Answers what was submitted, then closes the store.
    pub fn close(self) {
        drop(self);
    }

    pub(super) fn open_on(vfs: Arc<dyn Vfs>, options: Options) -> Result<Self, OpenFault> {
        for dir in [layout::OWNERS, layout::TMP, layout::QUARANTINE] {
            vfs.create_dir(Path::new(dir))?;
        }
        for leftover in vfs.list(Path::new(layout::TMP))? {
            vfs.remove(&Path::new(layout::TMP).join(leftover.name))?;
        }
        let unclean = exists(vfs.as_ref(), layout::RUNNING)?;
        if !unclean {
            vfs.create(Path::new(layout::RUNNING))?.sync()?;
        }
        vfs.sync_dir(Path::new(layout::ROOT))?;
        let suspect = exists(vfs.as_ref(), layout::SUSPECT)?;
        let (index, rebuilt) = rebuild::open_or_rebuild(&vfs, suspect, options.rebuild)?;
        if suspect {
            vfs.remove(Path::new(layout::SUSPECT))?;
        }
        let shared =
            Arc::new(Shared { vfs, index, reads: Queue::new(QUEUE), writes: Queue::new(QUEUE), broken: AtomicBool::new(false), options });
        let mut store = Self { shared: Arc::clone(&shared), threads: Vec::new(), rebuilt, _dir: None };
        store.spawn("store-commit", {
            let shared = Arc::clone(&shared);
            move || Committer::new(&shared, unclean).run()
        })?;
        for _ in 0..shared.options.readers.max(1) {
            let shared = Arc::clone(&shared);
            store.spawn("store-read", move || reader::run(&shared))?;
        }
        Ok(store)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.into()).spawn(work)?);
        Ok(())
    }
}

impl Reply {
    pub(super) fn answer(mut self, answer: StoreAnswer) {
        if let Some(reply) = self.0.take() {
            reply(answer);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(StoreAnswer::Failed(StoreFault::Failed));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Readers hand damaged blocks to the committer, so they go first.
        self.shared.reads.close();
        let committer = (!self.threads.is_empty()).then(|| self.threads.remove(0));
        for reader in self.threads.drain(..) {
            // A thread that panicked was our bug and has said so.
            let _ = reader.join();
        }
        self.shared.writes.close();
        if let Some(committer) = committer {
            let _ = committer.join();
        }
        let shared = &self.shared;
        if !shared.broken.load(Ordering::Acquire) && shared.index.close().is_ok() {
            // When it stays, the next start looks for leftovers that are not there.
            let _ = shared.vfs.remove(Path::new(layout::RUNNING));
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("vfs", &self.shared.vfs).finish_non_exhaustive()
    }
}

impl Shared {
    /// Notes that the index contradicted itself, so that the next start checks it whole.
    pub(super) fn suspect(&self, error: &IndexError) {
        tracing::error!(%error, "the index of the store cannot be used");
        if matches!(error, IndexError::Damaged(_)) {
            let noted = self.vfs.create(Path::new(layout::SUSPECT)).and_then(|file| file.sync());
            if let Err(error) = noted.and_then(|()| self.vfs.sync_dir(Path::new(layout::ROOT))) {
                tracing::error!(%error, "cannot note that the index is damaged");
            }
        }
    }

    /// Stops all writing: after a failed sync nobody knows what is on the disk.
    pub(super) fn break_down(&self, what: &str, error: &dyn fmt::Display) {
        tracing::error!(%error, "{what} failed; the store takes nothing more until it is opened anew");
        self.broken.store(true, Ordering::Release);
    }

    /// Returns the bytes that commits may take now.
    pub(super) fn room(&self) -> io::Result<u64> {
        let Space { available, total } = self.vfs.space()?;
        let reserve = self.options.reserve.unwrap_or_else(|| RESERVE_MIN.max(total / 100));
        Ok(available.saturating_sub(reserve))
    }
}

/// Why a store on some [`Vfs`] cannot be opened.
#[derive(Debug)]
pub(super) enum OpenFault {
    Io(io::Error),
    Index(IndexError),
}

impl OpenFault {
    fn at(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => OpenError::Io { path, source },
            Self::Index(IndexError::Format(format)) => OpenError::Later { path, format },
            Self::Index(error) => OpenError::Index { path, reason: error.to_string() },
        }
    }
}

impl From<io::Error> for OpenFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<IndexError> for OpenFault {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

fn exists(vfs: &dyn Vfs, name: &str) -> io::Result<bool> {
    Ok(vfs.list(Path::new(layout::ROOT))?.iter().any(|entry| entry.name == name))
}

/// Operations that wait to be done: four times what a node leaves unanswered.
const QUEUE: usize = 4 * cachette_core::limits::STORE_WINDOW;
/// Bytes that commits leave free on a small disk: the index, the logs and the deletes that make room need some.
const RESERVE_MIN: u64 = 64 << 20;
