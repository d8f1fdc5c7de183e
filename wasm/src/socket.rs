//! A WebSocket with a link machine on it.
//!
//! Nothing grows without a bound: the machine gets room for as many bytes as left the browser's buffer, a peer that does not read or has
//! more open than it may is cut off, and so is one that sends text or a longer message than a link ever sends, before a byte of it is copied.

use std::collections::VecDeque;

use bytes::Bytes;
use cachette_core::id::PeerId;
use cachette_core::limits::SOCKET_MESSAGE_MAX;
use cachette_core::link::{self, CloseReason, Link};
use cachette_core::message::Message;
use cachette_core::node::{self, DialError, LinkId};
use cachette_core::time::{Span, Time};
use js_sys::ArrayBuffer;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

use crate::buffers;
use crate::driver::{Happened, Post};

/// What a socket tells.
pub(crate) enum Said {
    /// It is open.
    Open,
    /// Something arrived.
    Message(JsValue),
    /// It is closed, or never opened.
    Closed,
    /// Why it never opened.
    Why(DialError),
}

/// A socket and its machine.
pub(crate) struct Socket {
    raw: WebSocket,
    number: LinkId,
    /// The machine, once the socket is open.
    link: Option<Link>,
    /// Who has proven to be there.
    peer: Option<PeerId>,
    begun: Time,
    /// Bytes given to the browser that have not all left it.
    inside: usize,
    moved: Time,
    /// When its buffer is looked at again, and how long a look that finds nothing puts off the next one.
    look: (Time, Span),
    /// Bytes out and in.
    traffic: (u64, u64),
    _listeners: Listeners,
}

struct Listeners {
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(Event)>,
}

impl Socket {
    /// Opens a socket; what becomes of it is told under its number.
    pub(crate) fn open(now: Time, url: &str, number: LinkId, post: &Post) -> Result<Self, DialError> {
        let raw = WebSocket::new(url).map_err(|_| DialError::NoAddress)?;
        raw.set_binary_type(BinaryType::Arraybuffer);
        let listeners = Listeners::new(&raw, number, post);
        Ok(Self {
            raw,
            number,
            link: None,
            peer: None,
            begun: now,
            inside: 0,
            moved: now,
            look: (now, LOOK),
            traffic: (0, 0),
            _listeners: listeners,
        })
    }

    /// Puts a machine on a socket that is open.
    pub(crate) fn begin(&mut self, now: Time, mut link: Link) {
        link.handle(now, link::Input::Room(ROOM));
        self.link = Some(link);
    }

    /// Takes in what arrived.
    pub(crate) fn received(&mut self, now: Time, message: &JsValue) {
        let input = match message.dyn_ref::<ArrayBuffer>() {
            Some(buffer) if (1..=SOCKET_MESSAGE_MAX).contains(&(buffer.byte_length() as usize)) => {
                let bytes = buffers::take(buffer);
                self.traffic.1 += bytes.len() as u64;
                link::Input::Received(Bytes::from(bytes))
            }
            _ => link::Input::Gone,
        };
        self.handle(now, input);
    }

    /// Takes in that the socket is gone.
    pub(crate) fn gone(&mut self, now: Time) {
        self.handle(now, link::Input::Gone);
    }

    /// Says something.
    pub(crate) fn send(&mut self, now: Time, message: Message) {
        self.handle(now, link::Input::Send(message));
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Time) {
        self.handle(now, link::Input::Close);
    }

    /// Wakes the machine, and cuts off a peer that does not read.
    pub(crate) fn tick(&mut self, now: Time) {
        self.make_room(now);
        let stalled = self.inside > 0 && now >= self.moved + STALL;
        self.handle(now, if stalled { link::Input::Gone } else { link::Input::Tick });
    }

