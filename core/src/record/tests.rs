//! Every record against altered, cut, foreign and forged bytes. What a record means in its chain is tested beside the chain.

use super::testing::{founded, founding_draft, head, identity, member, next_draft, share, withdrawal};
use super::*;
use crate::codec;
use crate::id::PeerId;
use crate::identity::Identity;
use crate::labels;
use crate::limits::{ADDRESS_MAX, ADDRESSES_MAX, CARRIERS_MAX, LABEL_MAX, MEMBERS_MAX};

/// One of each kind, with the identity and label that signed it.
fn samples() -> Vec<(Record, Identity, &'static [u8])> {
    let chain = founded();
    let mut next = next_draft(chain.tip());
    next.carriers = vec![carrier(7), carrier(3)];
    let mut written = head(&chain, &identity(1), 3).fields();
    written.vector = vec![(PeerId([5; 32]), 9)];
    vec![
        (Record::Certificate(chain.tip().clone()), identity(1), labels::SIGN_CERTIFICATE),
        (Record::Certificate(Certificate::sign(next, &identity(2)).expect("within bounds")), identity(2), labels::SIGN_CERTIFICATE),
        (Record::Head(Head::sign(written, &[7; 64], &identity(1)).expect("within bounds")), identity(1), labels::SIGN_HEAD),
        (Record::Locate(Locate::sign(chain.vault(), &identity(2)).expect("within bounds")), identity(2), labels::SIGN_LOCATE),
        (Record::Share(share(&chain, &identity(1), 1)), identity(1), labels::SIGN_SHARE),
        (Record::Share(withdrawal(&chain, &identity(1))), identity(1), labels::SIGN_SHARE),
    ]
}

fn carrier(number: u8) -> Carrier {
    Carrier {
        peer: identity(number).peer(),
        name: "attic".to_owned(),
        addresses: vec!["wss://attic.example:4001".to_owned()],
        weight: 100,
        zone: "home".to_owned(),
        draining: false,
    }
}

/// Signs bytes that our own builders would never write.
fn signed(mut bytes: Vec<u8>, identity: &Identity, label: &[u8]) -> Bytes {
    let end = bytes.len() - 66;
    let signature = identity.sign(label, &bytes[..end]);
    bytes[end + 2..].copy_from_slice(&signature);
    bytes.into()
}

#[test]
fn records_travel_and_come_back() {
    for (record, ..) in samples() {
        assert_eq!(Record::decode(record.bytes().clone()), Ok(record.clone()));
        assert_eq!(record.vault(), founded().vault());
        assert_eq!(record.slot().vault, founded().vault());
    }
}

#[test]
fn m01_every_flipped_bit_of_every_record_is_noticed() {
    for (record, ..) in samples() {
        let bytes = record.bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Record::decode(flipped.into()).is_err(), "{record:?} bit {bit}");
        }
    }
}

#[test]
fn m02_every_truncation_of_every_record_is_noticed() {
    for (record, identity, label) in samples() {
        let bytes = record.bytes();
        for end in 0..bytes.len() {
            assert!(Record::decode(bytes.slice(..end)).is_err());
            // Also where the signer itself signs what is cut.
            if end > 66 {
                assert!(Record::decode(signed(bytes[..end].to_vec(), &identity, label)).is_err());
            }
        }
    }
}

