//! Writing: brings blocks to their holders, and says how many copies are durable.
//!
//! A block is offered to the first carriers of its partition's order; for one that cannot be reached or refuses, the next in order
//! takes its place, and when it comes back while this machine lives, it is offered its copy again. Offers, bytes and acks of many
//! blocks are under way at once. Bytes stay in memory until nothing more can be done, but for blocks that are safe already: of those,
//! the oldest are let go beyond [`LINGER_WINDOW`], and a late holder's copy comes from another holder.

mod placing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use placing::{Aim, Mark, Placing};

use super::hub::{Hub, Note};
use super::links::Standing;
use super::reading::Reading;
use super::timers::Timer;
use super::{Event, Trouble};
use crate::block::{Block, SizeLog};
use crate::copies::Copies;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{LINGER_WINDOW, LIST_MAX, MEND_WINDOW, OFFERS_PER_LINK, OWED_MAX, REDIAL_MAX, REDIAL_MIN, SUSPECT_AFTER};
use crate::message::{Denial, Ids, Message, Offer, Plain};
use crate::time::{Span, Time};

/// Blocks on their way to holders.
#[derive(Debug, Default)]
pub(super) struct Writing {
    blocks: BTreeMap<BlockId, Placing>,
    outboxes: BTreeMap<PeerId, Outbox>,
    /// Outboxes with something to offer.
    ready: BTreeSet<PeerId>,
    /// Safe blocks whose bytes are kept for further copies, oldest first.
    lingering: VecDeque<BlockId>,
    lingering_bytes: usize,
    /// Settled blocks that still lack copies, oldest first.
    owed: VecDeque<BlockId>,
    /// Blocks whose bytes have to be fetched from a holder for another one.
    bodiless: VecDeque<BlockId>,
    fetching: BTreeSet<BlockId>,
}

/// What one holder is offered.
#[derive(Debug, Default)]
struct Outbox {
    waiting: VecDeque<BlockId>,
    /// Blocks offered that it has not answered, and blocks sent that it has not acked.
    offered: usize,
    sent: usize,
    progress: Time,
    watched: bool,
    /// Pauses in a row because it was busy.
    busy: u32,
    retry: bool,
}

impl Writing {
    /// Brings a new block to its holders.
    pub(super) fn place(&mut self, hub: &mut Hub, vault: VaultId, block: Block) {
        let id = block.id();
        let placing = self.blocks.entry(id).or_insert_with(|| Placing::new(vault, None, Aim::Copies));
        placing.aim = Aim::Copies;
        placing.settled = false;
        placing.body.get_or_insert(block);
        if placing.count(|mark| mark == Mark::Stored) > 0 {
            self.tell_placed(hub, id);
        }
        self.advance(hub, id, None);
        self.review(hub, id);
    }

    /// Makes sure that old blocks still have their copies: offers them without having their bytes.
    pub(super) fn confirm(&mut self, hub: &mut Hub, vault: VaultId, ids: Vec<BlockId>) {
        for id in ids {
            let placing = self.blocks.entry(id).or_insert_with(|| Placing::new(vault, None, Aim::Copies));
            placing.aim = Aim::Copies;
            placing.settled = false;
            if placing.count(|mark| mark == Mark::Stored) > 0 {
                self.tell_placed(hub, id);
            }
            self.advance(hub, id, None);
            self.review(hub, id);
        }
    }

    /// Brings a block to one holder that should have it and does not; ends in a [`Note::Given`].
    pub(super) fn give(&mut self, hub: &mut Hub, vault: VaultId, id: BlockId, body: Option<Block>, peer: PeerId) {
        if matches!(hub.standing(&peer), Standing::Down(_)) {
            hub.note(Note::Given(id, peer, false));
            return;
        }
        let placing = self.blocks.entry(id).or_insert_with(|| Placing::new(vault, None, Aim::Gift));
        if placing.body.is_none() {
            placing.body = body;
        }
        if !placing.of(&peer).is_some_and(Mark::under_way) {
            self.mark(id, peer, Mark::Waiting);
        }
    }

