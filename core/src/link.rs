//! One connection to one peer: messages in, encrypted frames out, and back.
//!
//! A link runs over anything that moves whole binary messages in order. It begins with a Noise XX handshake (`Noise_XX_25519_
//! ChaChaPoly_BLAKE2s`) whose payloads carry each side's peer id and its signature over the Noise static key, and the wire versions
//! that it speaks. Then a [`Message`] is a header frame and, for a block, payload frames that are decrypted straight into the block's
//! one buffer; the block is verified here, before anybody hears of it.
//!
//! Two lanes, control and bulk, each with a queue. A socket message carries whole frames of one lane, at most
//! [`SOCKET_MESSAGE_MAX`](crate::limits::SOCKET_MESSAGE_MAX) bytes, so a heartbeat waits for one of those and never for a block. Bytes leave
//! only as far as the driver granted [`Input::Room`], control first.
//!
//! [`handshake`] makes two strangers a pair with keys, over [`resolver`]'s primitives, and [`transport`] holds these; [`outbox`] cuts
//! messages into [`frame`]s, [`inbox`] joins them again; [`machine`] is the life of a link from the first to the last of them.
//!
//! Everything that a peer does wrong closes the link with a [`CloseReason`]; nothing of a message that did not arrive whole and
//! authentic is delivered.

mod frame;
mod handshake;
mod inbox;
mod machine;
mod outbox;
mod resolver;
#[cfg(test)]
mod tests;
mod transport;

use bytes::Bytes;

use crate::id::PeerId;
use crate::identity::Identity;
use crate::message::Message;

pub use handshake::WIRE_VERSIONS;
pub use machine::Link;

/// How a link begins.
pub struct Config<'a> {
    /// The device that speaks.
    pub identity: &'a Identity,
    /// Who called whom.
    pub role: Role,
    /// Fresh entropy for the handshake's keys; mixed with the device's secret, so that a guess at it is not enough.
    pub entropy: [u8; 32],
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This side called, and closes when another id than `expected` proves itself.
    Dialer {
        /// The peer that the address names.
        expected: Option<PeerId>,
    },
    /// This side was called.
    Listener,
}

/// What happens to a link.
#[derive(Debug)]
pub enum Input {
    /// A socket message arrived.
    Received(Bytes),
    /// The node says something; queued whatever the room.
    Send(Message),
    /// The socket takes this many more bytes of frames; handshake messages and the goodbye, a few hundred bytes in all, are not counted.
    Room(usize),
    /// The socket is gone.
    Gone,
    /// The node wants the link closed: a goodbye goes out, and nothing else that waits.
    Close,
    /// Time passed.
    Tick,
}

/// What a link wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes as one socket message.
    Transmit(Bytes),
    /// The peer has proven who it is.
    Ready {
        /// The peer.
        peer: PeerId,
        /// The wire version that both speak.
        version: u16,
    },
    /// The peer said something.
    Message(Message),
    /// Close the socket; the link is over and says nothing more.
    Closed(CloseReason),
}

/// Why a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The node asked for it.
    #[error("closed here")]
    Asked,
    /// The peer said goodbye.
    #[error("the peer closed the connection")]
    Bye,
    /// The socket went away.
    #[error("the connection was lost")]
    Gone,
    /// The handshake took too long.
    #[error("the peer did not finish its handshake in time")]
    HandshakeTimeout,
    /// The other side does not speak this protocol, or its handshake is forged.
    #[error("the peer's handshake is not valid")]
    Handshake,
    /// The other side proved to be somebody else.
    #[error("another peer answers at that address")]
    WrongPeer,
    /// The sides share no wire version.
    #[error("the peer speaks no protocol version that this release knows")]
    Version,
    /// A frame was altered, repeated, dropped or moved: the bytes are not those that the peer sealed next.
    #[error("the connection was tampered with")]
    Tampered,
    /// A message is malformed, too long, or a block does not match its id.
    #[error("the peer sent a malformed message")]
    Malformed,
    /// The node said something that is longer than the protocol allows: a mistake of this side.
    #[error("this side tried to send a message that is too long")]
    TooLong,
}
