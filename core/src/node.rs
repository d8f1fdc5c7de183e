//! One peer among peers: decides who holds what, whom to ask, whom to admit. Holds no key of any vault.
//!
//! The same machine runs in a storage node (`Role::Carrier`), which stores and serves blocks of the vaults that its operator
//! admitted, and in a client (`Role::Client`), which places, fetches and confirms blocks for the vault above it. A client in a browser's
//! tab (`Role::Tab`) keeps copies besides, and gives them to other members.
//!
//! ```text
//!   vault / operator --Request--> +------+ --Message--> links
//!                    <--Event---- | node | --StoreOp--> store
//!                                 +------+
//! ```

mod admission;
mod asks;
mod audit;
mod cache;
mod carrying;
mod chance;
mod hub;
mod inspect;
mod links;
mod liveness;
mod local;
mod machine;
mod placement;
mod publishing;
mod reading;
mod receiving;
mod records;
mod redeeming;
mod relaying;
mod rounds;
mod service;
mod serving;
mod stocking;
mod storage;
mod tabs;
#[cfg(test)]
mod tests;
mod timers;
mod tunnels;
mod writing;

pub use machine::Node;

use bytes::Bytes;

use crate::block::Block;
pub use crate::copies::Copies;
use crate::id::{BlockId, PeerId, RecordId, ShareId, VaultId};
use crate::link::CloseReason;
use crate::message::{Denial, Message, NodeStatus};
use crate::record::{Carrier, Chain, Record};
use crate::store::{RequestId, StoreAnswer, StoreOp};
use crate::time::{Span, Time};

/// How a node begins.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its own id.
    pub me: PeerId,
    /// What it is.
    pub role: Role,
    /// Seeds jitter and choices among equals; nothing secret depends on it.
    pub seed: [u8; 32],
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A storage node.
    Carrier {
        /// Bytes that all vaults together may take.
        limit: u64,
        /// What it fails together with.
        zone: String,
    },
    /// A client: its own store is where a vault without carriers lives, and a cache otherwise.
    Client,
    /// A client in a browser's tab, which also keeps copies of what it writes and reads, and gives them to other members. Nothing is
    /// ever called safe because a tab has it.
    Tab {
        /// Bytes of copies that it keeps of one vault.
        limit: u64,
    },
}

/// A connection's number, given by the driver, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// This side's end of a tunnel: the link to the carrier that it leads through, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId {
    /// The link to the carrier.
    pub link: LinkId,
    /// The tunnel's number on that link.
    pub number: u32,
}

/// What happens to the link inside a tunnel. The driver runs its machine as it does on a socket, and tells the node of it in the same
/// words: `Linked`, `Received`, `Unlinked`, and `Unreachable` when a peer was expected and has not proven itself.
#[derive(Debug, PartialEq, Eq)]
pub enum TunnelInput {
    /// The machine wants these bytes sent as one socket message.
    Send(Bytes),
    /// The machine has taken this many bytes of what was received.
    Taken(usize),
    /// The link is over.
    Closed,
}

/// What is to be done with the link inside a tunnel.
#[derive(Debug, PartialEq, Eq)]
pub enum TunnelOutput {
    /// Start a link machine with a number of its own: as dialler of a peer, or as listener.
    Begin {
        /// Whom this side calls; nobody, when it was called.
        expected: Option<PeerId>,
    },
    /// Give the machine these bytes, a socket message.
    Received(Bytes),
    /// Grant the machine this much room.
    Room(usize),
    /// Tell the machine that its socket is gone.
    Gone,
}

/// What a carrier has relayed since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relayed {
    /// Tunnels that are open.
    pub open: usize,
    /// Tunnels that were opened.
    pub opened: u64,
    /// Tunnels that were refused.
    pub refused: u64,
    /// Bytes that passed.
    pub bytes: u64,
}

/// The number by which an [`Event::Answered`] finds its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskId(pub u64);

/// What happens to a node.
#[derive(Debug)]
pub enum Input {
    /// A link is ready.
    Linked {
        /// Its number.
        link: LinkId,
        /// Who is at the other end, proven.
        peer: PeerId,
        /// Whether this side called.
        dialled: bool,
    },
    /// A peer said something.
    Received(LinkId, Message),
    /// A link is over.
    Unlinked(LinkId, CloseReason),
    /// A dial came to nothing.
    Unreachable(PeerId, DialError),
    /// The link inside a tunnel wants something.
    Tunnel(TunnelId, TunnelInput),
    /// The store answers.
    Answer(RequestId, StoreAnswer),
    /// The vault or the operator wants something.
    Request(Request),
    /// Time passed.
    Tick,
}

/// What a node wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Call a peer at one of its addresses, best first; ends in `Linked` or `Unreachable`.
    Dial(PeerId, Vec<String>),
    /// Say something over a link.
    Send(LinkId, Message),
    /// Close a link.
    Close(LinkId),
    /// Do something with the link inside a tunnel.
    Tunnel(TunnelId, TunnelOutput),
    /// Do something on the store.
    Store(RequestId, StoreOp),
    /// Tell the vault or the operator.
    Event(Event),
}

