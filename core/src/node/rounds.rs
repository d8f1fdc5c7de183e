//! Rounds: questions to all carriers of a vault, gathered into one answer; and questions to one peer on behalf of the side above.

use std::collections::VecDeque;

use super::asks::{Asks, Errand, Reply};
use super::hub::Hub;
use super::links::Standing;
use super::records::{ANSWER_BYTES, RECORD_OVERHEAD};
use super::{Answer, AskId, CarrierState, Event, Trouble, Whereabouts};
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{LIST_MAX, WHERE_MAX};
use crate::map::Map;
use crate::message::{Ask, Has, NodeStatus, Plain, RecordBytes, Redeem};
use crate::record::Chain;

/// Rounds under way.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    rounds: Map<AskId, Round>,
    connecting: Map<PeerId, Vec<AskId>>,
    /// Certificates that did not fit the message that redeems, by request.
    joining: Map<AskId, VecDeque<RecordBytes>>,
}

#[derive(Debug)]
struct Round {
    vault: VaultId,
    of: usize,
    open: usize,
    answered: usize,
    troubles: Vec<(PeerId, Trouble)>,
    states: Vec<CarrierState>,
    /// Who holds each block asked about, in the order asked.
    places: Vec<Whereabouts>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Refresh,
    Survey,
    Locate,
}

impl Rounds {
    /// Asks all carriers for the vault's records.
    pub(super) fn refresh(&mut self, hub: &mut Hub, asks: &mut Asks, ask: AskId, vault: VaultId) {
        let carriers = hub.carriers(&vault);
        self.start(ask, Kind::Refresh, vault, carriers.len(), carriers.len(), Vec::new());
        for peer in carriers {
            asks.ask(hub, peer, Plain::Records((Ask(0), vault)), Errand::Refresh(ask));
        }
        self.finish(hub, ask);
    }

    /// Asks all carriers for their state.
    pub(super) fn survey(&mut self, hub: &mut Hub, asks: &mut Asks, ask: AskId, vault: VaultId) {
        let carriers = hub.carriers(&vault);
        self.start(ask, Kind::Survey, vault, carriers.len(), carriers.len(), Vec::new());
        for peer in carriers {
            asks.ask(hub, peer, Plain::Status((Ask(0), vault)), Errand::Survey(ask));
        }
        self.finish(hub, ask);
    }

    /// Asks all carriers which of these blocks they and the tabs linked to them hold.
    pub(super) fn locate(&mut self, hub: &mut Hub, asks: &mut Asks, ask: AskId, vault: VaultId, ids: &[BlockId]) {
        let carriers = hub.carriers(&vault);
        let places = ids.iter().map(|id| Whereabouts { id: *id, carriers: Vec::new(), tabs: Vec::new() }).collect();
        self.start(ask, Kind::Locate, vault, carriers.len(), carriers.len() * ids.chunks(WHERE_MAX).len(), places);
        for peer in carriers {
            for (number, chunk) in (0u32..).zip(ids.chunks(WHERE_MAX)) {
                let question = Has { ask: Ask(0), vault, ids: chunk.to_vec() };
                asks.ask(hub, peer, Plain::Where(question), Errand::Locate(ask, number));
            }
        }
        self.finish(hub, ask);
    }

    /// Wants a link to a peer.
    pub(super) fn connect(&mut self, hub: &mut Hub, ask: AskId, peer: PeerId, addresses: &[String]) {
        if matches!(hub.standing(&peer), Standing::Up | Standing::Suspect) {
            hub.tell(Event::Answered(ask, Answer::Done));
            return;
        }
        self.connecting.entry(peer).or_default().push(ask);
        hub.call(peer, addresses, false);
    }

    /// Redeems an invitation, with as many certificates as one message takes; the others follow one by one.
    pub(super) fn redeem(&mut self, hub: &mut Hub, asks: &mut Asks, ask: AskId, peer: PeerId, token: [u8; 16], chain: &Chain) {
        let mut room = ANSWER_BYTES;
        let (mut certificates, mut rest) = (Vec::new(), VecDeque::new());
        for certificate in chain.certificates() {
            let bytes = certificate.bytes();
            let fits = rest.is_empty() && certificates.len() < LIST_MAX && (certificates.is_empty() || bytes.len() < room);
            room = room.saturating_sub(bytes.len() + RECORD_OVERHEAD);
            let bytes = RecordBytes(bytes.to_vec());
            if fits { certificates.push(bytes) } else { rest.push_back(bytes) }
        }
        if !rest.is_empty() {
            self.joining.insert(ask, rest);
        }
        asks.ask(hub, peer, Plain::Redeem(Redeem { ask: Ask(0), token, certificates }), Errand::Redeem(ask));
    }

