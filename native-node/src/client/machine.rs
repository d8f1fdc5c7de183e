//! What a client's driver drives: a vault with its node, or somebody who has a link and no vault.

use cachette_core::peer::{Input, Output, Peer};
use cachette_core::time::{Deadline, Time};
use cachette_core::visitor::Visitor;

/// Either machine; both have the same inputs and outputs.
pub enum Machine {
    /// A vault of one's own.
    Peer(Box<Peer>),
    /// What a link leads to.
    Visitor(Box<Visitor>),
}

impl Machine {
    /// Takes one input in.
    pub fn handle(&mut self, now: Time, input: Input) {
        match self {
            Self::Peer(peer) => peer.handle(now, input),
            Self::Visitor(visitor) => visitor.handle(now, input),
        }
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self, now: Time) -> Option<Output> {
        match self {
            Self::Peer(peer) => peer.poll(now),
            Self::Visitor(visitor) => visitor.poll(now),
        }
    }

    /// Returns when to call again.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        match self {
            Self::Peer(peer) => peer.deadline(),
            Self::Visitor(visitor) => visitor.deadline(),
        }
    }
}