/// What the vault above, or the operator, wants.
#[derive(Debug)]
pub enum Request {
    /// Works for this vault from now on, with the carriers of the chain's tip. Given again when the chain grew.
    Follow(Chain),
    /// Reads blocks of a vault as a stranger who knows their ids, from these carriers. A stranger is no member: it offers nobody what it
    /// reads, and asks no carrier about tabs.
    Visit {
        /// The vault.
        vault: VaultId,
        /// Its carriers, as far as they are known.
        carriers: Vec<Carrier>,
        /// Copies that a block has.
        replicas: u8,
    },
    /// Brings a block to its holders; answered by [`Event::Placed`] at every further copy, [`Event::Unplaced`] when one fails, and
    /// [`Event::Settled`] once at the end.
    Place(VaultId, Block),
    /// Makes sure that old blocks, about to be counted on again, still have their copies; answered like `Place`, or by [`Event::Lost`].
    Confirm(VaultId, Vec<BlockId>),
    /// The store threw copies away to make room, or lost them: a tab no longer says that it has them.
    Evicted(Vec<BlockId>),
    /// The store lost everything that it held, as when a browser clears a site's data: the same for all copies.
    Emptied,
    /// Keeps copies of no more than so many bytes of one vault from now on, should it keep more: the disk has become scarce.
    Shrink(u64),
    /// Fetches blocks; each is answered once, by [`Event::Got`] or [`Event::Unavailable`].
    Need(VaultId, Vec<BlockId>),
    /// The same for blocks that are likely to be needed again: what had to be fetched is kept in the local store's cache.
    NeedAgain(VaultId, Vec<BlockId>),
    /// Keeps a block that is likely to be needed again in the local store's cache. Answered by nothing: a cache promises nothing.
    Cache(VaultId, Block),
    /// Keeps copies of these blocks in the local store's cache, for this peer and for others, no more of them on their way at once than it has
    /// time for; answered by [`Answer::Kept`]. What is kept later may still push them out.
    Keep(AskId, VaultId, Vec<BlockId>),
    /// No longer wants blocks that it needed.
    Forget(Vec<BlockId>),
    /// Brings a record to all carriers; answered by [`Event::Published`] at every further copy.
    Publish(Record),
    /// Asks all carriers for the vault's records; answered by [`Event::Records`] from each and [`Answer::Asked`] at the end.
    Refresh(AskId, VaultId),
    /// Asks every carrier which of these blocks it holds, and which linked tabs do; answered by [`Answer::Whereabouts`].
    Locate(AskId, VaultId, Vec<BlockId>),
    /// Calls a peer that is not a carrier (yet); answered by [`Answer::Done`] or [`Answer::Failed`].
    Connect(AskId, PeerId, Vec<String>),
    /// Redeems an invitation at a connected peer, with the vault's whole chain; answered by [`Answer::Done`] or [`Answer::Failed`].
    Redeem(AskId, PeerId, [u8; 16], Chain),
    /// Asks a connected peer for the locate records of a paper key; answered by [`Answer::Records`].
    FindVault(AskId, PeerId, PeerId),
    /// Asks a connected peer for a vault's records; answered by [`Answer::Records`].
    RecordsFrom(AskId, PeerId, VaultId),
    /// Asks a connected peer for a share record by its locator; answered by [`Answer::Records`].
    FindShare(AskId, PeerId, VaultId, ShareId),
    /// Asks all carriers for their state; answered by [`Answer::Carriers`].
    Survey(AskId, VaultId),
    /// Compares what holders have with what should be there, partition by partition; answered by [`Answer::Audited`]. With `mend`, blocks
    /// short of copies are offered again to the holders that lack them.
    Audit {
        /// Which request.
        ask: AskId,
        /// The vault.
        vault: VaultId,
        /// Every live block.
        live: Vec<BlockId>,
        /// Whether to bring missing copies back.
        mend: bool,
    },
    /// A carrier issues an invitation: a vault that brings this token is admitted with this limit, once. Answered by [`Answer::Done`] when
    /// it is durable, or [`Answer::Failed`].
    Invite {
        /// Which request.
        ask: AskId,
        /// The secret; stored as a hash only.
        token: [u8; 16],
        /// Bytes that the vault may take.
        limit: u64,
    },
    /// This peer is suspended from now on, as a hidden tab is, or it is back. Its peers are told, give it no new work and keep its links.
    /// Until it is back it takes nobody's silence for death, for it may have slept itself.
    Suspend(bool),
    /// Says goodbye to everybody and starts nothing new.
    Drain,
}

