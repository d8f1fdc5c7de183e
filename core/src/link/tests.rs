//! Stories of two links and somebody between them.

use bytes::Bytes;
use proptest::prelude::*;

use super::machine::State;
use super::*;
use crate::block::Block;
use crate::id::{BlockId, VaultId};
use crate::identity::Seed;
use crate::limits::{HANDSHAKE_TIMEOUT, SOCKET_MESSAGE_MAX};
use crate::message::{BlockHeader, Ids, Plain};
use crate::time::Time;

const NOW: Time = Time(1_000);
const PLENTY: usize = 64 << 20;

fn identity(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

fn link(number: u8, role: Role) -> Link {
    Link::new(NOW, Config { identity: &identity(number), role, entropy: [number ^ 0x55; 32] })
}

fn dialler(expected: Option<u8>) -> Link {
    link(1, Role::Dialer { expected: expected.map(|number| identity(number).peer()) })
}

fn drain(link: &mut Link) -> Vec<Output> {
    std::iter::from_fn(|| link.poll()).collect()
}

fn transmitted(outputs: &[Output]) -> Vec<Bytes> {
    let transmit = |output: &Output| match output {
        Output::Transmit(bytes) => Some(bytes.clone()),
        _ => None,
    };
    outputs.iter().filter_map(transmit).collect()
}

/// Two links that shook hands, with plenty of room.
fn pair() -> (Link, Link) {
    let (mut one, mut other) = (dialler(Some(2)), link(2, Role::Listener));
    for _ in 0..3 {
        for bytes in transmitted(&drain(&mut one)) {
            other.handle(NOW, Input::Received(bytes));
        }
        for bytes in transmitted(&drain(&mut other)) {
            one.handle(NOW, Input::Received(bytes));
        }
    }
    drain(&mut one);
    for link in [&mut one, &mut other] {
        link.handle(NOW, Input::Room(PLENTY));
        assert_eq!(drain(link), []);
        assert_eq!(link.deadline(), None);
    }
    (one, other)
}

fn block(size_log: u32, fill: u8) -> Block {
    Block::new(Bytes::from(vec![fill; 1 << size_log])).expect("a valid size")
}

fn carried(one: &mut Link, other: &mut Link) -> Vec<Output> {
    for bytes in transmitted(&drain(one)) {
        assert!(bytes.len() <= SOCKET_MESSAGE_MAX);
        other.handle(NOW, Input::Received(bytes));
    }
    drain(other)
}

fn closed(reason: CloseReason) -> Vec<Output> {
    vec![Output::Closed(reason)]
}

#[test]
fn messages_and_blocks_arrive_as_they_were_sent() {
    let (mut one, mut other) = pair();
    let messages = [
        Message::from(Plain::Ping(7)),
        Message::Block(VaultId([3; 32]), block(20, 9)),
        Message::Block(VaultId([3; 32]), block(12, 8)),
        Message::from(Plain::Want(Ids { vault: VaultId([3; 32]), ids: vec![BlockId([4; 32]); 4096] })),
    ];
    for message in messages.clone() {
        one.handle(NOW, Input::Send(message));
    }
    let arrived = carried(&mut one, &mut other);
    assert_eq!(arrived.len(), messages.len());
    for message in messages {
        assert!(arrived.contains(&Output::Message(message)));
    }
    assert_eq!(one.queued(), 0);
}

#[test]
fn control_overtakes_blocks_that_wait() {
    let (mut one, mut other) = pair();
    one.handle(NOW, Input::Send(Message::Block(VaultId([3; 32]), block(20, 9))));
    let first = one.poll().expect("a part of the block");
    one.handle(NOW, Input::Send(Plain::Ping(1).into()));
    let mut all = vec![first];
    all.extend(drain(&mut one));
    let mut arrived = Vec::new();
    for bytes in transmitted(&all) {
        other.handle(NOW, Input::Received(bytes));
        arrived.extend(drain(&mut other));
    }
    assert_eq!(arrived[0], Output::Message(Plain::Ping(1).into()));
    assert_eq!(arrived.len(), 2);
}

#[test]
fn nothing_leaves_without_room() {
    let (mut one, mut other) = pair();
    let mut fresh = dialler(Some(2));
    drain(&mut fresh);
    one.handle(NOW, Input::Send(Message::Block(VaultId([3; 32]), block(20, 9))));
    let sent: usize = transmitted(&drain(&mut one)).iter().map(Bytes::len).sum();
    assert!(sent > 1 << 20);
    // Use the room up, then grant it in small pieces: what leaves never exceeds what was granted.
    while one.queued() == 0 {
        one.handle(NOW, Input::Send(Message::Block(VaultId([3; 32]), block(20, 9))));
        drain(&mut one);
    }
    let mut granted = 0;
    let mut left = 0;
    while one.queued() > 0 {
        one.handle(NOW, Input::Room(1000));
        granted += 1000;
        left += transmitted(&drain(&mut one)).iter().map(Bytes::len).sum::<usize>();
        assert!(left <= granted + SOCKET_MESSAGE_MAX);
    }
    assert_eq!(drain(&mut other), []);
}

#[test]
fn p08_a_frame_altered_dropped_repeated_or_moved_closes_the_link_and_delivers_nothing() {
    let say = |one: &mut Link| {
        for number in 0..3 {
            one.handle(NOW, Input::Send(Plain::Ping(number).into()));
        }
        let mut messages = Vec::new();
        for _ in 0..3 {
            messages.push(number_of(one));
        }
        messages
    };
    fn number_of(one: &mut Link) -> Bytes {
        one.handle(NOW, Input::Send(Plain::Pong(9).into()));
        transmitted(&drain(one)).into_iter().next().expect("something to send")
    }
    let (mut one, _) = pair();
    let bytes = say(&mut one)[0].clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let (mut one, mut other) = pair();
            let mut bytes = say(&mut one)[0].to_vec();
            bytes[at] ^= 1 << bit;
            other.handle(NOW, Input::Received(bytes.into()));
            let outputs = drain(&mut other);
            // What stood before the altered frame in the same message was authentic; nothing after it is heard.
            assert!(
                matches!(outputs.last(), Some(Output::Closed(CloseReason::Tampered | CloseReason::Malformed))),
                "{at} {bit} {outputs:?}"
            );
        }
    }
    let orders: [&[usize]; 4] = [&[1], &[0, 0], &[0, 2], &[1, 0]];
    for order in orders {
        let (mut one, mut other) = pair();
        let messages = say(&mut one);
        let mut last = Vec::new();
        for index in order {
            other.handle(NOW, Input::Received(messages[*index].clone()));
            last = drain(&mut other);
            if last == closed(CloseReason::Tampered) {
                break;
            }
        }
        assert_eq!(last, closed(CloseReason::Tampered), "{order:?}");
        other.handle(NOW, Input::Received(messages[0].clone()));
        assert_eq!(drain(&mut other), []);
    }
}

