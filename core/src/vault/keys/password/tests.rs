//! The password file against guesses, swaps, edits and costs that would be no protection or an attack.

use super::*;

const SEED: [u8; 32] = *b"canary canary canary canary cana";

/// The cheapest cost that is accepted, so that the tests run often.
fn locked() -> Locked {
    Locked::lock_at(Cost::FLOOR, &Seed::new(SEED), "correct horse", &[3; 32]).expect("memory enough")
}

#[test]
fn the_right_password_opens_and_a_wrong_one_does_not() {
    let file = Locked::decode(&locked().encode()).expect("written by us");
    assert_eq!(file, locked(), "deterministic in seed, password and entropy");
    assert_eq!(file.peer(), Identity::from_seed(&Seed::new(SEED)).peer());
    assert_eq!(file.open("correct horse").expect("right").expose(), &SEED);
    for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
        assert_eq!(file.open(wrong).err(), Some(PasswordError::NotOpened));
    }
}

#[test]
fn k01_shipped_costs_meet_the_floor_and_the_floor_meets_the_standard() {
    assert!(Cost::SHIPPED.is_acceptable());
    assert_eq!(Cost::SHIPPED, Cost { memory: 65_536, passes: 3, lanes: 4 });
    const { assert!(Cost::FLOOR.memory >= 19_456 && Cost::FLOOR.passes >= 2) };
    let shipped = Locked::lock(&Seed::new(SEED), "password", &[0; 32]).expect("memory enough");
    assert_eq!(shipped.cost(), Cost::SHIPPED);
    assert_eq!(shipped.open("password").expect("right").expose(), &SEED);
}

#[test]
fn k02_costs_that_protect_nobody_are_refused_before_anything_is_derived() {
    let weak = [(8, 1, 1), (19_455, 2, 1), (19_456, 1, 1), (65_536, 3, 0), (0, 0, 0)];
    for (memory, passes, lanes) in weak {
        refused_unstretched(Cost { memory, passes, lanes });
    }
}

#[test]
fn k03_costs_that_attack_this_machine_are_refused_before_anything_is_allocated() {
    let heavy =
        [(4 << 20, 3, 4), ((1 << 20) + 1, 3, 4), (65_536, 1_000_000, 4), (65_536, 17, 4), (65_536, 3, (1 << 24) - 1), (65_536, 3, 17)];
    for (memory, passes, lanes) in heavy.into_iter().chain([(u32::MAX, u32::MAX, u32::MAX)]) {
        refused_unstretched(Cost { memory, passes, lanes });
    }
}

fn refused_unstretched(cost: Cost) {
    assert_eq!(Locked::lock_at(cost, &Seed::new(SEED), "x", &[0; 32]).err(), Some(PasswordError::NotOpened));
    let mut file = locked();
    (file.wire.memory, file.wire.passes, file.wire.lanes) = (cost.memory, cost.passes, cost.lanes);
    let file = Locked::decode(&file.encode()).expect("well-formed");
    let result = file.open_with(|_, _| panic!("derives with {cost:?}"));
    assert_eq!(result.err(), Some(PasswordError::NotOpened));
    assert_eq!(file.open("correct horse").err(), Some(PasswordError::NotOpened));
}

#[test]
fn k04_parts_swapped_between_two_devices_look_like_a_wrong_password() {
    let other = Locked::lock_at(Cost::FLOOR, &Seed::new([5; 32]), "correct horse", &[3; 32]).expect("memory enough");
    let swaps: [fn(&mut Wire, &Wire); 5] = [
        |wire, other| wire.peer = other.peer,
        |wire, other| wire.salt = other.salt,
        |wire, other| wire.commitment = other.commitment,
        |wire, other| wire.sealed = other.sealed.clone(),
        |wire, _| wire.passes += 1,
    ];
    for swap in swaps {
        let mut file = locked();
        swap(&mut file.wire, &other.wire);
        assert_eq!(file.open("correct horse").err(), Some(PasswordError::NotOpened));
    }
    assert_ne!(locked().wire.salt, other.wire.salt, "the same entropy, and still no shared salt");
}