/// What a node tells the vault or the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A block has a further durable copy.
    Placed(BlockId, Copies),
    /// A holder did not take a block; others are tried.
    Unplaced(BlockId, PeerId, Trouble),
    /// Nothing more happens to a block that was to be placed or confirmed: it has all its copies; or it is safe, and the holders that
    /// still lack it cannot be reached; or it is not safe, and every holder that lacks it refused. Its bytes are no longer kept in
    /// memory here.
    Settled(BlockId, Copies),
    /// A confirmed block is nowhere.
    Lost(BlockId),
    /// A needed block.
    Got(Block),
    /// A needed block cannot be had now; who was asked and why not.
    Unavailable(BlockId, Vec<(PeerId, Trouble)>),
    /// A record is durable on a further carrier.
    Published(RecordId, Copies),
    /// A carrier refused a record.
    Unpublished(RecordId, PeerId, Trouble),
    /// A carrier's records of a vault.
    Records(VaultId, PeerId, Vec<Record>),
    /// A request with a number is answered.
    Answered(AskId, Answer),
    /// A peer that this node works with can be reached now.
    Up(PeerId),
    /// A peer cannot be reached now.
    Down(PeerId, Trouble),
}

/// Answers to numbered requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was not.
    Failed(Trouble),
    /// So many of so many carriers answered.
    Asked {
        /// Carriers that answered.
        answered: usize,
        /// Carriers of the certificate.
        of: usize,
        /// Why the others did not.
        troubles: Vec<(PeerId, Trouble)>,
    },
    /// Records of one peer.
    Records(Vec<Record>),
    /// Who holds each block, in the order asked.
    Whereabouts(Vec<Whereabouts>),
    /// The state of every carrier.
    Carriers(Vec<CarrierState>),
    /// What an audit found.
    Audited(Audit),
    /// Copies are kept of all blocks but these: nobody has them now, the store did not take them, or it had no room for all.
    Kept(Vec<BlockId>),
}

/// Who holds a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The block.
    pub id: BlockId,
    /// Carriers that hold it.
    pub carriers: Vec<PeerId>,
    /// Tabs that say so. They may be gone at any moment, so they count for nothing.
    pub tabs: Vec<PeerId>,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Live blocks looked at.
    pub blocks: u64,
    /// Blocks with all their copies.
    pub whole: u64,
    /// Blocks with fewer copies than wanted, and how many each has.
    pub short: Vec<(BlockId, u8)>,
    /// Blocks that no reachable carrier holds.
    pub missing: Vec<BlockId>,
    /// Blocks that carriers hold and nobody asked about.
    pub strangers: u64,
    /// Copies that were brought back.
    pub mended: u64,
    /// Carriers that did not answer.
    pub silent: Vec<(PeerId, Trouble)>,
}

/// How a peer stands that a node works with, or that called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerStanding {
    /// The peer.
    pub peer: PeerId,
    /// The link to it, and since when, if there is one.
    pub link: Option<(LinkId, Time)>,
    /// Whether it says that it is suspended, as a hidden tab does.
    pub suspended: bool,
    /// Why it cannot be reached.
    pub down: Option<Trouble>,
    /// The last round trip.
    pub round_trip: Option<Span>,
}

/// What is known of one carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierState {
    /// The carrier.
    pub peer: PeerId,
    /// What it says of itself, when it answers.
    pub status: Result<NodeStatus, Trouble>,
    /// The last round trip.
    pub round_trip: Option<Span>,
}

/// Why a peer did not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It could not be called.
    #[error("not reachable: {0}")]
    Unreachable(DialError),
    /// The link ended.
    #[error("connection ended: {0}")]
    Unlinked(CloseReason),
    /// It did not answer in time.
    #[error("no answer in time")]
    Silent,
    /// It answered that it will not.
    #[error("{0}")]
    Denied(Denial),
    /// It does not have it.
    #[error("it does not have it")]
    Absent,
    /// Its copy was damaged.
    #[error("its copy is damaged")]
    Damaged,
}

impl Trouble {
    /// Returns why a peer will not do something however often it is asked; none where another time may be better.
    #[must_use]
    pub const fn refusal(self) -> Option<Denial> {
        match self {
            Self::Denied(Denial::Busy | Denial::DiskFull | Denial::DiskFailed) => None,
            Self::Denied(why) => Some(why),
            _ => None,
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// No address is known or understood.
    #[error("no usable address")]
    NoAddress,
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The name does not resolve or the network does not lead there.
    #[error("host not found or unreachable")]
    NoRoute,
    /// It took too long.
    #[error("timed out")]
    TimedOut,
    /// TLS failed.
    #[error("TLS failed")]
    Tls,
    /// The other side is no Cachette node, or refused the upgrade.
    #[error("not a Cachette node")]
    NotANode,
    /// The other side is a node that does not let pages of this origin in.
    #[error("pages of this site are not let in")]
    Origin,
    /// The handshake failed.
    #[error("{0}")]
    Handshake(CloseReason),
    /// The carrier that should relay the call does not.
    #[error("no way through: {0}")]
    Relay(Denial),
}
