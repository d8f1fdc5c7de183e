//! Clears block files that the index does not know, after a run that was not closed; a directory at a time, when there is nothing to do.

use std::collections::BTreeSet;
use std::path::Path;

use cachette_core::id::{BlockId, VaultId};

use super::layout;
use super::store::Shared;

/// How far the clearing has come.
#[derive(Debug)]
pub(super) struct Sweep {
    /// `None` until the owners are listed.
    owners: Option<Vec<VaultId>>,
    /// The next directory of the last owner in the list.
    shard: u16,
}

impl Sweep {
    pub(super) const fn new() -> Self {
        Self { owners: None, shard: 0 }
    }

    /// Clears one directory; says whether that was the last one. What cannot be listed or removed is left for another time.
    pub(super) fn step(&mut self, shared: &Shared) -> bool {
        let owners = self.owners.get_or_insert_with(|| {
            let entries = shared.vfs.list(Path::new(layout::OWNERS)).unwrap_or_default();
            entries.iter().filter_map(|entry| entry.name.parse().ok()).collect()
        });
        let Some(vault) = owners.last() else { return true };
        let Ok(first) = u8::try_from(self.shard) else {
            owners.pop();
            self.shard = 0;
            return owners.is_empty();
        };
        self.shard += 1;
        clear(shared, vault, first);
        false
    }
}

fn clear(shared: &Shared, vault: &VaultId, first: u8) {
    let shard = layout::shard(vault, first);
    let Ok(entries) = shared.vfs.list(&shard) else { return };
    if entries.is_empty() {
        return;
    }
    let Ok(held) = shared.index.view(|view| view.shard(vault, first)) else { return };
    let held: BTreeSet<BlockId> = held.into_iter().collect();
    for entry in entries {
        let Ok(id) = entry.name.parse::<BlockId>() else { continue };
        if !held.contains(&id) && shared.vfs.remove(&shard.join(&entry.name)).is_ok() {
            tracing::debug!(block = %id, %vault, "cleared a leftover of a crash");
        }
    }
}
