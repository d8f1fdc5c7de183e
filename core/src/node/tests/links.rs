//! What carriers keep and tell of links: the record to whoever knows its locator, blocks to whoever knows their ids, and no more.

use super::network::{LIMIT, Net, blocks, carrier, chain_of, ids, is_fetch, next, paper};
use crate::id::{ShareId, VaultId};
use crate::identity::{Identity, Seed};
use crate::message::{Denial, Has, Message, Plain};
use crate::node::{Answer, AskId, Event, Request, Role, Trouble};
use crate::record::testing::{share, withdrawal};
use crate::record::{Chain, Record, Rights, Share, ShareFields};

const CARRIER: Role = Role::Carrier { limit: LIMIT, zone: String::new() };

fn publish(net: &mut Net, share: &Share) -> bool {
    net.hosts[0].events.clear();
    let record = Record::Share(share.clone());
    net.request(0, Request::Publish(record.clone()));
    net.settle();
    net.events().iter().any(|event| matches!(event, Event::Published(id, _) if *id == record.id()))
}

/// Asks a carrier for a share, as a stranger.
fn sought(net: &mut Net, stranger: usize, carrier: usize, vault: VaultId, share: ShareId) -> Answer {
    net.hosts[stranger].events.clear();
    net.request(stranger, Request::FindShare(AskId(7), net.hosts[carrier].peer, vault, share));
    net.settle();
    net.answer(stranger, AskId(7))
}

fn stranger(net: &mut Net, carriers: usize) -> usize {
    let stranger = net.host(Role::Client);
    for carrier in 1..=carriers {
        net.connect(stranger, carrier);
    }
    net.settle();
    stranger
}

#[test]
fn whoever_knows_the_locator_gets_the_record_and_nobody_gets_more() {
    let (mut net, chain) = Net::with_carriers(1, 1);
    let made = share(&chain, &net.hosts[0].identity, 1);
    assert!(publish(&mut net, &made));
    let (vault, id) = (chain.vault(), made.fields.share);
    let stranger = stranger(&mut net, 1);
    assert_eq!(sought(&mut net, stranger, 1, vault, id), Answer::Records(vec![Record::Share(made)]));
    assert_eq!(sought(&mut net, stranger, 1, vault, ShareId([0; 32])), Answer::Records(Vec::new()));
    assert_eq!(sought(&mut net, stranger, 1, VaultId([9; 32]), id), Answer::Failed(Trouble::Denied(Denial::NotAdmitted)));
    // Neither the vault's records nor what is held.
    net.request(stranger, Request::RecordsFrom(AskId(8), net.hosts[1].peer, vault));
    net.settle();
    assert_eq!(net.answer(stranger, AskId(8)), Answer::Failed(Trouble::Denied(Denial::NoRight)));
}

#[test]
fn what_is_withdrawn_stays_withdrawn_on_a_carrier() {
    let (mut net, chain) = Net::with_carriers(2, 2);
    let device = Identity::from_seed(&Seed::new([1; 32]));
    let (made, over) = (share(&chain, &device, 1), withdrawal(&chain, &device));
    assert!(publish(&mut net, &made));
    // One carrier is away while the link is withdrawn.
    net.kill(2);
    assert!(publish(&mut net, &over));
    net.revive(2, CARRIER);
    net.run(crate::time::Span::seconds(120), |net| net.link(0, 2).is_some());
    net.settle();
    let stranger = stranger(&mut net, 2);
    for carrier in 1..=2 {
        // The one that was away is told when it is back, and brings nothing back itself.
        let answer = sought(&mut net, stranger, carrier, chain.vault(), made.fields.share);
        assert_eq!(answer, Answer::Records(vec![Record::Share(over.clone())]), "carrier {carrier}");
    }
    assert!(!publish(&mut net, &made), "the link does not come back");
    assert!(!publish(&mut net, &share(&chain, &device, 9)), "however new it says that it is");
    // Nor after a restart.
    net.kill(1);
    net.revive(1, CARRIER);
    net.connect(stranger, 1);
    net.settle();
    assert_eq!(sought(&mut net, stranger, 1, chain.vault(), made.fields.share), Answer::Records(vec![Record::Share(over)]));
}

#[test]
fn a_link_is_made_changed_and_withdrawn_by_devices_that_may_write_only() {
    let (mut net, chain) = Net::with_carriers(3, 1);
    let (device, outsider) = (Identity::from_seed(&Seed::new([1; 32])), Identity::from_seed(&Seed::new([77; 32])));
    assert!(!publish(&mut net, &share(&chain, &outsider, 1)));
    let made = share(&chain, &device, 1);
    assert!(publish(&mut net, &made));
    assert!(!publish(&mut net, &withdrawal(&chain, &outsider)));
    assert!(!publish(&mut net, &share(&chain, &outsider, 5)));
    let stranger = stranger(&mut net, 1);
    assert_eq!(sought(&mut net, stranger, 1, chain.vault(), made.fields.share), Answer::Records(vec![Record::Share(made.clone())]));
    // A device that was removed answers for nothing any more, and its links end.
    let mut removed: Chain = chain.clone();
    let certificate = next(&chain, &paper(), |draft| {
        draft.members[0].removed_after = Some(0);
        draft.epoch += 1;
        draft.previous_epoch = Some(vec![1; 72].into());
        draft.members[1].rights = Rights::PAPER;
        draft.wraps.retain(|wrap| wrap.member == 1);
    });
    removed.extend(certificate.clone()).expect("it follows");
    net.request(0, Request::Publish(Record::Certificate(certificate)));
    net.settle();
    assert_eq!(sought(&mut net, stranger, 1, chain.vault(), made.fields.share), Answer::Records(Vec::new()));
    assert!(!publish(&mut net, &share(&chain, &device, 2)), "under the old certificate neither");
}

