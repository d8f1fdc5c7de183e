//! Bodies: bytes that a holder lacks and that are not here, fetched from another holder.

use super::Writing;
use super::placing::{Aim, Mark};
use crate::block::Block;
use crate::id::{BlockId, PeerId};
use crate::limits::{BODY_RETRY, MEND_WINDOW};
use crate::node::hub::{Hub, Note};
use crate::node::reading::Reading;
use crate::node::timers::Timer;
use crate::node::{Event, Trouble};

impl Writing {
    /// Has the bytes of a block fetched.
    pub(super) fn fetch_body(&mut self, id: BlockId) {
        if let Some(placing) = self.blocks.get_mut(&id).filter(|placing| !placing.fetching) {
            placing.fetching = true;
            self.bodiless.push_back(id);
        }
    }

    /// Asks for the bytes that holders lack, a few at a time.
    pub(super) fn fetch_bodies(&mut self, hub: &mut Hub, reading: &mut Reading) {
        while self.fetching.len() < MEND_WINDOW
            && let Some(id) = self.bodiless.pop_front()
        {
            if let Some(placing) = self.blocks.get(&id) {
                self.fetching.insert(id);
                reading.need_body(hub, placing.vault, id);
            }
        }
    }

    /// Takes in bytes that were fetched for holders that lack them.
    pub(in crate::node) fn body(&mut self, hub: &mut Hub, block: Block) {
        let id = block.id();
        self.fetching.remove(&id);
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        (placing.fetching, placing.starved) = (false, false);
        placing.body.get_or_insert(block);
        for peer in placing.marked(Mark::Lacks) {
            self.mark(id, peer, Mark::Waiting);
        }
        self.review(hub, id);
    }

    /// Takes in that no holder delivers those bytes. One that said that it has them and turned out to lack them counts no more. The others
    /// that say so may deliver them later; until then nobody who lacks them is offered what cannot be sent.
    pub(in crate::node) fn no_body(&mut self, hub: &mut Hub, id: BlockId, without: &[PeerId]) {
        self.fetching.remove(&id);
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        placing.fetching = false;
        let false_copies: Vec<_> = placing.marked(Mark::Stored).into_iter().filter(|peer| without.contains(peer)).collect();
        for peer in &false_copies {
            placing.mark(*peer, Mark::Lacks);
        }
        let lacking = placing.marked(Mark::Lacks);
        if placing.count(|mark| mark == Mark::Stored) == 0 {
            if placing.aim == Aim::Copies {
                hub.tell(Event::Lost(id));
            }
            lacking.into_iter().for_each(|peer| hub.note(Note::Given(id, peer, false)));
            self.drop_block(id);
            return;
        }
        placing.starved = true;
        if !false_copies.is_empty() {
            self.tell_placed(hub, id);
        }
        if !std::mem::replace(&mut self.seeking, true) {
            hub.arm(BODY_RETRY, Timer::Bodies);
        }
        for peer in lacking {
            self.fail(hub, id, peer, Mark::Lost, Trouble::Absent);
        }
    }

    /// Looks again for bytes that no holder delivered a while ago.
    pub(in crate::node) fn seek_bodies(&mut self, hub: &mut Hub) {
        self.seeking = false;
        self.seek(hub, |_| true);
    }

    /// Looks again for bytes that this holder says that it has, now that it can be talked to.
    pub(super) fn seek_bodies_at(&mut self, hub: &mut Hub, peer: PeerId) {
        self.seek(hub, |placing| placing.of(&peer) == Some(Mark::Stored));
    }

    fn seek(&mut self, hub: &mut Hub, pass: impl Fn(&super::Placing) -> bool) {
        let starved = self.blocks.iter_mut().filter(|(_, placing)| placing.starved && pass(placing));
        let ids: Vec<BlockId> = starved.map(|(id, placing)| (placing.starved = false, *id).1).collect();
        ids.into_iter().for_each(|id| self.advance(hub, id, None));
    }
}
