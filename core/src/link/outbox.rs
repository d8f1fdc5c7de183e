//! What waits to be sent: two lanes of messages, sealed only when there is room for the bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use super::frame::{Kind, Packer};
use super::transport::Transport;
use crate::limits::{HEADER_MAX, SOCKET_MESSAGE_MAX};
use crate::message::{Lane, Message, Plain};

/// The queues of a link. A block's bytes are shared with whoever else holds it until they are sealed.
#[derive(Default)]
pub(super) struct Outbox {
    control: VecDeque<Outgoing>,
    bulk: VecDeque<Outgoing>,
    control_bytes: usize,
    bulk_bytes: usize,
    room: usize,
}

/// A message, or what is left of it.
struct Outgoing {
    header: Bytes,
    payload: Bytes,
    begun: bool,
}

/// A message is longer than the protocol allows.
pub(super) struct TooLong;

impl Outbox {
    /// Queues a message.
    pub(super) fn push(&mut self, message: Message) -> Result<(), TooLong> {
        let lane = message.lane();
        let (header, payload) = message.into_parts();
        let outgoing = Outgoing { header: header.encode().into(), payload: payload.unwrap_or_default(), begun: false };
        if outgoing.header.len() > HEADER_MAX {
            return Err(TooLong);
        }
        let (queue, bytes) = self.lane(lane);
        *bytes += outgoing.header.len() + outgoing.payload.len();
        queue.push_back(outgoing);
        Ok(())
    }

    /// Grants bytes.
    pub(super) fn grant(&mut self, room: usize) {
        self.room = self.room.saturating_add(room);
    }

    /// Seals the next socket message, as long as room and the lane's queue allow; control goes first.
    pub(super) fn seal(&mut self, transport: &mut Transport) -> Option<Bytes> {
        let room = self.room;
        let lane = if self.control.is_empty() { Lane::Bulk } else { Lane::Control };
        let (queue, bytes) = self.lane(lane);
        let mut packer = Packer::new(room, *bytes);
        while let Some(next) = queue.front_mut() {
            let left = if next.header.is_empty() { next.payload.len() } else { next.header.len() };
            let space = packer.space();
            // The first frame goes whatever its size, so that little room is better than none; a sliver behind others waits.
            if space == 0 || (!packer.is_empty() && space < left.min(SLIVER)) {
                break;
            }
            let (piece, kind) = next.take(lane, space);
            *bytes -= piece.len();
            packer.push(transport, &piece, kind);
            if next.is_empty() {
                queue.pop_front();
            }
        }
        if packer.is_empty() {
            return None;
        }
        let message = packer.finish();
        self.room -= message.len();
        Some(message)
    }

    /// Seals a goodbye ahead of everything that waits, and without room: a few bytes, once. Not in the middle of a header, which it would
    /// be taken for a part of.
    pub(super) fn goodbye(&self, transport: &mut Transport) -> Option<Bytes> {
        if self.control.front().is_some_and(|next| next.begun) {
            return None;
        }
        let header = Plain::Bye(0).encode();
        let mut packer = Packer::new(SOCKET_MESSAGE_MAX, header.len());
        packer.push(transport, &header, Kind::End(Lane::Control));
        Some(packer.finish())
    }

    /// Returns the bytes of messages that have not been sealed.
    pub(super) const fn queued(&self) -> usize {
        self.control_bytes + self.bulk_bytes
    }

    /// Returns how many messages wait, begun ones included.
    pub(super) fn waiting(&self) -> usize {
        self.control.len() + self.bulk.len()
    }

    fn lane(&mut self, lane: Lane) -> (&mut VecDeque<Outgoing>, &mut usize) {
        match lane {
            Lane::Control => (&mut self.control, &mut self.control_bytes),
            Lane::Bulk => (&mut self.bulk, &mut self.bulk_bytes),
        }
    }
}

impl Outgoing {
    /// Takes the next piece of at most `space` bytes.
    fn take(&mut self, lane: Lane, space: usize) -> (Bytes, Kind) {
        self.begun = true;
        if self.header.is_empty() {
            return (self.payload.split_to(space.min(self.payload.len())), Kind::Payload);
        }
        let piece = self.header.split_to(space.min(self.header.len()));
        let kind = if self.header.is_empty() { Kind::End(lane) } else { Kind::Part(lane) };
        (piece, kind)
    }

    fn is_empty(&self) -> bool {
        self.header.is_empty() && self.payload.is_empty()
    }
}

/// Bytes of content below which no frame is begun at the end of a socket message: it would be mostly overhead.
const SLIVER: usize = 1024;
