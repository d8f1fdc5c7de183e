//! What a client that has seen newer state says to older, other or weaker state.

use super::*;
use crate::identity::Identity;
use crate::record::testing::{founded, head, hollow_wraps, identity, next_draft};
use crate::record::{Certificate, Chain, Extended, Head};
use crate::vault::keys::standing;

fn grown(chain: &Chain, signer: &Identity, replicas: u8) -> Chain {
    let mut draft = next_draft(chain.tip());
    draft.policy.replicas = replicas;
    draft.wraps = hollow_wraps(&draft.members);
    let mut grown = chain.clone();
    let extended = grown.extend(Certificate::sign(draft, signer).expect("within bounds"));
    assert_eq!(extended, Ok(Extended::New));
    grown
}

fn seen(chain: &Chain, sequence: u64) -> Standing {
    standing(chain, [head(chain, &identity(1), sequence)])
}

fn device() -> PeerId {
    identity(1).peer()
}

#[test]
fn a_floor_rises_and_survives_the_disk() {
    let chain = founded();
    let floor = Floor::begin(&chain).raise(&chain, &seen(&chain, 4)).expect("newer");
    let later = grown(&chain, &identity(1), 5);
    let floor = floor.raise(&later, &seen(&later, 5)).expect("newer still");
    assert_eq!((floor.certificate.0, floor.heads[&device()].0, floor.suite_floor), (1, 5, 1));
    assert_eq!(floor.raise(&later, &seen(&later, 5)).as_ref(), Ok(&floor), "the same again changes nothing");
    let bytes = floor.encode();
    assert_eq!(Floor::decode(&bytes).as_ref(), Ok(&floor));
    for end in 0..bytes.len() {
        assert!(Floor::decode(&bytes[..end]).is_err());
    }
}

#[test]
fn m10_an_older_head_than_seen_is_refused() {
    let chain = founded();
    let floor = Floor::begin(&chain).raise(&chain, &seen(&chain, 4)).expect("newer");
    let stale = |served| Err(FloorError::StaleHead { device: device(), seen: 4, served });
    assert_eq!(floor.raise(&chain, &seen(&chain, 3)), stale(3));
    assert_eq!(floor.raise(&chain, &Standing::default()), stale(0));
}

#[test]
fn m11_a_second_head_or_certificate_under_a_number_that_was_seen_is_a_fork() {
    let chain = founded();
    let floor = Floor::begin(&chain).raise(&chain, &seen(&chain, 4)).expect("newer");
    let other = Head::sign(head(&chain, &identity(1), 4).fields(), &[8; 64], &identity(1)).expect("within bounds");
    assert_eq!(floor.raise(&chain, &standing(&chain, [other])), Err(FloorError::ForkedHead { device: device(), sequence: 4 }));

    let (one, two) = (grown(&chain, &identity(1), 5), grown(&chain, &identity(1), 6));
    let floor = Floor::begin(&one);
    assert_eq!(floor.raise(&two, &Standing::default()), Err(FloorError::ForkedChain(1)));
}

#[test]
fn k09_an_older_certificate_than_seen_is_refused() {
    let chain = founded();
    let floor = Floor::begin(&grown(&chain, &identity(1), 5));
    assert_eq!(floor.raise(&chain, &Standing::default()), Err(FloorError::StaleChain { seen: 1, served: 0 }));
}

#[test]
fn g02_a_head_that_accepts_older_suites_again_is_refused() {
    let chain = founded();
    let mut floor = Floor::begin(&chain);
    floor.suite_floor = 2;
    let refused = floor.raise(&chain, &seen(&chain, 1));
    assert_eq!(refused, Err(FloorError::SuiteFloor { seen: 2, served: 1 }));
}

#[test]
fn a_removal_may_set_aside_what_was_seen() {
    let mut chain = founded();
    let mut joined = next_draft(chain.tip());
    joined.members.push(crate::record::testing::member(2, &identity(3), crate::record::Rights::OWNER, false));
    joined.wraps = hollow_wraps(&joined.members);
    chain.extend(Certificate::sign(joined, &identity(1)).expect("within bounds")).expect("stands");
    let heads: Vec<Head> = [1, 2, 3].map(|sequence| head(&chain, &identity(3), sequence)).to_vec();
    let floor = Floor::begin(&chain).raise(&chain, &standing(&chain, heads.clone())).expect("newer");

    let mut removal = next_draft(chain.tip());
    removal.members[2].removed_after = Some(2);
    (removal.epoch, removal.previous_epoch) = (1, Some(vec![1; 72].into()));
    removal.wraps = hollow_wraps(&removal.members);
    chain.extend(Certificate::sign(removal, &identity(1)).expect("within bounds")).expect("stands");
    let raised = floor.raise(&chain, &standing(&chain, heads.clone())).expect("as the chain says");
    assert_eq!(raised.heads[&identity(3).peer()].0, 2);
    let stale = floor.raise(&chain, &standing(&chain, heads[..1].to_vec()));
    assert_eq!(stale, Err(FloorError::StaleHead { device: identity(3).peer(), seen: 2, served: 1 }));
}

#[test]
fn another_vaults_records_are_refused() {
    let other = crate::vault::keys::found(&identity(1), &identity(2), crate::record::Policy::default(), &[1; 32]).expect("sound");
    assert_eq!(Floor::begin(&founded()).raise(&other.chain, &Standing::default()), Err(FloorError::ForeignVault));
}
