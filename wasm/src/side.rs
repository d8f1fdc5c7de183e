//! The application's side of a driver: who waits for what, and what listeners are told.

use std::rc::Rc;

use bytes::Bytes;
use cachette_core::copies::Copies;
use cachette_core::id::PeerId;
use cachette_core::map::Map;
use cachette_core::node::{Answer, AskId, Event};
use cachette_core::peer::Peer;
use cachette_core::time::{Span, Time};
use cachette_core::vault::{CommandError, CommandId, Reply};
use futures_channel::{mpsc, oneshot};
use wasm_bindgen::JsValue;

use crate::flow::Flow;
use crate::js::{Shape, number};

/// Who waits, and what is to be told.
#[derive(Default)]
pub(crate) struct Side {
    flows: Map<CommandId, Rc<Flow>>,
    asks: Map<AskId, oneshot::Sender<Answer>>,
    /// Takes all events, for whoever follows them.
    events: Option<mpsc::UnboundedSender<Event>>,
    told: Vec<JsValue>,
    /// Blocks that became safe.
    placed: u64,
    /// When listeners were last told of that; and whether there is more to tell.
    progress: Option<(Time, bool)>,
}

impl Side {
    /// Begins with somebody who follows all events.
    pub(crate) fn followed(events: mpsc::UnboundedSender<Event>) -> Self {
        let mut side = Self::default();
        side.events = Some(events);
        side
    }

    /// Has a command's room, bytes and end go to this flow.
    pub(crate) fn command(&mut self, id: CommandId, flow: Rc<Flow>) {
        self.flows.insert(id, flow);
    }

    /// Has an answer go to this channel.
    pub(crate) fn ask(&mut self, id: AskId, answer: oneshot::Sender<Answer>) {
        self.asks.insert(id, answer);
    }

    /// More bytes of a put are welcome.
    pub(crate) fn invite(&self, id: CommandId, bytes: usize) {
        if let Some(flow) = self.flows.get(&id) {
            flow.invite(bytes);
        }
    }

    /// Bytes of a read.
    pub(crate) fn arrive(&self, id: CommandId, bytes: Bytes) {
        if let Some(flow) = self.flows.get(&id) {
            flow.arrive(bytes);
        }
    }

    /// A command is done.
    pub(crate) fn reply(&mut self, id: CommandId, reply: Result<Reply, CommandError>) {
        if let Some(flow) = self.flows.remove(&id) {
            flow.end(Some(reply));
        }
    }

    /// Hears what the node tells.
    pub(crate) fn event(&mut self, event: Event, peer: Option<&Peer>) {
        if let Some(events) = &self.events {
            // Whoever followed may have gone.
            let _ = events.unbounded_send(event);
            return;
        }
        match event {
            Event::Answered(ask, answer) => {
                if let Some(waiting) = self.asks.remove(&ask) {
                    // Whoever asked may have gone.
                    let _ = waiting.send(answer);
                }
            }
            Event::Up(who) => self.tell(named(peer, "peer-up", who)),
            Event::Down(who, why) => self.tell(named(peer, "peer-down", who).with("reason", why.to_string())),
            Event::Placed(_, Copies { durable, safe_at, .. }) => {
                self.placed += u64::from(durable == safe_at);
                self.progress.get_or_insert_default().1 = true;
            }
            _ => {}
        }
    }

    /// Has listeners told.
    pub(crate) fn tell(&mut self, event: Shape) {
        self.told.push(event.done());
    }

    /// Returns what listeners are to be told now; of progress not all of it, but always the end.
    pub(crate) fn told(&mut self, now: Time, peer: Option<&Peer>) -> Vec<JsValue> {
        if let (Some((last, true)), Some(peer)) = (self.progress, peer)
            && (peer.vault().in_flight() == 0 || now >= last + PROGRESS)
        {
            self.progress = Some((now, false));
            let event = Shape::event("placed").with("done", number(self.placed)).with("waiting", number(peer.vault().waiting()));
            self.tell(event.with("bytes", number(peer.vault().in_flight())));
        }
        std::mem::take(&mut self.told)
    }
}

impl Drop for Side {
    /// Whoever waits learns that nothing more comes.
    fn drop(&mut self) {
        self.flows.values().for_each(|flow| flow.end(None));
    }
}

/// Returns how people call a peer, if it has a name.
pub(crate) fn name(peer: Option<&Peer>, who: &PeerId) -> Option<String> {
    let carrier = peer?.vault().chain().tip().carrier(who)?;
    Some(carrier.name.clone()).filter(|name| !name.is_empty())
}

fn named(peer: Option<&Peer>, kind: &str, who: PeerId) -> Shape {
    Shape::event(kind).with("peer", who.to_string()).with_some("name", name(peer, &who))
}

/// How often listeners hear of progress.
const PROGRESS: Span = Span(100);
