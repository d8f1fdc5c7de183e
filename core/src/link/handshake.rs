//! The handshake: Noise XX, in which each side proves its peer id and says which wire versions it speaks.
//!
//! ```text
//!   dialler                                  listener
//!      | -- 1: e ------------------------------> |
//!      | <- 2: e, ee, s, es, proof ------------- |   the listener proves itself first, so that the dialler
//!      | -- 3: s, se, proof -------------------> |   shows its id to nobody but the peer that it meant
//! ```
//!
//! The Noise static key is fresh for every link: it ends with the link, shows nobody that two links are from one device, and leaves the
//! device's X25519 key to the one job of opening what was sealed to it. It and the ephemeral key come from the device's secret
//! *and* entropy *and* the circumstances of the link, so that neither weak entropy nor a stolen file of it gives them away.
//!
//! A proof is signed over role, static key and the handshake's hash so far: it holds in this one handshake and in this direction only.
//! Whoever steals a static key has nothing to show with it elsewhere.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use snow::params::{BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifierList, HandshakePattern, HashChoice, NoiseParams};
use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use super::resolver::Primitives;
use super::transport::Transport;
use super::{CloseReason, Config, Role};
use crate::id::PeerId;
use crate::identity::{self, Signer};
use crate::limits::HANDSHAKE_MAX;
use crate::time::Time;
use crate::{codec, labels};

/// The wire versions that this release speaks: its own and the one before, the best one first.
pub const WIRE_VERSIONS: &[u16] = &[1];

/// A link that has not proven anything yet.
pub(super) struct Handshake {
    noise: HandshakeState,
    signer: Signer,
    /// The side that this is.
    side: Side,
    static_public: [u8; 32],
    expected: Option<PeerId>,
    versions: &'static [u16],
}

/// What a message of the peer leads to.
pub(super) enum Progress {
    /// An answer; more is to come.
    Answer(Box<Handshake>, Bytes),
    /// The peer is known.
    Done(Done),
}

/// A finished handshake.
pub(super) struct Done {
    /// The last message, for the dialler to send.
    pub(super) last: Option<Bytes>,
    /// The keys of both directions.
    pub(super) transport: Box<Transport>,
    /// Who the peer proved to be.
    pub(super) peer: PeerId,
    /// The best version that both speak.
    pub(super) version: Option<u16>,
}

/// Who signs: bound into the signature, so that nothing can be reflected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Dialler = 0,
    Listener = 1,
}

/// What each side says under the handshake's encryption.
#[derive(Serialize, Deserialize)]
struct Proof {
    peer: PeerId,
    #[serde(with = "serde_bytes")]
    signature: [u8; 64],
    versions: Vec<u16>,
}

