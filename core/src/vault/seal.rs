//! Sealing: a pack becomes a block that nobody can read or alter without its key, and back.

use std::fmt;

use bytes::{Bytes, BytesMut};
use cachette_hot::cipher::ChaChaPoly;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::block::{Block, SizeLog};
use crate::id::BlockId;
use crate::labels;
use crate::limits::SEAL_OVERHEAD;

/// The first suite: BLAKE3 and ChaCha20-Poly1305.
pub const SUITE_1: u8 = 1;

/// The secret under which an epoch seals its packs.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealKey([u8; 32]);

/// What it takes to fetch and open one block. Stands in the references to it; whoever holds it can read the block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockKey {
    /// The suite under which it was sealed.
    pub suite: u8,
    /// Its name.
    pub id: BlockId,
    /// The key of this block alone.
    #[serde(with = "serde_bytes")]
    pub key: [u8; 32],
}

/// A pack was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Its length is not a block's less the authenticator.
    #[error("a pack of {0} bytes cannot become a block")]
    Length(usize),
    /// What was sealed did not open to what was given: this machine's memory or processor is at fault.
    #[error("a sealed block did not open to what went into it: this machine's memory or processor is at fault")]
    Mismatch,
}

/// A block was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A newer release sealed it.
    #[error("sealed with suite {0}, which this release does not know")]
    UnknownSuite(u8),
    /// It is not what the reference says: one answer for every way to be wrong.
    #[error("a block does not open with the key that stands beside its name")]
    Damaged,
}

impl SealKey {
    /// Takes the derived secret of an epoch.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Shows the secret, for a job that goes to another worker.
    pub(super) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives the key of one pack: `keyed_hash(seal, len(aad) ‖ aad ‖ pack)`, where `len` is one byte.
    ///
    /// The hash covers exactly what the cipher gets, so one key never meets two inputs.
    fn pack_key(&self, aad: &[u8], pack: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&[aad.len() as u8]).update(aad).update(pack);
        let key = *hasher.finalize().as_bytes();
        hasher.zeroize();
        key
    }
}

impl fmt::Debug for BlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockKey(suite {}, {:?})", self.suite, self.id)
    }
}

/// Seals a pack: `ChaCha20-Poly1305(key, nonce 0, aad, pack)` with `aad = "cachette block" ‖ zeros ‖ suite` and the key of its content.
///
/// Deterministic, and in place where the pack has room for the authenticator. The block is opened again and must give its key back
/// before it is returned, so that a bit flipped in memory does not become the only copy.
///
/// # Errors
/// [`SealError`].
pub fn seal(key: &SealKey, pack: Vec<u8>) -> Result<(Block, BlockKey), SealError> {
    seal_and(key, pack, |_, _| {})
}

/// Opens a block, in place where nobody else holds it.
///
/// # Errors
/// [`OpenError`]; no byte of plaintext exists then.
pub fn open(block: Block, key: &BlockKey) -> Result<Bytes, OpenError> {
    if key.suite != SUITE_1 {
        return Err(OpenError::UnknownSuite(key.suite));
    }
    if block.id() != key.id {
        return Err(OpenError::Damaged);
    }
    let sealed = block.into_bytes().try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    open_bytes(sealed, &key.key).map(BytesMut::freeze).ok_or(OpenError::Damaged)
}

/// Seals, lets `disturb` play the part of failing memory before and after the cipher, and opens again.
fn seal_and(key: &SealKey, mut pack: Vec<u8>, disturb: impl Fn(Moment, &mut [u8])) -> Result<(Block, BlockKey), SealError> {
    let len = pack.len();
    SizeLog::of_len(len + SEAL_OVERHEAD).map_err(|_| SealError::Length(len))?;
    let aad = aad();
    let pack_key = key.pack_key(&aad, &pack);
    disturb(Moment::Keyed, &mut pack);
    let tag = ChaChaPoly::new(&pack_key).seal_in_place(&NONCE, &aad, &mut pack);
    pack.extend_from_slice(&tag);
    disturb(Moment::Sealed, &mut pack);
    let block = Block::new(Bytes::from(pack)).map_err(|_| SealError::Length(len))?;
    let opened = open_bytes(BytesMut::from(&block.bytes()[..]), &pack_key).ok_or(SealError::Mismatch)?;
    if key.pack_key(&aad, &opened) != pack_key {
        return Err(SealError::Mismatch);
    }
    let block_key = BlockKey { suite: SUITE_1, id: block.id(), key: pack_key };
    Ok((block, block_key))
}

/// When memory may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The key is derived, the cipher has not run.
    Keyed,
    /// The cipher has run.
    Sealed,
}

/// Authenticates, then decrypts in place: nothing unauthenticated is ever decrypted.
fn open_bytes(mut sealed: BytesMut, key: &[u8; 32]) -> Option<BytesMut> {
    let (body, tag) = sealed.split_last_chunk_mut::<SEAL_OVERHEAD>()?;
    let len = body.len();
    let opened = ChaChaPoly::new(key).open_in_place(&NONCE, &aad(), body, tag);
    sealed.truncate(len);
    opened.then_some(sealed)
}

/// Returns the associated data of suite 1: `"cachette block"`, zeros, and the suite as the last of 64 bytes.
///
/// 64 bytes are four blocks of Poly1305, what it takes at a time with AVX2. With any other length the whole pack behind it would go
/// through the slower way for single blocks.
fn aad() -> [u8; AAD_LEN] {
    let mut aad = [0; AAD_LEN];
    aad[..labels::BLOCK.len()].copy_from_slice(labels::BLOCK);
    aad[AAD_LEN - 1] = SUITE_1;
    aad
}

