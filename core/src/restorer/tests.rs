//! Stories of somebody with recovery words, and of nodes that know less or more, are away, or have no room.

use super::*;
use crate::copies::Copies;
use crate::identity::Seed;
use crate::node::DialError;
use crate::record::testing::identity;
use crate::record::{Carrier, Chain, Policy};
use crate::vault::keys::{Amendment, Founding, Newcomer, RestoreError, found};
use crate::vault::{Opening, Vault};

const NOW: Time = Time(1_000);
/// The numbers of the three carriers.
const CARRIERS: std::ops::Range<u8> = 50..53;

/// A vault of device 1 and the words of seed 2, with three carriers.
fn vault() -> (Chain, Vec<Record>) {
    let Founding { mut chain, locate, .. } = found(&identity(1), &identity(2), Policy::default(), &[7; 32]).expect("sound");
    for number in CARRIERS {
        let carrier = Carrier {
            peer: identity(number).peer(),
            name: String::new(),
            addresses: vec![format!("ws://node-{number}:1")],
            weight: 1,
            zone: number.to_string(),
            draining: false,
        };
        let amendment = Amendment::of(&chain).add_carrier(carrier).expect("added");
        let certificate = amendment.sign(&identity(1), &[4; 32]).expect("signed");
        chain.extend(certificate).expect("it follows");
    }
    let records = records(&chain, Record::Locate(locate));
    (chain, records)
}

fn records(chain: &Chain, locate: Record) -> Vec<Record> {
    chain.certificates().iter().cloned().map(Record::Certificate).chain([locate]).collect()
}

fn address(number: u8) -> Address {
    Address::of(identity(number).peer(), &format!("ws://node-{number}:1")).expect("an address")
}

/// What nodes do with the certificate, in order.
enum Took {
    /// So many have it.
    On(u8),
    /// This one has not taken it, and may later.
    Missed(u8),
}

/// Restores with what each node of the sheet says (nothing: it is away), what a refresh brings, and what becomes of the certificate.
fn restore(
    sheet: &[(u8, Option<Vec<Record>>)],
    refreshed: &[Record],
    took: &[Took],
) -> (Result<Restored, RestorerError>, Vec<VaultId>, Time) {
    let (paper, device) = (identity(2), identity(5));
    let addresses: Vec<Address> = sheet.iter().map(|(number, _)| address(*number)).collect();
    let mut restorer = Restorer::new(&paper, &device, [9; 32], &addresses);
    let (mut followed, mut now) = (Vec::new(), NOW);
    let said = |peer: &PeerId| sheet.iter().find(|(number, _)| identity(*number).peer() == *peer).and_then(|(_, said)| said.as_ref());
    loop {
        let Some(output) = restorer.poll() else {
            let deadline = restorer.deadline().expect("it waits for something");
            now = deadline.at;
            restorer.handle(now, Input::Tick);
            continue;
        };
        let events = match output {
            Output::Ended(result) => return (result, followed, now),
            Output::Request(Request::Connect(ask, peer, addresses)) => {
                assert!(addresses.iter().all(|address| address.starts_with("ws://node-")));
                let answer = said(&peer).map_or(Answer::Failed(Trouble::Unreachable(DialError::Refused)), |_| Answer::Done);
                vec![Event::Answered(ask, answer)]
            }
            Output::Request(Request::FindVault(ask, peer, of)) => {
                assert_eq!(of, paper.peer());
                let located = said(&peer).into_iter().flatten().filter(|record| matches!(record, Record::Locate(_)));
                vec![Event::Answered(ask, Answer::Records(located.cloned().collect()))]
            }
            Output::Request(Request::RecordsFrom(ask, peer, vault)) => {
                let asked = said(&peer).into_iter().flatten().filter(|record| record.vault() == vault);
                vec![Event::Answered(ask, Answer::Records(asked.cloned().collect()))]
            }
            Output::Request(Request::Follow(chain)) => {
                followed.push(chain.vault());
                Vec::new()
            }
            Output::Request(Request::Refresh(ask, vault)) => vec![
                Event::Records(vault, identity(50).peer(), refreshed.to_vec()),
                Event::Answered(ask, Answer::Asked { answered: 1, of: 3, troubles: Vec::new() }),
            ],
            Output::Request(Request::Publish(record)) => {
                let event = |took: &Took| match took {
                    Took::On(durable) => Event::Published(record.id(), Copies { durable: *durable, safe_at: 2, wanted: 3 }),
                    Took::Missed(number) => Event::Unpublished(record.id(), identity(*number).peer(), Trouble::Silent),
                };
                took.iter().map(event).collect()
            }
            Output::Request(other) => panic!("not asked for: {other:?}"),
        };
        for event in events {
            restorer.handle(now, Input::Event(event));
        }
    }
}

