//! What arrives: frames are opened and joined to messages, each lane for itself.

use bytes::Bytes;

use super::CloseReason;
use super::frame::{self, Kind};
use super::transport::Transport;
use crate::block::Block;
use crate::limits::HEADER_MAX;
use crate::message::{BlockHeader, Lane, Message, Plain};

/// The unfinished messages of a link: at most one header per lane and one block.
#[derive(Default)]
pub(super) struct Inbox {
    control: Vec<u8>,
    bulk: Vec<u8>,
    block: Option<Incoming>,
}

/// A block on its way.
struct Incoming {
    header: BlockHeader,
    /// What came of the block, behind `start`. It never grows beyond what it was made for: the block, and one byte more, the last
    /// frame's kind.
    buffer: Vec<u8>,
    /// Where the block begins: at an address that a disk can be written from directly.
    start: usize,
    filled: usize,
}

impl Incoming {
    fn new(header: BlockHeader) -> Self {
        let mut buffer = Vec::<u8>::with_capacity(header.size.bytes() + 1 + PAGE);
        let start = buffer.as_ptr().align_offset(PAGE).min(PAGE);
        buffer.resize(start, 0);
        Self { header, buffer, start, filled: 0 }
    }

    /// Returns room for `len` more bytes and a kind, unless the block has no room for them.
    ///
    /// Zeroed only now: what is written next is in the processor's cache then, as a whole block would not be.
    fn rest(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.filled + len > self.header.size.bytes() {
            return None;
        }
        let from = self.start + self.filled;
        self.buffer.resize(from + len + 1, 0);
        self.buffer.get_mut(from..)
    }

    /// Returns the bytes of a block that is whole.
    fn into_bytes(self) -> Bytes {
        Bytes::from(self.buffer).slice(self.start..self.start + self.filled)
    }
}

impl Inbox {
    /// Opens the next frame and returns the message that it completes.
    ///
    /// While a block is on its way, a frame that fits the rest of it is decrypted straight into its buffer. Should the frame turn out
    /// to be of the other lane, its content is taken from there, and the next piece of the block overwrites it.
    pub(super) fn open(&mut self, transport: &mut Transport, sealed: &[u8]) -> Result<Option<Message>, CloseReason> {
        let len = sealed.len().checked_sub(frame::SEAL).ok_or(CloseReason::Tampered)?;
        let in_block = self.block.is_some();
        let rest = self.block.as_mut().and_then(|block| block.rest(len));
        let in_place = rest.is_some();
        let mut elsewhere = vec![0; if in_place { 0 } else { len + 1 }];
        let into = rest.unwrap_or(&mut elsewhere);
        if !transport.open(sealed, into) {
            return Err(CloseReason::Tampered);
        }
        let Some((kind, content)) = into.split_last() else { return Err(CloseReason::Malformed) };
        let kind = Kind::from_byte(*kind).ok_or(CloseReason::Malformed)?;
        match kind {
            Kind::Payload if in_place => self.payload(len),
            // No block was announced, or it is longer than announced.
            Kind::Payload => Err(CloseReason::Malformed),
            Kind::Part(Lane::Control) => join(&mut self.control, content).map(|()| None),
            Kind::End(Lane::Control) => match finish(&mut self.control, content)? {
                // Announced in the lane where its bytes will not follow, or in the way of what must not wait.
                Plain::Block(_) | Plain::Through(_) => Err(CloseReason::Malformed),
                plain => Ok(Some(plain.into())),
            },
            Kind::Part(Lane::Bulk) | Kind::End(Lane::Bulk) if in_block => Err(CloseReason::Malformed),
            Kind::Part(Lane::Bulk) => join(&mut self.bulk, content).map(|()| None),
            Kind::End(Lane::Bulk) => match finish(&mut self.bulk, content)? {
                Plain::Block(header) => {
                    self.block = Some(Incoming::new(header));
                    Ok(None)
                }
                piece @ Plain::Through(_) => Ok(Some(piece.into())),
                _ => Err(CloseReason::Malformed),
            },
        }
    }

    /// Counts bytes that have been decrypted into the block, and verifies it once it is whole.
    fn payload(&mut self, len: usize) -> Result<Option<Message>, CloseReason> {
        let Some(mut block) = self.block.take() else { return Err(CloseReason::Malformed) };
        block.filled += len;
        if block.filled < block.header.size.bytes() {
            self.block = Some(block);
            return Ok(None);
        }
        let BlockHeader { vault, id, .. } = block.header;
        let verified = Block::verify(id, block.into_bytes()).map_err(|_| CloseReason::Malformed)?;
        Ok(Some(Message::Block(vault, verified)))
    }
}

/// Adds a piece to a header, unless that gets too long.
fn join(header: &mut Vec<u8>, piece: &[u8]) -> Result<(), CloseReason> {
    if header.len() + piece.len() > HEADER_MAX {
        return Err(CloseReason::Malformed);
    }
    header.extend_from_slice(piece);
    Ok(())
}

/// Adds the last piece to a header and decodes it.
fn finish(header: &mut Vec<u8>, piece: &[u8]) -> Result<Plain, CloseReason> {
    join(header, piece)?;
    let plain = Plain::decode(header).map_err(|_| CloseReason::Malformed);
    // A long header is rare and must not stay with an idle link.
    *header = Vec::new();
    plain
}

/// What the addresses of direct writes are multiples of, everywhere that there are such writes.
const PAGE: usize = 4096;