/// A forger who can make one ciphertext that opens under many passwords' keys learns by one query which half a password lies in.
/// The commitment names one key: whatever else is in the file, all others are refused.
#[test]
fn k05_a_file_opens_under_one_key_only() {
    let (ours, theirs) = (Zeroizing::new([1; 32]), Zeroizing::new([2; 32]));
    let mut file = locked();
    file.wire.commitment = ByteArray::new(blake3::derive_key(labels::PASSWORD_COMMIT, &*ours));
    // The forger knows both keys and seals validly under the second one, which the commitment does not name.
    file.wire.sealed = ByteBuf::from(seal_key(&theirs).seal(&file.wire.associated(), &[9; 32]));
    assert_eq!(file.open_with(|_, _| Ok(theirs.clone())).err(), Some(PasswordError::NotOpened));
    assert_eq!(file.open_with(|_, _| Ok(ours.clone())).err(), Some(PasswordError::NotOpened));
    file.wire.sealed = ByteBuf::from(seal_key(&ours).seal(&file.wire.associated(), &[9; 32]));
    assert_eq!(file.open_with(|_, _| Ok(ours.clone())).expect("the key that it commits to").expose(), &[9; 32]);
    assert_eq!(file.open_with(|_, _| Ok(theirs.clone())).err(), Some(PasswordError::NotOpened));
}

#[test]
fn m09_ten_thousand_altered_files_have_one_outcome() {
    let file = locked();
    let sound = file.encode();
    let stretched = stretch("correct horse", &file.wire.salt, Cost::FLOOR).expect("memory enough");
    let open = |bytes: &[u8]| {
        Locked::decode(bytes)?.open_with(|salt, cost| {
            // The true stretch where salt and cost are the file's own; for others any other key will do, and need not cost its time.
            let own = *salt == *file.wire.salt && cost == Cost::FLOOR;
            Ok(if own { stretched.clone() } else { Zeroizing::new(*blake3::hash(salt).as_bytes()) })
        })
    };
    assert_eq!(open(&sound).expect("unaltered").expose(), &SEED);
    let version = lead().len();
    let mut altered = 0;
    for round in 0..10_000u32 {
        let [at, to, how, ..] = *blake3::hash(&round.to_le_bytes()).as_bytes();
        let at = usize::from(at) % sound.len();
        let mut bytes = sound.clone();
        match how % 5 {
            0 => bytes[at] ^= 1 << (to % 8),
            1 => bytes[at] = to,
            2 => bytes.truncate(at),
            3 => bytes.insert(at, to),
            _ => drop(bytes.remove(at)),
        }
        if bytes == sound {
            continue;
        }
        altered += 1;
        match open(&bytes).err() {
            Some(PasswordError::NotOpened) => {}
            // The version is readable by everybody and says nothing of the secret.
            Some(PasswordError::Version(found)) => assert_eq!(bytes.get(version), Some(&found)),
            other => panic!("{other:?}"),
        }
    }
    assert!(altered > 9_900);
}

#[test]
fn g01_a_later_version_is_named_and_an_unknown_suite_is_refused() {
    let sound = locked().encode();
    let version = lead().len();
    let with = |at: usize, value: u8| {
        let mut bytes = sound.clone();
        bytes[at] = value;
        Locked::decode(&bytes).err()
    };
    assert_eq!(with(version, 2), Some(PasswordError::Version(2)));
    assert_eq!(with(version + 1, 2), Some(PasswordError::NotOpened));
    assert_eq!(Locked::decode(&[0x91; 2000]).err(), Some(PasswordError::NotOpened));
}

#[test]
fn k10_neither_debug_output_nor_the_file_shows_the_seed() {
    let file = locked();
    let shown = format!("{file:?} {:?}", file.open("wrong").err());
    assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"));
    assert!(!file.encode().windows(6).any(|window| window == b"canary"));
}
