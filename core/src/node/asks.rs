//! Questions to peers: numbered, windowed, given up after a time, asked again over a new link, and answered exactly once to whoever asked.

use std::collections::VecDeque;

use bytes::Bytes;

use super::hub::{Hub, Note};
use super::links::Standing;
use super::timers::Timer;
use super::{AskId, LinkId, Trouble};
use crate::id::{BlockId, Partition, PeerId, RecordId, VaultId};
use crate::limits::{ANSWER_TIMEOUT, ASK_TIMEOUT, ASKS_PER_LINK};
use crate::map::Map;
use crate::message::{Ask, Denial, Fingerprint, NodeStatus, Plain, RecordsAre, Tunnel};
use crate::record::Record;
use crate::time::{Span, Time};

/// All questions to peers that are not answered.
#[derive(Debug, Default)]
pub(super) struct Asks {
    next: u32,
    open: Map<LinkId, Map<Ask, Open>>,
    parked: Map<PeerId, VecDeque<(Plain, Errand)>>,
}

/// Why a peer was asked; comes back with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Errand {
    /// To keep a record.
    Publish(RecordId),
    /// To keep a certificate that it may lack; nobody waits for the answer.
    CatchUp,
    /// For a vault's records, as one of many.
    Refresh(AskId),
    /// To admit a vault.
    Redeem(AskId),
    /// For records, for the side above.
    Records(AskId),
    /// Which blocks it holds; the number finds the list.
    Locate(AskId, u32),
    /// For its state.
    Survey(AskId),
    /// For its partitions' counts and fingerprints.
    Summaries(AskId),
    /// Which blocks it holds, for an audit.
    Audit(AskId),
    /// Who else holds these blocks of a vault.
    Where(VaultId, Vec<BlockId>),
    /// For a tunnel to a peer.
    Tunnel(PeerId),
}

/// An answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// It was done.
    Done,
    /// Blocks that are held.
    Have(Vec<BlockId>),
    /// Blocks that are held, for each peer that holds any.
    Held(Vec<(PeerId, Vec<BlockId>)>),
    /// Partitions that hold anything.
    Summaries(Vec<(Partition, u64, Fingerprint)>),
    /// Records.
    Records(Vec<Record>),
    /// The peer's state.
    Status(NodeStatus),
    /// A tunnel.
    Opened(Tunnel),
}

#[derive(Debug)]
struct Open {
    plain: Plain,
    errand: Errand,
    since: Time,
    until: Time,
    records: Vec<Record>,
}

impl Asks {
    /// Asks a peer: now, when it is linked and has answered enough, or not at all. The number in `plain` is set here.
    pub(super) fn ask(&mut self, hub: &mut Hub, peer: PeerId, plain: Plain, errand: Errand) {
        let full = self.parked.get(&peer).is_some_and(|parked| parked.len() >= PARKED_PER_PEER);
        match hub.standing(&peer) {
            Standing::Down(trouble) => hub.note(Note::Replied(peer, errand, Err(trouble))),
            _ if full => hub.note(Note::Replied(peer, errand, Err(Trouble::Denied(Denial::Busy)))),
            _ => {
                self.parked.entry(peer).or_default().push_back((plain, errand));
                self.pump(hub, &peer);
            }
        }
    }

    /// Takes an answer in; one that nobody asked for is dropped.
    pub(super) fn answer(&mut self, hub: &mut Hub, link: LinkId, ask: Ask, result: Result<Reply, Denial>) {
        let Some(open) = self.open.get_mut(&link).and_then(|open| open.remove(&ask)) else { return };
        let Some(peer) = hub.links.peer_of(link) else { return };
        hub.disarm(open.until, Timer::Ask(link, ask));
        hub.note(Note::Replied(peer, open.errand, result.map_err(Trouble::Denied)));
        self.pump(hub, &peer);
    }

