//! Blocks that leave a slow uplink once, and holders that do not get them from one another.

use super::network::{LIMIT, Net, block, blocks, is_block, is_fetch};
use crate::block::Block;
use crate::id::PeerId;
use crate::message::{Ids, Message, Offer, Plain};
use crate::node::{Copies, Event, Request, Role, Trouble};
use crate::record::Chain;
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);
const SIZE: usize = 256 << 10;
/// Bytes in a millisecond: 8 Mbit/s.
const UPLINK: u64 = 1000;

/// A network whose client has found out that its uplink is slow.
fn slow(seed: u64, carriers: usize) -> (Net, Chain) {
    let (mut net, chain) = Net::with_carriers(seed, carriers);
    net.uplink = Some(UPLINK);
    net.place(chain.vault(), &large(9000, 12));
    assert!(net.run(MINUTE, |net| net.settled() == 12));
    net.hosts.iter_mut().for_each(|host| host.events.clear());
    net.sent.clear();
    (net, chain)
}

fn large(first: u32, count: u32) -> Vec<Block> {
    (first..first + count).map(|number| block(number, SIZE)).collect()
}

/// How many blocks left the client.
fn uploads(net: &Net) -> usize {
    (1..net.hosts.len()).map(|carrier| net.count(0, carrier, is_block)).sum()
}

fn calls_between_carriers(net: &Net) -> usize {
    net.hosts.iter().skip(1).map(|host| host.dials.len()).sum()
}

/// Whether a message tells a carrier whom to pull from.
fn names_source(message: &Message) -> bool {
    matches!(message, Message::Plain(Plain::Offer(offer)) if !offer.sources.is_empty())
}

#[test]
fn on_a_slow_uplink_one_copy_leaves_and_the_others_are_pulled() {
    for seed in 0..10 {
        let (mut net, chain) = slow(seed, 3);
        let blocks = large(0, 40);
        net.place(chain.vault(), &blocks);
        assert!(net.run(MINUTE, |net| net.settled() == 40), "seed {seed}");
        let whole = Copies { durable: 3, safe_at: 2, wanted: 3 };
        for block in &blocks {
            assert_eq!(net.holders(&block.id()), [1, 2, 3]);
            assert!(net.events().contains(&Event::Settled(block.id(), whole)));
        }
        assert_eq!(uploads(&net), 40, "seed {seed}: one copy of each");
        let led: Vec<_> = (1..=3).map(|carrier| net.count(0, carrier, is_block)).collect();
        assert!(led.iter().all(|led| *led >= 5), "seed {seed}: every carrier leads some: {led:?}");
    }
}

#[test]
fn on_a_fast_uplink_all_copies_leave_and_no_carrier_calls_another() {
    let (mut net, chain) = Net::with_carriers(1, 3);
    net.uplink = Some(100_000);
    net.place(chain.vault(), &large(0, 100));
    assert!(net.run(MINUTE, |net| net.settled() == 100));
    net.place(chain.vault(), &large(100, 100));
    assert!(net.run(MINUTE, |net| net.settled() == 200));
    assert_eq!((uploads(&net), calls_between_carriers(&net)), (600, 0));
    assert!(!net.sent.iter().any(|(.., message)| names_source(message)));
    let before = |message: &Message| matches!(message, Message::Plain(Plain::Absent(_)));
    assert!((1..=3).all(|carrier| net.count(0, carrier, before) == 0), "nobody is turned away");
}

#[test]
fn small_blocks_go_to_all_holders_at_once_also_on_a_slow_uplink() {
    let (mut net, chain) = slow(2, 3);
    let called = calls_between_carriers(&net);
    net.place(chain.vault(), &blocks(10));
    assert!(net.run(MINUTE, |net| net.settled() == 10));
    assert_eq!((uploads(&net), calls_between_carriers(&net)), (30, called));
}

#[test]
fn a_first_put_over_a_slow_uplink_sends_little_more_than_one_copy() {
    for seed in 0..10 {
        let (mut net, chain) = Net::with_carriers(seed, 3);
        net.uplink = Some(UPLINK);
        let blocks = large(0, 240);
        net.place(chain.vault(), &blocks);
        assert!(net.run(Span::seconds(120), |net| net.settled() == 240), "seed {seed}");
        assert!(blocks.iter().all(|block| net.holders(&block.id()) == [1, 2, 3]));
        let more = uploads(&net) - 240;
        assert!(more * SIZE <= 5 << 20, "seed {seed}: {more} blocks left twice until the uplink was known to be slow");
    }
}

