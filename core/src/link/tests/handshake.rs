//! Who gets in, who does not, and what it says at the door.

use super::*;
use crate::codec;
use crate::limits::{HANDSHAKE_MAX, HANDSHAKE_TIMEOUT};

/// Carries messages between two links until both are quiet; returns what each said to its node.
fn meet(near: &mut Link, far: &mut Link) -> [Vec<Output>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    loop {
        let mut quiet = true;
        for from in [0, 1] {
            let (sender, receiver) = if from == 0 { (&mut *near, &mut *far) } else { (&mut *far, &mut *near) };
            for output in drain(sender) {
                quiet = false;
                match output {
                    Output::Transmit(bytes) => receiver.handle(NOW, Input::Received(bytes)),
                    other => told[from].push(other),
                }
            }
        }
        if quiet {
            return told;
        }
    }
}

fn ready(number: u8) -> Output {
    Output::Ready { peer: device(number).peer(), version: 1 }
}

/// The three messages of an honest handshake.
fn transcript() -> [Bytes; 3] {
    let (mut near, mut far) = (dialler(None), listener());
    let first = transmitted(drain(&mut near)).remove(0);
    let second = transmitted(receive(&mut far, &first)).remove(0);
    let third = transmitted(receive(&mut near, &second)).remove(0);
    [first, second, third]
}

#[test]
fn two_peers_learn_who_the_other_is() {
    for expected in [None, Some(device(2).peer())] {
        assert_eq!(meet(&mut dialler(expected), &mut listener()), [vec![ready(2)], vec![ready(1)]]);
    }
}

#[test]
fn the_dialler_closes_when_somebody_else_answers_and_does_not_show_who_it_is() {
    let mut near = dialler(Some(device(9).peer()));
    let mut far = listener();
    let first = transmitted(drain(&mut near));
    let second = transmitted(receive(&mut far, &first[0]));
    assert_eq!(receive(&mut near, &second[0]), [Output::Closed(CloseReason::WrongPeer)]);
}

#[test]
fn a_call_that_is_led_back_to_its_caller_is_closed() {
    let mut near = dialler(None);
    let mut far = Link::new(NOW, Config { identity: &device(1), role: Role::Listener, entropy: [12; 32] });
    let [told, _] = meet(&mut near, &mut far);
    assert_eq!(told, [Output::Closed(CloseReason::WrongPeer)]);
}

#[test]
fn sides_that_share_no_version_both_learn_it() {
    let identity = device(2);
    let config = Config { identity: &identity, role: Role::Listener, entropy: [12; 32] };
    let mut far = Link::with_versions(NOW, &config, &[8, 7]);
    let version = || vec![Output::Closed(CloseReason::Version)];
    assert_eq!(meet(&mut dialler(None), &mut far), [version(), version()]);
}

#[test]
fn the_best_common_version_is_spoken() {
    let (one, two) = (device(1), device(2));
    let role = Role::Dialer { expected: None };
    let mut near = Link::with_versions(NOW, &Config { identity: &one, role, entropy: [11; 32] }, &[3, 2, 1]);
    let mut far = Link::with_versions(NOW, &Config { identity: &two, role: Role::Listener, entropy: [12; 32] }, &[2, 1]);
    let best = |identity: &Identity| vec![Output::Ready { peer: identity.peer(), version: 2 }];
    assert_eq!(meet(&mut near, &mut far), [best(&two), best(&one)]);
}

#[test]
fn p06_a_reflected_handshake_is_refused() {
    // A dialler gets its own message back.
    let mut near = dialler(None);
    let first = transmitted(drain(&mut near));
    assert_eq!(receive(&mut near, &first[0]), [Output::Closed(CloseReason::Handshake)]);
    // A listener gets its own answer back.
    let mut far = listener();
    let second = transmitted(receive(&mut far, &first[0]));
    assert_eq!(receive(&mut far, &second[0]), [Output::Closed(CloseReason::Handshake)]);
}

#[test]
fn p06_a_proof_does_not_hold_for_the_other_role() {
    for side in [0, 1] {
        let (mut link, mut rogue) = Forger::at_the_door();
        let proof = rogue.proof(side, &rogue.hash());
        let told = rogue.finish(&mut link, &proof);
        assert_eq!(told == [ready(3)], side == 0, "role {side}: {told:?}");
        let (mut link, mut rogue) = Forger::called();
        let proof = rogue.proof(side, &rogue.hash());
        let told = rogue.finish(&mut link, &proof);
        assert_eq!(told.last() == Some(&ready(3)), side == 1, "role {side}: {told:?}");
    }
}