    /// Takes a part of an answer with records in. What is no record of a kind known here is left out.
    pub(super) fn records(&mut self, hub: &mut Hub, link: LinkId, part: RecordsAre) {
        let Some(open) = self.open.get_mut(&link).and_then(|open| open.get_mut(&part.ask)) else { return };
        let decoded = part.records.into_iter().filter_map(|bytes| Record::decode(Bytes::from(bytes.0)).ok());
        open.records.extend(decoded);
        if open.records.len() > RECORDS_MAX {
            self.answer(hub, link, part.ask, Err(Denial::Malformed));
        } else if part.last {
            let records = std::mem::take(&mut open.records);
            self.answer(hub, link, part.ask, Ok(Reply::Records(records)));
        } else {
            let left = ANSWER_TIMEOUT.millis().saturating_sub(hub.now().since(open.since).millis());
            hub.disarm(open.until, Timer::Ask(link, part.ask));
            if left == 0 {
                return self.expired(hub, link, part.ask);
            }
            open.until = hub.arm(Span(left.min(ASK_TIMEOUT.millis())), Timer::Ask(link, part.ask));
        }
    }

    /// Gives a question up.
    pub(super) fn expired(&mut self, hub: &mut Hub, link: LinkId, ask: Ask) {
        let Some(open) = self.open.get_mut(&link).and_then(|open| open.remove(&ask)) else { return };
        let Some(peer) = hub.links.peer_of(link) else { return };
        hub.note(Note::Replied(peer, open.errand, Err(Trouble::Silent)));
        self.pump(hub, &peer);
    }

    /// Asks what waited for a peer.
    pub(super) fn linked(&mut self, hub: &mut Hub, peer: &PeerId) {
        self.pump(hub, peer);
    }

    /// Asks again what was under way on a link: every question may be asked twice.
    pub(super) fn unlinked(&mut self, hub: &mut Hub, peer: PeerId, link: LinkId) {
        for (ask, open) in self.open.remove(&link).unwrap_or_default().into_iter().rev() {
            hub.disarm(open.until, Timer::Ask(link, ask));
            self.parked.entry(peer).or_default().push_front((open.plain, open.errand));
        }
        self.pump(hub, &peer);
    }

    /// Gives up what waited for a peer.
    pub(super) fn down(&mut self, hub: &mut Hub, peer: PeerId, trouble: Trouble) {
        for (_, errand) in self.parked.remove(&peer).unwrap_or_default() {
            hub.note(Note::Replied(peer, errand, Err(trouble)));
        }
    }

    fn pump(&mut self, hub: &mut Hub, peer: &PeerId) {
        let Some(link) = hub.links.link_of(peer) else { return };
        let Some(parked) = self.parked.get_mut(peer) else { return };
        let open = self.open.entry(link).or_default();
        while open.len() < ASKS_PER_LINK
            && let Some((mut plain, errand)) = parked.pop_front()
        {
            self.next = self.next.wrapping_add(1);
            let ask = Ask(self.next);
            number(&mut plain, ask);
            let until = hub.arm(ASK_TIMEOUT, Timer::Ask(link, ask));
            hub.send(link, plain.clone());
            open.insert(ask, Open { plain, errand, since: hub.now(), until, records: Vec::new() });
        }
        if parked.is_empty() {
            self.parked.remove(peer);
        }
    }
}

/// Writes a question's number into it.
fn number(plain: &mut Plain, number: Ask) {
    match plain {
        Plain::Has(has) | Plain::Where(has) => has.ask = number,
        Plain::Summarise(summarise) => summarise.ask = number,
        Plain::Scan(scan) => scan.ask = number,
        Plain::Redeem(redeem) => redeem.ask = number,
        Plain::Open(open) => open.ask = number,
        Plain::Publish((ask, _)) => *ask = number,
        Plain::Records((ask, _)) | Plain::Status((ask, _)) => *ask = number,
        Plain::Locate((ask, _)) => *ask = number,
        Plain::Share(sought) => sought.ask = number,
        _ => {}
    }
}

/// Questions that wait for one peer.
const PARKED_PER_PEER: usize = 4096;
/// Records in one answer: a full chain and a head of every member, several times over.
const RECORDS_MAX: usize = 16_384;
