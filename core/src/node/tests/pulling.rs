//! What carriers do when a writer names whom they can fetch its blocks from.

use super::network::{self, LIMIT, Net, block, ids, is_fetch};
use crate::block::Block;
use crate::id::PeerId;
use crate::identity::{Identity, Seed};
use crate::link::CloseReason;
use crate::message::{Message, Offer, Plain};
use crate::node::{AskId, Request, Role};
use crate::record::Chain;
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);
const SIZE: usize = 64 << 10;

/// Carriers that are not linked to one another, and a block that the second one has and the first is to get.
fn offered(seed: u64) -> (Net, Chain, Block) {
    let (mut net, chain) = Net::with_carriers(seed, 3);
    let block = block(1, SIZE);
    net.hosts[2].store.blocks.insert(block.id(), (chain.vault(), block.clone()));
    net.request(0, Request::Confirm(chain.vault(), Vec::new()));
    (net, chain, block)
}

/// Offers blocks to carrier 1 as a writer that names sources.
fn offer(net: &mut Net, chain: &Chain, blocks: &[Block], sources: Vec<PeerId>) {
    let blocks = blocks.iter().map(|block| (block.id(), block.size_log())).collect();
    net.forge(0, 1, Plain::Offer(Offer { vault: chain.vault(), blocks, sources }).into());
}

fn is_want(message: &Message) -> bool {
    matches!(message, Message::Plain(Plain::Want(_)))
}

fn is_stored(message: &Message) -> bool {
    matches!(message, Message::Plain(Plain::Stored(_)))
}

#[test]
fn an_offer_makes_a_carrier_ask_only_carriers_of_the_vault() {
    let (mut net, chain, block) = offered(5);
    let stranger = net.host(Role::Carrier { limit: LIMIT, zone: String::new() });
    let nobody = PeerId([9; 32]);
    for sources in [vec![net.hosts[stranger].peer], vec![net.hosts[1].peer], vec![net.hosts[0].peer], vec![nobody; 4096]] {
        net.sent.clear();
        offer(&mut net, &chain, std::slice::from_ref(&block), sources);
        net.settle();
        assert_eq!(net.count(1, 0, is_want), 1, "as if nobody had been named");
        assert!(net.hosts[1].dials.is_empty());
        assert!(!net.sent.iter().any(|(.., message)| is_fetch(message)));
        let absent = crate::message::Ids { vault: chain.vault(), ids: vec![block.id()] };
        net.forge(0, 1, Plain::Absent(absent).into());
        net.settle();
    }
}

#[test]
fn a_named_carrier_is_called_fetched_from_and_hung_up_on() {
    let (mut net, chain, block) = offered(6);
    let sources = vec![PeerId([9; 32]), net.hosts[2].peer];
    offer(&mut net, &chain, std::slice::from_ref(&block), sources);
    net.settle();
    assert_eq!((net.count(1, 0, is_want), net.count(1, 2, is_fetch), net.count(1, 0, is_stored)), (0, 1, 1));
    assert_eq!(net.count(1, 2, is_stored), 0, "it did not ask");
    assert_eq!(net.holders(&block.id()), [1, 2]);
    assert!(net.link(1, 2).is_some());
    net.run(Span::seconds(59), |_| false);
    assert!(net.link(1, 2).is_some());
    net.run(Span::seconds(2), |_| false);
    assert_eq!((net.link(1, 2), net.hosts[1].dials.len(), net.hosts[2].dials.len()), (None, 1, 0));
    assert!(net.link(0, 1).is_some());
}

#[test]
fn a_source_without_the_block_costs_a_question() {
    let (mut net, chain, _) = offered(7);
    let sources = vec![net.hosts[2].peer];
    offer(&mut net, &chain, &[block(2, SIZE)], sources);
    net.settle();
    assert_eq!((net.count(1, 2, is_fetch), net.count(1, 0, is_want)), (1, 1));
}

