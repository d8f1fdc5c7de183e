//! Blocks that go out: to all holders, to those that are left, to none.

use super::network::{LIMIT, Net, block, blocks, chain, ids, is_block};
use crate::block::Block;
use crate::identity::{Identity, Seed};
use crate::message::{Denial, Ids, Message, Offer, Plain};
use crate::node::{Answer, AskId, Copies, Event, Request, Role, Trouble};
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);

#[test]
fn a_block_goes_to_three_carriers_and_comes_back() {
    let (mut net, chain) = Net::with_carriers(1, 3);
    let blocks = blocks(50);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 50));
    for block in &blocks {
        assert_eq!(net.holders(&block.id()), [1, 2, 3]);
        let whole = Copies { durable: 3, safe_at: 2, wanted: 3 };
        assert!(net.events().contains(&Event::Settled(block.id(), whole)));
    }
    net.request(0, Request::Need(chain.vault(), ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.got().len() == 50));
    for carrier in 1..=3 {
        assert!(net.count(carrier, 0, is_block) >= 10, "reads are spread over all holders");
    }
}

#[test]
fn of_five_carriers_three_hold_a_block() {
    let (mut net, chain) = Net::with_carriers(2, 5);
    let blocks = blocks(200);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 200));
    assert!(blocks.iter().all(|block| net.holders(&block.id()).len() == 3));
}

#[test]
fn with_one_of_three_dead_a_put_is_safe_and_says_who_is_missing() {
    let (mut net, chain) = Net::with_carriers(3, 3);
    net.kill(2);
    let dead = net.hosts[2].peer;
    let blocks = blocks(20);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 20));
    for block in &blocks {
        let two = Copies { durable: 2, safe_at: 2, wanted: 3 };
        assert!(net.events().contains(&Event::Settled(block.id(), two)));
        assert!(net.events().iter().any(|event| matches!(event, Event::Unplaced(id, peer, _) if *id == block.id() && *peer == dead)));
    }
    assert!(net.events().iter().any(|event| matches!(event, Event::Down(peer, _) if *peer == dead)));

    // While the command lives, the holder that comes back is given its copies, out of another holder's store.
    net.revive(2, Role::Carrier { limit: LIMIT, zone: String::new() });
    assert!(net.run(Span::seconds(120), |net| blocks.iter().all(|block| net.holders(&block.id()).len() == 3)));
}

#[test]
fn with_two_of_three_dead_a_put_waits_until_one_of_them_is_back() {
    let (mut net, chain) = Net::with_carriers(3, 3);
    (1..=2).for_each(|carrier| net.kill(carrier));
    let blocks = blocks(20);
    net.place(chain.vault(), &blocks);
    net.run(Span::seconds(600), |_| false);
    assert_eq!(net.settled(), 0, "one copy is not safe, and more may come");
    net.revive(1, Role::Carrier { limit: LIMIT, zone: String::new() });
    assert!(net.run(Span::seconds(120), |net| net.settled() == 20));
    let two = Copies { durable: 2, safe_at: 2, wanted: 3 };
    assert!(blocks.iter().all(|block| net.events().contains(&Event::Settled(block.id(), two))));
}

#[test]
fn with_four_carriers_the_next_in_order_takes_a_dead_ones_place() {
    let (mut net, chain) = Net::with_carriers(4, 4);
    net.kill(3);
    let blocks = blocks(40);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 40));
    assert!(blocks.iter().all(|block| net.holders(&block.id()).len() == 3));
}

#[test]
fn a_carrier_that_dies_while_blocks_are_on_their_way_costs_nothing() {
    for seed in 0..20 {
        let (mut net, chain) = Net::with_carriers(seed, 4);
        let blocks = blocks(60);
        net.place(chain.vault(), &blocks);
        for _ in 0..seed * 25 {
            net.step();
        }
        net.kill(1);
        assert!(net.run(MINUTE, |net| net.settled() == 60), "seed {seed}");
        for event in net.events() {
            if let Event::Settled(id, copies) = event {
                let alive = net.holders(id);
                assert!(usize::from(copies.durable) <= alive.len(), "acks are copies, whoever dies later");
                assert!(alive.iter().filter(|host| **host != 1).count() >= 2);
            }
        }
    }
}

#[test]
fn a_vault_that_is_not_admitted_is_told_so() {
    let (mut net, chain) = Net::strangers(5, 3, LIMIT);
    net.follow(&chain);
    net.place(chain.vault(), &blocks(1));
    assert!(net.run(MINUTE, |net| net.settled() == 1));
    let denied = |event: &&Event| matches!(event, Event::Unplaced(_, _, Trouble::Denied(Denial::NotAdmitted)));
    assert_eq!(net.events().iter().filter(denied).count(), 3);
}

