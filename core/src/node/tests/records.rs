//! Records and admission: who is let in, what stands, who is told.

use super::network::{LIMIT, Net, blocks, chain, head, next, paper};
use crate::identity::{Identity, Seed};
use crate::message::{Ask, Denial, Message, Plain, RecordBytes, RecordsAre, Redeem};
use crate::node::{Answer, AskId, Event, Input, Request, Role, Trouble};
use crate::record::{Chain, Locate, Record};
use crate::time::Span;

const MINUTE: Span = Span::seconds(60);
const CARRIER: Role = Role::Carrier { limit: LIMIT, zone: String::new() };

fn denied(net: &Net, ask: u64) -> Option<Denial> {
    match net.answer(0, AskId(ask)) {
        Answer::Failed(Trouble::Denied(denial)) => Some(denial),
        _ => None,
    }
}

fn is_answered(net: &Net, ask: u64) -> bool {
    net.events().iter().any(|event| matches!(event, Event::Answered(answered, _) if *answered == AskId(ask)))
}

fn published(net: &Net, record: &Record) -> usize {
    net.events().iter().filter(|event| matches!(event, Event::Published(id, _) if *id == record.id())).count()
}

#[test]
fn an_invitation_admits_one_vault_once() {
    let (mut net, first) = Net::strangers(1, 1, LIMIT);
    let peer = net.hosts[1].peer;
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: LIMIT });
    net.settle();
    assert_eq!(net.answer(1, AskId(0)), Answer::Done);
    net.request(0, Request::Connect(AskId(0), peer, Vec::new()));
    net.settle();
    let other = chain(&Identity::from_seed(&Seed::new([99; 32])), Vec::new());
    for (ask, token, chain) in [(1, [2; 16], &first), (2, [1; 16], &first), (3, [1; 16], &first), (4, [1; 16], &other)] {
        net.request(0, Request::Redeem(AskId(ask), peer, token, chain.clone()));
        net.settle();
    }
    assert_eq!(denied(&net, 1), Some(Denial::BadInvitation), "a token that was never issued");
    assert_eq!(net.answer(0, AskId(2)), Answer::Done);
    assert_eq!(net.answer(0, AskId(3)), Answer::Done, "the same vault may ask again: the answer may have been lost");
    assert_eq!(denied(&net, 4), Some(Denial::BadInvitation), "used by another vault");
    let stored = net.hosts[1].store.records.values().any(|bytes| bytes.windows(16).any(|window| window == [1; 16]));
    assert!(!stored, "the token itself is not stored");
}

#[test]
fn an_invitation_that_two_vaults_redeem_at_once_admits_one() {
    for seed in 0..10 {
        let (mut net, first) = Net::strangers(seed, 1, LIMIT);
        let other = chain(&Identity::from_seed(&Seed::new([99; 32])), Vec::new());
        let peer = net.hosts[1].peer;
        net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: LIMIT });
        net.settle();
        net.request(0, Request::Connect(AskId(0), peer, Vec::new()));
        net.settle();
        net.request(0, Request::Redeem(AskId(1), peer, [1; 16], first));
        net.request(0, Request::Redeem(AskId(2), peer, [1; 16], other));
        net.settle();
        let done = [1, 2].into_iter().filter(|ask| net.answer(0, AskId(*ask)) == Answer::Done).count();
        assert_eq!(done, 1, "seed {seed}");
    }
}

/// A vault that redeemed one more invitation was loaded anew while a record of it was being written: whoever had handed that over heard
/// nothing, and the store's answer was taken for one about the next record, which was called durable before it was.
#[test]
fn c07_a_record_that_is_being_written_while_its_vault_is_loaded_anew_is_answered_and_no_other_for_it() {
    for seed in 0..100 {
        let (mut net, chain) = Net::with_carriers(seed, 1);
        net.request(1, Request::Invite { ask: AskId(0), token: [9; 16], limit: LIMIT });
        net.settle();
        let head = Record::Head(head(&chain, &net.hosts[0].identity, 1, 1));
        let locate = Record::Locate(Locate::sign(chain.vault(), &paper()).expect("a locate record"));
        net.request(0, Request::Publish(head.clone()));
        net.request(0, Request::Redeem(AskId(50), net.hosts[1].peer, [9; 16], chain.clone()));
        let mut handed_over = false;
        while net.step() {
            if !handed_over && is_answered(&net, 50) {
                handed_over = true;
                net.request(0, Request::Publish(locate.clone()));
            }
            for record in [&head, &locate].into_iter().filter(|record| published(&net, record) > 0) {
                assert!(net.hosts[1].store.records.values().any(|bytes| bytes == record.bytes()), "seed {seed}: it is not durable");
            }
        }
        assert_eq!([published(&net, &head), published(&net, &locate)], [1, 1], "seed {seed}");
    }
}

