use super::*;
use crate::identity::Seed;

fn identity(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

fn context(member: &Identity) -> WrapContext {
    WrapContext { vault: Some(VaultId([7; 32])), number: 4, epoch: 2, member: 3, peer: member.peer(), agree: member.agree_public() }
}

fn sample() -> Wrap {
    wrap(&EpochSecret::from_bytes([9; 32]), &context(&identity(2)), &identity(1), &[0; 32]).expect("a sound key")
}

#[test]
fn a_wrap_opens_for_its_member_in_its_place_only() {
    let opened = unwrap(&sample(), &context(&identity(2)), &identity(2)).expect("sealed to it");
    assert_eq!(opened.expose(), &[9; 32]);
    let sound = context(&identity(2));
    let places = [
        WrapContext { vault: None, ..sound },
        WrapContext { vault: Some(VaultId([8; 32])), ..sound },
        WrapContext { number: 5, ..sound },
        WrapContext { epoch: 3, ..sound },
        WrapContext { member: 4, ..sound },
        WrapContext { peer: identity(3).peer(), ..sound },
        WrapContext { agree: identity(3).agree_public(), ..sound },
    ];
    for place in places {
        assert_eq!(unwrap(&sample(), &place, &identity(2)).err(), Some(NotUnwrapped), "{place:?}");
    }
    assert_eq!(unwrap(&sample(), &sound, &identity(3)).err(), Some(NotUnwrapped));
}

#[test]
fn m09_ten_thousand_altered_wraps_have_one_outcome() {
    let (sound, context, owner) = (sample(), context(&identity(2)), identity(2));
    let mut bytes = [sound.encapsulated.as_slice(), &sound.sealed].concat();
    let mut altered = 0;
    for round in 0..10_000u32 {
        let dice = blake3::hash(&round.to_le_bytes());
        let [at, to, how, ..] = *dice.as_bytes();
        let at = usize::from(at) % bytes.len();
        let before = bytes.clone();
        match how % 4 {
            0 => bytes[at] ^= 1 << (to % 8),
            1 => bytes[at] = to,
            2 => bytes[at..].reverse(),
            _ => bytes[32..].rotate_left(1 + usize::from(to) % 47),
        }
        let mut wrap = Wrap { encapsulated: bytes[..32].try_into().expect("32 bytes"), sealed: bytes[32..].to_vec(), ..sound.clone() };
        if how % 64 == 3 {
            wrap.sealed.truncate(at);
        }
        if wrap != sound {
            altered += 1;
            assert_eq!(unwrap(&wrap, &context, &owner).err(), Some(NotUnwrapped));
        }
        bytes = before;
    }
    assert!(altered > 9_900);
}

#[test]
fn p09_nothing_is_sealed_to_or_opened_from_a_key_of_small_order() {
    let one: [u8; 32] = std::array::from_fn(|i| u8::from(i == 0));
    for agree in [[0; 32], one] {
        let weak = WrapContext { agree, ..context(&identity(2)) };
        assert_eq!(wrap(&EpochSecret::from_bytes([9; 32]), &weak, &identity(1), &[0; 32]), Err(UnusableKey));
        let forged = Wrap { encapsulated: agree, ..sample() };
        assert_eq!(unwrap(&forged, &context(&identity(2)), &identity(2)).err(), Some(NotUnwrapped));
    }
}

/// Two machines with the same seed and the same broken generator: what differs in anything must differ in HPKE's ephemeral key.
#[test]
fn c14_an_ephemeral_key_serves_one_message_only() {
    let seal = |secret: u8, member: u8, signer: u8, entropy: u8, number: u64| {
        let context = WrapContext { number, ..context(&identity(member)) };
        wrap(&EpochSecret::from_bytes([secret; 32]), &context, &identity(signer), &[entropy; 32]).expect("a sound key").encapsulated
    };
    let all =
        [seal(9, 2, 1, 0, 4), seal(8, 2, 1, 0, 4), seal(9, 3, 1, 0, 4), seal(9, 2, 4, 0, 4), seal(9, 2, 1, 1, 4), seal(9, 2, 1, 0, 5)];
    assert_eq!(all.iter().collect::<crate::map::Set<_>>().len(), all.len());
    assert_eq!(seal(9, 2, 1, 0, 4), all[0], "the same message twice is the same bytes");
}