#[test]
fn a_vaults_limit_holds_to_the_block() {
    let (mut net, chain) = Net::strangers(6, 1, LIMIT);
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: 10 * 4096 });
    net.follow(&chain);
    net.request(0, Request::Redeem(AskId(1), net.hosts[1].peer, [1; 16], chain.clone()));
    net.settle();
    net.place(chain.vault(), &blocks(25));
    assert!(net.run(MINUTE, |net| net.settled() == 25));
    assert_eq!(net.hosts[1].store.blocks.len(), 10);
    let denied = |event: &&Event| matches!(event, Event::Unplaced(_, _, Trouble::Denied(Denial::Limit)));
    assert_eq!(net.events().iter().filter(denied).count(), 15);
}

#[test]
fn d05_a_limit_counts_blocks_too() {
    let (mut net, chain) = Net::strangers(6, 1, LIMIT);
    // As many bytes as 4096 of these blocks take, but a vault of nothing else may have a quarter of them.
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: 1024 * crate::limits::LIMIT_PER_BLOCK });
    net.follow(&chain);
    net.request(0, Request::Redeem(AskId(1), net.hosts[1].peer, [1; 16], chain.clone()));
    net.settle();
    net.place(chain.vault(), &blocks(1030));
    assert!(net.run(MINUTE, |net| net.settled() == 1030));
    assert_eq!(net.hosts[1].store.blocks.len(), 1024);
}

#[test]
fn a_block_that_two_writers_bring_is_counted_once() {
    let (mut net, chain) = Net::with_carriers(6, 2);
    let vault = chain.vault();
    net.connect(2, 1);
    net.settle();
    net.hosts[0].frozen = true;
    net.hosts[2].frozen = true;
    let both = block(0, 4096);
    let large: Vec<_> = (1..=8).map(|number| block(number, 1 << 20)).collect();
    let offer = |blocks: &[&Block]| {
        let blocks = blocks.iter().map(|block| (block.id(), block.size_log())).collect();
        Message::Plain(Plain::Offer(Offer { vault, blocks, sources: Vec::new() }))
    };
    // One writer fills its window, so that its last block has to wait; the other one brings that meanwhile.
    let mut all: Vec<_> = large.iter().collect();
    all.push(&both);
    net.forge(0, 1, offer(&all));
    net.settle();
    net.forge(2, 1, offer(&[&both]));
    net.settle();
    net.forge(2, 1, Message::Block(vault, both.clone()));
    net.settle();
    assert_eq!(net.holders(&both.id()), [1]);
    net.forge(0, 1, Plain::Absent(Ids { vault, ids: ids(&large) }).into());
    net.settle();
    let wants = |message: &Message| matches!(message, Message::Plain(Plain::Want(want)) if want.ids.contains(&both.id()));
    let acks = |message: &Message| matches!(message, Message::Plain(Plain::Stored(stored)) if stored.ids.contains(&both.id()));
    assert_eq!((net.count(1, 0, wants), net.count(1, 0, acks)), (0, 1), "it is not invited again, and its writer hears that it is durable");
}

#[test]
fn d03_a_full_disk_on_one_carrier_is_said_and_another_one_helps() {
    let (mut net, chain) = Net::with_carriers(7, 4);
    net.hosts[2].store.full = true;
    let blocks = blocks(30);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 30));
    assert!(blocks.iter().all(|block| net.holders(&block.id()).len() == 3));
    assert!(net.events().iter().any(|event| matches!(event, Event::Unplaced(_, _, Trouble::Denied(Denial::DiskFull)))));
}

#[test]
fn d03_full_disks_everywhere_are_never_success() {
    let (mut net, chain) = Net::with_carriers(8, 3);
    net.hosts.iter_mut().for_each(|host| host.store.full = true);
    let blocks = blocks(5);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 5));
    let nothing = Copies { durable: 0, safe_at: 2, wanted: 3 };
    assert!(blocks.iter().all(|block| net.events().contains(&Event::Settled(block.id(), nothing))));
    assert!(!net.events().iter().any(|event| matches!(event, Event::Placed(..))));
}

#[test]
fn c07_nothing_is_acked_that_is_not_durable() {
    let (mut net, chain) = Net::with_carriers(9, 3);
    let blocks = blocks(10);
    (1..=3).for_each(|carrier| net.hosts[carrier].node.handle(net.now, crate::node::Input::Tick));
    net.place(chain.vault(), &blocks);
    // The stores answer what is held and then nothing more: bytes arrive, no commit is answered.
    net.run(Span(1), |net| (1..=3).all(|carrier| net.count(0, carrier, is_block) == 10));
    (1..=3).for_each(|carrier| net.hosts[carrier].store.stuck = true);
    let acked: usize = net.hosts.iter().skip(1).map(|host| host.store.blocks.len()).sum();
    net.settle();
    let stored: usize =
        net.sent.iter().map(|(_, _, message)| if let Message::Plain(Plain::Stored(ids)) = message { ids.ids.len() } else { 0 }).sum();
    assert!(stored <= acked, "{stored} acks for {acked} durable copies");
    assert!(acked < 30);
    (1..=3).for_each(|carrier| net.hosts[carrier].store.stuck = false);
    assert!(net.run(MINUTE, |net| net.settled() == 10));
}

