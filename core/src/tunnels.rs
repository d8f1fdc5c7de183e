//! Links inside tunnels: each a link machine whose socket is a tunnel through a carrier. Whoever drives a node runs them beside it, on the
//! same thread, for the carrier's window keeps them slow and their memory small.

use std::collections::VecDeque;

use crate::id::PeerId;
use crate::link::{self, CloseReason, Link};
use crate::map::Map;
use crate::message::Message;
use crate::node::{DialError, Input, LinkId, TunnelId, TunnelInput, TunnelOutput};
use crate::time::Time;

/// The links inside tunnels.
#[derive(Default)]
pub struct Tunnels {
    inner: Map<TunnelId, Inner>,
}

/// One of them.
struct Inner {
    link: Link,
    number: LinkId,
    expected: Option<PeerId>,
    ready: bool,
    /// Bytes out and in.
    traffic: (u64, u64),
}

impl Tunnels {
    /// Starts without any.
    #[must_use]
    pub const fn new() -> Self {
        Self { inner: Map::new() }
    }

    /// Puts a machine on a tunnel.
    pub fn begin(&mut self, id: TunnelId, number: LinkId, link: Link, expected: Option<PeerId>, inputs: &mut VecDeque<Input>) {
        self.inner.insert(id, Inner { link, number, expected, ready: false, traffic: (0, 0) });
        self.drain(id, inputs);
    }

    /// Does what the node wants of a link inside a tunnel, once it has begun; what comes of it is put to `inputs`.
    pub fn execute(&mut self, now: Time, id: TunnelId, output: TunnelOutput, inputs: &mut VecDeque<Input>) {
        let input = match output {
            TunnelOutput::Begin { .. } => return,
            TunnelOutput::Received(bytes) => {
                inputs.push_back(Input::Tunnel(id, TunnelInput::Taken(bytes.len())));
                if let Some(inner) = self.inner.get_mut(&id) {
                    inner.traffic.1 += bytes.len() as u64;
                }
                link::Input::Received(bytes)
            }
            TunnelOutput::Room(bytes) => link::Input::Room(bytes),
            TunnelOutput::Gone => link::Input::Gone,
        };
        self.handle(now, id, input, inputs);
    }

    /// Says something over a link, if that is one of these. One whose peer has more open than it may is cut off.
    ///
    /// # Errors
    /// The message, when the link is none of these.
    #[allow(clippy::result_large_err, reason = "moved on at once, never kept; large on 64 bits only")]
    pub fn send(&mut self, now: Time, link: LinkId, message: Message, inputs: &mut VecDeque<Input>) -> Result<(), Message> {
        let Some(id) = self.find(link) else { return Err(message) };
        self.handle(now, id, link::Input::Send(message), inputs);
        if self.inner.get(&id).is_some_and(|inner| inner.link.is_overfull()) {
            self.handle(now, id, link::Input::Gone, inputs);
        }
        Ok(())
    }

    /// Closes a link, if it is one of these.
    pub fn close(&mut self, now: Time, link: LinkId, inputs: &mut VecDeque<Input>) {
        if let Some(id) = self.find(link) {
            self.handle(now, id, link::Input::Close, inputs);
        }
    }

    /// Returns when a machine wants to be woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.inner.values().filter_map(|inner| inner.link.deadline()).map(|deadline| deadline.at).min()
    }

    /// Wakes the machines that wanted to be woken.
    pub fn tick(&mut self, now: Time, inputs: &mut VecDeque<Input>) {
        let due = |inner: &Inner| inner.link.deadline().is_some_and(|deadline| deadline.at <= now);
        let due: Vec<_> = self.inner.iter().filter(|(_, inner)| due(inner)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.handle(now, id, link::Input::Tick, inputs));
    }

    /// Returns the bytes that passed over a link, out and in, if it is one of these.
    #[must_use]
    pub fn traffic(&self, link: LinkId) -> Option<(u64, u64)> {
        self.inner.values().find(|inner| inner.number == link).map(|inner| inner.traffic)
    }

    /// Forgets all of them, for a node that knows none.
    pub fn clear(&mut self) {
        self.inner.clear();
    }

    fn find(&self, link: LinkId) -> Option<TunnelId> {
        self.inner.iter().find(|(_, inner)| inner.number == link).map(|(id, _)| *id)
    }

    fn handle(&mut self, now: Time, id: TunnelId, input: link::Input, inputs: &mut VecDeque<Input>) {
        if let Some(inner) = self.inner.get_mut(&id) {
            inner.link.handle(now, input);
            self.drain(id, inputs);
        }
    }

    fn drain(&mut self, id: TunnelId, inputs: &mut VecDeque<Input>) {
        let Some(inner) = self.inner.get_mut(&id) else { return };
        while let Some(output) = inner.link.poll() {
            inputs.push_back(match output {
                link::Output::Transmit(bytes) => {
                    inner.traffic.0 += bytes.len() as u64;
                    Input::Tunnel(id, TunnelInput::Send(bytes))
                }
                link::Output::Ready { peer, .. } => {
                    inner.ready = true;
                    Input::Linked { link: inner.number, peer, dialled: inner.expected.is_some() }
                }
                link::Output::Message(message) => Input::Received(inner.number, message),
                link::Output::Closed(reason) => {
                    inputs.push_back(Input::Tunnel(id, TunnelInput::Closed));
                    inputs.extend(inner.ended(reason));
                    self.inner.remove(&id);
                    return;
                }
            });
        }
    }
}

impl Inner {
    /// What the node is told of the end.
    fn ended(&self, reason: CloseReason) -> Option<Input> {
        match (self.ready, self.expected) {
            (true, _) => Some(Input::Unlinked(self.number, reason)),
            (false, Some(peer)) => Some(Input::Unreachable(peer, DialError::Handshake(reason))),
            (false, None) => None,
        }
    }
}
