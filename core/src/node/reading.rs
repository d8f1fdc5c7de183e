//! Reading: brings needed blocks from several holders at once, each within its window, and asks another one when one is slow.
//!
//! ```text
//!   Need --> local store --missing--> queue --> Fetch from the best holder --Block--> Got
//!                 |                     ^            | Absent, lost, too slow
//!                 +--found--> Got       +------------+ next holder; none left --> Where --> tabs; none left --> Unavailable
//! ```

mod hearsay;
mod pace;

use std::collections::VecDeque;

use hearsay::{Hearsay, Lookups, Next};
use pace::Pace;

use super::asks::{Asks, Reply};
use super::carrying::Carrying;
use super::hub::{Hub, Note};
use super::links::Standing;
use super::storage::Purpose;
use super::timers::Timer;
use super::{Event, Trouble};
use crate::block::Block;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{ASK_TIMEOUT, BLOCK_SIZE_LOG_MAX, LINK_WINDOW, TAB_LINK_WINDOW};
use crate::link::CloseReason;
use crate::map::Map;
use crate::message::{Denial, Ids, Plain};
use crate::store::{Commit, Fetched, StoreAnswer, StoreOp};
use crate::time::{Span, Time};

/// Blocks that are needed, and what each holder was asked for.
#[derive(Debug, Default)]
pub(super) struct Reading {
    needed: Map<BlockId, Needed>,
    /// Blocks that wait for a holder with room.
    queue: VecDeque<BlockId>,
    desks: Map<PeerId, Desk>,
    pace: Pace,
    /// Fetches decided on and not sent: those of one holder leave in one list.
    outbox: Map<(PeerId, VaultId), Vec<BlockId>>,
    lookups: Lookups,
}

#[derive(Debug)]
struct Needed {
    vault: VaultId,
    /// The vault above wants it.
    for_vault: bool,
    /// It is likely to be needed again.
    again: bool,
    /// Writing wants it, to hand it to holders that lack it.
    for_holders: bool,
    /// A copy of it is to be kept here.
    for_copy: bool,
    /// Holders that were asked and have not answered.
    asked: Vec<(PeerId, Time)>,
    /// Holders that will not deliver it, and why.
    failed: Vec<(PeerId, Trouble)>,
    queued: bool,
    timer: Option<Time>,
    /// Whether the copy in the local store was damaged.
    mend_here: bool,
    /// Who else may have it, when no carrier has.
    hearsay: Hearsay,
}

/// One holder's fetches. A block stays here until it comes, is absent or the link ends, whether or not it is still needed.
#[derive(Debug, Default)]
struct Desk {
    open: Map<BlockId, Asked>,
    /// Smoothed milliseconds per block, times 16.
    cost: u64,
    /// Copies that were damaged or missing, less those that came since; each doubles the price.
    blame: u32,
}

#[derive(Debug)]
struct Asked {
    at: Time,
    /// How many were open, this one included.
    depth: u64,
}

/// What to do about a needed block.
enum Choice {
    Ask(PeerId),
    /// Holders are left, without room or being called.
    Wait,
    Exhausted,
}

impl Reading {
    /// Needs blocks for the vault above; `again`: they are likely to be needed again. The local store is not asked for what it is known
    /// to lack: in a browser that question waits behind everything that is being stored.
    pub(super) fn need(&mut self, hub: &mut Hub, carrying: &Carrying, vault: VaultId, ids: Vec<BlockId>, again: bool) {
        for id in ids {
            let lacks = carrying.lacks(&vault, &id);
            let seek = lacks && !self.needed.contains_key(&id);
            let needed = self.want(hub, vault, id, !lacks);
            needed.for_vault = true;
            needed.again |= again;
            if seek {
                self.seek(hub, id);
            }
        }
    }

    /// Needs a block in order to hand it to holders that lack it; ends in a [`Note::Body`] or [`Note::NoBody`].
    pub(super) fn need_body(&mut self, hub: &mut Hub, vault: VaultId, id: BlockId) {
        self.want(hub, vault, id, true).for_holders = true;
    }

