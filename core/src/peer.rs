//! A vault above a node: the routing table between them. It makes no decision.

use std::collections::VecDeque;

use crate::id::VaultId;
use crate::node::{self, Node};
use crate::time::{Deadline, Time};
use crate::vault::{self, Vault};

/// The ask number that the routing table uses for the vault's refreshes; applications count from 0.
const REFRESH: node::AskId = node::AskId(u64::MAX);

/// A whole client: a vault, and the node that reaches other peers for it.
pub struct Peer {
    vault: Vault,
    node: Node,
    /// What the node wants done and nobody has taken yet.
    said: VecDeque<node::Output>,
}

/// What happens to a client.
#[derive(Debug)]
pub enum Input {
    /// Something for the vault: commands, bytes, jobs, notes.
    Vault(vault::Input),
    /// Something for the node: links, messages, store answers, requests.
    Node(node::Input),
    /// Time passed.
    Tick,
}

/// What a client wants done.
#[derive(Debug)]
pub enum Output {
    /// Of the vault: jobs, notes, invitations, bytes, replies. What it says to the node is not among it.
    Vault(vault::Output),
    /// Of the node: dials, messages, store requests, and events that people may want to see.
    Node(node::Output),
}

impl Peer {
    /// Joins a vault and a node.
    #[must_use]
    pub fn new(vault: Vault, node: Node) -> Self {
        Self { vault, node, said: VecDeque::new() }
    }

    /// Takes one input in; see the contract of every machine in the crate's documentation.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Vault(input) => self.vault.handle(now, input),
            Input::Node(input) => self.node.handle(now, input),
            Input::Tick => {
                self.vault.handle(now, vault::Input::Tick);
                self.node.handle(now, node::Input::Tick);
            }
        }
    }

    /// Returns the next thing to do, routing what vault and node say to each other on the way.
    pub fn poll(&mut self, now: Time) -> Option<Output> {
        loop {
            // Each machine is drained before it is told the next thing.
            while let Some(output) = self.node.poll() {
                self.said.push_back(output);
            }
            if let Some(output) = self.vault.poll() {
                match self.down(output) {
                    Ok(request) => self.node.handle(now, node::Input::Request(request)),
                    Err(output) => return Some(Output::Vault(output)),
                }
                continue;
            }
            let output = self.said.pop_front()?;
            if let node::Output::Event(event) = &output
                && let Some(input) = self.up(event)
            {
                self.vault.handle(now, input);
                if !is_news(event) {
                    continue;
                }
            }
            return Some(Output::Node(output));
        }
    }

    /// Returns when to call again.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        Deadline::earliest(self.vault.deadline(), self.node.deadline())
    }

    /// Returns the vault, to look at.
    #[must_use]
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Returns the node, to look at.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    fn id(&self) -> VaultId {
        self.vault.id()
    }

    /// What the vault wants of the node; anything else is the driver's.
    #[expect(clippy::result_large_err, reason = "moved on at once, never kept")]
    fn down(&self, output: vault::Output) -> Result<node::Request, vault::Output> {
        use node::Request;
        Ok(match output {
            vault::Output::Place(block) => Request::Place(self.id(), block),
            vault::Output::Confirm(ids) => Request::Confirm(self.id(), ids),
            vault::Output::Need(ids) => Request::Need(self.id(), ids),
            vault::Output::NeedAgain(ids) => Request::NeedAgain(self.id(), ids),
            vault::Output::Cache(block) => Request::Cache(self.id(), block),
            vault::Output::Forget(ids) => Request::Forget(ids),
            vault::Output::Publish(record) => Request::Publish(record),
            vault::Output::Refresh => Request::Refresh(REFRESH, self.id()),
            vault::Output::Follow(chain) => Request::Follow(chain),
            other => return Err(other),
        })
    }

    /// What the node's events mean to the vault.
    fn up(&self, event: &node::Event) -> Option<vault::Input> {
        use node::Event;
        Some(match event {
            Event::Placed(id, copies) => vault::Input::Placed(*id, *copies),
            Event::Settled(id, copies) => vault::Input::Settled(*id, *copies),
            Event::Lost(id) => vault::Input::Lost(*id),
            Event::Got(block) => vault::Input::Got(block.clone()),
            Event::Unavailable(id, _) => vault::Input::Unavailable(*id),
            Event::Published(id, copies) => vault::Input::Published(*id, *copies),
            Event::Unpublished(id, _, trouble) => vault::Input::Unpublished(*id, trouble.refusal()),
            Event::Records(vault, peer, records) if *vault == self.id() => vault::Input::Records(*peer, records.clone()),
            Event::Answered(REFRESH, node::Answer::Asked { answered, of, .. }) => vault::Input::Refreshed(*answered, *of),
            _ => return None,
        })
    }
}

/// Whether people may want to hear of an event that the vault has taken in.
const fn is_news(event: &node::Event) -> bool {
    matches!(
        event,
        node::Event::Unavailable(..)
            | node::Event::Unpublished(..)
            | node::Event::Lost(_)
            | node::Event::Answered(..)
            | node::Event::Placed(..)
    )
}
