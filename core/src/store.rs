//! Storage as data: what a node asks of the disk beneath it, and what the disk answers.
//!
//! A driver answers every request exactly once, in any order. A [`Commit`] is atomic and is answered when it is durable; how many
//! commits share one sync is the driver's business. A driver returns verified blocks only: bytes that do not match their id are set
//! aside and reported as [`Fetched::Damaged`].

use bytes::Bytes;

use crate::block::Block;
use crate::id::{BlockId, Partition, PeerId, VaultId};
use crate::limits::{LIMIT_BLOCKS_MIN, LIMIT_PER_BLOCK};

/// The number by which an answer finds its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a node asks of its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOp {
    /// Reads one block; answered by [`StoreAnswer::Block`].
    Get(BlockId),
    /// Asks which of these blocks of a vault are held; answered by [`StoreAnswer::Has`].
    Has(VaultId, Vec<BlockId>),
    /// Stores blocks and records, all or nothing; answered by [`StoreAnswer::Committed`] when durable.
    Commit(Commit),
    /// Keeps a block that could be fetched again; answered by [`StoreAnswer::Committed`] once it can be read, and a power cut may take it.
    Cache(VaultId, Block),
    /// Asks for count and fingerprint of partitions `from..=to`; answered by [`StoreAnswer::Summary`].
    Summary(VaultId, Partition, Partition),
    /// Lists a partition's blocks in order of their ids; answered by [`StoreAnswer::Ids`].
    Scan {
        /// The vault.
        vault: VaultId,
        /// The partition.
        partition: Partition,
        /// Only ids after this one.
        after: Option<BlockId>,
        /// At most this many.
        limit: u32,
    },
    /// Removes blocks of a vault; answered by [`StoreAnswer::Deleted`].
    Delete(VaultId, Vec<BlockId>),
    /// Reads records; answered by [`StoreAnswer::Records`].
    Records(RecordQuery),
    /// Asks what a vault's blocks take, or all vaults'; answered by [`StoreAnswer::Usage`].
    Usage(Option<VaultId>),
}

/// Blocks and records that become durable together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The vault that owns them.
    pub vault: VaultId,
    /// Blocks; one that is already held is left as it is.
    pub blocks: Vec<Block>,
    /// Records; a later one in the same slot takes the place of an earlier one.
    pub records: Vec<(RecordSlot, Bytes)>,
}

/// Where a record stands in a store: one record to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordSlot {
    /// The vault that owns the record; all zeros for what belongs to the node itself.
    pub vault: VaultId,
    /// The kind, as in the record's first field; see [`crate::record::kind`].
    pub kind: u8,
    /// What tells records of one kind apart: a certificate's hash, a head's device, a locate record's paper key, a share's
    /// locator, an invitation's name.
    pub key: [u8; 32],
}

/// Which records are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordQuery {
    /// All records of a vault.
    Vault(VaultId),
    /// All records of this kind and key, of any vault.
    Named {
        /// The kind.
        kind: u8,
        /// The key of the slot.
        key: [u8; 32],
    },
}

impl Commit {
    /// Returns the commit of one block.
    #[must_use]
    pub fn block(vault: VaultId, block: Block) -> Self {
        Self { vault, blocks: vec![block], records: Vec::new() }
    }
}

impl RecordQuery {
    /// Returns the question for the locate records of a paper device.
    #[must_use]
    pub fn located(paper: PeerId) -> Self {
        Self::Named { kind: crate::record::kind::LOCATE, key: paper.0 }
    }
}

/// What the store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAnswer {
    /// To [`StoreOp::Get`].
    Block(Fetched),
    /// To [`StoreOp::Has`]: one flag per id, in the order asked.
    Has(Vec<bool>),
    /// To [`StoreOp::Commit`]: all of it survives a power cut from now on. To [`StoreOp::Cache`].
    Committed,
    /// To [`StoreOp::Summary`]: partitions that hold anything, in order.
    Summary(Vec<(Partition, Summary)>),
    /// To [`StoreOp::Scan`].
    Ids(Vec<BlockId>),
    /// To [`StoreOp::Delete`].
    Deleted,
    /// To [`StoreOp::Records`].
    Records(Vec<(RecordSlot, Bytes)>),
    /// To [`StoreOp::Usage`].
    Usage(Usage),
    /// To any: it was not done.
    Failed(StoreFault),
}

/// What a store found when asked for a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The block, verified.
    Found(Block),
    /// The block is not held.
    Missing,
    /// The block was held and its bytes are no longer its own; they were set aside, the block counts as missing.
    Damaged,
}

/// Number and fingerprint of a set of blocks: equal sets have equal summaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// How many blocks.
    pub count: u64,
    /// The sum of their ids as little-endian numbers modulo 2^256.
    pub fingerprint: [u8; 32],
}

/// What blocks take on a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// How many blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// No room is left beside the reserve; nothing of the commit was kept.
    #[error("the disk is full")]
    Full,
    /// The disk failed; what was asked may or may not have happened, and nothing is promised.
    #[error("the disk failed")]
    Failed,
}

impl Usage {
    /// Returns what one block of so many bytes takes.
    #[must_use]
    pub const fn block(bytes: u64) -> Self {
        Self { blocks: 1, bytes }
    }

    /// Returns what a limit in bytes allows.
    #[must_use]
    pub fn limit(bytes: u64) -> Self {
        Self { blocks: (bytes / LIMIT_PER_BLOCK).max(LIMIT_BLOCKS_MIN), bytes }
    }

    /// Returns both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { blocks: self.blocks.saturating_add(other.blocks), bytes: self.bytes.saturating_add(other.bytes) }
    }

    /// Returns what is left when the other is taken away.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { blocks: self.blocks.saturating_sub(other.blocks), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    /// Says whether this is no more than a limit, in neither count.
    #[must_use]
    pub const fn fits(self, limit: Self) -> bool {
        self.blocks <= limit.blocks && self.bytes <= limit.bytes
    }
}

impl Summary {
    /// Counts one more block.
    pub fn add(&mut self, id: &BlockId) {
        self.count += 1;
        let mut carry = 0u16;
        for (sum, byte) in self.fingerprint.iter_mut().zip(id.0) {
            carry += u16::from(*sum) + u16::from(byte);
            *sum = carry as u8;
            carry >>= 8;
        }
    }

    /// Takes one block away that was counted before.
    pub fn remove(&mut self, id: &BlockId) {
        self.count = self.count.saturating_sub(1);
        let mut borrow = 0i16;
        for (sum, byte) in self.fingerprint.iter_mut().zip(id.0) {
            let difference = i16::from(*sum) - i16::from(byte) - borrow;
            *sum = difference as u8;
            borrow = i16::from(difference < 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_forgets_what_is_taken_away() {
        let ids: Vec<BlockId> = (0..50u8).map(|i| BlockId(*blake3::hash(&[i]).as_bytes())).collect();
        let mut forth = Summary::default();
        ids.iter().for_each(|id| forth.add(id));
        let mut back = Summary::default();
        ids.iter().rev().for_each(|id| back.add(id));
        assert_eq!(forth, back);
        ids.iter().for_each(|id| forth.remove(id));
        assert_eq!(forth, Summary::default());
    }
}
