//! A frame: one Noise transport message, and how several of them lie in one socket message.
//!
//! ```text
//!   socket message = frame, frame, …            at most SOCKET_MESSAGE_MAX bytes
//!   frame          = length (2, big-endian) ‖ sealed (length)
//!   sealed         = AEAD(content ‖ kind (1))   at most FRAME_MAX bytes with its authenticator
//! ```
//!
//! The kind stands behind the content, as in TLS 1.3, so that content can be decrypted to where it belongs: the byte behind it is
//! overwritten by the next frame. The length needs no authenticator of its own: another length is another ciphertext, which does not open.

use bytes::Bytes;

use super::transport::Transport;
use crate::limits::{FRAME_MAX, SOCKET_MESSAGE_FILL};
use crate::message::Lane;

/// What a frame carries, and so which lane it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A piece of a header that goes on in the lane's next header frame.
    Part(Lane),
    /// The rest of a header.
    End(Lane),
    /// A piece of the block that the bulk lane's last header announced.
    Payload,
}

impl Kind {
    /// Reads a kind.
    pub(super) const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Part(Lane::Control),
            2 => Self::End(Lane::Control),
            3 => Self::Part(Lane::Bulk),
            4 => Self::End(Lane::Bulk),
            5 => Self::Payload,
            _ => return None,
        })
    }

    /// Returns the byte behind the content.
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Part(Lane::Control) => 1,
            Self::End(Lane::Control) => 2,
            Self::Part(Lane::Bulk) => 3,
            Self::End(Lane::Bulk) => 4,
            Self::Payload => 5,
        }
    }
}

/// Bytes that sealing adds to content: the kind and the authenticator.
pub(super) const SEAL: usize = 1 + 16;
/// Bytes that a frame adds to its content in a socket message.
pub(super) const OVERHEAD: usize = LENGTH + SEAL;
/// Bytes of content in the largest frame.
pub(super) const CONTENT_MAX: usize = FRAME_MAX - SEAL;

/// A socket message in the making.
pub(super) struct Packer {
    bytes: Vec<u8>,
    limit: usize,
}

impl Packer {
    /// Begins a message of at most `limit` bytes; `content` is what waits, so that no more is allocated than is used.
    pub(super) fn new(limit: usize, content: usize) -> Self {
        let limit = limit.min(SOCKET_MESSAGE_FILL);
        let frames = content.div_ceil(CONTENT_MAX) + 1;
        Self { bytes: Vec::with_capacity(limit.min(content.saturating_add(frames * OVERHEAD))), limit }
    }

    /// Returns how much content one more frame may carry.
    pub(super) fn space(&self) -> usize {
        (self.limit - self.bytes.len()).saturating_sub(OVERHEAD).min(CONTENT_MAX)
    }

    /// Returns whether no frame is in the message yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Seals content that fits [`Self::space`] as one more frame.
    pub(super) fn push(&mut self, transport: &mut Transport, content: &[u8], kind: Kind) {
        let sealed = content.len() + SEAL;
        self.bytes.extend_from_slice(&(sealed as u16).to_be_bytes());
        let at = self.bytes.len();
        self.bytes.extend_from_slice(content);
        self.bytes.push(kind.byte());
        let tag = transport.seal(&mut self.bytes[at..]);
        self.bytes.extend_from_slice(&tag);
    }

    /// Returns the socket message.
    pub(super) fn finish(self) -> Bytes {
        self.bytes.into()
    }
}

/// The frames of a socket message, still sealed, or `None` for one whose length does not hold.
pub(super) fn split(message: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(message);
    std::iter::from_fn(move || {
        let left = rest.filter(|left| !left.is_empty())?;
        let frame = left.split_first_chunk::<LENGTH>().and_then(|(length, left)| {
            let length = usize::from(u16::from_be_bytes(*length));
            if length > SEAL { left.split_at_checked(length) } else { None }
        });
        rest = frame.map(|(_, left)| left);
        Some(frame.map(|(frame, _)| frame))
    })
}

const LENGTH: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_one_byte_and_no_other() {
        let known: Vec<u8> = (0..=255).filter(|byte| Kind::from_byte(*byte).is_some()).collect();
        assert_eq!(known, [1, 2, 3, 4, 5]);
        assert!(known.iter().all(|byte| Kind::from_byte(*byte).map(Kind::byte) == Some(*byte)));
    }

    #[test]
    fn p03_lengths_that_do_not_hold_yield_no_frame() {
        let lengths = |message: &[u8]| split(message).map(|frame| frame.map(<[u8]>::len)).collect::<Vec<_>>();
        let whole = [&[0, 18][..], &[7; 18], &[0, 19], &[7; 19]].concat();
        assert_eq!(lengths(&whole), [Some(18), Some(19)]);
        assert_eq!(lengths(&whole[..38]), [Some(18), None]);
        assert_eq!(lengths(&[0]), [None]);
        assert_eq!(lengths(&[0xff, 0xff, 1, 2, 3]), [None]);
        // Less than a byte of content is no frame.
        assert_eq!(lengths(&[&[0, 17][..], &[7; 17]].concat()), [None]);
        assert_eq!(lengths(&[]), []);
    }
}