#[test]
fn p08_bytes_of_one_lane_are_never_taken_for_another() {
    let (mut one, mut other) = pair();
    one.handle(NOW, Input::Send(Plain::Ping(1).into()));
    let mut bytes = transmitted(&drain(&mut one))[0].to_vec();
    bytes[0] ^= 1;
    other.handle(NOW, Input::Received(bytes.into()));
    assert_eq!(drain(&mut other), closed(CloseReason::Malformed));
}

#[test]
fn a_block_whose_bytes_are_not_its_own_closes_the_link() {
    let (mut one, mut other) = pair();
    let honest = block(12, 1);
    let State::Open { transport, .. } = &mut one.state else { panic!("open") };
    let header = Plain::Block(BlockHeader { vault: VaultId([0; 32]), id: BlockId([9; 32]), size: honest.size_log() }).encode();
    let mut message = vec![1];
    for (content, tag) in [(header.as_slice(), 0b11u8), (honest.bytes(), 0b101)] {
        let plain = [content, &[tag]].concat();
        let mut sealed = vec![0; plain.len() + 16];
        transport.write_message(&plain, &mut sealed).expect("fits");
        message.extend((sealed.len() as u16).to_be_bytes());
        message.extend(sealed);
    }
    other.handle(NOW, Input::Received(message.into()));
    assert_eq!(drain(&mut other), closed(CloseReason::Malformed));
}

#[test]
fn p03_garbage_and_impossible_lengths_close_the_link() {
    let hostile: [&[u8]; 6] = [&[], &[0], &[9, 0, 17], &[0, 0xff, 0xff, 1, 2, 3], &[0, 0, 16], &[1, 0, 0]];
    for bytes in hostile {
        let (_, mut other) = pair();
        other.handle(NOW, Input::Received(Bytes::copy_from_slice(bytes)));
        assert_eq!(drain(&mut other), closed(CloseReason::Malformed), "{bytes:?}");
        let mut fresh = link(2, Role::Listener);
        fresh.handle(NOW, Input::Received(Bytes::copy_from_slice(bytes)));
        assert_eq!(drain(&mut fresh), closed(CloseReason::Handshake), "{bytes:?}");
    }
    let (_, mut other) = pair();
    other.handle(NOW, Input::Received(vec![0; SOCKET_MESSAGE_MAX + 1].into()));
    assert_eq!(drain(&mut other), closed(CloseReason::Malformed));
}

