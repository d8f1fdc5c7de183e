//! Somebody who has a link and no vault: asks the link's nodes for the share record, then reads what it leads to from the vault's carriers.
//!
//! ```text
//!   link --nodes--> Connect, FindShare --record--> open with the secret --carriers--> Visit --> blocks by id
//! ```
//!
//! It is driven like a [`Peer`](crate::peer::Peer), with the same inputs and outputs. It keeps nothing: whatever its node asks of a store is
//! answered here.

use std::collections::VecDeque;

use crate::id::PeerId;
use crate::map::Map;
use crate::message::Denial;
use crate::node::{self, Answer, AskId, Event, Node, Request, Trouble};
use crate::peer::{Input, Output};
use crate::record::{Record, Share};
use crate::share_link::ShareLink;
use crate::store::{Fetched, StoreAnswer, StoreFault, StoreOp};
use crate::time::{Deadline, Time};
use crate::vault::{self, LinkError, ShareContents, Shared};

/// A reader of what one link leads to, and the node that reaches carriers for it.
pub struct Visitor {
    link: ShareLink,
    shared: Shared,
    node: Node,
    /// What the node wants done and nobody has taken yet.
    said: VecDeque<node::Output>,
    search: Search,
}

/// The search for the share record: all nodes of the link are asked at once.
#[derive(Default)]
struct Search {
    /// Nodes that are being called or asked.
    open: Map<AskId, PeerId>,
    next: u64,
    /// The record that opened.
    found: Option<Share>,
    /// A withdrawal that some node showed: it counts once there is a record that it proves itself against, or no record at all.
    withdrawal: Option<Share>,
    /// Whether any node said what it has.
    answered: bool,
    /// Whether a node had a record that does not open.
    foreign: bool,
}

impl Visitor {
    /// Begins to seek what a link leads to. The node is a client of its own that works for no vault; commands may be given at once.
    #[must_use]
    pub fn new(now: Time, link: ShareLink, node: Node) -> Self {
        let mut visitor = Self { link, shared: Shared::new(), node, said: VecDeque::new(), search: Search::default() };
        let mut nodes: Vec<(PeerId, Vec<String>)> = Vec::new();
        for (peer, address) in &visitor.link.nodes {
            match nodes.iter_mut().find(|(known, _)| known == peer) {
                Some((_, addresses)) => addresses.push(address.clone()),
                None => nodes.push((*peer, vec![address.clone()])),
            }
        }
        for (peer, addresses) in nodes {
            let ask = visitor.search.ask(peer);
            visitor.request(now, Request::Connect(ask, peer, addresses));
        }
        visitor
    }

    /// Has less under way at once, as befits a tab.
    #[must_use]
    pub fn in_tab(mut self) -> Self {
        self.shared.narrow();
        self
    }

