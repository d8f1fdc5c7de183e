//! Links inside tunnels: each a link machine whose socket is a tunnel through a carrier. They run on the driver's own task, for the
//! carrier's window keeps them slow and their memory small.

use std::collections::{BTreeMap, VecDeque};

use cachette_core::id::PeerId;
use cachette_core::limits::LINK_WINDOW;
use cachette_core::link::{self, CloseReason, Link};
use cachette_core::message::Message;
use cachette_core::node::{DialError, Input, LinkId, TunnelId, TunnelInput, TunnelOutput};
use cachette_core::time::Time;
use tracing::debug;

/// The links inside tunnels.
#[derive(Default)]
pub(super) struct Tunnels {
    inner: BTreeMap<TunnelId, Inner>,
}

/// One of them.
struct Inner {
    link: Link,
    number: LinkId,
    expected: Option<PeerId>,
    ready: bool,
}

impl Tunnels {
    /// Puts a machine on a tunnel.
    pub(super) fn begin(&mut self, id: TunnelId, number: LinkId, link: Link, expected: Option<PeerId>, inputs: &mut VecDeque<Input>) {
        self.inner.insert(id, Inner { link, number, expected, ready: false });
        self.drain(id, inputs);
    }

    /// Does what the node wants of a link inside a tunnel, once it has begun; what comes of it is put to `inputs`.
    pub(super) fn execute(&mut self, now: Time, id: TunnelId, output: TunnelOutput, inputs: &mut VecDeque<Input>) {
        let input = match output {
            TunnelOutput::Begin { .. } => return,
            TunnelOutput::Received(bytes) => {
                inputs.push_back(Input::Tunnel(id, TunnelInput::Taken(bytes.len())));
                link::Input::Received(bytes)
            }
            TunnelOutput::Room(bytes) => link::Input::Room(bytes),
            TunnelOutput::Gone => link::Input::Gone,
        };
        self.handle(now, id, input, inputs);
    }

    /// Says something over a link, if that is one of these.
    pub(super) fn send(&mut self, now: Time, link: LinkId, message: Message, inputs: &mut VecDeque<Input>) -> Result<(), Message> {
        let Some(id) = self.find(link) else { return Err(message) };
        self.handle(now, id, link::Input::Send(message), inputs);
        let over = self.inner.get(&id).is_some_and(|inner| inner.link.queued() + inner.link.waiting() * MESSAGE_COST > OUTBOX);
        if over {
            debug!("the peer at the end of a tunnel has more open than it may");
            self.handle(now, id, link::Input::Gone, inputs);
        }
        Ok(())
    }

    /// Closes a link, if it is one of these.
    pub(super) fn close(&mut self, now: Time, link: LinkId, inputs: &mut VecDeque<Input>) {
        if let Some(id) = self.find(link) {
            self.handle(now, id, link::Input::Close, inputs);
        }
    }

    /// Returns when a machine wants to be woken.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.inner.values().filter_map(|inner| inner.link.deadline()).map(|deadline| deadline.at).min()
    }

    /// Wakes the machines that wanted to be woken.
    pub(super) fn tick(&mut self, now: Time, inputs: &mut VecDeque<Input>) {
        let due = |inner: &Inner| inner.link.deadline().is_some_and(|deadline| deadline.at <= now);
        let due: Vec<_> = self.inner.iter().filter(|(_, inner)| due(inner)).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.handle(now, id, link::Input::Tick, inputs));
    }

    /// Forgets all of them, for a node that knows none.
    pub(super) fn clear(&mut self) {
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
                link::Output::Transmit(bytes) => Input::Tunnel(id, TunnelInput::Send(bytes)),
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

/// Bytes that wait in a machine: what the other side may have open at once, and control messages beside it.
const OUTBOX: usize = 2 * LINK_WINDOW + (4 << 20);
/// Bytes of memory that a waiting message takes beside its content.
const MESSAGE_COST: usize = 256;