    /// Serves a holder's wants, in their order.
    pub(super) fn want(&mut self, hub: &mut Hub, peer: PeerId, want: Ids) {
        let Some(link) = hub.links.link_of(&peer) else { return };
        self.progress(hub, &peer);
        let mut absent = Vec::new();
        for id in want.ids {
            let Some(placing) = self.blocks.get(&id) else {
                absent.push(id);
                continue;
            };
            match placing.of(&peer) {
                // A late want is as good as one in time.
                Some(Mark::Offered | Mark::Waiting | Mark::Lost) => {}
                Some(Mark::Sent) => continue,
                _ => {
                    absent.push(id);
                    continue;
                }
            }
            if let Some(block) = placing.body.clone() {
                let vault = placing.vault;
                hub.send(link, Message::Block(vault, block));
                self.mark(id, peer, Mark::Sent);
            } else {
                absent.push(id);
                self.mark(id, peer, Mark::Lacks);
                self.fetch_body(id);
            }
        }
        if !absent.is_empty() {
            hub.send(link, Plain::Absent(Ids { vault: want.vault, ids: absent }));
        }
    }

    /// Counts durable copies.
    pub(super) fn stored(&mut self, hub: &mut Hub, peer: PeerId, stored: &Ids) {
        self.progress(hub, &peer);
        if let Some(outbox) = self.outboxes.get_mut(&peer) {
            outbox.busy = 0;
        }
        for id in &stored.ids {
            let Some(placing) = self.blocks.get(id) else { continue };
            let asked = matches!(placing.of(&peer), Some(Mark::Offered | Mark::Sent | Mark::Lost | Mark::Waiting));
            if placing.vault != stored.vault || !asked {
                continue;
            }
            self.mark(*id, peer, Mark::Stored);
            hub.note(Note::Given(*id, peer, true));
            self.tell_placed(hub, *id);
            self.review(hub, *id);
        }
    }

    /// Goes on to the next carrier for blocks that one refused. A busy one is asked again later.
    pub(super) fn refused(&mut self, hub: &mut Hub, peer: PeerId, ids: &[BlockId], why: Denial) {
        self.progress(hub, &peer);
        let later = why == Denial::Busy && self.pause(hub, peer);
        for id in ids {
            let mark = self.blocks.get(id).and_then(|placing| placing.of(&peer));
            if later && matches!(mark, Some(Mark::Offered | Mark::Sent)) {
                self.mark(*id, peer, Mark::Waiting);
            } else if mark.is_some_and(Mark::under_way) && !later {
                let mark = if why == Denial::Busy { Mark::Lost } else { Mark::Refused };
                self.fail(hub, *id, peer, mark, Trouble::Denied(why));
            }
        }
    }

    /// Takes in bytes that were fetched for holders that lack them.
    pub(super) fn body(&mut self, hub: &mut Hub, block: Block) {
        let id = block.id();
        self.fetching.remove(&id);
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        placing.fetching = false;
        placing.body.get_or_insert(block);
        for peer in placing.marked(Mark::Lacks) {
            self.mark(id, peer, Mark::Waiting);
        }
        self.review(hub, id);
    }

    /// Takes in that no holder delivers those bytes.
    pub(super) fn no_body(&mut self, hub: &mut Hub, id: BlockId) {
        self.fetching.remove(&id);
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        placing.fetching = false;
        let lacking = placing.marked(Mark::Lacks);
        if placing.count(|mark| mark == Mark::Stored) == 0 {
            if placing.aim == Aim::Copies {
                hub.tell(Event::Lost(id));
            }
            lacking.into_iter().for_each(|peer| hub.note(Note::Given(id, peer, false)));
            self.drop_block(id);
            return;
        }
        for peer in lacking {
            self.fail(hub, id, peer, Mark::Lost, Trouble::Absent);
        }
    }