#[test]
fn p12_an_uninvited_block_is_not_stored_and_closes_the_link() {
    let (mut net, chain) = Net::with_carriers(10, 1);
    let block = block(7, 4096);
    net.forge(0, 1, Message::Block(chain.vault(), block.clone()));
    net.settle();
    assert!(net.holders(&block.id()).is_empty());
    assert_eq!(net.link(0, 1), None);
}

#[test]
fn m17_a_block_larger_than_promised_or_under_another_vault_is_uninvited() {
    for wrong in 0..2 {
        let (mut net, chain) = Net::with_carriers(11, 1);
        let large = block(7, 8192);
        let offer = Offer { vault: chain.vault(), blocks: vec![(large.id(), block(0, 4096).size_log())], sources: Vec::new() };
        net.forge(0, 1, Plain::Offer(offer).into());
        net.settle();
        let vault = if wrong == 0 { chain.vault() } else { crate::id::VaultId([9; 32]) };
        net.forge(0, 1, Message::Block(vault, large.clone()));
        net.settle();
        assert!(net.holders(&large.id()).is_empty());
        assert_eq!(net.link(0, 1), None);
    }
}

#[test]
fn only_writers_and_carriers_may_store() {
    let (mut net, chain) = Net::with_carriers(12, 1);
    let stranger = net.host(Role::Client);
    net.connect(stranger, 1);
    let block = block(1, 4096);
    let offer = Offer { vault: chain.vault(), blocks: vec![(block.id(), block.size_log())], sources: Vec::new() };
    net.forge(stranger, 1, Plain::Offer(offer).into());
    net.settle();
    let refused = |message: &Message| matches!(message, Message::Plain(Plain::Refused(refused)) if refused.why == Denial::NoRight);
    assert_eq!(net.count(1, stranger, refused), 1);
}

#[test]
fn an_offer_that_nobody_can_deliver_leaves_no_room_taken() {
    let (mut net, chain) = Net::with_carriers(15, 1);
    let size = block(0, 1 << 20).size_log();
    let blocks = blocks(8).into_iter().map(|block| (block.id(), size)).collect::<Vec<_>>();
    let all = blocks.iter().map(|(id, _)| *id).collect();
    net.forge(0, 1, Plain::Offer(Offer { vault: chain.vault(), blocks, sources: Vec::new() }).into());
    net.settle();
    net.forge(0, 1, Plain::Absent(Ids { vault: chain.vault(), ids: all }).into());
    net.settle();
    net.place(chain.vault(), &[block(99, 1 << 20)]);
    assert!(net.run(MINUTE, |net| net.settled() == 1));
    assert_eq!(net.hosts[1].store.blocks.len(), 1);
}

#[test]
fn a_carrier_invites_no_more_than_its_window() {
    let (mut net, chain) = Net::with_carriers(16, 1);
    let size = block(0, 1 << 20).size_log();
    let offered = blocks(100).into_iter().map(|block| (block.id(), size)).collect();
    net.forge(0, 1, Plain::Offer(Offer { vault: chain.vault(), blocks: offered, sources: Vec::new() }).into());
    net.step();
    while net.count(1, 0, |message| matches!(message, Message::Plain(Plain::Want(_)))) == 0 {
        assert!(net.step());
    }
    let wanted: usize =
        net.sent.iter().map(|(_, _, message)| if let Message::Plain(Plain::Want(ids)) = message { ids.ids.len() } else { 0 }).sum();
    assert_eq!(wanted, 8, "8 MiB a link");
}

#[test]
fn a_vault_without_carriers_lives_in_the_local_store() {
    let mut net = Net::new(17);
    net.host(Role::Client);
    let chain = chain(&Identity::from_seed(&Seed::new([1; 32])), Vec::new());
    net.follow(&chain);
    let blocks = blocks(3);
    net.place(chain.vault(), &blocks);
    net.settle();
    let here = Copies { durable: 1, safe_at: 1, wanted: 1 };
    assert!(blocks.iter().all(|block| net.events().contains(&Event::Settled(block.id(), here))));
    net.request(0, Request::Need(chain.vault(), ids(&blocks)));
    net.settle();
    assert_eq!(net.got().len(), 3);
    net.hosts[0].store.damaged.insert(blocks[0].id(), chain.vault());
    net.request(0, Request::Need(chain.vault(), vec![blocks[0].id()]));
    net.settle();
    let damaged = vec![(net.hosts[0].peer, Trouble::Damaged)];
    assert!(net.events().contains(&Event::Unavailable(blocks[0].id(), damaged)));
    net.request(0, Request::Audit { ask: AskId(9), vault: chain.vault(), live: ids(&blocks), mend: false });
    net.settle();
    let Answer::Audited(audit) = net.answer(0, AskId(9)) else { panic!("an audit") };
    assert_eq!((audit.whole, audit.missing), (2, vec![blocks[0].id()]));
}
