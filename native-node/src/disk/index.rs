//! The index: which blocks and records are held, in one redb database. All changes of a batch are one two-phase transaction.
//!
//! A vault has a small number here, so that a block costs 37 bytes in [`BLOCKS`] and 12 in [`PLACES`] before the trees' slack.

use std::borrow::Borrow;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::store::{RecordSlot, Summary, Usage};
use redb::{Builder, Database, DatabaseError, Durability, ReadableDatabase, StorageError, TableDefinition};
use thiserror::Error;

use super::backend::Backend;
use super::layout;
use super::vfs::{Vfs, is_full, patiently};

mod change;
mod view;

pub(super) use view::View;

/// The database of a store.
#[derive(Debug)]
pub(super) struct Index {
    vfs: Arc<dyn Vfs>,
    database: RwLock<State>,
    sync_failed: Arc<AtomicBool>,
}

#[derive(Debug)]
enum State {
    Open(Database),
    /// To be opened when next needed: a write found no room.
    Down,
    Closed,
}

/// What changes together.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) added: Vec<(VaultId, BlockId, SizeLog)>,
    pub(super) removed: Vec<(VaultId, BlockId)>,
    pub(super) records: Vec<(RecordSlot, Bytes)>,
}

/// The index did not do what it was asked.
#[derive(Debug, Error)]
pub(super) enum IndexError {
    /// Nothing is there yet.
    #[error("there is no index")]
    Absent,
    /// A later release wrote it.
    #[error("the index has format {0}, this release knows {FORMAT}")]
    Format(u64),
    /// No room to write; nothing was changed.
    #[error("no room for the index")]
    Full,
    /// Its pages contradict one another.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// The disk failed.
    #[error("the index cannot be read or written: {0}")]
    Failed(String),
}

type OwnerRow = (u32, u64, u64);
type RecordKey = ([u8; 32], u8, [u8; 32]);

/// A vault to its number, its blocks and their bytes.
const OWNERS: TableDefinition<'_, [u8; 32], OwnerRow> = TableDefinition::new("owners-1");
/// A number to its vault.
const NUMBERS: TableDefinition<'_, u32, [u8; 32]> = TableDefinition::new("numbers-1");
/// A vault's number and a block's id to the size's logarithm: a partition, and a directory of block files, is a range.
const BLOCKS: TableDefinition<'_, (u32, [u8; 32]), u8> = TableDefinition::new("blocks-1");
/// The first 8 bytes of a block's id to the vaults that may hold it: finds a block whose vault is not known.
const PLACES: TableDefinition<'_, ([u8; 8], u32), ()> = TableDefinition::new("places-1");
/// A vault's number and a partition to what it holds.
const PARTITIONS: TableDefinition<'_, (u32, u16), (u64, [u8; 32])> = TableDefinition::new("partitions-1");
/// A vault, kind and key to the record.
const RECORDS: TableDefinition<'_, RecordKey, &[u8]> = TableDefinition::new("records-1");
/// A kind and key to the vaults with such a record.
const NAMED: TableDefinition<'_, (u8, [u8; 32], [u8; 32]), ()> = TableDefinition::new("named-1");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

const FORMAT: u64 = 1;
/// Bytes of pages kept in memory, whatever the number of blocks.
const CACHE: usize = 32 << 20;
/// An index up to this length is checked whole at every start: a fraction of a second, and a wrecked page is found before it is used.
const CHECKED_WHOLE: u64 = 256 << 20;
/// An index is worth making shorter from this length on: below, an empty one is nearly as long.
const SLIMMED_FROM: u64 = 4 << 20;

impl Index {
    /// Creates an empty index under a name that no start will look for; [`Self::publish`] gives it its own.
    pub(super) fn create(vfs: Arc<dyn Vfs>) -> Result<Self, IndexError> {
        let sync_failed = Arc::new(AtomicBool::new(false));
        let file = vfs.create(Path::new(layout::NEW_INDEX)).map_err(io_fault)?;
        let backend = Backend::new(file, Arc::clone(&sync_failed));
        let database = guarded(|| builder(false).create_with_backend(backend).map_err(open_fault))?;
        guarded(|| initialise(&database).map_err(fault))?;
        Ok(Self { vfs, database: RwLock::new(State::Open(database)), sync_failed })
    }

    /// Closes an index that was created, gives it its name, durably, and opens it.
    pub(super) fn publish(self) -> Result<Self, IndexError> {
        let vfs = Arc::clone(&self.vfs);
        self.close()?;
        vfs.rename(Path::new(layout::NEW_INDEX), Path::new(layout::INDEX)).map_err(io_fault)?;
        vfs.sync_dir(Path::new(layout::ROOT)).map_err(io_fault)?;
        Self::open(vfs, false)
    }

    /// Opens the index that is there. `suspect` checks every page whatever it costs.
    pub(super) fn open(vfs: Arc<dyn Vfs>, suspect: bool) -> Result<Self, IndexError> {
        let sync_failed = Arc::new(AtomicBool::new(false));
        let mut database = open_database(vfs.as_ref(), &sync_failed, suspect)?;
        let long = vfs.open(Path::new(layout::INDEX)).and_then(|file| file.len()).map_err(io_fault)?;
        if (SLIMMED_FROM..=CHECKED_WHOLE).contains(&long) {
            let slimmed = guarded(|| slim(&mut database, long).map_err(fault));
            if let Err(error) = slimmed {
                // Also a full disk: the index is as good as before, only longer.
                tracing::warn!(%error, "the index was not made shorter");
                drop(database);
                database = open_database(vfs.as_ref(), &sync_failed, suspect)?;
            }
        }
        Ok(Self { vfs, database: RwLock::new(State::Open(database)), sync_failed })
    }

