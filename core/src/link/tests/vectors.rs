//! The handshake and the first frames of a link with fixed seeds, byte for byte, for other implementations.

use serde_json::{Value, json};

use super::*;
use crate::vectors::{check, hex};

fn side(number: u8, entropy: u8) -> Value {
    json!({
        "seed": hex(&[number; 32]),
        "peer": device(number).peer().to_string(),
        "entropy": hex(&[entropy; 32]),
    })
}

fn hexes(wire: &[Bytes]) -> Vec<String> {
    wire.iter().map(|message| hex(message)).collect()
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
    let handshake = [first, second, third].concat();
    // e; e, s with its authenticator, proof; s, proof. A proof is 103 bytes and an authenticator.
    let lengths: Vec<usize> = handshake.iter().map(Bytes::len).collect();
    assert_eq!(lengths, [32, 32 + 48 + 103 + 16, 48 + 103 + 16]);
    json!({
        "suite": "Noise_XX_25519_ChaChaPoly_BLAKE2s",
        "prologue": hex(b"cachette link prologue\x01"),
        "now": NOW.0,
        "dialler": side(1, 11),
        "expected": expected.to_string(),
        "listener": side(2, 12),
        "handshake": hexes(&handshake),
        "dialler_says": {
            "ping_1": hexes(&ping_wire),
            "block_of_4096_zeros": { "vault": VAULT.to_string(), "id": zeros.id().to_string(), "blake3_of_socket_messages":
                block_wire.iter().map(|message| blake3::hash(message).to_string()).collect::<Vec<_>>() },
        },
        "listener_says": { "pong_1": hexes(&pong_wire) },
    })
}

#[test]
fn vectors_of_links() {
    check("link", &vectors());
}
