//! Tabs: what they keep, what carriers know of it, and to whom they say it.

use super::network::{LIMIT, Net, blocks, ids, is_block, is_fetch};
use crate::block::Block;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::TAB_CACHE_WINDOW;
use crate::link::CloseReason;
use crate::message::{Ask, Has, Ids, Message, Plain};
use crate::node::{Answer, AskId, Config, Event, Node, Request, Role};
use crate::record::Chain;
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);
const DEVICE: usize = 0;
const TAB: usize = 4;
const OTHER_TAB: usize = 5;

/// Three carriers, a device and two tabs; the first tab has put blocks.
fn put(seed: u64, count: u32) -> (Net, Chain, Vec<Block>) {
    let (mut net, chain) = Net::with_tabs(seed, 3, 2);
    let blocks = blocks(count);
    for block in &blocks {
        net.request(TAB, Request::Place(chain.vault(), block.clone()));
    }
    assert!(net.run(MINUTE, |net| net.holders(&blocks[count as usize - 1].id()).len() == 4));
    net.settle();
    (net, chain, blocks)
}

/// Which tabs carriers name to a host that asks for blocks.
fn tabs_named(net: &mut Net, host: usize, vault: VaultId, ids: &[BlockId]) -> Vec<Vec<PeerId>> {
    net.hosts[host].events.clear();
    net.request(host, Request::Locate(AskId(9), vault, ids.to_vec()));
    net.settle();
    let Answer::Whereabouts(places) = net.answer(host, AskId(9)) else { panic!("whereabouts") };
    assert_eq!(places.iter().map(|place| place.id).collect::<Vec<_>>(), ids);
    places.into_iter().map(|place| place.tabs).collect()
}

fn is_where(message: &Message) -> bool {
    matches!(message, Message::Plain(Plain::Where(_)))
}

#[test]
fn what_a_tab_wrote_or_read_is_known_to_members_and_never_counted_as_a_copy() {
    let (mut net, chain, blocks) = put(1, 30);
    let (vault, ids) = (chain.vault(), ids(&blocks));
    let tab = net.hosts[TAB].peer;
    assert!(tabs_named(&mut net, DEVICE, vault, &ids).iter().all(|tabs| *tabs == [tab]));
    net.request(DEVICE, Request::Locate(AskId(9), vault, ids.clone()));
    let Answer::Whereabouts(places) = net.answer(DEVICE, AskId(9)) else { panic!("whereabouts") };
    assert!(places.iter().all(|place| place.carriers.len() == 3 && !place.carriers.contains(&tab)));
    // What another tab reads, it has as well.
    net.request(OTHER_TAB, Request::Need(vault, ids.clone()));
    assert!(net.run(MINUTE, |net| net.hosts[OTHER_TAB].store.blocks.len() == 30));
    net.settle();
    assert!(tabs_named(&mut net, DEVICE, vault, &ids).iter().all(|tabs| tabs.len() == 2));
    assert!(tabs_named(&mut net, TAB, vault, &ids).iter().all(|tabs| *tabs == [net.hosts[OTHER_TAB].peer]), "nobody is named to itself");
    // The device keeps no copies for others.
    assert_eq!(net.hosts[DEVICE].store.blocks.len(), 0);
}

#[test]
fn a_tab_that_starts_again_says_what_it_still_has() {
    let (mut net, chain, blocks) = put(2, 30);
    let ids = ids(&blocks);
    net.kill(TAB);
    net.settle();
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids).iter().all(Vec::is_empty), "forgotten with its links");
    net.revive(TAB, Role::Tab { limit: LIMIT });
    net.request(TAB, Request::Follow(chain.clone()));
    net.settle();
    let tab = net.hosts[TAB].peer;
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids).iter().all(|tabs| *tabs == [tab]));
}

