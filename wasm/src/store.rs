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
//! - A tab that must make room for a newer release closes its connection and answers [`StoreFault::Failed`] from then on.

mod commit;
mod connection;
mod get;
mod idb;
mod layout;
mod query;
mod remove;
mod tally;

use cachette_core::store::{StoreAnswer, StoreFault, StoreOp};
use thiserror::Error;

use connection::Connection;
use idb::{Database, Fault};

/// Blocks and records of many vaults in one database of this origin.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
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
        Ok(Self { connection: Connection::open(name).await? })
    }

    /// Does an operation. It is answered when it is as durable as asked for.
    pub async fn perform(&self, op: StoreOp, durability: Durability) -> StoreAnswer {
        let fault = match self.attempt(&op, durability).await {
            // Every operation may be done twice: what is so already stays as it is.
            Err(Fault::Lost(_)) => match self.attempt(&op, durability).await {
                Ok(answer) => return answer,
                Err(fault) => fault,
            },
            Ok(answer) => return answer,
            Err(fault) => fault,
        };
        StoreAnswer::Failed(match fault {
            Fault::Full => StoreFault::Full,
            fault => {
                web_sys::console::warn_1(&format!("the store failed: {fault}").into());
                StoreFault::Failed
            }
        })
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

    async fn attempt(&self, op: &StoreOp, durability: Durability) -> Result<StoreAnswer, Fault> {
        let database = self.connection.database().await?;
        let answer = answer(&database, op, durability).await;
        if matches!(answer, Err(Fault::Lost(_))) {
            self.connection.drop_lost(&database);
        }
        answer
    }
}

async fn answer(database: &Database, op: &StoreOp, durability: Durability) -> Result<StoreAnswer, Fault> {
    match op {
        StoreOp::Get(id) => get::get(database, *id).await.map(StoreAnswer::Block),
        StoreOp::Has(vault, ids) => query::has(database, vault, ids).await.map(StoreAnswer::Has),
        StoreOp::Commit(wanted) => commit::commit(database, wanted, durability).await.map(|()| StoreAnswer::Committed),
        StoreOp::Summary(vault, from, to) => query::summaries(database, vault, *from, *to).await.map(StoreAnswer::Summary),
        StoreOp::Scan { vault, partition, after, limit } => {
            query::scan(database, vault, *partition, *after, *limit).await.map(StoreAnswer::Ids)
        }
        StoreOp::Delete(vault, ids) => remove::delete(database, vault, ids, durability).await.map(|()| StoreAnswer::Deleted),
        StoreOp::Records(query) => query::records(database, query).await.map(StoreAnswer::Records),
        StoreOp::Usage(vault) => query::usage(database, vault.as_ref()).await.map(StoreAnswer::Usage),
    }
}
