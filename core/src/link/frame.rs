//! Frames: a Noise transport message each, several of one lane to a socket message.
//!
//! ```text
//!   socket message   lane (1 byte, a hint) | frame | frame | …           at most SOCKET_MESSAGE_MAX bytes
//!   frame            length (2 bytes, big-endian) | Noise message        at most FRAME_MAX bytes of Noise message
//!   plaintext        content | tag (1 byte: lane, kind)
//! ```
//!
//! The tag stands behind the content so that a payload can be decrypted straight into its place; the byte after it is then written
//! over by what follows. The hint says only where to decrypt to: a frame whose tag is not of the hinted lane closes the link.

use super::resolver::TAG;
use crate::limits::FRAME_MAX;
use crate::message::Lane;

/// Bytes of a frame's length field.
pub(super) const LENGTH: usize = 2;
/// Bytes that a frame adds to its content: length, tag byte, authenticator.
pub(super) const OVERHEAD: usize = LENGTH + 1 + TAG;
/// Bytes of content that one frame takes.
pub(super) const CONTENT_MAX: usize = FRAME_MAX - 1 - TAG;

/// What a frame's content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a header that goes on in the lane's next frame.
    HeaderPart,
    /// The end of a header.
    HeaderEnd,
    /// A part of the payload that the lane's last header announced.
    Payload,
}

/// Returns the tag byte of a frame.
pub(super) const fn tag(lane: Lane, kind: Kind) -> u8 {
    let kind = match kind {
        Kind::HeaderPart => 0,
        Kind::HeaderEnd => 1,
        Kind::Payload => 2,
    };
    kind << 1 | hint(lane)
}

/// Returns the first byte of a socket message of this lane.
pub(super) const fn hint(lane: Lane) -> u8 {
    match lane {
        Lane::Control => 0,
        Lane::Bulk => 1,
    }
}

/// Reads the first byte of a socket message.
pub(super) const fn lane(hint: u8) -> Option<Lane> {
    match hint {
        0 => Some(Lane::Control),
        1 => Some(Lane::Bulk),
        _ => None,
    }
}
