//! Promises of the whole network, checked whenever somebody says something that they bear on.
//!
//! - An ack means durable: who says `Stored` holds the block, and a client counts no copy that is not there.
//! - What is called safe is never fewer copies than the policy says.
//! - Nobody is given other bytes than were placed.
//! - A head is published only when it is durable on its own device, and every block of its tree on as many carriers as make it
//!   safe (c07); this is looked up in the tree itself, with the device's keys and without its vault machine.
//! - When a commit is said to stand, as many carriers as it takes have its head, and every block of it is still safe.
//! - No (key, nonce) pair ever seals two different packs (g07); the nonce is always 0, so no key does.

use std::collections::{BTreeMap, BTreeSet};

use cachette_core::block::Block;
use cachette_core::id::{BlockId, PeerId, RecordId, VaultId};
use cachette_core::link::CloseReason;
use cachette_core::message::{Message, Plain};
use cachette_core::node::Event;
use cachette_core::record::{Chain, Head, Record};
use cachette_core::vault::job::Outcome;
use cachette_core::vault::seal::BlockKey;
use cachette_core::vault::{Committed, Vault, notes};

use super::host::{Host, Kind};
use super::opened::live;
use super::{HostNo, Violation};

/// What must hold, and what it takes to know whether it does.
#[derive(Debug, Default)]
pub struct Invariants {
    chain: Option<Chain>,
    /// Copies that rotted or were taken away: nobody could know.
    harmed: BTreeSet<(HostNo, BlockId)>,
    /// Every block that a job sealed or a published tree names, by the key that sealed it.
    keys: BTreeMap<[u8; 32], BlockId>,
    /// Heads that were looked into.
    heads: BTreeSet<RecordId>,
    /// Bytes of blocks that each host has sent.
    sent: BTreeMap<HostNo, usize>,
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

    /// Returns how many bytes of blocks a host has sent.
    #[must_use]
    pub fn sent_by(&self, no: HostNo) -> usize {
        self.sent.get(&no).copied().unwrap_or(0)
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
            Message::Plain(Plain::Publish((_, record))) if host.kind == Kind::Device => {
                if let Ok(Record::Head(head)) = Record::decode(record.0.clone().into())
                    && head.device == host.peer
                    && self.heads.insert(head.id())
                {
                    self.published(hosts, host, &head);
                }
            }
            Message::Block(_, block) => {
                *self.sent.entry(no).or_default() += block.bytes().len();
                self.genuine(no, block);
            }
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
        if let Outcome::Sealed(Ok((block, key))) = outcome {
            self.sealed_by(key.key, block.id());
        }
    }

    fn sealed_by(&mut self, key: [u8; 32], id: BlockId) {
        if let Some(before) = self.keys.insert(key, id)
            && before != id
        {
            self.broken(format!("one key sealed two blocks: {before} and {id}"));
        }
    }

    /// Looks whether a head may be seen by others.
    fn published(&mut self, hosts: &[Host], host: &Host, head: &Head) {
        let note = host.notes.durable(&notes::head_key(&head.device));
        if note != Some(head.bytes().as_ref()) {
            self.broken(format!("{} shows head {} to others before it is durable at home", host.no, head.sequence));
        }
        self.counted_on(hosts, host, head, "publishes");
    }

    /// Looks whether a commit is what its device says it is: nothing of it hangs on this device alone.
    pub(super) fn committed(&mut self, hosts: &[Host], no: HostNo, committed: &Committed) {
        let host = &hosts[no.0];
        let Some(vault) = host.vault() else { return };
        if committed.copies.is_some_and(|copies| !copies.is_safe()) {
            self.broken(format!("{no} calls {:?} a commit", committed.copies));
        }
        let Some(head) = vault.heads().find(|head| head.device == host.peer).cloned() else { return };
        let record = Record::Head(head.clone());
        let carriers = &vault.chain().tip().carriers;
        let has = |host: &&Host| {
            let there = host.disk.keeps(&record.slot(), record.bytes()) || matches!(host.kind, Kind::Hostile(_));
            there && carriers.iter().any(|carrier| carrier.peer == host.peer)
        };
        let copies = hosts.iter().filter(has).count();
        if copies <= carriers.len() / 2 {
            self.broken(format!("{no} says that head {} stands, and {copies} of {} carriers have it", head.sequence, carriers.len()));
        }
        self.counted_on(hosts, host, &head, "stands by");
    }

    /// Looks whether every block that a head counts on is safe.
    fn counted_on(&mut self, hosts: &[Host], host: &Host, head: &Head, does: &str) {
        let Some(chain) = host.vault().map(Vault::chain) else { return };
        let find = |id: &BlockId| {
            let held = hosts.iter().filter_map(|host| host.disk.bytes(&head.vault, id));
            held.into_iter().find(|bytes| Block::verify(*id, (*bytes).clone()).is_ok()).cloned()
        };
        let live = match live(chain, &host.identity(), head, find) {
            Ok(live) => live,
            Err(error) => return self.broken(format!("{} {does} head {} and {error}", host.no, head.sequence)),
        };
        let carriers: Vec<_> = chain.tip().carriers.iter().map(|carrier| carrier.peer).collect();
        let safe_at = usize::from(chain.tip().policy.safe_at(carriers.len()));
        for BlockKey { id, key, .. } in live {
            self.sealed_by(key, id);
            let there = |host: &&Host| {
                let hostile = matches!(host.kind, Kind::Hostile(_));
                carriers.contains(&host.peer) && (host.disk.holds(&head.vault, &id) || self.harmed.contains(&(host.no, id)) || hostile)
            };
            let copies = hosts.iter().filter(there).count();
            if copies < safe_at {
                let what = format!("{} {does} head {} while {id} has {copies} durable copies of {safe_at}", host.no, head.sequence);
                return self.broken(what);
            }
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
