//! The store in a browser: answers core's [`StoreOp`]s from IndexedDB, as the disk store answers them from files.
//!
//! ```text
//!   Store::perform --> connection (opened, reopened, given up) --> one transaction: reads, then writes, then `complete` --> answer
//! ```
//!
//! - An operation is one transaction, so whatever happens in the middle of it leaves nothing behind. A commit asks for all that it must
//!   know at once, and as soon as that is there issues all that it writes.
//! - Inside a transaction nothing is awaited but its own requests: a transaction with nothing to do commits itself. `idb.rs` has the only
//!   futures here, and `cargo xtask check` sees to it that no others come in.
//! - Blocks are ArrayBuffers under binary keys; `layout.rs` lists the object stores. Sums are updated by whoever changes what they sum up,
//!   in the same transaction (`tally.rs`).
//! - Every transaction that writes looks at the fence first (`fence.rs`): where another leader's number stands, nothing is written.
//! - A tab that must make room for a newer release closes its connection and answers [`StoreFault::Failed`] from then on.

mod commit;
mod connection;
mod fence;
mod get;
mod idb;
mod layout;
mod notes;
mod query;
mod remove;
mod tally;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use cachette_core::store::{Commit, StoreAnswer, StoreFault, StoreOp};
use cachette_core::vault::Note;
use thiserror::Error;

use connection::Connection;
use fence::Fence;
use idb::{Database, Fault};

/// Blocks and records of many vaults, and one device's notes, in one database of this origin.
pub struct Store {
    connection: Connection,
    trouble: Cell<Option<Trouble>>,
    memory: RefCell<Option<Memory>>,
}

/// Says which notes to write again after everything was cleared; nothing when nobody knows any more.
type Memory = Box<dyn Fn() -> Option<Vec<Note>>>;

/// What befell a store, for whoever runs a peer on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Another tab leads: this one writes nothing any more.
    Stale,
    /// The site's data was cleared while the store was open. The notes were written again.
    Emptied,
    /// A later release wants the store, or somebody deletes it: this one answers nothing any more.
    Later,
}

/// A store is not led.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// A leader with a larger number is there.
    #[error("another tab has taken over (number {0})")]
    Stale(u64),
    /// The browser does not write it down.
    #[error("the browser does not write to its storage: {0}")]
    Failed(String),
}

/// What a change must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut, once it is answered: for whatever somebody else counts on.
    Strict,
    /// The end of the browser: for what could be fetched again.
    Relaxed,
}

/// A store cannot be opened.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another tab holds an older version open and does not let go.
    #[error("another tab of this site runs an older release; close or reload it")]
    Blocked,
    /// A later release wrote it.
    #[error("a later release wrote what this browser stores; reload the page")]
    Later,
    /// The browser refuses: no IndexedDB in this context, or its files are broken.
    #[error("the browser opens no storage here: {0}")]
    Refused(String),
}