#[test]
fn a_vault_that_was_spoken_of_before_it_was_admitted_is_served_from_then_on() {
    for seed in 0..100 {
        let (mut net, chain) = Net::strangers(seed, 1, LIMIT);
        let peer = net.hosts[1].peer;
        net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: LIMIT });
        net.request(0, Request::Connect(AskId(1), peer, Vec::new()));
        net.settle();
        net.request(0, Request::Redeem(AskId(2), peer, [1; 16], chain.clone()));
        net.forge(0, 1, Plain::Status((Ask(900), chain.vault())).into());
        while !is_answered(&net, 2) {
            assert!(net.step(), "it is answered");
        }
        net.forge(0, 1, Plain::Status((Ask(901), chain.vault())).into());
        net.settle();
        let refused = |message: &Message| matches!(message, Message::Plain(Plain::Denied((Ask(901), _))));
        assert_eq!(net.count(1, 0, refused), 0, "seed {seed}");
    }
}

#[test]
fn a_head_is_published_when_it_is_durable_on_each_carrier() {
    let (mut net, chain) = Net::with_carriers(2, 3);
    let record = Record::Head(head(&chain, &net.hosts[0].identity, 1, 1));
    (1..=3).for_each(|carrier| net.hosts[carrier].store.stuck = true);
    net.request(0, Request::Publish(record.clone()));
    net.settle();
    assert_eq!(published(&net, &record), 0, "nothing is done before it is durable");
    (1..=3).for_each(|carrier| net.hosts[carrier].store.stuck = false);
    net.settle();
    assert_eq!(published(&net, &record), 3);
    let Some(Event::Published(_, copies)) = net.events().last() else { panic!("published") };
    assert_eq!((copies.durable, copies.safe_at, copies.wanted), (3, 2, 3));
}

#[test]
fn a_head_reaches_a_carrier_whose_disk_failed_at_first() {
    let (mut net, chain) = Net::with_carriers(2, 3);
    let record = Record::Head(head(&chain, &net.hosts[0].identity, 1, 1));
    (1..=2).for_each(|carrier| net.hosts[carrier].store.failing = true);
    net.request(0, Request::Publish(record.clone()));
    net.run(MINUTE, |_| false);
    assert_eq!(published(&net, &record), 1);
    let troubled = |event: &&Event| matches!(event, Event::Unpublished(id, _, Trouble::Denied(Denial::DiskFailed)) if *id == record.id());
    assert_eq!(net.events().iter().filter(troubled).count(), 2, "each says so once, however often it is asked");
    (1..=2).for_each(|carrier| net.hosts[carrier].store.failing = false);
    assert!(net.run(Span::seconds(11), |net| published(net, &record) == 3));
}

/// Of more than 256 records that were on their way the oldest were given up without a word. A spread publishes all links of a vault behind
/// its head, and waited for that head for ever.
#[test]
fn a_head_is_published_however_many_links_follow_it() {
    let (mut net, chain) = Net::with_carriers(2, 3);
    let record = Record::Head(head(&chain, &net.hosts[0].identity, 1, 1));
    (1..=3).for_each(|carrier| net.hosts[carrier].store.stuck = true);
    net.request(0, Request::Publish(record.clone()));
    for number in 0..crate::limits::SHARES_LIVE_MAX {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let other = Locate::sign(chain.vault(), &Identity::from_seed(&Seed::new(seed))).expect("a record");
        net.request(0, Request::Publish(Record::Locate(other)));
    }
    (1..=3).for_each(|carrier| net.hosts[carrier].store.stuck = false);
    net.settle();
    assert_eq!(published(&net, &record), 3);
}

