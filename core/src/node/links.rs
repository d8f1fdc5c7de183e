//! Links: which peer is reached over which connection, whom to call, and when to call again.
//!
//! ```text
//!            call            Linked
//!   (none) -------> Trying ----------> Up ---Unlinked---> Trying    (called again at once; shortly)
//!                     | Unreachable                         | Unreachable, or lost twice in a row
//!                     +----------------> Down <-------------+
//!                                         | pause with full jitter, doubling
//!                                         +---> called again; Down until Linked
//! ```

use super::hub::{Hub, Note};
use super::timers::Timer;
use super::{DialError, Event, LinkId, Output, PeerStanding, Trouble};
use crate::id::{PeerId, VaultId};
use crate::limits::{HEARTBEAT, REDIAL_MAX, REDIAL_MIN};
use crate::link::CloseReason;
use crate::map::Map;
use crate::message::Plain;
use crate::time::{Span, Time};

/// Peers and links, each found by the other.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) peers: Map<PeerId, Peer>,
    by_link: Map<LinkId, PeerId>,
}

/// A peer that is linked, or that this node wants to be linked to.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) link: Option<Link>,
    pub(super) round_trip: Option<Span>,
    addresses: Vec<String>,
    /// The relay that it is called through, should it have no addresses.
    via: Option<Via>,
    /// Whether it is called again when the link is lost: carriers of followed vaults.
    keep: bool,
    /// Whether a call is out.
    dialling: bool,
    /// When it is called again.
    redial: Option<Time>,
    /// Calls and links that came to nothing in a row.
    failures: u32,
    /// Set while it counts as not reachable.
    down: Option<Trouble>,
    /// Whether the side above was told that it can be reached.
    told_up: bool,
}

/// A way to a peer that nobody can call: through a carrier of a vault that both are members of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Via {
    pub(super) relay: PeerId,
    pub(super) vault: VaultId,
}

/// A link in use.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    dialled: bool,
    since: Time,
    pub(super) heard: Time,
    /// When a sign of life was asked for that did not come yet.
    pub(super) pinged: Option<Time>,
    pub(super) suspect: bool,
    /// Whether the peer says that it is suspended.
    pub(super) suspended: bool,
}

/// How a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Linked and alive.
    Up,
    /// Linked and silent, or suspended by its own word.
    Suspect,
    /// Being called for the first time, or again after a link was lost: worth waiting for.
    Trying,
    /// Not reachable.
    Down(Trouble),
}

impl Links {
    /// Returns who is at the other end of a link.
    pub(super) fn peer_of(&self, link: LinkId) -> Option<PeerId> {
        self.by_link.get(&link).copied()
    }

    /// Returns the link to a peer.
    pub(super) fn link_of(&self, peer: &PeerId) -> Option<LinkId> {
        Some(self.peers.get(peer)?.link.as_ref()?.id)
    }

    /// Returns all links.
    pub(super) fn all(&self) -> Vec<LinkId> {
        self.by_link.keys().copied().collect()
    }

    /// Returns the link that a peer is reached over, to note its life.
    pub(super) fn of(&mut self, link: LinkId) -> Option<(PeerId, &mut Peer)> {
        let peer = *self.by_link.get(&link)?;
        Some((peer, self.peers.get_mut(&peer)?))
    }

    /// Returns how every peer stands.
    pub(super) fn standings(&self) -> impl Iterator<Item = PeerStanding> {
        self.peers.iter().map(|(peer, entry)| PeerStanding {
            peer: *peer,
            link: entry.link.as_ref().map(|link| (link.id, link.since)),
            suspended: entry.link.as_ref().is_some_and(|link| link.suspended),
            down: entry.down,
            round_trip: entry.round_trip,
        })
    }

    /// Returns how a peer stands.
    pub(super) fn standing(&self, peer: &PeerId) -> Standing {
        match self.peers.get(peer) {
            None => Standing::Down(Trouble::Unreachable(DialError::NoAddress)),
            Some(Peer { link: Some(link), .. }) if link.suspect || link.suspended => Standing::Suspect,
            Some(Peer { link: Some(_), .. }) => Standing::Up,
            Some(Peer { down: Some(trouble), .. }) => Standing::Down(*trouble),
            Some(_) => Standing::Trying,
        }
    }
}

