//! Blocks of offers that wait: for the store's word on whether they are held, for room, or for their turn at a source. One that becomes
//! durable meanwhile over another link is held: to invite it once more would count it twice against the vault's limit.

use crate::id::{BlockId, VaultId};
use crate::map::Map;

/// All offered blocks that wait.
#[derive(Debug, Default)]
pub(super) struct Offered(Map<(VaultId, BlockId), Waiting>);

/// A block that waits.
#[derive(Debug, Default)]
struct Waiting {
    /// How many of its offers do.
    offers: usize,
    is_durable: bool,
}

impl Offered {
    /// Notes that an offer of a block waits.
    pub(super) fn enter(&mut self, vault: VaultId, id: BlockId) {
        self.0.entry((vault, id)).or_default().offers += 1;
    }

    /// Notes that an offer of a block waits no longer; returns whether the block became durable meanwhile.
    pub(super) fn leave(&mut self, vault: VaultId, id: BlockId) -> bool {
        let Some(waiting) = self.0.get_mut(&(vault, id)) else { return false };
        let is_durable = waiting.is_durable;
        waiting.offers -= 1;
        if waiting.offers == 0 {
            self.0.remove(&(vault, id));
        }
        is_durable
    }

    /// Notes that a block is durable now.
    pub(super) fn durable(&mut self, vault: VaultId, id: BlockId) {
        if let Some(waiting) = self.0.get_mut(&(vault, id)) {
            waiting.is_durable = true;
        }
    }
}
