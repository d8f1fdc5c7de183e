//! Writing: brings blocks to their holders, and says how many copies are durable.
//!
//! A block is offered to the first carriers of its partition's order; for one that cannot be reached or refuses, the next in order
//! takes its place, and when it comes back while this machine lives, it is offered its copy again. Offers, bytes and acks of many
//! blocks are under way at once. Bytes stay in memory until nothing more can be done, but for blocks that are safe already: of those,
//! the oldest are let go beyond [`LINGER_WINDOW`](crate::limits::LINGER_WINDOW), and a late holder's copy comes from another holder ([`bodies`]).
//!
//! On a slow uplink ([`uplink`] measures it) a block of [`PULL_MIN`](crate::limits::PULL_MIN) or more leaves once, and the other holders
//! pull it from the first ([`trailing`]). Each acks here itself, and nothing else counts.

mod bodies;
mod keeping;
mod outbox;
mod placing;
mod trailing;
mod uplink;

use std::collections::VecDeque;

use outbox::Outbox;
use placing::{Aim, Mark, Placing};
use uplink::Uplink;

use super::hub::{Hub, Note};
use super::links::Standing;
use super::reading::Reading;
use super::{Event, Trouble};
use crate::block::Block;
use crate::copies::Copies;
use crate::id::{BlockId, PeerId, VaultId};
use crate::map::{Map, Set};
use crate::message::{Denial, Ids, Plain};

/// Blocks on their way to holders.
#[derive(Debug, Default)]
pub(super) struct Writing {
    blocks: Map<BlockId, Placing>,
    outboxes: Map<PeerId, Outbox>,
    /// Outboxes with something to offer.
    ready: Set<PeerId>,
    /// Safe blocks whose bytes are kept for further copies, oldest first.
    lingering: VecDeque<BlockId>,
    lingering_bytes: usize,
    /// Settled blocks that still lack copies, oldest first.
    owed: VecDeque<BlockId>,
    /// Blocks whose bytes have to be fetched from a holder for another one.
    bodiless: VecDeque<BlockId>,
    fetching: Set<BlockId>,
    uplink: Uplink,
    /// Holders that want a block and are kept waiting.
    held: VecDeque<(BlockId, PeerId)>,
    /// Whether a timer looks at what holders pull from others.
    watching: bool,
    /// Whether a timer looks again for bytes that no holder delivered.
    seeking: bool,
}

impl Writing {
    /// Brings a new block to its holders.
    pub(super) fn place(&mut self, hub: &mut Hub, vault: VaultId, block: Block) {
        let id = block.id();
        let placing = self.blocks.entry(id).or_insert_with(|| Placing::new(vault, None, Aim::Copies));
        placing.aim = Aim::Copies;
        placing.body.get_or_insert(block);
        self.begin_anew(hub, id);
        let Some(placing) = self.blocks.get(&id) else { return };
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
            self.begin_anew(hub, id);
            let Some(placing) = self.blocks.get(&id) else { continue };
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
                Some(Mark::Offered | Mark::Waiting | Mark::Behind | Mark::Pulls | Mark::Lost) => {}
                Some(Mark::Held | Mark::Sent) => continue,
                _ => {
                    absent.push(id);
                    continue;
                }
            }
            if self.keeps_back(hub, placing, &peer) {
                self.hold(hub, id, peer);
            } else if !self.send(hub, link, id, peer) {
                absent.push(id);
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
        let outbox = self.outboxes.get_mut(&peer);
        let departures = outbox.map(|outbox| stored.ids.iter().filter_map(|id| outbox.departures.remove(id)).collect::<Vec<_>>());
        self.uplink.acked(hub.now(), &departures.unwrap_or_default());
        for id in &stored.ids {
            let Some(placing) = self.blocks.get(id) else { continue };
            let asked = placing.of(&peer).is_some_and(|mark| !matches!(mark, Mark::Stored | Mark::Lacks | Mark::Refused));
            if placing.vault != stored.vault || !asked {
                continue;
            }
            self.mark(*id, peer, Mark::Stored);
            self.lead(hub, *id);
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
            if later && mark.is_some_and(Mark::unanswered) {
                self.mark(*id, peer, Mark::Waiting);
            } else if mark.is_some_and(Mark::under_way) && !later {
                let mark = if why == Denial::Busy { Mark::Lost } else { Mark::Refused };
                self.fail(hub, *id, peer, mark, Trouble::Denied(why));
            }
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
        self.seek_bodies_at(hub, peer);
    }

    /// Queues again what was under way to a holder whose link ended.
    pub(super) fn unlinked(&mut self, peer: PeerId) {
        for id in self.with_mark(&peer, |mark| mark.unanswered() || mark == Mark::Held) {
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
        for id in self.with_mark(&peer, |mark| mark.under_way() && mark != Mark::Lacks) {
            self.fail(hub, id, peer, Mark::Lost, Trouble::Silent);
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
        self.release(hub);
        for peer in std::mem::take(&mut self.ready) {
            self.offer(hub, peer);
        }
        self.fetch_bodies(hub, reading);
    }

    /// Asks the holders of a block that settled once more: that they took it then does not say that they have it now.
    fn begin_anew(&mut self, hub: &Hub, id: BlockId) {
        let Some(placing) = self.blocks.get_mut(&id).filter(|placing| placing.settled) else { return };
        placing.settled = false;
        for peer in placing.marked(Mark::Stored) {
            let away = matches!(hub.standing(&peer), Standing::Down(_));
            self.mark(id, peer, if away { Mark::Lost } else { Mark::Waiting });
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
        let chosen = self.chosen(placing);
        let takers = hub.takers(&placing.vault, &id);
        let (fresh, tried): (Vec<_>, Vec<_>) = takers.into_iter().partition(|peer| placing.of(peer).is_none());
        let lost = |peer: &PeerId| placing.of(peer) == Some(Mark::Lost) && Some(*peer) != failed && !placing.starved;
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
                    self.mark(id, peer, chosen);
                    in_play += 1;
                    continue;
                }
                Standing::Suspect => Trouble::Silent,
                Standing::Down(trouble) => trouble,
            };
            self.mark(id, peer, Mark::Lost);
            hub.tell(Event::Unplaced(id, peer, trouble));
        }
        self.lead(hub, id);
    }

    /// Marks a holder that did not take a block, and goes on to the next.
    fn fail(&mut self, hub: &mut Hub, id: BlockId, peer: PeerId, mark: Mark, trouble: Trouble) {
        self.mark(id, peer, mark);
        hub.note(Note::Given(id, peer, false));
        if self.blocks.get(&id).is_some_and(|placing| placing.aim == Aim::Copies) {
            hub.tell(Event::Unplaced(id, peer, trouble));
            self.advance(hub, id, Some(peer));
        }
        self.lead(hub, id);
        self.review(hub, id);
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
