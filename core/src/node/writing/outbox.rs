//! Outboxes: what each holder is offered, in lists, as far as it has answered earlier ones.

use std::collections::VecDeque;

use super::Writing;
use super::placing::Mark;
use super::uplink::Departure;
use crate::block::{Block, SizeLog};
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{LIST_MAX, OFFERS_PER_LINK, REDIAL_MAX, REDIAL_MIN, SUSPECT_AFTER};
use crate::map::Map;
use crate::message::{Offer, Plain};
use crate::node::Trouble;
use crate::node::hub::Hub;
use crate::node::timers::Timer;
use crate::time::{Span, Time};

/// What one holder is offered.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) waiting: VecDeque<BlockId>,
    /// Blocks offered that it has not answered, and blocks sent that it has not acked.
    pub(super) offered: usize,
    pub(super) sent: usize,
    pub(super) departures: Map<BlockId, Departure>,
    /// When it was last told whom to pull from.
    pub(super) pulls_since: Time,
    pub(super) progress: Time,
    watched: bool,
    /// Pauses in a row because it was busy.
    pub(super) busy: u32,
    pub(super) retry: bool,
}

impl Writing {
    /// Looks whether a holder still answers; goes on to the next for what it leaves unanswered. A late ack still counts.
    pub(in crate::node) fn look(&mut self, hub: &mut Hub, peer: PeerId) {
        let Some(outbox) = self.outboxes.get_mut(&peer) else { return };
        outbox.watched = false;
        let waited = hub.now().since(outbox.progress);
        if outbox.offered + outbox.sent == 0 {
            return;
        }
        if waited >= SUSPECT_AFTER {
            for id in self.with_mark(&peer, Mark::unanswered) {
                self.fail(hub, id, peer, Mark::Lost, Trouble::Silent);
            }
        } else {
            outbox.watched = true;
            hub.arm(Span(SUSPECT_AFTER.millis() - waited.millis()), Timer::Offers(peer));
        }
    }

    /// Offers again to a holder that was busy.
    pub(in crate::node) fn retry(&mut self, hub: &mut Hub, peer: PeerId) {
        if let Some(outbox) = self.outboxes.get_mut(&peer) {
            outbox.retry = false;
        }
        if hub.links.link_of(&peer).is_some() {
            self.ready.insert(peer);
        }
    }

    /// Marks a holder and keeps the outbox's counts true.
    pub(super) fn mark(&mut self, id: BlockId, peer: PeerId, mark: Mark) {
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let old = placing.mark(peer, mark);
        let outbox = self.outboxes.entry(peer).or_default();
        if let Some(departure) = old.and_then(|old| outbox.leave(&id, old)) {
            self.uplink.lost(departure);
        }
        match mark {
            Mark::Offered | Mark::Pulls => outbox.offered += 1,
            Mark::Sent => outbox.sent += 1,
            Mark::Waiting if old != Some(Mark::Waiting) => outbox.waiting.push_back(id),
            _ => {}
        }
        if !outbox.waiting.is_empty() {
            self.ready.insert(peer);
        }
    }

    /// Offers what waits for a holder, in lists, as far as it has answered earlier ones.
    pub(super) fn offer(&mut self, hub: &mut Hub, peer: PeerId) {
        let Some(link) = hub.links.link_of(&peer).filter(|_| self.outboxes.get(&peer).is_none_or(|outbox| !outbox.retry)) else { return };
        let mut offers: Map<(VaultId, Option<PeerId>), Offer> = Map::new();
        loop {
            let Some(outbox) = self.outboxes.get_mut(&peer) else { return };
            if outbox.offered >= OFFERS_PER_LINK {
                break;
            }
            let Some(id) = outbox.waiting.pop_front() else { break };
            let Some(placing) = self.blocks.get(&id).filter(|placing| placing.of(&peer) == Some(Mark::Waiting)) else { continue };
            let vault = placing.vault;
            // A block that is not here is offered at the largest size that it can have.
            let size = placing.body.as_ref().map_or(SizeLog::MAX, Block::size_log);
            let source = self.source(hub, placing, &peer);
            self.mark(id, peer, if source.is_some() { Mark::Pulls } else { Mark::Offered });
            let fresh = || Offer { vault, blocks: Vec::new(), sources: Vec::from_iter(source) };
            let offer = offers.entry((vault, source)).or_insert_with(fresh);
            offer.blocks.push((id, size));
            if offer.blocks.len() == LIST_MAX {
                hub.send(link, Plain::Offer(std::mem::replace(offer, fresh())));
            }
            if source.is_some() {
                self.trail(hub, &peer);
            }
        }
        self.ready.remove(&peer);
        for offer in offers.into_values().filter(|offer| !offer.blocks.is_empty()) {
            hub.send(link, Plain::Offer(offer));
        }
        if self.outboxes.get(&peer).is_some_and(|outbox| outbox.offered > 0) {
            self.watch(hub, peer);
        }
    }

    /// Sees to it that a holder is looked at that owes an answer.
    pub(super) fn watch(&mut self, hub: &mut Hub, peer: PeerId) {
        let outbox = self.outboxes.entry(peer).or_default();
        if !std::mem::replace(&mut outbox.watched, true) {
            outbox.progress = hub.now();
            hub.arm(SUSPECT_AFTER, Timer::Offers(peer));
        }
    }

    /// Notes that a holder answers.
    pub(super) fn progress(&mut self, hub: &Hub, peer: &PeerId) {
        if let Some(outbox) = self.outboxes.get_mut(peer) {
            outbox.progress = hub.now();
            if !outbox.waiting.is_empty() {
                self.ready.insert(*peer);
            }
        }
    }

    /// Offers nothing to a busy holder for a while; returns `false` when it was busy too often.
    pub(super) fn pause(&mut self, hub: &mut Hub, peer: PeerId) -> bool {
        let Some(outbox) = self.outboxes.get_mut(&peer) else { return false };
        if outbox.busy >= BUSY_IN_A_ROW {
            return false;
        }
        if !std::mem::replace(&mut outbox.retry, true) {
            let cap = (REDIAL_MIN.millis() << outbox.busy).min(REDIAL_MAX.millis());
            outbox.busy += 1;
            let pause = Span(1 + hub.chance.below(cap));
            hub.arm(pause, Timer::Retry(peer));
        }
        true
    }
}

impl Outbox {
    /// Takes a block out of what the holder owes an answer for; returns how it left if it was sent.
    pub(super) fn leave(&mut self, id: &BlockId, mark: Mark) -> Option<Departure> {
        match mark {
            Mark::Offered | Mark::Pulls => self.offered = self.offered.saturating_sub(1),
            Mark::Sent => self.sent = self.sent.saturating_sub(1),
            _ => {}
        }
        self.departures.remove(id)
    }
}

/// Pauses in a row for a busy holder until the next one is tried: half a minute in all.
const BUSY_IN_A_ROW: u32 = 6;