/// A carrier that was away, and will not take the record when it is back, was waited for: its second answer was not passed on.
#[test]
fn a_carrier_that_was_away_and_refuses_when_it_is_back_says_so() {
    let (mut net, chain) = Net::with_carriers(2, 1);
    let nobody = Identity::from_seed(&Seed::new([77; 32]));
    let record = Record::Locate(Locate::sign(chain.vault(), &nobody).expect("a record"));
    net.kill(1);
    net.request(0, Request::Publish(record.clone()));
    net.run(MINUTE, |_| false);
    net.revive(1, CARRIER);
    let refused = |event: &Event| matches!(event, Event::Unpublished(id, _, trouble) if *id == record.id() && trouble.refusal().is_some());
    assert!(net.run(Span::seconds(120), |net| net.events().iter().any(refused)));
}

#[test]
fn a_newer_head_takes_an_older_ones_place_and_never_the_other_way_round() {
    let (mut net, chain) = Net::with_carriers(3, 1);
    let heads: Vec<Record> = (1..=3).map(|sequence| Record::Head(head(&chain, &net.hosts[0].identity, sequence, 1))).collect();
    for head in [&heads[1], &heads[0], &heads[2]] {
        net.request(0, Request::Publish(head.clone()));
        net.settle();
    }
    assert_eq!([published(&net, &heads[0]), published(&net, &heads[1]), published(&net, &heads[2])], [0, 1, 1]);
    net.request(0, Request::RecordsFrom(AskId(5), net.hosts[1].peer, chain.vault()));
    net.settle();
    let Answer::Records(records) = net.answer(0, AskId(5)) else { panic!("records") };
    assert_eq!(records.iter().filter(|record| matches!(record, Record::Head(_))).collect::<Vec<_>>(), [&heads[2]]);
}

#[test]
fn m11_two_heads_of_one_sequence_are_both_kept_and_the_second_writer_is_told() {
    let (mut net, chain) = Net::with_carriers(4, 1);
    let one = Record::Head(head(&chain, &net.hosts[0].identity, 1, 1));
    let two = Record::Head(head(&chain, &net.hosts[0].identity, 1, 2));
    for head in [&one, &two] {
        net.request(0, Request::Publish(head.clone()));
        net.settle();
    }
    let conflict = Event::Unpublished(two.id(), net.hosts[1].peer, Trouble::Denied(Denial::Conflict));
    assert!(net.events().contains(&conflict));

    // Evidence outlives the machine.
    net.kill(1);
    net.revive(1, CARRIER);
    net.run(MINUTE, |net| net.link(0, 1).is_some());
    net.request(0, Request::RecordsFrom(AskId(5), net.hosts[1].peer, chain.vault()));
    net.settle();
    let Answer::Records(records) = net.answer(0, AskId(5)) else { panic!("records") };
    assert!(records.contains(&one) && records.contains(&two));
}

#[test]
fn a_record_that_does_not_stand_is_refused() {
    let (mut net, chain) = Net::with_carriers(5, 1);
    let stranger = Identity::from_seed(&Seed::new([77; 32]));
    net.request(0, Request::Publish(Record::Head(head(&chain, &stranger, 1, 1))));
    net.forge(0, 1, Plain::Publish((Ask(900), RecordBytes(vec![0x91, 1]))).into());
    net.settle();
    assert!(net.events().iter().any(|event| matches!(event, Event::Unpublished(.., Trouble::Denied(Denial::Conflict)))));
    let malformed = |message: &Message| matches!(message, Message::Plain(Plain::Denied((Ask(900), Denial::Malformed))));
    assert_eq!(net.count(1, 0, malformed), 1);
}

#[test]
fn x05_a_record_with_a_bad_signature_closes_the_link_and_one_for_an_unknown_vault_is_not_even_verified() {
    let (mut net, chain) = Net::with_carriers(5, 1);
    let forged = |chain: &Chain| {
        let device = Identity::from_seed(&Seed::new([77; 32]));
        let mut bytes = head(chain, &device, 1, 1).bytes().to_vec();
        *bytes.last_mut().expect("a signature") ^= 1;
        bytes
    };
    let elsewhere = self::chain(&Identity::from_seed(&Seed::new([99; 32])), Vec::new());
    for ask in 900..1000 {
        net.forge(0, 1, Plain::Publish((Ask(ask), RecordBytes(forged(&elsewhere)))).into());
    }
    net.settle();
    let unknown = |message: &Message| matches!(message, Message::Plain(Plain::Denied((_, Denial::NotAdmitted))));
    assert_eq!(net.count(1, 0, unknown), 100, "whether the vault is served is looked up first");
    assert!(net.link(0, 1).is_some());

    net.forge(0, 1, Plain::Publish((Ask(1000), RecordBytes(forged(&chain)))).into());
    net.settle();
    assert_eq!(net.link(0, 1), None, "one bad signature is all that a link may have verified");
}

