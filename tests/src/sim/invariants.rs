//! Promises of the whole network, checked whenever somebody says something that they bear on.
//!
//! - An ack means durable: who says `Stored` holds the block, and a client counts no copy that is not there.
//! - What is called safe is never fewer copies than the policy says.
//! - Nobody is given other bytes than were placed.
//! - No (key, nonce) pair ever seals two different packs (g07).

use std::collections::{BTreeMap, BTreeSet};

use cachette_core::block::Block;
use cachette_core::id::{BlockId, PeerId, VaultId};
use cachette_core::link::CloseReason;
use cachette_core::message::{Message, Plain};
use cachette_core::node::Event;
use cachette_core::record::Chain;
use cachette_core::vault::job::Outcome;

use super::host::{Host, Kind};
use super::{HostNo, Violation};

/// What must hold, and what it takes to know whether it does.
#[derive(Debug, Default)]
pub struct Invariants {
    chain: Option<Chain>,
    /// Copies that rotted or were taken away: nobody could know.
    harmed: BTreeSet<(HostNo, BlockId)>,
    /// Every block ever sealed, by the key that sealed it.
    keys: BTreeMap<[u8; 32], BlockId>,
    closed: Vec<(HostNo, Option<PeerId>, CloseReason)>,
    violation: Option<Violation>,
}

impl Invariants {
    /// Says which certificates are in force.
    pub fn follow(&mut self, chain: Chain) {
        self.chain = Some(chain);
    }

    /// Returns the vault.
    #[must_use]
    pub fn vault(&self) -> Option<VaultId> {
        self.chain.as_ref().map(Chain::vault)
    }

    /// Notes that a copy was harmed behind its holder's back.
    pub fn harmed(&mut self, no: HostNo, id: BlockId) {
        self.harmed.insert((no, id));
    }

    /// Returns the links that were closed: by whom, to whom, why.
    #[must_use]
    pub fn closings(&self) -> &[(HostNo, Option<PeerId>, CloseReason)] {
        &self.closed
    }

    /// Returns how many blocks were sealed.
    #[must_use]
    pub fn sealings(&self) -> usize {
        self.keys.len()
    }

    /// Takes the first violation.
    pub const fn violation(&mut self) -> Option<Violation> {
        self.violation.take()
    }

    pub(super) fn closed(&mut self, no: HostNo, peer: Option<PeerId>, reason: CloseReason) {
        self.closed.push((no, peer, reason));
    }

    /// Looks at what a host says to another.
    pub(super) fn said(&mut self, hosts: &[Host], no: HostNo, message: &Message) {
        let host = &hosts[no.0];
        if matches!(host.kind, Kind::Hostile(_)) {
            return;
        }
        match message {
            Message::Plain(Plain::Stored(stored)) => {
                for id in &stored.ids {
                    if !host.disk.holds(&stored.vault, id) && !self.harmed.contains(&(no, *id)) {
                        self.broken(format!("{no} says that {id} is stored, and it is not durable there"));
                    }
                }
            }
            Message::Block(_, block) => self.genuine(no, block),
            Message::Plain(_) => {}
        }
    }

    /// Looks at what a node tells its user.
    pub(super) fn told(&mut self, hosts: &[Host], no: HostNo, event: &Event) {
        let Some(chain) = &self.chain else { return };
        let carriers: Vec<_> = chain.tip().carriers.iter().map(|carrier| carrier.peer).collect();
        match event {
            Event::Placed(id, copies) | Event::Settled(id, copies) if !carriers.is_empty() => {
                let vault = chain.vault();
                let holds = |host: &&Host| {
                    carriers.contains(&host.peer)
                        && (host.disk.holds(&vault, id) || self.harmed.contains(&(host.no, *id)) || matches!(host.kind, Kind::Hostile(_)))
                };
                let there = hosts.iter().filter(holds).count();
                let policy = &chain.tip().policy;
                if there < usize::from(copies.durable) {
                    self.broken(format!("{no} counts {} durable copies of {id}, and {there} are there", copies.durable));
                } else if copies.safe_at != policy.safe_at(carriers.len()) || copies.wanted != policy.wanted(carriers.len()) {
                    self.broken(format!("{no} calls {copies:?} what the policy {policy:?} asks for"));
                }
            }
            Event::Got(block) => self.genuine(no, block),
            _ => {}
        }
    }

    /// Looks at what was sealed.
    pub(super) fn sealed(&mut self, outcome: &Outcome) {
        if let Outcome::Sealed(Ok((block, key))) = outcome
            && let Some(before) = self.keys.insert(key.key, block.id())
            && before != block.id()
        {
            self.broken(format!("one key sealed two blocks: {before} and {}", block.id()));
        }
    }

    fn genuine(&mut self, no: HostNo, block: &Block) {
        if Block::verify(block.id(), block.bytes().clone()).is_err() {
            self.broken(format!("{no} handed on a block that is not {}", block.id()));
        }
    }

    fn broken(&mut self, what: String) {
        self.violation.get_or_insert(Violation::Promise(what));
    }
}