    /// Offers a holder that can be talked to (again) what it should have, and what it had not answered.
    pub(super) fn linked(&mut self, hub: &mut Hub, peer: PeerId) {
        let lost = self.with_mark(&peer, |mark| mark == Mark::Lost);
        for id in lost {
            let Some(placing) = self.blocks.get(&id) else { continue };
            let holder = hub.holders(&placing.vault, &id).contains(&peer);
            let missing = self.copies(hub, id).is_some_and(|copies| placing.count(Mark::in_play) < usize::from(copies.wanted));
            if holder || missing {
                self.mark(id, peer, Mark::Waiting);
            }
        }
        if self.outboxes.get(&peer).is_some_and(|outbox| !outbox.waiting.is_empty()) {
            self.ready.insert(peer);
        }
    }

    /// Queues again what was under way to a holder whose link ended.
    pub(super) fn unlinked(&mut self, peer: PeerId) {
        for id in self.with_mark(&peer, |mark| matches!(mark, Mark::Offered | Mark::Sent)) {
            self.mark(id, peer, Mark::Waiting);
        }
    }

    /// Goes on to the next carrier for everything meant for one that cannot be reached.
    pub(super) fn down(&mut self, hub: &mut Hub, peer: PeerId, trouble: Trouble) {
        for id in self.with_mark(&peer, Mark::under_way) {
            self.fail(hub, id, peer, Mark::Lost, trouble);
        }
        if let Some(outbox) = self.outboxes.get_mut(&peer) {
            outbox.waiting.clear();
        }
        self.ready.remove(&peer);
    }

    /// Goes on to the next carrier for everything meant for one that fell silent. A late ack still counts.
    pub(super) fn suspect(&mut self, hub: &mut Hub, peer: PeerId) {
        for id in self.with_mark(&peer, |mark| matches!(mark, Mark::Waiting | Mark::Offered | Mark::Sent)) {
            self.fail(hub, id, peer, Mark::Lost, Trouble::Silent);
        }
    }

    /// Looks whether a holder still answers; goes on to the next for what it leaves unanswered. A late ack still counts.
    pub(super) fn look(&mut self, hub: &mut Hub, peer: PeerId) {
        let Some(outbox) = self.outboxes.get_mut(&peer) else { return };
        outbox.watched = false;
        let waited = hub.now().since(outbox.progress);
        if outbox.offered + outbox.sent == 0 {
            return;
        }
        if waited >= SUSPECT_AFTER {
            for id in self.with_mark(&peer, |mark| matches!(mark, Mark::Offered | Mark::Sent)) {
                self.fail(hub, id, peer, Mark::Lost, Trouble::Silent);
            }
        } else {
            outbox.watched = true;
            hub.arm(Span(SUSPECT_AFTER.millis() - waited.millis()), Timer::Offers(peer));
        }
    }

    /// Offers again to a holder that was busy.
    pub(super) fn retry(&mut self, hub: &mut Hub, peer: PeerId) {
        if let Some(outbox) = self.outboxes.get_mut(&peer) {
            outbox.retry = false;
        }
        if hub.links.link_of(&peer).is_some() {
            self.ready.insert(peer);
        }
    }

    /// Looks again at every block of a vault whose carriers may have changed.
    pub(super) fn followed(&mut self, hub: &mut Hub, vault: VaultId) {
        let ids: Vec<BlockId> = self.blocks.iter().filter(|(_, placing)| placing.vault == vault).map(|(id, _)| *id).collect();
        for id in ids {
            self.advance(hub, id, None);
            self.review(hub, id);
        }
    }

    /// Sends offers, and asks for the bytes that holders lack; called after every input.
    pub(super) fn flush(&mut self, hub: &mut Hub, reading: &mut Reading) {
        for peer in std::mem::take(&mut self.ready) {
            self.offer(hub, peer);
        }
        while self.fetching.len() < MEND_WINDOW
            && let Some(id) = self.bodiless.pop_front()
        {
            if let Some(placing) = self.blocks.get(&id) {
                self.fetching.insert(id);
                reading.need_body(hub, placing.vault, id);
            }
        }
    }

