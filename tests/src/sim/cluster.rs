//! A usual beginning: a vault, its carriers, and a client that knows them.

use bytes::Bytes;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{Answer, AskId, Event, Request};
use cachette_core::record::{Carrier, Chain, Policy, Record};
use cachette_core::time::Span;
use cachette_core::vault::keys::{Amendment, Newcomer, found};
use cachette_core::vault::notes;

use super::host::Kind;
use super::model::Blocks;
use super::{HostNo, Violation, World, expect};

/// A vault and who keeps it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The vault.
    pub vault: VaultId,
    /// Its certificates.
    pub chain: Chain,
    /// Its first client.
    pub client: HostNo,
    /// All its clients, the first one first.
    pub devices: Vec<HostNo>,
    /// Its carriers.
    pub carriers: Vec<HostNo>,
    /// The seed of its recovery phrase.
    pub paper: [u8; 32],
}

impl Cluster {
    /// Founds a vault with so many carriers in zones of their own, and has the client (bare, or with an open vault) admitted to them.
    ///
    /// # Errors
    /// A [`Violation`] when that comes to nothing.
    pub fn found(world: &mut World, carriers: usize, client: Kind) -> Result<Self, Violation> {
        let client = world.add(client);
        let kinds = (0..carriers).map(|n| Kind::Carrier(format!("zone{n}"), u64::MAX)).collect::<Vec<_>>();
        let carriers: Vec<_> = kinds.into_iter().map(|kind| world.add(kind)).collect();
        Self::of(world, client, carriers)
    }

    /// Founds a vault with so many devices and carriers.
    ///
    /// # Errors
    /// A [`Violation`] when that comes to nothing.
    pub fn with_devices(world: &mut World, devices: usize, carriers: usize) -> Result<Self, Violation> {
        let devices: Vec<_> = (0..devices).map(|_| world.add(Kind::Device)).collect();
        let carriers: Vec<_> = (0..carriers).map(|n| world.add(Kind::Carrier(format!("zone{n}"), u64::MAX))).collect();
        Self::shared(world, &devices, carriers)
    }

    /// The same with hosts that are there already.
    ///
    /// # Errors
    /// A [`Violation`] when that comes to nothing.
    pub fn of(world: &mut World, client: HostNo, carriers: Vec<HostNo>) -> Result<Self, Violation> {
        Self::shared(world, &[client], carriers)
    }

    /// The same for several devices of one owner; the first one founds the vault and enrols the others.
    ///
    /// # Errors
    /// A [`Violation`] when that comes to nothing.
    ///
    /// # Panics
    /// Never: founding and amending a small vault is within bounds.
    pub fn shared(world: &mut World, devices: &[HostNo], carriers: Vec<HostNo>) -> Result<Self, Violation> {
        let client = devices[0];
        let paper = world.rng.bytes32();
        let entropy = world.rng.bytes32();
        let device = world.host(client).identity();
        let founding = found(&device, &Identity::from_seed(&Seed::new(paper)), Policy::default(), &entropy).expect("within bounds");
        let mut chain = founding.chain;
        let mut amendment = Amendment::of(&chain);
        let mut sorted = carriers.clone();
        sorted.sort_by_key(|no| world.host(*no).peer);
        for no in &sorted {
            amendment = amendment.add_carrier(carrier(world, *no)).expect("each is new");
        }
        for no in &devices[1..] {
            amendment = amendment.enrol(Newcomer::device(&world.host(*no).identity())).expect("each is new");
        }
        if !sorted.is_empty() {
            let certificate = amendment.sign(&device, &world.rng.bytes32()).expect("the founder may");
            chain.extend(certificate).expect("signed for this chain");
        }
        world.invariants.follow(chain.clone());
        let cluster = Self { vault: chain.vault(), chain, client, devices: devices.to_vec(), carriers, paper };
        for no in devices {
            let host = world.host_mut(*no);
            if host.kind == Kind::Device {
                for certificate in cluster.chain.certificates() {
                    host.notes.set(notes::certificate_key(certificate.number), certificate.bytes().to_vec());
                }
                host.notes.set(notes::locate_key(), founding.locate.bytes().to_vec());
                world.start(*no);
            }
        }
        cluster.admit(world)?;
        Ok(cluster)
    }

