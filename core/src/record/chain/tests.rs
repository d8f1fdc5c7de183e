//! Who may change what, which branch wins, and which heads count.

use proptest::prelude::*;

use super::*;
use crate::id::PeerId;
use crate::identity::{Identity, Seed};
use crate::record::testing::{founded, founding_draft, head, hollow_wraps, identity, member, next_draft};
use crate::record::{CertificateDraft, HeadFields, Policy};
use crate::time::Span;

/// Signs the certificate after the chain's tip, changed by `change`.
fn next(chain: &Chain, signer: &Identity, change: impl FnOnce(&mut CertificateDraft)) -> Certificate {
    after(chain.tip(), signer, change)
}

fn after(tip: &Certificate, signer: &Identity, change: impl FnOnce(&mut CertificateDraft)) -> Certificate {
    let mut draft = next_draft(tip);
    change(&mut draft);
    draft.wraps = hollow_wraps(&draft.members);
    Certificate::sign(draft, signer).expect("within bounds")
}

/// Founded by device 1 with phrase 2; device 3 (member 2) and phrase 4 (member 3) joined.
fn family() -> Chain {
    let mut chain = founded();
    let joined = next(&chain, &identity(1), |draft| {
        draft.members.push(member(2, &identity(3), Rights::OWNER, false));
        draft.members.push(member(3, &identity(4), Rights::PAPER, true));
    });
    assert_eq!(chain.extend(joined), Ok(Extended::New));
    chain
}

fn remove(draft: &mut CertificateDraft, number: usize, last: u64) {
    draft.members[number].removed_after = Some(last);
    draft.epoch += 1;
    draft.previous_epoch = Some(vec![draft.epoch as u8; 72].into());
}

#[test]
fn a_chain_grows_by_certificates_that_its_admins_sign() {
    let mut chain = family();
    let third = next(&chain, &identity(4), |draft| draft.policy.replicas = 5);
    assert_eq!(chain.extend(third.clone()), Ok(Extended::New));
    assert_eq!(chain.extend(third.clone()), Ok(Extended::Known));
    assert_eq!((chain.tip().number, chain.tip().policy.replicas), (2, 5));
    assert_eq!(chain.at(2), Some(&third));
    assert_eq!(chain.at(3), None);
    let rebuilt = Chain::assemble(chain.vault(), chain.certificates().iter().rev().cloned()).expect("complete");
    assert_eq!(rebuilt.certificates(), chain.certificates());
}

#[test]
fn m06_strangers_and_members_without_the_right_sign_nothing() {
    let mut chain = family();
    assert_eq!(chain.extend(next(&chain, &identity(9), |_| ())), Err(ChainError::NoAuthority));
    let demoted = next(&chain, &identity(1), |draft| draft.members[2].rights = Rights(3));
    assert_eq!(chain.extend(demoted), Ok(Extended::New));
    assert_eq!(chain.extend(next(&chain, &identity(3), |_| ())), Err(ChainError::NoAuthority));
    let removed = next(&chain, &identity(2), |draft| remove(draft, 0, 7));
    assert_eq!(chain.extend(removed), Ok(Extended::New));
    assert_eq!(chain.extend(next(&chain, &identity(1), |_| ())), Err(ChainError::NoAuthority));
    assert_eq!(chain.tip().number, 3);
}

#[test]
fn m06_a_stranger_founds_nothing_in_somebody_elses_name() {
    let members = vec![member(0, &identity(1), Rights::OWNER, false), member(1, &identity(2), Rights::PAPER, true)];
    let foreign = Certificate::sign(founding_draft(members.clone()), &identity(9)).expect("within bounds");
    assert_eq!(Chain::start(foreign).err(), Some(ChainError::NoAuthority));
    let mut chain = founded();
    let other = Certificate::sign(founding_draft(members), &identity(2)).expect("within bounds");
    assert_eq!(chain.extend(other), Err(ChainError::ForeignVault));
    assert_eq!(Chain::start(next(&chain, &identity(1), |_| ())).err(), Some(ChainError::Forbidden("a chain begins with certificate 0")));
}