    /// Chooses holders until as many copies as wanted exist or are under way: carriers that were not tried yet, then those that were
    /// lost and can be talked to again, but not the one that just failed.
    fn advance(&mut self, hub: &mut Hub, id: BlockId, failed: Option<PeerId>) {
        let Some(placing) = self.blocks.get(&id).filter(|placing| placing.aim == Aim::Copies) else { return };
        let Some(wanted) = self.copies(hub, id).map(|copies| usize::from(copies.wanted)) else { return };
        let mut in_play = placing.count(Mark::in_play);
        if in_play >= wanted {
            return;
        }
        let takers = hub.takers(&placing.vault, &id);
        let (fresh, tried): (Vec<_>, Vec<_>) = takers.into_iter().partition(|peer| placing.of(peer).is_none());
        let lost = |peer: &PeerId| placing.of(peer) == Some(Mark::Lost) && Some(*peer) != failed;
        let again = tried
            .into_iter()
            .filter(lost)
            .filter(|peer| hub.standing(peer) == Standing::Up && self.outboxes.get(peer).is_some_and(|outbox| !outbox.retry));
        for peer in fresh.into_iter().chain(again.collect::<Vec<_>>()) {
            if in_play >= wanted {
                break;
            }
            let trouble = match hub.standing(&peer) {
                Standing::Up | Standing::Trying => {
                    self.mark(id, peer, Mark::Waiting);
                    in_play += 1;
                    continue;
                }
                Standing::Suspect => Trouble::Silent,
                Standing::Down(trouble) => trouble,
            };
            self.mark(id, peer, Mark::Lost);
            hub.tell(Event::Unplaced(id, peer, trouble));
        }
    }

    /// Marks a holder that did not take a block, and goes on to the next.
    fn fail(&mut self, hub: &mut Hub, id: BlockId, peer: PeerId, mark: Mark, trouble: Trouble) {
        self.mark(id, peer, mark);
        hub.note(Note::Given(id, peer, false));
        if self.blocks.get(&id).is_some_and(|placing| placing.aim == Aim::Copies) {
            hub.tell(Event::Unplaced(id, peer, trouble));
            self.advance(hub, id, Some(peer));
        }
        self.review(hub, id);
    }

