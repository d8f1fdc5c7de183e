//! Births and deaths: how hosts start, crash, freeze, and what else goes wrong.

use cachette_core::node::{self, Node, Role};
use cachette_core::peer::Peer;
use cachette_core::vault::{Opening, Vault};
use cachette_core::visitor::Visitor;

use super::{Work, World};
use crate::sim::HostNo;
use crate::sim::Rule;
use crate::sim::broken::Broken;
use crate::sim::checked::Checked;
use crate::sim::disk::Manners;
use crate::sim::faults::Fault;
use crate::sim::host::{Kind, Life};
use crate::sim::hostile::Hostile;
use crate::sim::machine::Brain;
use crate::sim::network::End;

impl World {
    /// Starts a host's machines from what its disk and notes hold.
    pub fn start(&mut self, no: HostNo) {
        self.story.tell(self.now, Some(no), "starts");
        let vault = self.invariants.vault();
        let host = &mut self.hosts[no.0];
        let now = host.local(self.now);
        let role = match &host.kind {
            Kind::Carrier(zone, limit) => Role::Carrier { limit: *limit, zone: zone.clone() },
            Kind::Tab(limit) => Role::Tab { limit: *limit },
            _ => Role::Client,
        };
        let node = Node::new(now, node::Config { me: host.peer, role, seed: host.rng.bytes32() });
        let brain = match &host.kind {
            Kind::Visitor(link) => Brain::Visitor(Visitor::new(now, link.parse().expect("a link"), node)),
            Kind::Device => {
                let opening = Opening { seed: host.seed(), notes: host.notes.all(), entropy: host.rng.bytes32() };
                match Vault::open(now, opening) {
                    Ok(vault) => Brain::Client(Peer::new(vault, node)),
                    Err(error) => panic!("{no} cannot open its vault from its own notes: {error}"),
                }
            }
            Kind::Hostile(malice) => {
                let vault = vault.unwrap_or(cachette_core::id::VaultId([0; 32]));
                Brain::Hostile(Hostile::new(*malice, host.peer, vault, host.rng.fork()))
            }
            _ => Brain::Node(node),
        };
        host.lives += 1;
        host.disk.manners = match self.settings.broken {
            Some(Rule::AnswerOnce) if self.seed.is_multiple_of(2) => Manners::Twice,
            Some(Rule::AnswerOnce) => Manners::Never,
            _ => Manners::Once,
        };
        let brain = Checked::new(Broken::new(brain, self.settings.broken), no.to_string(), self.settings.watch, host.rng.fork());
        host.life = Some(Life { brain, lines: Default::default(), calls: Default::default() });
        self.drain(no);
        self.pump();
    }

    /// Ends a host's life as a power cut does (`power`), or a killed process, whose connections are closed for it.
    pub fn crash(&mut self, no: HostNo, power: bool) {
        let host = &mut self.hosts[no.0];
        if host.life.take().is_none() {
            return;
        }
        self.story.tell(self.now, Some(no), if power { "loses power" } else { "is killed" });
        host.disk.crash();
        host.notes.crash();
        host.app.crash();
        host.frozen = None;
        host.silent = power;
        self.work.retain(|work| !matches!(work, Work::Brain(at, _) | Work::Link(at, ..) if *at == no));
        self.network.vanish(self.now, no, !power);
    }

    /// Lets a fault happen.
    pub fn inflict(&mut self, fault: Fault) {
        if !matches!(fault, Fault::Thaw(no) if self.host(no).frozen.is_none()) {
            self.story.tell(self.now, None, fault);
        }
        match fault {
            Fault::Crash(no, power) => self.crash(no, power),
            Fault::Restart(no) if !self.host(no).is_up() => self.start(no),
            Fault::Restart(_) => {}
            Fault::Cut(from, to) => self.network.cut(from, to),
            Fault::Heal => self.network.heal_all(self.now),
            Fault::Break(no) => {
                for conn in self.network.conns_of(no) {
                    self.network.break_conn(self.now, conn, &[End { conn, caller: true }, End { conn, caller: false }]);
                }
            }
            Fault::HalfOpen(no) => {
                for conn in self.network.conns_of(no) {
                    self.network.break_conn(self.now, conn, &[End { conn, caller: false }]);
                }
            }
            Fault::Freeze(no) => {
                let host = self.host_mut(no);
                if host.is_up() && host.frozen.is_none() {
                    host.frozen = Some(Default::default());
                }
            }
            Fault::Thaw(no) => {
                let now = self.now;
                if let Some(inbox) = self.host_mut(no).frozen.take() {
                    self.host_mut(no).thawed = now;
                    inbox.into_iter().for_each(|output| self.arrived(output));
                    self.answers(no);
                }
            }
            Fault::Full(no) => self.host_mut(no).disk.capacity = 0,
            Fault::Failing(no, per_mille) => self.host_mut(no).disk.failing = per_mille,
            Fault::Sound(no) => {
                let disk = &mut self.host_mut(no).disk;
                disk.failing = 0;
                disk.capacity = u64::MAX;
            }
            Fault::Rot(no, nth) => self.rot(no, nth),
        }
        self.pump();
    }

    fn rot(&mut self, no: HostNo, nth: usize) {
        let Some(vault) = self.invariants.vault() else { return };
        let disk = &mut self.hosts[no.0].disk;
        let ids: Vec<_> = disk.ids(vault).collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[nth % ids.len()];
        disk.rot(vault, id);
        self.invariants.harmed(no, id);
    }
}