impl Hub {
    /// Wants a link to a peer; `keep` calls again whenever it is lost.
    pub(super) fn call(&mut self, peer: PeerId, addresses: &[String], keep: bool) {
        if peer == self.me || self.draining {
            return;
        }
        let entry = self.links.peers.entry(peer).or_default();
        entry.keep |= keep;
        if !addresses.is_empty() && entry.addresses != addresses {
            entry.addresses = addresses.to_vec();
            entry.failures = 0;
        }
        if entry.link.is_none() && !entry.dialling {
            if entry.failures == 0 || !keep {
                entry.down = None;
                self.dial(peer);
            } else if entry.redial.is_none() {
                self.call_again(peer);
            }
        }
    }

    /// Wants a link to a member of a vault through one of its carriers.
    pub(super) fn call_through(&mut self, peer: PeerId, relay: PeerId, vault: VaultId) {
        if peer == self.me || self.draining {
            return;
        }
        let entry = self.links.peers.entry(peer).or_default();
        if entry.link.is_none() && !entry.dialling {
            entry.via = Some(Via { relay, vault });
            entry.down = None;
            self.dial(peer);
        }
    }

    /// Says whether a call to a peer is still out.
    pub(super) fn is_wanted(&self, peer: &PeerId) -> bool {
        !self.draining && self.links.peers.get(peer).is_some_and(|entry| entry.dialling)
    }

    /// No longer calls a peer when its link is lost.
    pub(super) fn release(&mut self, peer: &PeerId) {
        if let Some(entry) = self.links.peers.get_mut(peer) {
            entry.keep = false;
        }
    }

    /// Takes a new link in. Of two links between one pair, the one dialled by the lower id stays, unless it fell silent; of two
    /// dialled by the same side, the newer: its dialler would not have called with a link that works.
    pub(super) fn linked(&mut self, link: LinkId, peer: PeerId, dialled: bool) {
        let now = self.now();
        if self.draining || peer == self.me {
            self.say(Output::Close(link));
            return;
        }
        let lower = self.me < peer;
        let entry = self.links.peers.entry(peer).or_default();
        if dialled {
            entry.dialling = false;
        }
        if entry.link.as_ref().is_some_and(|old| old.dialled != dialled && old.dialled == lower && !old.suspect) {
            self.say(Output::Close(link));
            return;
        }
        let replaced =
            entry.link.replace(Link { id: link, dialled, since: now, heard: now, pinged: None, suspect: false, suspended: false });
        entry.down = None;
        let redial = entry.redial.take();
        let news = !std::mem::replace(&mut entry.told_up, true);
        self.links.by_link.insert(link, peer);
        if let Some(at) = redial {
            self.disarm(at, Timer::Redial(peer));
        }
        if let Some(old) = replaced {
            self.links.by_link.remove(&old.id);
            self.say(Output::Close(old.id));
            self.note(Note::Unlinked(peer, old.id, Trouble::Unlinked(CloseReason::Asked)));
        }
        if news {
            self.tell(Event::Up(peer));
        }
        self.arm(HEARTBEAT, Timer::Beat(link));
        if dialled {
            // How far away it is: known from the first moment, and not only once a link has been quiet.
            self.ping(link);
        }
        if self.suspended {
            self.send(link, Plain::Suspended(true));
        }
        self.note(Note::Linked(peer));
    }

    /// Takes the end of a link in; unknown when this side closed it.
    pub(super) fn unlinked(&mut self, link: LinkId, reason: CloseReason) {
        self.lost(link, Trouble::Unlinked(reason));
    }

    /// Closes a link from this side.
    pub(super) fn close(&mut self, link: LinkId, trouble: Trouble) {
        if self.links.peer_of(link).is_some() {
            self.say(Output::Close(link));
            self.lost(link, trouble);
        }
    }

    /// Ends a link that this side dialled and that nothing needs any more.
    pub(super) fn hang_up(&mut self, peer: &PeerId) {
        let Some(entry) = self.links.peers.get(peer) else { return };
        if let Some(link) = entry.link.as_ref().filter(|link| link.dialled && !entry.keep).map(|link| link.id) {
            self.send(link, Plain::Bye(0));
            self.close(link, Trouble::Unlinked(CloseReason::Asked));
        }
    }