#[test]
fn p05_a_proof_from_another_handshake_does_not_hold() {
    let (_, other) = Forger::at_the_door_of(Link::new(NOW, Config { identity: &device(2), role: Role::Listener, entropy: [99; 32] }));
    let (mut link, mut rogue) = Forger::at_the_door();
    let stale = rogue.proof(0, &other.hash());
    assert_eq!(rogue.finish(&mut link, &stale), [Output::Closed(CloseReason::Handshake)]);
}

#[test]
fn p09_a_proof_of_a_key_of_small_order_does_not_hold() {
    let (mut link, mut rogue) = Forger::at_the_door();
    let (mut key, mut signature) = ([0; 32], vec![0; 64]);
    (key[0], signature[0]) = (1, 1);
    let proof = codec::encode(&(PeerId(key), serde_bytes::Bytes::new(&signature), [1u16]));
    assert_eq!(rogue.finish(&mut link, &proof), [Output::Closed(CloseReason::Handshake)]);
}

#[test]
fn p09_ephemeral_keys_of_small_order_are_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    for key in [[0; 32], one] {
        assert_eq!(receive(&mut listener(), &key), [Output::Closed(CloseReason::Handshake)]);
        let mut near = dialler(None);
        drain(&mut near);
        let answer = [&key[..], &transcript()[1][32..]].concat();
        assert_eq!(receive(&mut near, &answer), [Output::Closed(CloseReason::Handshake)]);
    }
}

#[test]
fn p04_a_proof_in_another_spelling_does_not_hold() {
    let (_, forger) = Forger::at_the_door();
    let proof = forger.proof(0, &forger.hash());
    // One byte more; the version 1 in two bytes instead of one; a second list.
    for (name, spelling) in [
        ("trailing", [&proof[..], &[0xc0]].concat()),
        ("long", [&proof[..proof.len() - 1], &[0xcc, 1]].concat()),
        ("map", [&[0x83], &proof[1..]].concat()),
        ("empty", Vec::new()),
    ] {
        let (mut link, mut rogue) = Forger::at_the_door();
        assert_eq!(rogue.finish(&mut link, &spelling), [Output::Closed(CloseReason::Handshake)], "{name}");
    }
}

#[test]
fn p03_garbage_and_long_messages_at_the_door_are_refused() {
    let long = vec![0; HANDSHAKE_MAX + 1];
    let nested = vec![0x91; 1025];
    let huge = [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[0; 40]].concat();
    let chatty = [&transcript()[0][..], b"hello"].concat();
    for garbage in [&[][..], &[0], &[7; 31], &long, &nested, &huge, &chatty, b"GET / HTTP/1.1\r\n\r\n"] {
        assert_eq!(receive(&mut listener(), garbage), [Output::Closed(CloseReason::Handshake)]);
        let mut near = dialler(None);
        drain(&mut near);
        assert_eq!(receive(&mut near, garbage), [Output::Closed(CloseReason::Handshake)]);
    }
}

