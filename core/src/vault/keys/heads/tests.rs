//! Heads as devices write and read them: sealed under the right epoch, bound to their public fields, chosen from any pile.

use super::*;
use crate::id::VaultId;
use crate::identity::Seed;
use crate::record::{Extended, Policy};
use crate::vault::keys::{Amendment, Founding, Newcomer, found};

fn identity(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

/// Founded by device 1 with phrase 2; device 3 joined.
fn family() -> (Chain, Keyring) {
    let Founding { mut chain, .. } = found(&identity(1), &identity(2), Policy::default(), &[7; 32]).expect("sound");
    let joined = Amendment::of(&chain).enrol(Newcomer::device(&identity(3))).and_then(|amendment| amendment.sign(&identity(1), &[7; 32]));
    assert_eq!(chain.extend(joined.expect("sound")), Ok(Extended::New));
    let keyring = Keyring::open(&chain, &identity(1)).expect("a reader");
    (chain, keyring)
}

fn line(chain: &Chain, keyring: &Keyring, device: u8, count: u64) -> Vec<Head> {
    let mut heads: Vec<Head> = Vec::new();
    for number in 1..=count {
        let after = heads.last().map(|head| (head.sequence, head.id()));
        heads.push(write_head(chain, keyring, &identity(device), after, vec![], &number.to_le_bytes()).expect("may write"));
    }
    heads
}

#[test]
fn what_one_device_wrote_another_opens() {
    let (chain, keyring) = family();
    let heads = line(&chain, &keyring, 1, 3);
    let other = Keyring::open(&chain, &identity(3)).expect("a reader");
    assert_eq!(open_head(&chain, &other, &heads[2]).expect("sound").as_slice(), 3u64.to_le_bytes());
    assert_eq!((heads[2].sequence, heads[2].previous), (3, heads[1].id()));
}

#[test]
fn heads_of_older_epochs_open_with_the_keys_of_today() {
    let (mut chain, keyring) = family();
    let old = line(&chain, &keyring, 1, 1).remove(0);
    let rotated = Amendment::of(&chain).rotate().sign(&identity(2), &[7; 32]).expect("sound");
    assert_eq!(chain.extend(rotated), Ok(Extended::New));
    let today = Keyring::open(&chain, &identity(3)).expect("a reader");
    assert_eq!(open_head(&chain, &today, &old).expect("sound").as_slice(), 1u64.to_le_bytes());
    let new = write_head(&chain, &today, &identity(3), None, vec![(identity(1).peer(), 1)], b"merged").expect("may write");
    assert_eq!(open_head(&chain, &keyring, &new), Err(HeadError::NoKey(1)));
    assert_eq!(write_head(&chain, &keyring, &identity(1), None, vec![], b""), Err(HeadError::NoKey(1)));
    assert_eq!(open_head(&chain, &today, &new).expect("sound").as_slice(), b"merged");
}

#[test]
fn m03_sealed_content_moved_to_another_head_does_not_open() {
    let (chain, keyring) = family();
    let heads = line(&chain, &keyring, 1, 2);
    let own = heads[0].fields();
    let changes = [
        heads[1].fields(),
        HeadFields { vector: vec![(identity(3).peer(), 1)], ..own.clone() },
        HeadFields { sequence: 2, previous: RecordId([1; 32]), ..own.clone() },
        HeadFields { certificate_number: 0, certificate: chain.certificates()[0].id(), ..own.clone() },
    ];
    for fields in changes {
        let moved = Head::sign(fields, &heads[0].sealed, &identity(1)).expect("within bounds");
        assert_eq!(open_head(&chain, &keyring, &moved), Err(HeadError::NotOpened));
    }
    let stolen = Head::sign(HeadFields { device: identity(3).peer(), ..own }, &heads[0].sealed, &identity(3)).expect("within bounds");
    assert_eq!(open_head(&chain, &keyring, &stolen), Err(HeadError::NotOpened));
}

#[test]
fn words_and_strangers_write_no_heads_and_a_removed_device_no_later_ones() {
    let (mut chain, keyring) = family();
    let refused = Err(HeadError::Chain(ChainError::NoAuthority));
    assert_eq!(write_head(&chain, &keyring, &identity(2), None, vec![], b""), refused);
    assert_eq!(write_head(&chain, &keyring, &identity(9), None, vec![], b""), refused);
    let heads = line(&chain, &keyring, 3, 3);
    let removal = Amendment::of(&chain).remove_member(&identity(3).peer(), 2).and_then(|amendment| amendment.sign(&identity(1), &[8; 32]));
    assert_eq!(chain.extend(removal.expect("sound")), Ok(Extended::New));
    let keyring = Keyring::open(&chain, &identity(1)).expect("a reader");
    assert_eq!(open_head(&chain, &keyring, &heads[2]), Err(HeadError::Chain(ChainError::NoAuthority)));
    assert_eq!(standing(&chain, heads.clone()).heads.get(&identity(3).peer()), Some(&heads[1]), "the last one that counts");
    assert_eq!(write_head(&chain, &keyring, &identity(3), Some((3, heads[2].id())), vec![], b""), refused);
}

#[test]
fn the_highest_head_of_each_device_counts_in_whatever_order_they_come() {
    let (chain, keyring) = family();
    let mut heads = [line(&chain, &keyring, 1, 4), line(&chain, &keyring, 3, 2)].concat();
    let expected = standing(&chain, heads.clone());
    assert_eq!(expected.heads.values().map(|head| head.sequence).max(), Some(4));
    for turn in 0..heads.len() {
        heads.rotate_left(turn);
        heads.push(heads[0].clone());
        assert_eq!(standing(&chain, heads.clone()), expected);
    }
}

#[test]
fn c14_a_cloned_device_is_found_out_by_its_own_heads() {
    let (chain, keyring) = family();
    let heads = line(&chain, &keyring, 1, 1);
    let after = Some((1, heads[0].id()));
    let one = write_head(&chain, &keyring, &identity(1), after, vec![], b"one").expect("may write");
    let two = write_head(&chain, &keyring, &identity(1), after, vec![], b"two").expect("may write");
    assert_ne!(one.sealed[..24], two.sealed[..24], "no nonce serves two messages");
    let found = standing(&chain, [two.clone(), one.clone()]);
    assert_eq!(found, standing(&chain, [one.clone(), two.clone()]));
    assert_eq!(found.forked.len(), 1);
    assert_eq!(found.heads[&identity(1).peer()].id(), one.id().min(two.id()));
}

#[test]
fn every_altered_bit_of_sealed_content_is_noticed() {
    let (chain, keyring) = family();
    let head = line(&chain, &keyring, 1, 1).remove(0);
    for bit in 0..head.sealed.len() * 8 {
        let mut sealed = head.sealed.to_vec();
        sealed[bit / 8] ^= 1 << (bit % 8);
        // Signed anew: the seal alone must notice.
        let altered = Head::sign(head.fields(), &sealed, &identity(1)).expect("within bounds");
        assert_eq!(open_head(&chain, &keyring, &altered), Err(HeadError::NotOpened));
    }
    let foreign = Head::sign(HeadFields { vault: VaultId([1; 32]), ..head.fields() }, &head.sealed, &identity(1)).expect("within bounds");
    assert_eq!(open_head(&chain, &keyring, &foreign), Err(HeadError::Chain(ChainError::ForeignVault)));
}
