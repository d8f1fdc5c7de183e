//! The network that the stories beside this file run in.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::block::Block;
use crate::id::{BlockId, PeerId, RecordId, VaultId};
use crate::identity::{Identity, Seed};
use crate::link::CloseReason;
use crate::map::Map;
use crate::message::{Message, Plain};
use crate::node::chance::Chance;
use crate::node::{Answer, AskId, Config, DialError, Event, Input, LinkId, Node, Output, Request, Role, TunnelId, TunnelOutput};
use crate::record::certificate::CertificateDraft;
use crate::record::{Carrier, Certificate, Chain, Head, Member, Policy, Rights, Wrap};
use crate::store::{Commit, Fetched, RecordQuery, RecordSlot, RequestId, StoreAnswer, StoreFault, StoreOp, Summary, Usage};
use crate::time::{Span, Time};

/// Bytes that an invitation of these tests allows.
pub(super) const LIMIT: u64 = 1 << 30;

/// Machines, links and time.
pub(super) struct Net {
    pub(super) now: Time,
    pub(super) hosts: Vec<Host>,
    links: Map<u64, Line>,
    next: u64,
    chance: Chance,
    /// Bytes of blocks that leave the client in a millisecond, whoever they go to; all at once while nothing is set.
    pub(super) uplink: Option<u64>,
    uplink_busy: Time,
    /// Everything that was sent, in order: from, to, message.
    pub(super) sent: Vec<(usize, usize, Message)>,
}

/// One machine with its store and what it said.
pub(super) struct Host {
    pub(super) identity: Identity,
    pub(super) peer: PeerId,
    pub(super) node: Node,
    pub(super) store: Shelf,
    pub(super) alive: bool,
    /// Whether it takes what is sent to it and answers nothing.
    pub(super) frozen: bool,
    asked: Vec<(RequestId, StoreOp)>,
    pub(super) events: Vec<Event>,
    pub(super) tunnels: Vec<(TunnelId, TunnelOutput)>,
    /// How often it called whom.
    pub(super) dials: Vec<(Time, PeerId)>,
}

/// A store in memory.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) blocks: Map<BlockId, (VaultId, Block)>,
    pub(super) damaged: Map<BlockId, VaultId>,
    pub(super) records: Map<RecordSlot, Bytes>,
    pub(super) full: bool,
    /// Fails whatever is to be written.
    pub(super) failing: bool,
    /// Answers nothing while set.
    pub(super) stuck: bool,
    pub(super) gets: usize,
}

struct Line {
    ends: [usize; 2],
    /// What is on its way, and when it can arrive.
    ways: [VecDeque<(Time, Message)>; 2],
}

