//! What is on its way in: frames of two lanes become messages; a block is decrypted straight into its one buffer and verified.

use bytes::Bytes;
use snow::TransportState;

use super::CloseReason;
use super::frame::{self, CONTENT_MAX, Kind, LENGTH};
use super::resolver::TAG;
use crate::block::Block;
use crate::limits::{FRAME_MAX, HEADER_MAX};
use crate::message::{BlockHeader, Lane, Message, Plain};

/// Messages on their way in.
#[derive(Default)]
pub(super) struct Inbox {
    /// The beginnings of headers.
    control: Vec<u8>,
    bulk: Vec<u8>,
    payload: Option<Payload>,
    plain: Vec<u8>,
}

/// A block that is arriving.
struct Payload {
    header: BlockHeader,
    /// The block's bytes and one more, where the last frame's tag comes to lie.
    bytes: Vec<u8>,
    filled: usize,
}

impl Inbox {
    /// Takes a socket message and hands over the messages that it completes.
    pub(super) fn receive(
        &mut self,
        transport: &mut TransportState,
        socket_message: &[u8],
        mut deliver: impl FnMut(Message),
    ) -> Result<(), CloseReason> {
        let (hint, mut rest) = socket_message.split_first().ok_or(CloseReason::Malformed)?;
        let lane = frame::lane(*hint).ok_or(CloseReason::Malformed)?;
        if rest.is_empty() {
            return Err(CloseReason::Malformed);
        }
        while !rest.is_empty() {
            let (length, behind) = rest.split_first_chunk::<LENGTH>().ok_or(CloseReason::Malformed)?;
            let length = usize::from(u16::from_be_bytes(*length));
            if !(TAG + 1..=FRAME_MAX).contains(&length) || length > behind.len() {
                return Err(CloseReason::Malformed);
            }
            let (sealed, behind) = behind.split_at(length);
            rest = behind;
            let message = match (&mut self.payload, lane) {
                (payload @ Some(_), Lane::Bulk) => take_payload(payload, transport, sealed)?,
                _ => self.take_header(transport, sealed, lane)?,
            };
            if let Some(message) = message {
                deliver(message);
            }
        }
        Ok(())
    }

    fn take_header(&mut self, transport: &mut TransportState, sealed: &[u8], lane: Lane) -> Result<Option<Message>, CloseReason> {
        self.plain.resize(CONTENT_MAX + 1, 0);
        let len = transport.read_message(sealed, &mut self.plain).map_err(|_| CloseReason::Tampered)?;
        let (tag, content) = self.plain[..len].split_last().ok_or(CloseReason::Malformed)?;
        let header = match lane {
            Lane::Control => &mut self.control,
            Lane::Bulk => &mut self.bulk,
        };
        if header.len() + content.len() > HEADER_MAX || content.is_empty() {
            return Err(CloseReason::Malformed);
        }
        header.extend_from_slice(content);
        if *tag == frame::tag(lane, Kind::HeaderPart) {
            return Ok(None);
        }
        if *tag != frame::tag(lane, Kind::HeaderEnd) {
            return Err(CloseReason::Malformed);
        }
        let plain = Plain::decode(&std::mem::take(header)).map_err(|_| CloseReason::Malformed)?;
        match (plain, lane) {
            (Plain::Block(header), Lane::Bulk) => {
                self.payload = Some(Payload { header, bytes: vec![0; header.size.bytes() + 1], filled: 0 });
                Ok(None)
            }
            (Plain::Bye(_), Lane::Control) => Err(CloseReason::Bye),
            (Plain::Block(_), Lane::Control) | (_, Lane::Bulk) => Err(CloseReason::Malformed),
            (plain, Lane::Control) => Ok(Some(Message::Plain(plain))),
        }
    }
}

/// Decrypts a frame of payload into its place.
fn take_payload(slot: &mut Option<Payload>, transport: &mut TransportState, sealed: &[u8]) -> Result<Option<Message>, CloseReason> {
    let Some(payload) = slot else { return Ok(None) };
    let end = payload.filled + sealed.len() - TAG;
    if end > payload.bytes.len() || sealed.len() < TAG + 2 {
        return Err(CloseReason::Malformed);
    }
    transport.read_message(sealed, &mut payload.bytes[payload.filled..end]).map_err(|_| CloseReason::Tampered)?;
    if payload.bytes[end - 1] != frame::tag(Lane::Bulk, Kind::Payload) {
        return Err(CloseReason::Malformed);
    }
    payload.filled = end - 1;
    if payload.filled + 1 < payload.bytes.len() {
        return Ok(None);
    }
    let Some(Payload { header, mut bytes, filled }) = slot.take() else { return Ok(None) };
    bytes.truncate(filled);
    let block = Block::verify(header.id, Bytes::from(bytes)).map_err(|_| CloseReason::Malformed)?;
    Ok(Some(Message::Block(header.vault, block)))
}