#[test]
fn c07_a_pulled_copy_counts_when_its_holder_says_that_it_is_durable() {
    let (mut net, chain) = slow(4, 3);
    let block = block(1, SIZE);
    net.place(chain.vault(), std::slice::from_ref(&block));
    assert!(net.run(MINUTE, |net| net.sent.iter().any(|(from, _, message)| *from != 0 && is_block(message))));
    // The bytes are on their way to the others: from now on nobody's store makes anything durable.
    net.hosts.iter_mut().for_each(|host| host.store.stuck = true);
    net.run(Span::seconds(1), |_| false);
    let best = net.events().iter().filter_map(|event| if let Event::Placed(_, copies) = event { Some(copies.durable) } else { None }).max();
    let durable = net.holders(&block.id()).len();
    assert!(usize::from(best.unwrap_or(0)) <= durable && durable < 3, "{best:?} copies for {durable} durable ones");
    net.hosts.iter_mut().for_each(|host| host.store.stuck = false);
    assert!(net.run(MINUTE, |net| net.settled() == 1));
    assert_eq!(net.holders(&block.id()), [1, 2, 3]);
}

#[test]
fn a_source_that_dies_while_others_pull_from_it_costs_no_copy() {
    for seed in 0..20 {
        let (mut net, chain) = slow(seed, 4);
        let blocks = large(0, 60);
        net.place(chain.vault(), &blocks);
        let mut left = 1 + seed * 3;
        assert!(net.run(MINUTE, |net| {
            left -= u64::from(net.sent.iter().any(|(from, _, message)| *from != 0 && is_block(message)));
            left == 0
        }));
        let source = net.sent.iter().rev().find(|(from, _, message)| *from != 0 && is_block(message)).expect("a pull").0;
        net.kill(source);
        assert!(net.run(MINUTE, |net| net.settled() == 60), "seed {seed}");
        let others = |net: &Net, block: &Block| net.holders(&block.id()).iter().filter(|host| **host != source).count();
        assert!(blocks.iter().all(|block| others(&net, block) >= 2), "seed {seed}");
        net.revive(source, Role::Carrier { limit: LIMIT, zone: String::new() });
        assert!(net.run(Span::seconds(180), |net| blocks.iter().all(|block| net.holders(&block.id()).len() >= 3)), "seed {seed}");
    }
}

/// A client that knows its uplink to be slow, and a carrier that says it has stored every block that the client sends it, and answers
/// nobody who asks for one.
fn with_liar(seed: u64) -> (Net, Chain, Vec<Block>) {
    let (mut net, chain) = slow(seed, 3);
    // Links between carriers from the put before go: everybody has to ask the liar anew.
    net.run(Span::seconds(61), |_| false);
    let blocks = large(0, 20);
    net.hosts[2].frozen = true;
    net.place(chain.vault(), &blocks);
    (net, chain, blocks)
}

/// Lets the liar say that it has stored what it was offered or sent without a source.
fn lie(net: &mut Net, chain: &Chain, told: &mut usize) {
    let mut lies = Vec::new();
    for (from, to, message) in &net.sent[*told..] {
        match message {
            Message::Plain(Plain::Offer(offer)) if (*from, *to) == (0, 2) => lies.extend(offer.blocks.iter().map(|(id, _)| *id)),
            _ => {}
        }
    }
    *told = net.sent.len();
    if !lies.is_empty() {
        net.forge(2, 0, Plain::Stored(Ids { vault: chain.vault(), ids: lies }).into());
    }
}

#[test]
fn a_holder_that_lies_about_having_blocks_costs_seconds_and_no_copy() {
    let (mut net, chain, blocks) = with_liar(5);
    // Links to it work, and it answers nothing that comes over them.
    net.connect(1, 2);
    net.connect(3, 2);
    let (begin, mut told) = (net.now, 0);
    while blocks.iter().any(|block| net.holders(&block.id()) != [1, 3]) {
        lie(&mut net, &chain, &mut told);
        assert!(net.now.since(begin) < MINUTE, "{} blocks of 20 are whole", net.settled());
        net.run(Span(10), |net| net.sent.len() > told);
    }
    assert!(net.sent.iter().any(|(.., message)| is_fetch(message)), "they asked it");
    let took = net.now.since(begin);
    // 20 blocks take five seconds over this uplink once, ten seconds twice.
    assert!(took < Span::seconds(15), "it took {took}");
    let wrong = |event: &&Event| matches!(event, Event::Placed(_, copies) if copies.durable > 3);
    assert_eq!(net.events().iter().filter(wrong).count(), 0);
}

