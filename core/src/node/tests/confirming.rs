//! Old blocks that a new head counts on: what is still there, what comes back, what is gone.

use super::network::{Net, block, blocks, ids, is_block};
use crate::message::{Message, Plain};
use crate::node::{Copies, Event, Request};
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);

#[test]
fn what_is_held_already_is_not_sent_again() {
    let (mut net, chain) = Net::with_carriers(13, 3);
    let blocks = blocks(20);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 20));
    net.sent.clear();
    net.hosts[0].events.clear();
    net.request(0, Request::Confirm(chain.vault(), ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.settled() == 20));
    assert_eq!(net.sent.iter().filter(|(.., message)| is_block(message)).count(), 0);
    let offers = net.sent.iter().filter(|(.., message)| matches!(message, Message::Plain(Plain::Offer(_)))).count();
    assert_eq!(offers, 3, "one list for each holder");
}

#[test]
fn confirming_brings_missing_copies_back_and_reports_what_is_nowhere() {
    let (mut net, chain) = Net::with_carriers(14, 3);
    let blocks = blocks(10);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 10));
    net.hosts[1].store.blocks.remove(&blocks[0].id());
    (1..=3).for_each(|host| drop(net.hosts[host].store.blocks.remove(&blocks[1].id())));
    net.hosts[0].events.clear();
    net.request(0, Request::Confirm(chain.vault(), ids(&blocks)));
    assert!(net.run(MINUTE, |net| net.settled() == 9 && net.events().contains(&Event::Lost(blocks[1].id()))));
    assert_eq!(net.holders(&blocks[0].id()), [1, 2, 3]);
}

#[test]
fn holders_that_know_a_block_only_by_their_index_do_not_keep_a_writer_waiting() {
    // One holder says that it lacks the block; the others have it by their index, and not when it is read.
    for carriers in [2, 3] {
        let (mut net, chain) = Net::with_carriers(18, carriers);
        let block = block(1, 4096);
        net.place(chain.vault(), std::slice::from_ref(&block));
        assert!(net.run(MINUTE, |net| net.settled() == 1));
        net.hosts[0].events.clear();
        net.hosts[1].store.blocks.remove(&block.id());
        net.hosts[2..=carriers].iter_mut().for_each(|host| host.store.damaged.extend([(block.id(), chain.vault())]));
        net.request(0, Request::Confirm(chain.vault(), vec![block.id()]));
        assert!(net.run(MINUTE, |net| net.events().contains(&Event::Lost(block.id()))), "with {carriers} carriers");
        assert!(net.holders(&block.id()).is_empty());
    }
}

#[test]
fn a_holder_that_turns_out_to_lack_a_block_is_taken_off_the_count() {
    let (mut net, chain) = Net::with_carriers(19, 3);
    let block = block(1, 4096);
    net.place(chain.vault(), std::slice::from_ref(&block));
    assert!(net.run(MINUTE, |net| net.settled() == 1));
    net.hosts[0].events.clear();
    net.hosts[1].store.blocks.remove(&block.id());
    net.hosts[2].store.damaged.insert(block.id(), chain.vault());
    net.request(0, Request::Confirm(chain.vault(), vec![block.id()]));
    let copies = |durable| Event::Placed(block.id(), Copies { durable, safe_at: 2, wanted: 3 });
    assert!(net.run(MINUTE, |net| net.events().contains(&copies(2))));
    // The only good copy is on a machine that says nothing more.
    net.hosts[3].frozen = true;
    let (told, said) = (net.events().len(), net.sent.len());
    assert!(net.run(Span::seconds(240), |net| net.events()[told..].contains(&copies(1))), "{:?}", net.events());
    assert!(net.sent.len() - said < 100, "those that lack it are not offered without end what cannot be sent");
    net.hosts[3].frozen = false;
    assert!(net.run(Span::seconds(240), |net| net.events().contains(&copies(3))), "{:?}", net.events());
    assert_eq!(net.holders(&block.id()), [1, 2, 3]);
}

/// With a carrier away, blocks stayed known here with the copies that were acked once, and those counted for every later commit too.
#[test]
fn what_still_lacks_a_copy_is_asked_for_anew_when_it_is_counted_on_again() {
    let (mut net, chain) = Net::with_carriers(20, 3);
    net.kill(3);
    let blocks = blocks(2);
    net.place(chain.vault(), &blocks);
    assert!(net.run(MINUTE, |net| net.settled() == 2));
    // Both that are left are brought back from old backups.
    (1..=2).for_each(|host| net.hosts[host].store.blocks.clear());
    net.hosts[0].events.clear();
    net.request(0, Request::Confirm(chain.vault(), vec![blocks[0].id()]));
    assert!(net.run(MINUTE, |net| net.events().contains(&Event::Lost(blocks[0].id()))), "{:?}", net.events());
    net.place(chain.vault(), &blocks[1..]);
    assert!(net.run(MINUTE, |net| net.settled() == 1));
    assert_eq!(net.holders(&blocks[1].id()), [1, 2]);
    assert!(!net.events().iter().any(|event| matches!(event, Event::Placed(id, copies) if *id == blocks[0].id() && copies.durable > 0)));
}
