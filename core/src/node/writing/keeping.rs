//! Keeping: how long a block and its bytes stay in memory.

use super::Writing;
use super::placing::{Aim, Mark};
use crate::id::BlockId;
use crate::limits::{LINGER_WINDOW, OWED_MAX, TAB_LINGER_WINDOW};
use crate::node::Event;
use crate::node::hub::Hub;

impl Writing {
    /// Lets go of what needs no more doing: of the block when it is complete or hopeless, of its bytes when it has to wait. One that is
    /// not safe yet waits, bytes and all, for every holder that may come back; only refusals leave it without hope.
    pub(super) fn review(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(copies) = self.copies(hub, id) else { return };
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let has_to_be_safe = placing.aim == Aim::Copies && !placing.settled && !copies.is_safe();
        if has_to_be_safe && placing.count(|mark| mark == Mark::Lost) > 0 {
            return;
        }
        if placing.count(Mark::under_way) > 0 && !(placing.aim == Aim::Copies && copies.is_complete()) {
            if copies.is_safe() && placing.aim == Aim::Copies {
                self.linger(hub, id);
            }
            return;
        }
        let told = std::mem::replace(&mut placing.settled, true);
        if placing.aim == Aim::Copies && !told {
            hub.tell(Event::Settled(id, copies));
        }
        let hope = placing.aim == Aim::Copies && copies.durable > 0 && placing.count(|mark| mark == Mark::Lost) > 0;
        if copies.is_complete() || !hope {
            self.drop_block(id);
            return;
        }
        self.let_go(id);
        if !told {
            self.owed.push_back(id);
            while self.owed.len() > OWED_MAX
                && let Some(oldest) = self.owed.pop_front()
            {
                if self.blocks.get(&oldest).is_some_and(|placing| placing.settled && placing.count(Mark::under_way) == 0) {
                    self.drop_block(oldest);
                }
            }
        }
    }

    /// Keeps the bytes of a safe block for its further copies, and lets go of the oldest such bytes beyond the window.
    pub(super) fn linger(&mut self, hub: &Hub, id: BlockId) {
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let Some(body) = placing.body.as_ref().filter(|_| !placing.lingering) else { return };
        placing.lingering = true;
        self.lingering_bytes += body.bytes().len();
        self.lingering.push_back(id);
        while self.lingering_bytes > hub.window(LINGER_WINDOW, TAB_LINGER_WINDOW)
            && let Some(oldest) = self.lingering.pop_front()
        {
            self.let_go(oldest);
        }
    }

    /// Lets go of a block's bytes.
    pub(super) fn let_go(&mut self, id: BlockId) {
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let Some(body) = placing.body.take() else { return };
        if std::mem::take(&mut placing.lingering) {
            self.lingering_bytes -= body.bytes().len();
        }
    }

    /// Forgets a block.
    pub(super) fn drop_block(&mut self, id: BlockId) {
        self.let_go(id);
        let Some(placing) = self.blocks.remove(&id) else { return };
        for mark in [Mark::Offered, Mark::Pulls, Mark::Sent] {
            for peer in placing.marked(mark) {
                if let Some(departure) = self.outboxes.get_mut(&peer).and_then(|outbox| outbox.leave(&id, mark)) {
                    self.uplink.lost(departure);
                }
            }
        }
        if self.lingering.len() > 2 * self.blocks.len() + 64 {
            self.lingering.retain(|id| self.blocks.get(id).is_some_and(|placing| placing.lingering));
        }
        if self.owed.len() > 2 * self.blocks.len() + 64 {
            self.owed.retain(|id| self.blocks.contains_key(id));
        }
    }
}