    /// Does what the machine wants; returns why the link is over when it is.
    pub(crate) fn drain(&mut self, now: Time, inputs: &mut VecDeque<node::Input>) -> Option<CloseReason> {
        self.make_room(now);
        loop {
            let output = self.link.as_mut()?.poll();
            match output {
                Some(link::Output::Transmit(bytes)) => self.transmit(now, &bytes),
                Some(link::Output::Ready { peer, .. }) => {
                    self.peer = Some(peer);
                    inputs.push_back(node::Input::Linked { link: self.number, peer, dialled: true });
                }
                Some(link::Output::Message(message)) => inputs.push_back(node::Input::Received(self.number, message)),
                Some(link::Output::Closed(reason)) => return Some(reason),
                None if self.link.as_ref().is_some_and(Link::is_overfull) => return Some(CloseReason::Malformed),
                None => return None,
            }
        }
    }

    /// Returns when to look again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let Some(link) = &self.link else { return Some(self.begun + CALL_TIMEOUT) };
        let machine = link.deadline().map(|deadline| deadline.at);
        // The browser tells nobody that its buffer became empty.
        let room = (self.inside > 0).then_some(self.look.0);
        machine.into_iter().chain(room).min()
    }

    /// Says whether a call has taken too long.
    pub(crate) fn is_late(&self, now: Time) -> bool {
        self.link.is_none() && now >= self.begun + CALL_TIMEOUT
    }

    /// Says whether the socket opened and the handshake began.
    pub(crate) fn has_begun(&self) -> bool {
        self.link.is_some()
    }

    /// Returns who has proven to be there.
    pub(crate) fn peer(&self) -> Option<PeerId> {
        self.peer
    }

    /// Returns the bytes that passed, out and in.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.traffic
    }

    fn handle(&mut self, now: Time, input: link::Input) {
        if let Some(link) = &mut self.link {
            link.handle(now, input);
        }
    }

    fn transmit(&mut self, now: Time, bytes: &[u8]) {
        if self.inside == 0 {
            (self.moved, self.look) = (now, (now + LOOK, LOOK));
        }
        // A socket that is closing takes nothing; it says so itself.
        if self.raw.send_with_u8_array(bytes).is_ok() {
            self.inside += bytes.len();
            self.traffic.0 += bytes.len() as u64;
        }
    }

    /// Grants the machine room for what has left the browser.
    fn make_room(&mut self, now: Time) {
        if self.inside == 0 {
            return;
        }
        let left = self.inside.saturating_sub(self.raw.buffered_amount() as usize);
        if left > 0 {
            self.inside -= left;
            (self.moved, self.look) = (now, (now + LOOK, LOOK));
            self.handle(now, link::Input::Room(left));
        } else if now >= self.look.0 {
            let pause = Span(self.look.1.millis() * 2).min(LOOK_MAX);
            self.look = (now + pause, pause);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.raw.set_onopen(None);
        self.raw.set_onmessage(None);
        self.raw.set_onclose(None);
        // What was said still leaves before the close does.
        let _ = self.raw.close();
    }
}

impl Listeners {
    fn new(raw: &WebSocket, number: LinkId, post: &Post) -> Self {
        let told = |post: &Post| {
            let post = post.clone();
            move |said| post.tell(Happened::Socket(number, said))
        };
        let (open, message, close) = (told(post), told(post), told(post));
        let on_open = Closure::<dyn FnMut(Event)>::new(move |_| open(Said::Open));
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| message(Said::Message(event.data())));
        let on_close = Closure::<dyn FnMut(Event)>::new(move |_| close(Said::Closed));
        raw.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        raw.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        raw.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Self { _on_open: on_open, _on_message: on_message, _on_close: on_close }
    }
}

/// Bytes that a machine may have on their way into the browser: the socket is never idle, and a heartbeat waits for no more than this.
const ROOM: usize = 4 * SOCKET_MESSAGE_MAX;
/// A socket that takes none of what was said for so long has nobody who reads.
const STALL: Span = Span::seconds(60);
/// A call takes no longer than this, whatever it goes through.
const CALL_TIMEOUT: Span = Span::seconds(10);
/// How often is looked whether the browser's buffer became emptier, while something is in it.
const LOOK: Span = Span(4);
/// How seldom, when it does not become emptier.
const LOOK_MAX: Span = Span(250);
