//! Stocking: copies that this peer is asked to keep. No more is fetched than the store has time for, what comes to nothing is tried once
//! more, and what is not kept in the end is named.
//!
//! ```text
//!   Keep --> what the store has not --> waiting --a few at a time--> fetched --> stored --> kept
//!                                          ^                            |           |         |
//!                                          +---------once more----------+-----------+         +--thrown away--> missing
//! ```

use std::collections::VecDeque;

use super::cache::{self, Cache};
use super::carrying::Carrying;
use super::hub::Hub;
use super::reading::Reading;
use super::storage::Purpose;
use super::{Answer, AskId, Event};
use crate::block::Block;
use crate::id::{BlockId, VaultId};
use crate::limits::{BLOCK_SIZE_LOG_MAX, CACHE_WINDOW, TAB_CACHE_WINDOW};
use crate::map::Set;
use crate::store::{StoreAnswer, StoreOp};

/// What is to be kept: one order at a time, in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Stocking(VecDeque<Order>);

#[derive(Debug)]
struct Order {
    ask: AskId,
    vault: VaultId,
    waiting: VecDeque<BlockId>,
    /// Whether the store has said what it holds of them.
    counted: bool,
    /// On their way here, or into the store.
    open: Set<BlockId>,
    kept: Set<BlockId>,
    /// Those that were tried once more.
    again: Set<BlockId>,
    missing: Vec<BlockId>,
}

impl Stocking {
    /// Keeps copies of these blocks.
    pub(super) fn keep(&mut self, hub: &mut Hub, ask: AskId, vault: VaultId, ids: Vec<BlockId>) {
        let (open, kept, again) = (Set::new(), Set::new(), Set::new());
        self.0.push_back(Order { ask, vault, waiting: ids.into(), counted: false, open, kept, again, missing: Vec::new() });
        if self.0.len() == 1 {
            self.begin(hub);
        }
    }

    /// Takes in which of the blocks the store holds already.
    pub(super) fn counted(&mut self, carrying: &mut Carrying, answer: StoreAnswer) {
        let Some(order) = self.0.front_mut() else { return };
        order.counted = true;
        if let StoreAnswer::Has(held) = answer {
            for (id, held) in std::mem::take(&mut order.waiting).into_iter().zip(held) {
                if held {
                    carrying.kept(order.vault, id);
                    order.kept.insert(id);
                } else {
                    order.waiting.push_back(id);
                }
            }
        }
    }

    /// Takes a fetched block, which goes to the store whatever else is on its way there: what is fetched at once is bounded here.
    pub(super) fn fetched(&self, hub: &mut Hub, cache: &mut Cache, vault: VaultId, block: Block) {
        if self.0.front().is_some_and(|order| order.open.contains(&block.id())) {
            cache.store(hub, vault, block);
        }
    }

    /// Takes in whether a block is in the store now, for whatever reason it was brought there, or that nobody has it.
    pub(super) fn ended(&mut self, id: BlockId, kept: bool) {
        let Some(order) = self.0.front_mut().filter(|order| order.open.contains(&id)) else { return };
        order.open.remove(&id);
        if kept {
            order.kept.insert(id);
        } else if order.again.insert(id) {
            order.waiting.push_back(id);
        } else {
            order.missing.push(id);
        }
    }

    /// Takes in that copies were thrown away to make room: fetching them again would only throw others away.
    pub(super) fn thrown(&mut self, ids: &[BlockId]) {
        let Some(order) = self.0.front_mut() else { return };
        order.missing.extend(ids.iter().filter(|id| order.kept.remove(id)));
    }

    /// Takes in that no copy is left.
    pub(super) fn emptied(&mut self) {
        let Some(order) = self.0.front_mut() else { return };
        order.missing.extend(std::mem::take(&mut order.kept));
    }

    /// Fetches the next blocks, and answers an order when all that is left of it is here to stay; called after every input.
    pub(super) fn go_on(&mut self, hub: &mut Hub, reading: &mut Reading, cache: &Cache) {
        let Some(order) = self.0.front_mut().filter(|order| order.counted) else { return };
        let most = hub.window(CACHE_WINDOW, TAB_CACHE_WINDOW) >> BLOCK_SIZE_LOG_MAX;
        while order.open.len() < most
            && let Some(id) = order.waiting.pop_front()
        {
            order.open.insert(id);
            reading.need_copy(hub, order.vault, id);
        }
        if order.open.is_empty()
            && !cache.makes_room(&order.vault)
            && let Some(order) = self.0.pop_front()
        {
            hub.tell(Event::Answered(order.ask, Answer::Kept(order.missing)));
            self.begin(hub);
        }
    }

    fn begin(&self, hub: &mut Hub) {
        let Some(order) = self.0.front() else { return };
        let owner = if hub.lives_here(&order.vault) { order.vault } else { cache::owner(&order.vault) };
        hub.store(StoreOp::Has(owner, order.waiting.iter().copied().collect()), Purpose::Stock);
    }
}
