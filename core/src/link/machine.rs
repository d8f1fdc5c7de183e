//! The link machine: shaking hands, open, over.
//!
//! ```text
//!   Shaking --peer proven--> Open --asked, gone, goodbye, hostile bytes--> Over
//!      |                                                                    ^
//!      +------------- timeout, forged, another peer, no common version -----+
//! ```

use std::collections::VecDeque;

use bytes::Bytes;
use snow::TransportState;

use super::handshake::{Handshake, Progress};
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::{CloseReason, Config, Input, Output};
use crate::limits::{HANDSHAKE_TIMEOUT, SOCKET_MESSAGE_MAX};
use crate::message::{Message, Plain};
use crate::time::{Clock, Deadline, Time, Wake};

/// One connection to one peer.
pub struct Link {
    clock: Clock,
    pub(super) state: State,
    outbox: Outbox,
    outputs: VecDeque<Output>,
}

pub(super) enum State {
    Shaking { handshake: Option<Box<Handshake>>, until: Time },
    Open { transport: Box<TransportState>, inbox: Box<Inbox> },
    Over,
}

impl Link {
    /// Begins a link; a dialler speaks first.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a configuration serves one link")]
    pub fn new(now: Time, config: Config<'_>) -> Self {
        let mut clock = Clock::default();
        let until = clock.advance(now) + HANDSHAKE_TIMEOUT;
        let (handshake, first) = Handshake::new(&config);
        let outputs = first.into_iter().map(|first| Output::Transmit(Bytes::from(first))).collect();
        Self { clock, state: State::Shaking { handshake: Some(Box::new(handshake)), until }, outbox: Outbox::default(), outputs }
    }

    /// Takes one input in; see the contract of every machine in the crate's documentation.
    pub fn handle(&mut self, now: Time, input: Input) {
        let now = self.clock.advance(now);
        if matches!(self.state, State::Over) {
            return;
        }
        match input {
            Input::Received(bytes) => {
                if let Err(reason) = self.receive(&bytes) {
                    self.close(reason);
                }
            }
            Input::Send(message) => self.outbox.push(message),
            Input::Room(bytes) => self.outbox.grant(bytes),
            Input::Gone => self.close(CloseReason::Gone),
            Input::Close => {
                self.say_goodbye();
                self.close(CloseReason::Asked);
            }
            Input::Tick => {
                if let State::Shaking { until, .. } = self.state
                    && now >= until
                {
                    self.close(CloseReason::HandshakeTimeout);
                }
            }
        }
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| match &mut self.state {
            State::Open { transport, .. } => self.outbox.next(transport).map(Output::Transmit),
            State::Shaking { .. } | State::Over => None,
        })
    }

    /// Returns when to call again: only a handshake has a deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        match self.state {
            State::Shaking { until, .. } => Some(Deadline { at: until, wake: Wake::Handshake }),
            State::Open { .. } | State::Over => None,
        }
    }

    /// Returns the bytes that wait to be sent.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.outbox.queued()
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), CloseReason> {
        if bytes.len() > SOCKET_MESSAGE_MAX {
            return Err(CloseReason::Malformed);
        }
        match &mut self.state {
            State::Shaking { handshake, .. } => {
                let Some(shaking) = handshake.take() else { return Err(CloseReason::Handshake) };
                match shaking.receive(bytes)? {
                    (shaking, Progress::Reply(reply)) => {
                        *handshake = shaking.map(Box::new);
                        self.transmit(reply);
                    }
                    (_, Progress::Ready { transport, peer, version, last }) => {
                        self.state = State::Open { transport, inbox: Box::default() };
                        last.into_iter().for_each(|last| self.transmit(last));
                        self.outputs.push_back(Output::Ready { peer, version });
                    }
                }
                Ok(())
            }
            State::Open { transport, inbox } => inbox.receive(transport, bytes, |message| self.outputs.push_back(Output::Message(message))),
            State::Over => Ok(()),
        }
    }

    /// Sends a handshake message: it does not wait for room, but takes it.
    fn transmit(&mut self, message: Vec<u8>) {
        self.outbox.spend(message.len());
        self.outputs.push_back(Output::Transmit(Bytes::from(message)));
    }

    /// Sends a goodbye in place of everything that waits; it does not wait for room.
    fn say_goodbye(&mut self) {
        if let State::Open { transport, .. } = &mut self.state {
            let mut outbox = Outbox::default();
            outbox.push(Message::Plain(Plain::Bye(0)));
            outbox.grant(SOCKET_MESSAGE_MAX);
            self.outputs.extend(outbox.next(transport).map(Output::Transmit));
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.state = State::Over;
        self.outbox = Outbox::default();
        self.outputs.push_back(Output::Closed(reason));
    }
}
