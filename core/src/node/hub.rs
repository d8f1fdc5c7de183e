//! What all parts of a node share: its clock, its peers, its store, its timers, what it says, and notes from part to part.

use std::collections::VecDeque;

use super::asks::{Errand, Reply};
use super::chance::Chance;
use super::links::{Links, Standing, Via};
use super::placement::Placement;
use super::storage::Storage;
use super::timers::{Timer, Timers};
use super::{Config, Event, LinkId, Output, Role, Trouble};
use crate::block::Block;
use crate::id::{BlockId, Partition, PeerId, VaultId};
use crate::map::Map;
use crate::message::{Message, Plain};
use crate::record::Chain;
use crate::time::{Clock, Deadline, Span, Time};

/// The shared middle of a node.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) me: PeerId,
    pub(super) role: Role,
    pub(super) clock: Clock,
    pub(super) chance: Chance,
    pub(super) links: Links,
    pub(super) storage: Storage,
    /// Vaults that the side above works for.
    pub(super) followed: Map<VaultId, Followed>,
    /// Whether this peer is suspended.
    pub(super) suspended: bool,
    /// Whether nothing new is started any more.
    pub(super) draining: bool,
    timers: Timers,
    outputs: VecDeque<Output>,
    notes: VecDeque<Note>,
}

/// A vault that the side above works for.
#[derive(Debug)]
pub(super) struct Followed {
    /// Its certificates; none where this peer is a stranger who reads what a link led it to.
    pub(super) chain: Option<Chain>,
    pub(super) placement: Placement,
}

/// What one part tells the others; handed on before the node does anything else.
#[derive(Debug)]
pub(super) enum Note {
    /// A peer can be talked to.
    Linked(PeerId),
    /// A link is over; the peer may be linked again already.
    Unlinked(PeerId, LinkId, Trouble),
    /// A peer cannot be reached, for now.
    Down(PeerId, Trouble),
    /// A peer is silent.
    Suspect(PeerId),
    /// A peer says that it is suspended.
    Suspended(PeerId),
    /// A question to a peer ended.
    Replied(PeerId, Errand, Result<Reply, Trouble>),
    /// Bytes that writing asked reading for.
    Body(Block),
    /// A block that was fetched; whether it is likely to be needed again.
    Fetched(VaultId, Block, bool),
    /// They cannot be had; who turned out to lack them.
    NoBody(BlockId, Vec<PeerId>),
    /// A block of which a copy is to be kept here.
    Copy(VaultId, Block),
    /// It cannot be had.
    NoCopy(BlockId),
    /// A peer is called through a relay.
    CallThrough(PeerId, Via),
    /// Copies that are no longer kept here.
    Thrown(Vec<BlockId>),
    /// A holder of a block turned out to lack it.
    Give(VaultId, Block, PeerId),
    /// A block that was given back to a holder is durable there, or will not be.
    Given(BlockId, PeerId, bool),
}

impl Hub {
    /// Starts with nothing.
    pub(super) fn new(now: Time, config: Config) -> Self {
        let mut clock = Clock::default();
        clock.advance(now);
        Self {
            me: config.me,
            role: config.role,
            clock,
            chance: Chance::new(&config.seed),
            links: Links::default(),
            storage: Storage::default(),
            followed: Map::new(),
            suspended: false,
            draining: false,
            timers: Timers::default(),
            outputs: VecDeque::new(),
            notes: VecDeque::new(),
        }
    }

    /// Returns the bytes that this node may have under way of something; in a tab they are fewer.
    pub(super) const fn window(&self, anywhere: usize, in_tab: usize) -> usize {
        if matches!(self.role, Role::Tab { .. }) { in_tab } else { anywhere }
    }