#[test]
fn a_tab_does_not_ask_its_store_for_what_it_knows_to_be_elsewhere() {
    let (mut net, chain, blocks) = put(8, 30);
    let (vault, ids) = (chain.vault(), ids(&blocks));
    let fetched = |net: &Net| (1..=3).map(|carrier| net.count(OTHER_TAB, carrier, is_fetch)).sum::<usize>();
    net.request(OTHER_TAB, Request::Need(vault, ids.clone()));
    assert!(net.run(MINUTE, |net| net.hosts[OTHER_TAB].store.blocks.len() == 30));
    net.settle();
    assert_eq!(net.hosts[OTHER_TAB].store.gets, 0);
    // What it has it takes from there, also before it has looked through its store.
    for _ in 0..2 {
        net.sent.clear();
        net.hosts[OTHER_TAB].store.gets = 0;
        net.request(OTHER_TAB, Request::Need(vault, ids.clone()));
        assert!(net.run(MINUTE, |net| net.hosts[OTHER_TAB].store.gets == 30));
        net.settle();
        assert_eq!(fetched(&net), 0);
        net.kill(OTHER_TAB);
        net.revive(OTHER_TAB, Role::Tab { limit: LIMIT });
        net.request(OTHER_TAB, Request::Follow(chain.clone()));
    }
}

#[test]
fn a_tab_whose_link_breaks_says_it_again() {
    let (mut net, chain, blocks) = put(3, 10);
    for carrier in 1..=3 {
        let link = net.link(TAB, carrier).expect("a link");
        net.cut(link, CloseReason::Gone);
    }
    net.run(Span::seconds(5), |_| false);
    let tab = net.hosts[TAB].peer;
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids(&blocks)).iter().all(|tabs| *tabs == [tab]));
}

#[test]
fn what_a_tab_threw_away_or_lost_is_withdrawn() {
    let (mut net, chain, blocks) = put(4, 30);
    let ids = ids(&blocks);
    for id in &ids[..10] {
        net.hosts[TAB].store.blocks.remove(id);
    }
    net.request(TAB, Request::Evicted(ids[..10].to_vec()));
    net.settle();
    let named = tabs_named(&mut net, DEVICE, chain.vault(), &ids);
    assert_eq!(named.iter().filter(|tabs| tabs.is_empty()).count(), 10);
    assert!(named[..10].iter().all(Vec::is_empty));
    // It also finds out when it is asked.
    net.hosts[TAB].store.blocks.remove(&ids[20]);
    let link = net.connect(OTHER_TAB, TAB);
    let fetch = Plain::Fetch(Ids { vault: chain.vault(), ids: vec![ids[20]] });
    net.input(TAB, crate::node::Input::Received(link, fetch.into()));
    net.settle();
    assert_eq!(tabs_named(&mut net, DEVICE, chain.vault(), &ids[20..21]), [[]]);
}

#[test]
fn a_tab_that_reads_faster_than_its_disk_writes_keeps_a_part_and_of_what_it_reads_slowly_all() {
    let (mut net, chain, blocks) = put(13, 60);
    let (vault, ids) = (chain.vault(), ids(&blocks));
    let mut read = |range: std::ops::Range<usize>, pause: Span| {
        let before = net.hosts[OTHER_TAB].store.blocks.len();
        for id in &ids[range] {
            net.hosts[OTHER_TAB].store.stuck = true;
            net.request(OTHER_TAB, Request::Need(vault, vec![*id]));
            net.run(Span(10), |_| false);
            net.hosts[OTHER_TAB].store.stuck = false;
            net.settle();
            net.run(pause, |_| false);
        }
        net.hosts[OTHER_TAB].store.blocks.len() - before
    };
    assert_eq!(read(0..30, Span(40)), 30, "it writes a quarter of the time");
    let kept = read(30..60, Span(1));
    assert!((5..15).contains(&kept), "it would write all the time: {kept}");
}

#[test]
fn what_a_tab_reads_after_it_has_written_for_a_minute_is_kept() {
    let (mut net, chain, blocks) = put(15, 2);
    let (vault, ids) = (chain.vault(), ids(&blocks));
    net.hosts[OTHER_TAB].store.stuck = true;
    net.request(OTHER_TAB, Request::Place(vault, super::network::block(9_000, 4096)));
    net.run(MINUTE, |_| false);
    net.hosts[OTHER_TAB].store.stuck = false;
    net.settle();
    net.run(Span::seconds(2), |_| false);
    net.request(OTHER_TAB, Request::Need(vault, ids.clone()));
    net.settle();
    net.run(Span::seconds(1), |_| false);
    assert!(ids.iter().all(|id| net.hosts[OTHER_TAB].store.blocks.contains_key(id)));
}