#[test]
fn a_writer_is_asked_again_when_it_offers_anew_what_does_not_come_from_its_source() {
    let (mut net, chain) = Net::with_carriers(9, 3);
    net.connect(1, 2);
    net.hosts[2].frozen = true;
    let block = block(1, SIZE);
    let offer = |net: &mut Net, sources: Vec<PeerId>| {
        let blocks = vec![(block.id(), block.size_log())];
        net.forge(0, 1, Plain::Offer(Offer { vault: chain.vault(), blocks, sources }).into());
        net.settle();
    };
    net.request(0, Request::Confirm(chain.vault(), Vec::new()));
    let source = net.hosts[2].peer;
    offer(&mut net, vec![source]);
    let wants = |net: &Net| net.count(1, 0, |message| matches!(message, Message::Plain(Plain::Want(_))));
    offer(&mut net, Vec::new());
    assert_eq!((wants(&net), net.link(1, 2).is_some()), (0, true), "it was asked just now");
    net.run(Span::seconds(1), |_| false);
    offer(&mut net, Vec::new());
    assert_eq!((wants(&net), net.link(1, 2)), (1, None), "it has had a second");
}

#[test]
fn what_a_holder_wants_is_sent_when_the_one_that_was_being_sent_it_is_gone() {
    let (mut net, chain) = Net::with_carriers(3, 3);
    net.uplink = Some(100);
    // More than what leaves in all copies at once, and one carrier is first.
    let blocks: Vec<_> = (0..6).map(|number| block(number, 1 << 20)).collect();
    (2..=3).for_each(|carrier| net.hosts[carrier].store.stuck = true);
    net.place(chain.vault(), &blocks);
    net.settle();
    (2..=3).for_each(|carrier| net.hosts[carrier].store.stuck = false);
    net.settle();
    let sent = |net: &Net| (1..=3).map(|carrier| net.count(0, carrier, is_block)).collect::<Vec<_>>();
    assert_eq!(sent(&net), [6, 0, 0], "the others are kept waiting");
    net.kill(1);
    net.settle();
    let others = sent(&net)[1..].iter().sum::<usize>();
    assert!((6..=8).contains(&others), "each block goes to another one, and a little in all copies: {others}");
    assert!(net.run(Span::seconds(300), |net| net.settled() == 6));
    assert!(blocks.iter().all(|block| net.holders(&block.id()) == [2, 3]));
}

#[test]
fn holders_are_sent_what_they_wait_for_when_the_first_falls_silent_and_the_uplink_idles() {
    let (mut net, chain) = slow(3, 3);
    let blocks = large(0, 24);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.count(0, 1, is_block) > 2));
    net.hosts[1].frozen = true;
    let begin = net.now;
    assert!(net.run(MINUTE, |net| blocks.iter().all(|block| net.holders(&block.id()).iter().filter(|host| **host != 1).count() == 2)));
    let took = net.now.since(begin);
    assert!(took < Span::seconds(30), "it took {took}: nobody waited for the silence to be taken for death");
}

#[test]
fn n08_a_holder_that_was_kept_waiting_for_long_and_acks_nothing_is_looked_at() {
    let (mut net, chain) = Net::with_carriers(3, 3);
    net.uplink = Some(10);
    let blocks: Vec<_> = (0..8).map(|number| block(number, 1 << 20)).collect();
    (2..=3).for_each(|carrier| net.hosts[carrier].store.stuck = true);
    net.place(chain.vault(), &blocks);
    net.settle();
    (2..=3).for_each(|carrier| net.hosts[carrier].store.stuck = false);
    // The first is given up after a minute without an ack, and the others are sent what they want.
    net.run(Span::seconds(59), |_| false);
    net.uplink = None;
    net.hosts[3].store.stuck = true;
    net.run(Span::seconds(2), |_| false);
    assert!((2..=3).all(|carrier| net.count(0, carrier, is_block) >= 4), "they are sent it");
    let silent = net.hosts[3].peer;
    let told = |net: &Net| net.events().iter().any(|event| matches!(event, Event::Unplaced(_, peer, Trouble::Silent) if *peer == silent));
    assert!(net.run(Span::seconds(90), told), "and one of them acks nothing");
}