#[test]
fn p08_every_altered_or_cut_handshake_message_is_refused() {
    let [first, second, third] = transcript();
    let refused = |outputs: Vec<Output>| outputs == [Output::Closed(CloseReason::Handshake)];
    let altered = |message: &Bytes| -> Vec<Vec<u8>> {
        let flips = (0..message.len() * 8).map(|bit| {
            let mut flipped = message.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        flips.chain((0..message.len()).map(|end| message[..end].to_vec())).collect()
    };
    for second in altered(&second).iter().step_by(7) {
        let mut near = dialler(None);
        drain(&mut near);
        assert!(refused(receive(&mut near, second)));
    }
    for third in altered(&third).iter().step_by(7) {
        let mut far = listener();
        receive(&mut far, &first);
        assert!(refused(receive(&mut far, third)));
    }
    // The first one is a bare key: another key is another handshake, which the dialler does not take part in. The top bit of a key is
    // no part of it, but of the handshake's hash.
    for first in [altered(&first)[0].clone(), altered(&first)[255].clone()] {
        let (mut near, mut far) = (dialler(None), listener());
        drain(&mut near);
        let answer = transmitted(receive(&mut far, &first));
        assert!(refused(receive(&mut near, &answer[0])));
    }
}

#[test]
fn x01_half_a_handshake_is_closed_when_its_time_is_over() {
    let at = NOW + HANDSHAKE_TIMEOUT;
    let [first, second, _] = transcript();
    for (mut link, message) in [(dialler(None), None), (listener(), None), (listener(), Some(&first))] {
        drain(&mut link);
        if let Some(message) = message {
            receive(&mut link, message);
        }
        link.handle(Time(at.0 - 1), Input::Tick);
        assert_eq!(drain(&mut link), []);
        assert_eq!(link.deadline().map(|deadline| deadline.at), Some(at));
        link.handle(at, Input::Tick);
        assert_eq!(drain(&mut link), [Output::Closed(CloseReason::HandshakeTimeout)]);
        assert_eq!(link.deadline(), None);
    }
    // A message that comes too late does not count, tick or no tick.
    let mut near = dialler(None);
    drain(&mut near);
    near.handle(at, Input::Received(second));
    assert_eq!(drain(&mut near), [Output::Closed(CloseReason::HandshakeTimeout)]);
}

#[test]
fn keys_repeat_only_if_everything_repeats() {
    let first =
        |number, now, role, entropy| transmitted(drain(&mut Link::new(now, Config { identity: &device(number), role, entropy }))).remove(0);
    let role = |number| Role::Dialer { expected: Some(device(number).peer()) };
    let base = first(1, NOW, role(2), [0; 32]);
    assert_eq!(base, first(1, NOW, role(2), [0; 32]));
    for other in [
        first(2, NOW, role(2), [0; 32]),
        first(1, Time(NOW.0 + 1), role(2), [0; 32]),
        first(1, NOW, role(3), [0; 32]),
        first(1, NOW, role(2), [1; 32]),
    ] {
        assert_ne!(base, other);
    }
}

/// A peer with a Noise of its own that writes its own proof.
struct Forger {
    noise: snow::HandshakeState,
    static_public: [u8; 32],
}

impl Forger {
    /// Calls a listener and goes on until only the forger's proof is missing.
    fn at_the_door() -> (Link, Self) {
        Self::at_the_door_of(listener())
    }

    fn at_the_door_of(mut link: Link) -> (Link, Self) {
        let mut forger = Self::new(true);
        let mut buffer = [0; HANDSHAKE_MAX];
        let len = forger.noise.write_message(&[], &mut buffer).expect("the first message");
        let answer = transmitted(receive(&mut link, &buffer[..len]));
        forger.noise.read_message(&answer[0], &mut buffer).expect("the second message");
        (link, forger)
    }

    /// Is called by a dialler, which now waits for the forger's proof.
    fn called() -> (Link, Self) {
        let (mut link, mut forger) = (dialler(None), Self::new(false));
        let first = transmitted(drain(&mut link));
        forger.noise.read_message(&first[0], &mut []).expect("the first message");
        (link, forger)
    }

    fn new(calls: bool) -> Self {
        let secret = x25519_dalek::StaticSecret::from([21; 32]);
        let primitives = resolver::Primitives { ephemeral: zeroize::Zeroizing::new([22; 32]) };
        let suite = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().expect("the suite");
        let noise = snow::Builder::with_resolver(suite, Box::new(primitives))
            .local_private_key(secret.as_bytes())
            .and_then(|builder| builder.prologue(b"cachette link prologue\x01"))
            .and_then(|builder| if calls { builder.build_initiator() } else { builder.build_responder() })
            .expect("a valid handshake");
        Self { noise, static_public: x25519_dalek::PublicKey::from(&secret).to_bytes() }
    }

    fn hash(&self) -> Vec<u8> {
        self.noise.get_handshake_hash().to_vec()
    }

    /// The proof of device 3 for a role and a handshake.
    fn proof(&self, role: u8, hash: &[u8]) -> Vec<u8> {
        let signature = device(3).sign(b"cachette link", &[&[role], &self.static_public[..], hash].concat());
        codec::encode(&(device(3).peer(), serde_bytes::Bytes::new(&signature), [1u16]))
    }

    fn finish(&mut self, link: &mut Link, proof: &[u8]) -> Vec<Output> {
        let mut buffer = [0; HANDSHAKE_MAX];
        let len = self.noise.write_message(proof, &mut buffer).expect("a message with the proof");
        receive(link, &buffer[..len])
    }
}
