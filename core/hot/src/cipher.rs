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
        let tag = self.0.encrypt_inout_detached(nonce.into(), associated, bytes.into());
        tag.expect("invariant: packs and frames are far below the cipher's limit of 256 GiB").into()
    }

    /// Authenticates, then decrypts in place; says whether it did, and has written nothing when it did not.
    #[must_use]
    pub fn open_in_place(&self, nonce: &[u8; 12], associated: &[u8], bytes: &mut [u8], tag: &[u8; TAG]) -> bool {
        self.open(nonce, associated, bytes.into(), tag)
    }

    /// Authenticates, then decrypts into a buffer of the same length; says whether it did, and has written nothing when it did not.
    #[must_use]
    pub fn open_into(&self, nonce: &[u8; 12], associated: &[u8], sealed: &[u8], tag: &[u8; TAG], plain: &mut [u8]) -> bool {
        InOutBuf::new(sealed, plain).is_ok_and(|bytes| self.open(nonce, associated, bytes, tag))
    }

    #[inline(never)]
    fn open(&self, nonce: &[u8; 12], associated: &[u8], bytes: InOutBuf<'_, '_, u8>, tag: &[u8; TAG]) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), associated, bytes, tag.into()).is_ok()
    }
}