const AAD_LEN: usize = 64;
/// A key seals one pack only.
const NONCE: [u8; 12] = [0; 12];

#[cfg(test)]
mod tests {

    use super::*;
    use crate::map::Map;
    use crate::vault::compress;
    use crate::vault::pack::{Packer, Stream, pad};
    use crate::vault::testing::{noise, seal_key};

    fn sealed(pack: &[u8]) -> (Block, BlockKey) {
        seal(&seal_key(), pack.to_vec()).expect("sealed")
    }

    #[test]
    fn a_pack_comes_back_whole_from_every_size_of_block() {
        for log in 12..=20 {
            let pack = noise("pack", (1 << log) - SEAL_OVERHEAD);
            let (block, key) = sealed(&pack);
            assert_eq!(block.size_log().log(), log);
            assert_eq!(open(block.clone(), &key).as_deref(), Ok(&pack[..]));
        }
        assert_eq!(seal(&seal_key(), vec![0; 4096]).map(|_| ()), Err(SealError::Length(4096)));
    }

    #[test]
    fn sealing_twice_gives_the_same_block_and_another_epoch_another() {
        let pack = noise("pack", 4080);
        assert_eq!(sealed(&pack), sealed(&pack));
        let (other, _) = seal(&SealKey::new([8; 32]), pack.clone()).expect("sealed");
        assert_ne!(other.id(), sealed(&pack).0.id());
    }

    #[test]
    fn m01_no_flipped_bit_gives_plaintext() {
        let (block, key) = sealed(&noise("pack", 4080));
        for bit in 0..block.bytes().len() * 8 {
            let mut bytes = block.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = Block::new(Bytes::from(bytes)).expect("the right size");
            assert_eq!(open(flipped.clone(), &key), Err(OpenError::Damaged));
            // Not even when the name were altered with it.
            assert_eq!(open(flipped.clone(), &BlockKey { id: flipped.id(), ..key }), Err(OpenError::Damaged));
        }
        for bit in 0..256 {
            let mut wrong = key;
            wrong.key[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(block.clone(), &wrong), Err(OpenError::Damaged));
        }
    }

    #[test]
    fn m03_blocks_of_one_size_cannot_take_each_others_place() {
        let (a, key_a) = sealed(&noise("a", 4080));
        let (b, key_b) = sealed(&noise("b", 4080));
        assert!(Block::verify(key_a.id, b.bytes().clone()).is_err());
        assert_eq!(open(b.clone(), &key_a), Err(OpenError::Damaged));
        assert_eq!(open(b.clone(), &BlockKey { id: b.id(), ..key_a }), Err(OpenError::Damaged));
        assert_eq!(open(a.clone(), &BlockKey { id: a.id(), ..key_b }), Err(OpenError::Damaged));
    }

    #[test]
    fn g01_a_suite_is_never_guessed() {
        let (block, key) = sealed(&noise("pack", 4080));
        for suite in [0, 2, 255] {
            assert_eq!(open(block.clone(), &BlockKey { suite, ..key }), Err(OpenError::UnknownSuite(suite)));
        }
    }

    #[test]
    fn m18_a_blocks_name_does_not_confirm_what_it_holds() {
        let candidates = (0..1000).map(|pin| pad(format!("your PIN is {pin:04}").into_bytes())).collect::<Vec<_>>();
        let stored = sealed(&candidates[471]).0.id();
        let guesser = SealKey::new([8; 32]);
        for candidate in &candidates {
            assert_ne!(blake3::hash(candidate).as_bytes(), &stored.0);
            assert_ne!(seal(&guesser, candidate.clone()).expect("sealed").0.id(), stored);
        }
    }

    #[test]
    fn r06_a_bit_flipped_while_sealing_is_noticed() {
        let pack = noise("pack", 8176);
        for (moment, at) in [(Moment::Keyed, 0), (Moment::Keyed, 8175), (Moment::Sealed, 0), (Moment::Sealed, 8175), (Moment::Sealed, 8191)]
        {
            let flip = |now: Moment, bytes: &mut [u8]| {
                if now == moment {
                    bytes[at] ^= 1;
                }
            };
            assert_eq!(seal_and(&seal_key(), pack.clone(), flip).map(|_| ()), Err(SealError::Mismatch), "byte {at}, {moment:?}");
        }
        assert!(seal_and(&seal_key(), pack, |_, _| {}).is_ok());
    }

    #[test]
    fn g07_every_key_meets_one_plaintext_however_a_file_is_stored_again() {
        let file = "the same file, stored in many ways\n".repeat(90_000).into_bytes();
        let compressed = compress::compress(&file[..1_000_000]).expect("text pays");
        let mut inputs = Map::new();
        for before in [0usize, 4080, 4081] {
            for segment in [&file[..1_000_000], &compressed] {
                for _retry in 0..2 {
                    let mut packer = Packer::new(Stream::Data);
                    packer.append(&noise("before", before.max(1)));
                    packer.append(segment);
                    let mut packs = std::iter::from_fn(|| packer.take_full()).map(|(_, pack)| pack).collect::<Vec<_>>();
                    let tail = packer.take_tail().map(|tail| tail.bytes).unwrap_or_default();
                    let mut wide = pad(tail.clone());
                    wide.resize((wide.len() + SEAL_OVERHEAD) * 2 - SEAL_OVERHEAD, 0);
                    packs.extend([pad(tail), wide].into_iter().filter(|pack| pack.len() <= crate::limits::PACK_MAX));
                    for pack in packs {
                        let (_, key) = sealed(&pack);
                        let known = inputs.entry(key.key).or_insert_with(|| pack.clone());
                        assert!(*known == pack, "one key for two plaintexts");
                    }
                }
            }
        }
        assert!(inputs.len() > 5);
    }
}