impl Net {
    pub(super) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let chance = Chance::new(&bytes);
        Self {
            now: Time(1_000_000),
            hosts: Vec::new(),
            links: Map::new(),
            next: 0,
            chance,
            uplink: None,
            uplink_busy: Time(0),
            sent: Vec::new(),
        }
    }

    /// A network with a client (host 0) and `carriers` carriers that have admitted its vault, all linked.
    pub(super) fn with_carriers(seed: u64, carriers: usize) -> (Self, Chain) {
        let (mut net, chain) = Self::strangers(seed, carriers, LIMIT);
        net.admit(carriers, &chain);
        net.follow(&chain);
        net.hosts.iter_mut().for_each(|host| host.events.clear());
        net.sent.clear();
        (net, chain)
    }

    /// A network of a device that is no tab (host 0), carriers that have admitted its vault, and tabs of the same owner, all linked to
    /// the carriers.
    pub(super) fn with_tabs(seed: u64, carriers: usize, tabs: usize) -> (Self, Chain) {
        let mut net = Self::new(seed);
        net.host(Role::Client);
        for _ in 0..carriers {
            net.host(Role::Carrier { limit: LIMIT, zone: String::new() });
        }
        for _ in 0..tabs {
            net.host(Role::Tab { limit: LIMIT });
        }
        let kept = (1..=carriers).map(|index| carrier(net.hosts[index].peer)).collect();
        let devices: Vec<_> = [0].into_iter().chain(carriers + 1..=carriers + tabs).map(|host| &net.hosts[host].identity).collect();
        let chain = chain_of(&devices, kept);
        net.admit(carriers, &chain);
        net.follow(&chain);
        for tab in carriers + 1..=carriers + tabs {
            net.request(tab, Request::Follow(chain.clone()));
        }
        net.settle();
        net.hosts.iter_mut().for_each(|host| host.events.clear());
        net.sent.clear();
        (net, chain)
    }

    /// The same, with nobody admitted and nobody linked.
    pub(super) fn strangers(seed: u64, carriers: usize, limit: u64) -> (Self, Chain) {
        let mut net = Self::new(seed);
        net.host(Role::Client);
        for _ in 0..carriers {
            net.host(Role::Carrier { limit, zone: String::new() });
        }
        let carriers = (1..=carriers).map(|index| carrier(net.hosts[index].peer)).collect();
        let chain = chain(&net.hosts[0].identity, carriers);
        (net, chain)
    }

    /// Has the client's vault admitted by all carriers.
    pub(super) fn admit(&mut self, carriers: usize, chain: &Chain) {
        for carrier in 1..=carriers {
            let token = [carrier as u8; 16];
            self.request(carrier, Request::Invite { ask: AskId(0), token, limit: LIMIT });
            self.settle();
            let peer = self.hosts[carrier].peer;
            let redeem = Request::Redeem(AskId(carrier as u64), peer, token, chain.clone());
            self.request(0, Request::Connect(AskId(1000), peer, vec!["ws://test".to_owned()]));
            self.settle();
            self.request(0, redeem);
            self.settle();
            assert_eq!(self.answer(0, AskId(carrier as u64)), Answer::Done);
        }
    }

    pub(super) fn host(&mut self, role: Role) -> usize {
        let number = self.hosts.len() as u8;
        let identity = Identity::from_seed(&Seed::new([number + 1; 32]));
        let peer = identity.peer();
        let node = Node::new(self.now, Config { me: peer, role, seed: [number; 32] });
        self.hosts.push(Host {
            identity,
            peer,
            node,
            store: Shelf::default(),
            alive: true,
            frozen: false,
            asked: Vec::new(),
            events: Vec::new(),
            tunnels: Vec::new(),
            dials: Vec::new(),
        });
        self.hosts.len() - 1
    }

    /// Lets the client work for a chain and waits until nothing moves.
    pub(super) fn follow(&mut self, chain: &Chain) {
        self.request(0, Request::Follow(chain.clone()));
        self.settle();
    }

    pub(super) fn request(&mut self, host: usize, request: Request) {
        self.input(host, Input::Request(request));
    }

    pub(super) fn input(&mut self, host: usize, input: Input) {
        if !self.hosts[host].alive {
            return;
        }
        self.hosts[host].node.handle(self.now, input);
        while let Some(output) = self.hosts[host].node.poll() {
            self.output(host, output);
        }
    }

    /// Says something to a host over the link from another one, as a peer that follows no rules might.
    pub(super) fn forge(&mut self, from: usize, to: usize, message: Message) {
        let link = self.link(from, to).expect("a link");
        self.carry(from, link, message);
    }

    /// Opens a link.
    pub(super) fn connect(&mut self, from: usize, to: usize) -> LinkId {
        self.next += 1;
        let link = LinkId(self.next);
        self.links.insert(self.next, Line { ends: [from, to], ways: Default::default() });
        let (a, b) = (self.hosts[from].peer, self.hosts[to].peer);
        self.input(to, Input::Linked { link, peer: a, dialled: false });
        self.input(from, Input::Linked { link, peer: b, dialled: true });
        link
    }

    pub(super) fn link(&self, a: usize, b: usize) -> Option<LinkId> {
        let found = self.links.iter().rev().find(|(_, line)| line.ends == [a, b] || line.ends == [b, a]);
        found.map(|(number, _)| LinkId(*number))
    }

    /// Cuts a link; both sides hear of it.
    pub(super) fn cut(&mut self, link: LinkId, reason: CloseReason) {
        if let Some(line) = self.links.remove(&link.0) {
            for end in line.ends {
                self.input(end, Input::Unlinked(link, reason));
            }
        }
    }

    /// A machine dies: its store stays, everything under way is gone.
    pub(super) fn kill(&mut self, host: usize) {
        self.hosts[host].alive = false;
        self.hosts[host].asked.clear();
        let links: Vec<u64> = self.links.iter().filter(|(_, line)| line.ends.contains(&host)).map(|(number, _)| *number).collect();
        links.into_iter().for_each(|number| self.cut(LinkId(number), CloseReason::Gone));
    }

    /// A machine that died starts again on the store that it left.
    pub(super) fn revive(&mut self, host: usize, role: Role) {
        let seed = [host as u8 + 100; 32];
        self.hosts[host].node = Node::new(self.now, Config { me: self.hosts[host].peer, role, seed });
        self.hosts[host].alive = true;
    }

    /// Runs until nothing moves without time passing.
    pub(super) fn settle(&mut self) {
        while self.step() {}
    }

    /// Runs until `done`, letting time pass up to `span`.
    pub(super) fn run(&mut self, span: Span, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        loop {
            if done(self) {
                return true;
            }
            if self.step() {
                continue;
            }
            let alive = self.hosts.iter().filter(|host| host.alive);
            let wakes = alive.filter_map(|host| host.node.deadline()).map(|deadline| deadline.at);
            let arrivals = self.links.values().flat_map(|line| &line.ways).filter_map(|way| way.front()).map(|(at, _)| *at);
            match wakes.chain(arrivals).min().filter(|at| *at <= end) {
                Some(at) => self.tick(at),
                None => {
                    self.now = end;
                    return done(self);
                }
            }
        }
    }

    /// Wakes everybody who wants to be woken by `at`; checks machine rule 5 while at it.
    pub(super) fn tick(&mut self, at: Time) {
        self.now = self.now.max(at);
        for host in 0..self.hosts.len() {
            let due = self.hosts[host].node.deadline().is_some_and(|deadline| deadline.at <= self.now);
            if due && self.hosts[host].alive {
                self.input(host, Input::Tick);
                let next = self.hosts[host].node.deadline();
                assert!(next.is_none_or(|next| next.at > self.now), "machine rule 5: {next:?} is not after {:?}", self.now);
            }
        }
    }

    /// Does one thing of all that could happen next.
    pub(super) fn step(&mut self) -> bool {
        let mut things = Vec::new();
        for (number, line) in &self.links {
            for way in 0..2 {
                if line.ways[way].iter().any(|(at, _)| *at <= self.now) {
                    things.push((*number, way, usize::MAX));
                }
            }
        }
        for (host, it) in self.hosts.iter().enumerate() {
            if it.alive && !it.store.stuck && !it.asked.is_empty() {
                things.push((0, 0, host));
            }
        }
        if things.is_empty() {
            return false;
        }
        let (number, way, host) = things[self.chance.below(things.len() as u64) as usize];
        if host == usize::MAX {
            let line = self.links.get_mut(&number).expect("a link");
            // What is short overtakes blocks that are still leaving.
            let first = line.ways[way].iter().position(|(at, _)| *at <= self.now).expect("something that can arrive");
            let (to, message) = (line.ends[1 - way], line.ways[way].remove(first));
            if let Some((_, message)) = message.filter(|_| !self.hosts[to].frozen) {
                self.input(to, Input::Received(LinkId(number), message));
            }
        } else {
            let pick = self.chance.below(self.hosts[host].asked.len() as u64) as usize;
            let (request, op) = self.hosts[host].asked.swap_remove(pick);
            let answer = self.hosts[host].store.answer(op);
            self.input(host, Input::Answer(request, answer));
        }
        true
    }

    pub(super) fn place(&mut self, vault: VaultId, blocks: &[Block]) {
        for block in blocks {
            self.request(0, Request::Place(vault, block.clone()));
        }
    }

    /// Which carriers hold a block.
    pub(super) fn holders(&self, id: &BlockId) -> Vec<usize> {
        (1..self.hosts.len()).filter(|host| self.hosts[*host].store.blocks.contains_key(id)).collect()
    }

    pub(super) fn host_of(&self, peer: PeerId) -> usize {
        self.hosts.iter().position(|host| host.peer == peer).expect("a known peer")
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.hosts[0].events
    }

    pub(super) fn answer(&self, host: usize, ask: AskId) -> Answer {
        let found = self.hosts[host].events.iter().find_map(|event| match event {
            Event::Answered(answered, answer) if *answered == ask => Some(answer.clone()),
            _ => None,
        });
        found.expect("an answer")
    }

    pub(super) fn settled(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, Event::Settled(..))).count()
    }

    pub(super) fn got(&self) -> Vec<BlockId> {
        self.events().iter().filter_map(|event| if let Event::Got(block) = event { Some(block.id()) } else { None }).collect()
    }

    /// How many messages of a kind one host sent another.
    pub(super) fn count(&self, from: usize, to: usize, pass: impl Fn(&Message) -> bool) -> usize {
        self.sent.iter().filter(|(sender, receiver, message)| *sender == from && *receiver == to && pass(message)).count()
    }

    fn output(&mut self, host: usize, output: Output) {
        match output {
            Output::Dial(peer, _) => {
                self.hosts[host].dials.push((self.now, peer));
                match self.hosts.iter().position(|host| host.peer == peer && host.alive && !host.frozen) {
                    Some(to) => drop(self.connect(host, to)),
                    None => self.input(host, Input::Unreachable(peer, DialError::Refused)),
                }
            }
            Output::Send(link, message) => self.carry(host, link, message),
            Output::Close(link) => {
                if let Some(line) = self.links.remove(&link.0) {
                    let other = if line.ends[0] == host { line.ends[1] } else { line.ends[0] };
                    self.input(other, Input::Unlinked(link, CloseReason::Gone));
                }
            }
            Output::Store(request, op) => self.hosts[host].asked.push((request, op)),
            Output::Event(event) => self.hosts[host].events.push(event),
            Output::Tunnel(id, output) => self.hosts[host].tunnels.push((id, output)),
        }
    }

    fn carry(&mut self, from: usize, link: LinkId, message: Message) {
        if let Some(line) = self.links.get_mut(&link.0) {
            let way = usize::from(line.ends[0] != from);
            let to = line.ends[1 - way];
            let mut at = self.now;
            if let (0, Some(rate), Message::Block(_, block)) = (from, self.uplink, &message) {
                self.uplink_busy = self.uplink_busy.max(self.now) + Span(block.bytes().len() as u64 / rate);
                at = self.uplink_busy;
            }
            line.ways[way].push_back((at, message.clone()));
            self.sent.push((from, to, message));
        }
    }
}

