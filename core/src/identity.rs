//! A device's own keys, all derived from one 32-byte seed that never leaves it.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::id::PeerId;
use crate::labels;

/// The 32 bytes from which a device's keys come; for a recovery phrase, the entropy of its 24 words.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

/// A device's keys: an Ed25519 key, which is its peer id, and an X25519 key, to which secrets are sealed.
pub struct Identity {
    signing: SigningKey,
    agree: x25519_dalek::StaticSecret,
}

impl Seed {
    /// Takes fresh entropy or a stored seed.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Shows the bytes, for storing and for writing down.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives a further secret from the seed: `derive_key(label, seed)`.
    #[must_use]
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(label, &self.0))
    }
}

impl Identity {
    /// Derives the keys of a device: `derive_key(DEVICE_SIGN, seed)` and `derive_key(DEVICE_AGREE, seed)`.
    #[must_use]
    pub fn from_seed(seed: &Seed) -> Self {
        Self {
            signing: SigningKey::from_bytes(&seed.derive(labels::DEVICE_SIGN)),
            agree: x25519_dalek::StaticSecret::from(*seed.derive(labels::DEVICE_AGREE)),
        }
    }

    /// Returns the peer id: the Ed25519 public key.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        PeerId(self.signing.verifying_key().to_bytes())
    }

    /// Returns the X25519 public key.
    #[must_use]
    pub fn agree_public(&self) -> [u8; 32] {
        x25519_dalek::PublicKey::from(&self.agree).to_bytes()
    }

    /// Returns the X25519 secret, for opening what was sealed to this device.
    #[must_use]
    pub fn agree_secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.agree.to_bytes())
    }

    /// Signs `label ‖ message` with Ed25519.
    #[must_use]
    pub fn sign(&self, label: &[u8], message: &[u8]) -> [u8; 64] {
        sign(&self.signing, label, message)
    }

    /// Returns what signs for this device while a handshake lasts, which outlives the borrow of its configuration.
    pub(crate) fn signer(&self) -> Signer {
        Signer(self.signing.clone())
    }
}

/// A device's signing key alone; zeroized when dropped.
pub(crate) struct Signer(SigningKey);

impl Signer {
    /// Returns the peer id: the Ed25519 public key.
    pub(crate) fn peer(&self) -> PeerId {
        PeerId(self.0.verifying_key().to_bytes())
    }

    /// Signs as [`Identity::sign`] does.
    pub(crate) fn sign(&self, label: &[u8], message: &[u8]) -> [u8; 64] {
        sign(&self.0, label, message)
    }
}

fn sign(key: &SigningKey, label: &[u8], message: &[u8]) -> [u8; 64] {
    key.sign(&[label, message].concat()).to_bytes()
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.peer())
    }
}

/// Says whether `peer` signed `label ‖ message`; strict, so that all peers agree (no small-order keys, no second form of a signature).
#[must_use]
pub fn verify(peer: &PeerId, label: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(&peer.0)
        .is_ok_and(|key| key.verify_strict(&[label, message].concat(), &Signature::from_bytes(signature)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_label_and_message_only() {
        let identity = Identity::from_seed(&Seed::new([1; 32]));
        let signature = identity.sign(b"label", b"message");
        assert!(verify(&identity.peer(), b"label", b"message", &signature));
        assert!(!verify(&identity.peer(), b"lab", b"elmessag", &signature));
        assert!(!verify(&Identity::from_seed(&Seed::new([2; 32])).peer(), b"label", b"message", &signature));
    }

    #[test]
    fn p09_small_order_keys_and_malleable_signatures_are_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        let mut forged = [0; 64];
        forged[0] = 1;
        assert!(!verify(&PeerId(identity_point), b"any", b"message", &forged));

        let identity = Identity::from_seed(&Seed::new([1; 32]));
        let mut signature = identity.sign(b"label", b"message");
        // s + L, little-endian: the same signature in a non-canonical form.
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0x10,
        ];
        let mut carry = 0u16;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!verify(&identity.peer(), b"label", b"message", &signature));
    }
}
