//! The handshake: `Noise_XX_25519_ChaChaPoly_BLAKE2s`, with each side's peer id and wire versions inside.
//!
//! ```text
//!   dialler                                    listener
//!      | -- e ----------------------------------> |
//!      | <- e, ee, s, es, [peer, signature, versions] |   the dialler now knows who answers, and closes if it is another
//!      | -- s, se, [peer, signature, versions] --> |
//! ```
//!
//! The Noise static key is made anew for every link; what binds it to a peer is the signature `Ed25519(peer, "cachette link" ‖ role ‖
//! static key)`. The role byte keeps a signature made by a listener from serving a dialler. The prologue binds protocol and label.

use serde::{Deserialize, Serialize};
use snow::{Builder, HandshakeState, TransportState};
use zeroize::Zeroizing;

use super::resolver::Resolver;
use super::{CloseReason, Config, Role};
use crate::codec;
use crate::id::PeerId;
use crate::identity;
use crate::labels;
use crate::limits::HANDSHAKE_MAX;

/// The wire versions that this release speaks, the newest first.
const VERSIONS: &[u16] = &[1];
const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";

/// A handshake under way.
pub(super) struct Handshake {
    noise: HandshakeState,
    role: Role,
    hello: Vec<u8>,
    proven: Option<(PeerId, u16)>,
}

/// What came of a handshake message.
pub(super) enum Progress {
    /// Send this and wait.
    Reply(Vec<u8>),
    /// The peer is proven; send this last message, if there is one.
    Ready { transport: Box<TransportState>, peer: PeerId, version: u16, last: Option<Vec<u8>> },
}

/// `[peer, signature, versions]`.
#[derive(Serialize, Deserialize)]
struct Hello(PeerId, #[serde(with = "serde_bytes")] [u8; 64], Vec<u16>);

impl Handshake {
    /// Starts a handshake; the dialler has something to say at once.
    pub(super) fn new(config: &Config<'_>) -> (Self, Option<Vec<u8>>) {
        let mut entropy = blake3::Hasher::new_keyed(&config.entropy).update(config.identity.peer().as_bytes()).finalize_xof();
        let mut secret = Zeroizing::new([0; 32]);
        entropy.fill(secret.as_mut());
        let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).to_bytes();
        let signature = config.identity.sign(labels::SIGN_LINK, &signed(is_dialler(config.role), &public));
        let hello = codec::encode(&Hello(config.identity.peer(), signature, VERSIONS.to_vec()));
        let params = PATTERN.parse().expect("invariant: the pattern is a constant");
        let builder = Builder::with_resolver(params, Box::new(Resolver::new(entropy)));
        let builder = builder.prologue(labels::LINK_PROLOGUE).and_then(|builder| builder.local_private_key(secret.as_ref()));
        let noise = builder.and_then(|builder| match config.role {
            Role::Dialer { .. } => builder.build_initiator(),
            Role::Listener => builder.build_responder(),
        });
        let noise = noise.expect("invariant: pattern, keys and primitives are all given");
        let mut handshake = Self { noise, role: config.role, hello, proven: None };
        let first =
            is_dialler(config.role).then(|| handshake.write(&[]).expect("invariant: a dialler speaks first, without a foreign key"));
        (handshake, first)
    }

    /// Takes the other side's next message.
    pub(super) fn receive(mut self, message: &[u8]) -> Result<(Option<Self>, Progress), CloseReason> {
        if message.len() > HANDSHAKE_MAX {
            return Err(CloseReason::Handshake);
        }
        let mut payload = vec![0; HANDSHAKE_MAX];
        let len = self.noise.read_message(message, &mut payload).map_err(|_| CloseReason::Handshake)?;
        payload.truncate(len);
        let dialler = is_dialler(self.role);
        if !dialler && self.noise.get_remote_static().is_none() {
            if !payload.is_empty() {
                return Err(CloseReason::Handshake);
            }
            let hello = std::mem::take(&mut self.hello);
            let reply = self.write(&hello)?;
            return Ok((Some(self), Progress::Reply(reply)));
        }
        let (peer, version) = self.prove(&payload)?;
        self.proven = Some((peer, version));
        let hello = std::mem::take(&mut self.hello);
        let last = if dialler { Some(self.write(&hello)?) } else { None };
        let transport = self.noise.into_transport_mode().map_err(|_| CloseReason::Handshake)?;
        Ok((None, Progress::Ready { transport: Box::new(transport), peer, version, last }))
    }

    /// Checks who the other side says that it is.
    fn prove(&self, payload: &[u8]) -> Result<(PeerId, u16), CloseReason> {
        let Hello(peer, signature, versions) = codec::decode(payload).map_err(|_| CloseReason::Handshake)?;
        let key = self.noise.get_remote_static().ok_or(CloseReason::Handshake)?;
        if !identity::verify(&peer, labels::SIGN_LINK, &signed(!is_dialler(self.role), key), &signature) {
            return Err(CloseReason::Handshake);
        }
        if let Role::Dialer { expected: Some(expected) } = self.role
            && expected != peer
        {
            return Err(CloseReason::WrongPeer);
        }
        let version = VERSIONS.iter().find(|version| versions.contains(version)).ok_or(CloseReason::Version)?;
        Ok((peer, *version))
    }

    /// Writes our next message; fails on a foreign key that agrees on nothing.
    fn write(&mut self, payload: &[u8]) -> Result<Vec<u8>, CloseReason> {
        let mut message = vec![0; HANDSHAKE_MAX];
        let len = self.noise.write_message(payload, &mut message).map_err(|_| CloseReason::Handshake)?;
        message.truncate(len);
        Ok(message)
    }
}

const fn is_dialler(role: Role) -> bool {
    matches!(role, Role::Dialer { .. })
}

/// Returns what a side signs: its role and its Noise static key.
fn signed(dialler: bool, key: &[u8]) -> Vec<u8> {
    let mut message = vec![u8::from(dialler)];
    message.extend_from_slice(key);
    message
}
