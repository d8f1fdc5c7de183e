//! What is sent arrives whole and in the order of its lane, however little room there is; control does not wait for blocks.

use super::*;
use crate::limits::{HEADER_MAX, SOCKET_MESSAGE_MAX};

#[test]
fn messages_arrive_as_they_were_sent() {
    let (mut near, mut far) = pair();
    let sent = [ping(1), list(4000), block(1, 20), block(2, 12), ping(2)];
    let wire = sealed(&mut near, sent.clone());
    assert!(wire.iter().all(|message| message.len() <= SOCKET_MESSAGE_MAX));
    let mut arrived = delivered(&mut far, &wire);
    for message in [0, 1, 4, 2, 3] {
        assert_eq!(arrived.remove(0), Output::Message(sent[message].clone()));
    }
    assert_eq!(arrived, []);
    // And the other way.
    let wire = sealed(&mut far, [ping(3)]);
    assert_eq!(delivered(&mut near, &wire), [Output::Message(ping(3))]);
}

#[test]
fn small_messages_share_a_socket_message() {
    let (mut near, mut far) = pair();
    let wire = sealed(&mut near, (0..100).map(ping));
    assert_eq!(wire.len(), 1);
    assert_eq!(delivered(&mut far, &wire).len(), 100);
    let wire = sealed(&mut near, (0..8).map(|i| block(i, 15)));
    assert_eq!(wire.len(), 2, "8 blocks of 32 KiB are little more than one socket message");
    assert_eq!(delivered(&mut far, &wire).len(), 8);
}

#[test]
fn a_heartbeat_waits_for_one_socket_message_of_a_block() {
    let (mut near, mut far) = pair();
    near.handle(NOW, Input::Send(block(1, 20)));
    let begun = near.poll();
    near.handle(NOW, Input::Send(ping(1)));
    let rest = drain(&mut near);
    let wire = transmitted(begun.into_iter().chain(rest).collect());
    assert!(wire.len() > 4 && wire[1].len() < 64, "the second socket message is the heartbeat");
    let arrived: Vec<_> = wire.iter().map(|message| receive(&mut far, message)).collect();
    assert_eq!(arrived[1], [Output::Message(ping(1))]);
    assert_eq!(arrived.last(), Some(&vec![Output::Message(block(1, 20))]));
}

#[test]
fn nothing_leaves_beyond_the_room() {
    let (mut near, mut far) = (dialler(None), listener());
    near.handle(NOW, Input::Send(block(1, 16)));
    let first = transmitted(drain(&mut near));
    let second = transmitted(receive(&mut far, &first[0]));
    let third = receive(&mut near, &second[0]);
    assert_eq!(third.len(), 2, "the handshake needs no room, the block waits: {third:?}");
    far.handle(NOW, Input::Received(transmitted(third).remove(0)));
    drain(&mut far);
    let queued = near.queued();
    assert!(queued > 1 << 16);
    let (mut granted, mut sent, mut arrived) = (0, 0, Vec::new());
    for room in [1, 18, 1, 1, 0, 100, 1000, 1 << 20] {
        granted += room;
        for message in transmitted(step(&mut near, Input::Room(room))) {
            sent += message.len();
            arrived.extend(receive(&mut far, &message));
        }
        assert!(sent <= granted, "{sent} bytes sent, {granted} granted");
        // Less than 20 bytes are less than the smallest frame; nothing else is held back.
        assert!(granted - sent < 20 || near.queued() == 0);
    }
    assert_eq!(arrived, [Output::Message(block(1, 16))]);
    assert_eq!(near.queued(), 0);
}

#[test]
fn what_waits_is_counted_and_not_sealed() {
    let (mut near, _) = (dialler(None), ());
    drain(&mut near);
    assert_eq!(near.queued(), 0);
    for number in 0..4 {
        assert_eq!(step(&mut near, Input::Send(block(number, 14))), []);
    }
    assert!((4 << 14..(4 << 14) + 400).contains(&near.queued()));
}

#[test]
fn a_message_of_ours_that_is_too_long_closes_the_link_before_the_peer_has_to() {
    let (mut near, mut far) = pair();
    let ids = (HEADER_MAX - 50) / 34;
    let wire = sealed(&mut near, [list(ids.min(4096))]);
    assert_eq!(delivered(&mut far, &wire), [Output::Message(list(ids.min(4096)))]);
    assert_eq!(step(&mut near, Input::Send(list(ids + 2))), [Output::Closed(CloseReason::TooLong)]);
}
