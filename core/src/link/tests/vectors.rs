//! The handshake and the first frames of a link with fixed seeds, byte for byte, as `core/docs/vectors/link.json` has them for other
//! implementations. `UPDATE_VECTORS=1 cargo test -p cachette-core vectors` writes the file anew, which is a change of the protocol.

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/vectors/link.json");

fn side(number: u8, entropy: u8) -> Value {
    json!({
        "seed": HEXLOWER.encode(&[number; 32]),
        "peer": device(number).peer().to_string(),
        "entropy": HEXLOWER.encode(&[entropy; 32]),
    })
}

fn hex(wire: &[Bytes]) -> Vec<String> {
    wire.iter().map(|message| HEXLOWER.encode(message)).collect()
}

/// What a link with these seeds says, from the first byte to a block and back.
fn vectors() -> Value {
    let expected = device(2).peer();
    let (mut near, mut far) = (dialler(Some(expected)), listener());
    let first = transmitted(drain(&mut near));
    let second = transmitted(receive(&mut far, &first[0]));
    let third = transmitted(receive(&mut near, &second[0]));
    receive(&mut far, &third[0]);
    for link in [&mut near, &mut far] {
        step(link, Input::Room(usize::MAX));
    }
    let ping_wire = sealed(&mut near, [ping(1)]);
    let pong_wire = sealed(&mut far, [Plain::Pong(1).into()]);
    let zeros = Block::new(vec![0; 4096].into()).expect("a valid size");
    let block_wire = sealed(&mut near, [Message::Block(VAULT, zeros.clone())]);
    assert_eq!(delivered(&mut far, &[ping_wire.clone(), block_wire.clone()].concat()).len(), 2);
    assert_eq!(delivered(&mut near, &pong_wire).len(), 1);
    json!({
        "suite": "Noise_XX_25519_ChaChaPoly_BLAKE2s",
        "prologue": HEXLOWER.encode(b"cachette link prologue\x01"),
        "now": NOW.0,
        "dialler": side(1, 11),
        "expected": expected.to_string(),
        "listener": side(2, 12),
        "handshake": hex(&[first, second, third].concat()),
        "dialler_says": {
            "ping_1": hex(&ping_wire),
            "block_of_4096_zeros": { "vault": VAULT.to_string(), "id": zeros.id().to_string(), "blake3_of_socket_messages":
                block_wire.iter().map(|message| blake3::hash(message).to_string()).collect::<Vec<_>>() },
        },
        "listener_says": { "pong_1": hex(&pong_wire) },
    })
}

#[test]
fn a_link_says_what_the_vectors_say() {
    let vectors = vectors();
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&vectors).expect("vectors are JSON") + "\n";
        std::fs::write(FILE, text).expect("the vectors can be written");
    }
    let written: Value = serde_json::from_str(&std::fs::read_to_string(FILE).expect("the vectors are there")).expect("JSON");
    assert_eq!(vectors, written);
}

#[test]
fn the_vectors_handshake_is_noise_as_snow_speaks_it() {
    let written: Value = serde_json::from_str(&std::fs::read_to_string(FILE).expect("the vectors are there")).expect("JSON");
    let lengths: Vec<usize> =
        written["handshake"].as_array().expect("a list").iter().map(|message| message.as_str().map_or(0, str::len) / 2).collect();
    // e; e, s with its authenticator, proof; s, proof. The proof is 103 bytes and an authenticator.
    assert_eq!(lengths, [32, 32 + 48 + 103 + 16, 48 + 103 + 16]);
}