    /// Needs a block that the local store has not, to keep a copy of it; ends in a [`Note::Copy`] or [`Note::NoCopy`].
    pub(super) fn need_copy(&mut self, hub: &mut Hub, vault: VaultId, id: BlockId) {
        let seek = !self.needed.contains_key(&id);
        self.want(hub, vault, id, false).for_copy = true;
        if seek {
            self.seek(hub, id);
        }
    }

    /// No longer needs blocks for the vault above.
    pub(super) fn forget(&mut self, hub: &mut Hub, ids: &[BlockId]) {
        for id in ids {
            let Some(needed) = self.needed.get_mut(id) else { continue };
            needed.for_vault = false;
            if !needed.for_holders && !needed.for_copy {
                self.end(hub, id);
            }
        }
    }

    /// Takes in what the local store has.
    pub(super) fn looked(&mut self, hub: &mut Hub, id: BlockId, answer: StoreAnswer) {
        let Some(needed) = self.needed.get_mut(&id) else { return };
        match answer {
            StoreAnswer::Block(Fetched::Found(block)) => return self.got(hub, block),
            StoreAnswer::Block(Fetched::Damaged) => {
                needed.mend_here = true;
                needed.failed.push((hub.me, Trouble::Damaged));
            }
            StoreAnswer::Failed(_) => needed.failed.push((hub.me, Trouble::Denied(Denial::DiskFailed))),
            _ if hub.lives_here(&needed.vault) => needed.failed.push((hub.me, Trouble::Absent)),
            _ => {}
        }
        self.seek(hub, id);
        self.flush(hub);
    }

    /// Takes a block of a holder in; returns `false` when it was not asked for.
    pub(super) fn block(&mut self, hub: &mut Hub, peer: PeerId, block: &Block) -> bool {
        let id = block.id();
        let Some(desk) = self.desks.get_mut(&peer) else { return false };
        let Some(asked) = desk.open.remove(&id) else { return false };
        let latency = hub.now().since(asked.at);
        desk.learn(latency.millis() * 16 / asked.depth);
        self.pace.learn(latency);
        if let Some(needed) = self.needed.get(&id) {
            let (vault, failed) = (needed.vault, needed.failed.clone());
            if !needed.for_copy {
                hub.note(Note::Fetched(vault, block.clone(), needed.again));
            }
            self.mend(hub, vault, &failed, block);
            self.got(hub, block.clone());
        }
        self.pump(hub, PUMP);
        true
    }

    /// Takes in that a holder does not have blocks.
    pub(super) fn absent(&mut self, hub: &mut Hub, peer: PeerId, ids: &[BlockId]) {
        for id in ids {
            let Some(desk) = self.desks.get_mut(&peer) else { return };
            if desk.open.remove(id).is_some() {
                self.failed(hub, *id, peer, Trouble::Absent);
            }
        }
        self.pump(hub, PUMP);
    }

    /// Looks for other holders after a link ended. One that sent a damaged block is not asked for these again.
    pub(super) fn unlinked(&mut self, hub: &mut Hub, peer: PeerId, trouble: Trouble) {
        let Some(desk) = self.desks.get_mut(&peer) else { return };
        let damaged = match trouble {
            Trouble::Unlinked(CloseReason::Malformed) => true,
            // Through a tunnel that may be the relay's doing, and there may be other ways to the same tab.
            Trouble::Unlinked(CloseReason::Tampered) => hub.followed.keys().any(|vault| hub.carriers(vault).contains(&peer)),
            _ => false,
        };
        desk.blame += u32::from(damaged);
        for id in std::mem::take(&mut desk.open).into_keys() {
            if damaged {
                self.failed(hub, id, peer, Trouble::Damaged);
            } else if let Some(needed) = self.needed.get_mut(&id) {
                needed.asked.retain(|(asked, _)| *asked != peer);
                self.seek(hub, id);
            }
        }
        self.pump(hub, usize::MAX);
    }