#[test]
fn a_block_that_waits_to_be_pulled_and_comes_from_another_writer_is_not_pulled() {
    for turned_to in [false, true] {
        let (mut net, chain) = Net::with_carriers(13, 3);
        let vault = chain.vault();
        net.connect(1, 2);
        net.connect(3, 1);
        net.settle();
        (0..=3).filter(|host| *host != 1).for_each(|host| net.hosts[host].frozen = true);
        // The source's window is full, so the last block has to wait for its turn.
        let mut blocks: Vec<_> = (10..12).map(|number| block(number, 1 << 20)).collect();
        let both = block(12, SIZE);
        blocks.push(both.clone());
        let sources = vec![net.hosts[2].peer];
        offer(&mut net, &chain, &blocks, sources);
        net.settle();
        let other = Offer { vault, blocks: vec![(both.id(), both.size_log())], sources: Vec::new() };
        net.forge(3, 1, Plain::Offer(other).into());
        net.settle();
        net.forge(3, 1, Message::Block(vault, both.clone()));
        net.settle();
        assert_eq!(net.holders(&both.id()), [1]);
        if turned_to {
            let link = net.link(1, 2).expect("a link");
            net.cut(link, CloseReason::Malformed);
        } else {
            let absent = crate::message::Ids { vault, ids: ids(&blocks[..2]) };
            net.forge(2, 1, Plain::Absent(absent).into());
        }
        net.settle();
        let names = |ids: &crate::message::Ids| ids.ids.contains(&both.id());
        let asks = |message: &Message| matches!(message, Message::Plain(Plain::Want(ids) | Plain::Fetch(ids)) if names(ids));
        let acks = |message: &Message| matches!(message, Message::Plain(Plain::Stored(ids)) if names(ids));
        assert_eq!((net.count(1, 2, asks), net.count(1, 0, asks), net.count(1, 0, acks)), (0, 0, 1), "turned to: {turned_to}");
    }
}

#[test]
fn a_source_that_cannot_be_reached_is_left_alone_for_a_while() {
    let (mut net, chain, _) = offered(8);
    net.kill(2);
    let sources = vec![net.hosts[2].peer];
    for number in 2..5 {
        offer(&mut net, &chain, &[block(number, SIZE)], sources.clone());
        net.settle();
    }
    assert_eq!((net.count(1, 0, is_want), net.hosts[1].dials.len()), (3, 1));
    net.run(Span::seconds(61), |_| false);
    offer(&mut net, &chain, &[block(9, SIZE)], sources);
    net.settle();
    assert_eq!((net.count(1, 0, is_want), net.hosts[1].dials.len()), (4, 2), "it may be back after a minute");
}

#[test]
fn a_silent_source_is_waited_for_no_longer_than_a_writer_is() {
    let (mut net, chain, _) = offered(9);
    net.connect(1, 2);
    net.hosts[2].frozen = true;
    let sources = vec![net.hosts[2].peer];
    let blocks: Vec<_> = (10..13).map(|number| block(number, 1 << 20)).collect();
    offer(&mut net, &chain, &blocks, sources.clone());
    net.settle();
    let fetched = net.sent.iter().find_map(|(.., message)| match message {
        Message::Plain(Plain::Fetch(fetch)) => Some(fetch.ids.len()),
        _ => None,
    });
    assert_eq!(fetched, Some(2), "2 MiB are fetched at once, the third waits");
    assert!(net.run(Span::seconds(15), |net| net.count(1, 0, is_want) > 0));
    net.settle();
    assert_eq!((wanted(&net), net.link(1, 2)), (3, None), "all three are asked of the writer, and late ones are not welcome");
    offer(&mut net, &chain, &[block(20, SIZE)], sources);
    net.settle();
    assert_eq!(wanted(&net), 4, "and the next at once");
}

/// How many blocks carrier 1 wants from its writer.
fn wanted(net: &Net) -> usize {
    let wants = net.sent.iter().filter(|(from, to, _)| (*from, *to) == (1, 0));
    wants.map(|(.., message)| if let Message::Plain(Plain::Want(want)) = message { want.ids.len() } else { 0 }).sum()
}

#[test]
fn what_does_not_get_its_turn_at_a_slow_source_is_asked_of_the_writer() {
    let (mut net, chain) = Net::with_carriers(14, 3);
    net.request(0, Request::Confirm(chain.vault(), Vec::new()));
    net.connect(1, 2);
    net.hosts[2].frozen = true;
    let sources = vec![net.hosts[2].peer];
    let blocks: Vec<_> = (10..16).map(|number| block(number, 1 << 20)).collect();
    offer(&mut net, &chain, &blocks, sources);
    net.run(Span::seconds(10), |_| false);
    for block in &blocks[..2] {
        net.forge(2, 1, Message::Block(chain.vault(), block.clone()));
    }
    net.run(Span(4900), |_| false);
    assert_eq!((wanted(&net), net.count(1, 2, is_fetch)), (0, 3), "two were fetched at once, then each when another had come");
    net.run(Span(200), |_| false);
    assert_eq!((wanted(&net), net.link(1, 2).is_some()), (2, true), "the last two, and the source may go on");
    for block in &blocks[2..4] {
        net.forge(2, 1, Message::Block(chain.vault(), block.clone()));
    }
    net.settle();
    assert_eq!((wanted(&net), net.count(1, 2, is_fetch), net.count(1, 0, is_stored) > 0), (2, 3, true));
}

