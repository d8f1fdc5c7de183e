//! Somebody between two honest peers changes what is on the wire (p08): the link closes and nothing of it is delivered.

use super::*;
use crate::limits::SOCKET_MESSAGE_MAX;

/// A control message, a block in two pieces around another control message, and a last one: five socket messages.
fn conversation() -> (Link, Vec<Bytes>) {
    let (mut near, far) = pair_without_room();
    step(&mut near, Input::Room(5000));
    let mut wire = sealed(&mut near, [list(3)]);
    wire.extend(sealed(&mut near, [block(1, 13)]));
    near.handle(NOW, Input::Send(ping(1)));
    wire.extend(transmitted(step(&mut near, Input::Room(5000))));
    wire.extend(sealed(&mut near, [ping(2)]));
    assert_eq!(wire.len(), 5);
    (far, wire)
}

/// What arrives of the conversation's first socket messages.
fn arrived(count: usize) -> Vec<Output> {
    let each = [Some(list(3)), None, Some(ping(1)), Some(block(1, 13)), Some(ping(2))];
    each.into_iter().take(count).flatten().map(Output::Message).collect()
}

/// Plays a changed wire and checks that it ends as it must: what is before the change arrives, then the link closes.
fn closes(wire: &[Bytes], before: usize) {
    let mut expected = arrived(before);
    expected.push(Output::Closed(CloseReason::Tampered));
    assert_eq!(delivered(&mut pair().1, wire), expected);
}

#[test]
fn an_unchanged_wire_delivers_everything() {
    let (mut far, wire) = conversation();
    assert_eq!(delivered(&mut far, &wire), arrived(5));
}

#[test]
fn p08_any_flipped_bit_closes_the_link() {
    let (_, wire) = conversation();
    for (index, message) in wire.iter().enumerate() {
        let len = message.len();
        for byte in (0..len).filter(|byte| *byte < 120 || len - byte < 40 || byte % 509 == 0) {
            // All bits of the shortest message; elsewhere one of each byte.
            let bits = if len < 30 { 0..8 } else { byte % 8..byte % 8 + 1 };
            for bit in bits {
                let mut flipped = message.to_vec();
                flipped[byte] ^= 1 << bit;
                let mut changed = wire.clone();
                changed[index] = flipped.into();
                closes(&changed, index);
            }
        }
    }
}

#[test]
fn p08_dropped_repeated_and_reordered_messages_close_the_link() {
    let (_, wire) = conversation();
    for index in 0..wire.len() - 1 {
        let mut dropped = wire.clone();
        dropped.remove(index);
        closes(&dropped, index);
        let mut reordered = wire.clone();
        reordered.swap(index, index + 1);
        closes(&reordered, index);
    }
    for index in 0..wire.len() {
        let mut repeated = wire.clone();
        repeated.insert(index, wire[index].clone());
        closes(&repeated, index + 1);
        let mut late = wire.clone();
        late.push(wire[index].clone());
        closes(&late, wire.len());
    }
}

#[test]
fn p08_injected_and_reflected_messages_close_the_link() {
    let (mut far, wire) = conversation();
    step(&mut far, Input::Room(1000));
    let reflected = sealed(&mut far, [ping(9)]).remove(0);
    let (mut stranger, _) = Rogue::call();
    let foreign = Bytes::from(stranger.frame(b"hello", 2));
    let random = Bytes::from(vec![0x5a; 400]);
    let empty = Bytes::new();
    let huge = Bytes::from(vec![0; SOCKET_MESSAGE_MAX + 1]);
    let zeros = Bytes::from(vec![0; 64]);
    for injected in [reflected, foreign, random, empty, huge, zeros] {
        for index in 0..=wire.len() {
            let mut changed = wire.clone();
            changed.insert(index, injected.clone());
            closes(&changed, index);
        }
    }
}

#[test]
fn p08_cut_messages_close_the_link() {
    let (_, wire) = conversation();
    for (index, message) in wire.iter().enumerate() {
        for end in (0..message.len()).filter(|end| *end < 120 || end % 509 == 0) {
            let mut changed = wire.clone();
            changed[index] = message.slice(..end);
            // Cut between two frames, the loss shows at the next frame.
            closes(&changed, index);
        }
    }
}

#[test]
fn p08_bytes_of_another_link_between_the_same_peers_do_not_open() {
    let (_, wire) = conversation();
    let mut near = Link::new(Time(5), Config { identity: &device(1), role: Role::Dialer { expected: None }, entropy: [1; 32] });
    let mut far = listener();
    let first = transmitted(drain(&mut near));
    let second = transmitted(receive(&mut far, &first[0]));
    let third = transmitted(receive(&mut near, &second[0]));
    receive(&mut far, &third[0]);
    assert_eq!(delivered(&mut far, &wire), [Output::Closed(CloseReason::Tampered)]);
}