    /// Takes in that a peer can be talked to (again): that it was silent says nothing about what it holds. A tab has one chance: nobody
    /// should wait for one that comes and goes.
    pub(super) fn linked(&mut self, hub: &mut Hub, peer: PeerId) {
        for needed in self.needed.values_mut().filter(|needed| hub.carriers(&needed.vault).contains(&peer)) {
            needed.failed.retain(|(failed, trouble)| *failed != peer || *trouble != Trouble::Silent);
        }
        self.changed(hub);
    }

    /// Asks others for what a peer was asked that is suspended now. What it still delivers is welcome.
    pub(super) fn suspended(&mut self, hub: &mut Hub, peer: PeerId) {
        let open: Vec<BlockId> = self.desks.get(&peer).into_iter().flat_map(|desk| desk.open.keys().copied()).collect();
        for id in open {
            if self.needed.get(&id).is_some_and(|needed| needed.asked.iter().any(|(asked, _)| *asked == peer)) {
                self.failed(hub, id, peer, Trouble::Silent);
            }
        }
        self.changed(hub);
    }

    /// Looks again at everything that waits: a peer came, went or fell silent.
    pub(super) fn changed(&mut self, hub: &mut Hub) {
        self.pump(hub, usize::MAX);
    }

    /// Looks at a block that has been waited for: asks another holder too, and gives up on those that are silent for too long.
    pub(super) fn late(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(needed) = self.needed.get_mut(&id) else { return };
        needed.timer = None;
        let now = hub.now();
        let silent: Vec<PeerId> = needed.asked.iter().filter(|(_, at)| now.since(*at) >= ASK_TIMEOUT).map(|(peer, _)| *peer).collect();
        let carriers = hub.carriers(&needed.vault);
        // Of a tab that says nothing at all it is not known whether the tab is dead or the way to it, and there may be other ways.
        let lately = Span(ASK_TIMEOUT.millis() / 2);
        let (lost, silent): (Vec<_>, Vec<_>) = silent.into_iter().partition(|peer| !carriers.contains(peer) && hub.is_silent(peer, lately));
        for tab in lost {
            if let Some(link) = hub.links.link_of(&tab) {
                hub.close(link, Trouble::Silent);
            }
        }
        needed.asked.retain(|(peer, _)| !silent.contains(peer));
        needed.failed.extend(silent.iter().map(|peer| (*peer, Trouble::Silent)));
        self.seek(hub, id);
        // What waits for room at one of these waits in vain.
        self.pump(hub, if silent.is_empty() { 0 } else { PUMP });
    }

    fn want(&mut self, hub: &mut Hub, vault: VaultId, id: BlockId, look_here: bool) -> &mut Needed {
        self.needed.entry(id).or_insert_with(|| {
            if look_here {
                hub.store(StoreOp::Get(id), Purpose::LocalGet(id));
            }
            Needed {
                vault,
                for_vault: false,
                again: false,
                for_holders: false,
                for_copy: false,
                asked: Vec::new(),
                failed: Vec::new(),
                queued: false,
                timer: None,
                mend_here: false,
                hearsay: Hearsay::default(),
            }
        })
    }

    /// Notes that a holder will not deliver a block and looks for the next.
    fn failed(&mut self, hub: &mut Hub, id: BlockId, peer: PeerId, trouble: Trouble) {
        let Some(needed) = self.needed.get_mut(&id) else { return };
        needed.asked.retain(|(asked, _)| *asked != peer);
        needed.failed.retain(|(failed, _)| *failed != peer);
        needed.failed.push((peer, trouble));
        self.seek(hub, id);
    }

    /// Asks the best holder that is left, or gives up.
    fn seek(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(needed) = self.needed.get(&id) else { return };
        match self.choose(hub, &id, needed) {
            Choice::Ask(peer) => self.ask(hub, id, peer),
            Choice::Wait if needed.asked.is_empty() => {
                if needed.failed.iter().any(|(_, trouble)| *trouble == Trouble::Silent) {
                    self.watch(hub, id, ASK_TIMEOUT);
                }
                self.wait(id);
            }
            Choice::Exhausted if needed.asked.is_empty() || needed.hearsay.is_asked() => self.seek_tab(hub, id),
            Choice::Wait => self.watch(hub, id, self.pace.hedge()),
            Choice::Exhausted => self.watch(hub, id, ASK_TIMEOUT),
        }
    }

