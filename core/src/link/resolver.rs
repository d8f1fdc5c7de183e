//! The primitives under Noise: X25519, ChaCha20-Poly1305 and BLAKE2s from the crates that the rest of core uses.
//!
//! `snow` brings its own set, a generation older: its ChaCha20 has no AVX-512, it copies every message before it opens it, and it
//! accepts a public key of small order. With this one, the older crates stay out of the build.

use blake2::{Blake2s256, Digest};
use cachette_hot::cipher::{self, TAG};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// Resolves the one suite of a link. The only randomness that Noise XX draws is the ephemeral key, which is given.
pub(super) struct Primitives {
    pub(super) ephemeral: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Once(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| Box::new(X25519::new([0; 32])) as Box<dyn Dh>)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::Blake2s).then(|| Box::new(Blake2s(Blake2s256::new())) as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly).then(|| Box::new(ChaChaPoly::new(&[0; 32])) as Box<dyn Cipher>)
    }
}

/// Yields one secret, once: a second ephemeral key from the same bytes would be a repeated one.
struct Once(Option<Zeroizing<[u8; 32]>>);

impl Random for Once {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        let secret = self.0.take().ok_or(Error::Rng)?;
        let dest: &mut [u8; 32] = dest.try_into().map_err(|_| Error::Rng)?;
        *dest = *secret;
        Ok(())
    }
}

/// X25519 that refuses an all-zero result (RFC 7748, section 6.1), so that both sides contribute.
struct X25519 {
    secret: StaticSecret,
    public: PublicKey,
}

impl X25519 {
    fn new(secret: [u8; 32]) -> Self {
        let secret = StaticSecret::from(secret);
        Self { public: PublicKey::from(&secret), secret }
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, secret: &[u8]) {
        *self = Self::new(secret.try_into().expect("invariant: a link hands 32 bytes over"));
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut secret = Zeroizing::new([0; 32]);
        random.try_fill_bytes(&mut *secret)?;
        *self = Self::new(*secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    fn dh(&self, theirs: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let theirs = *theirs.first_chunk::<32>().ok_or(Error::Dh)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(theirs));
        if !shared.was_contributory() {
            return Err(Error::Dh);
        }
        *out.first_chunk_mut::<32>().ok_or(Error::Dh)? = shared.to_bytes();
        Ok(())
    }
}

/// Returns Noise's nonce for ChaCha20-Poly1305: 4 zero bytes and the message's number, little-endian.
pub(super) fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}

/// ChaCha20-Poly1305 as the handshake uses it.
struct ChaChaPoly(cipher::ChaChaPoly);

impl ChaChaPoly {
    fn new(key: &[u8; 32]) -> Self {
        Self(cipher::ChaChaPoly::new(key))
    }
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        *self = Self::new(key);
    }

    fn encrypt(&self, number: u64, associated: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let (sealed, rest) = out.split_at_mut(plaintext.len());
        sealed.copy_from_slice(plaintext);
        let tag = self.0.seal_in_place(&nonce(number), associated, sealed);
        rest[..TAG].copy_from_slice(&tag);
        plaintext.len() + tag.len()
    }

    fn decrypt(&self, number: u64, associated: &[u8], ciphertext: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (sealed, tag) = ciphertext.split_last_chunk::<TAG>().ok_or(Error::Decrypt)?;
        let out = out.get_mut(..sealed.len()).ok_or(Error::Decrypt)?;
        let opened = self.0.open_into(&nonce(number), associated, sealed, tag, out);
        opened.then_some(sealed.len()).ok_or(Error::Decrypt)
    }
}

/// BLAKE2s with 32 bytes of output.
struct Blake2s(Blake2s256);

impl Hash for Blake2s {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Blake2s256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let hash = std::mem::take(&mut self.0).finalize();
        out[..hash.len()].copy_from_slice(&hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(theirs: [u8; 32]) -> Result<[u8; 32], Error> {
        let mut out = [0; 32];
        X25519::new([7; 32]).dh(&theirs, &mut out).map(|()| out)
    }

    #[test]
    fn p09_keys_of_small_order_are_refused() {
        let order_8 = *b"\xe0\xeb\x7a\x7c\x3b\x41\xb8\xae\x16\x56\xe3\xfa\xf1\x9f\xc4\x6a\xda\x09\x8d\xeb\x9c\x32\xb1\xfd\x86\x62\x05\x16\x5f\x49\xb8\x00";
        let mut one = [0; 32];
        one[0] = 1;
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let mut p = minus_one;
        p[0] = 0xed;
        for key in [[0; 32], one, order_8, minus_one, p] {
            assert_eq!(agree(key), Err(Error::Dh));
        }
        assert!(agree(*X25519::new([9; 32]).public.as_bytes()).is_ok());
    }

    #[test]
    fn a_given_ephemeral_key_is_used_once() {
        let mut random = Primitives { ephemeral: Zeroizing::new([5; 32]) }.resolve_rng().expect("there is one");
        let mut key = [0; 32];
        assert_eq!(random.try_fill_bytes(&mut key), Ok(()));
        assert_eq!(key, [5; 32]);
        assert_eq!(random.try_fill_bytes(&mut key), Err(Error::Rng));
    }
}