    /// Lets go of what needs no more doing: of the block when it is complete or hopeless, of its bytes when it has to wait. One that is
    /// not safe yet waits, bytes and all, for every holder that may come back; only refusals leave it without hope.
    fn review(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(copies) = self.copies(hub, id) else { return };
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let has_to_be_safe = placing.aim == Aim::Copies && !placing.settled && !copies.is_safe();
        if has_to_be_safe && placing.count(|mark| mark == Mark::Lost) > 0 {
            return;
        }
        if placing.count(Mark::under_way) > 0 && !(placing.aim == Aim::Copies && copies.is_complete()) {
            if copies.is_safe() && placing.aim == Aim::Copies {
                self.linger(id);
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
    fn linger(&mut self, id: BlockId) {
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let Some(body) = placing.body.as_ref().filter(|_| !placing.lingering) else { return };
        placing.lingering = true;
        self.lingering_bytes += body.bytes().len();
        self.lingering.push_back(id);
        while self.lingering_bytes > LINGER_WINDOW
            && let Some(oldest) = self.lingering.pop_front()
        {
            self.let_go(oldest);
        }
    }

    /// Lets go of a block's bytes.
    fn let_go(&mut self, id: BlockId) {
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let Some(body) = placing.body.take() else { return };
        if std::mem::take(&mut placing.lingering) {
            self.lingering_bytes -= body.bytes().len();
        }
    }

    /// Forgets a block.
    fn drop_block(&mut self, id: BlockId) {
        self.let_go(id);
        let Some(placing) = self.blocks.remove(&id) else { return };
        for (mark, count) in [(Mark::Offered, true), (Mark::Sent, false)] {
            for peer in placing.marked(mark) {
                if let Some(outbox) = self.outboxes.get_mut(&peer) {
                    let open = if count { &mut outbox.offered } else { &mut outbox.sent };
                    *open = open.saturating_sub(1);
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

    /// Marks a holder and keeps the outbox's counts true.
    fn mark(&mut self, id: BlockId, peer: PeerId, mark: Mark) {
        let Some(placing) = self.blocks.get_mut(&id) else { return };
        let old = placing.mark(peer, mark);
        let outbox = self.outboxes.entry(peer).or_default();
        match old {
            Some(Mark::Offered) => outbox.offered = outbox.offered.saturating_sub(1),
            Some(Mark::Sent) => outbox.sent = outbox.sent.saturating_sub(1),
            _ => {}
        }
        match mark {
            Mark::Offered => outbox.offered += 1,
            Mark::Sent => outbox.sent += 1,
            Mark::Waiting if old != Some(Mark::Waiting) => outbox.waiting.push_back(id),
            _ => {}
        }
        if !outbox.waiting.is_empty() {
            self.ready.insert(peer);
        }
    }

    /// Offers what waits for a holder, in lists, as far as it has answered earlier ones.
    fn offer(&mut self, hub: &mut Hub, peer: PeerId) {
        let Some(link) = hub.links.link_of(&peer).filter(|_| self.outboxes.get(&peer).is_none_or(|outbox| !outbox.retry)) else { return };
        let mut offers: BTreeMap<VaultId, Vec<(BlockId, SizeLog)>> = BTreeMap::new();
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
            self.mark(id, peer, Mark::Offered);
            let list = offers.entry(vault).or_default();
            list.push((id, size));
            if list.len() == LIST_MAX {
                let blocks = std::mem::take(list);
                hub.send(link, Plain::Offer(Offer { vault, blocks, sources: Vec::new() }));
            }
        }
        self.ready.remove(&peer);
        for (vault, blocks) in offers.into_iter().filter(|(_, blocks)| !blocks.is_empty()) {
            hub.send(link, Plain::Offer(Offer { vault, blocks, sources: Vec::new() }));
        }
        let Some(outbox) = self.outboxes.get_mut(&peer) else { return };
        if outbox.offered > 0 && !outbox.watched {
            outbox.watched = true;
            outbox.progress = hub.now();
            hub.arm(SUSPECT_AFTER, Timer::Offers(peer));
        }
    }

    /// Notes that a holder answers.
    fn progress(&mut self, hub: &Hub, peer: &PeerId) {
        if let Some(outbox) = self.outboxes.get_mut(peer) {
            outbox.progress = hub.now();
            if !outbox.waiting.is_empty() {
                self.ready.insert(*peer);
            }
        }
    }

    /// Offers nothing to a busy holder for a while; returns `false` when it was busy too often.
    fn pause(&mut self, hub: &mut Hub, peer: PeerId) -> bool {
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

    fn fetch_body(&mut self, id: BlockId) {
        if let Some(placing) = self.blocks.get_mut(&id).filter(|placing| !placing.fetching) {
            placing.fetching = true;
            self.bodiless.push_back(id);
        }
    }

    fn tell_placed(&self, hub: &mut Hub, id: BlockId) {
        if let Some(copies) = self.copies(hub, id)
            && self.blocks.get(&id).is_some_and(|placing| placing.aim == Aim::Copies)
        {
            hub.tell(Event::Placed(id, copies));
        }
    }

    fn copies(&self, hub: &Hub, id: BlockId) -> Option<Copies> {
        let placing = self.blocks.get(&id)?;
        let placement = &hub.followed.get(&placing.vault)?.placement;
        let durable = u8::try_from(placing.count(|mark| mark == Mark::Stored)).unwrap_or(u8::MAX);
        Some(Copies { durable, safe_at: placement.safe_at(), wanted: placement.wanted() })
    }

    fn with_mark(&self, peer: &PeerId, pass: impl Fn(Mark) -> bool) -> Vec<BlockId> {
        let marked = self.blocks.iter().filter(|(_, placing)| placing.of(peer).is_some_and(&pass));
        marked.map(|(id, _)| *id).collect()
    }
}

/// Pauses in a row for a busy holder until the next one is tried: half a minute in all.
const BUSY_IN_A_ROW: u32 = 6;