    /// Asks tabs for what no carrier delivers, or gives up.
    fn seek_tab(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(needed) = self.needed.get_mut(&id) else { return };
        let (asked, failed, desks) = (&needed.asked, &needed.failed, &self.desks);
        let free = |tab: &PeerId| {
            let known = asked.iter().any(|(asked, _)| asked == tab) || failed.iter().any(|(failed, _)| failed == tab);
            (!known).then(|| desks.get(tab).is_none_or(|desk| desk.open.len() < FETCHES_PER_TAB))
        };
        let idle = asked.is_empty();
        match needed.hearsay.next(hub, free) {
            Next::Look => match self.lookups.look(hub, needed.vault, id) {
                0 if idle => self.give_up(hub, id),
                carriers => needed.hearsay.asked(carriers),
            },
            Next::Ask(tab) => {
                self.lookups.touch(hub, tab);
                self.ask(hub, id, tab);
            }
            Next::Call(tab, relay) => {
                let vault = needed.vault;
                self.lookups.call(hub, tab, relay, vault);
                self.wait_or_watch(hub, id, idle);
            }
            Next::Wait => self.wait_or_watch(hub, id, idle),
            Next::End if idle => self.give_up(hub, id),
            Next::End => self.watch(hub, id, ASK_TIMEOUT),
        }
    }

    fn wait_or_watch(&mut self, hub: &mut Hub, id: BlockId, idle: bool) {
        if idle { self.wait(id) } else { self.watch(hub, id, self.pace.hedge()) }
    }

    /// Takes in which tabs may have blocks, by the word of a carrier.
    pub(super) fn told(&mut self, hub: &mut Hub, carrier: PeerId, vault: &VaultId, ids: &[BlockId], result: Result<Reply, Trouble>) {
        let rows = if let Ok(Reply::Held(rows)) = result { rows } else { Vec::new() };
        let named = hearsay::named(hub, vault, rows);
        for id in ids {
            let Some(needed) = self.needed.get_mut(id) else { continue };
            let tabs: Vec<_> = named.get(id).into_iter().flatten().copied().collect();
            needed.hearsay.told(carrier, &tabs);
            self.seek(hub, *id);
        }
        self.flush(hub);
    }

    /// Sends questions about tabs.
    pub(super) fn look(&mut self, hub: &mut Hub, asks: &mut Asks) {
        self.lookups.flush(hub, asks);
    }

    /// Looks whether a tab that was called is of use.
    pub(super) fn look_at_tab(&mut self, hub: &mut Hub, tab: PeerId) {
        let busy = self.desks.get(&tab).is_some_and(|desk| !desk.open.is_empty());
        self.lookups.look_at(hub, tab, busy);
    }

    fn ask(&mut self, hub: &mut Hub, id: BlockId, peer: PeerId) {
        let Some(needed) = self.needed.get_mut(&id) else { return };
        let desk = self.desks.entry(peer).or_default();
        let depth = desk.open.len() as u64 + 1;
        // Asked before by somebody who no longer needed it, the holder still sends it: one answer is enough, and two would be one that
        // nobody asked for.
        let asked = desk.open.entry(id).or_insert_with(|| {
            self.outbox.entry((peer, needed.vault)).or_default().push(id);
            Asked { at: hub.now(), depth }
        });
        needed.asked.push((peer, asked.at));
        self.watch(hub, id, self.pace.hedge());
    }

    /// Queues a block until a holder has room or can be reached.
    fn wait(&mut self, id: BlockId) {
        if let Some(needed) = self.needed.get_mut(&id).filter(|needed| !needed.queued) {
            needed.queued = true;
            self.queue.push_back(id);
        }
    }

