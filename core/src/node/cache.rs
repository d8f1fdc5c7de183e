//! The cache: tree blocks that a client fetched or wrote, kept in its own store so that the next command need not fetch them; in a tab
//! also the other blocks that it wrote, and of those that it read as many as do not slow its reading down, for itself and for other members.
//!
//! They lie under an owner of their own, derived from the vault: what is thrown away to make room can never be a vault's only copy.
//! Ids are random, so throwing partitions away at random is as good as any order, and needs nothing to be remembered.

use std::collections::VecDeque;

use super::Role;
use super::hub::{Hub, Note};
use super::storage::Purpose;
use crate::block::Block;
use crate::id::{Partition, VaultId};
use crate::labels;
use crate::limits::{CACHE_WINDOW, LIST_MAX, TAB_CACHE_REST, TAB_CACHE_STRETCH, TAB_CACHE_WINDOW, TREE_CACHE};
use crate::map::Map;
use crate::store::{StoreAnswer, StoreOp};
use crate::time::{Span, Time};

/// What is kept of each vault.
#[derive(Debug)]
pub(super) struct Cache {
    vaults: Map<VaultId, Shelf>,
    /// Bytes that may be kept of one vault.
    pub(super) limit: u64,
    /// Bytes on their way into the store.
    arriving: u64,
    pace: Pace,
}

/// How much of a tab's time goes into keeping what it reads: a browser that writes whatever it reads reads more slowly. What somebody
/// watches comes slowly enough to be kept whole.
#[derive(Debug)]
struct Pace {
    /// When the store began to write what it is writing.
    since: Time,
    /// Until when it rests.
    rest: Time,
}

impl Pace {
    fn allows(&self, now: Time, busy: bool) -> bool {
        now >= self.rest && (!busy || now.since(self.since) < TAB_CACHE_STRETCH)
    }

    /// Takes in that the store has written everything, and lets it rest.
    fn idle(&mut self, now: Time) {
        let twice = Span(now.since(self.since).millis().saturating_mul(2));
        self.rest = now + twice.min(TAB_CACHE_REST);
    }
}

/// What is known of one vault's cache.
#[derive(Debug, Default)]
struct Shelf {
    /// Bytes, once the store has counted them.
    used: Option<u64>,
    /// Whether the store is counting, or making room.
    busy: bool,
    /// Partitions that are to be thrown away.
    doomed: VecDeque<Partition>,
}

impl Cache {
    /// Starts with nothing.
    pub(super) const fn new(role: &Role) -> Self {
        let limit = if let Role::Tab { limit } = role { *limit } else { TREE_CACHE };
        Self { vaults: Map::new(), limit, arriving: 0, pace: Pace { since: Time(0), rest: Time(0) } }
    }

    /// Keeps a block, unless the store has no time for it. A vault without carriers lives in the same store anyway.
    pub(super) fn keep(&mut self, hub: &mut Hub, vault: VaultId, block: Block) {
        let bytes = block.bytes().len() as u64;
        let carrier = matches!(hub.role, Role::Carrier { .. });
        if carrier || hub.lives_here(&vault) || self.arriving + bytes > hub.window(CACHE_WINDOW, TAB_CACHE_WINDOW) as u64 {
            return;
        }
        self.store(hub, vault, block);
    }

    /// Keeps a block whatever else is on its way into the store, for whoever bounds that.
    pub(super) fn store(&mut self, hub: &mut Hub, vault: VaultId, block: Block) {
        let bytes = block.bytes().len() as u64;
        if self.arriving == 0 {
            self.pace.since = hub.now();
        }
        self.arriving += bytes;
        let purpose = Purpose::Kept(vault, block.id(), bytes);
        hub.store(StoreOp::Cache(owner(&vault), block), purpose);
    }

    /// Keeps a block that a tab wrote; what others do not need again is not worth their disk.
    pub(super) fn carry(&mut self, hub: &mut Hub, vault: VaultId, block: &Block) {
        if matches!(hub.role, Role::Tab { .. }) {
            self.keep(hub, vault, block.clone());
        }
    }