impl Handshake {
    /// Begins a handshake; the dialler's first message comes with it.
    pub(super) fn new(now: Time, config: &Config<'_>, versions: &'static [u16]) -> (Box<Self>, Option<Bytes>) {
        let (side, expected) = match config.role {
            Role::Dialer { expected } => (Side::Dialler, expected),
            Role::Listener => (Side::Listener, None),
        };
        let circumstances = Circumstances::new(now, config, side, expected);
        let secret = circumstances.derive(labels::LINK_STATIC);
        let prologue = [labels::LINK_PROLOGUE, &[HANDSHAKE_VERSION]].concat();
        let builder = Builder::with_resolver(suite(), Box::new(Primitives { ephemeral: circumstances.derive(labels::LINK_EPHEMERAL) }))
            .local_private_key(&*secret)
            .and_then(|builder| builder.prologue(&prologue));
        let noise = match side {
            Side::Dialler => builder.and_then(Builder::build_initiator),
            Side::Listener => builder.and_then(Builder::build_responder),
        };
        // Without `expect`, which would bring the names of all of Noise's errors into every browser.
        let Ok(noise) = noise else { unreachable!("each parameter is set once and the suite resolves") };
        let mut handshake = Box::new(Self {
            noise,
            signer: config.identity.signer(),
            side,
            static_public: x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).to_bytes(),
            expected,
            versions,
        });
        let first = (side == Side::Dialler)
            .then(|| handshake.write(&[]).unwrap_or_else(|_| unreachable!("no key of a peer is in the first message")));
        (handshake, first)
    }

    /// Takes the peer's next message.
    pub(super) fn receive(mut self: Box<Self>, message: &[u8]) -> Result<Progress, CloseReason> {
        if message.len() > HANDSHAKE_MAX {
            return Err(CloseReason::Handshake);
        }
        let hash = self.hash();
        let mut payload = vec![0; message.len()];
        let len = self.noise.read_message(message, &mut payload).map_err(|_| CloseReason::Handshake)?;
        let payload = payload.get(..len).ok_or(CloseReason::Handshake)?;
        // Only the dialler's first message comes before anything of the peer's static key.
        if self.noise.get_remote_static().is_none() {
            if !payload.is_empty() {
                return Err(CloseReason::Handshake);
            }
            let answer = self.prove()?;
            return Ok(Progress::Answer(self, answer));
        }
        let proof = self.verify(payload, &hash)?;
        let last = if self.side == Side::Dialler { Some(self.prove()?) } else { None };
        let version = self.versions.iter().copied().filter(|version| proof.versions.contains(version)).max();
        Ok(Progress::Done(Done { last, transport: Box::new(self.split()?), peer: proof.peer, version }))
    }

    /// Writes this side's proof, bound to everything that went over the wire before it.
    fn prove(&mut self) -> Result<Bytes, CloseReason> {
        let signature = self.signer.sign(labels::SIGN_LINK, &signed(self.side, &self.static_public, &self.hash()));
        let proof = Proof { peer: self.signer.peer(), signature, versions: self.versions.to_vec() };
        self.write(&codec::encode(&proof))
    }

    /// Writes the next message; fails when the peer's key is of small order, which shows only now.
    fn write(&mut self, payload: &[u8]) -> Result<Bytes, CloseReason> {
        let mut message = vec![0; HANDSHAKE_MAX];
        let len = self.noise.write_message(payload, &mut message).map_err(|_| CloseReason::Handshake)?;
        Ok(Bytes::copy_from_slice(&message[..len]))
    }

    /// Checks the peer's proof against its static key and the hash before its message.
    fn verify(&self, payload: &[u8], hash: &[u8; 32]) -> Result<Proof, CloseReason> {
        let proof: Proof = codec::decode(payload).map_err(|_| CloseReason::Handshake)?;
        let theirs = self.noise.get_remote_static().and_then(<[u8]>::first_chunk::<32>).ok_or(CloseReason::Handshake)?;
        let other = if self.side == Side::Dialler { Side::Listener } else { Side::Dialler };
        if !identity::verify(&proof.peer, labels::SIGN_LINK, &signed(other, theirs, hash), &proof.signature) {
            return Err(CloseReason::Handshake);
        }
        // Nobody means to talk to itself; a relay may have led the call back.
        if proof.peer == self.signer.peer() || self.expected.is_some_and(|expected| expected != proof.peer) {
            return Err(CloseReason::WrongPeer);
        }
        Ok(proof)
    }

    /// Returns the keys of a handshake of which every message was written or read: the first is the dialler's to send with.
    fn split(&mut self) -> Result<Transport, CloseReason> {
        if !self.noise.is_handshake_finished() {
            return Err(CloseReason::Handshake);
        }
        let (dialler, listener) = self.noise.dangerously_get_raw_split();
        let (dialler, listener) = (Zeroizing::new(dialler), Zeroizing::new(listener));
        Ok(match self.side {
            Side::Dialler => Transport::new(&dialler, &listener),
            Side::Listener => Transport::new(&listener, &dialler),
        })
    }

    fn hash(&self) -> [u8; 32] {
        *self.noise.get_handshake_hash().first_chunk().expect("invariant: a BLAKE2s hash has 32 bytes")
    }
}

/// What the keys of a link are derived from: `agree secret ‖ entropy ‖ role ‖ now ‖ expected peer or zeros`.
struct Circumstances(Zeroizing<[u8; 32 + 32 + 1 + 8 + 32]>);

impl Circumstances {
    fn new(now: Time, config: &Config<'_>, side: Side, expected: Option<PeerId>) -> Self {
        let mut bytes = Zeroizing::new([0; 105]);
        bytes[..32].copy_from_slice(&*config.identity.agree_secret());
        bytes[32..64].copy_from_slice(&config.entropy);
        bytes[64] = side as u8;
        bytes[65..73].copy_from_slice(&now.0.to_be_bytes());
        bytes[73..].copy_from_slice(&expected.map_or([0; 32], |peer| peer.0));
        Self(bytes)
    }

    fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(label, &*self.0))
    }
}

/// What a proof signs: `role ‖ own Noise static key ‖ hash of the handshake before this message`.
fn signed(side: Side, static_public: &[u8; 32], hash: &[u8; 32]) -> [u8; 65] {
    let mut message = [0; 65];
    message[0] = side as u8;
    message[1..33].copy_from_slice(static_public);
    message[33..].copy_from_slice(hash);
    message
}

/// Returns the suite: its name, which both sides hash, and what it names. To have snow read the name is 3 KiB of a browser's download.
fn suite() -> NoiseParams {
    let handshake = HandshakeChoice { pattern: HandshakePattern::XX, modifiers: HandshakeModifierList { list: Vec::new() } };
    NoiseParams::new(SUITE.to_owned(), BaseChoice::Noise, handshake, DHChoice::Curve25519, CipherChoice::ChaChaPoly, HashChoice::Blake2s)
}

const SUITE: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";

/// The version of the handshake itself, which cannot be negotiated.
const HANDSHAKE_VERSION: u8 = 1;
