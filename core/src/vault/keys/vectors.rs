//! Keys and what they seal, as other implementations must derive and open them.

use serde_json::{Value, json};

use super::*;
use crate::identity::{Identity, Seed};
use crate::invitation::Invitation;
use crate::record::{Chain, Policy};
use crate::vectors::{check, hex};

#[test]
fn vectors_of_keys() {
    let (device, paper) = (Seed::new([1; 32]), Seed::new([0x7f; 32]));
    let (one, two) = (Identity::from_seed(&device), Identity::from_seed(&paper));
    let Founding { mut chain, keyring, .. } = found(&one, &two, Policy::default(), &[7; 32]).expect("sound");
    let first = write_head(&chain, &keyring, &one, None, vec![], b"content of the first head").expect("may write");
    let rotated = Amendment::of(&chain).rotate().sign(&two, &[8; 32]).expect("sound");
    chain.extend(rotated).expect("stands");
    let keyring = Keyring::open(&chain, &two).expect("a reader");
    let second = write_head(&chain, &keyring, &one, Some((1, first.id())), vec![], b"content of the second head").expect("may write");

    let epochs: Vec<Value> = (0..=keyring.current_epoch())
        .filter_map(|number| keyring.epoch(number))
        .map(|secret| json!({ "secret": hex(secret.expose()), "seal_key": hex(&*secret.seal_key()) }))
        .collect();
    let head = |head: &crate::record::Head| {
        let content = open_head(&chain, &keyring, head).expect("sound");
        json!({ "bytes": hex(head.bytes()), "content": hex(&content) })
    };
    let locked = Locked::lock_at(Cost::FLOOR, &device, "correct horse", &[9; 32]).expect("memory enough");
    assert_eq!(locked.open("correct horse").expect("right").expose(), device.expose());
    let invitation = Invitation {
        peer: one.peer(),
        addresses: vec!["wss://attic.example:4001".to_owned()],
        token: [5; 16],
        limit: 1 << 40,
        name: "attic".into(),
        zone: "home".into(),
    };

    check(
        "keys",
        &json!({
            "devices": [identity(&device, &one), identity(&paper, &two)],
            "phrase": { "seed": hex(paper.expose()), "words": phrase(&paper).as_str() },
            "vault": {
                "id": chain.vault().to_string(),
                "certificates": certificates(&chain),
                "epochs": epochs,
                "chunk_key": hex(&*keyring.chunk_key()),
                "heads": [head(&first), head(&second)],
            },
            "password": { "file": hex(&locked.encode()), "password": "correct horse", "seed": hex(device.expose()) },
            "invitation": {
                "text": invitation.to_string(),
                "peer": invitation.peer.to_string(),
                "addresses": invitation.addresses,
                "token": hex(&invitation.token),
                "limit": invitation.limit,
                "name": invitation.name,
                "zone": invitation.zone,
            },
        }),
    );
}

fn identity(seed: &Seed, identity: &Identity) -> Value {
    json!({ "seed": hex(seed.expose()), "peer": identity.peer().to_string(), "agree": hex(&identity.agree_public()) })
}

fn certificates(chain: &Chain) -> Vec<String> {
    chain.certificates().iter().map(|certificate| hex(certificate.bytes())).collect()
}
