//! A peer that has proven itself and then misbehaves: its frames open, what is in them is wrong.

use super::*;
use crate::block::SizeLog;
use crate::limits::{FRAME_MAX, HEADER_MAX, SOCKET_MESSAGE_MAX};
use crate::message::BlockHeader;

const MORE: u8 = 1;
const END: u8 = 2;
const BULK_MORE: u8 = 3;
const BULK_END: u8 = 4;
const PAYLOAD: u8 = 5;

fn malformed() -> [Output; 1] {
    [Output::Closed(CloseReason::Malformed)]
}

/// Sends frames, each in a socket message of its own, and returns what the honest side makes of them.
fn says(frames: &[(&[u8], u8)]) -> Vec<Output> {
    let (mut rogue, mut link) = Rogue::call();
    frames.iter().flat_map(|(content, kind)| receive(&mut link, &rogue.frame(content, *kind))).collect()
}

/// The announcement of a block of zeros under some id.
fn announce(log: u8, id: BlockId) -> Vec<u8> {
    let size = SizeLog::try_from(log).expect("a valid size");
    Plain::Block(BlockHeader { vault: VAULT, id, size }).encode()
}

fn zeros(log: u8) -> Block {
    Block::new(vec![0; 1 << log].into()).expect("a valid size")
}

#[test]
fn m17_a_block_whose_bytes_do_not_match_its_id_closes_the_link() {
    let id = zeros(12).id();
    let bytes = [0; 4096];
    assert_eq!(says(&[(&announce(12, id), BULK_END), (&bytes, PAYLOAD)]), [Output::Message(Message::Block(VAULT, zeros(12)))]);
    for at in [0, 2000, 4095] {
        let mut bytes = bytes;
        bytes[at] = 1;
        assert_eq!(says(&[(&announce(12, id), BULK_END), (&bytes, PAYLOAD)]), malformed());
    }
    assert_eq!(says(&[(&announce(12, BlockId([0; 32])), BULK_END), (&bytes, PAYLOAD)]), malformed());
}

#[test]
fn p10_payload_that_nobody_announced_or_that_is_too_long_closes_the_link() {
    let header = announce(12, zeros(12).id());
    assert_eq!(says(&[(&[0; 4096], PAYLOAD)]), malformed());
    assert_eq!(says(&[(&header, BULK_END), (&[0; 4097], PAYLOAD)]), malformed());
    assert_eq!(says(&[(&header, BULK_END), (&[0; 4000], PAYLOAD), (&[0; 97], PAYLOAD)]), malformed());
    // A second block before the first one is whole.
    assert_eq!(says(&[(&header, BULK_END), (&[0; 4000], PAYLOAD), (&header, BULK_END)]), malformed());
    assert_eq!(says(&[(&header, BULK_END), (&header[..3], BULK_MORE)]), malformed());
    // After a whole block its payload is over.
    let told = says(&[(&header, BULK_END), (&[0; 4096], PAYLOAD), (&[0], PAYLOAD)]);
    assert_eq!(told, [Output::Message(Message::Block(VAULT, zeros(12))), Output::Closed(CloseReason::Malformed)]);
}

#[test]
fn p10_a_message_in_the_wrong_lane_closes_the_link() {
    assert_eq!(says(&[(&announce(12, zeros(12).id()), END)]), malformed());
    assert_eq!(says(&[(&Plain::Ping(1).encode(), BULK_END)]), malformed());
    // A header does not go on in the other lane.
    let header = list(3).into_parts().0.encode();
    assert_eq!(says(&[(&header[..9], MORE), (&header[9..], BULK_END)]), malformed());
}

#[test]
fn p11_empty_frames_close_the_link() {
    for kind in [MORE, END, BULK_MORE, BULK_END, PAYLOAD] {
        assert_eq!(says(&[(&[], kind)]), [Output::Closed(CloseReason::Tampered)]);
    }
    assert_eq!(says(&[(b"", END), (b"", END)]), [Output::Closed(CloseReason::Tampered)]);
}

#[test]
fn unknown_kinds_of_frame_and_of_message_close_the_link() {
    for kind in (0..=255).filter(|kind| !(MORE..=PAYLOAD).contains(kind)) {
        assert_eq!(says(&[(&Plain::Ping(1).encode(), kind)]), malformed());
    }
    assert_eq!(says(&[(&[0x92, 99, 0xc0], END)]), malformed());
    assert_eq!(says(&[(b"not MessagePack", END)]), malformed());
}

#[test]
fn p02_p03_p04_bombs_in_a_header_close_the_link() {
    let ids = |count: [u8; 4]| [&[0x92, 11, 0x92, 0xc4, 32][..], &[0; 32], &[0xdd], &count].concat();
    for header in [
        vec![0x91; 60_000],
        [&[0x92, 1][..], &[0x91; 1025], &[0]].concat(),
        vec![0x81; 33],
        ids([0xff; 4]),
        ids([0, 1, 0, 0]),
        vec![0x92, 1, 0xcc, 5],
        vec![0x92, 1, 5, 5],
        vec![0xdc, 0, 2, 1, 5],
        vec![0x92, 61, 0xc6, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(says(&[(&header, END)]), malformed());
        assert_eq!(says(&[(&header, BULK_END)]), malformed());
    }
    // Blocks of 2 KiB and of 2 MiB.
    for log in [11, 21, 255] {
        let mut header = announce(12, zeros(12).id());
        *header.last_mut().expect("not empty") = log;
        assert_eq!(says(&[(&header, BULK_END)]), malformed());
    }
}

#[test]
fn p10_a_header_that_never_ends_is_bounded() {
    for kind in [MORE, BULK_MORE] {
        let (mut rogue, mut link) = Rogue::call();
        let piece = vec![0x90; FRAME_MAX - 17];
        let mut sent = 0;
        let told = loop {
            let told = receive(&mut link, &rogue.frame(&piece, kind));
            sent += piece.len();
            if !told.is_empty() {
                break told;
            }
            assert!(sent <= HEADER_MAX);
        };
        assert_eq!(told, malformed());
        assert!(sent - piece.len() <= HEADER_MAX);
    }
}

#[test]
fn p10_a_socket_message_that_is_too_long_is_not_looked_into() {
    let (mut rogue, mut link) = Rogue::call();
    let good = list(1000).into_parts().0.encode();
    let mut message = Vec::new();
    while message.len() <= SOCKET_MESSAGE_MAX {
        message.extend(rogue.frame(&good, END));
    }
    assert_eq!(receive(&mut link, &message), [Output::Closed(CloseReason::Tampered)]);
}

#[test]
fn nothing_that_follows_a_bad_frame_is_delivered() {
    let (mut rogue, mut link) = Rogue::call();
    let good = Plain::Ping(1).encode();
    let frames = [rogue.frame(&good, END), rogue.frame(b"bad", END), rogue.frame(&good, END)].concat();
    assert_eq!(receive(&mut link, &frames), [Output::Message(ping(1)), Output::Closed(CloseReason::Malformed)]);
    let again = rogue.frame(&good, END);
    assert_eq!(receive(&mut link, &again), []);
}
