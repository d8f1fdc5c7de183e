//! The rules of every machine, and how a link ends.

use super::*;
use crate::limits::HANDSHAKE_TIMEOUT;

#[test]
fn rule_1_a_dialler_speaks_first_and_a_listener_waits() {
    assert_eq!(drain(&mut dialler(None)).len(), 1);
    assert_eq!(drain(&mut listener()), []);
}

#[test]
fn rule_2_time_that_goes_back_counts_as_the_latest() {
    let at = NOW + HANDSHAKE_TIMEOUT;
    let mut link = listener();
    link.handle(Time(at.0 - 1), Input::Tick);
    link.handle(Time(0), Input::Tick);
    assert_eq!(drain(&mut link), []);
    assert_eq!(link.deadline().map(|deadline| deadline.at), Some(at));
    link.handle(at, Input::Tick);
    link.handle(Time(0), Input::Tick);
    assert_eq!(drain(&mut link), [Output::Closed(CloseReason::HandshakeTimeout)]);
}

#[test]
fn rule_4_what_is_queued_is_visible_at_once() {
    let (mut near, _) = pair();
    for number in 0..3 {
        near.handle(NOW, Input::Send(ping(number)));
        assert!(matches!(near.poll(), Some(Output::Transmit(_))));
        assert_eq!(near.poll(), None);
    }
}

#[test]
fn rule_4_what_was_said_before_the_handshake_follows_it_at_once() {
    let (mut near, mut far) = (dialler(None), listener());
    near.handle(NOW, Input::Send(ping(1)));
    near.handle(NOW, Input::Room(1000));
    let first = transmitted(drain(&mut near));
    assert_eq!(first.len(), 1, "nothing but the handshake before the handshake");
    let second = transmitted(receive(&mut far, &first[0]));
    let rest = transmitted(receive(&mut near, &second[0]));
    assert_eq!(delivered(&mut far, &rest), [Output::Ready { peer: device(1).peer(), version: 1 }, Output::Message(ping(1))]);
}

#[test]
fn rule_5_a_tick_at_the_deadline_leaves_no_deadline_behind_it() {
    for mut link in [dialler(None), listener()] {
        let at = link.deadline().expect("a handshake has a deadline").at;
        link.handle(at, Input::Tick);
        assert!(link.deadline().is_none_or(|next| next.at > at));
    }
    assert_eq!(pair().0.deadline(), None);
}

#[test]
fn a_link_ends_once_and_says_nothing_more() {
    let ends: [(fn() -> Input, CloseReason); 2] = [(|| Input::Gone, CloseReason::Gone), (|| Input::Close, CloseReason::Asked)];
    for (end, reason) in ends {
        for mut link in [dialler(None), listener(), pair().0] {
            drain(&mut link);
            link.handle(NOW, Input::Send(block(1, 12)));
            drain(&mut link);
            assert_eq!(step(&mut link, end()).pop(), Some(Output::Closed(reason)));
            for input in [Input::Send(ping(1)), Input::Room(1 << 20), Input::Tick, Input::Close, Input::Gone] {
                assert_eq!(step(&mut link, input), []);
            }
            assert_eq!(receive(&mut link, &[1, 2, 3]), []);
            assert_eq!((link.deadline(), link.queued()), (None, 0));
        }
    }
}

#[test]
fn a_goodbye_that_the_node_says_ends_the_other_side() {
    let (mut near, mut far) = pair();
    let wire = sealed(&mut near, [ping(1), Plain::Bye(0).into(), ping(2)]);
    assert_eq!(delivered(&mut far, &wire), [Output::Message(ping(1)), Output::Closed(CloseReason::Bye)]);
}

#[test]
fn a_link_that_is_closed_says_goodbye_before_what_waits_and_without_room() {
    let (mut near, mut far) = pair_without_room();
    step(&mut near, Input::Room(3000));
    let mut wire = sealed(&mut near, [block(1, 20)]);
    assert_eq!(step(&mut near, Input::Send(ping(1))), []);
    let end = step(&mut near, Input::Close);
    assert_eq!(end.last(), Some(&Output::Closed(CloseReason::Asked)));
    wire.extend(transmitted(end));
    assert_eq!(delivered(&mut far, &wire), [Output::Closed(CloseReason::Bye)]);
}

#[test]
fn a_link_that_is_closed_amid_a_header_says_nothing_that_could_be_taken_for_its_end() {
    let (mut near, mut far) = pair_without_room();
    step(&mut near, Input::Room(3000));
    let wire = sealed(&mut near, [list(200)]);
    assert_eq!(step(&mut near, Input::Close), [Output::Closed(CloseReason::Asked)]);
    assert_eq!(delivered(&mut far, &wire), []);
}
