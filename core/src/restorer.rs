//! Somebody who has recovery words and no device: finds the vault that the words open, and has a new device let in.
//!
//! ```text
//!   words --nodes of the sheet--> Connect, FindVault, RecordsFrom --records--> which vault? --its carriers--> Follow, Refresh
//!         --all records--> a certificate with the device --carriers--> Follow, Publish --on most of them--> notes to open it with
//! ```
//!
//! It stands above a node that speaks as the words' own key and works for nobody else: its driver gives it that node's events and gives
//! the node its requests.

use std::collections::VecDeque;

use thiserror::Error;

use crate::address::Address;
use crate::id::{PeerId, RecordId, VaultId};
use crate::identity::Identity;
use crate::map::{Map, Set};
use crate::node::{Answer, AskId, Event, Request, Trouble};
use crate::record::Record;
use crate::time::{Clock, Deadline, Span, Time, Wake};
use crate::vault::{Note, keys};

/// The way from recovery words to a vault with a further device.
pub struct Restorer<'a> {
    paper: &'a Identity,
    device: &'a Identity,
    entropy: [u8; 32],
    clock: Clock,
    out: VecDeque<Output>,
    asks: u64,
    /// Everything that nodes have said.
    records: Vec<Record>,
    step: Step,
}

/// What happens to it.
#[derive(Debug)]
pub enum Input {
    /// The node says something.
    Event(Event),
    /// Time passed.
    Tick,
}

/// What it wants done.
#[allow(clippy::large_enum_variant, reason = "moved on at once, never kept; large on 64 bits only")]
#[derive(Debug)]
pub enum Output {
    /// Something of the node.
    Request(Request),
    /// It is over.
    Ended(Result<Restored, RestorerError>),
}

/// A vault that was found, with the device let in.
#[derive(Debug)]
pub struct Restored {
    /// The vault.
    pub vault: VaultId,
    /// What the device has to keep before it opens the vault.
    pub notes: Vec<Note>,
    /// Nodes that have taken the certificate that lets the device in.
    pub reached: usize,
    /// Nodes of the vault.
    pub of: usize,
}