#[test]
fn a_withdrawal_outlives_the_device_that_signed_it() {
    let mut net = Net::new(6);
    net.host(Role::Client);
    net.host(CARRIER);
    let second = Identity::from_seed(&Seed::new([77; 32]));
    let chain = chain_of(&[&net.hosts[0].identity, &second], vec![carrier(net.hosts[1].peer)]);
    net.admit(1, &chain);
    net.follow(&chain);
    let device = Identity::from_seed(&Seed::new([1; 32]));
    let (made, over) = (share(&chain, &device, 1), withdrawal(&chain, &second));
    assert!(publish(&mut net, &made) && publish(&mut net, &over));
    let certificate = next(&chain, &paper(), |draft| {
        draft.members[2].removed_after = Some(0);
        draft.epoch += 1;
        draft.previous_epoch = Some(vec![1; 72].into());
        draft.wraps.retain(|wrap| wrap.member != 2);
    });
    net.request(0, Request::Publish(Record::Certificate(certificate)));
    net.settle();
    assert!(!publish(&mut net, &share(&chain, &device, 9)));
    let stranger = stranger(&mut net, 1);
    assert_eq!(sought(&mut net, stranger, 1, chain.vault(), made.fields.share), Answer::Records(vec![Record::Share(over)]));
}

#[test]
fn of_two_records_for_one_link_every_carrier_keeps_the_same() {
    let (mut net, chain) = Net::with_carriers(4, 1);
    let device = Identity::from_seed(&Seed::new([1; 32]));
    let (first, second) = (share(&chain, &device, 1), share(&chain, &device, 2));
    let fields = ShareFields { withdrawal: [3; 32], ..second.fields };
    let rival = Share::sign(fields, second.sealed.clone(), &device).expect("within bounds");
    assert!(second.outranks(&first) && second.outranks(&rival) != rival.outranks(&second));
    let (winner, loser) = if second.outranks(&rival) { (second, rival) } else { (rival, second) };
    for share in [&first, &loser, &winner] {
        assert!(publish(&mut net, share));
    }
    for share in [&loser, &first] {
        assert!(!publish(&mut net, share));
    }
}

#[test]
fn a_visitor_reads_by_id_from_all_carriers_and_offers_and_asks_nothing_else() {
    let (mut net, chain) = Net::with_carriers(5, 3);
    let blocks = blocks(12);
    net.place(chain.vault(), &blocks);
    net.settle();
    // One copy is lost; whoever may write would give it back.
    let lost = blocks[0].id();
    let holder = net.holders(&lost)[0];
    net.hosts[holder].store.blocks.remove(&lost);
    let visitor = net.host(Role::Client);
    let carriers = (1..=3).map(|host| carrier(net.hosts[host].peer)).collect();
    net.request(visitor, Request::Visit { vault: chain.vault(), carriers, replicas: 3 });
    for host in 1..=3 {
        net.connect(visitor, host);
    }
    net.kill(if holder == 3 { 2 } else { 3 });
    net.request(visitor, Request::Need(chain.vault(), ids(&blocks)));
    net.run(crate::time::Span::seconds(60), |net| {
        net.hosts[visitor].events.iter().filter(|event| matches!(event, Event::Got(_))).count() == blocks.len()
    });
    let got = net.hosts[visitor].events.iter().filter(|event| matches!(event, Event::Got(_))).count();
    assert_eq!(got, blocks.len());
    let said: Vec<&Message> = net.sent.iter().filter(|(from, ..)| *from == visitor).map(|(_, _, message)| message).collect();
    assert!(said.iter().any(|message| is_fetch(message)));
    assert!(said.iter().all(|message| is_fetch(message) || matches!(message, Message::Plain(Plain::Ping(_) | Plain::Pong(_)))), "{said:?}");
    // What nobody has is said at once.
    let nowhere = super::network::block(9_999, 4096).id();
    net.request(visitor, Request::Need(chain.vault(), vec![nowhere]));
    net.run(crate::time::Span::seconds(60), |net| net.hosts[visitor].events.iter().any(|event| matches!(event, Event::Unavailable(..))));
    assert!(net.hosts[visitor].events.iter().any(|event| matches!(event, Event::Unavailable(id, _) if *id == nowhere)));
    let asked = |message: &Message| matches!(message, Message::Plain(Plain::Where(Has { .. })));
    assert_eq!((1..=3).map(|host| net.count(visitor, host, asked)).sum::<usize>(), 0);
}
