//! What all machines have in common, so that one driver and one checker serve them all.

use std::fmt::Debug;

use cachette_core::link::{self, Link};
use cachette_core::node::{self, Node};
use cachette_core::peer::{self, Peer};
use cachette_core::store::RequestId;
use cachette_core::time::{Deadline, Time};
use cachette_core::vault;
use cachette_core::visitor::Visitor;

use super::hostile::Hostile;

/// A machine with the three verbs, and what the rules count of its inputs and outputs.
pub trait Machine {
    /// What happens to it.
    type Input: Debug;
    /// What it wants done.
    type Output: Debug;

    /// Takes one input in.
    fn handle(&mut self, now: Time, input: Self::Input);
    /// Returns the next thing to do.
    fn poll(&mut self, now: Time) -> Option<Self::Output>;
    /// Returns when to call again.
    fn deadline(&self) -> Option<Deadline>;
    /// Returns the input that says that time has passed.
    fn tick() -> Self::Input;
    /// Returns which question an output puts that must be answered exactly once.
    fn asks(output: &Self::Output) -> Option<Question>;
    /// Returns which question an input answers.
    fn answers(input: &Self::Input) -> Option<Question>;
    /// Returns how many bytes an input lets out.
    fn grants(input: &Self::Input) -> usize;
    /// Returns how many bytes an output lets out.
    fn spends(output: &Self::Output) -> usize;
}

/// A question of a machine to its driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// To the store.
    Store(RequestId),
    /// To a thread.
    Job(vault::job::JobId),
    /// To the device's notes.
    Keep(vault::KeepId),
}

/// The machine in the middle of a host.
#[expect(clippy::large_enum_variant, reason = "a world holds a dozen of them")]
pub enum Brain {
    /// A storage node, or a client that works with bare blocks.
    Node(Node),
    /// A client with an open vault.
    Client(Peer),
    /// Somebody who has a link and no vault.
    Visitor(Visitor),
    /// Somebody who means harm.
    Hostile(Hostile),
}

impl Machine for Brain {
    type Input = peer::Input;
    type Output = peer::Output;

    fn handle(&mut self, now: Time, input: peer::Input) {
        match (self, input) {
            (Self::Client(peer), input) => peer.handle(now, input),
            (Self::Visitor(visitor), input) => visitor.handle(now, input),
            (Self::Node(node), peer::Input::Node(input)) => node.handle(now, input),
            (Self::Node(node), peer::Input::Tick) => node.handle(now, node::Input::Tick),
            (Self::Hostile(hostile), peer::Input::Node(input)) => hostile.handle(input),
            (Self::Hostile(_), peer::Input::Tick) => {}
            (_, peer::Input::Vault(input)) => panic!("a host without a vault was told {input:?}"),
        }
    }

    fn poll(&mut self, now: Time) -> Option<peer::Output> {
        match self {
            Self::Client(peer) => peer.poll(now),
            Self::Visitor(visitor) => visitor.poll(now),
            Self::Node(node) => node.poll().map(peer::Output::Node),
            Self::Hostile(hostile) => hostile.poll().map(peer::Output::Node),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        match self {
            Self::Client(peer) => peer.deadline(),
            Self::Visitor(visitor) => visitor.deadline(),
            Self::Node(node) => node.deadline(),
            Self::Hostile(_) => None,
        }
    }

    fn tick() -> peer::Input {
        peer::Input::Tick
    }

    fn asks(output: &peer::Output) -> Option<Question> {
        match output {
            peer::Output::Node(node::Output::Store(request, _)) => Some(Question::Store(*request)),
            peer::Output::Vault(vault::Output::Job(job, _)) => Some(Question::Job(*job)),
            peer::Output::Vault(vault::Output::Keep(keep, ..)) => Some(Question::Keep(*keep)),
            _ => None,
        }
    }

    fn answers(input: &peer::Input) -> Option<Question> {
        match input {
            peer::Input::Node(node::Input::Answer(request, _)) => Some(Question::Store(*request)),
            peer::Input::Vault(vault::Input::Done(job, _)) => Some(Question::Job(*job)),
            peer::Input::Vault(vault::Input::Kept(keep, _)) => Some(Question::Keep(*keep)),
            _ => None,
        }
    }

    fn grants(_: &peer::Input) -> usize {
        0
    }

    fn spends(_: &peer::Output) -> usize {
        0
    }
}

impl Machine for Link {
    type Input = link::Input;
    type Output = link::Output;

    fn handle(&mut self, now: Time, input: link::Input) {
        self.handle(now, input);
    }

    fn poll(&mut self, _: Time) -> Option<link::Output> {
        self.poll()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline()
    }

    fn tick() -> link::Input {
        link::Input::Tick
    }

    fn asks(_: &link::Output) -> Option<Question> {
        None
    }

    fn answers(_: &link::Input) -> Option<Question> {
        None
    }

    fn grants(input: &link::Input) -> usize {
        match input {
            link::Input::Room(bytes) => *bytes,
            _ => 0,
        }
    }

    fn spends(output: &link::Output) -> usize {
        match output {
            link::Output::Transmit(bytes) => bytes.len(),
            _ => 0,
        }
    }
}