#[test]
fn x05_without_an_invitation_no_certificate_is_verified() {
    let (mut net, chain) = Net::strangers(1, 1, LIMIT);
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: LIMIT });
    net.request(0, Request::Connect(AskId(0), net.hosts[1].peer, Vec::new()));
    net.settle();
    let mut bytes = chain.tip().bytes().to_vec();
    *bytes.last_mut().expect("a signature") ^= 1;
    for (ask, token, why) in [(1, [2; 16], Denial::BadInvitation), (2, [1; 16], Denial::Malformed)] {
        net.forge(0, 1, Plain::Redeem(Redeem { ask: Ask(ask), token, certificates: vec![RecordBytes(bytes.clone())] }).into());
        net.settle();
        let told = |message: &Message| matches!(message, Message::Plain(Plain::Denied((answered, denial))) if *answered == Ask(ask) && *denial == why);
        assert_eq!(net.count(1, 0, told), 1, "{why:?}");
    }
    net.request(0, Request::Redeem(AskId(3), net.hosts[1].peer, [1; 16], chain));
    net.settle();
    assert_eq!(net.answer(0, AskId(3)), Answer::Done, "the invitation is still good");
}

#[test]
fn a_carrier_that_missed_a_certificate_is_given_it_before_the_head() {
    let (mut net, mut chain) = Net::with_carriers(6, 2);
    net.kill(2);
    let second = next(&chain, &net.hosts[0].identity, |draft| draft.policy.replicas = 2);
    chain.extend(second.clone()).expect("it follows");
    net.follow(&chain);
    net.request(0, Request::Publish(Record::Certificate(second)));
    net.run(MINUTE, |_| false);

    // The next command knows the chain and publishes its head only.
    let head = Record::Head(head(&chain, &net.hosts[0].identity, 1, 1));
    let me = net.hosts[0].peer;
    net.hosts[0].node = crate::node::Node::new(net.now, crate::node::Config { me, role: Role::Client, seed: [42; 32] });
    if let Some(link) = net.link(0, 1) {
        net.cut(link, crate::link::CloseReason::Gone);
    }
    net.revive(2, CARRIER);
    net.follow(&chain);
    net.request(0, Request::Publish(head.clone()));
    assert!(net.run(MINUTE, |net| published(net, &head) == 2));
}

#[test]
fn records_and_holdings_are_for_members_only() {
    let (mut net, chain) = Net::with_carriers(7, 1);
    let stranger = net.host(Role::Client);
    net.connect(stranger, 1);
    let vault = chain.vault();
    net.forge(stranger, 1, Plain::Records((Ask(1), vault)).into());
    net.forge(stranger, 1, Plain::Status((Ask(2), vault)).into());
    net.forge(stranger, 1, Plain::Has(crate::message::Has { ask: Ask(3), vault, ids: Vec::new() }).into());
    net.forge(stranger, 1, Plain::Records((Ask(4), crate::id::VaultId([4; 32]))).into());
    net.settle();
    for (ask, why) in [(1, Denial::NoRight), (2, Denial::NoRight), (3, Denial::NoRight), (4, Denial::NotAdmitted)] {
        let answer = |message: &Message| matches!(message, Message::Plain(Plain::Denied(denied)) if *denied == (Ask(ask), why));
        assert_eq!(net.count(1, stranger, answer), 1, "ask {ask}");
    }
}

#[test]
fn a_recovery_phrase_finds_its_vault_and_nobody_else_does() {
    let (mut net, chain) = Net::with_carriers(8, 1);
    let paper = paper();
    let record = Record::Locate(Locate::sign(chain.vault(), &paper).expect("a locate record"));
    net.request(0, Request::Publish(record.clone()));
    net.settle();
    assert_eq!(published(&net, &record), 1);

    net.request(0, Request::FindVault(AskId(1), net.hosts[1].peer, paper.peer()));
    let restored = net.host(Role::Client);
    net.hosts[restored].peer = paper.peer();
    net.connect(restored, 1);
    net.request(restored, Request::FindVault(AskId(2), net.hosts[1].peer, paper.peer()));
    net.request(restored, Request::RecordsFrom(AskId(3), net.hosts[1].peer, chain.vault()));
    net.settle();
    assert_eq!(net.answer(0, AskId(1)), Answer::Records(Vec::new()));
    assert_eq!(net.answer(restored, AskId(2)), Answer::Records(vec![record]));
    let Answer::Records(records) = net.answer(restored, AskId(3)) else { panic!("records") };
    assert!(records.contains(&Record::Certificate(chain.tip().clone())));
}

