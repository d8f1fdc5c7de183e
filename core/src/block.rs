//! A sealed block: 2^k bytes whose hash is its name. Whoever holds a [`Block`] holds verified bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::BlockId;
use crate::limits::{BLOCK_SIZE_LOG_MAX, BLOCK_SIZE_LOG_MIN};

/// A sealed block whose bytes match its id. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    id: BlockId,
    bytes: Bytes,
}

/// The size of a block as a power of two: 12 (4 KiB) to 20 (1 MiB).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8")]
pub struct SizeLog(u8);

/// Bytes are not the block that they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// The length is not a power of two from 4 KiB to 1 MiB.
    #[error("a block is 4 KiB to 1 MiB and a power of two, not {0} bytes")]
    Size(usize),
    /// The bytes have another hash.
    #[error("the bytes do not match the block's id")]
    Mismatch,
}

impl Block {
    /// Names fresh bytes: hashes them once.
    ///
    /// # Errors
    /// [`BlockError::Size`] unless the length is a power of two from 4 KiB to 1 MiB.
    pub fn new(bytes: Bytes) -> Result<Self, BlockError> {
        SizeLog::of_len(bytes.len())?;
        Ok(Self { id: BlockId(*blake3::hash(&bytes).as_bytes()), bytes })
    }

    /// Verifies bytes that came from a peer or a disk against the id they were asked for by.
    ///
    /// # Errors
    /// [`BlockError`] when the length is impossible or the hash is another.
    pub fn verify(id: BlockId, bytes: Bytes) -> Result<Self, BlockError> {
        let block = Self::new(bytes)?;
        if block.id == id { Ok(block) } else { Err(BlockError::Mismatch) }
    }

    /// Returns the block's name.
    #[must_use]
    pub const fn id(&self) -> BlockId {
        self.id
    }

    /// Returns the sealed bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Hands the sealed bytes over.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Returns the size as a power of two.
    #[must_use]
    pub fn size_log(&self) -> SizeLog {
        SizeLog(self.bytes.len().trailing_zeros() as u8)
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({:?}, {} bytes)", self.id, self.bytes.len())
    }
}

impl SizeLog {
    /// The size of the largest block, 1 MiB.
    pub const MAX: Self = Self(BLOCK_SIZE_LOG_MAX);

    /// Returns the size of a block of `len` bytes.
    ///
    /// # Errors
    /// [`BlockError::Size`] unless the length is a power of two from 4 KiB to 1 MiB.
    pub fn of_len(len: usize) -> Result<Self, BlockError> {
        let log = len.trailing_zeros() as u8;
        let allowed = len.is_power_of_two() && (BLOCK_SIZE_LOG_MIN..=BLOCK_SIZE_LOG_MAX).contains(&log);
        if allowed { Ok(Self(log)) } else { Err(BlockError::Size(len)) }
    }

    /// Returns the size in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        1 << self.0
    }

    /// Returns the power of two, 12 to 20.
    #[must_use]
    pub const fn log(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for SizeLog {
    type Error = &'static str;

    fn try_from(log: u8) -> Result<Self, Self::Error> {
        if (BLOCK_SIZE_LOG_MIN..=BLOCK_SIZE_LOG_MAX).contains(&log) { Ok(Self(log)) } else { Err("block size out of range") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_powers_of_two_from_4_kib_to_1_mib_are_blocks() {
        for len in [0, 1, 2048, 4095, 4097, 12 << 10, 2 << 20] {
            assert_eq!(Block::new(Bytes::from(vec![0; len])), Err(BlockError::Size(len)));
        }
        for log in 12..=20 {
            assert_eq!(Block::new(Bytes::from(vec![0; 1 << log])).expect("a valid size").size_log().log(), log);
        }
    }

    #[test]
    fn m17_bytes_under_another_name_are_refused() {
        let block = Block::new(Bytes::from(vec![7; 4096])).expect("a valid size");
        assert_eq!(Block::verify(BlockId([0; 32]), block.bytes().clone()), Err(BlockError::Mismatch));
        assert!(Block::verify(block.id(), block.bytes().clone()).is_ok());
    }
}
