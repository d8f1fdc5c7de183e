//! One host: what survives a crash (keys, disk, notes), and its life between two crashes (machines, links).

use std::collections::{BTreeMap, VecDeque};

use cachette_core::id::PeerId;
use cachette_core::identity::{Identity, Seed};
use cachette_core::link::Link;
use cachette_core::node::{Event, LinkId, Relayed, TunnelId};
use cachette_core::time::Time;
use cachette_core::vault::Vault;

use super::HostNo;
use super::app::App;
use super::broken::Broken;
use super::checked::Checked;
use super::disk::Disk;
use super::hostile::{Malice, Saboteur};
use super::machine::Brain;
use super::network::{self, End};
use super::notes::Notes;
use super::rng::Rng;

/// A host of a world.
pub struct Host {
    /// Its number.
    pub no: HostNo,
    /// Its peer id.
    pub peer: PeerId,
    /// What it is.
    pub kind: Kind,
    /// Its blocks and records.
    pub disk: Disk,
    /// Its vault's notes.
    pub notes: Notes,
    /// What its application does and has seen; lives through crashes, as people do.
    pub app: App,
    /// What its node has told, through all its lives.
    pub events: Vec<Event>,
    /// Who tampers with its socket messages on their way out.
    pub saboteur: Option<Saboteur>,
    /// Who tampers with what passes through the tunnels that it relays.
    pub meddler: Option<Saboteur>,
    /// Its machines; none while it is down.
    pub life: Option<Life>,
    /// What has arrived while it was frozen; `None` while it is not.
    pub frozen: Option<VecDeque<network::Output>>,
    /// When it last went on.
    pub thawed: Time,
    /// How often it was started.
    pub lives: u64,
    /// Whether nobody even refuses a call while it is down.
    pub silent: bool,
    pub(super) rng: Rng,
    seed: [u8; 32],
    /// How far its clock is ahead of the world's.
    ahead: u64,
}

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A storage node in a zone, with a limit for all vaults.
    Carrier(String, u64),
    /// A client that works with bare blocks.
    Client,
    /// The same in a browser's tab, which keeps copies within so many bytes.
    Tab(u64),
    /// A client with an open vault.
    Device,
    /// Somebody with this link.
    Visitor(String),
    /// Somebody who means harm.
    Hostile(Malice),
}

/// The machines of a host between two crashes.
pub struct Life {
    /// The machine in the middle.
    pub brain: Checked<Broken<Brain>>,
    /// Its connections.
    pub lines: BTreeMap<LinkId, Line>,
    /// Calls that are under way.
    pub calls: BTreeMap<End, PeerId>,
}

/// One connection of a host.
pub struct Line {
    /// The link machine.
    pub link: Checked<Broken<Link>>,
    /// What it runs on.
    pub ground: Ground,
    /// Whom it called.
    pub called: Option<PeerId>,
    /// Who is at the other end, once that is proven.
    pub ready: Option<PeerId>,
}

/// What carries a connection's socket messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The network; the host's end of it.
    Wire(End),
    /// A tunnel through a carrier.
    Tunnel(TunnelId),
}

impl Host {
    pub(super) fn new(no: HostNo, kind: Kind, mut rng: Rng) -> Self {
        let seed = rng.bytes32();
        let disk = Disk::new(rng.fork());
        let notes = Notes::new(rng.fork());
        // Clocks differ by up to ten years: nothing but waiting may depend on them.
        let ahead = rng.below(10 * 365 * 24 * 3600 * 1000);
        Self {
            no,
            peer: Identity::from_seed(&Seed::new(seed)).peer(),
            kind,
            disk,
            notes,
            app: App::default(),
            events: Vec::new(),
            saboteur: None,
            meddler: None,
            life: None,
            frozen: None,
            thawed: Time(0),
            lives: 0,
            silent: false,
            rng,
            seed,
            ahead,
        }
    }

    /// Returns the device's seed.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        Seed::new(self.seed)
    }

    /// Takes another device's seed: this host is that device now, as after a restored backup.
    pub fn impersonate(&mut self, seed: [u8; 32]) {
        self.seed = seed;
        self.peer = self.identity().peer();
    }

    /// Returns the device's keys.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::from_seed(&self.seed())
    }

    /// Returns what the host's clock shows.
    #[must_use]
    pub fn local(&self, now: Time) -> Time {
        Time(now.0 + self.ahead)
    }

    /// Returns where the host can be called.
    #[must_use]
    pub fn address(&self) -> String {
        format!("ws://{}:1", self.no)
    }

    /// Says whether its machines run.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Returns its open vault.
    #[must_use]
    pub fn vault(&self) -> Option<&Vault> {
        match self.life.as_ref()?.brain.inner().inner() {
            Brain::Client(peer) => Some(peer.vault()),
            Brain::Node(_) | Brain::Visitor(_) | Brain::Hostile(_) => None,
        }
    }

    /// Returns what its node has relayed in this life.
    #[must_use]
    pub fn relayed(&self) -> Option<Relayed> {
        match self.life.as_ref()?.brain.inner().inner() {
            Brain::Node(node) => Some(node.relayed()),
            Brain::Client(_) | Brain::Visitor(_) | Brain::Hostile(_) => None,
        }
    }

    /// Says whether it is linked to a peer.
    #[must_use]
    pub fn is_linked(&self, peer: &PeerId) -> bool {
        self.life.as_ref().is_some_and(|life| life.lines.values().any(|line| line.ready == Some(*peer)))
    }

    /// Returns when something wants to be done here, in the world's time.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let disk = self.disk.deadline().into_iter().chain(self.notes.deadline()).min();
        if self.frozen.is_some() {
            return disk;
        }
        let Some(life) = &self.life else { return disk };
        let links = life.lines.values().map(|line| line.link.deadline());
        let machine = links.chain([life.brain.deadline()]).flatten().map(|deadline| Time(deadline.at.0.saturating_sub(self.ahead))).min();
        machine.into_iter().chain(disk).min()
    }
}

impl Life {
    /// Returns the link at an end of a connection.
    #[must_use]
    pub fn link_at(&self, end: End) -> Option<LinkId> {
        self.link_on(Ground::Wire(end))
    }

    /// Returns the link that something carries.
    #[must_use]
    pub fn link_on(&self, ground: Ground) -> Option<LinkId> {
        self.lines.iter().find(|(_, line)| line.ground == ground).map(|(id, _)| *id)
    }
}