impl Shelf {
    fn answer(&mut self, op: StoreOp) -> StoreAnswer {
        match op {
            StoreOp::Get(id) => {
                self.gets += 1;
                if self.damaged.remove(&id).is_some() {
                    self.blocks.remove(&id);
                    return StoreAnswer::Block(Fetched::Damaged);
                }
                StoreAnswer::Block(self.blocks.get(&id).map_or(Fetched::Missing, |(_, block)| Fetched::Found(block.clone())))
            }
            StoreOp::Has(vault, ids) => {
                StoreAnswer::Has(ids.iter().map(|id| self.blocks.get(id).is_some_and(|(owner, _)| *owner == vault)).collect())
            }
            StoreOp::Commit(_) | StoreOp::Usage(_) if self.failing => StoreAnswer::Failed(StoreFault::Failed),
            StoreOp::Commit(commit) if self.full && !commit.blocks.is_empty() => StoreAnswer::Failed(StoreFault::Full),
            StoreOp::Cache(vault, block) => self.answer(StoreOp::Commit(Commit::block(vault, block))),
            StoreOp::Commit(commit) => {
                for block in commit.blocks {
                    self.blocks.entry(block.id()).or_insert((commit.vault, block));
                }
                self.records.extend(commit.records);
                StoreAnswer::Committed
            }
            StoreOp::Summary(vault, from, to) => {
                let mut rows: Map<_, Summary> = Map::new();
                for id in self.blocks.iter().filter(|(_, (owner, _))| *owner == vault).map(|(id, _)| id) {
                    let partition = crate::id::Partition::of(id);
                    if (from..=to).contains(&partition) {
                        rows.entry(partition).or_default().add(id);
                    }
                }
                StoreAnswer::Summary(rows.into_iter().collect())
            }
            StoreOp::Scan { vault, partition, after, limit } => {
                let blocks = self.blocks.iter().filter(|(id, (owner, _))| *owner == vault && crate::id::Partition::of(id) == partition);
                let ids = blocks.map(|(id, _)| *id).filter(|id| after.is_none_or(|after| *id > after));
                StoreAnswer::Ids(ids.take(limit as usize).collect())
            }
            StoreOp::Delete(vault, ids) => {
                self.blocks.retain(|id, (owner, _)| *owner != vault || !ids.contains(id));
                StoreAnswer::Deleted
            }
            StoreOp::Records(query) => {
                let pass = |slot: &RecordSlot| match query {
                    RecordQuery::Vault(vault) => slot.vault == vault,
                    RecordQuery::Named { kind, key } => (slot.kind, slot.key) == (kind, key),
                };
                StoreAnswer::Records(
                    self.records.iter().filter(|(slot, _)| pass(slot)).map(|(slot, bytes)| (*slot, bytes.clone())).collect(),
                )
            }
            StoreOp::Usage(vault) => {
                let blocks = self.blocks.values().filter(|(owner, _)| vault.is_none_or(|vault| *owner == vault));
                let mut usage = Usage::default();
                for (_, block) in blocks {
                    usage.blocks += 1;
                    usage.bytes += block.bytes().len() as u64;
                }
                StoreAnswer::Usage(usage)
            }
        }
    }
}

