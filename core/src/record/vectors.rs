//! Records as other implementations must read and refuse them.

use serde_json::{Value, json};

use super::testing::{founded, head, identity, next_draft, share, withdrawal};
use super::{Certificate, Head, Locate, Record};
use crate::vectors::{check, hex};

#[test]
fn vectors_of_records() {
    let chain = founded();
    let mut draft = next_draft(chain.tip());
    draft.carriers = vec![super::Carrier {
        peer: identity(7).peer(),
        name: "attic".to_owned(),
        addresses: vec!["wss://attic.example:4001".to_owned()],
        weight: 100,
        zone: "home".to_owned(),
        draining: false,
    }];
    let second = Certificate::sign(draft, &identity(2)).expect("within bounds");
    let mut fields = head(&chain, &identity(1), 3).fields();
    fields.vector = vec![(identity(7).peer(), 1000)];
    let written = Head::sign(fields, &[7; 64], &identity(1)).expect("within bounds");
    let locate = Locate::sign(chain.vault(), &identity(2)).expect("within bounds");

    let shared = share(&chain, &identity(1), 1);
    let valid = [
        ("certificate_0", Record::Certificate(chain.tip().clone())),
        ("certificate_1_with_a_carrier", Record::Certificate(second)),
        ("head_with_a_vector", Record::Head(written.clone())),
        ("locate", Record::Locate(locate.clone())),
        ("share", Record::Share(shared.clone())),
        ("share_withdrawn", Record::Share(withdrawal(&chain, &identity(1)))),
    ];
    let invalid = [
        ("locate_signature_bit_flipped", altered(locate.bytes(), |bytes| bytes[120] ^= 1)),
        ("locate_version_2", altered(locate.bytes(), |bytes| bytes[2] = 2)),
        ("locate_suite_0", altered(locate.bytes(), |bytes| bytes[3] = 0)),
        ("locate_cut_by_one_byte", altered(locate.bytes(), |bytes| bytes.truncate(137))),
        ("locate_one_byte_too_long", altered(locate.bytes(), |bytes| bytes.push(0xc0))),
        ("locate_kind_as_two_bytes", altered(locate.bytes(), |bytes| bytes.insert(1, 0xcc))),
        ("share_signature_bit_flipped", altered(shared.bytes(), |bytes| *bytes.last_mut().expect("bytes") ^= 1)),
        ("share_contents_bit_flipped", altered(shared.bytes(), |bytes| bytes[300] ^= 1)),
        ("share_cut_by_one_byte", altered(shared.bytes(), |bytes| bytes.truncate(bytes.len() - 1))),
        ("head_of_unknown_kind", altered(written.bytes(), |bytes| bytes[1] = 99)),
        ("head_array_header_as_three_bytes", altered(written.bytes(), |bytes| drop(bytes.splice(..1, [0xdc, 0, 13])))),
        ("head_length_beyond_the_end", altered(written.bytes(), |bytes| drop(bytes.splice(..1, [0xdd, 0xff, 0xff, 0xff, 0xff])))),
    ];
    let valid: Vec<Value> = valid
        .iter()
        .map(|(name, record)| {
            assert_eq!(Record::decode(record.bytes().clone()).as_ref(), Ok(record), "{name}");
            json!({ "name": name, "bytes": hex(record.bytes()), "id": record.id().to_string(), "vault": record.vault().to_string() })
        })
        .collect();
    let invalid: Vec<Value> = invalid
        .into_iter()
        .map(|(name, bytes)| {
            let shown = hex(&bytes);
            let error = Record::decode(bytes.into()).expect_err(name);
            json!({ "name": name, "bytes": shown, "error": error.to_string() })
        })
        .collect();
    check("records", &json!({ "valid": valid, "invalid": invalid }));
}

fn altered(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    change(&mut bytes);
    bytes
}
