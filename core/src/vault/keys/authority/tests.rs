//! A vault from its founding over new devices, nodes and a lost laptop, with real wraps.

use super::*;
use crate::identity::Seed;
use crate::record::Extended;

fn identity(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

fn founding() -> Founding {
    found(&identity(1), &identity(2), Policy::default(), &[7; 32]).expect("sound")
}

fn carrier(number: u8) -> Carrier {
    Carrier { peer: identity(number).peer(), name: "attic".into(), addresses: vec![], weight: 100, zone: "home".into(), draining: false }
}

fn grow(chain: &mut Chain, signer: u8, change: impl FnOnce(Amendment<'_>) -> Result<Amendment<'_>, AuthorityError>) {
    let certificate =
        change(Amendment::of(&chain.clone())).and_then(|amendment| amendment.sign(&identity(signer), &[7; 32])).expect("sound");
    assert_eq!(chain.extend(certificate), Ok(Extended::New));
}

fn secrets(chain: &Chain, device: u8) -> Result<Vec<[u8; 32]>, KeyringError> {
    let keyring = Keyring::open(chain, &identity(device))?;
    Ok((0..=keyring.current_epoch()).filter_map(|epoch| keyring.epoch(epoch)).map(|secret| *secret.expose()).collect())
}

#[test]
fn a_founded_vault_opens_for_its_device_and_its_words() {
    let founding = founding();
    assert_eq!(founding.keyring.vault(), founding.chain.vault());
    let e0 = *founding.keyring.current().expose();
    assert_eq!(secrets(&founding.chain, 1), Ok(vec![e0]));
    assert_eq!(secrets(&founding.chain, 2), Ok(vec![e0]));
    assert_eq!(secrets(&founding.chain, 3), Err(KeyringError::NotAReader));
    assert_eq!((founding.locate.vault, founding.locate.paper), (founding.chain.vault(), identity(2).peer()));
    assert!(founding.chain.tip().carriers.is_empty());
}

#[test]
fn nodes_come_change_and_go_and_the_keys_stay() {
    let Founding { mut chain, keyring, .. } = founding();
    grow(&mut chain, 1, |amendment| amendment.add_carrier(carrier(7))?.add_carrier(carrier(8)));
    grow(&mut chain, 1, |amendment| amendment.update_carrier(Carrier { draining: true, ..carrier(7) }));
    assert!(chain.tip().carrier(&identity(7).peer()).is_some_and(|carrier| carrier.draining));
    grow(&mut chain, 2, |amendment| amendment.remove_carrier(&identity(7).peer()));
    grow(&mut chain, 1, |amendment| Ok(amendment.set_policy(Policy { replicas: 5, ..Policy::default() })));
    assert_eq!((chain.tip().carriers.len(), chain.tip().policy.replicas, chain.tip().epoch), (1, 5, 0));
    assert_eq!(secrets(&chain, 1), Ok(vec![*keyring.current().expose()]));

    let refused = |result: Result<Amendment<'_>, AuthorityError>| result.err();
    assert_eq!(refused(Amendment::of(&chain).add_carrier(carrier(8))), Some(AuthorityError::KnownCarrier));
    assert_eq!(refused(Amendment::of(&chain).update_carrier(carrier(7))), Some(AuthorityError::NoSuchCarrier));
    assert_eq!(refused(Amendment::of(&chain).remove_carrier(&identity(7).peer())), Some(AuthorityError::NoSuchCarrier));
}

#[test]
fn who_was_removed_cannot_read_the_future_and_who_came_later_reads_the_past() {
    let Founding { mut chain, .. } = founding();
    grow(&mut chain, 1, |amendment| amendment.enrol(Newcomer::device(&identity(3))));
    let laptop = secrets(&chain, 3).expect("a reader");
    let before = chain.clone();
    grow(&mut chain, 2, |amendment| amendment.remove_member(&identity(3).peer(), 9));
    assert_eq!(secrets(&chain, 3), Err(KeyringError::NotAReader));
    assert_eq!(secrets(&before, 3), Ok(laptop.clone()), "what it could read it still can");
    grow(&mut chain, 1, |amendment| Ok(amendment.rotate()));
    grow(&mut chain, 1, |amendment| amendment.enrol(Newcomer::device(&identity(4)))?.add_carrier(carrier(8)));

    let all = secrets(&chain, 4).expect("a reader");
    assert_eq!((all.len(), &all[..1]), (3, &laptop[..]));
    assert_eq!(secrets(&chain, 1).as_ref(), Ok(&all));
    assert_eq!(secrets(&chain, 2).as_ref(), Ok(&all));
    let keyrings = [Keyring::open(&before, &identity(1)).expect("a reader"), Keyring::open(&chain, &identity(4)).expect("a reader")];
    assert_eq!(keyrings[0].chunk_key(), keyrings[1].chunk_key(), "rotation keeps deduplication");
    assert_ne!(keyrings[0].current().seal_key(), keyrings[1].current().seal_key());

    assert_eq!(Amendment::of(&chain).enrol(Newcomer::device(&identity(3))).err(), Some(AuthorityError::KnownMember), "removed is removed");
    assert_eq!(Amendment::of(&chain).remove_member(&identity(3).peer(), 9).err(), Some(AuthorityError::NoSuchMember));
    let refused = Amendment::of(&chain).sign(&identity(3), &[7; 32]);
    assert_eq!(refused, Err(AuthorityError::Chain(ChainError::NoAuthority)));
}

#[test]
fn a_leaked_phrase_is_replaced_like_a_lost_laptop() {
    let Founding { mut chain, .. } = founding();
    grow(&mut chain, 1, |amendment| amendment.enrol(Newcomer::paper(&identity(5)))?.remove_member(&identity(2).peer(), 0));
    assert_eq!(secrets(&chain, 2), Err(KeyringError::NotAReader));
    assert_eq!(secrets(&chain, 5).map(|all| all.len()), Ok(2));
    assert_eq!(chain.tip().members.iter().map(|member| member.number).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn nobody_locks_everybody_out() {
    let Founding { chain, .. } = founding();
    let last =
        Amendment::of(&chain).remove_member(&identity(2).peer(), 0).and_then(|amendment| amendment.remove_member(&identity(1).peer(), 0));
    assert!(matches!(last.and_then(|amendment| amendment.sign(&identity(1), &[7; 32])), Err(AuthorityError::Record(_))));
}

/// The same entropy everywhere, as on a cloned machine or with a broken generator.
#[test]
fn c14_epochs_never_share_a_secret_even_without_entropy() {
    let mut seen = crate::map::Set::new();
    for device in [1, 3] {
        for paper in [2, 4] {
            let Founding { mut chain, .. } = found(&identity(device), &identity(paper), Policy::default(), &[0; 32]).expect("sound");
            for _ in 0..3 {
                let next = Amendment::of(&chain).rotate().sign(&identity(device), &[0; 32]).expect("sound");
                assert_eq!(chain.extend(next), Ok(Extended::New));
            }
            seen.extend(secrets(&chain, device).expect("a reader"));
        }
    }
    assert_eq!(seen.len(), 16);
}

#[test]
fn an_altered_past_is_noticed() {
    let Founding { mut chain, .. } = founding();
    let sound = Amendment::of(&chain).rotate().sign(&identity(1), &[7; 32]).expect("sound");
    let draft = CertificateDraft {
        vault: Some(chain.vault()),
        number: 1,
        previous: chain.tip().id(),
        epoch: 1,
        members: sound.members.clone(),
        carriers: vec![],
        policy: sound.policy.clone(),
        wraps: sound.wraps.clone(),
        previous_epoch: Some(vec![0; 72].into()),
    };
    let forged = Certificate::sign(draft, &identity(1)).expect("within bounds");
    assert_eq!(chain.extend(forged), Ok(Extended::New));
    assert_eq!(secrets(&chain, 2), Err(KeyringError::PastLost(0)));
}

#[test]
fn k10_nothing_secret_shows_in_debug_output() {
    let founding = founding();
    let secret = *founding.keyring.current().expose();
    let agree = identity(1).agree_secret();
    let shown = format!("{founding:?} {:?} {:?}", identity(1), Amendment::of(&founding.chain)).to_lowercase();
    for canary in [&secret, &*agree, Seed::new([1; 32]).expose()] {
        let hex = crate::base::HEX.encode(&canary[..8]);
        let list = format!("{:?}", &canary[..8]);
        assert!(!shown.contains(&hex) && !shown.contains(list.trim_matches(['[', ']'])));
    }
}
