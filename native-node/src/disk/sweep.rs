//! Compares the block files with the index, a directory at a time, when there is nothing to do: clears files that the index does not know,
//! after a run that was not closed, and takes out of the index what has no file any more.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use cachette_core::id::{BlockId, VaultId};

use super::batch;
use super::index::{Change, View};
use super::layout;
use super::store::Shared;

/// How far the comparison has come.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Whether files are cleared that the index does not know.
    leftovers: bool,
    /// Whether blocks are taken out whose files are gone.
    gone: bool,
    /// `None` until the owners are listed.
    owners: Option<Vec<VaultId>>,
    /// The next directory of the last owner in the list.
    shard: u16,
}

impl Sweep {
    /// Begins, if there is anything to look for.
    pub(super) fn new(leftovers: bool, gone: bool) -> Option<Self> {
        (leftovers || gone).then_some(Self { leftovers, gone, owners: None, shard: 0 })
    }

    /// Compares one directory; says whether that was the last one. What cannot be listed or removed is left for another time.
    pub(super) fn step(&mut self, shared: &Shared) -> bool {
        let owners = self.owners.get_or_insert_with(|| owners(shared));
        let Some(vault) = owners.last().copied() else { return true };
        let Ok(first) = u8::try_from(self.shard) else {
            owners.pop();
            self.shard = 0;
            return owners.is_empty();
        };
        self.shard += 1;
        self.compare(shared, &vault, first);
        false
    }

    fn compare(&self, shared: &Shared, vault: &VaultId, first: u8) {
        let shard = layout::shard(vault, first);
        let Ok(names) = shared.vfs.names(&shard) else { return };
        if names.is_empty() && !self.gone {
            return;
        }
        let Ok(held) = shared.index.view(|view| view.shard(vault, first)) else { return };
        let mut held: BTreeSet<BlockId> = held.into_iter().collect();
        for name in names {
            let Ok(id) = name.parse::<BlockId>() else { continue };
            if !held.remove(&id) && self.leftovers && shared.vfs.remove(&shard.join(&name)).is_ok() {
                tracing::debug!(block = %id, %vault, "cleared a leftover of a crash");
            }
        }
        if self.gone {
            // Looked at again by name: a listing that was cut short must not cost a block its place.
            let is_gone =
                |id: &BlockId| shared.vfs.open(&layout::block(vault, id)).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            forget(shared, vault, held.into_iter().filter(is_gone).collect());
        }
    }
}

/// Lists the vaults that have a directory, and those that should have one.
fn owners(shared: &Shared) -> Vec<VaultId> {
    let entries = shared.vfs.list(Path::new(layout::OWNERS)).unwrap_or_default();
    let mut owners: BTreeSet<VaultId> = entries.iter().filter_map(|entry| entry.name.parse().ok()).collect();
    owners.extend(shared.index.view(View::owners).unwrap_or_default().into_iter().map(|(vault, _)| vault));
    owners.into_iter().collect()
}

/// Takes blocks out of the index, so that whoever asks for them hears the truth.
fn forget(shared: &Shared, vault: &VaultId, gone: Vec<BlockId>) {
    if gone.is_empty() {
        return;
    }
    tracing::warn!(%vault, blocks = gone.len(), "the files of some blocks are gone, so they are held no more");
    let change = Change { removed: gone.into_iter().map(|id| (*vault, id)).collect(), ..Change::default() };
    if let Err(error) = shared.index.apply(&change) {
        // Without room they stay for the next start, which finds them gone again.
        batch::index_fault(shared, &error);
    }
}