const ALL: &[Took] = &[Took::On(1), Took::On(2), Took::On(3)];

#[test]
fn words_and_one_node_that_answers_bring_a_vault_back() {
    let (chain, records) = vault();
    let sheet = [(50, None), (51, Some(records.clone())), (52, None)];
    let (restored, followed, now) = restore(&sheet, &[], ALL);
    let restored = restored.expect("found");
    assert_eq!((restored.vault, restored.reached, restored.of), (chain.vault(), 3, 3));
    assert_eq!((followed, now), (vec![chain.vault(); 2], NOW), "nothing was waited for");

    let notes = restored.notes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let opened = Vault::open(NOW, Opening { seed: Seed::new([5; 32]), notes, entropy: [3; 32] }).expect("the device is let in");
    assert_eq!(opened.chain().tip().number, chain.tip().number + 1);
}

/// The node of the sheet slept while a device was removed: a certificate that follows its old one would be one that nobody accepts.
#[test]
fn a_node_of_the_sheet_may_be_behind() {
    let (mut chain, behind) = vault();
    let rotated = Amendment::of(&chain).rotate().sign(&identity(1), &[8; 32]).expect("sound");
    chain.extend(rotated.clone()).expect("it follows");
    let (restored, ..) = restore(&[(50, Some(behind))], &[Record::Certificate(rotated)], ALL);
    let notes = restored.expect("found").notes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let opened = Vault::open(NOW, Opening { seed: Seed::new([5; 32]), notes, entropy: [3; 32] }).expect("the device is let in");
    assert_eq!(opened.chain().tip().number, chain.tip().number + 1);
}

#[test]
fn where_no_vault_is_found_it_says_why() {
    let refused = |number: u8| (address(number).url(), Trouble::Unreachable(DialError::Refused));
    let nobody = restore(&[(50, None), (51, None)], &[], ALL).0;
    let Err(RestorerError::Unreachable(failures)) = nobody else { panic!("{nobody:?}") };
    assert!(failures.len() == 2 && failures.contains(&refused(50)) && failures.contains(&refused(51)), "{failures:?}");

    let nothing = restore(&[(50, Some(Vec::new())), (51, None)], &[], ALL).0;
    assert!(matches!(nothing, Err(RestorerError::NotFound)), "{nothing:?}");

    let Founding { chain, locate, .. } = found(&identity(3), &identity(2), Policy::default(), &[8; 32]).expect("sound");
    let other = records(&chain, Record::Locate(locate));
    let two = restore(&[(50, Some(vault().1)), (51, Some(other))], &[], ALL).0;
    assert!(matches!(two, Err(RestorerError::Several(2))), "{two:?}");

    let (mut chain, mut withdrawn) = vault();
    let without =
        Amendment::of(&chain).remove_member(&identity(2).peer(), 0).and_then(|amendment| amendment.enrol(Newcomer::paper(&identity(6))));
    let without = without.and_then(|amendment| amendment.sign(&identity(1), &[8; 32])).expect("sound");
    chain.extend(without.clone()).expect("it follows");
    withdrawn.push(Record::Certificate(without));
    let gone = restore(&[(50, Some(withdrawn))], &[], ALL).0;
    assert!(matches!(gone, Err(RestorerError::Records(RestoreError::Withdrawn))), "{gone:?}");
}

#[test]
fn a_device_that_too_few_nodes_took_in_is_not_let_in() {
    let sheet = [(50, Some(vault().1))];
    let (restored, _, now) = restore(&sheet, &[], &[Took::Missed(51), Took::On(1), Took::Missed(52)]);
    assert!(matches!(restored, Err(RestorerError::TooFew { reached: 1, of: 3 })), "{restored:?}");
    assert_eq!(now, NOW + PUBLISH, "nodes that were away may come back meanwhile");

    let (restored, _, now) = restore(&sheet, &[], &[Took::Missed(52), Took::On(1), Took::On(2)]);
    assert_eq!((restored.expect("on most nodes").reached, now), (2, NOW), "the third one is not waited for");
}

/// A node that had no room at first was counted among those that will not take the certificate when it had taken it, and too few was said
/// while another one was about to.
#[test]
fn a_node_that_takes_the_device_in_late_is_no_refusal() {
    let took = [Took::Missed(50), Took::On(1), Took::Missed(51), Took::On(2), Took::On(3)];
    let (restored, _, now) = restore(&[(50, Some(vault().1))], &[], &took);
    assert!(restored.expect("on most nodes").reached >= 2);
    assert_eq!(now, NOW);
}
