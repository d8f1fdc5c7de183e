//! Pulling: offered blocks that are fetched from another holder, because the writer's uplink is slow and it named one that has them.
//!
//! ```text
//!   Offer with a source --> queue --linked, room and limit--> Fetch --> Block --> batch --> Commit --> Stored, to the writer
//!                             \                                 \
//!                              +-- not reached, no turn in time  +-- Absent, link lost, not in time --> as if the writer had named nobody
//! ```
//!
//! A writer can name only carriers of the same vault, and they are called at the addresses of the certificate. One that failed is left
//! alone for a while. A block on its way takes the same room as an invited one, and the writer waits for it as any other that offered it.

use std::collections::VecDeque;

use super::{Coming, Receiving};
use crate::block::SizeLog;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{NODE_WINDOW, PULL_IDLE, PULL_SOURCES, PULL_STALL, PULL_TIMEOUT, PULL_WINDOW, REDIAL_MAX};
use crate::link::CloseReason;
use crate::map::Map;
use crate::message::{Denial, Ids, Plain, Refused};
use crate::node::admission::Admission;
use crate::node::hub::Hub;
use crate::node::links::Standing;
use crate::node::timers::Timer;
use crate::node::{LinkId, Trouble};
use crate::time::{Span, Time};

/// The carriers that blocks are fetched from.
#[derive(Debug, Default)]
pub(super) struct Pulling {
    pub(super) sources: Map<PeerId, Source>,
}

/// A carrier that blocks are fetched from.
#[derive(Debug, Default)]
pub(super) struct Source {
    queue: VecDeque<Pull>,
    /// Blocks that were asked for and have not come, and when they were asked for.
    open: Map<(VaultId, BlockId), Time>,
    /// Bytes of those at most.
    bytes: usize,
    /// When it or this node last had something to do for the other.
    used: Time,
    /// When it last delivered a block.
    delivered: Time,
    /// Until when it is left alone, because it failed.
    shunned: Time,
    /// Whether it was called again after its link was lost, and nothing has come since.
    called_again: bool,
    timer: Option<Time>,
}

/// A block that waits for its turn to be fetched.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) vault: VaultId,
    pub(super) id: BlockId,
    pub(super) size: SizeLog,
    /// Who offered it.
    pub(super) writer: LinkId,
    pub(super) since: Time,
}

impl Pulling {
    /// Says whether blocks may be fetched from a carrier now.
    pub(super) fn takes(&self, now: Time, peer: &PeerId) -> bool {
        self.sources.get(peer).map_or(self.sources.len() < PULL_SOURCES, |source| source.shunned <= now)
    }

    /// Forgets that a block was asked for.
    pub(super) fn close(&mut self, peer: &PeerId, key: &(VaultId, BlockId), promised: usize) {
        if let Some(source) = self.sources.get_mut(peer)
            && source.open.remove(key).is_some()
        {
            source.bytes -= promised;
        }
    }
}

impl Receiving {
    /// Queues blocks to be fetched from a carrier, and calls it if it is not linked.
    pub(super) fn pull(&mut self, hub: &mut Hub, admission: &mut Admission, peer: PeerId, pulls: Vec<Pull>) {
        if pulls.is_empty() {
            return;
        }
        let source = self.pulling.sources.entry(peer).or_default();
        source.used = hub.now();
        source.queue.extend(pulls);
        self.call_source(hub, admission, &peer);
        self.fetch(hub, admission, &peer);
    }

    /// Calls a carrier that something is to be fetched from, if it is not linked.
    fn call_source(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId) {
        let Some(vault) = self.pulling.sources.get(peer).and_then(|source| source.queue.front()).map(|pull| pull.vault) else { return };
        if hub.links.link_of(peer).is_none() {
            let addresses = admission.admitted(&vault).and_then(|admitted| admitted.addresses(peer)).unwrap_or_default();
            hub.call(*peer, &addresses, false);
            if matches!(hub.standing(peer), Standing::Down(_)) {
                self.source_failed(hub, admission, peer);
            }
        }
    }

