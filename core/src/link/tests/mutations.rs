//! Captured conversations, changed by chance many times over: no panic, no message that was not sent, no memory without a bound.

use super::*;

const ROUNDS: u64 = 4_000;

/// A small generator of its own: the same rounds on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// Changes bytes in one of the ways that parsers stumble over.
fn mutate(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        match chance.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0xdd, 0xc6, 0x92][chance.below(8)],
            2 => bytes.truncate(at),
            3 => bytes.extend((0..chance.below(64)).map(|i| i as u8)),
            4 => bytes.insert(at, chance.below(256) as u8),
            5 if !bytes.is_empty() => drop(bytes.remove(at)),
            6 => bytes.extend_from_within(at..),
            _ => {
                let end = (at + 4).min(bytes.len());
                bytes[at..end].fill(0xff);
            }
        }
    }
}

#[test]
fn p01_changed_socket_messages_are_survived() {
    let sent = [ping(1), list(8), block(1, 12), block(2, 12)];
    let wire: Vec<Bytes> = {
        let (mut near, _) = pair();
        sent.iter().flat_map(|message| sealed(&mut near, [message.clone()])).collect()
    };
    let mut chance = Chance(8);
    for round in 0..ROUNDS / 10 {
        let (_, mut far) = pair();
        let victim = chance.below(wire.len());
        let mut changed = wire[victim].to_vec();
        mutate(&mut chance, &mut changed);
        let unchanged = changed == wire[victim];
        let mut told = delivered(&mut far, &wire[..victim]);
        told.extend(receive(&mut far, &changed));
        let mut expected: Vec<_> = sent[..victim + usize::from(unchanged)].iter().cloned().map(Output::Message).collect();
        if changed.starts_with(&wire[victim]) && !unchanged {
            expected.push(Output::Message(sent[victim].clone()));
        }
        if !unchanged {
            expected.push(Output::Closed(CloseReason::Tampered));
        }
        assert_eq!(told, expected, "round {round}");
    }
}

#[test]
fn p01_changed_plaintexts_are_survived() {
    let headers: Vec<Vec<u8>> = [ping(1), list(8), block(1, 12)].into_iter().map(|message| message.into_parts().0.encode()).collect();
    let mut chance = Chance(9);
    let (mut rogue, mut link) = Rogue::call();
    let mut closed = 0;
    for _ in 0..ROUNDS {
        let mut content = headers[chance.below(headers.len())].clone();
        mutate(&mut chance, &mut content);
        content.truncate(60_000);
        let outputs = receive(&mut link, &rogue.frame(&content, chance.below(7) as u8));
        // Nothing is sent back, and one frame completes one message at most.
        assert!(matches!(outputs[..], [] | [Output::Message(_)] | [Output::Closed(_)]), "{outputs:?}");
        if matches!(outputs[..], [Output::Closed(_)]) {
            closed += 1;
            // A handshake is slow beside a frame: most rounds go on with a link that is open.
            (rogue, link) = Rogue::call();
        }
    }
    assert!(closed > ROUNDS / 4, "most of this is malformed, {closed} links closed");
}

#[test]
fn p01_random_bytes_are_survived_at_any_time() {
    let mut chance = Chance(10);
    for _ in 0..ROUNDS / 10 {
        let bytes: Vec<u8> = (0..chance.below(300)).map(|_| chance.below(256) as u8).collect();
        let mut near = dialler(None);
        drain(&mut near);
        assert_eq!(receive(&mut near, &bytes), [Output::Closed(CloseReason::Handshake)]);
        // To a listener, 32 bytes are a key like any other.
        let told = receive(&mut listener(), &bytes);
        assert!(bytes.len() == 32 || told == [Output::Closed(CloseReason::Handshake)]);
        assert_eq!(receive(&mut pair().0, &bytes), [Output::Closed(CloseReason::Tampered)]);
    }
}