    /// Keeps a block that a tab read, unless it keeps what it reads for longer than it should without a rest.
    pub(super) fn glean(&mut self, hub: &mut Hub, vault: VaultId, block: &Block) {
        if self.pace.allows(hub.now(), self.arriving > 0) {
            self.carry(hub, vault, block);
        }
    }

    /// Takes in whether a block of so many bytes is kept.
    pub(super) fn kept(&mut self, hub: &mut Hub, vault: VaultId, bytes: u64, kept: bool) {
        self.arriving = self.arriving.saturating_sub(bytes);
        if self.arriving == 0 {
            self.pace.idle(hub.now());
        }
        let shelf = self.vaults.entry(vault).or_default();
        shelf.used = shelf.used.map(|used| if kept { used + bytes } else { used });
        self.look(hub, vault);
    }

    /// Keeps no more than so many bytes of one vault from now on.
    pub(super) fn shrink(&mut self, hub: &mut Hub, limit: u64) {
        self.limit = self.limit.min(limit);
        for vault in hub.followed.keys().copied().collect::<Vec<_>>() {
            self.look(hub, vault);
        }
    }

    /// Takes in that the store lost everything.
    pub(super) fn emptied(&mut self) {
        self.vaults.values_mut().for_each(|shelf| shelf.used = None);
    }

    /// Says whether copies of a vault may be about to be thrown away.
    pub(super) fn makes_room(&self, vault: &VaultId) -> bool {
        self.vaults.get(vault).is_some_and(|shelf| shelf.busy)
    }

    /// Takes in what the store answered on the way to more room, and goes on.
    pub(super) fn answered(&mut self, hub: &mut Hub, vault: VaultId, answer: StoreAnswer) {
        let shelf = self.vaults.entry(vault).or_default();
        match answer {
            StoreAnswer::Usage(usage) => (shelf.used, shelf.busy) = (Some(usage.bytes), false),
            StoreAnswer::Summary(rows) => {
                // Half of what is there, from anywhere.
                let mut partitions: Vec<Partition> = rows.into_iter().map(|(partition, _)| partition).collect();
                let count = partitions.len();
                let start = hub.chance.below(count.max(1) as u64);
                partitions.rotate_left(usize::try_from(start).unwrap_or(0));
                partitions.truncate(count.div_ceil(2));
                shelf.doomed = partitions.into();
                return shelf.throw(hub, vault);
            }
            StoreAnswer::Ids(ids) => {
                hub.note(Note::Thrown(ids.clone()));
                return hub.store(StoreOp::Delete(owner(&vault), ids), Purpose::Cached(vault));
            }
            StoreAnswer::Deleted => return shelf.throw(hub, vault),
            // A cache that cannot be counted or cleared is not worth a word; the next block that is kept tries again.
            _ => {
                shelf.busy = false;
                return shelf.doomed.clear();
            }
        }
        self.look(hub, vault);
    }

    /// Counts what is kept, once, and makes room when it is too much.
    fn look(&mut self, hub: &mut Hub, vault: VaultId) {
        let shelf = self.vaults.entry(vault).or_default();
        if shelf.busy {
            return;
        }
        match shelf.used {
            None => shelf.ask(hub, vault, StoreOp::Usage(Some(owner(&vault)))),
            Some(used) if used > self.limit => {
                shelf.ask(hub, vault, StoreOp::Summary(owner(&vault), Partition::default(), Partition::LAST));
            }
            Some(_) => {}
        }
    }
}

impl Shelf {
    /// Throws the next partition away; counts again when that was the last one.
    fn throw(&mut self, hub: &mut Hub, vault: VaultId) {
        let owner = owner(&vault);
        let op = match self.doomed.pop_front() {
            Some(partition) => StoreOp::Scan { vault: owner, partition, after: None, limit: LIST_MAX as u32 },
            None => StoreOp::Usage(Some(owner)),
        };
        self.ask(hub, vault, op);
    }

    fn ask(&mut self, hub: &mut Hub, vault: VaultId, op: StoreOp) {
        self.busy = true;
        hub.store(op, Purpose::Cached(vault));
    }
}

/// Returns the owner under which a vault's cache lies.
pub(super) fn owner(vault: &VaultId) -> VaultId {
    VaultId(blake3::derive_key(labels::CACHE_OWNER, vault.as_bytes()))
}