    /// Takes one input in; see the contract of every machine in the crate's documentation.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Vault(input) => self.shared.handle(input),
            Input::Node(input) => self.node.handle(now, input),
            Input::Tick => self.node.handle(now, node::Input::Tick),
        }
    }

    /// Returns the next thing to do, routing what reader and node say to each other on the way.
    pub fn poll(&mut self, now: Time) -> Option<Output> {
        loop {
            // Each machine is drained before it is told the next thing.
            while let Some(output) = self.node.poll() {
                self.said.push_back(output);
            }
            if let Some(output) = self.shared.poll() {
                let vault = self.link.vault;
                match output {
                    vault::Output::Need(ids) | vault::Output::NeedAgain(ids) => self.request(now, Request::Need(vault, ids)),
                    vault::Output::Forget(ids) => self.request(now, Request::Forget(ids)),
                    output => return Some(Output::Vault(output)),
                }
                continue;
            }
            match self.said.pop_front()? {
                node::Output::Store(request, op) => {
                    let nothing = match op {
                        StoreOp::Get(_) => StoreAnswer::Block(Fetched::Missing),
                        _ => StoreAnswer::Failed(StoreFault::Full),
                    };
                    self.node.handle(now, node::Input::Answer(request, nothing));
                }
                node::Output::Event(Event::Got(block)) => self.shared.handle(vault::Input::Got(block)),
                node::Output::Event(Event::Answered(ask, answer)) if self.search.open.contains_key(&ask) => {
                    self.answered(now, ask, answer);
                }
                output => {
                    if let node::Output::Event(Event::Unavailable(id, _)) = &output {
                        self.shared.handle(vault::Input::Unavailable(*id));
                    }
                    return Some(Output::Node(output));
                }
            }
        }
    }

    /// Returns when to call again.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.node.deadline()
    }

    /// Returns what the link leads to, once its record was found: before that, and when it leads nowhere, commands say more.
    #[must_use]
    pub fn contents(&self) -> Option<&ShareContents> {
        self.shared.contents()
    }

    /// Returns the node, to look at.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    fn request(&mut self, now: Time, request: Request) {
        self.node.handle(now, node::Input::Request(request));
        while let Some(output) = self.node.poll() {
            self.said.push_back(output);
        }
    }

    /// Takes in what came of calling or asking a node.
    fn answered(&mut self, now: Time, ask: AskId, answer: Answer) {
        let Some(peer) = self.search.open.remove(&ask) else { return };
        match answer {
            Answer::Done => {
                let ask = self.search.ask(peer);
                return self.request(now, Request::FindShare(ask, peer, self.link.vault, self.link.id()));
            }
            Answer::Records(records) => {
                self.search.answered = true;
                for record in records {
                    if let Record::Share(share) = record {
                        self.shown(now, share);
                    }
                }
            }
            Answer::Failed(Trouble::Denied(Denial::NotAdmitted | Denial::NoRight)) => self.search.answered = true,
            _ => {}
        }
        if self.search.open.is_empty() && self.search.found.is_none() {
            self.shared.fail(self.search.failure());
        }
    }

    /// Takes in what a node shows as the link's record.
    fn shown(&mut self, now: Time, share: Share) {
        let same = (share.fields.vault, share.fields.share) == (self.link.vault, self.link.id());
        if same && share.is_withdrawn() {
            self.search.withdrawal.get_or_insert(share);
            if self.search.is_over() {
                self.shared.fail(LinkError::Withdrawn);
            }
            return;
        }
        let Some(contents) = Shared::contents_of(&self.link, &share) else {
            self.search.foreign = true;
            return;
        };
        if self.shared.failure().is_some() || self.search.found.as_ref().is_some_and(|found| !share.outranks(found)) {
            return;
        }
        self.search.found = Some(share);
        if self.search.is_over() {
            return self.shared.fail(LinkError::Withdrawn);
        }
        let (carriers, replicas) = (contents.carriers.clone(), contents.replicas);
        self.request(now, Request::Visit { vault: self.link.vault, carriers, replicas });
        self.shared.open(contents);
    }
}

impl Search {
    /// Numbers a question; applications count from 0.
    fn ask(&mut self, peer: PeerId) -> AskId {
        let ask = AskId(u64::MAX - self.next);
        self.next += 1;
        self.open.insert(ask, peer);
        ask
    }

    /// Says whether the share that was found is known to be withdrawn. A node that never heard of that does not undo it; one that made it
    /// up cannot prove it.
    fn is_over(&self) -> bool {
        self.found.as_ref().zip(self.withdrawal.as_ref()).is_some_and(|(found, withdrawal)| withdrawal.proves_withdrawal_of(found))
    }

    /// Returns why nothing was found when everybody was asked.
    const fn failure(&self) -> LinkError {
        match self {
            Self { withdrawal: Some(_), .. } => LinkError::Withdrawn,
            Self { foreign: true, .. } => LinkError::NotOpened,
            Self { answered: true, .. } => LinkError::Vanished,
            _ => LinkError::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests;