#[test]
fn a_gap_is_named() {
    let mut chain = founded();
    let first = next(&chain, &identity(1), |_| ());
    let second = after(&first, &identity(1), |_| ());
    assert_eq!(chain.extend(second.clone()), Err(ChainError::Gap(2)));
    assert_eq!(chain.extend(first), Ok(Extended::New));
    assert_eq!(chain.extend(second), Ok(Extended::New));
    assert_eq!(Chain::assemble(chain.vault(), chain.certificates()[1..].to_vec()).err(), Some(ChainError::Gap(0)));
}

#[test]
fn what_must_stay_stays() {
    let mut chain = family();
    let removed = next(&chain, &identity(1), |draft| remove(draft, 2, 7));
    assert_eq!(chain.extend(removed), Ok(Extended::New));
    let forbidden = |why, change: &dyn Fn(&mut CertificateDraft)| {
        assert_eq!(chain.clone().extend(next(&chain, &identity(1), change)), Err(ChainError::Forbidden(why)));
    };
    forbidden("a member's keys changed", &|draft| draft.members[1].peer = PeerId([9; 32]));
    forbidden("a member's keys changed", &|draft| draft.members[1].agree = [9; 32]);
    forbidden("a member's keys changed", &|draft| draft.members[3].paper = false);
    forbidden("a member is missing", &|draft| draft.members[3].number = 9);
    forbidden("a member is missing", &|draft| {
        draft.members.remove(1);
    });
    forbidden("a removed member changed", &|draft| draft.members[2].removed_after = None);
    forbidden("a removed member changed", &|draft| draft.members[2].removed_after = Some(8));
    forbidden("a removed member changed", &|draft| draft.members[2].rights = Rights(3));
    let taken = "reading and writing are taken away by removing the member";
    forbidden(taken, &|draft| draft.members[0].rights = Rights(1 | 4));
    forbidden(taken, &|draft| draft.members[0].rights = Rights(2));
    forbidden("a reader left and the epoch stayed", &|draft| draft.members[3].removed_after = Some(0));
    let leaps = "the epoch goes back or leaps";
    forbidden(leaps, &|draft| (draft.epoch, draft.previous_epoch) = (0, None));
    forbidden(leaps, &|draft| draft.epoch = 3);
    forbidden("the past was sealed anew within an epoch", &|draft| draft.previous_epoch = Some(vec![8; 72].into()));
    let gone = crate::record::Member { removed_after: Some(3), ..member(9, &identity(9), Rights::READ, false) };
    forbidden("a member was removed before it came", &|draft| draft.members.push(gone.clone()));
}

#[test]
fn p09_a_member_whose_key_is_of_small_order_is_refused() {
    let order_eight = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
        0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ];
    let one: [u8; 32] = std::array::from_fn(|i| u8::from(i == 0));
    for agree in [[0; 32], one, order_eight] {
        let mut chain = founded();
        let weak = crate::record::Member { agree, ..member(2, &identity(9), Rights::READ, false) };
        let extended = chain.extend(next(&chain, &identity(1), |draft| draft.members.push(weak.clone())));
        assert_eq!(extended, Err(ChainError::Forbidden("a member's key is of small order")));
        let members = vec![member(0, &identity(1), Rights::OWNER, false), weak];
        let first = Certificate::sign(founding_draft(members), &identity(1)).expect("within bounds");
        assert_eq!(Chain::start(first).err(), Some(ChainError::Forbidden("a member's key is of small order")));
    }
}

