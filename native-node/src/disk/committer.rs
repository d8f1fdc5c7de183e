//! The one thread that changes anything: commits in batches, deletes, sets damaged blocks aside, and clears leftovers when idle.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::store::{Commit, Fetched, StoreAnswer, StoreFault};

use super::batch::{self, Batch};
use super::fetch::{Found, fetch};
use super::index::{Change, IndexError};
use super::layout;
use super::store::{Reply, Shared};
use super::sweep::Sweep;

/// A change that waits for the committer.
pub(super) enum Write {
    Commit(Commit, Reply),
    Delete(VaultId, Vec<BlockId>, Reply),
    /// A reader found a block damaged; answered like a `Get`.
    SetAside(VaultId, BlockId, Reply),
}

/// The committer and what it knows of the directories.
pub(super) struct Committer<'s> {
    shared: &'s Shared,
    /// Directories that are durable in their parents.
    durable_dirs: BTreeSet<PathBuf>,
    next_temporary: u64,
    sweep: Option<Sweep>,
}

impl<'s> Committer<'s> {
    /// `unclean` says that the last run did not close, so files may lie about that the index does not know. Files that the index knows and
    /// somebody took away leave no trace but their absence, so every start looks for them where that is asked for.
    pub(super) fn new(shared: &'s Shared, unclean: bool) -> Self {
        Self { shared, durable_dirs: BTreeSet::new(), next_temporary: 0, sweep: Sweep::new(unclean, shared.options.verify) }
    }