impl Store {
    /// Opens a store by its name and creates it when it is not there.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(name: &str) -> Result<Self, OpenError> {
        Ok(Self { connection: Connection::open(name).await?, trouble: Cell::new(None), memory: RefCell::default() })
    }

    /// Takes the lead: from now on nobody writes who took it with a smaller number, or with this one before. `token` is fresh entropy.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn claim(&self, number: u64, token: [u8; 16]) -> Result<(), ClaimError> {
        let fence = Fence::new(number, token);
        match self.twice(async |database| fence::claim(database, fence).await).await {
            Ok(Ok(())) => {
                self.connection.fence(fence);
                Ok(())
            }
            Ok(Err(standing)) => Err(ClaimError::Stale(standing)),
            Err(fault) => Err(ClaimError::Failed(fault.to_string())),
        }
    }

    /// Returns all notes.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn notes(&self) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreFault> {
        let loaded = self.twice(notes::load).await;
        loaded.map_err(|fault| self.failed(&fault))
    }

    /// Keeps notes, all or none. Whoever keeps several must wait for each, for one that is tried again is late.
    ///
    /// # Errors
    /// When they are not kept.
    pub async fn keep(&self, notes: &[Note], durability: Durability) -> Result<(), StoreFault> {
        let kept = self.twice(async |database| notes::keep(database, notes, durability).await).await;
        kept.map_err(|fault| self.failed(&fault))
    }

    /// Keeps a new vault's first notes, for good; `false` when there are notes already.
    ///
    /// # Errors
    /// When they are not kept.
    pub async fn begin(&self, notes: &[Note]) -> Result<bool, StoreFault> {
        let kept = self.twice(async |database| notes::begin(database, notes).await).await;
        kept.map_err(|fault| self.failed(&fault))
    }

    /// Has notes written again should the browser clear everything while the store is open.
    pub fn remember(&self, notes: impl Fn() -> Option<Vec<Note>> + 'static) {
        *self.memory.borrow_mut() = Some(Box::new(notes));
    }

    /// Returns what befell the store, once.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Does an operation. It is answered when it is as durable as asked for.
    pub async fn perform(&self, op: StoreOp, durability: Durability) -> StoreAnswer {
        let answered = self.twice(async |database| answer(database, &op, durability).await).await;
        answered.unwrap_or_else(|fault| StoreAnswer::Failed(self.failed(&fault)))
    }

    /// Stores commits, all or none.
    pub async fn commit(&self, commits: &[Commit], durability: Durability) -> StoreAnswer {
        let done = self.twice(async |database| commit::commit(database, commits, durability).await).await;
        done.map_or_else(|fault| StoreAnswer::Failed(self.failed(&fault)), |()| StoreAnswer::Committed)
    }

    /// Says whether the store answers nothing more, because a later release took it over or somebody deleted it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.connection.is_over()
    }

    /// Closes the store; what is under way ends first.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Does something, and once more on a new connection when the first was lost: whatever is done may be done twice, what is so
    /// already stays as it is.
    async fn twice<T>(&self, work: impl AsyncFn(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        match self.once(&work).await {
            Err(Fault::Lost(_)) => self.once(&work).await,
            Err(Fault::Emptied) => {
                self.begin_anew().await?;
                self.once(&work).await
            }
            done => done,
        }
    }

    async fn once<T>(&self, work: &impl AsyncFn(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        let database: Rc<Database> = self.connection.database().await?;
        let done = work(&database).await;
        if matches!(done, Err(Fault::Lost(_))) {
            self.connection.drop_lost(&database);
        }
        done
    }

    /// Takes the lead of a database that was emptied, unless somebody else did, and writes the notes again.
    async fn begin_anew(&self) -> Result<(), Fault> {
        let remembered = self.memory.borrow().as_ref().and_then(|notes| notes());
        let notes = remembered.ok_or(Fault::Emptied)?;
        let fence = self.connection.fence_now().ok_or(Fault::Emptied)?;
        self.trouble.set(Some(Trouble::Emptied));
        self.once(&async |database: &Database| fence::restore(database, fence, &notes).await).await
    }

    fn failed(&self, fault: &Fault) -> StoreFault {
        match fault {
            Fault::Full => return StoreFault::Full,
            Fault::Stale => self.trouble.set(Some(Trouble::Stale)),
            Fault::Over => self.trouble.set(Some(Trouble::Later)),
            fault => web_sys::console::warn_1(&format!("the store failed: {fault}").into()),
        }
        StoreFault::Failed
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("connection", &self.connection).finish_non_exhaustive()
    }
}

async fn answer(database: &Database, op: &StoreOp, durability: Durability) -> Result<StoreAnswer, Fault> {
    match op {
        StoreOp::Get(id) => get::get(database, *id).await.map(StoreAnswer::Block),
        StoreOp::Has(vault, ids) => query::has(database, vault, ids).await.map(StoreAnswer::Has),
        StoreOp::Commit(wanted) => {
            commit::commit(database, std::slice::from_ref(wanted), durability).await.map(|()| StoreAnswer::Committed)
        }
        StoreOp::Cache(vault, block) => {
            let wanted = Commit::block(*vault, block.clone());
            commit::commit(database, &[wanted], Durability::Relaxed).await.map(|()| StoreAnswer::Committed)
        }
        StoreOp::Summary(vault, from, to) => query::summaries(database, vault, *from, *to).await.map(StoreAnswer::Summary),
        StoreOp::Scan { vault, partition, after, limit } => {
            query::scan(database, vault, *partition, *after, *limit).await.map(StoreAnswer::Ids)
        }
        StoreOp::Delete(vault, ids) => remove::delete(database, vault, ids, durability).await.map(|()| StoreAnswer::Deleted),
        StoreOp::Records(query) => query::records(database, query).await.map(StoreAnswer::Records),
        StoreOp::Usage(vault) => query::usage(database, vault.as_ref()).await.map(StoreAnswer::Usage),
    }
}