#[test]
fn what_a_recovery_phrase_signed_stands_against_any_device_and_an_older_phrase_against_a_younger() {
    for attempt in 0..16 {
        let chain = family();
        let by = |signer: u8, nonce: u64| next(&chain, &identity(signer), |draft| draft.policy.retention = Span(nonce));
        // Sixteen rivals each: some have a smaller hash than what must win.
        let order = [by(1, attempt), by(3, attempt), by(4, attempt), by(2, attempt)];
        for certificates in [order.clone(), {
            let mut reversed = order.clone();
            reversed.reverse();
            reversed
        }] {
            let mut chain = chain.clone();
            for certificate in certificates {
                chain.extend(certificate).expect("each follows its parent");
            }
            assert_eq!(chain.tip().signer, identity(2).peer(), "the oldest phrase");
            assert_eq!(chain.evidence().len(), 3);
        }
    }
}

#[test]
fn k09_a_stolen_device_cannot_undo_its_removal_by_words() {
    let chain = family();
    let removal = next(&chain, &identity(2), |draft| remove(draft, 0, 3));
    let mut honest = chain.clone();
    assert_eq!(honest.extend(removal.clone()), Ok(Extended::New));
    for nonce in 0..64 {
        let rival = next(&chain, &identity(1), |draft| draft.policy.retention = Span(nonce));
        let longer = after(&rival, &identity(1), |_| ());
        assert_eq!(honest.extend(rival), Ok(Extended::ForkLost));
        assert!(matches!(honest.extend(longer), Ok(Extended::ForkLost) | Err(ChainError::Gap(_))), "a longer branch wins nothing");
        assert_eq!(honest.tip(), &removal);
    }
    assert_eq!(honest.extend(chain.tip().clone()), Ok(Extended::Known), "an old certificate changes nothing");
    assert_eq!(honest.tip(), &removal);
}

#[test]
fn evidence_is_kept_and_bounded() {
    let mut chain = family();
    let rivals: Vec<_> = (0..100).map(|nonce| next(&chain, &identity(1), |draft| draft.policy.retention = Span(nonce))).collect();
    for rival in rivals.iter().cloned() {
        chain.extend(rival).expect("each follows its parent");
    }
    let best = rivals.iter().min_by_key(|rival| rival.id()).expect("a hundred");
    assert_eq!(chain.tip(), best);
    assert_eq!(chain.evidence().len(), EVIDENCE_MAX);
    assert_eq!(chain.certificates().len(), 3);
}

#[test]
fn heads_count_while_their_device_may_write() {
    let mut chain = family();
    let before = chain.clone();
    assert_eq!(chain.check_head(&head(&chain, &identity(1), 4)), Ok(()));
    assert_eq!(chain.check_head(&head(&chain, &identity(3), 1)), Ok(()));
    for stranger in [2, 4, 9] {
        let refused = chain.check_head(&head(&chain, &identity(stranger), 1));
        assert_eq!(refused, Err(ChainError::NoAuthority), "phrases and strangers write nothing");
    }
    let removal = next(&chain, &identity(2), |draft| remove(draft, 2, 5));
    assert_eq!(chain.extend(removal), Ok(Extended::New));
    assert_eq!(chain.check_head(&head(&before, &identity(3), 5)), Ok(()), "what it wrote before stays");
    assert_eq!(chain.check_head(&head(&before, &identity(3), 6)), Err(ChainError::NoAuthority), "later heads under the old certificate");
    assert_eq!(chain.check_head(&head(&chain, &identity(3), 6)), Err(ChainError::NoAuthority));
    assert_eq!(chain.check_head(&head(&chain, &identity(3), 5)), Err(ChainError::NoAuthority), "it was no member any more then");
    assert_eq!(before.check_head(&head(&chain, &identity(1), 5)), Err(ChainError::Gap(2)));
}