pub(super) fn carrier(peer: PeerId) -> Carrier {
    let name = format!("node {}", &peer.to_string()[..4]);
    Carrier { peer, name, addresses: vec!["ws://test".to_owned()], weight: 1, zone: peer.to_string(), draining: false }
}

/// A chain of one certificate: a device with all rights, a recovery phrase, and these carriers.
pub(super) fn chain(device: &Identity, carriers: Vec<Carrier>) -> Chain {
    chain_of(&[device], carriers)
}

/// The same with several devices; the first one signs.
pub(super) fn chain_of(devices: &[&Identity], carriers: Vec<Carrier>) -> Chain {
    let paper = paper();
    let member = |number, identity: &Identity, rights, paper| Member {
        number,
        peer: identity.peer(),
        agree: identity.agree_public(),
        rights,
        paper,
        removed_after: None,
    };
    let wrap = |member| Wrap { member, encapsulated: [0; 32], sealed: vec![0; 48] };
    let mut members = vec![member(0, devices[0], Rights::OWNER, false), member(1, &paper, Rights::PAPER, true)];
    members.extend((2..).zip(&devices[1..]).map(|(number, device)| member(number, device, Rights::OWNER, false)));
    let wraps = members.iter().map(|member| wrap(member.number)).collect();
    let draft = CertificateDraft {
        vault: None,
        number: 0,
        previous: RecordId([0; 32]),
        epoch: 0,
        members,
        carriers,
        policy: Policy::default(),
        wraps,
        previous_epoch: None,
    };
    let first = Certificate::sign(draft, devices[0]).expect("a certificate within bounds");
    Chain::start(first).expect("a first certificate")
}