    /// Has the vault admitted to every carrier, by invitation, and its certificates published.
    fn admit(&self, world: &mut World) -> Result<(), Violation> {
        for (n, no) in self.carriers.iter().copied().enumerate() {
            if matches!(world.host(no).kind, Kind::Hostile(_)) {
                continue;
            }
            let token: [u8; 16] = std::array::from_fn(|i| world.host(no).peer.0[i]);
            let (peer, address) = (world.host(no).peer, world.host(no).address());
            let ask = |step: u64| AskId(3 * n as u64 + step);
            world.ask(no, Request::Invite { ask: ask(0), token, limit: u64::MAX });
            answered(world, no, ask(0))?;
            world.ask(self.client, Request::Connect(ask(1), peer, vec![address]));
            answered(world, self.client, ask(1))?;
            world.ask(self.client, Request::Redeem(ask(2), peer, token, self.chain.clone()));
            answered(world, self.client, ask(2))?;
        }
        for no in &self.devices {
            if matches!(world.host(*no).kind, Kind::Client | Kind::Tab(_)) {
                world.ask(*no, Request::Follow(self.chain.clone()));
            }
        }
        Ok(())
    }

    /// Places fresh blocks through the client.
    pub fn place(&self, world: &mut World, model: &mut Blocks, count: usize) -> Vec<BlockId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let block = model.make(&mut world.rng);
            ids.push(block.id());
            world.ask(self.client, Request::Place(self.vault, block));
        }
        ids
    }

    /// Returns how many carriers hold a block whole.
    #[must_use]
    pub fn copies(&self, world: &World, id: &BlockId) -> usize {
        self.carriers.iter().filter(|no| world.host(**no).disk.holds_whole(&self.vault, id)).count()
    }

    /// Publishes a record through the client.
    pub fn publish(&self, world: &mut World, record: Record) {
        world.ask(self.client, Request::Publish(record));
    }

    /// Fetches blocks with a client and compares them with what was placed.
    ///
    /// # Errors
    /// A [`Violation`] when one cannot be had in time, or is another.
    pub fn read_back(&self, world: &mut World, model: &Blocks, ids: &[BlockId], within: Span) -> Result<(), Violation> {
        let before = world.host(self.client).events.len();
        world.ask(self.client, Request::Need(self.vault, ids.to_vec()));
        let (mut seen, mut answered) = (before, 0);
        world.until(within, "every block is answered", |world| {
            let events = &world.host(self.client).events;
            answered += events[seen..].iter().filter(|event| matches!(event, Event::Got(_) | Event::Unavailable(..))).count();
            seen = events.len();
            answered >= ids.len()
        })?;
        for answer in answers(world, self.client, before) {
            match answer {
                Ok((id, bytes)) => expect(model.bytes(&id) == Some(&bytes), || format!("{id} as it was placed"))?,
                Err(id) => expect(!ids.contains(&id), || format!("{id}, which was acknowledged, to be readable"))?,
            }
        }
        Ok(())
    }
}

/// What a host's node has answered to `Need` since an event.
#[must_use]
pub fn answers(world: &World, no: HostNo, since: usize) -> Vec<Result<(BlockId, Bytes), BlockId>> {
    let answer = |event: &Event| match event {
        Event::Got(block) => Some(Ok((block.id(), block.bytes().clone()))),
        Event::Unavailable(id, _) => Some(Err(*id)),
        _ => None,
    };
    world.host(no).events[since..].iter().filter_map(answer).collect()
}

/// Describes a host as a carrier.
#[must_use]
pub fn carrier(world: &World, no: HostNo) -> Carrier {
    let host = world.host(no);
    let zone = match &host.kind {
        Kind::Carrier(zone, _) => zone.clone(),
        _ => no.to_string(),
    };
    Carrier { peer: host.peer, name: no.to_string(), addresses: vec![host.address()], weight: 1, zone, draining: false }
}

fn answered(world: &mut World, no: HostNo, ask: AskId) -> Result<(), Violation> {
    let find = |world: &World| {
        world.host(no).events.iter().rev().find_map(|event| match event {
            Event::Answered(found, answer) if *found == ask => Some(answer.clone()),
            _ => None,
        })
    };
    world.until(Span::seconds(120), "an answer to a request", |world| find(world).is_some())?;
    let answer = find(world);
    expect(answer == Some(Answer::Done), || format!("done, not {answer:?}"))
}
