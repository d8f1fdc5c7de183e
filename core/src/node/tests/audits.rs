//! Audits: what is missing is found by asking little, and brought back.

use super::network::{Net, blocks, ids};
use crate::block::Block;
use crate::id::{Partition, VaultId};
use crate::message::{Fingerprint, Message, Plain};
use crate::node::{Answer, AskId, Audit, Request, Whereabouts};
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);

fn stored(seed: u64, carriers: usize, count: u32) -> (Net, VaultId, Vec<Block>) {
    let (mut net, chain) = Net::with_carriers(seed, carriers);
    let blocks = blocks(count);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == count as usize));
    net.hosts[0].events.clear();
    net.sent.clear();
    (net, chain.vault(), blocks)
}

fn audit(net: &mut Net, vault: VaultId, blocks: &[Block], mend: bool) -> Audit {
    net.hosts[0].events.clear();
    net.request(0, Request::Audit { ask: AskId(1), vault, live: ids(blocks), mend });
    assert!(net.run(MINUTE, |net| net.events().iter().any(|event| matches!(event, crate::node::Event::Answered(..)))));
    let Answer::Audited(audit) = net.answer(0, AskId(1)) else { panic!("an audit") };
    audit
}

#[test]
fn equal_holdings_cost_one_question_each() {
    let (mut net, vault, blocks) = stored(1, 3, 300);
    let found = audit(&mut net, vault, &blocks, false);
    assert_eq!(found, Audit { blocks: 300, whole: 300, ..Audit::default() });
    assert_eq!(net.sent.len(), 6, "a question and an answer for each carrier");
}

#[test]
fn r01_what_is_missing_is_found_and_mended() {
    let (mut net, vault, blocks) = stored(2, 4, 200);
    let mut gone = 0;
    for (at, block) in blocks.iter().enumerate() {
        let holders = net.holders(&block.id());
        let lose = if at < 3 { 3 } else { usize::from(at % 5 == 0) * (1 + at % 2) };
        for host in &holders[..lose] {
            net.hosts[*host].store.blocks.remove(&block.id());
        }
        gone += if at < 3 { 0 } else { lose };
    }
    let found = audit(&mut net, vault, &blocks, false);
    assert_eq!(found.missing.len(), 3);
    assert_eq!(found.short.iter().map(|(_, copies)| 3 - usize::from(*copies)).sum::<usize>(), gone);
    assert_eq!(found.whole + found.short.len() as u64 + 3, 200);

    let mended = audit(&mut net, vault, &blocks, true);
    assert_eq!((mended.mended as usize, mended.short.len(), mended.missing.len()), (gone, 0, 3));
    assert!(blocks[3..].iter().all(|block| net.holders(&block.id()).len() == 3));
    let again = audit(&mut net, vault, &blocks[3..], false);
    assert_eq!((again.whole, again.strangers), (197, 0));
}

#[test]
fn what_nobody_asked_about_is_counted() {
    let (mut net, vault, blocks) = stored(3, 3, 50);
    let found = audit(&mut net, vault, &blocks[..40], false);
    assert_eq!((found.whole, found.strangers), (40, 30));
}

#[test]
fn a_carrier_that_cannot_be_reached_is_named() {
    let (mut net, vault, blocks) = stored(4, 3, 30);
    net.kill(3);
    net.run(Span::seconds(2), |_| false);
    let found = audit(&mut net, vault, &blocks, true);
    assert_eq!(found.silent.len(), 1);
    assert_eq!(found.silent[0].0, net.hosts[3].peer);
    assert_eq!((found.short.len(), found.mended), (30, 0));
}

#[test]
fn a_whole_store_that_was_lost_is_filled_again() {
    let (mut net, vault, blocks) = stored(5, 3, 500);
    net.hosts[2].store.blocks.clear();
    let found = audit(&mut net, vault, &blocks, true);
    assert_eq!((found.mended, found.whole), (500, 500));
    assert_eq!(net.hosts[2].store.blocks.len(), 500);
}

#[test]
fn where_blocks_lie_is_told_in_the_order_asked() {
    let (mut net, vault, blocks) = stored(6, 4, 60);
    let mut asked = ids(&blocks);
    asked.reverse();
    net.request(0, Request::Locate(AskId(7), vault, asked.clone()));
    net.settle();
    let Answer::Whereabouts(places) = net.answer(0, AskId(7)) else { panic!("places") };
    assert_eq!(places.iter().map(|place| place.id).collect::<Vec<_>>(), asked);
    for Whereabouts { id, carriers, tabs } in places {
        assert_eq!(tabs, []);
        let mut hosts: Vec<usize> = carriers.into_iter().map(|peer| net.host_of(peer)).collect();
        hosts.sort_unstable();
        assert_eq!(hosts, net.holders(&id));
    }
}

#[test]
fn carriers_tell_members_what_a_vault_takes() {
    let (mut net, vault, _) = stored(7, 3, 20);
    net.kill(1);
    net.run(Span::seconds(2), |_| false);
    net.request(0, Request::Survey(AskId(8), vault));
    net.settle();
    let Answer::Carriers(states) = net.answer(0, AskId(8)) else { panic!("states") };
    assert_eq!(states.len(), 3);
    assert_eq!(states.iter().filter(|state| state.status.is_err()).count(), 1);
    let told = states.iter().filter_map(|state| state.status.as_ref().ok());
    assert!(told.clone().all(|status| (status.blocks, status.used, status.limit) == (20, 20 * 4096, super::network::LIMIT)));
    let asked = |message: &Message| matches!(message, Message::Plain(Plain::Status(_)));
    assert_eq!(net.sent.iter().filter(|(.., message)| asked(message)).count(), 2);
}

/// Counts that no carrier can mean were added up, and ended the process of whoever checked.
#[test]
fn p03_carriers_that_count_to_the_end_of_numbers_end_nobody() {
    let (mut net, vault, blocks) = stored(3, 2, 10);
    (1..=2).for_each(|carrier| net.hosts[carrier].store.stuck = true);
    net.request(0, Request::Audit { ask: AskId(1), vault, live: ids(&blocks), mend: false });
    let asked = |(_, to, message): &(usize, usize, Message)| match message {
        Message::Plain(Plain::Summarise(summarise)) => Some((*to, summarise.ask)),
        _ => None,
    };
    let asked: Vec<_> = net.sent.iter().filter_map(asked).collect();
    let empty = Partition::all().find(|partition| blocks.iter().all(|block| Partition::of(&block.id()) != *partition)).expect("one");
    for (carrier, ask) in asked {
        net.forge(carrier, 0, Plain::Summaries((ask, vec![(empty, u64::MAX, Fingerprint([0; 32]))])).into());
    }
    net.settle();
    let Answer::Audited(found) = net.answer(0, AskId(1)) else { panic!("an audit") };
    assert_eq!((found.missing.len(), found.strangers), (10, u64::MAX));
}