#[test]
fn p04_other_spellings_are_refused_though_properly_signed() {
    for (record, identity, label) in samples() {
        let bytes = record.bytes().to_vec();
        assert_eq!(Record::decode(signed(bytes.clone(), &identity, label)).as_ref(), Ok(&record), "the helper signs as the record does");
        let refused = |bytes: Vec<u8>| {
            let result = Record::decode(signed(bytes, &identity, label));
            assert!(matches!(result, Err(RecordError::Encoding(_))), "{result:?}");
        };
        // A longer integer: the kind as two bytes.
        refused([&bytes[..1], &[0xcc], &bytes[1..]].concat());
        // A longer array header.
        refused([&[0xdc, 0, bytes[0] & 0x0f], &bytes[1..]].concat());
        // One item more, in front of the signature.
        let end = bytes.len() - 66;
        refused([&[bytes[0] + 1], &bytes[1..end], &[0xc0], &bytes[end..]].concat());
        // Bytes that follow.
        assert_eq!(Record::decode([&bytes[..], &[0xc0]].concat().into()), Err(RecordError::Encoding(DecodeError::Trailing)));
        // Keys as text, or as a list of numbers, instead of bytes.
        let key = bytes.windows(2).position(|pair| pair == [0xc4, 32]).expect("every record holds a key");
        refused([&bytes[..key], &[0xd9], &bytes[key + 1..]].concat());
        let listed: Vec<u8> = [&[0xdc, 0, 32], codec::encode(&[1u8; 32]).as_slice().get(3..).expect("a list")].concat();
        refused([&bytes[..key], &listed, &bytes[key + 34..]].concat());
    }
}

#[test]
fn p07_a_record_signed_as_another_kind_or_by_another_key_is_refused() {
    let labels = [labels::SIGN_CERTIFICATE, labels::SIGN_HEAD, labels::SIGN_LOCATE, labels::SIGN_SHARE, labels::SIGN_LINK];
    for (record, owner, own) in samples() {
        for label in labels.into_iter().filter(|label| *label != own) {
            assert_eq!(Record::decode(signed(record.bytes().to_vec(), &owner, label)), Err(RecordError::Signature));
        }
        assert_eq!(Record::decode(signed(record.bytes().to_vec(), &identity(9), own)), Err(RecordError::Signature));
    }
}

