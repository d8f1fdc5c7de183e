//! The keys of an open link, one for each direction, and how far each has got.
//!
//! This is the transport phase of Noise (revision 34, section 5): ChaCha20-Poly1305 without associated data, the nonce counting messages.
//! It is here rather than in `snow` because that takes plaintext and ciphertext in two buffers, and a frame is sealed in the one it is
//! packed in.

use cachette_hot::cipher::{ChaChaPoly, TAG};

use super::resolver::nonce;

/// Seals what this side sends and opens what the other one does, each in its order.
pub(super) struct Transport {
    sending: Direction,
    receiving: Direction,
}

struct Direction {
    cipher: ChaChaPoly,
    /// Messages so far.
    number: u64,
}

impl Transport {
    /// Begins with the keys of a handshake.
    pub(super) fn new(sending: &[u8; 32], receiving: &[u8; 32]) -> Self {
        Self { sending: Direction::new(sending), receiving: Direction::new(receiving) }
    }

    /// Encrypts the next message in place, and returns its authenticator.
    pub(super) fn seal(&mut self, message: &mut [u8]) -> [u8; TAG] {
        let tag = self.sending.cipher.seal_in_place(&nonce(self.sending.number), &[], message);
        self.sending.number += 1;
        tag
    }

    /// Authenticates the next message and decrypts it into a buffer as long as its plaintext; says whether it did.
    pub(super) fn open(&mut self, sealed: &[u8], message: &mut [u8]) -> bool {
        let Some((sealed, tag)) = sealed.split_last_chunk() else { return false };
        let opened = self.receiving.cipher.open_into(&nonce(self.receiving.number), &[], sealed, tag, message);
        self.receiving.number += u64::from(opened);
        opened
    }
}

impl Direction {
    fn new(key: &[u8; 32]) -> Self {
        Self { cipher: ChaChaPoly::new(key), number: 0 }
    }
}