    /// Takes a failed call in.
    pub(super) fn unreachable(&mut self, peer: PeerId, error: DialError) {
        let Some(entry) = self.links.peers.get_mut(&peer) else { return };
        entry.dialling = false;
        let silent = entry.link.as_ref().map(|link| link.suspect);
        if silent == Some(false) {
            return;
        }
        entry.failures = entry.failures.saturating_add(1);
        match silent {
            // The call beside it may have failed by chance, and without another one the silence would last until the link is closed.
            Some(_) if entry.keep && !self.draining => self.call_again(peer),
            Some(_) => {}
            None => self.down(peer, Trouble::Unreachable(error)),
        }
    }

    /// Calls a peer whose pause is over.
    pub(super) fn redial(&mut self, peer: PeerId) {
        let Some(entry) = self.links.peers.get_mut(&peer) else { return };
        entry.redial = None;
        if entry.keep && entry.link.as_ref().is_none_or(|link| link.suspect) && !entry.dialling {
            self.dial(peer);
        }
    }

    /// Calls a peer whose link is silent, beside that link: connections die without a word when a network changes, and a new one
    /// shows at once whether the peer lives. The old one goes when the new one is linked.
    pub(super) fn call_beside(&mut self, peer: PeerId) {
        let Some(entry) = self.links.peers.get(&peer) else { return };
        if entry.keep && !entry.dialling && !self.draining {
            self.dial(peer);
        }
    }

    /// Says goodbye to everybody.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        for link in self.links.all() {
            self.send(link, Plain::Bye(0));
            self.close(link, Trouble::Unlinked(CloseReason::Asked));
        }
    }

    fn dial(&mut self, peer: PeerId) {
        let Some(entry) = self.links.peers.get_mut(&peer) else { return };
        entry.dialling = true;
        match entry.via {
            Some(via) if entry.addresses.is_empty() => self.note(Note::CallThrough(peer, via)),
            _ => {
                let addresses = entry.addresses.clone();
                self.say(Output::Dial(peer, addresses));
            }
        }
    }

    /// Forgets a link. A link that lasted makes the next call the first one again; one that did not counts as a failure, so that a
    /// peer that takes every call and hangs up is not called at full speed.
    fn lost(&mut self, link: LinkId, trouble: Trouble) {
        let Some(peer) = self.links.by_link.remove(&link) else { return };
        let now = self.now();
        let Some(entry) = self.links.peers.get_mut(&peer) else { return };
        let Some(gone) = entry.link.take() else { return };
        let lasted = now.since(gone.since) > pause_cap(entry.failures.saturating_add(1));
        entry.failures = if lasted { 1 } else { entry.failures.saturating_add(1) };
        let again = entry.keep && entry.failures <= LOST_IN_A_ROW && !self.draining;
        self.note(Note::Unlinked(peer, link, trouble));
        if again {
            self.call_again(peer);
        } else {
            self.down(peer, trouble);
        }
    }

    /// Counts a peer as not reachable, and calls it again later if it is worth it.
    fn down(&mut self, peer: PeerId, trouble: Trouble) {
        let Some(entry) = self.links.peers.get_mut(&peer) else { return };
        let news = entry.down.replace(trouble).is_none();
        let told = std::mem::take(&mut entry.told_up);
        let keep = entry.keep && !self.draining;
        let dialling = entry.dialling;
        if keep {
            self.call_again(peer);
        } else if !dialling {
            self.links.peers.remove(&peer);
        }
        if news || told {
            self.tell(Event::Down(peer, trouble));
        }
        self.note(Note::Down(peer, trouble));
    }

    /// Calls a peer again after a pause with full jitter.
    fn call_again(&mut self, peer: PeerId) {
        let Some(entry) = self.links.peers.get(&peer) else { return };
        if entry.dialling || entry.redial.is_some() {
            return;
        }
        let cap = pause_cap(entry.failures).millis();
        let pause = Span(1 + self.chance.below(cap));
        let at = self.arm(pause, Timer::Redial(peer));
        if let Some(entry) = self.links.peers.get_mut(&peer) {
            entry.redial = Some(at);
        }
    }
}

/// Returns the longest pause after so many failures in a row.
fn pause_cap(failures: u32) -> Span {
    Span((REDIAL_MIN.millis() << failures.saturating_sub(1).min(16)).min(REDIAL_MAX.millis()))
}

/// Links lost in a row, none of which lasted, until a peer counts as not reachable.
const LOST_IN_A_ROW: u32 = 2;
