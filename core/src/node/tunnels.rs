//! Tunnels: this peer's ends of those that lead through carriers to other members. To the rest of the node, what is at the other end is a peer
//! on an ordinary link; the driver runs that link's machine on the tunnel as it would on a socket.
//!
//! ```text
//!   dial --> Open --> Opened --> Begin, Room --> [ driver: link machine ] --> Linked
//!            Incoming ---------> Begin, Room -->        |    ^
//!                        Through <-- Send --------------+    +-- Received <-- Through
//!                        Credit  <-- Taken -------------+    +-- Room <------ Credit
//! ```

use bytes::Bytes;

use super::asks::{Asks, Errand, Reply};
use super::hub::Hub;
use super::{DialError, LinkId, Output, Role, Trouble, TunnelId, TunnelInput, TunnelOutput};
use crate::id::{PeerId, VaultId};
use crate::limits::{TUNNEL_RESERVE, TUNNEL_WINDOW, TUNNELS_PER_LINK};
use crate::link::CloseReason;
use crate::map::Map;
use crate::message::{Ask, Open, Piece, Plain, Tunnel};

/// The ends of tunnels that are here.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    ends: Map<TunnelId, End>,
}

/// One end.
#[derive(Debug, Default)]
struct End {
    /// Bytes that came and that the link machine has not taken.
    untaken: usize,
    /// Bytes that left and that the other side has not taken.
    uncredited: usize,
}

impl Tunnels {
    /// Asks a relay for a tunnel to a peer; ends in `Linked` or `Unreachable` as every call does.
    pub(super) fn call(hub: &mut Hub, asks: &mut Asks, peer: PeerId, relay: PeerId, vault: VaultId) {
        asks.ask(hub, relay, Plain::Open(Open { ask: Ask(0), vault, peer }), Errand::Tunnel(peer));
    }

    /// Takes in what the relay answered.
    pub(super) fn answered(&mut self, hub: &mut Hub, relay: &PeerId, peer: PeerId, result: Result<Reply, Trouble>) {
        let error = match (result, hub.links.link_of(relay)) {
            // A number that stands for a tunnel already is no tunnel.
            (Ok(Reply::Opened(number)), Some(link)) if !self.ends.contains_key(&TunnelId { link, number: number.0 }) => {
                let id = TunnelId { link, number: number.0 };
                if hub.is_wanted(&peer) {
                    return self.begin(hub, id, Some(peer));
                }
                return hub.send(link, Plain::Shut(number));
            }
            (Err(Trouble::Denied(why)), _) => DialError::Relay(why),
            (Err(Trouble::Silent), _) => DialError::TimedOut,
            _ => DialError::NoRoute,
        };
        hub.unreachable(peer, error);
    }

    /// Takes a tunnel that another member opened through a carrier: tabs alone do.
    pub(super) fn incoming(&mut self, hub: &mut Hub, link: LinkId, carrier: &PeerId, tunnel: Tunnel, vault: &VaultId, from: &PeerId) {
        let id = TunnelId { link, number: tunnel.0 };
        let welcome = matches!(hub.role, Role::Tab { .. }) && hub.carriers(vault).contains(carrier) && hub.is_member(vault, from);
        let used = self.ends.keys().filter(|id| id.link == link).count();
        if welcome && used < TUNNELS_PER_LINK && !self.ends.contains_key(&id) {
            self.begin(hub, id, None);
        } else {
            hub.send(link, Plain::Shut(tunnel));
        }
    }

    fn begin(&mut self, hub: &mut Hub, id: TunnelId, expected: Option<PeerId>) {
        self.ends.insert(id, End::default());
        hub.say(Output::Tunnel(id, TunnelOutput::Begin { expected }));
        hub.say(Output::Tunnel(id, TunnelOutput::Room(TUNNEL_WINDOW - TUNNEL_RESERVE)));
    }

    /// Hands what came to the link machine. A relay that lets more through than there is room for loses the tunnel.
    pub(super) fn through(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel, piece: Piece) {
        let id = TunnelId { link, number: tunnel.0 };
        let Some(end) = self.ends.get_mut(&id) else { return };
        end.untaken += piece.0.len();
        if end.untaken > TUNNEL_WINDOW {
            self.cut(hub, id);
            return hub.close(link, Trouble::Unlinked(CloseReason::Malformed));
        }
        hub.say(Output::Tunnel(id, TunnelOutput::Received(Bytes::from(piece.0))));
    }

    /// Lets the link machine say more, as much as the other side has taken. More than it was sent it cannot have taken.
    pub(super) fn credit(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel, bytes: u32) {
        let id = TunnelId { link, number: tunnel.0 };
        let Some(end) = self.ends.get_mut(&id) else { return };
        let taken = bytes as usize;
        match end.uncredited.checked_sub(taken) {
            Some(left) => {
                end.uncredited = left;
                hub.say(Output::Tunnel(id, TunnelOutput::Room(taken)));
            }
            None => {
                self.cut(hub, id);
                hub.close(link, Trouble::Unlinked(CloseReason::Malformed));
            }
        }
    }

    /// Takes in that the relay or the other side has ended a tunnel.
    pub(super) fn shut(&mut self, hub: &mut Hub, link: LinkId, tunnel: Tunnel) {
        self.cut(hub, TunnelId { link, number: tunnel.0 });
    }

    /// Ends the tunnels that led over a link.
    pub(super) fn unlinked(&mut self, hub: &mut Hub, link: LinkId) {
        let ids: Vec<_> = self.ends.keys().filter(|id| id.link == link).copied().collect();
        ids.into_iter().for_each(|id| self.cut(hub, id));
    }

    /// Does what the link machine on a tunnel wants.
    pub(super) fn driven(&mut self, hub: &mut Hub, id: TunnelId, input: TunnelInput) {
        let Some(end) = self.ends.get_mut(&id) else { return };
        let tunnel = Tunnel(id.number);
        match input {
            TunnelInput::Send(bytes) => {
                end.uncredited += bytes.len();
                hub.send(id.link, Plain::Through((tunnel, Piece(bytes.into()))));
            }
            TunnelInput::Taken(bytes) => {
                let taken = bytes.min(end.untaken);
                end.untaken -= taken;
                if let Ok(taken @ 1..) = u32::try_from(taken) {
                    hub.send(id.link, Plain::Credit((tunnel, taken)));
                }
            }
            TunnelInput::Closed => {
                self.ends.remove(&id);
                hub.send(id.link, Plain::Shut(tunnel));
            }
        }
    }

    fn cut(&mut self, hub: &mut Hub, id: TunnelId) {
        if self.ends.remove(&id).is_some() {
            hub.say(Output::Tunnel(id, TunnelOutput::Gone));
        }
    }
}