#[test]
fn a_carrier_that_starts_again_knows_its_vaults_and_their_limits() {
    let (mut net, chain) = Net::strangers(9, 1, LIMIT);
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: 10 * 4096 });
    net.follow(&chain);
    net.request(0, Request::Redeem(AskId(1), net.hosts[1].peer, [1; 16], chain.clone()));
    net.settle();
    let blocks = blocks(20);
    net.place(chain.vault(), &blocks[..6]);
    net.settle();
    net.kill(1);
    net.revive(1, CARRIER);
    net.run(MINUTE, |net| net.link(0, 1).is_some());
    net.place(chain.vault(), &blocks[6..]);
    assert!(net.run(MINUTE, |net| net.settled() == 20));
    assert_eq!(net.hosts[1].store.blocks.len(), 10);
}

#[test]
fn a_long_chain_is_handed_over_whole() {
    let (mut net, mut chain) = Net::strangers(10, 1, LIMIT);
    let device = Identity::from_seed(&Seed::new([1; 32]));
    while chain.certificates().iter().map(|one| one.bytes().len()).sum::<usize>() < 400 << 10 {
        let number = chain.tip().number;
        let more = next(&chain, &device, |draft| {
            draft.carriers[0].addresses = (0..8).map(|one| format!("ws://{}.{number}.{one}", "x".repeat(450))).collect();
        });
        chain.extend(more).expect("it follows");
    }
    net.request(1, Request::Invite { ask: AskId(0), token: [1; 16], limit: LIMIT });
    net.follow(&chain);
    net.request(0, Request::Redeem(AskId(1), net.hosts[1].peer, [1; 16], chain.clone()));
    net.settle();
    assert_eq!(net.answer(0, AskId(1)), Answer::Done);
    net.request(0, Request::Refresh(AskId(2), chain.vault()));
    net.settle();
    let Some(Event::Records(_, _, records)) = net.events().iter().find(|event| matches!(event, Event::Records(..))) else {
        panic!("records")
    };
    assert_eq!(records.len(), chain.certificates().len());
    assert_eq!(net.answer(0, AskId(2)), Answer::Asked { answered: 1, of: 1, troubles: Vec::new() });
    for (_, _, message) in &net.sent {
        if let Message::Plain(plain) = message {
            assert!(plain.encode().len() <= crate::limits::HEADER_MAX);
        }
    }
}

#[test]
fn x09_questions_without_end_are_answered_busy() {
    let (mut net, chain) = Net::with_carriers(11, 1);
    net.request(0, Request::Survey(AskId(1), chain.vault()));
    net.settle();
    net.hosts[1].store.stuck = true;
    let link = net.link(0, 1).expect("a link");
    for ask in 0..1000 {
        net.input(1, Input::Received(link, Plain::Status((Ask(5000 + ask), chain.vault())).into()));
    }
    let busy = |message: &Message| matches!(message, Message::Plain(Plain::Denied((_, Denial::Busy))));
    assert_eq!(net.count(1, 0, busy), 1000 - crate::limits::ASKS_PER_LINK);
}

/// A carrier whose answer has no end was waited for without end.
#[test]
fn x01_an_answer_in_parts_without_end_is_given_up() {
    let (mut net, chain) = Net::with_carriers(12, 1);
    // The carrier itself says nothing: it waits for its store.
    net.kill(1);
    net.revive(1, CARRIER);
    net.hosts[1].store.stuck = true;
    net.run(MINUTE, |net| net.link(0, 1).is_some());
    net.request(0, Request::Refresh(AskId(1), chain.vault()));
    let asked = |(_, _, message): &(usize, usize, Message)| match message {
        Message::Plain(Plain::Records((ask, _))) => Some(*ask),
        _ => None,
    };
    let ask = net.sent.iter().find_map(asked).expect("a question");
    for _ in 0..100 {
        net.forge(1, 0, Plain::RecordsAre(RecordsAre { ask, records: Vec::new(), last: false }).into());
        net.run(Span::seconds(20), |_| false);
    }
    assert!(matches!(net.answer(0, AskId(1)), Answer::Asked { answered: 0, of: 1, .. }));
}