    /// Takes an answer to one of these questions in.
    pub(super) fn replied(&mut self, hub: &mut Hub, asks: &mut Asks, peer: PeerId, errand: Errand, result: Result<Reply, Trouble>) {
        match (errand, result) {
            (Errand::Redeem(ask), Ok(_)) => match self.joining.get_mut(&ask).and_then(VecDeque::pop_front) {
                Some(next) => asks.ask(hub, peer, Plain::Publish((Ask(0), next)), Errand::Redeem(ask)),
                None => {
                    self.joining.remove(&ask);
                    hub.tell(Event::Answered(ask, Answer::Done));
                }
            },
            (Errand::Redeem(ask), Err(trouble)) => {
                self.joining.remove(&ask);
                hub.tell(Event::Answered(ask, Answer::Failed(trouble)));
            }
            (Errand::Records(ask), Ok(Reply::Records(records))) => hub.tell(Event::Answered(ask, Answer::Records(records))),
            (Errand::Records(ask), result) => {
                hub.tell(Event::Answered(ask, Answer::Failed(result.err().unwrap_or(Trouble::Silent))));
            }
            (Errand::Refresh(ask) | Errand::Survey(ask), result) => self.gathered(hub, peer, ask, 0, result),
            (Errand::Locate(ask, number), result) => self.gathered(hub, peer, ask, number, result),
            _ => {}
        }
    }

    /// Answers who waited for a link.
    pub(super) fn linked(&mut self, hub: &mut Hub, peer: &PeerId) {
        for ask in self.connecting.remove(peer).unwrap_or_default() {
            hub.tell(Event::Answered(ask, Answer::Done));
        }
    }

    /// Answers who waited for a link in vain.
    pub(super) fn down(&mut self, hub: &mut Hub, peer: &PeerId, trouble: Trouble) {
        for ask in self.connecting.remove(peer).unwrap_or_default() {
            hub.tell(Event::Answered(ask, Answer::Failed(trouble)));
        }
    }

    fn start(&mut self, ask: AskId, kind: Kind, vault: VaultId, of: usize, open: usize, places: Vec<Whereabouts>) {
        let round = Round { vault, of, open, answered: 0, troubles: Vec::new(), states: Vec::new(), places, kind };
        self.rounds.insert(ask, round);
    }

    fn gathered(&mut self, hub: &mut Hub, peer: PeerId, ask: AskId, number: u32, result: Result<Reply, Trouble>) {
        let Some(round) = self.rounds.get_mut(&ask) else { return };
        round.open = round.open.saturating_sub(1);
        match result {
            Ok(Reply::Records(records)) => {
                round.answered += 1;
                hub.tell(Event::Records(round.vault, peer, records));
            }
            Ok(Reply::Status(status)) => round.state(hub, peer, Ok(status)),
            Ok(Reply::Held(rows)) => rows.iter().for_each(|(holder, held)| round.held(&peer, number, holder, held)),
            result => {
                let trouble = result.err().unwrap_or(Trouble::Silent);
                round.troubles.push((peer, trouble));
                if round.kind == Kind::Survey {
                    round.state(hub, peer, Err(trouble));
                }
            }
        }
        self.finish(hub, ask);
    }

    fn finish(&mut self, hub: &mut Hub, ask: AskId) {
        if self.rounds.get(&ask).is_none_or(|round| round.open > 0) {
            return;
        }
        let Some(round) = self.rounds.remove(&ask) else { return };
        let answer = match round.kind {
            Kind::Refresh => Answer::Asked { answered: round.answered, of: round.of, troubles: round.troubles },
            Kind::Survey => Answer::Carriers(round.states),
            Kind::Locate => Answer::Whereabouts(round.places),
        };
        hub.tell(Event::Answered(ask, answer));
    }
}

impl Round {
    fn state(&mut self, hub: &Hub, peer: PeerId, status: Result<NodeStatus, Trouble>) {
        let round_trip = hub.links.peers.get(&peer).and_then(|peer| peer.round_trip);
        self.states.push(CarrierState { peer, status, round_trip });
    }

    /// Notes which blocks of one list a peer holds by the word of a carrier, which answers in the order asked.
    fn held(&mut self, carrier: &PeerId, number: u32, holder: &PeerId, held: &[BlockId]) {
        let from = (number as usize).saturating_mul(WHERE_MAX).min(self.places.len());
        let mut held = held.iter().peekable();
        for place in self.places[from..].iter_mut().take(WHERE_MAX) {
            if held.peek() == Some(&&place.id) {
                held.next();
                let known = if holder == carrier { &mut place.carriers } else { &mut place.tabs };
                // A tab is linked to several carriers.
                if !known.contains(holder) {
                    known.push(*holder);
                }
            }
        }
    }
}