    /// Makes a change durable, all or nothing. After [`IndexError::Full`] the index is as before and usable.
    pub(super) fn apply(&self, change: &Change) -> Result<(), IndexError> {
        let applied = self.with_database(|database| {
            let mut transaction = database.begin_write().map_err(fault)?;
            transaction.set_two_phase_commit(true);
            transaction.set_durability(Durability::Immediate).map_err(fault)?;
            change.write(&transaction).map_err(fault)?;
            transaction.commit().map_err(fault)
        });
        if !matches!(applied, Err(IndexError::Full)) {
            return applied;
        }
        if self.sync_failed.load(Ordering::Acquire) {
            // What a failed sync left behind may look durable and not be; only a failed write may be forgotten.
            return Err(IndexError::Failed("a sync failed".into()));
        }

        self.set_down();
        Err(IndexError::Full)
    }

    /// Looks at one state of the index.
    pub(super) fn view<T>(&self, look: impl FnOnce(&View) -> Result<T, redb::Error>) -> Result<T, IndexError> {
        self.with_database(|database| look(&View::new(database.begin_read().map_err(fault)?)).map_err(fault))
    }

    /// Closes the index; whoever asks it anything from now on is told that it is closed.
    pub(super) fn close(&self) -> Result<(), IndexError> {
        let state = std::mem::replace(&mut *self.database.write().unwrap_or_else(PoisonError::into_inner), State::Closed);
        match state {
            State::Open(database) => guarded(|| database.close().map_err(open_fault)),
            State::Down | State::Closed => Ok(()),
        }
    }

    fn with_database<T>(&self, work: impl FnOnce(&Database) -> Result<T, IndexError>) -> Result<T, IndexError> {
        loop {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            match &*database {
                State::Open(database) => return guarded(|| work(database)),
                State::Down => {}
                State::Closed => return Err(IndexError::Failed("it is closed".into())),
            }
            drop(database);
            self.take_up()?;
        }
    }

    /// redb refuses everything after a write that failed; a full disk must not end reading and deleting, so it is opened anew when next
    /// needed.
    fn set_down(&self) {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(database) = std::mem::replace(&mut *database, State::Down) {
            // Its error is the one that led here.
            let _ = guarded(|| database.close().map_err(open_fault));
        }
    }

    fn take_up(&self) -> Result<(), IndexError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*database, State::Down) {
            *database = State::Open(open_database(self.vfs.as_ref(), &self.sync_failed, false)?);
        }
        Ok(())
    }
}

fn open_database(vfs: &dyn Vfs, sync_failed: &Arc<AtomicBool>, suspect: bool) -> Result<Database, IndexError> {
    let file = patiently(|| vfs.open(Path::new(layout::INDEX))).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => IndexError::Absent,
        _ => io_fault(error),
    })?;
    // A process that was killed may have left changes that only the system's memory knows: trust them only on the disk.
    file.sync().map_err(io_fault)?;
    let whole = suspect || file.len().map_err(io_fault)? <= CHECKED_WHOLE;
    let backend = Backend::new(file, Arc::clone(sync_failed));
    let database = guarded(|| builder(whole).create_with_backend(backend).map_err(open_fault))?;
    let format = guarded(|| View::new(database.begin_read().map_err(fault)?).format().map_err(fault))?;
    match format {
        Some(FORMAT) => Ok(database),
        Some(other) => Err(IndexError::Format(other)),
        None => Err(IndexError::Damaged("no format is noted".into())),
    }
}

/// Gives back the room that filling the index took beside its contents, when that is more than a third of them.
fn slim(database: &mut Database, long: u64) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    let stats = transaction.stats()?;
    transaction.abort()?;
    if stats.allocated_pages() * stats.page_size() as u64 * 4 / 3 < long {
        database.compact()?;
    }
    Ok(())
}

fn builder(check_whole: bool) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(check_whole);
    builder
}

/// Creates every table, so that a reader never meets a missing one.
fn initialise(database: &Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.open_table(OWNERS)?;
    transaction.open_table(NUMBERS)?;
    transaction.open_table(BLOCKS)?;
    transaction.open_table(PLACES)?;
    transaction.open_table(PARTITIONS)?;
    transaction.open_table(RECORDS)?;
    transaction.open_table(NAMED)?;
    transaction.open_table(META)?.insert("format", FORMAT)?;
    transaction.commit()?;
    Ok(())
}

/// redb asserts what a page says of itself, so a wrecked page can be a panic; it must end the question, not the thread.
fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(IndexError::Damaged("reading it panicked".into())))
}

fn fault(error: impl Into<redb::Error>) -> IndexError {
    match error.into() {
        redb::Error::Io(error) => io_fault(error),
        error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed) => IndexError::Failed(error.to_string()),
        error => IndexError::Damaged(error.to_string()),
    }
}

fn open_fault(error: DatabaseError) -> IndexError {
    match error {
        DatabaseError::Storage(StorageError::Io(error)) => io_fault(error),
        error => IndexError::Damaged(error.to_string()),
    }
}

fn io_fault(error: impl Borrow<io::Error>) -> IndexError {
    let error = error.borrow();
    match error.kind() {
        _ if is_full(error) => IndexError::Full,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => IndexError::Damaged(error.to_string()),
        _ => IndexError::Failed(error.to_string()),
    }
}

/// Returns the row of a vault in the words of [`Usage`].
const fn usage((_, blocks, bytes): OwnerRow) -> Usage {
    Usage { blocks, bytes }
}

const fn summary((count, fingerprint): (u64, [u8; 32])) -> Summary {
    Summary { count, fingerprint }
}

/// The part of a block's id that [`PLACES`] keeps; equal parts of different ids cost one more look.
fn place(id: &BlockId) -> [u8; 8] {
    std::array::from_fn(|i| id.0[i])
}
