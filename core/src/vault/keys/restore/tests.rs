//! From words to files again, with nodes that lie.

use super::*;
use crate::identity::Seed;
use crate::record::{Extended, Locate, Policy};
use crate::vault::keys::{Amendment, Founding, Newcomer, found, open_head, parse_phrase, phrase, write_head};

fn identity(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

/// All records of a vault with device 1 and the phrase of seed 2, which wrote three heads over two epochs.
fn vault() -> (VaultId, Vec<Record>) {
    let Founding { mut chain, keyring, locate } = found(&identity(1), &identity(2), Policy::default(), &[7; 32]).expect("sound");
    let first = write_head(&chain, &keyring, &identity(1), None, vec![], b"first").expect("may write");
    let second = write_head(&chain, &keyring, &identity(1), Some((1, first.id())), vec![], b"second").expect("may write");
    let rotated = Amendment::of(&chain).rotate().sign(&identity(1), &[8; 32]).expect("sound");
    assert_eq!(chain.extend(rotated), Ok(Extended::New));
    let keyring = Keyring::open(&chain, &identity(1)).expect("a reader");
    let third = write_head(&chain, &keyring, &identity(1), Some((2, second.id())), vec![], b"third").expect("may write");
    let mut records: Vec<Record> = [first, second, third].into_iter().map(Record::Head).collect();
    records.extend(chain.certificates().iter().cloned().map(Record::Certificate));
    records.push(Record::Locate(locate));
    (chain.vault(), records)
}

#[test]
fn words_alone_bring_a_vault_back() {
    let (vault, records) = vault();
    let words = phrase(&Seed::new([2; 32]));
    let paper = Identity::from_seed(&parse_phrase(&words).expect("written by us"));
    assert_eq!(located(&paper.peer(), &records), Set::from([vault]));
    let Restored { chain, keyring, standing } = restore(&paper, vault, &records).expect("all records are there");
    let head = &standing.heads[&identity(1).peer()];
    assert_eq!(open_head(&chain, &keyring, head).expect("sound").as_slice(), b"third");
    assert_eq!((chain.tip().number, head.sequence), (1, 3));

    // The new device is enrolled by the words and goes on by itself.
    let enrolled = Amendment::of(&chain).enrol(Newcomer::device(&identity(5))).and_then(|amendment| amendment.sign(&paper, &[9; 32]));
    let mut chain = chain;
    assert_eq!(chain.extend(enrolled.expect("sound")), Ok(Extended::New));
    let keyring = Keyring::open(&chain, &identity(5)).expect("a reader");
    let merged = vec![(identity(1).peer(), 3)];
    assert!(write_head(&chain, &keyring, &identity(5), None, merged, b"fourth").is_ok());
}

#[test]
fn the_order_and_number_of_answers_makes_no_difference() {
    let (vault, mut records) = vault();
    let expected = restore(&identity(2), vault, &records).expect("complete");
    for turn in 0..records.len() {
        records.rotate_left(turn);
        records.push(records[0].clone());
        let again = restore(&identity(2), vault, &records).expect("complete");
        assert_eq!((again.chain.tip(), &again.standing), (expected.chain.tip(), &expected.standing));
    }
}

/// The paper key is public: it stands in every certificate. A node founds a vault of its own that names it, to be written into.
#[test]
fn m08_a_vault_that_only_names_the_words_is_refused() {
    let paper = identity(2);
    let attacker = identity(66);
    let Founding { chain, .. } = found(&attacker, &paper, Policy::default(), &[6; 32]).expect("anybody can");
    let trap = chain.vault();
    let certificates = chain.certificates().iter().cloned().map(Record::Certificate);

    // Locate records by the attacker's own key, and one whose signer field was replaced by the paper key.
    let own = Locate::sign(trap, &attacker).expect("within bounds");
    let mut forged = own.bytes().to_vec();
    let at = forged.windows(32).position(|window| *window == attacker.peer().0).expect("names its signer");
    forged[at..at + 32].copy_from_slice(&paper.peer().0);
    assert_eq!(Record::decode(forged.into()), Err(crate::record::RecordError::Signature));

    let (vault, mut records) = vault();
    records.extend(certificates);
    records.push(Record::Locate(own));
    assert_eq!(located(&paper.peer(), &records), Set::from([vault]), "the trap is not among them");
    assert_eq!(restore(&paper, trap, &records).err(), Some(RestoreError::NotLocated));
    assert_eq!(restore(&paper, vault, &records).map(|restored| restored.chain.vault()).ok(), Some(vault));
}

#[test]
fn what_is_missing_is_named() {
    let (vault, records) = vault();
    let paper = identity(2);
    let without = |drop: &dyn Fn(&Record) -> bool| {
        let rest: Vec<Record> = records.iter().filter(|record| !drop(record)).cloned().collect();
        restore(&paper, vault, &rest).err()
    };
    assert_eq!(without(&|record| matches!(record, Record::Locate(_))), Some(RestoreError::NotLocated));
    let first = |record: &Record| matches!(record, Record::Certificate(certificate) if certificate.number == 0);
    assert_eq!(without(&first), Some(RestoreError::Chain(ChainError::Gap(0))));
    assert_eq!(restore(&identity(3), vault, &records).err(), Some(RestoreError::NotLocated));
}

#[test]
fn words_that_were_withdrawn_or_never_belonged_open_nothing() {
    let (vault, mut records) = vault();
    let chain = Chain::assemble(vault, records.iter().filter_map(certificate)).expect("complete");
    let withdrawn =
        Amendment::of(&chain).remove_member(&identity(2).peer(), 0).and_then(|amendment| amendment.sign(&identity(1), &[9; 32]));
    records.push(Record::Certificate(withdrawn.expect("sound")));
    assert_eq!(restore(&identity(2), vault, &records).err(), Some(RestoreError::Withdrawn));

    records.push(Record::Locate(Locate::sign(vault, &identity(9)).expect("within bounds")));
    assert_eq!(
        restore(&identity(9), vault, &records).err(),
        Some(RestoreError::UnknownPhrase),
        "anybody can sign a locate record of their own"
    );
}
