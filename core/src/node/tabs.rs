//! Tabs: what a carrier was told of the copies in the tabs that are linked to it, for other members who ask.
//!
//! What a tab says is hearsay. It is passed on to members of the same vault, who ask the tab itself and believe the block's bytes alone;
//! nothing is called safe for it. All of it is forgotten with the tab's link.

use super::LinkId;
use super::hub::Hub;
use super::links::Standing;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{CARRIED_PER_LINK, CARRIED_PER_NODE};
use crate::map::{Map, Set};
use crate::message::Ids;

/// The copies in linked tabs.
#[derive(Debug, Default)]
pub(super) struct Tabs {
    links: Map<LinkId, Tab>,
    total: usize,
}

#[derive(Debug)]
struct Tab {
    peer: PeerId,
    vaults: Map<VaultId, Set<BlockId>>,
    count: usize,
}

impl Tabs {
    /// Takes in what a member's tab carries, as far as there is room for it.
    pub(super) fn carries(&mut self, link: LinkId, peer: PeerId, carried: Ids) {
        let tab = self.links.entry(link).or_insert_with(|| Tab { peer, vaults: Map::new(), count: 0 });
        let ids = tab.vaults.entry(carried.vault).or_default();
        for id in carried.ids {
            if tab.count < CARRIED_PER_LINK && self.total < CARRIED_PER_NODE && ids.insert(id) {
                tab.count += 1;
                self.total += 1;
            }
        }
    }

    /// Takes in what it carries no longer.
    pub(super) fn drops(&mut self, link: LinkId, dropped: &Ids) {
        let Some(tab) = self.links.get_mut(&link) else { return };
        let Some(ids) = tab.vaults.get_mut(&dropped.vault) else { return };
        let gone = dropped.ids.iter().filter(|id| ids.remove(id)).count();
        tab.count -= gone;
        self.total -= gone;
    }

    /// Forgets a tab.
    pub(super) fn unlinked(&mut self, link: LinkId) {
        if let Some(tab) = self.links.remove(&link) {
            self.total -= tab.count;
        }
    }

    /// Returns which of these blocks each tab carries that can be asked now, but for the tab that wants to know.
    pub(super) fn holders(&self, hub: &mut Hub, asker: &PeerId, vault: &VaultId, ids: &[BlockId]) -> Vec<(PeerId, Vec<BlockId>)> {
        let able = self.links.values().filter(|tab| tab.peer != *asker && hub.standing(&tab.peer) == Standing::Up);
        let row = |tab: &Tab| {
            let carried = tab.vaults.get(vault)?;
            let held: Vec<_> = ids.iter().filter(|id| carried.contains(id)).copied().collect();
            (!held.is_empty()).then_some((tab.peer, held))
        };
        let mut rows: Vec<_> = able.filter_map(row).collect();
        // Should not all of them fit the answer, then each has its turn.
        let turn = hub.chance.below(rows.len().max(1) as u64);
        rows.rotate_left(usize::try_from(turn).unwrap_or(0));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LIST_MAX;

    fn carried(from: u32, count: usize) -> Ids {
        let ids = (from..).take(count).map(|n| BlockId(*blake3::hash(&n.to_le_bytes()).as_bytes())).collect();
        Ids { vault: VaultId([1; 32]), ids }
    }

    #[test]
    fn x09_what_tabs_say_is_bounded_for_each_and_for_all() {
        let mut tabs = Tabs::default();
        for link in 0..20 {
            for round in 0..20 {
                let from = (link * 20 + round) * LIST_MAX as u32;
                tabs.carries(LinkId(link.into()), PeerId([link as u8; 32]), carried(from, LIST_MAX));
            }
        }
        assert!(tabs.links.values().all(|tab| tab.count <= CARRIED_PER_LINK));
        assert_eq!(tabs.total, CARRIED_PER_NODE);
        tabs.drops(LinkId(0), &carried(0, 10));
        tabs.drops(LinkId(0), &carried(0, 10));
        assert_eq!(tabs.total, CARRIED_PER_NODE - 10, "what is dropped twice is counted once");
        (0..20).for_each(|link| tabs.unlinked(LinkId(link)));
        assert_eq!(tabs.total, 0);
    }
}
