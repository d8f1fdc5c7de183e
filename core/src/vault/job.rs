//! Heavy work that leaves the vault: owned bytes and keys in, owned bytes out, on whatever thread the driver likes.

mod transport;

use std::sync::Arc;

use bytes::Bytes;

use super::seal::{self, BlockKey, OpenError, SealError, SealKey};
use crate::block::Block;

pub use transport::Header;

/// The number of a job in its vault; its outcome comes back under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// A piece of heavy work.
pub enum Job {
    /// Seal a pack.
    Seal {
        /// The epoch's secret.
        key: Arc<SealKey>,
        /// 2^k − 16 bytes.
        pack: Vec<u8>,
    },
    /// Open a block.
    Open {
        /// The verified bytes.
        block: Block,
        /// What stood in the reference.
        key: BlockKey,
    },
}

/// What came of a job.
#[derive(Debug)]
pub enum Outcome {
    /// Of [`Job::Seal`].
    Sealed(Result<(Block, BlockKey), SealError>),
    /// Of [`Job::Open`]: the pack.
    Opened(Result<Bytes, OpenError>),
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seal { pack, .. } => write!(f, "Seal({} bytes)", pack.len()),
            Self::Open { block, .. } => write!(f, "Open({block:?})"),
        }
    }
}

impl Job {
    /// Returns what comes of it when whoever was to do it failed: the same as from a machine that computes wrongly.
    #[must_use]
    pub const fn failed(&self) -> Outcome {
        match self {
            Self::Seal { .. } => Outcome::Sealed(Err(SealError::Mismatch)),
            Self::Open { .. } => Outcome::Opened(Err(OpenError::Damaged)),
        }
    }

    /// Does the work; a millisecond or two for the largest block.
    #[must_use]
    pub fn run(self) -> Outcome {
        match self {
            Self::Seal { key, pack } => Outcome::Sealed(seal::seal(&key, pack)),
            Self::Open { block, key } => Outcome::Opened(seal::open(block, &key)),
        }
    }
}
