//! The life of a link.
//!
//! ```text
//!             the peer has proven itself
//!   Handshake ─────────────────────────────> Open
//!       │ too late, forged, somebody else,     │ tampered, malformed, goodbye, asked, gone
//!       │ no common version, asked, gone       │
//!       └──────────────────> Closed <──────────┘
//! ```

use std::collections::VecDeque;

use super::frame;
use super::handshake::{Done, Handshake, Progress, WIRE_VERSIONS};
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::transport::Transport;
use super::{CloseReason, Config, Input, Output};
use crate::limits::{HANDSHAKE_TIMEOUT, LINK_OUTBOX, MESSAGE_COST, SOCKET_MESSAGE_MAX};
use crate::message::{Message, Plain};
use crate::time::{Clock, Deadline, Time, Wake};

/// One connection to one peer; see the [module](super). Follows the five rules of [every machine](crate).
pub struct Link {
    clock: Clock,
    state: State,
    outbox: Outbox,
    outputs: VecDeque<Output>,
}

enum State {
    Handshake { handshake: Box<Handshake>, until: Time },
    Open { transport: Box<Transport>, inbox: Inbox },
    Closed,
}

impl Link {
    /// Begins a link over a socket that is open. Both sides have [`HANDSHAKE_TIMEOUT`] from here.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "entropy is used once")]
    pub fn new(now: Time, config: Config<'_>) -> Self {
        Self::with_versions(now, &config, WIRE_VERSIONS)
    }

    pub(super) fn with_versions(now: Time, config: &Config<'_>, versions: &'static [u16]) -> Self {
        let mut clock = Clock::default();
        let now = clock.advance(now);
        let (handshake, first) = Handshake::new(now, config, versions);
        let state = State::Handshake { handshake, until: now + HANDSHAKE_TIMEOUT };
        Self { clock, state, outbox: Outbox::default(), outputs: first.map(Output::Transmit).into_iter().collect() }
    }

    /// Takes an input in. After the link has closed, nothing has an effect.
    pub fn handle(&mut self, now: Time, input: Input) {
        let now = self.clock.advance(now);
        match &self.state {
            State::Closed => return,
            State::Handshake { until, .. } if now >= *until => return self.close(CloseReason::HandshakeTimeout),
            State::Handshake { .. } | State::Open { .. } => {}
        }
        match input {
            Input::Received(message) => {
                if let Err(reason) = self.received(&message) {
                    self.close(reason);
                }
            }
            Input::Send(message) => {
                if self.outbox.push(message).is_err() {
                    self.close(CloseReason::TooLong);
                }
            }
            Input::Room(bytes) => self.outbox.grant(bytes),
            Input::Gone => self.close(CloseReason::Gone),
            Input::Close => {
                if let State::Open { transport, .. } = &mut self.state {
                    self.outputs.extend(self.outbox.goodbye(transport).map(Output::Transmit));
                }
                self.close(CloseReason::Asked);
            }
            Input::Tick => {}
        }
    }

    /// Returns the next thing to do; to be called until it returns `None`.
    ///
    /// Frames are sealed here, one socket message at a time, so that what waits for room is never in memory twice.
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        match &mut self.state {
            State::Open { transport, .. } => self.outbox.seal(transport).map(Output::Transmit),
            State::Handshake { .. } | State::Closed => None,
        }
    }

    /// Returns when the handshake must be finished; an open link waits for nothing.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        match &self.state {
            State::Handshake { until, .. } => Some(Deadline { at: *until, wake: Wake::Handshake }),
            State::Open { .. } | State::Closed => None,
        }
    }

    /// Returns the bytes of messages that wait for the handshake or for room.
    #[must_use]
    pub const fn queued(&self) -> usize {
        self.outbox.queued()
    }

    /// Says whether the peer has so much open that a driver should cut it off: it does not read, or asked for more than it may.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        // A million tiny messages cost more than their bytes.
        self.outbox.queued() + self.outbox.waiting() * MESSAGE_COST > LINK_OUTBOX
    }

    fn received(&mut self, message: &[u8]) -> Result<(), CloseReason> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Handshake { handshake, until } => match handshake.receive(message)? {
                Progress::Answer(handshake, answer) => {
                    self.state = State::Handshake { handshake, until };
                    self.outputs.push_back(Output::Transmit(answer));
                    Ok(())
                }
                Progress::Done(done) => self.opened(done),
            },
            State::Open { mut transport, mut inbox } => {
                self.open(&mut transport, &mut inbox, message)?;
                self.state = State::Open { transport, inbox };
                Ok(())
            }
            State::Closed => Ok(()),
        }
    }

    fn opened(&mut self, done: Done) -> Result<(), CloseReason> {
        // Goes out even if no version fits, so that the other side learns the reason too.
        self.outputs.extend(done.last.map(Output::Transmit));
        let version = done.version.ok_or(CloseReason::Version)?;
        self.outputs.push_back(Output::Ready { peer: done.peer, version });
        self.state = State::Open { transport: done.transport, inbox: Inbox::default() };
        Ok(())
    }

    /// Opens the frames of a socket message. What was whole before a bad frame has arrived; nothing after it has.
    fn open(&mut self, transport: &mut Transport, inbox: &mut Inbox, message: &[u8]) -> Result<(), CloseReason> {
        if message.is_empty() || message.len() > SOCKET_MESSAGE_MAX {
            return Err(CloseReason::Tampered);
        }
        for sealed in frame::split(message) {
            match inbox.open(transport, sealed.ok_or(CloseReason::Tampered)?)? {
                Some(Message::Plain(Plain::Bye(_))) => return Err(CloseReason::Bye),
                Some(message) => self.outputs.push_back(Output::Message(message)),
                None => {}
            }
        }
        Ok(())
    }

    /// Ends the link; keys and everything that waits go with it.
    fn close(&mut self, reason: CloseReason) {
        self.state = State::Closed;
        self.outbox = Outbox::default();
        self.outputs.push_back(Output::Closed(reason));
    }
}