    /// Sees to it that a block under way is looked at after `span` at the latest, or when the first question has waited too long.
    fn watch(&mut self, hub: &mut Hub, id: BlockId, span: Span) {
        let Some(needed) = self.needed.get_mut(&id) else { return };
        if needed.timer.is_none() {
            let oldest = needed.asked.iter().map(|(_, at)| *at).min().unwrap_or(hub.now());
            let left = ASK_TIMEOUT.millis().saturating_sub(hub.now().since(oldest).millis());
            needed.timer = Some(hub.arm(Span(left.min(span.millis())), Timer::Fetch(id)));
        }
    }

    /// Chooses whom to ask: the holders that should have the block, alive before silent, cheapest first; then everybody else.
    fn choose(&self, hub: &mut Hub, id: &BlockId, needed: &Needed) -> Choice {
        let readers = hub.readers(&needed.vault, id);
        let holders = hub.holders(&needed.vault, id);
        let most = fetches(hub);
        let mut best: Option<(bool, bool, u64, usize, PeerId)> = None;
        let mut wait = None;
        for (rank, peer) in readers.into_iter().enumerate() {
            if needed.asked.iter().any(|(asked, _)| *asked == peer) {
                continue;
            }
            if let Some((_, trouble)) = needed.failed.iter().find(|(failed, _)| *failed == peer) {
                // Nobody else left, it is worth finding out whether only the link is dead.
                if *trouble == Trouble::Silent && hub.may_be_heard(&peer) {
                    wait = wait.or(Some(true));
                }
                continue;
            }
            let stranger = !holders.contains(&peer);
            let standing = hub.standing(&peer);
            let desk = self.desks.get(&peer);
            let coming = desk.is_some_and(|desk| desk.open.contains_key(id));
            let full = desk.is_some_and(|desk| desk.open.len() >= most) && !coming;
            match standing {
                Standing::Down(_) => {}
                Standing::Up | Standing::Suspect if self.is_stuck(hub, &peer) => {
                    if hub.may_be_heard(&peer) {
                        wait = wait.or(Some(true));
                    }
                }
                Standing::Trying => wait = wait.or(Some(stranger)),
                Standing::Up | Standing::Suspect if full => wait = wait.or(Some(stranger)),
                Standing::Up | Standing::Suspect => {
                    let option = (stranger, standing == Standing::Suspect, desk.filter(|_| !coming).map_or(0, Desk::price), rank, peer);
                    best = Some(best.map_or(option, |best| best.min(option)));
                }
            }
        }
        match (best, wait) {
            // A proper holder that is worth waiting for goes before those that need not have the block.
            (Some((true, ..)), Some(false)) | (None, Some(_)) => Choice::Wait,
            (Some((.., peer)), _) => Choice::Ask(peer),
            (None, None) => Choice::Exhausted,
        }
    }

    /// Says whether a holder owes as much as it may, and has for too long.
    fn is_stuck(&self, hub: &Hub, peer: &PeerId) -> bool {
        let late = |asked: &Asked| hub.now().since(asked.at) >= ASK_TIMEOUT;
        self.desks.get(peer).is_some_and(|desk| desk.open.len() >= fetches(hub) && desk.open.values().all(late))
    }

    /// Asks for blocks that wait, as far as holders have room; looks at no more than `most` that find none.
    fn pump(&mut self, hub: &mut Hub, most: usize) {
        let mut without = Vec::new();
        for _ in 0..self.queue.len() {
            if without.len() >= most {
                break;
            }
            let Some(id) = self.queue.pop_front() else { break };
            let Some(needed) = self.needed.get_mut(&id) else { continue };
            needed.queued = false;
            if !needed.asked.is_empty() {
                continue;
            }
            self.seek(hub, id);
            if self.needed.get(&id).is_some_and(|needed| needed.queued) {
                self.queue.pop_back();
                without.push(id);
            }
        }
        // What was needed first stays first.
        without.into_iter().rev().for_each(|id| self.queue.push_front(id));
        self.flush(hub);
    }