#[test]
fn a_tab_keeps_no_more_than_it_may() {
    let (mut net, chain) = Net::with_tabs(5, 3, 1);
    let me = net.hosts[TAB].peer;
    net.hosts[TAB].node = Node::new(net.now, Config { me, role: Role::Tab { limit: 20 * 4096 }, seed: [9; 32] });
    net.request(TAB, Request::Follow(chain.clone()));
    net.settle();
    let blocks = blocks(200);
    for block in &blocks {
        net.request(TAB, Request::Place(chain.vault(), block.clone()));
        net.settle();
    }
    assert!(net.hosts[TAB].store.blocks.len() <= 21, "{}", net.hosts[TAB].store.blocks.len());
    let named = tabs_named(&mut net, DEVICE, chain.vault(), &ids(&blocks));
    let held = |id: &BlockId| net.hosts[TAB].store.blocks.contains_key(id);
    assert!(blocks.iter().zip(named).all(|(block, tabs)| tabs.contains(&me) == held(&block.id())));
}

#[test]
fn a_tab_whose_disk_becomes_scarce_keeps_less_and_says_so() {
    let (mut net, chain, blocks) = put(7, 100);
    let (tab, ids) = (net.hosts[TAB].peer, ids(&blocks));
    net.request(TAB, Request::Shrink(10 * 4096));
    net.settle();
    assert!(net.hosts[TAB].store.blocks.len() <= 10, "{}", net.hosts[TAB].store.blocks.len());
    let named = tabs_named(&mut net, DEVICE, chain.vault(), &ids);
    let held = |id: &BlockId| net.hosts[TAB].store.blocks.contains_key(id);
    assert!(ids.iter().zip(named).all(|(id, tabs)| tabs.contains(&tab) == held(id)));
    net.request(TAB, Request::Shrink(LIMIT));
    net.settle();
    assert!(net.hosts[TAB].store.blocks.len() <= 10, "it does not grow again");
}

#[test]
fn b02_a_tab_whose_store_was_emptied_says_that_it_has_nothing_and_begins_anew() {
    let (mut net, chain, blocks) = put(8, 40);
    let (tab, ids) = (net.hosts[TAB].peer, ids(&blocks));
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids).iter().all(|tabs| *tabs == [tab]));
    net.hosts[TAB].store.blocks.clear();
    net.request(TAB, Request::Emptied);
    net.settle();
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids).iter().all(Vec::is_empty));
    net.request(TAB, Request::Place(chain.vault(), blocks[0].clone()));
    net.settle();
    assert_eq!(tabs_named(&mut net, DEVICE, chain.vault(), &ids[..1]), [[tab]]);
}

/// What the disk had no time for was dropped without a word: whoever kept a copy of a film had half of it.
#[test]
fn a_copy_that_is_kept_on_a_slow_disk_is_complete_and_takes_little_memory() {
    let (mut net, chain) = Net::with_tabs(11, 3, 2);
    let blocks = blocks(3000);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 3000));
    net.sent.clear();
    net.request(TAB, Request::Keep(AskId(1), chain.vault(), ids(&blocks)));
    while net.hosts[TAB].events.is_empty() {
        net.hosts[TAB].store.stuck = true;
        net.settle();
        let arrived: usize = (1..=3).map(|carrier| net.count(carrier, TAB, is_block)).sum();
        assert!(arrived - net.hosts[TAB].store.blocks.len() <= TAB_CACHE_WINDOW >> 20, "no more than the largest blocks may take");
        net.hosts[TAB].store.stuck = false;
        assert!(net.step(), "it goes on");
    }
    assert_eq!(net.answer(TAB, AskId(1)), Answer::Kept(Vec::new()));
    assert_eq!(net.hosts[TAB].store.blocks.len(), 3000);
    assert_eq!((1..=3).map(|carrier| net.count(carrier, TAB, is_block)).sum::<usize>(), 3000, "nothing is fetched twice");
    // What is there already is not fetched once more.
    net.sent.clear();
    net.request(TAB, Request::Keep(AskId(2), chain.vault(), ids(&blocks)));
    net.settle();
    assert_eq!(net.answer(TAB, AskId(2)), Answer::Kept(Vec::new()));
    assert!(net.sent.iter().all(|(_, _, message)| !is_fetch(message)));
}

