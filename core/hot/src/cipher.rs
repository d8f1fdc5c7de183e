//! ChaCha20-Poly1305 for blocks and for the frames of a link.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, KeyInit};

#[cfg(not(target_feature = "simd128"))]
use chacha20poly1305::ChaCha20Poly1305;
/// The construction of `chacha20poly1305` around a stream that uses wasm's vectors.
#[cfg(target_feature = "simd128")]
type ChaCha20Poly1305 = chacha20poly1305::ChaChaPoly1305<crate::chacha::ChaCha20>;

/// The cipher under one key, which is wiped when this is dropped.
pub struct ChaChaPoly(ChaCha20Poly1305);

/// Bytes of an authenticator.
pub const TAG: usize = 16;

impl ChaChaPoly {
    /// Takes a key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(ChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts in place, and returns the authenticator.
    #[inline(never)]
    #[must_use]
    pub fn seal_in_place(&self, nonce: &[u8; 12], associated: &[u8], bytes: &mut [u8]) -> [u8; TAG] {
        self.seal(nonce, associated, bytes.into())
    }

    /// Encrypts into a buffer of the same length, and returns the authenticator.
    ///
    /// # Panics
    /// When the lengths differ.
    #[inline(never)]
    #[must_use]
    pub fn seal_into(&self, nonce: &[u8; 12], associated: &[u8], plain: &[u8], sealed: &mut [u8]) -> [u8; TAG] {
        self.seal(nonce, associated, InOutBuf::new(plain, sealed).expect("invariant: both are as long as the plaintext"))
    }

    /// Authenticates, then decrypts into a buffer of the same length; says whether it did, and has written nothing when it did not.
    #[inline(never)]
    #[must_use]
    pub fn open_into(&self, nonce: &[u8; 12], associated: &[u8], sealed: &[u8], tag: &[u8; TAG], plain: &mut [u8]) -> bool {
        let Ok(buffer) = InOutBuf::new(sealed, plain) else { return false };
        self.0.decrypt_inout_detached(nonce.into(), associated, buffer, tag.into()).is_ok()
    }

    fn seal(&self, nonce: &[u8; 12], associated: &[u8], bytes: InOutBuf<'_, '_, u8>) -> [u8; TAG] {
        let tag = self.0.encrypt_inout_detached(nonce.into(), associated, bytes);
        tag.expect("invariant: packs and frames are far below the cipher's limit of 256 GiB").into()
    }
}
