//! Jobs and outcomes as bytes, for a driver whose other threads share no memory with it: a short header and the one large buffer.
//!
//! ```text
//!   seal      1 ‖ secret of the epoch                   and the pack
//!   open      2 ‖ suite ‖ id ‖ key of the block         and the block
//!   sealed    1 ‖ suite ‖ id ‖ key of the block         and the block
//!   opened    2                                         and the pack
//!   failed    3 ‖ kind of job ‖ why ‖ a number          and nothing
//! ```
//!
//! Both sides are the same release in one process: the bytes are never stored and never leave the machine.

use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{Job, Outcome};
use crate::block::Block;
use crate::id::BlockId;
use crate::vault::seal::{BlockKey, OpenError, SealError, SealKey};

/// A header, which holds keys and is wiped when dropped.
pub type Header = Zeroizing<Vec<u8>>;

impl Job {
    /// Writes the header.
    #[must_use]
    pub fn header(&self) -> Header {
        match self {
            Self::Seal { key, .. } => Zeroizing::new([&[SEAL], key.expose().as_slice()].concat()),
            Self::Open { key, .. } => with_key(OPEN, key),
        }
    }

    /// Returns the large buffer.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Seal { pack, .. } => pack,
            Self::Open { block, .. } => block.bytes(),
        }
    }

    /// Reads a job; `None` when these bytes are none. A block that is not what its header says becomes the outcome that it would have.
    #[must_use]
    pub fn decode(header: &[u8], payload: Vec<u8>) -> Option<Result<Self, Outcome>> {
        let (kind, rest) = header.split_first()?;
        match *kind {
            SEAL => Some(Ok(Self::Seal { key: Arc::new(SealKey::new(rest.try_into().ok()?)), pack: payload })),
            OPEN => {
                let key = key(rest)?;
                let block = Block::verify(key.id, Bytes::from(payload));
                Some(block.map(|block| Self::Open { block, key }).map_err(|_| Outcome::Opened(Err(OpenError::Damaged))))
            }
            _ => None,
        }
    }
}

impl Outcome {
    /// Writes the header.
    #[must_use]
    pub fn header(&self) -> Header {
        let failed = |kind, why, number: usize| Zeroizing::new([&[FAILED, kind, why], number.to_le_bytes().as_slice()].concat());
        match self {
            Self::Sealed(Ok((_, key))) => with_key(SEAL, key),
            Self::Sealed(Err(SealError::Length(len))) => failed(SEAL, LENGTH, *len),
            Self::Sealed(Err(_)) => failed(SEAL, WRONG, 0),
            Self::Opened(Ok(_)) => Zeroizing::new(vec![OPEN]),
            Self::Opened(Err(OpenError::UnknownSuite(suite))) => failed(OPEN, UNKNOWN, usize::from(*suite)),
            Self::Opened(Err(_)) => failed(OPEN, WRONG, 0),
        }
    }

