//! Relaying: tunnels between two members of a vault that are both linked to this carrier.
//!
//! What passes is a link of its own from end to end, so a relay sees lengths and times, and neither content nor kind of any message. It keeps
//! nothing: a piece is handed on at once. What may wait on the way to a receiver is bounded by the receiver's credit.
//!
//! ```text
//!   opener                     relay                      other member
//!     |--- Open(vault, peer) --->|                             |
//!     |<-- Opened(t) ------------|--- Incoming(t, vault, peer)>|
//!     |--- Through(t, bytes) --->|--- Through(t, bytes) ------>|
//!     |<-- Credit(t, n) ---------|<-- Credit(t, n) ------------|
//!     |<-- Shut(t) --------------|<-- Shut(t) -----------------|   either side, or the relay when a link ends
//! ```

use super::admission::Admitted;
use super::hub::Hub;
use super::links::Standing;
use super::{LinkId, Relayed, Trouble};
use crate::id::PeerId;
use crate::limits::{TUNNEL_WINDOW, TUNNELS_PER_LINK, TUNNELS_PER_NODE};
use crate::link::CloseReason;
use crate::map::Map;
use crate::message::{Denial, Open, Piece, Plain, Tunnel};

/// The tunnels through this carrier.
#[derive(Debug, Default)]
pub(super) struct Relaying {
    next: u32,
    tunnels: Map<Tunnel, Passage>,
    /// What has been counted.
    pub(super) counts: Relayed,
}

/// One tunnel.
#[derive(Debug)]
struct Passage {
    /// The opener's link, and the other one.
    ends: [LinkId; 2],
    /// Bytes that each end sent and the other one has not taken.
    untaken: [usize; 2],
}

impl Relaying {
    /// Opens a tunnel from a member of an admitted vault to another one, or says why not.
    pub(super) fn open(&mut self, hub: &mut Hub, admitted: &Admitted, link: LinkId, peer: &PeerId, open: &Open) {
        match self.allow(hub, admitted, link, peer, open) {
            Ok(other) => {
                self.next = self.next.wrapping_add(1);
                let tunnel = Tunnel(self.next);
                self.tunnels.insert(tunnel, Passage { ends: [link, other], untaken: [0; 2] });
                self.counts.opened += 1;
                self.counts.open = self.tunnels.len();
                hub.send(other, Plain::Incoming((tunnel, open.vault, *peer)));
                hub.send(link, Plain::Opened((open.ask, tunnel)));
            }
            Err(why) => {
                self.counts.refused += 1;
                hub.send(link, Plain::Denied((open.ask, why)));
            }
        }
    }

    fn allow(&self, hub: &Hub, admitted: &Admitted, link: LinkId, peer: &PeerId, open: &Open) -> Result<LinkId, Denial> {
        if !admitted.is_member(peer) || !admitted.is_member(&open.peer) || *peer == open.peer {
            return Err(Denial::NoRight);
        }
        if hub.standing(&open.peer) != Standing::Up {
            return Err(Denial::NotLinked);
        }
        let other = hub.links.link_of(&open.peer).ok_or(Denial::NotLinked)?;
        let used = |link| self.tunnels.values().filter(|passage| passage.ends.contains(&link)).count();
        let full = used(link) >= TUNNELS_PER_LINK || used(other) >= TUNNELS_PER_LINK || self.tunnels.len() >= TUNNELS_PER_NODE;
        if full { Err(Denial::Busy) } else { Ok(other) }
    }

    /// Hands a piece on. Whoever sends more than the other side has room for is not talked to any longer.
    pub(super) fn through(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel, piece: Piece) {
        let Some((passage, from)) = self.passage(link, tunnel) else { return };
        passage.untaken[from] += piece.0.len();
        if passage.untaken[from] > TUNNEL_WINDOW || piece.0.is_empty() {
            return hub.close(link, Trouble::Unlinked(CloseReason::Malformed));
        }
        let other = passage.ends[1 - from];
        self.counts.bytes += piece.0.len() as u64;
        hub.send(other, Plain::Through((tunnel, piece)));
    }

    /// Hands a receiver's credit on, for what it was sent and no more.
    pub(super) fn credit(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel, bytes: u32) {
        let Some((passage, at)) = self.passage(link, tunnel) else { return };
        let untaken = &mut passage.untaken[1 - at];
        match usize::try_from(bytes).ok().filter(|taken| *taken > 0).and_then(|taken| untaken.checked_sub(taken)) {
            Some(left) => {
                *untaken = left;
                let other = passage.ends[1 - at];
                hub.send(other, Plain::Credit((tunnel, bytes)));
            }
            None => hub.close(link, Trouble::Unlinked(CloseReason::Malformed)),
        }
    }

    /// Ends a tunnel that one side wants no more.
    pub(super) fn shut(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel) {
        if self.passage(link, tunnel).is_some() {
            self.end(hub, link, tunnel);
        }
    }

    /// Ends the tunnels of a link that is over.
    pub(super) fn unlinked(&mut self, hub: &mut Hub, link: LinkId) {
        let cut: Vec<_> = self.tunnels.iter().filter(|(_, passage)| passage.ends.contains(&link)).map(|(tunnel, _)| *tunnel).collect();
        cut.into_iter().for_each(|tunnel| self.end(hub, link, tunnel));
    }

    fn end(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel) {
        let Some(passage) = self.tunnels.remove(&tunnel) else { return };
        self.counts.open = self.tunnels.len();
        for other in passage.ends.into_iter().filter(|end| *end != link) {
            hub.send(other, Plain::Shut(tunnel));
        }
    }

    /// Finds a tunnel of a link, and which of its ends that is. One that has just been shut is no fault of the sender's.
    fn passage(&mut self, link: LinkId, tunnel: Tunnel) -> Option<(&mut Passage, usize)> {
        let passage = self.tunnels.get_mut(&tunnel)?;
        let at = passage.ends.iter().position(|end| *end == link)?;
        Some((passage, at))
    }
}