#[test]
fn p03_a_header_that_never_ends_is_cut_off() {
    let (mut one, mut other) = pair();
    let State::Open { transport, .. } = &mut one.state else { panic!("open") };
    for _ in 0..4 {
        let mut plain = vec![7; 65_518];
        plain.push(0);
        let mut sealed = vec![0; plain.len() + 16];
        let len = transport.write_message(&plain, &mut sealed).expect("fits");
        let message = [&[0], (len as u16).to_be_bytes().as_slice(), &sealed[..len]].concat();
        other.handle(NOW, Input::Received(message.into()));
    }
    assert_eq!(drain(&mut other), []);
    let mut plain = vec![7; 4096];
    plain.push(0);
    let mut sealed = vec![0; plain.len() + 16];
    let len = transport.write_message(&plain, &mut sealed).expect("fits");
    other.handle(NOW, Input::Received([&[0], (len as u16).to_be_bytes().as_slice(), &sealed[..len]].concat().into()));
    assert_eq!(drain(&mut other), closed(CloseReason::Malformed));
}

#[test]
fn another_peer_than_the_dialled_one_is_not_spoken_to() {
    let (mut one, mut other) = (dialler(Some(3)), link(2, Role::Listener));
    for bytes in transmitted(&drain(&mut one)) {
        other.handle(NOW, Input::Received(bytes));
    }
    for bytes in transmitted(&drain(&mut other)) {
        one.handle(NOW, Input::Received(bytes));
    }
    assert_eq!(drain(&mut one), closed(CloseReason::WrongPeer), "and nothing was said of who we are");
}

#[test]
fn a_dialler_that_hears_its_own_words_back_closes() {
    let mut one = dialler(None);
    let first = transmitted(&drain(&mut one));
    one.handle(NOW, Input::Received(first[0].clone()));
    assert_eq!(drain(&mut one), closed(CloseReason::Handshake));
}

#[test]
fn p09_a_public_key_of_small_order_is_refused() {
    let mut other = link(2, Role::Listener);
    other.handle(NOW, Input::Received(Bytes::from(vec![0; 32])));
    assert_eq!(drain(&mut other), closed(CloseReason::Handshake));
}

#[test]
fn x01_half_a_handshake_is_given_up_in_time() {
    let mut other = link(2, Role::Listener);
    let deadline = other.deadline().expect("a deadline");
    assert_eq!(deadline.at, NOW + HANDSHAKE_TIMEOUT);
    other.handle(deadline.at, Input::Tick);
    assert_eq!(drain(&mut other), closed(CloseReason::HandshakeTimeout));
    assert_eq!(other.deadline(), None);
}

#[test]
fn a_goodbye_is_heard() {
    let (mut one, mut other) = pair();
    one.handle(NOW, Input::Send(Message::Block(VaultId([3; 32]), block(20, 9))));
    one.handle(NOW, Input::Close);
    let outputs = drain(&mut one);
    assert_eq!(outputs.last(), Some(&Output::Closed(CloseReason::Asked)));
    for bytes in transmitted(&outputs) {
        other.handle(NOW, Input::Received(bytes));
    }
    assert_eq!(drain(&mut other), closed(CloseReason::Bye));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn p16_whatever_the_room_and_the_order_messages_arrive_whole_and_in_the_order_of_their_lane(
        sizes in prop::collection::vec(prop_oneof![Just(0u32), 12u32..=16, Just(20)], 1..20),
        rooms in prop::collection::vec(1usize..200_000, 1..40),
    ) {
        let (mut one, mut other) = pair();
        let mut expected: [Vec<Output>; 2] = Default::default();
        let mut arrived: [Vec<Output>; 2] = Default::default();
        for (number, size) in sizes.iter().enumerate() {
            let message = if *size == 0 { Plain::Ping(number as u64).into() } else { Message::Block(VaultId([1; 32]), block(*size, number as u8)) };
            expected[usize::from(*size == 0)].push(Output::Message(message.clone()));
            one.handle(NOW, Input::Send(message));
        }
        let mut rooms = rooms.into_iter().cycle();
        while one.queued() > 0 {
            one.handle(NOW, Input::Room(rooms.next().expect("endless")));
            for output in carried(&mut one, &mut other) {
                let lane = usize::from(matches!(output, Output::Message(Message::Plain(_))));
                arrived[lane].push(output);
            }
        }
        prop_assert_eq!(expected, arrived);
    }

    #[test]
    fn p01_no_bytes_make_a_link_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), open in any::<bool>()) {
        let (_, mut other) = pair();
        if !open {
            other = link(2, Role::Listener);
        }
        other.handle(NOW, Input::Received(bytes.into()));
        drain(&mut other);
    }
}