    /// Returns the large buffer.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match self {
            Self::Sealed(Ok((block, _))) => block.bytes(),
            Self::Opened(Ok(pack)) => pack,
            Self::Sealed(Err(_)) | Self::Opened(Err(_)) => &[],
        }
    }

    /// Reads an outcome; `None` when these bytes are none. A sealed block is verified anew: what flipped on the way is not placed anywhere.
    #[must_use]
    pub fn decode(header: &[u8], payload: Vec<u8>) -> Option<Self> {
        let (kind, rest) = header.split_first()?;
        Some(match *kind {
            SEAL => {
                let key = key(rest)?;
                let block = Block::verify(key.id, Bytes::from(payload));
                Self::Sealed(block.map(|block| (block, key)).map_err(|_| SealError::Mismatch))
            }
            OPEN => Self::Opened(Ok(Bytes::from(payload))),
            FAILED => {
                let [kind, why, number @ ..] = rest else { return None };
                let number = usize::from_le_bytes(number.try_into().ok()?);
                match (*kind, *why) {
                    (SEAL, LENGTH) => Self::Sealed(Err(SealError::Length(number))),
                    (SEAL, _) => Self::Sealed(Err(SealError::Mismatch)),
                    (OPEN, UNKNOWN) => Self::Opened(Err(OpenError::UnknownSuite(u8::try_from(number).ok()?))),
                    (OPEN, _) => Self::Opened(Err(OpenError::Damaged)),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

fn with_key(kind: u8, key: &BlockKey) -> Header {
    Zeroizing::new([&[kind, key.suite], key.id.0.as_slice(), &key.key].concat())
}

fn key(bytes: &[u8]) -> Option<BlockKey> {
    let (suite, rest) = bytes.split_first()?;
    let (id, key) = (rest.get(..32)?, rest.get(32..)?);
    Some(BlockKey { suite: *suite, id: BlockId(id.try_into().ok()?), key: key.try_into().ok()? })
}

const SEAL: u8 = 1;
const OPEN: u8 = 2;
const FAILED: u8 = 3;
const LENGTH: u8 = 1;
const UNKNOWN: u8 = 2;
const WRONG: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::{noise, seal_key};

    /// Does a job as a worker does that shares no memory.
    fn elsewhere(job: &Job) -> Outcome {
        let job = Job::decode(&job.header(), job.payload().to_vec()).expect("written by us");
        let outcome = job.map_or_else(|outcome| outcome, Job::run);
        Outcome::decode(&outcome.header(), outcome.payload().to_vec()).expect("written by us")
    }

    #[test]
    fn a_job_done_elsewhere_comes_to_the_same() {
        let pack = noise("pack", 4080);
        let Outcome::Sealed(Ok((block, key))) = elsewhere(&Job::Seal { key: seal_key(), pack: pack.clone() }) else { panic!("not sealed") };
        let Outcome::Sealed(Ok(here)) = (Job::Seal { key: seal_key(), pack: pack.clone() }).run() else { panic!("not sealed") };
        assert_eq!(here, (block.clone(), key));
        let Outcome::Opened(Ok(opened)) = elsewhere(&Job::Open { block: block.clone(), key }) else { panic!("not opened") };
        assert_eq!(opened, pack);

        let short = Job::Seal { key: seal_key(), pack: vec![0; 100] };
        assert!(matches!(elsewhere(&short), Outcome::Sealed(Err(SealError::Length(100)))));
        let later = Job::Open { block: block.clone(), key: BlockKey { suite: 9, ..key } };
        assert!(matches!(elsewhere(&later), Outcome::Opened(Err(OpenError::UnknownSuite(9)))));
        let other = Job::Open { block, key: BlockKey { key: [1; 32], ..key } };
        assert!(matches!(elsewhere(&other), Outcome::Opened(Err(OpenError::Damaged))));
    }

    #[test]
    fn r06_what_flips_on_the_way_to_another_worker_or_back_is_noticed() {
        let Outcome::Sealed(Ok((block, key))) = (Job::Seal { key: seal_key(), pack: noise("pack", 4080) }).run() else {
            panic!("not sealed")
        };
        let mut flipped = block.bytes().to_vec();
        flipped[77] ^= 1;
        let sealed = Outcome::Sealed(Ok((block.clone(), key)));
        assert!(matches!(Outcome::decode(&sealed.header(), flipped.clone()), Some(Outcome::Sealed(Err(SealError::Mismatch)))));
        let open = Job::Open { block, key };
        assert!(matches!(Job::decode(&open.header(), flipped), Some(Err(Outcome::Opened(Err(OpenError::Damaged))))));
    }

    #[test]
    fn other_bytes_are_no_job_and_no_outcome() {
        for header in [&[][..], &[0], &[1], &[1; 32], &[2], &[2; 65], &[2; 67], &[9; 33]] {
            assert!(Job::decode(header, Vec::new()).is_none(), "{header:?}");
        }
        for header in [&[][..], &[0], &[1], &[1; 65], &[3], &[3, 1, 1], &[3, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0], &[4; 66]] {
            assert!(Outcome::decode(header, Vec::new()).is_none(), "{header:?}");
        }
    }
}