/// The certificate after a chain's tip, changed by `change`.
pub(super) fn next(chain: &Chain, device: &Identity, change: impl FnOnce(&mut CertificateDraft)) -> Certificate {
    let tip = chain.tip();
    let mut draft = CertificateDraft {
        vault: Some(tip.vault()),
        number: tip.number + 1,
        previous: tip.id(),
        epoch: tip.epoch,
        members: tip.members.clone(),
        carriers: tip.carriers.clone(),
        policy: tip.policy.clone(),
        wraps: tip.wraps.clone(),
        previous_epoch: tip.previous_epoch.clone(),
    };
    change(&mut draft);
    Certificate::sign(draft, device).expect("a certificate within bounds")
}

/// A head of a device.
pub(super) fn head(chain: &Chain, device: &Identity, sequence: u64, content: u8) -> Head {
    let tip = chain.tip();
    let fields = crate::record::head::HeadFields {
        vault: tip.vault(),
        certificate_number: tip.number,
        certificate: tip.id(),
        device: device.peer(),
        sequence,
        previous: RecordId(if sequence == 1 { [0; 32] } else { [7; 32] }),
        suite_floor: 1,
        vector: Vec::new(),
    };
    Head::sign(fields, &[content; 64], device).expect("a head within bounds")
}

pub(super) fn paper() -> Identity {
    Identity::from_seed(&Seed::new([0xee; 32]))
}

/// Blocks of 4 KiB that differ.
pub(super) fn blocks(count: u32) -> Vec<Block> {
    (0..count).map(|number| block(number, 4096)).collect()
}

pub(super) fn block(number: u32, size: usize) -> Block {
    let mut bytes = vec![0; size];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Block::new(Bytes::from(bytes)).expect("a block's size")
}

pub(super) fn ids(blocks: &[Block]) -> Vec<BlockId> {
    blocks.iter().map(Block::id).collect()
}

pub(super) fn is_block(message: &Message) -> bool {
    matches!(message, Message::Block(..))
}

pub(super) fn is_fetch(message: &Message) -> bool {
    matches!(message, Message::Plain(Plain::Fetch(_)))
}
