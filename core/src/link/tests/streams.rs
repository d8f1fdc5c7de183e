//! The same messages in any cut and grouping arrive the same (p16).

use proptest::prelude::*;

use super::super::frame;
use super::*;

/// Any frames of one side, in order, without their socket messages.
fn frames(wire: &[Bytes]) -> Vec<Vec<u8>> {
    let sealed = wire.iter().flat_map(|message| frame::split(message));
    sealed.map(|frame| frame.expect("an honest frame")).map(|frame| [&(frame.len() as u16).to_be_bytes(), frame].concat()).collect()
}

#[test]
fn p16_frames_in_any_grouping_of_socket_messages_arrive_the_same() {
    let sent = || [list(4), block(1, 16), block(2, 12), ping(1)];
    let frames = {
        let (mut near, _) = pair();
        frames(&sealed(&mut near, sent()))
    };
    let expected = [list(4), ping(1), block(1, 16), block(2, 12)].map(Output::Message);
    assert_eq!(frames.len(), 7);
    // Each bit says whether a socket message ends behind that frame.
    for ends in 0..1u32 << frames.len() {
        let (_, mut far) = pair();
        let mut wire = vec![Vec::new()];
        for (index, frame) in frames.iter().enumerate() {
            wire.last_mut().expect("never empty").extend_from_slice(frame);
            if ends >> index & 1 == 1 && index + 1 < frames.len() {
                wire.push(Vec::new());
            }
        }
        let wire: Vec<Bytes> = wire.into_iter().map(Bytes::from).collect();
        assert_eq!(delivered(&mut far, &wire), expected);
    }
}

#[test]
fn p16_a_header_cut_at_any_byte_arrives_the_same() {
    let (mut rogue, mut link) = Rogue::call();
    let header = list(5).into_parts().0.encode();
    for cut in 1..header.len() {
        assert_eq!(receive(&mut link, &rogue.frame(&header[..cut], 1)), []);
        assert_eq!(receive(&mut link, &rogue.frame(&header[cut..], 2)), [Output::Message(list(5))]);
    }
    let last = header.len() - 1;
    for byte in &header[..last] {
        assert_eq!(receive(&mut link, &rogue.frame(&[*byte], 1)), []);
    }
    assert_eq!(receive(&mut link, &rogue.frame(&header[last..], 2)), [Output::Message(list(5))]);
}

#[test]
fn p16_a_block_cut_at_any_byte_arrives_the_same() {
    let (mut rogue, mut link) = Rogue::call();
    let (header, payload) = block(1, 12).into_parts();
    let (header, payload) = (header.encode(), payload.expect("a block has bytes"));
    for cut in (1..payload.len()).filter(|cut| *cut < 200 || payload.len() - cut < 200 || cut % 31 == 0) {
        let header_cut = 1 + cut % (header.len() - 1);
        assert_eq!(receive(&mut link, &rogue.frame(&header[..header_cut], 3)), []);
        assert_eq!(receive(&mut link, &rogue.frame(&header[header_cut..], 4)), []);
        assert_eq!(receive(&mut link, &rogue.frame(&payload[..cut], 5)), []);
        // A control message between two pieces leaves no trace in the block, short or as long as what is missing.
        let list = list(1 + cut % 120);
        assert_eq!(receive(&mut link, &rogue.frame(&list.clone().into_parts().0.encode(), 2)), [Output::Message(list)]);
        assert_eq!(receive(&mut link, &rogue.frame(&payload[cut..], 5)), [Output::Message(block(1, 12))]);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Say(usize, Message),
    Room(usize, usize),
    Carry(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let message = prop_oneof![
        any::<u64>().prop_map(ping),
        (0..300usize).prop_map(list),
        (any::<u8>(), 12..15u8).prop_map(|(number, log)| block(number, log)),
    ];
    let step = prop_oneof![
        (0..2usize, message).prop_map(|(side, message)| Step::Say(side, message)),
        (0..2usize, prop_oneof![0..64usize, 0..4096usize, 0..100_000usize]).prop_map(|(side, room)| Step::Room(side, room)),
        (0..2usize, 1..4usize).prop_map(|(side, count)| Step::Carry(side, count)),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any messages over any grants of room and any delays arrive whole and in their lane's order.
    #[test]
    fn p16_everything_arrives_in_its_lanes_order(steps in steps()) {
        let (near, far) = (dialler(None), listener());
        let mut links = [near, far];
        let mut wires: [std::collections::VecDeque<Bytes>; 2] = Default::default();
        let (mut sent, mut arrived): ([Vec<Message>; 2], [Vec<Message>; 2]) = Default::default();
        let (mut granted, mut used, mut ready) = ([0usize; 2], [0usize; 2], [false; 2]);
        // At the end, room for everything, and everything is carried.
        let last = [Step::Room(0, 1 << 24), Step::Room(1, 1 << 24)].into_iter().chain([0, 1, 0, 1].map(|side| Step::Carry(side, usize::MAX)));
        for step in steps.into_iter().chain(last) {
            match step {
                Step::Say(side, message) => {
                    sent[side].push(message.clone());
                    links[side].handle(NOW, Input::Send(message));
                }
                Step::Room(side, room) => {
                    granted[side] += room;
                    links[side].handle(NOW, Input::Room(room));
                }
                Step::Carry(side, count) => {
                    for _ in 0..count {
                        let Some(message) = wires[side].pop_front() else { break };
                        links[1 - side].handle(NOW, Input::Received(message));
                        speak(&mut links, 1 - side, &mut wires, &mut arrived, &mut used, &mut ready);
                    }
                }
            }
            for side in [0, 1] {
                speak(&mut links, side, &mut wires, &mut arrived, &mut used, &mut ready);
                prop_assert!(used[side] <= granted[side] + HANDSHAKE);
            }
        }
        for side in [0, 1] {
            for lane in [crate::message::Lane::Control, crate::message::Lane::Bulk] {
                let of_lane = |messages: &[Message]| messages.iter().filter(|m| m.lane() == lane).cloned().collect::<Vec<_>>();
                prop_assert_eq!(of_lane(&sent[side]), of_lane(&arrived[1 - side]));
            }
            prop_assert_eq!(links[side].queued(), 0);
        }
    }
}

/// More than what one side's handshake messages take, which need no room.
const HANDSHAKE: usize = 400;

fn speak(
    links: &mut [Link; 2],
    side: usize,
    wires: &mut [std::collections::VecDeque<Bytes>; 2],
    arrived: &mut [Vec<Message>; 2],
    used: &mut [usize; 2],
    ready: &mut [bool; 2],
) {
    for output in drain(&mut links[side]) {
        match output {
            Output::Transmit(bytes) => {
                used[side] += bytes.len();
                wires[side].push_back(bytes);
            }
            Output::Ready { .. } => assert!(!std::mem::replace(&mut ready[side], true)),
            Output::Message(message) => arrived[side].push(message),
            Output::Closed(reason) => panic!("closed: {reason}"),
        }
    }
}
