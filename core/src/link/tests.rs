//! Stories of links, and what they share: two devices and a wire between them that a story may read, keep or change.

mod handshake;
mod hostile;
mod lanes;
mod machine;
mod mutations;
mod streams;
mod tampering;
mod vectors;

use bytes::Bytes;

use super::handshake::{Handshake, Progress, WIRE_VERSIONS};
use super::transport::Transport;
use super::*;
use crate::block::Block;
use crate::id::{BlockId, VaultId};
use crate::identity::Seed;
use crate::message::{Ids, Plain};
use crate::time::Time;

const NOW: Time = Time(1_000);
const VAULT: VaultId = VaultId([7; 32]);

fn device(number: u8) -> Identity {
    Identity::from_seed(&Seed::new([number; 32]))
}

/// A link of device 1, which calls whoever is `expected`.
fn dialler(expected: Option<PeerId>) -> Link {
    Link::new(NOW, Config { identity: &device(1), role: Role::Dialer { expected }, entropy: [11; 32] })
}

/// A link of device 2.
fn listener() -> Link {
    Link::new(NOW, Config { identity: &device(2), role: Role::Listener, entropy: [12; 32] })
}

/// Everything that a link has to say.
fn drain(link: &mut Link) -> Vec<Output> {
    std::iter::from_fn(|| link.poll()).collect()
}

/// Hands an input over and returns what comes of it.
fn step(link: &mut Link, input: Input) -> Vec<Output> {
    link.handle(NOW, input);
    drain(link)
}

/// The socket messages among outputs.
fn transmitted(outputs: Vec<Output>) -> Vec<Bytes> {
    let transmit = |output| if let Output::Transmit(bytes) = output { Some(bytes) } else { None };
    outputs.into_iter().filter_map(transmit).collect()
}

fn receive(link: &mut Link, message: &[u8]) -> Vec<Output> {
    step(link, Input::Received(Bytes::copy_from_slice(message)))
}

/// Two links that have just become ready, both with room for everything.
fn pair() -> (Link, Link) {
    let (mut near, mut far) = pair_without_room();
    for link in [&mut near, &mut far] {
        assert_eq!(step(link, Input::Room(usize::MAX)), []);
    }
    (near, far)
}

/// Two links that have just become ready.
fn pair_without_room() -> (Link, Link) {
    let (mut near, mut far) = (dialler(None), listener());
    let first = transmitted(drain(&mut near));
    let second = transmitted(receive(&mut far, &first[0]));
    let third = transmitted(receive(&mut near, &second[0]));
    receive(&mut far, &third[0]);
    (near, far)
}

/// What `link` puts on the wire for some messages.
fn sealed(link: &mut Link, messages: impl IntoIterator<Item = Message>) -> Vec<Bytes> {
    for message in messages {
        link.handle(NOW, Input::Send(message));
    }
    transmitted(drain(link))
}

/// What arrives of socket messages.
fn delivered(link: &mut Link, wire: &[Bytes]) -> Vec<Output> {
    wire.iter().flat_map(|message| receive(link, message)).collect()
}

fn ping(number: u64) -> Message {
    Plain::Ping(number).into()
}

/// A control message of about `ids` times 34 bytes.
fn list(ids: usize) -> Message {
    Plain::Want(Ids { vault: VAULT, ids: (0..ids).map(|i| BlockId([i as u8; 32])).collect() }).into()
}

/// A block of `1 << log` bytes; different numbers make different ones.
fn block(number: u8, log: u8) -> Message {
    let mut bytes = vec![0; 1 << log];
    blake3::Hasher::new().update(&[number]).finalize_xof().fill(&mut bytes);
    Message::Block(VAULT, Block::new(bytes.into()).expect("a valid size"))
}

/// A peer that proves itself and then says what it likes.
struct Rogue {
    transport: Box<Transport>,
}

impl Rogue {
    /// A rogue of device 3 and the link that it called.
    fn call() -> (Self, Link) {
        let mut link = listener();
        let role = Role::Dialer { expected: None };
        let (rogue, first) = Handshake::new(NOW, &Config { identity: &device(3), role, entropy: [13; 32] }, WIRE_VERSIONS);
        let answer = transmitted(receive(&mut link, &first.expect("a dialler begins")));
        let Ok(Progress::Done(done)) = rogue.receive(&answer[0]) else { panic!("the listener proves itself") };
        let outputs = receive(&mut link, &done.last.expect("a dialler proves itself last"));
        assert_eq!(outputs, [Output::Ready { peer: device(3).peer(), version: 1 }]);
        (Self { transport: done.transport }, link)
    }

    /// One frame with its length, whatever its kind.
    fn frame(&mut self, content: &[u8], kind: u8) -> Vec<u8> {
        let mut sealed = [content, &[kind]].concat();
        let tag = self.transport.seal(&mut sealed);
        sealed.extend_from_slice(&tag);
        [&(sealed.len() as u16).to_be_bytes(), &sealed[..]].concat()
    }
}