    /// Fetches queued blocks, as far as the windows and limits allow.
    pub(super) fn fetch(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId) {
        let Some(source) = self.pulling.sources.get_mut(peer) else { return };
        let mut fetches: Map<VaultId, Vec<BlockId>> = Map::new();
        let mut refused: Map<(LinkId, VaultId, u8), Vec<BlockId>> = Map::new();
        let mut stored: Map<(LinkId, VaultId), Vec<BlockId>> = Map::new();
        let link = hub.links.link_of(peer);
        while let (Some(link), Some(pull)) = (link, source.queue.front()) {
            let bytes = pull.size.bytes();
            if source.bytes + bytes > PULL_WINDOW || self.pending + bytes > NODE_WINDOW {
                break;
            }
            let Some(Pull { vault, id, size, writer, .. }) = source.queue.pop_front() else { break };
            if let Some(inbox) = self.links.get_mut(&writer) {
                inbox.pulls -= 1;
            }
            if self.offered.leave(vault, id) {
                stored.entry((writer, vault)).or_default().push(id);
                continue;
            }
            if let Some(coming) = self.coming.get_mut(&(vault, id)) {
                if coming.from != Some(writer) {
                    coming.wait(writer);
                }
                continue;
            }
            if let Err(why) = admission.reserve(hub, &vault, bytes as u64) {
                refused.entry((writer, vault, why.into())).or_default().push(id);
                continue;
            }
            source.bytes += bytes;
            source.open.insert((vault, id), hub.now());
            self.pending += bytes;
            self.coming.insert((vault, id), Coming { from: Some(link), source: Some(*peer), promised: size, waiters: vec![writer] });
            fetches.entry(vault).or_default().push(id);
        }
        if let Some(link) = link {
            for (vault, ids) in fetches {
                hub.send(link, Plain::Fetch(Ids { vault, ids }));
            }
        }
        for ((writer, vault), ids) in stored {
            hub.send(writer, Plain::Stored(Ids { vault, ids }));
        }
        for ((writer, vault, why), ids) in refused {
            let why = Denial::try_from(why).unwrap_or(Denial::Busy);
            hub.send(writer, Plain::Refused(Refused { vault, ids, why }));
        }
        self.watch(hub, peer);
    }