#[test]
fn p09_forged_signatures_of_weak_keys_and_second_forms_are_refused() {
    let (record, ..) = samples().into_iter().find(|(record, ..)| matches!(record, Record::Locate(_))).expect("a locate record");
    let honest = record.bytes().to_vec();
    let key = honest.windows(32).position(|window| *window == identity(2).peer().0).expect("names its signer");

    // The identity point as a key "signs" everything.
    let mut weak = honest.clone();
    weak[key..key + 32].copy_from_slice(&[[1].as_slice(), &[0; 31]].concat());
    let end = weak.len() - 64;
    weak[end..].copy_from_slice(&[[1].as_slice(), &[0; 63]].concat());
    assert_eq!(Record::decode(weak.into()), Err(RecordError::Signature));

    // s + L is the same scalar in a form that lax verifiers take: the record would have two names.
    let order = [0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14];
    let order: Vec<u8> = order.into_iter().chain([0; 15]).chain([0x10]).collect();
    let mut second = honest;
    let mut carry = 0u16;
    for (byte, add) in second[end + 32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert_eq!(Record::decode(second.into()), Err(RecordError::Signature));
}

#[test]
fn g01_unknown_kinds_versions_and_suites_fail_closed() {
    for (record, identity, label) in samples() {
        let bytes = record.bytes();
        for (field, value) in [(1, 9), (2, 0), (2, 2), (2, 0x7f), (3, 0), (3, 2), (3, 0x7f)] {
            let mut other = bytes.to_vec();
            other[field] = value;
            let expected = RecordError::Unknown { kind: other[1], version: other[2], suite: other[3] };
            assert_eq!(Record::decode(signed(other, &identity, label)), Err(expected));
        }
        let wide = [&bytes[..3], &[0xcc, 200], &bytes[4..]].concat();
        let expected = RecordError::Unknown { kind: bytes[1], version: 1, suite: 200 };
        assert_eq!(Record::decode(signed(wide, &identity, label)), Err(expected));
    }
    // A later version may have any layout behind its first three fields.
    let later = codec::encode(&(1u8, 2u8, 1u8, "something else"));
    assert_eq!(Record::decode(later.into()), Err(RecordError::Unknown { kind: 1, version: 2, suite: 1 }));
    for nothing in [&[][..], &[0x90], &[0x92, 1, 1], &[0x93, 0xc0, 1, 1], &[5]] {
        assert!(matches!(Record::decode(Bytes::copy_from_slice(nothing)), Err(RecordError::Encoding(_))));
    }
}

#[test]
fn p03_an_oversized_record_is_refused_before_it_is_read() {
    assert_eq!(Record::decode(vec![0xdd; 65_537].into()), Err(RecordError::TooLong(65_537)));
    let mut draft = next_draft(founded().tip());
    let address = format!("wss://{}", "a".repeat(ADDRESS_MAX - 6));
    draft.carriers = (0..40).map(|i| Carrier { addresses: vec![address.clone(); 4], ..carrier(i) }).collect();
    assert!(matches!(Certificate::sign(draft, &identity(1)), Err(RecordError::TooLong(_))));
}

#[test]
fn a_certificate_keeps_to_its_bounds() {
    let chain = founded();
    let first = || founding_draft(chain.tip().members.clone());
    let next = || next_draft(chain.tip());
    let refused = |change: &dyn Fn(&mut CertificateDraft), mut draft: CertificateDraft| {
        assert!(Certificate::sign(draft.clone(), &identity(1)).is_ok(), "sound before the change");
        change(&mut draft);
        let result = Certificate::sign(draft.clone(), &identity(1));
        assert!(matches!(result, Err(RecordError::Bounds(_))), "{draft:?}: {result:?}");
    };

    refused(&|draft| draft.vault = Some(VaultId([1; 32])), first());
    refused(&|draft| draft.previous = RecordId([1; 32]), first());
    refused(&|draft| draft.epoch = 1, first());
    refused(&|draft| draft.previous_epoch = Some(vec![0; 72].into()), first());
    refused(&|draft| draft.vault = None, next());
    refused(&|draft| draft.previous = RecordId([0; 32]), next());
    refused(&|draft| draft.number = 0, next());
    refused(&|draft| (draft.epoch, draft.previous_epoch) = (2, Some(vec![0; 72].into())), next());
    refused(&|draft| (draft.epoch, draft.previous_epoch) = (1, None), next());
    refused(&|draft| (draft.epoch, draft.previous_epoch) = (1, Some(vec![0; 71].into())), next());

    refused(&|draft| (draft.members, draft.wraps) = (vec![], vec![]), first());
    refused(&|draft| draft.members[1].number = 0, first());
    refused(&|draft| draft.members[1].peer = draft.members[0].peer, first());
    refused(&|draft| draft.members[1].agree = draft.members[0].agree, first());
    for rights in [0, 16, 4] {
        refused(&|draft| draft.members[1].rights = Rights(rights), first());
    }
    refused(&|draft| draft.members[1].rights = Rights::OWNER, first());
    refused(&|draft| draft.members.iter_mut().for_each(|member| member.rights = Rights::READ), first());
    let crowd = |count: u16| -> Vec<Member> {
        let peers = (1..count).map(|i| Member {
            peer: PeerId([i as u8; 32]),
            agree: [i as u8; 32],
            ..member(i, &identity(3), Rights::DROP, false)
        });
        [member(0, &identity(1), Rights::OWNER, false)].into_iter().chain(peers).collect()
    };
    assert!(Certificate::sign(founding_draft(crowd(MEMBERS_MAX as u16)), &identity(1)).is_ok());
    refused(&|draft| draft.members.push(member(999, &identity(4), Rights::DROP, false)), founding_draft(crowd(MEMBERS_MAX as u16)));

    refused(&|draft| draft.wraps.truncate(1), first());
    refused(&|draft| draft.wraps[1].member = 2, first());
    refused(&|draft| draft.wraps.push(draft.wraps[0].clone()), first());
    refused(&|draft| draft.wraps[0].sealed.truncate(47), first());

    refused(&|draft| draft.carriers = vec![carrier(1), carrier(1)], first());
    refused(&|draft| draft.carriers = (0..=CARRIERS_MAX as u8).map(carrier).collect(), first());
    refused(&|draft| draft.carriers = vec![Carrier { addresses: vec!["wss://a".into(); ADDRESSES_MAX + 1], ..carrier(1) }], first());
    for address in ["wss://a b", "wss://a\n", "wss://ä", &"a".repeat(ADDRESS_MAX + 1)] {
        refused(&|draft| draft.carriers = vec![Carrier { addresses: vec![address.to_owned()], ..carrier(1) }], first());
    }
    for name in ["a\u{1b}[2J", "a\u{202e}b", "a\u{200b}b", "a\nb", &"a".repeat(LABEL_MAX + 1)] {
        refused(&|draft| draft.carriers = vec![Carrier { name: name.to_owned(), ..carrier(1) }], first());
        refused(&|draft| draft.carriers = vec![Carrier { zone: name.to_owned(), ..carrier(1) }], first());
    }
    for (replicas, min_replicas, padding) in [(0, 0, 0), (3, 0, 0), (2, 3, 0), (65, 2, 0), (3, 2, 1)] {
        refused(&|draft| draft.policy = Policy { replicas, min_replicas, padding, ..Policy::default() }, first());
    }
}

#[test]
fn lists_out_of_order_are_refused_though_properly_signed() {
    let (Record::Certificate(certificate), signer, label) = samples().swap_remove(1) else { panic!("the second sample") };
    let bytes = certificate.bytes().to_vec();
    let swap = |a: Vec<u8>, b: Vec<u8>| {
        let at = bytes.windows(a.len() + b.len()).position(|window| window == [&a[..], &b[..]].concat()).expect("side by side");
        let swapped = [&bytes[..at], &b, &a, &bytes[at + a.len() + b.len()..]].concat();
        let result = Record::decode(signed(swapped, &signer, label));
        assert!(matches!(result, Err(RecordError::Bounds(_))), "{result:?}");
    };
    swap(codec::encode(&certificate.members[0]), codec::encode(&certificate.members[1]));
    swap(codec::encode(&certificate.carriers[0]), codec::encode(&certificate.carriers[1]));
    swap(codec::encode(&certificate.wraps[0]), codec::encode(&certificate.wraps[1]));
}

#[test]
fn a_head_keeps_to_its_bounds() {
    let chain = founded();
    let sound = || head(&chain, &identity(1), 2).fields();
    let refused = |fields: HeadFields, sealed: usize| {
        let result = Head::sign(fields, &vec![7; sealed], &identity(1));
        assert!(matches!(result, Err(RecordError::Bounds(_))), "{result:?}");
    };
    assert!(Head::sign(sound(), &[7; 64], &identity(1)).is_ok());
    refused(HeadFields { sequence: 0, ..sound() }, 64);
    refused(HeadFields { sequence: 1, ..sound() }, 64);
    refused(HeadFields { previous: RecordId([0; 32]), ..sound() }, 64);
    refused(HeadFields { suite_floor: 0, ..sound() }, 64);
    refused(HeadFields { suite_floor: 2, ..sound() }, 64);
    refused(HeadFields { vector: vec![(identity(1).peer(), 1)], ..sound() }, 64);
    refused(HeadFields { vector: vec![(PeerId([2; 32]), 0)], ..sound() }, 64);
    refused(HeadFields { vector: vec![(PeerId([2; 32]), 1), (PeerId([2; 32]), 2)], ..sound() }, 64);
    refused(HeadFields { vector: vec![(PeerId([3; 32]), 1), (PeerId([2; 32]), 2)], ..sound() }, 64);
    refused(
        HeadFields {
            vector: (0..=MEMBERS_MAX).map(|i| (PeerId([i as u8, (i >> 8) as u8].repeat(16).try_into().expect("32")), 1)).collect(),
            ..sound()
        },
        64,
    );
    refused(sound(), 39);
    refused(sound(), 4097);
    assert_eq!(Head::sign(sound(), &[7; 64], &identity(2)), Err(RecordError::Signature), "not the device that it names");
}