#[test]
fn a_head_from_before_its_device_joined_or_from_elsewhere_does_not_stand() {
    let chain = family();
    assert_eq!(chain.check_head(&head(&founded(), &identity(3), 1)), Err(ChainError::NoAuthority));
    let sound = head(&chain, &identity(1), 1).fields();
    let resigned = |fields: HeadFields| chain.check_head(&Head::sign(fields, &[7; 64], &identity(1)).expect("within bounds"));
    assert_eq!(resigned(HeadFields { vault: VaultId([1; 32]), ..sound.clone() }), Err(ChainError::ForeignVault));
    assert_eq!(resigned(HeadFields { certificate: RecordId([1; 32]), ..sound.clone() }), Err(ChainError::OffBranch));
    assert_eq!(resigned(HeadFields { certificate_number: 0, ..sound }), Err(ChainError::OffBranch));
}

#[test]
fn c12_no_length_of_time_decides_what_stands() {
    for retention in [0, 1, u64::MAX] {
        let mut chain = family();
        let tip = next(&chain, &identity(1), |draft| draft.policy = Policy { retention: Span(retention), ..Policy::default() });
        assert_eq!(chain.extend(tip.clone()), Ok(Extended::New));
        assert_eq!(chain.extend(after(&tip, &identity(3), |_| ())), Ok(Extended::New));
        assert_eq!(chain.check_head(&head(&family(), &identity(1), 1)), Ok(()), "however long ago that was");
    }
}

/// A family's certificates as a random tree: each names a random earlier one as its parent and a random admin of that one as its signer.
fn any_tree() -> impl Strategy<Value = Vec<Certificate>> {
    let step = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8, any::<u32>());
    prop::collection::vec(step, 1..14).prop_map(|steps| {
        let mut tree = family().certificates().to_vec();
        for (parent, signer, what, nonce) in steps {
            let parent = parent.get(&tree).clone();
            let admins: Vec<Identity> = (1..=4).map(identity).filter(|admin| parent.may(&admin.peer(), Rights::ADMIN)).collect();
            let signer = signer.get(&admins);
            let other = parent.members.iter().position(|member| member.peer != signer.peer() && member.is_active());
            tree.push(after(&parent, signer, |draft| match (what, other) {
                (0, Some(other)) => remove(draft, other, u64::from(nonce)),
                (1, _) => {
                    let newcomer = Identity::from_seed(&Seed::new(blake3::hash(&nonce.to_le_bytes()).into()));
                    draft.members.push(member(draft.members.len() as u16, &newcomer, Rights::READ, false));
                }
                _ => draft.policy.retention = Span(u64::from(nonce)),
            }));
        }
        tree
    })
}

/// The fork rule told once more, over the whole tree at once.
fn tip_of(tree: &[Certificate]) -> Certificate {
    let mut tip = tree[0].clone();
    loop {
        let children = tree.iter().filter(|certificate| certificate.number > 0 && certificate.previous == tip.id());
        let paper = |child: &Certificate| tip.members.iter().filter(|member| member.paper).position(|member| member.peer == child.signer);
        match children.min_by_key(|child| (paper(child).unwrap_or(usize::MAX), child.id())) {
            Some(child) => tip = child.clone(),
            None => return tip,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn m11_certificates_in_any_order_lead_to_one_tip(tree in any_tree(), order in any::<u64>()) {
        let mut chain = founded();
        let mut waiting: Vec<Certificate> = tree.clone();
        waiting.sort_by_cached_key(|certificate| *blake3::Hasher::new().update(&order.to_le_bytes()).update(certificate.bytes()).finalize().as_bytes());
        // Whatever comes too early is refused for its gap and comes again.
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|certificate| matches!(chain.extend(certificate.clone()), Err(ChainError::Gap(_))));
            prop_assert!(waiting.len() < before, "everything follows from certificate 0");
        }
        prop_assert_eq!(chain.tip(), &tip_of(&tree));
        let mut names: Vec<RecordId> = tree.iter().map(Certificate::id).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(chain.certificates().len() + chain.evidence().len(), names.len(), "nothing is forgotten");
        let again = Chain::assemble(chain.vault(), tree.iter().rev().cloned()).expect("certificate 0 is there");
        prop_assert_eq!(again.tip(), chain.tip());
        prop_assert_eq!(again.evidence(), chain.evidence());
    }
}
