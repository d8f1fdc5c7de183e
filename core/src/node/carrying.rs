//! Carrying: what a tab tells carriers about the copies that it keeps, so that other members can have them from it.
//!
//! A tab's copies are its cache: blocks that it wrote or read, until room is made. They are never counted when data is called safe.
//!
//! ```text
//!   Follow --> inventory of the store --+
//!   a block is kept --------------------+--> Carries --> every linked carrier of the vault
//!   room was made, a copy was damaged -----> Drops
//! ```

use std::collections::VecDeque;

use super::hub::Hub;
use super::storage::Purpose;
use super::{LinkId, Role, cache};
use crate::id::{BlockId, Partition, PeerId, VaultId};
use crate::limits::{CARRIED_PER_LINK, LIST_MAX};
use crate::map::{Map, Set};
use crate::message::{Ids, Plain};
use crate::store::{StoreAnswer, StoreOp};

/// The copies that this tab keeps.
#[derive(Debug, Default)]
pub(super) struct Carrying {
    vaults: Map<VaultId, Stock>,
    /// Links over which everything was said that there was to say when they began.
    told: Set<(LinkId, VaultId)>,
    /// Whether somebody has not been told everything.
    stale: bool,
}

/// The copies of one vault.
#[derive(Debug, Default)]
struct Stock {
    ids: Set<BlockId>,
    /// Those that carriers have not been told of.
    fresh: Set<BlockId>,
    /// Those that carriers were told of and that are no more.
    gone: Set<BlockId>,
    /// Partitions of the store that have not been looked through.
    unread: VecDeque<(VaultId, Partition)>,
    /// Questions to the store about them that are not answered.
    looking: usize,
    /// Whether there are copies that were not counted, and never will be.
    partial: bool,
}

impl Carrying {
    /// Looks through the store for copies of a vault that has carriers to be told of them.
    pub(super) fn followed(&mut self, hub: &mut Hub, vault: VaultId) {
        if !matches!(hub.role, Role::Tab { .. }) || hub.lives_here(&vault) {
            return;
        }
        self.stale = true;
        if !self.vaults.contains_key(&vault) {
            // What a vault held before it had carriers stays under its own name.
            let owners = [vault, cache::owner(&vault)];
            self.vaults.insert(vault, Stock { looking: owners.len(), ..Stock::default() });
            for owner in owners {
                let op = StoreOp::Summary(owner, Partition::default(), Partition::LAST);
                hub.store(op, Purpose::Inventory(vault, owner));
            }
        }
    }

    /// Takes in what the store holds.
    pub(super) fn counted(&mut self, hub: &mut Hub, vault: VaultId, owner: VaultId, answer: StoreAnswer) {
        let room = self.room();
        let Some(stock) = self.vaults.get_mut(&vault) else { return };
        stock.looking -= 1;
        match answer {
            StoreAnswer::Summary(rows) => stock.unread.extend(rows.into_iter().map(|(partition, _)| (owner, partition))),
            StoreAnswer::Ids(ids) => {
                stock.partial |= ids.len() >= room.min(LIST_MAX);
                for id in ids.into_iter().take(room) {
                    stock.add(id);
                }
                self.stale = true;
            }
            // A store that cannot say what it holds offers nobody anything.
            _ => {
                stock.unread.clear();
                stock.partial = true;
            }
        }
        if let Some((owner, partition)) = stock.unread.pop_front().filter(|_| room > 0) {
            stock.looking += 1;
            let op = StoreOp::Scan { vault: owner, partition, after: None, limit: LIST_MAX as u32 };
            hub.store(op, Purpose::Inventory(vault, owner));
        }
    }

    /// Says whether a copy of a block is kept.
    pub(super) fn holds(&self, vault: &VaultId, id: &BlockId) -> bool {
        self.vaults.get(vault).is_some_and(|stock| stock.ids.contains(id))
    }

    /// Says whether it is known that no copy of a block is kept.
    pub(super) fn lacks(&self, vault: &VaultId, id: &BlockId) -> bool {
        let counted = |stock: &Stock| stock.looking == 0 && stock.unread.is_empty() && !stock.partial;
        self.vaults.get(vault).is_some_and(|stock| counted(stock) && !stock.ids.contains(id))
    }

    /// Counts a block that is kept from now on.
    pub(super) fn kept(&mut self, vault: VaultId, id: BlockId) {
        let room = self.room();
        let Some(stock) = self.vaults.get_mut(&vault) else { return };
        if room > 0 {
            stock.add(id);
            self.stale = true;
        } else {
            stock.partial = true;
        }
    }

    /// Takes in that copies are no more.
    pub(super) fn lost(&mut self, ids: &[BlockId]) {
        for stock in self.vaults.values_mut() {
            for id in ids {
                if stock.ids.remove(id) && !stock.fresh.remove(id) {
                    stock.gone.insert(*id);
                    self.stale = true;
                }
            }
        }
    }

    /// Takes in that no copy is left.
    pub(super) fn emptied(&mut self) {
        let all: Vec<BlockId> = self.vaults.values().flat_map(|stock| stock.ids.iter().copied()).collect();
        self.lost(&all);
    }

    /// Has a peer told, should it be a carrier.
    pub(super) const fn linked(&mut self) {
        self.stale = true;
    }

    /// Forgets what was said over a link.
    pub(super) fn unlinked(&mut self, link: LinkId) {
        self.told.retain(|(told, _)| *told != link);
    }

    /// Tells every linked carrier what it does not know.
    pub(super) fn flush(&mut self, hub: &mut Hub) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        for (vault, stock) in &mut self.vaults {
            let (fresh, gone) = (std::mem::take(&mut stock.fresh), std::mem::take(&mut stock.gone));
            for peer in hub.carriers(vault) {
                let Some(link) = hub.links.link_of(&peer) else { continue };
                let news = if self.told.insert((link, *vault)) { &stock.ids } else { &fresh };
                tell(hub, &peer, *vault, news, Plain::Carries);
                tell(hub, &peer, *vault, &gone, Plain::Drops);
            }
        }
    }

    /// Returns how many more copies carriers can be told of.
    fn room(&self) -> usize {
        CARRIED_PER_LINK.saturating_sub(self.vaults.values().map(|stock| stock.ids.len()).sum())
    }
}

impl Stock {
    fn add(&mut self, id: BlockId) {
        if self.ids.insert(id) && !self.gone.remove(&id) {
            self.fresh.insert(id);
        }
    }
}

fn tell(hub: &mut Hub, peer: &PeerId, vault: VaultId, ids: &Set<BlockId>, say: fn(Ids) -> Plain) {
    let ids: Vec<_> = ids.iter().copied().collect();
    for ids in ids.chunks(LIST_MAX) {
        hub.send_to(peer, say(Ids { vault, ids: ids.to_vec() }));
    }
}