    /// Fetches what waits for room, from every source.
    pub(super) fn fetch_all(&mut self, hub: &mut Hub, admission: &mut Admission) {
        let waiting = self.pulling.sources.iter().filter(|(_, source)| !source.queue.is_empty());
        for peer in waiting.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.fetch(hub, admission, &peer);
        }
    }

    /// Fetches from a carrier that can be talked to now.
    pub(in crate::node) fn linked(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId) {
        if self.pulling.sources.contains_key(peer) {
            self.fetch(hub, admission, peer);
        }
    }

    /// Asks the writers for what was to be fetched from a carrier that cannot be reached. After a lost link it is called once more: two
    /// carriers that pull from each other call at the same time, and one of the two links has to go.
    pub(in crate::node) fn down(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId, trouble: Trouble) {
        let Some(source) = self.pulling.sources.get_mut(peer).filter(|source| !source.queue.is_empty()) else { return };
        if matches!(trouble, Trouble::Unlinked(CloseReason::Gone | CloseReason::Asked | CloseReason::Bye)) && !source.called_again {
            source.called_again = true;
            self.call_source(hub, admission, peer);
        } else {
            self.source_failed(hub, admission, peer);
        }
    }

    /// Asks again over a new link what was asked over one that it replaces; what is lost otherwise is the writers' to send.
    pub(super) fn source_unlinked(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId, old: LinkId) {
        let open = self.pulling.sources.get(peer).map(|source| source.open.keys().copied().collect::<Vec<_>>()).unwrap_or_default();
        let replaced_by = hub.links.link_of(peer);
        let mut again: Map<VaultId, Vec<BlockId>> = Map::new();
        for (vault, id) in open {
            match (replaced_by, self.coming.get_mut(&(vault, id))) {
                (Some(link), Some(coming)) if coming.from == Some(old) => {
                    coming.from = Some(link);
                    again.entry(vault).or_default().push(id);
                }
                (None, Some(_)) => self.withdraw(admission, vault, id),
                _ => {}
            }
        }
        for (vault, ids) in again {
            hub.send_to(peer, Plain::Fetch(Ids { vault, ids }));
        }
    }

    /// Notes that a carrier had something to do for or from this node: the link is not idle.
    pub(in crate::node) fn source_used(&mut self, hub: &Hub, peer: &PeerId) {
        if let Some(source) = self.pulling.sources.get_mut(peer) {
            source.used = hub.now();
        }
    }

    /// Notes that a source delivers.
    pub(super) fn source_delivers(&mut self, hub: &Hub, peer: &PeerId) {
        if let Some(source) = self.pulling.sources.get_mut(peer) {
            (source.used, source.delivered) = (hub.now(), hub.now());
            source.called_again = false;
        }
    }

    /// Looks at a source: gives up on one that does not deliver, hands back what waits for its turn too long, hangs up when nothing is
    /// left to do.
    pub(in crate::node) fn look_at_source(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId) {
        let now = hub.now();
        let link = hub.links.link_of(peer);
        let Some(source) = self.pulling.sources.get_mut(peer) else { return };
        source.timer = None;
        let late = |since: Time| now.since(since) >= PULL_TIMEOUT;
        let overdue = source.queue.iter().take_while(|pull| late(pull.since)).count();
        if source.open.values().any(|since| late(*since)) || (overdue > 0 && link.is_none()) {
            self.source_failed(hub, admission, peer);
            return;
        }
        let idle = source.queue.is_empty() && source.open.is_empty() && now.since(source.used) >= PULL_IDLE;
        if idle && source.shunned <= now {
            self.pulling.sources.remove(peer);
            hub.hang_up(peer);
            return;
        }
        let overdue: Vec<_> = source.queue.drain(..overdue).collect();
        self.hand_back(overdue);
        self.feed(hub, admission);
        self.watch(hub, peer);
    }

    /// Gives up on a source that has delivered nothing lately: a writer could send what was asked of it.
    pub(super) fn doubt_source(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId) {
        let Some(source) = self.pulling.sources.get(peer) else { return };
        let stalls = |since: &Time| hub.now().since(source.delivered.max(*since)) >= PULL_STALL;
        if source.open.values().any(stalls) {
            self.source_failed(hub, admission, peer);
        }
    }

    /// Leaves a carrier alone for a while: what was to come from it is asked of the writers. A link that blocks are still to come over
    /// is closed, because they would be uninvited now.
    fn source_failed(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId) {
        let Some(source) = self.pulling.sources.get_mut(peer) else { return };
        source.shunned = hub.now() + REDIAL_MAX;
        let pulls: Vec<_> = source.queue.drain(..).collect();
        if let Some(link) = hub.links.link_of(peer).filter(|_| !source.open.is_empty()) {
            hub.close(link, Trouble::Silent);
        }
        self.hand_back(pulls);
        self.feed(hub, admission);
        self.watch(hub, peer);
    }

    /// Queues blocks as if their writers had named no source.
    fn hand_back(&mut self, pulls: Vec<Pull>) {
        for Pull { vault, id, size, writer, .. } in pulls {
            if let Some(inbox) = self.links.get_mut(&writer) {
                inbox.pulls -= 1;
            }
            // In this order, so that it is not forgotten between the two whether it became durable.
            self.turn_to(writer, vault, id, size);
            self.offered.leave(vault, id);
        }
    }

    /// Forgets what a writer that is gone wanted fetched and has not been asked for.
    pub(super) fn forget_pulls(&mut self, writer: LinkId) {
        for source in self.pulling.sources.values_mut() {
            source.queue.retain(|pull| {
                let stays = pull.writer != writer;
                if !stays {
                    self.offered.leave(pull.vault, pull.id);
                }
                stays
            });
        }
    }

    /// Sees to it that a source is looked at when its next block is late, or the link idle.
    fn watch(&mut self, hub: &mut Hub, peer: &PeerId) {
        let Some(source) = self.pulling.sources.get_mut(peer) else { return };
        let first = source.queue.front().map(|pull| pull.since).into_iter().chain(source.open.values().copied()).min();
        let at = first.map_or_else(|| (source.used + PULL_IDLE).max(source.shunned), |since| since + PULL_TIMEOUT);
        match source.timer {
            Some(earlier) if earlier <= at => {}
            later => {
                if let Some(later) = later {
                    hub.disarm(later, Timer::Source(*peer));
                }
                let span = Span(at.since(hub.now()).millis());
                source.timer = Some(hub.arm(span, Timer::Source(*peer)));
            }
        }
    }
}