#[test]
fn d06_what_a_disk_does_not_take_is_tried_once_more_and_named_in_the_end() {
    let (mut net, chain, blocks) = put(12, 20);
    let ids = ids(&blocks);
    net.hosts[OTHER_TAB].store.failing = true;
    net.sent.clear();
    for (ask, missing) in [(1, ids.len()), (2, 0)] {
        net.request(OTHER_TAB, Request::Keep(AskId(ask), chain.vault(), ids.clone()));
        net.settle();
        let Answer::Kept(lacking) = net.answer(OTHER_TAB, AskId(ask)) else { panic!("an answer") };
        assert_eq!(lacking.len(), missing);
        net.hosts[OTHER_TAB].store.failing = false;
    }
    // What is nowhere is named as well, and holds nothing up.
    net.kill(TAB);
    for host in 1..TAB {
        net.hosts[host].store.blocks.remove(&ids[3]);
        net.hosts[host].store.blocks.remove(&ids[4]);
    }
    net.hosts[OTHER_TAB].store.blocks.clear();
    net.request(OTHER_TAB, Request::Keep(AskId(3), chain.vault(), ids.clone()));
    assert!(net.run(MINUTE, |net| net.hosts[OTHER_TAB].events.iter().any(|event| matches!(event, Event::Answered(AskId(3), _)))));
    let Answer::Kept(mut lacking) = net.answer(OTHER_TAB, AskId(3)) else { panic!("an answer") };
    lacking.sort_unstable();
    let mut gone = ids[3..5].to_vec();
    gone.sort_unstable();
    assert_eq!(lacking, gone);
}

#[test]
fn a_copy_that_is_more_than_a_tab_may_keep_is_not_called_complete() {
    let (mut net, chain, blocks) = put(13, 100);
    let me = net.hosts[OTHER_TAB].peer;
    net.hosts[OTHER_TAB].node = Node::new(net.now, Config { me, role: Role::Tab { limit: 20 * 4096 }, seed: [9; 32] });
    net.request(OTHER_TAB, Request::Follow(chain.clone()));
    net.settle();
    net.request(OTHER_TAB, Request::Keep(AskId(1), chain.vault(), ids(&blocks)));
    net.settle();
    let Answer::Kept(lacking) = net.answer(OTHER_TAB, AskId(1)) else { panic!("an answer") };
    let held = &net.hosts[OTHER_TAB].store.blocks;
    assert!(ids(&blocks).iter().all(|id| lacking.contains(id) != held.contains_key(id)));
    assert!(held.len() <= 20);
}

#[test]
fn p13_who_is_no_member_learns_nothing_of_tabs_and_is_believed_nothing() {
    let (mut net, chain, blocks) = put(6, 5);
    let (vault, ids) = (chain.vault(), ids(&blocks));
    let stranger = net.host(Role::Client);
    net.connect(stranger, 1);
    net.sent.clear();
    net.forge(stranger, 1, Plain::Where(Has { ask: Ask(7), vault, ids: ids.clone() }).into());
    net.forge(stranger, 1, Plain::Carries(Ids { vault, ids: ids.clone() }).into());
    // A carrier's copies are no hearsay: it may not bring itself in as a tab, nor ask for tabs.
    net.connect(2, 1);
    net.forge(2, 1, Plain::Where(Has { ask: Ask(8), vault, ids: ids.clone() }).into());
    net.forge(2, 1, Plain::Carries(Ids { vault, ids: ids.clone() }).into());
    net.settle();
    let held = |message: &Message| matches!(message, Message::Plain(Plain::Held(_)));
    assert_eq!((net.count(1, stranger, held), net.count(1, 2, held)), (0, 0));
    let denied = |message: &Message| matches!(message, Message::Plain(Plain::Denied(_)));
    assert_eq!((net.count(1, stranger, denied), net.count(1, 2, denied)), (1, 1));
    assert!(net.count(stranger, 1, is_where) == 1);
    let tab = net.hosts[TAB].peer;
    assert!(tabs_named(&mut net, DEVICE, vault, &ids).iter().all(|tabs| *tabs == [tab]));
}