#[test]
fn a_source_that_hangs_up_again_and_again_is_called_once_more() {
    let (mut net, chain) = Net::with_carriers(15, 3);
    net.request(0, Request::Confirm(chain.vault(), Vec::new()));
    net.hosts[2].store.stuck = true;
    let sources = vec![net.hosts[2].peer];
    let blocks: Vec<_> = (10..22).map(|number| block(number, 1 << 20)).collect();
    offer(&mut net, &chain, &blocks, sources);
    net.settle();
    while let Some(link) = net.link(1, 2) {
        net.cut(link, CloseReason::Gone);
        net.settle();
        assert!(net.hosts[1].dials.len() < 10, "it is called for ever");
    }
    assert_eq!((net.hosts[1].dials.len(), net.count(1, 2, is_fetch)), (2, 2));
    assert_eq!(wanted(&net), 12, "everything is asked of the writer");
}

#[test]
fn sources_without_end_are_not_called_and_their_blocks_are_asked_of_the_writer() {
    let (mut net, _) = Net::with_carriers(16, 1);
    let mut asked = 0;
    for vault in 0..5u8 {
        let named: Vec<_> =
            (0..60u8).map(|number| Identity::from_seed(&Seed::new([vault, number].repeat(16).try_into().expect("32")))).collect();
        let chain = network::chain(&net.hosts[0].identity, named.iter().map(|named| network::carrier(named.peer())).collect());
        net.request(1, Request::Invite { ask: AskId(0), token: [vault; 16], limit: LIMIT });
        net.settle();
        net.request(0, Request::Redeem(AskId(50 + u64::from(vault)), net.hosts[1].peer, [vault; 16], chain.clone()));
        net.settle();
        for named in &named {
            asked += 1;
            offer(&mut net, &chain, &[block(asked, 4096)], vec![named.peer()]);
        }
        net.settle();
    }
    assert_eq!((wanted(&net), net.hosts[1].dials.len()), (300, 256));
}

#[test]
fn what_was_asked_over_a_link_that_another_one_replaced_is_asked_again() {
    let (mut net, chain, block) = offered(10);
    net.connect(2, 1);
    let sources = vec![net.hosts[2].peer];
    offer(&mut net, &chain, std::slice::from_ref(&block), sources);
    while net.count(1, 2, is_fetch) == 0 {
        assert!(net.step());
    }
    net.connect(2, 1);
    net.settle();
    assert_eq!((net.count(1, 2, is_fetch), net.count(1, 0, is_want), net.count(1, 0, is_stored)), (2, 0, 1));
}

#[test]
fn a_source_that_has_more_than_the_writer_promised_is_not_to_blame() {
    let (mut net, chain, block) = offered(11);
    let sources = vec![net.hosts[2].peer];
    let small = network::block(1, 4096).size_log();
    let lie = Offer { vault: chain.vault(), blocks: vec![(block.id(), small)], sources };
    net.forge(0, 1, Plain::Offer(lie).into());
    net.settle();
    assert!(net.link(1, 2).is_some());
    assert_eq!((net.holders(&block.id()), net.count(1, 0, is_want)), (vec![2], 1));
}

#[test]
fn what_was_to_be_pulled_for_a_writer_that_is_gone_takes_no_room() {
    let (mut net, chain) = Net::strangers(12, 2, LIMIT);
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: 3 << 20 });
    net.follow(&chain);
    net.request(0, Request::Redeem(AskId(1), net.hosts[1].peer, [1; 16], chain.clone()));
    net.settle();
    net.connect(1, 2);
    net.hosts[2].frozen = true;
    let lost: Vec<_> = (0..3).map(|number| block(number, 1 << 20)).collect();
    let sources = vec![net.hosts[2].peer];
    offer(&mut net, &chain, &lost, sources);
    net.settle();
    assert_eq!(net.count(1, 2, is_fetch), 1);
    let link = net.link(0, 1).expect("a link");
    net.cut(link, CloseReason::Gone);
    net.run(MINUTE, |_| false);
    let blocks: Vec<_> = (10..13).map(|number| block(number, 1 << 20)).collect();
    net.place(chain.vault(), &blocks);
    net.run(MINUTE, |_| false);
    assert_eq!(net.hosts[1].store.blocks.keys().copied().collect::<crate::map::Set<_>>(), ids(&blocks).into_iter().collect());
}
