//! Trailing: on a slow uplink one holder is sent a block, and the others pull it from there.
//!
//! What leads is any copy; what trails is offered once that one is durable, with its holder as source. A holder that wants a block which
//! another one is being sent is kept waiting. When that comes to nothing, or nothing comes of it while the uplink idles, the block is
//! *direct*: every holder is sent it from here.

use super::Writing;
use super::placing::{Aim, Mark, Placing};
use crate::block::{Block, SizeLog};
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::PULL_PATIENCE;
use crate::map::Map;
use crate::message::{Ids, Message, Plain};
use crate::node::LinkId;
use crate::node::hub::Hub;
use crate::node::links::Standing;
use crate::node::timers::Timer;

impl Writing {
    /// Says how a holder begins that was chosen for a block.
    pub(super) fn chosen(&self, placing: &Placing) -> Mark {
        if self.leaves_once(placing) { Mark::Behind } else { Mark::Waiting }
    }

    /// Sees to it that some copy of a block leads, and offers it to the holders behind once somebody has it.
    pub(super) fn lead(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(placing) = self.blocks.get(&id) else { return };
        let behind = placing.marked(Mark::Behind);
        let Some(first) = behind.iter().find(|peer| hub.standing(peer) == Standing::Up).or(behind.first()).copied() else { return };
        if placing.count(|mark| mark == Mark::Stored) > 0 {
            behind.into_iter().for_each(|peer| self.mark(id, peer, Mark::Waiting));
        } else if placing.count(|mark| mark.under_way() && mark != Mark::Behind) == 0 {
            self.mark(id, first, Mark::Waiting);
        }
        self.watch_pulls(hub);
    }

    /// Says whom a holder is told to pull a block from: the first that has it and can be reached.
    pub(super) fn source(&self, hub: &Hub, placing: &Placing, peer: &PeerId) -> Option<PeerId> {
        let having = self.leaves_once(placing).then(|| placing.marked(Mark::Stored))?;
        having.into_iter().find(|source| source != peer && hub.standing(source) == Standing::Up)
    }

    /// Says whether a holder that wants a block is kept waiting for another one's copy.
    pub(super) fn keeps_back(&self, hub: &Hub, placing: &Placing, peer: &PeerId) -> bool {
        let tried = !placing.direct && self.uplink.is_tried(size(placing));
        if placing.aim != Aim::Copies || placing.of(peer) == Some(Mark::Pulls) || !(tried || self.leaves_once(placing)) {
            return false;
        }
        let has = |mark| mark == Mark::Sent || (tried && mark == Mark::Stored);
        placing.count(has) > 0 || self.source(hub, placing, peer).is_some()
    }

    /// Keeps a holder that wants a block waiting.
    pub(super) fn hold(&mut self, hub: &mut Hub, id: BlockId, peer: PeerId) {
        self.mark(id, peer, Mark::Held);
        self.held.push_back((id, peer));
        self.watch_pulls(hub);
    }

    /// Goes on with the holders that were kept waiting: sends them what they want, or tells them whom to pull it from.
    pub(super) fn release(&mut self, hub: &mut Hub) {
        let mut absent: Map<(PeerId, VaultId), Vec<BlockId>> = Map::new();
        for (id, peer) in std::mem::take(&mut self.held) {
            let Some(placing) = self.blocks.get(&id).filter(|placing| placing.of(&peer) == Some(Mark::Held)) else { continue };
            let Some(link) = hub.links.link_of(&peer) else { continue };
            let vault = placing.vault;
            if self.source(hub, placing, &peer).is_some() {
                absent.entry((peer, vault)).or_default().push(id);
                self.mark(id, peer, Mark::Waiting);
            } else if self.keeps_back(hub, placing, &peer) {
                self.held.push_back((id, peer));
            } else if !self.send(hub, link, id, peer) {
                absent.entry((peer, vault)).or_default().push(id);
            }
        }
        for ((peer, vault), ids) in absent {
            hub.send_to(&peer, Plain::Absent(Ids { vault, ids }));
        }
    }

    /// Sends a holder a block that it wants; returns `false` when the bytes have to be fetched first.
    pub(super) fn send(&mut self, hub: &mut Hub, link: LinkId, id: BlockId, peer: PeerId) -> bool {
        let Some(placing) = self.blocks.get(&id) else { return false };
        let vault = placing.vault;
        let Some(block) = placing.body.clone() else {
            self.mark(id, peer, Mark::Lacks);
            self.fetch_body(id);
            return false;
        };
        let departure = self.uplink.leaves(hub.now(), block.bytes().len());
        hub.send(link, Message::Block(vault, block));
        self.mark(id, peer, Mark::Sent);
        self.outboxes.entry(peer).or_default().departures.insert(id, departure);
        self.watch(hub, peer);
        true
    }

    /// Notes that a holder is told whom to pull from.
    pub(super) fn trail(&mut self, hub: &mut Hub, peer: &PeerId) {
        if let Some(outbox) = self.outboxes.get_mut(peer) {
            outbox.pulls_since = hub.now();
        }
        self.watch_pulls(hub);
    }

    /// Sends holders from here what does not come to them from others, when the uplink has nothing else to do.
    pub(in crate::node) fn look_at_pulls(&mut self, hub: &mut Hub) {
        self.watching = false;
        let trailing = self.blocks.iter().filter(|(_, placing)| placing.count(Mark::trails) > 0);
        let trailing: Vec<BlockId> = trailing.map(|(id, _)| *id).collect();
        if trailing.is_empty() {
            return;
        }
        self.watch_pulls(hub);
        if !self.uplink.idles(hub.now()) {
            return;
        }
        for id in trailing {
            let Some(placing) = self.blocks.get_mut(&id) else { continue };
            let pulling = placing.marked(Mark::Pulls);
            let stalled = |peer: &PeerId| {
                let since = self.outboxes.get(peer).map_or(hub.now(), |outbox| outbox.progress.max(outbox.pulls_since));
                hub.now().since(since) >= PULL_PATIENCE
            };
            let stalled: Vec<PeerId> = pulling.into_iter().filter(stalled).collect();
            let behind = placing.marked(Mark::Behind);
            placing.direct |= !stalled.is_empty() || !behind.is_empty() || placing.count(|mark| mark == Mark::Held) > 0;
            stalled.into_iter().chain(behind).for_each(|peer| self.mark(id, peer, Mark::Waiting));
        }
    }

    /// Sees to it that what trails is looked at.
    fn watch_pulls(&mut self, hub: &mut Hub) {
        if !std::mem::replace(&mut self.watching, true) {
            hub.arm(PULL_PATIENCE, Timer::Pulls);
        }
    }

    /// Says whether one copy of a block leaves this machine.
    fn leaves_once(&self, placing: &Placing) -> bool {
        !placing.direct && self.uplink.is_slow(size(placing))
    }
}

/// Returns a block's size, or the largest that it can have when its bytes are not here.
fn size(placing: &Placing) -> usize {
    placing.body.as_ref().map_or(SizeLog::MAX, Block::size_log).bytes()
}
