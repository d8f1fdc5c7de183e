//! Blocks that come back: from whoever is alive, quick and honest.

use super::network::{Net, block, blocks, ids, is_block, is_fetch};
use crate::link::CloseReason;
use crate::message::{Message, Plain};
use crate::node::{Event, Request, Role, Trouble};
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);

fn stored(seed: u64, carriers: usize, count: u32) -> (Net, crate::id::VaultId, Vec<crate::block::Block>) {
    let (mut net, chain) = Net::with_carriers(seed, carriers);
    let blocks = blocks(count);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == count as usize));
    net.hosts[0].events.clear();
    net.sent.clear();
    (net, chain.vault(), blocks)
}

#[test]
fn reading_goes_on_while_a_carrier_dies() {
    for seed in 0..20 {
        let (mut net, vault, blocks) = stored(seed, 3, 40);
        net.request(0, Request::Need(vault, ids(&blocks)));
        for _ in 0..seed * 8 {
            net.step();
        }
        net.kill(1 + seed as usize % 3);
        assert!(net.run(MINUTE, |net| net.got().len() == 40), "seed {seed}");
    }
}

#[test]
fn what_is_needed_again_is_fetched_once_and_survives_a_restart() {
    let (mut net, vault, blocks) = stored(31, 3, 40);
    let fetched = |net: &Net| (1..=3).map(|carrier| net.count(carrier, 0, is_block)).sum::<usize>();
    let chain = chain_of(&net);
    for round in 0..3 {
        net.request(0, Request::NeedAgain(vault, ids(&blocks)));
        assert!(net.run(MINUTE, |net| net.got().len() == 40));
        net.settle();
        assert_eq!(fetched(&net), 40, "round {round}");
        net.hosts[0].events.clear();
        net.kill(0);
        net.revive(0, Role::Client);
        net.follow(&chain);
    }
    // What is read once is not kept.
    net.place(vault, &[block(1000, 4096)]);
    assert!(net.run(MINUTE, |net| net.settled() == 1));
    for round in 1..=2 {
        net.request(0, Request::Need(vault, vec![block(1000, 4096).id()]));
        assert!(net.run(MINUTE, |net| net.got().len() == round));
        assert_eq!(fetched(&net), 40 + round);
    }
}

#[test]
fn the_cache_is_bounded_and_throws_only_its_own_blocks_away() {
    let (mut net, vault, blocks) = stored(32, 3, 200);
    let own = block(1000, 4096);
    net.hosts[0].store.blocks.insert(own.id(), (vault, own.clone()));
    net.hosts[0].node.cache.limit = 50 * 4096;
    // A disk that fails once does not end the counting.
    net.hosts[0].store.failing = true;
    net.request(0, Request::NeedAgain(vault, vec![blocks[0].id()]));
    net.settle();
    net.hosts[0].store.failing = false;
    for block in &blocks {
        net.request(0, Request::NeedAgain(vault, vec![block.id()]));
        net.settle();
        assert!(net.hosts[0].store.blocks.len() <= 53, "{} blocks are kept", net.hosts[0].store.blocks.len());
    }
    assert!(net.hosts[0].store.blocks.len() > 10);
    assert!(net.hosts[0].store.blocks.contains_key(&own.id()), "what may be an only copy stays");
}

fn chain_of(net: &Net) -> crate::record::Chain {
    let carriers = (1..net.hosts.len()).map(|index| super::network::carrier(net.hosts[index].peer)).collect();
    super::network::chain(&net.hosts[0].identity, carriers)
}

#[test]
fn with_one_carrier_left_everything_is_readable() {
    let (mut net, vault, blocks) = stored(21, 3, 20);
    net.kill(1);
    net.kill(3);
    net.request(0, Request::Need(vault, ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.got().len() == 20));
}

#[test]
fn with_no_carrier_left_the_reasons_are_named() {
    let (mut net, vault, blocks) = stored(22, 3, 2);
    (1..=3).for_each(|host| net.kill(host));
    net.request(0, Request::Need(vault, ids(&blocks)));
    let unavailable = |net: &Net| net.events().iter().filter(|event| matches!(event, Event::Unavailable(_, why) if why.len() == 3)).count();
    assert!(net.run(MINUTE, |net| unavailable(net) == 2));
}

/// A carrier whose disk hangs answers signs of life and nothing else. What was asked of it counted as under way for ever, so that whatever
/// was needed after that waited for room there without end.
#[test]
fn with_a_carrier_left_that_answers_nothing_everything_ends_and_begins_again_when_it_does() {
    let (mut net, vault, blocks) = stored(24, 2, 40);
    net.kill(2);
    net.hosts[1].store.stuck = true;
    net.request(0, Request::Need(vault, ids(&blocks)));
    let unavailable = |net: &Net| net.events().iter().filter(|event| matches!(event, Event::Unavailable(_, why) if why.len() == 2)).count();
    assert!(net.run(Span::seconds(120), |net| unavailable(net) == 40), "{} of 40 have ended", unavailable(&net));
    net.request(0, Request::Need(vault, ids(&blocks)));
    assert!(net.run(MINUTE, |net| unavailable(net) == 80), "asked once more, it is no better");
    net.hosts[1].store.stuck = false;
    net.settle();
    net.request(0, Request::Need(vault, ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.got().len() == 40));
}

