//! Time: heartbeats, silence, calls that fail, two links where one is enough.

use super::network::{LIMIT, Net, blocks};
use crate::limits::HEARTBEAT;
use crate::link::CloseReason;
use crate::message::{Message, Plain};
use crate::node::{Event, Input, Output, Request, Role, Trouble};
use crate::time::{Span, Time};

#[test]
fn n07_a_dead_carrier_is_called_again_with_growing_pauses() {
    let (mut net, _) = Net::with_carriers(1, 1);
    net.kill(1);
    let begin = net.now;
    net.hosts[0].dials.clear();
    net.run(Span::seconds(3600), |_| false);
    let calls: Vec<Time> = net.hosts[0].dials.iter().map(|(at, _)| *at).collect();
    assert!(calls[0].since(begin) <= Span(500), "the first call comes soon");
    assert!((60..=240).contains(&calls.len()), "{} calls in an hour", calls.len());
    assert!(calls.windows(2).all(|pair| pair[1].since(pair[0]) <= Span::seconds(60)));
    let late = &calls[10..];
    assert!(late.windows(2).any(|pair| pair[1].since(pair[0]) > Span::seconds(30)), "pauses grow and are spread");

    net.revive(1, Role::Carrier { limit: LIMIT, zone: String::new() });
    assert!(net.run(Span::seconds(61), |net| net.link(0, 1).is_some()));
}

#[test]
fn n07_clients_that_lost_one_node_do_not_call_it_at_once() {
    let mut at = Vec::new();
    for seed in 0..40u8 {
        let (mut net, chain) = Net::with_carriers(u64::from(seed), 1);
        let me = net.hosts[0].peer;
        net.hosts[0].node = crate::node::Node::new(net.now, crate::node::Config { me, role: Role::Client, seed: [seed; 32] });
        net.follow(&chain);
        net.hosts[0].dials.clear();
        let begin = net.now;
        net.kill(1);
        net.run(Span::seconds(10), |net| !net.hosts[0].dials.is_empty());
        at.push(net.hosts[0].dials[0].0.since(begin).millis());
    }
    at.sort_unstable();
    at.dedup();
    assert!(at.len() > 25, "the calls are spread: {at:?}");
}

#[test]
fn a_peer_that_hangs_up_at_once_is_not_called_at_full_speed() {
    let (mut net, _) = Net::with_carriers(2, 1);
    net.hosts[0].dials.clear();
    for _ in 0..20 {
        if let Some(link) = net.link(0, 1) {
            net.cut(link, CloseReason::Gone);
        }
        net.run(Span::seconds(600), |net| net.link(0, 1).is_some());
    }
    let first = net.hosts[0].dials[0].0;
    assert!(net.now.since(first) > Span::seconds(60), "twenty links in {}", net.now.since(first));
    assert!(net.events().iter().any(|event| matches!(event, Event::Down(..))));
}

#[test]
fn an_idle_link_lives_on_heartbeats() {
    let (mut net, _) = Net::with_carriers(3, 1);
    let link = net.link(0, 1);
    net.run(Span::seconds(1000), |_| false);
    assert_eq!(net.link(0, 1), link);
    let pings = net.sent.iter().filter(|(.., message)| matches!(message, Message::Plain(Plain::Ping(_)))).count();
    assert!((30..=90).contains(&pings), "{pings} heartbeats in 1000 s");
}

#[test]
fn how_far_away_a_peer_is_is_known_at_once() {
    let (net, _) = Net::with_carriers(3, 1);
    let peers: Vec<_> = net.hosts[0].node.peers().collect();
    assert!(peers[0].link.is_some_and(|(_, since)| net.now.since(since) < HEARTBEAT));
    assert!(peers[0].round_trip.is_some());
}

#[test]
fn n08_a_peer_that_says_nothing_is_closed_after_a_while() {
    let (mut net, _) = Net::with_carriers(4, 1);
    let link = net.link(0, 1);
    net.hosts[1].frozen = true;
    let begin = net.now;
    assert!(net.run(Span::seconds(151), |net| net.link(0, 1) != link));
    assert!(net.now.since(begin) > Span::seconds(100), "a hidden tab is given time");
}

#[test]
fn n08_a_holder_that_says_nothing_is_replaced_by_the_next() {
    let (mut net, chain) = Net::with_carriers(5, 4);
    net.hosts[2].frozen = true;
    let blocks = blocks(40);
    net.place(chain.vault(), &blocks);
    assert!(net.run(Span::seconds(61), |net| net.settled() == 40));
    assert!(blocks.iter().all(|block| net.holders(&block.id()).len() == 3));
    let silent = net.hosts[2].peer;
    assert!(net.events().iter().any(|event| matches!(event, Event::Unplaced(_, peer, Trouble::Silent) if *peer == silent)));
}