#[test]
fn a_removed_member_is_asked_for_nothing() {
    let (mut net, chain, blocks) = put(7, 5);
    let tab = net.hosts[TAB].peer;
    let certificate = super::network::next(&chain, &net.hosts[DEVICE].identity, |draft| {
        draft.epoch += 1;
        draft.members.iter_mut().filter(|member| member.peer == tab).for_each(|member| member.removed_after = Some(0));
        let active: Vec<u16> = draft.members.iter().filter(|member| member.removed_after.is_none()).map(|member| member.number).collect();
        draft.wraps.retain(|wrap| active.contains(&wrap.member));
        draft.previous_epoch = Some(vec![0; crate::limits::PREVIOUS_EPOCH_SEALED].into());
    });
    let mut after = chain.clone();
    after.extend(certificate.clone()).expect("it follows");
    net.request(DEVICE, Request::Publish(crate::record::Record::Certificate(certificate)));
    net.request(DEVICE, Request::Follow(after));
    net.settle();
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids(&blocks)).iter().all(Vec::is_empty));
}

fn suspended(message: &Message) -> bool {
    matches!(message, Message::Plain(Plain::Suspended(_)))
}

#[test]
fn b11_a_suspended_tab_keeps_its_links_and_gets_no_work_until_it_is_back() {
    let (mut net, chain, blocks) = put(8, 10);
    let ids = ids(&blocks);
    let links: Vec<_> = (1..=3).map(|carrier| net.link(TAB, carrier).expect("a link")).collect();
    net.request(TAB, Request::Suspend(true));
    net.settle();
    assert_eq!((1..=3).map(|carrier| net.count(TAB, carrier, suspended)).sum::<usize>(), 3);
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids).iter().all(Vec::is_empty), "nobody is sent to it");
    // It gets no time at all for ten minutes.
    net.hosts[TAB].frozen = true;
    net.hosts[TAB].alive = false;
    net.run(Span::seconds(600), |_| false);
    (net.hosts[TAB].frozen, net.hosts[TAB].alive) = (false, true);
    net.tick(net.now);
    net.settle();
    net.request(TAB, Request::Suspend(false));
    net.settle();
    assert_eq!((1..=3).map(|carrier| net.link(TAB, carrier).expect("a link")).collect::<Vec<_>>(), links, "the links it had");
    let tab = net.hosts[TAB].peer;
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids).iter().all(|tabs| *tabs == [tab]), "and all it said is still known");
    net.run(MINUTE, |_| false);
    assert_eq!((1..=3).map(|carrier| net.link(TAB, carrier).expect("a link")).collect::<Vec<_>>(), links);
}

#[test]
fn b11_a_tab_that_stays_away_is_forgotten() {
    let (mut net, chain, blocks) = put(9, 10);
    net.request(TAB, Request::Suspend(true));
    net.settle();
    net.hosts[TAB].frozen = true;
    net.hosts[TAB].alive = false;
    net.run(Span::seconds(16 * 60), |_| false);
    assert!((1..=3).all(|carrier| net.link(TAB, carrier).is_none()));
    assert!(tabs_named(&mut net, DEVICE, chain.vault(), &ids(&blocks)).iter().all(Vec::is_empty));
}

#[test]
fn who_comes_back_to_a_dead_link_calls_again_within_seconds() {
    let (mut net, _) = Net::with_tabs(10, 3, 1);
    net.request(TAB, Request::Suspend(true));
    net.settle();
    net.hosts[2].frozen = true;
    net.request(TAB, Request::Suspend(false));
    net.settle();
    let dialled = net.hosts[TAB].dials.len();
    let (silent, now) = (net.hosts[2].peer, net.now);
    assert!(net.run(Span::seconds(10), |net| net.hosts[TAB].dials[dialled..].iter().any(|(_, peer)| *peer == silent)));
    assert!(net.now.since(now) <= Span::seconds(6));
    assert!(net.hosts[TAB].dials[dialled..].iter().all(|(_, peer)| *peer == silent), "the others answered");
}