    /// Queues an output.
    pub(super) fn say(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Queues an event.
    pub(super) fn tell(&mut self, event: Event) {
        self.say(Output::Event(event));
    }

    /// Sends over a link, if it is still there.
    pub(super) fn send(&mut self, link: LinkId, message: impl Into<Message>) {
        if self.links.peer_of(link).is_some() {
            self.say(Output::Send(link, message.into()));
        }
    }

    /// Sends to a peer, if it is linked.
    pub(super) fn send_to(&mut self, peer: &PeerId, plain: Plain) {
        if let Some(link) = self.links.link_of(peer) {
            self.say(Output::Send(link, plain.into()));
        }
    }

    /// Takes the next output.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Leaves a note for the other parts.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.push_back(note);
    }

    /// Takes the next note.
    pub(super) fn next_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// Says whether no note waits.
    pub(super) fn is_quiet(&self) -> bool {
        self.notes.is_empty()
    }

    /// Returns the machine's now.
    pub(super) const fn now(&self) -> Time {
        self.clock.now()
    }

    /// Wakes a timer after `span`, and not before the next millisecond (machine rule 5); returns the moment.
    pub(super) fn arm(&mut self, span: Span, timer: Timer) -> Time {
        let at = self.now() + Span(span.millis().max(1));
        self.timers.arm(at, timer);
        at
    }

    /// Takes a moment back.
    pub(super) fn disarm(&mut self, at: Time, timer: Timer) {
        self.timers.disarm(at, timer);
    }

    /// Takes the next timer that is due.
    pub(super) fn due(&mut self) -> Option<Timer> {
        self.timers.due(self.clock.now())
    }

    /// Returns when the node wants to be woken.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.timers.deadline()
    }

    /// Returns how a peer stands.
    pub(super) fn standing(&self, peer: &PeerId) -> Standing {
        self.links.standing(peer)
    }

    /// Returns the carriers that take new blocks of a partition, in order.
    pub(super) fn takers(&mut self, vault: &VaultId, id: &BlockId) -> Vec<PeerId> {
        self.followed.get_mut(vault).map(|followed| followed.placement.takers(Partition::of(id))).unwrap_or_default()
    }

    /// Returns the carriers that should hold a block.
    pub(super) fn holders(&mut self, vault: &VaultId, id: &BlockId) -> Vec<PeerId> {
        self.followed.get_mut(vault).map(|followed| followed.placement.holders(Partition::of(id))).unwrap_or_default()
    }

    /// Returns every carrier that may hold a block, the likeliest first.
    pub(super) fn readers(&mut self, vault: &VaultId, id: &BlockId) -> Vec<PeerId> {
        let me = self.me;
        let Some(followed) = self.followed.get_mut(vault) else { return Vec::new() };
        followed.placement.order(Partition::of(id)).map(|carrier| carrier.peer).filter(|peer| *peer != me).collect()
    }

    /// Returns all carriers of a vault but this node itself.
    pub(super) fn carriers(&self, vault: &VaultId) -> Vec<PeerId> {
        let Some(followed) = self.followed.get(vault) else { return Vec::new() };
        followed.placement.carriers().iter().map(|carrier| carrier.peer).filter(|peer| *peer != self.me).collect()
    }

    /// Says whether a peer is a member of a vault that is worked for, and not removed.
    pub(super) fn is_member(&self, vault: &VaultId, peer: &PeerId) -> bool {
        let chain = self.followed.get(vault).and_then(|followed| followed.chain.as_ref());
        let member = chain.and_then(|chain| chain.tip().member(peer));
        member.is_some_and(crate::record::Member::is_active)
    }

    /// Says whether a vault is read as a stranger reads it, who was led there by a link.
    pub(super) fn is_visited(&self, vault: &VaultId) -> bool {
        self.followed.get(vault).is_some_and(|followed| followed.chain.is_none())
    }

    /// Says whether a vault that is worked for has no carriers, so that it lives in the local store.
    pub(super) fn lives_here(&self, vault: &VaultId) -> bool {
        self.followed.get(vault).is_none_or(|followed| followed.placement.carriers().is_empty())
    }
}