#[test]
fn r03_a_damaged_copy_is_read_elsewhere_and_mended() {
    let (mut net, vault, blocks) = stored(23, 3, 1);
    let id = blocks[0].id();
    // Two of three are damaged: whoever is asked first, a damaged one is met sooner or later.
    for host in [1, 2] {
        net.hosts[host].store.damaged.insert(id, vault);
    }
    for _ in 0..10 {
        net.request(0, Request::Need(vault, vec![id]));
        net.settle();
    }
    assert_eq!(net.got().len(), 10);
    let asked = (1..=2).filter(|host| net.count(0, *host, is_fetch) > 0).count();
    assert!(asked > 0, "the story needs a damaged copy to be asked for");
    for host in 1..=2 {
        if net.count(0, host, is_fetch) > 0 {
            assert!(net.hosts[host].store.blocks.contains_key(&id), "the copy on {host} was not mended");
            assert!(!net.hosts[host].store.damaged.contains_key(&id));
        }
    }
}

#[test]
fn r01_a_lost_copy_is_mended_when_it_is_read() {
    let (mut net, vault, blocks) = stored(24, 3, 30);
    net.hosts[2].store.blocks.clear();
    net.request(0, Request::Need(vault, ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.got().len() == 30));
    net.settle();
    let absent = |message: &Message| matches!(message, Message::Plain(Plain::Absent(_)));
    assert!(net.count(2, 0, absent) > 0);
    assert_eq!(net.hosts[2].store.blocks.len(), net.count(2, 0, absent), "every copy found missing is back");
}

#[test]
fn n06_a_holder_that_does_not_answer_is_hedged() {
    let (mut net, vault, blocks) = stored(25, 3, 30);
    net.hosts[1].frozen = true;
    let begin = net.now;
    net.request(0, Request::Need(vault, ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.got().len() == 30));
    assert!(net.now.since(begin) < Span::seconds(5), "took {}", net.now.since(begin));
}

#[test]
fn a_peer_that_sends_damaged_bytes_is_left_for_the_others() {
    let (mut net, vault, blocks) = stored(26, 3, 12);
    net.request(0, Request::Need(vault, ids(&blocks)));
    while net.link(0, 1).is_some() && net.count(0, 1, is_fetch) == 0 {
        assert!(net.step());
    }
    // The link found a block whose bytes do not match its id, and closed.
    let link = net.link(0, 1).expect("a link");
    net.cut(link, CloseReason::Malformed);
    assert!(net.run(MINUTE, |net| net.got().len() == 12));
}

#[test]
fn what_nobody_has_is_unavailable_and_says_who_lacks_it() {
    let (mut net, vault, _) = stored(27, 3, 0);
    let id = block(77, 4096).id();
    net.request(0, Request::Need(vault, vec![id]));
    assert!(net.run(MINUTE, |net| net.events().iter().any(|event| matches!(event, Event::Unavailable(..)))));
    let Some(Event::Unavailable(_, why)) = net.events().last() else { panic!("an answer") };
    assert_eq!(why.len(), 3);
    assert!(why.iter().all(|(_, trouble)| *trouble == Trouble::Absent));
}

#[test]
fn p12_a_block_that_nobody_fetched_closes_the_link() {
    let (mut net, vault, _) = stored(28, 3, 0);
    net.forge(1, 0, Message::Block(vault, block(5, 4096)));
    let link = net.link(0, 1);
    net.settle();
    assert_ne!(net.link(0, 1), link);
}

#[test]
fn a_reader_asks_for_no_more_than_a_window() {
    let (mut net, vault, blocks) = stored(29, 1, 100);
    net.request(0, Request::Need(vault, ids(&blocks)));
    while !net.hosts[0].store.stuck {
        net.hosts[1].store.stuck = true;
        if !net.step() {
            break;
        }
    }
    let asked: usize =
        net.sent.iter().map(|(_, _, message)| if let Message::Plain(Plain::Fetch(ids)) = message { ids.ids.len() } else { 0 }).sum();
    assert_eq!(asked, 8);
    net.hosts[1].store.stuck = false;
    assert!(net.run(MINUTE, |net| net.got().len() == 100));
    assert_eq!(net.count(1, 0, is_block), 100);
}

#[test]
fn a_block_that_is_needed_again_while_it_is_on_its_way_is_fetched_once() {
    let (mut net, vault, blocks) = stored(32, 1, 1);
    let link = net.link(0, 1);
    net.request(0, Request::Need(vault, ids(&blocks)));
    while net.count(0, 1, is_fetch) == 0 {
        assert!(net.step());
    }
    net.request(0, Request::Forget(ids(&blocks)));
    net.request(0, Request::Need(vault, ids(&blocks)));
    net.settle();
    assert_eq!(net.got().len(), 1);
    assert_eq!(net.count(1, 0, is_block), 1);
    // A second copy would be one that nobody fetched.
    assert_eq!(net.link(0, 1), link);
}

#[test]
fn a_block_that_is_here_is_not_fetched() {
    let (mut net, vault, blocks) = stored(30, 3, 1);
    net.hosts[0].store.blocks.insert(blocks[0].id(), (vault, blocks[0].clone()));
    net.request(0, Request::Need(vault, ids(&blocks)));
    net.settle();
    assert_eq!(net.got().len(), 1);
    assert_eq!(net.sent.len(), 0);
}
