//! Sealing under a key that is used more than once: XChaCha20-Poly1305 whose nonce is a keyed hash of everything that is sealed.
//!
//! `nonce = keyed_hash(nonce_key, len(aad) ‖ aad ‖ plaintext)[..24]`, `sealed = nonce ‖ XChaCha20-Poly1305(seal_key, nonce, aad, plaintext)`.
//! Equal messages seal equally and different ones get different nonces, whatever a generator or a clone does. The opener computes the
//! nonce again, so bytes that open under one key open under no other.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A pair of keys for one purpose, both from the same secret.
#[derive(ZeroizeOnDrop)]
pub(super) struct SyntheticKey {
    seal: [u8; 32],
    nonce: [u8; 32],
}

/// Sealed bytes do not open: another key, other associated data or altered bytes, and nobody is told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOpened;

impl SyntheticKey {
    /// Derives both keys: `derive_key(seal_label, secret)`, `derive_key(nonce_label, secret)`.
    pub(super) fn derive(secret: &[u8; 32], seal_label: &str, nonce_label: &str) -> Self {
        Self { seal: blake3::derive_key(seal_label, secret), nonce: blake3::derive_key(nonce_label, secret) }
    }

    /// Seals `plaintext` with `aad`; 40 bytes longer.
    pub(super) fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let nonce = self.nonce_of(aad, plaintext);
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad });
        [&nonce[..], &sealed.expect("invariant: records are far shorter than the cipher's limit")].concat()
    }

    /// Opens what [`SyntheticKey::seal`] sealed.
    pub(super) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(NotOpened)?;
        let plaintext = self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).map_err(|_| NotOpened)?;
        let plaintext = Zeroizing::new(plaintext);
        if bool::from(self.nonce_of(aad, &plaintext).ct_eq(nonce)) { Ok(plaintext) } else { Err(NotOpened) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.seal))
    }

    fn nonce_of(&self, aad: &[u8], plaintext: &[u8]) -> [u8; NONCE] {
        let mut hasher = blake3::Hasher::new_keyed(&self.nonce);
        hasher.update(&(aad.len() as u64).to_le_bytes()).update(aad).update(plaintext);
        *hasher.finalize().as_bytes().first_chunk().expect("invariant: a hash is longer than a nonce")
    }
}

const NONCE: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_the_same_key_and_data_only() {
        let key = SyntheticKey::derive(&[1; 32], "a", "b");
        let sealed = key.seal(b"aad", b"secret");
        assert_eq!(key.open(b"aad", &sealed).as_deref().map(Vec::as_slice), Ok(b"secret".as_slice()));
        assert_eq!(key.open(b"aae", &sealed), Err(NotOpened));
        assert_eq!(SyntheticKey::derive(&[2; 32], "a", "b").open(b"aad", &sealed), Err(NotOpened));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(b"aad", &flipped), Err(NotOpened));
        }
        for end in 0..sealed.len() {
            assert_eq!(key.open(b"aad", &sealed[..end]), Err(NotOpened));
        }
    }

    /// ChaCha20-Poly1305 alone lets a forger make bytes that open under two keys; here the nonce names the key.
    #[test]
    fn k05_bytes_with_a_valid_tag_and_a_foreign_nonce_do_not_open() {
        let key = SyntheticKey::derive(&[1; 32], "a", "b");
        let nonce = [7; NONCE];
        let sealed = key.cipher().encrypt(&XNonce::from(nonce), Payload { msg: b"secret", aad: b"aad" }).expect("short");
        assert_eq!(key.open(b"aad", &[&nonce[..], &sealed].concat()), Err(NotOpened));
    }

    #[test]
    fn different_messages_never_share_a_nonce() {
        let key = SyntheticKey::derive(&[1; 32], "a", "b");
        assert_ne!(key.nonce_of(b"ab", b"c"), key.nonce_of(b"a", b"bc"));
        assert_eq!(key.seal(b"a", b"b"), key.seal(b"a", b"b"));
    }
}