    /// Works until the queue is closed. A panic is a bug of ours that leaves the disk in a state nobody knows: from then on everybody is
    /// answered, and nothing is written.
    pub(super) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            self.shared.break_down("writing", &"a bug");
        }
    }

    fn work(&mut self) {
        loop {
            if self.shared.writes.is_empty() {
                self.sweep_one();
            }
            let Some(write) = self.next() else { return };
            match write {
                Write::Commit(commit, reply) => self.commit(commit, reply),
                Write::Delete(vault, ids, reply) => reply.answer(self.delete(&vault, &ids)),
                Write::SetAside(vault, id, reply) => reply.answer(self.set_aside(&vault, &id)),
            }
        }
    }

    /// Waits for the next change; clears leftovers for as long as there is none.
    fn next(&mut self) -> Option<Write> {
        while self.sweep.is_some() {
            if let Some(write) = self.shared.writes.pop_if(|_| true) {
                return Some(write);
            }
            if self.shared.writes.is_closed() {
                break;
            }
            self.sweep_one();
        }
        self.shared.writes.pop()
    }

    fn sweep_one(&mut self) {
        let Some(sweep) = &mut self.sweep else { return };
        if self.shared.broken.load(Ordering::Acquire) || sweep.step(self.shared) {
            self.sweep = None;
        }
    }

    /// Takes what else is waiting into the same batch, up to its size, and commits it.
    fn commit(&mut self, commit: Commit, reply: Reply) {
        let mut bytes = weight(&commit);
        let (mut commits, mut replies) = (vec![commit], vec![reply]);
        let fits = |write: &Write| matches!(write, Write::Commit(commit, _) if bytes + weight(commit) <= BATCH_BYTES);
        let mut next = self.shared.writes.pop_if(fits);
        while let Some(Write::Commit(commit, reply)) = next {
            bytes += weight(&commit);
            commits.push(commit);
            replies.push(reply);
            let fits = |write: &Write| matches!(write, Write::Commit(commit, _) if bytes + weight(commit) <= BATCH_BYTES);
            next = self.shared.writes.pop_if(fits);
        }
        let results = if self.shared.broken.load(Ordering::Acquire) {
            vec![Err(StoreFault::Failed); commits.len()]
        } else {
            Batch::new(self.shared, &mut self.durable_dirs, &mut self.next_temporary, &commits).run()
        };
        for (reply, result) in replies.into_iter().zip(results) {
            reply.answer(result.map_or_else(StoreAnswer::Failed, |()| StoreAnswer::Committed));
        }
    }

    fn delete(&self, vault: &VaultId, ids: &[BlockId]) -> StoreAnswer {
        if self.shared.broken.load(Ordering::Acquire) {
            return StoreAnswer::Failed(StoreFault::Failed);
        }
        // On a disk without any room the index cannot even note a removal; then the files make the room. A crash in between leaves
        // blocks that the index promises and the next reading finds damaged, which is what their owner wanted anyway.
        let cramped = self.shared.vfs.space().is_ok_and(|space| space.available < INDEX_ROOM);
        if cramped {
            self.remove_files(vault, ids);
        }
        let change = Change { removed: ids.iter().map(|id| (*vault, *id)).collect(), ..Change::default() };
        match self.shared.index.apply(&change) {
            Ok(()) if cramped => StoreAnswer::Deleted,
            Ok(()) => {
                self.remove_files(vault, ids);
                StoreAnswer::Deleted
            }
            Err(error) => StoreAnswer::Failed(batch::index_fault(self.shared, &error)),
        }
    }

    fn remove_files(&self, vault: &VaultId, ids: &[BlockId]) {
        for id in ids {
            // One that stays is a leftover, and cleared as such.
            let _ = self.shared.vfs.remove(&layout::block(vault, id));
        }
    }

    fn set_aside(&self, vault: &VaultId, id: &BlockId) -> StoreAnswer {
        match self.look_again(vault, id) {
            Ok(None) => StoreAnswer::Block(Fetched::Missing),
            Ok(Some(Found::Block(block))) => StoreAnswer::Block(Fetched::Found(block)),
            Ok(Some(Found::Unread(_))) => StoreAnswer::Failed(StoreFault::Failed),
            Ok(Some(Found::Bad)) => self.quarantine(vault, id),
            Err(error) => StoreAnswer::Failed(batch::index_fault(self.shared, &error)),
        }
    }

    fn look_again(&self, vault: &VaultId, id: &BlockId) -> Result<Option<Found>, IndexError> {
        let holders = self.shared.index.view(|view| view.find(id))?;
        let size: Option<SizeLog> = holders.into_iter().find_map(|(holder, size)| (holder == *vault).then_some(size));
        Ok(size.map(|size| fetch(self.shared.vfs.as_ref(), vault, id, size)))
    }

    fn quarantine(&self, vault: &VaultId, id: &BlockId) -> StoreAnswer {
        if self.shared.broken.load(Ordering::Acquire) {
            return StoreAnswer::Failed(StoreFault::Failed);
        }
        tracing::warn!(block = %id, %vault, "a block is damaged and is set aside");
        // A file that is gone or cannot be moved stays unknown to the index, which is what counts.
        let moved = self.shared.vfs.rename(&layout::block(vault, id), &layout::quarantined(vault, &id.to_string()));
        if moved.is_ok() {
            let _ = self.shared.vfs.sync_dir(Path::new(layout::QUARANTINE));
        }
        let change = Change { removed: vec![(*vault, *id)], ..Change::default() };
        match self.shared.index.apply(&change) {
            Ok(()) => StoreAnswer::Block(Fetched::Damaged),
            Err(error) => StoreAnswer::Failed(batch::index_fault(self.shared, &error)),
        }
    }
}

impl Write {
    pub(super) fn into_reply(self) -> Reply {
        match self {
            Self::Commit(_, reply) | Self::Delete(_, _, reply) | Self::SetAside(_, _, reply) => reply,
        }
    }
}

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Commit(commit, _) => write!(f, "Commit({:?}, {} blocks)", commit.vault, commit.blocks.len()),
            Self::Delete(vault, ids, _) => write!(f, "Delete({vault:?}, {} blocks)", ids.len()),
            Self::SetAside(vault, id, _) => write!(f, "SetAside({vault:?}, {id:?})"),
        }
    }
}

fn weight(commit: &Commit) -> usize {
    let blocks: usize = commit.blocks.iter().map(|block| block.bytes().len()).sum();
    blocks + commit.records.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
}

/// Bytes of one batch: long enough to hide the cost of syncing names and index, short enough for the first to be answered soon.
const BATCH_BYTES: usize = 64 << 20;
/// Bytes under which a transaction of the index may find no room.
const INDEX_ROOM: u64 = 16 << 20;