#[test]
fn n08_a_peer_behind_a_dead_link_is_called_until_it_can_be_reached() {
    let (mut net, _) = Net::with_carriers(6, 1);
    net.settle();
    let link = net.link(0, 1).expect("a link");
    net.input(1, Input::Unlinked(link, CloseReason::Gone));
    net.hosts[1].frozen = true;
    net.hosts[0].dials.clear();
    assert!(net.run(Span::seconds(70), |net| net.hosts[0].dials.len() == 4), "a call that fails is not the last");
    net.hosts[1].frozen = false;
    assert!(net.run(Span::seconds(5), |net| net.link(0, 1) != Some(link)), "the dead link is not waited for");
    net.hosts[0].dials.clear();
    net.run(Span::seconds(200), |_| false);
    assert!(net.hosts[0].dials.is_empty(), "a link that works is enough");
}

#[test]
fn of_two_links_between_a_pair_both_sides_keep_the_same() {
    for seed in 0..20 {
        let (mut net, _) = Net::with_carriers(seed, 1);
        // Both call at once, and hear of the two links in a different order.
        let (one, two) = (net.connect(0, 1), net.connect(1, 0));
        net.settle();
        let left = net.link(0, 1).expect("one link stays");
        assert!([one, two].contains(&left) || net.hosts[0].peer < net.hosts[1].peer);
        let dialler_is_lower = net.hosts[0].peer < net.hosts[1].peer;
        net.sent.clear();
        net.run(Span::seconds(200), |_| false);
        assert_eq!(net.link(0, 1), Some(left), "it is in use on both sides");
        assert!(!dialler_is_lower || left != two);
    }
}

#[test]
fn a_call_of_the_same_side_replaces_a_link_that_it_no_longer_trusts() {
    let (mut net, chain) = Net::with_carriers(6, 1);
    let old = net.link(0, 1);
    let new = net.connect(0, 1);
    net.settle();
    assert_eq!(net.link(0, 1), Some(new));
    assert_ne!(old, Some(new));
    net.place(chain.vault(), &blocks(1));
    net.settle();
    assert_eq!(net.settled(), 1);
}

#[test]
fn c12_a_clock_that_goes_back_stands_still() {
    let (mut net, chain) = Net::with_carriers(7, 1);
    let deadline = net.hosts[0].node.deadline();
    net.hosts[0].node.handle(Time(5), Input::Tick);
    assert_eq!(net.hosts[0].node.deadline(), deadline);
    net.now = Time(0);
    net.place(chain.vault(), &blocks(3));
    net.settle();
    assert_eq!(net.settled(), 3);
}

#[test]
fn after_draining_nothing_new_begins() {
    let (mut net, chain) = Net::with_carriers(8, 2);
    net.hosts[0].dials.clear();
    net.request(0, Request::Drain);
    net.settle();
    assert_eq!(net.link(0, 1), None);
    net.request(0, Request::Follow(chain));
    net.run(Span::seconds(300), |_| false);
    assert!(net.hosts[0].dials.is_empty());
}

#[test]
fn a_busy_carrier_is_offered_again() {
    let (mut net, chain) = Net::with_carriers(9, 1);
    let blocks = blocks(1);
    net.place(chain.vault(), &blocks);
    while net.count(0, 1, |message| matches!(message, Message::Plain(Plain::Offer(_)))) == 0 {
        assert!(net.step());
    }
    // The carrier's own answer comes later than this one, and to an offer that is forgotten by then.
    let refused = crate::message::Refused { vault: chain.vault(), ids: vec![blocks[0].id()], why: crate::message::Denial::Busy };
    let link = net.link(0, 1).expect("a link");
    net.input(0, Input::Received(link, Plain::Refused(refused).into()));
    assert!(net.run(Span::seconds(60), |net| net.holders(&blocks[0].id()) == [1]));
}

#[test]
fn every_store_request_may_be_answered_late_and_links_may_be_gone_by_then() {
    for seed in 0..30 {
        let (mut net, chain) = Net::with_carriers(seed, 3);
        net.place(chain.vault(), &blocks(30));
        for _ in 0..seed * 10 {
            net.step();
        }
        for carrier in 1..=3 {
            if let Some(link) = net.link(0, carrier) {
                net.cut(link, CloseReason::Gone);
            }
        }
        assert!(net.run(Span::seconds(60), |net| net.settled() == 30), "seed {seed}");
        assert!((1..=3).all(|carrier| net.hosts[carrier].store.blocks.len() == 30));
    }
}

#[test]
fn what_a_machine_wants_done_is_there_at_once() {
    let (mut net, chain) = Net::with_carriers(10, 1);
    let block = blocks(1).remove(0);
    net.hosts[0].node.handle(net.now, Input::Request(Request::Place(chain.vault(), block)));
    assert!(matches!(net.hosts[0].node.poll(), Some(Output::Send(_, Message::Plain(Plain::Offer(_))))));
}