    /// Hands a block to whoever needs it.
    fn got(&mut self, hub: &mut Hub, block: Block) {
        let Some(needed) = self.end(hub, &block.id()) else { return };
        if needed.mend_here && !needed.again {
            let commit = Commit { vault: needed.vault, blocks: vec![block.clone()], records: Vec::new() };
            hub.store(StoreOp::Commit(commit), Purpose::LocalMend);
        }
        if needed.for_holders {
            hub.note(Note::Body(block.clone()));
        }
        if needed.for_copy {
            hub.note(Note::Copy(needed.vault, block.clone()));
        }
        if needed.for_vault {
            hub.tell(Event::Got(block));
        }
    }

    /// Gives the block back to the holders that should have had it, and asks them less.
    fn mend(&mut self, hub: &mut Hub, vault: VaultId, failed: &[(PeerId, Trouble)], block: &Block) {
        if hub.is_visited(&vault) {
            return;
        }
        let holders = hub.holders(&vault, &block.id());
        for (peer, trouble) in failed {
            if matches!(trouble, Trouble::Absent | Trouble::Damaged) && holders.contains(peer) {
                hub.note(Note::Give(vault, block.clone(), *peer));
                self.desks.entry(*peer).or_default().blame += 1;
            }
        }
    }

    fn give_up(&mut self, hub: &mut Hub, id: BlockId) {
        let Some(needed) = self.needed.get(&id) else { return };
        let mut reasons = needed.failed.clone();
        for peer in hub.readers(&needed.vault, &id) {
            let trouble = match hub.standing(&peer) {
                Standing::Down(trouble) => Some(trouble),
                _ => self.is_stuck(hub, &peer).then_some(Trouble::Silent),
            };
            if reasons.iter().all(|(failed, _)| *failed != peer) {
                reasons.extend(trouble.map(|trouble| (peer, trouble)));
            }
        }
        let Some(needed) = self.end(hub, &id) else { return };
        if needed.for_holders {
            let lacks = |(peer, trouble): &(PeerId, Trouble)| matches!(trouble, Trouble::Absent | Trouble::Damaged).then_some(*peer);
            hub.note(Note::NoBody(id, reasons.iter().filter_map(lacks).collect()));
        }
        if needed.for_copy {
            hub.note(Note::NoCopy(id));
        }
        if needed.for_vault {
            hub.tell(Event::Unavailable(id, reasons));
        }
    }

    /// Needs a block no more.
    fn end(&mut self, hub: &mut Hub, id: &BlockId) -> Option<Needed> {
        let needed = self.needed.remove(id)?;
        if let Some(at) = needed.timer {
            hub.disarm(at, Timer::Fetch(*id));
        }
        Some(needed)
    }

    /// Sends what was decided on.
    pub(super) fn flush(&mut self, hub: &mut Hub) {
        for ((peer, vault), ids) in std::mem::take(&mut self.outbox) {
            hub.send_to(&peer, Plain::Fetch(Ids { vault, ids }));
        }
    }
}

impl Desk {
    fn learn(&mut self, cost: u64) {
        self.blame = self.blame.saturating_sub(1);
        self.cost = if self.cost == 0 { cost.max(1) } else { (self.cost * 7 + cost) / 8 };
    }

    /// How long one more block is likely to take.
    fn price(&self) -> u64 {
        ((self.open.len() as u64 + 1) * self.cost.max(1)) << self.blame.min(16)
    }
}

/// Returns how many blocks one link is asked for at once; each may have the largest size.
const fn fetches(hub: &Hub) -> usize {
    hub.window(LINK_WINDOW, TAB_LINK_WINDOW) >> BLOCK_SIZE_LOG_MAX
}

/// Blocks that one tab is asked for at once: its uplink is slow, and what waits behind others must still come in time.
const FETCHES_PER_TAB: usize = 4;
/// Waiting blocks that find no holder with room until the rest is not looked at either.
const PUMP: usize = 32;