/// A vault was not brought back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestorerError {
    /// No node that was named answered; each with its addresses.
    #[error("no node answered")]
    Unreachable(Vec<(String, Trouble)>),
    /// The nodes know of no vault that these words open.
    #[error("the nodes that answered know no vault that these words open")]
    NotFound,
    /// The words open several vaults.
    #[error("these words open {0} vaults; that cannot be told apart here")]
    Several(usize),
    /// The records do not lead to the keys.
    #[error(transparent)]
    Records(#[from] keys::RestoreError),
    /// The device was not let in.
    #[error(transparent)]
    Authority(#[from] keys::AuthorityError),
    /// The certificate is on fewer nodes than it takes.
    #[error("only {reached} of {of} nodes took this device in; that is too few to be sure")]
    TooFew {
        /// Nodes that took it.
        reached: usize,
        /// Nodes of the vault.
        of: usize,
    },
}

enum Step {
    /// The nodes of the sheet are called and asked, all at once.
    Seeking {
        nodes: Map<PeerId, Named>,
        open: Map<AskId, (PeerId, Question)>,
    },
    /// Those may be behind: the vault's own carriers are asked too.
    Refreshing {
        ask: AskId,
        vault: VaultId,
    },
    /// The certificate is brought to the carriers.
    Publishing {
        certificate: RecordId,
        restored: Restored,
        missed: Set<PeerId>,
        until: Time,
    },
    Over,
}

/// A node of the sheet.
#[derive(Default)]
struct Named {
    addresses: Vec<String>,
    failure: Option<Trouble>,
}

/// What a node of the sheet is asked.
#[derive(Clone, Copy)]
enum Question {
    /// To be there.
    Connect,
    /// Which vault the words open.
    FindVault,
    /// For that vault's records.
    Records,
}

impl<'a> Restorer<'a> {
    /// Begins to seek the vault that `paper` opens at these nodes; an address without an id leads to nobody. `entropy` is fresh.
    #[must_use]
    pub fn new(paper: &'a Identity, device: &'a Identity, entropy: [u8; 32], addresses: &[Address]) -> Self {
        let mut nodes: Map<PeerId, Named> = Map::new();
        for (address, peer) in addresses.iter().filter_map(|address| Some((address, address.peer?))) {
            nodes.entry(peer).or_default().addresses.push(address.url());
        }
        let (clock, out, step) = (Clock::default(), VecDeque::new(), Step::Over);
        let mut restorer = Self { paper, device, entropy, clock, out, asks: 0, records: Vec::new(), step };
        let mut open = Map::new();
        for (peer, named) in &nodes {
            let ask = restorer.ask(|ask| Request::Connect(ask, *peer, named.addresses.clone()));
            open.insert(ask, (*peer, Question::Connect));
        }
        restorer.step = Step::Seeking { nodes, open };
        restorer.seek_on();
        restorer
    }

    /// Takes one input in; see the contract of every machine in the crate's documentation.
    pub fn handle(&mut self, now: Time, input: Input) {
        let now = self.clock.advance(now);
        match input {
            Input::Event(Event::Answered(ask, answer)) => self.answered(ask, answer),
            Input::Event(Event::Records(vault, _, records)) => {
                if matches!(&self.step, Step::Refreshing { vault: sought, .. } if *sought == vault) {
                    self.records.extend(records);
                }
            }
            Input::Event(Event::Published(id, copies)) => {
                if let Step::Publishing { certificate, restored, .. } = &mut self.step
                    && *certificate == id
                {
                    restored.reached = usize::from(copies.durable);
                    self.publish_on(now);
                }
            }
            Input::Event(Event::Unpublished(id, peer, _)) => {
                if let Step::Publishing { certificate, missed, .. } = &mut self.step
                    && *certificate == id
                {
                    missed.insert(peer);
                    self.publish_on(now);
                }
            }
            Input::Event(_) => {}
            Input::Tick => self.publish_on(now),
        }
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Returns when to call again: nodes get so long to take the certificate. All other questions are the node's to give up.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        match &self.step {
            Step::Publishing { until, .. } => Some(Deadline { at: *until, wake: Wake::Timeout }),
            _ => None,
        }
    }

    fn answered(&mut self, ask: AskId, answer: Answer) {
        match &mut self.step {
            Step::Seeking { nodes, open } => {
                let Some((peer, question)) = open.remove(&ask) else { return };
                match (question, answer) {
                    (_, Answer::Failed(trouble)) => nodes.entry(peer).or_default().failure = Some(trouble),
                    (Question::Connect, _) => self.ask_node(peer, Question::FindVault, |ask, paper| Request::FindVault(ask, peer, paper)),
                    (Question::FindVault, Answer::Records(records)) => {
                        for vault in keys::located(&self.paper.peer(), &records) {
                            self.ask_node(peer, Question::Records, |ask, _| Request::RecordsFrom(ask, peer, vault));
                        }
                        self.records.extend(records);
                    }
                    (Question::Records, Answer::Records(records)) => self.records.extend(records),
                    _ => {}
                }
                self.seek_on();
            }
            Step::Refreshing { ask: asked, vault } if *asked == ask => {
                let vault = *vault;
                if let Err(error) = self.enrol(vault) {
                    self.end(Err(error));
                }
            }
            _ => {}
        }
    }

    /// Goes on once every node of the sheet has answered or failed.
    fn seek_on(&mut self) {
        let Step::Seeking { nodes, open } = &self.step else { return };
        if !open.is_empty() {
            return;
        }
        let failures: Vec<_> = nodes.values().filter_map(|node| Some((node.addresses.join(", "), node.failure?))).collect();
        if failures.len() == nodes.len() {
            return self.end(Err(RestorerError::Unreachable(failures)));
        }
        let vaults = keys::located(&self.paper.peer(), &self.records);
        let vault = match (vaults.first(), vaults.len()) {
            (Some(vault), 1) => *vault,
            (None, _) => return self.end(Err(RestorerError::NotFound)),
            (_, several) => return self.end(Err(RestorerError::Several(several))),
        };
        match keys::restore(self.paper, vault, &self.records) {
            Ok(restored) => {
                self.request(Request::Follow(restored.chain));
                let ask = self.ask(|ask| Request::Refresh(ask, vault));
                self.step = Step::Refreshing { ask, vault };
            }
            Err(error) => self.end(Err(error.into())),
        }
    }

    fn enrol(&mut self, vault: VaultId) -> Result<(), RestorerError> {
        let restored = keys::restore(self.paper, vault, &self.records)?;
        let keys::Enrolled { certificate, chain, notes } = restored.enrol(self.paper, self.device, &self.records, &self.entropy)?;
        let restored = Restored { vault, notes, reached: 0, of: chain.tip().carriers.len() };
        let until = self.clock.now() + PUBLISH;
        self.step = Step::Publishing { certificate: certificate.id(), restored, missed: Set::new(), until };
        self.request(Request::Follow(chain));
        self.request(Request::Publish(Record::Certificate(certificate)));
        Ok(())
    }

    /// Ends once the certificate is where it can be now. Short of a majority, nodes that were away or busy get the whole time to take it.
    fn publish_on(&mut self, now: Time) {
        let Step::Publishing { restored: Restored { reached, of, .. }, missed, until, .. } = &self.step else { return };
        let (reached, of) = (*reached, *of);
        let enough = reached * 2 > of;
        if !(enough && reached + missed.len() >= of) && now < *until {
            return;
        }
        let Step::Publishing { restored, .. } = std::mem::replace(&mut self.step, Step::Over) else { return };
        self.end(if enough { Ok(restored) } else { Err(RestorerError::TooFew { reached, of }) });
    }

    fn ask_node(&mut self, peer: PeerId, question: Question, request: impl FnOnce(AskId, PeerId) -> Request) {
        let paper = self.paper.peer();
        let ask = self.ask(|ask| request(ask, paper));
        if let Step::Seeking { open, .. } = &mut self.step {
            open.insert(ask, (peer, question));
        }
    }

    fn ask(&mut self, request: impl FnOnce(AskId) -> Request) -> AskId {
        self.asks += 1;
        let ask = AskId(self.asks);
        self.request(request(ask));
        ask
    }

    fn request(&mut self, request: Request) {
        self.out.push_back(Output::Request(request));
    }

    fn end(&mut self, result: Result<Restored, RestorerError>) {
        self.step = Step::Over;
        self.out.push_back(Output::Ended(result));
    }
}

/// How long nodes get to take the certificate that lets a device in.
const PUBLISH: Span = Span::seconds(10);

#[cfg(test)]
mod tests;
