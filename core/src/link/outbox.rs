//! What waits to be sent: two lanes, control first, encrypted only when there is room for it.

use std::collections::VecDeque;

use bytes::Bytes;
use snow::TransportState;

use super::frame::{self, CONTENT_MAX, Kind, LENGTH, OVERHEAD};
use crate::limits::{FRAME_MAX, SOCKET_MESSAGE_MAX};
use crate::message::{Lane, Message};

/// The least content for which a frame is worth sending, unless it is all there is.
const ROOM_MIN: usize = 256;

/// Messages on their way out.
#[derive(Default)]
pub(super) struct Outbox {
    control: VecDeque<Part>,
    bulk: VecDeque<Part>,
    room: usize,
    queued: usize,
    plain: Vec<u8>,
}

/// A header or a payload, as far as it is not sent.
struct Part {
    bytes: Bytes,
    sent: usize,
    is_payload: bool,
}

impl Outbox {
    pub(super) fn push(&mut self, message: Message) {
        let lane = message.lane();
        let (header, payload) = message.into_parts();
        let parts = [Some((Bytes::from(header.encode()), false)), payload.map(|payload| (payload, true))];
        for (bytes, is_payload) in parts.into_iter().flatten() {
            self.queued += bytes.len();
            self.lane(lane).push_back(Part { bytes, sent: 0, is_payload });
        }
    }

    pub(super) fn grant(&mut self, bytes: usize) {
        self.room = self.room.saturating_add(bytes);
    }

    /// Takes room for bytes that do not come from here.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.room = self.room.saturating_sub(bytes);
    }

    /// Returns the bytes that wait.
    pub(super) const fn queued(&self) -> usize {
        self.queued
    }

    /// Encrypts the next socket message, as much as there is room for; `None` when nothing waits or there is no room.
    pub(super) fn next(&mut self, transport: &mut TransportState) -> Option<Bytes> {
        let lane = if self.control.is_empty() { Lane::Bulk } else { Lane::Control };
        if self.lane(lane).is_empty() || self.room < 1 + OVERHEAD + ROOM_MIN {
            return None;
        }
        let limit = self.room.min(SOCKET_MESSAGE_MAX);
        let mut plain = std::mem::take(&mut self.plain);
        let mut message =
            Vec::with_capacity(limit.min(1 + OVERHEAD + self.lane(lane).iter().take(8).map(Part::left).sum::<usize>() + 8 * OVERHEAD));
        message.push(frame::hint(lane));
        while message.len() + OVERHEAD < limit
            && let Some(part) = self.lane(lane).front_mut()
        {
            let take = part.left().min(CONTENT_MAX).min(limit - message.len() - OVERHEAD);
            if take < part.left().min(ROOM_MIN) {
                break;
            }
            let content = &part.bytes[part.sent..part.sent + take];
            part.sent += take;
            let done = part.left() == 0;
            let kind = match (part.is_payload, done) {
                (true, _) => Kind::Payload,
                (false, true) => Kind::HeaderEnd,
                (false, false) => Kind::HeaderPart,
            };
            plain.clear();
            plain.extend_from_slice(content);
            plain.push(frame::tag(lane, kind));
            if done {
                self.lane(lane).pop_front();
            }
            self.queued -= take;
            seal(transport, &plain, &mut message);
        }
        self.plain = plain;
        self.room -= message.len();
        Some(Bytes::from(message))
    }

    fn lane(&mut self, lane: Lane) -> &mut VecDeque<Part> {
        match lane {
            Lane::Control => &mut self.control,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

impl Part {
    fn left(&self) -> usize {
        self.bytes.len() - self.sent
    }
}

/// Appends one frame.
fn seal(transport: &mut TransportState, plain: &[u8], message: &mut Vec<u8>) {
    let start = message.len();
    let len = plain.len() + super::resolver::TAG;
    debug_assert!(len <= FRAME_MAX);
    message.extend_from_slice(&(len as u16).to_be_bytes());
    message.resize(start + LENGTH + len, 0);
    transport.write_message(plain, &mut message[start + LENGTH..]).expect("invariant: a frame fits, and nobody sends 2^64 of them");
}
