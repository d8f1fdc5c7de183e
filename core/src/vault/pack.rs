//! Packs: the plaintext of blocks, filled to the brim with segments laid end to end.

use serde::{Deserialize, Serialize};

use super::compress::Codec;
use super::reference::{At, Reference};
use crate::limits::{BLOCK_SIZE_LOG_MIN, PACK_MAX, SEAL_OVERHEAD};

/// One of the two streams of packs that a commit writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Chunks of files.
    Data,
    /// Objects of the tree.
    Tree,
}

/// The number of a pack in its stream, which stands for its block until that is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackNumber {
    /// The stream.
    pub stream: Stream,
    /// Counts from 0.
    pub index: u64,
}

/// Where a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// The pack.
    pub pack: PackNumber,
    /// Bytes before it in that pack.
    pub offset: u32,
}

/// The unfinished last pack of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Its number.
    pub number: PackNumber,
    /// What lies in it, not padded: 1 to [`PACK_MAX`] − 1 bytes.
    pub bytes: Vec<u8>,
    /// Whether a segment of the pack before runs on into it.
    pub entered: bool,
}

/// Fills the packs of one stream. Full packs wait in [`Packer::take_full`]; take them after every append.
#[derive(Debug, Clone)]
pub struct Packer {
    number: PackNumber,
    open: Vec<u8>,
    entered: bool,
    full: Vec<(PackNumber, Vec<u8>)>,
}

impl PackNumber {
    /// Returns the number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { stream: self.stream, index: self.index + 1 }
    }
}

impl Packer {
    /// Starts a stream with pack 0.
    #[must_use]
    pub const fn new(stream: Stream) -> Self {
        Self { number: PackNumber { stream, index: 0 }, open: Vec::new(), entered: false, full: Vec::new() }
    }

    /// Lays a segment of 1 to [`PACK_MAX`] bytes behind the last one; what does not fit runs on into the next pack.
    ///
    /// # Panics
    /// When the segment is longer than a pack: it could not be referred to.
    pub fn append(&mut self, mut segment: &[u8]) -> Spot {
        assert!(segment.len() <= PACK_MAX, "invariant: a segment fits a pack");
        let spot = Spot { pack: self.number, offset: self.open.len() as u32 };
        loop {
            if self.open.capacity() == 0 {
                // Never grown, and with room for the authenticator, so that no byte of it is moved again.
                self.open.reserve_exact(PACK_MAX + SEAL_OVERHEAD);
            }
            let (now, rest) = segment.split_at(segment.len().min(PACK_MAX - self.open.len()));
            self.open.extend_from_slice(now);
            segment = rest;
            if self.open.len() < PACK_MAX {
                return spot;
            }
            self.full.push((self.number, std::mem::take(&mut self.open)));
            self.number = self.number.next();
            self.entered = !segment.is_empty();
            if segment.is_empty() {
                return spot;
            }
        }
    }

    /// Lays a segment and returns the reference to it.
    pub fn store(&mut self, stored: &[u8], codec: Codec) -> Reference {
        Reference::of_spot(self.append(stored), stored.len() as u32, codec)
    }

    /// Takes the oldest pack that is full, [`PACK_MAX`] bytes.
    pub fn take_full(&mut self) -> Option<(PackNumber, Vec<u8>)> {
        (!self.full.is_empty()).then(|| self.full.remove(0))
    }

    /// Takes what lies in the last pack, if anything does; the stream goes on with the next one.
    pub fn take_tail(&mut self) -> Option<Tail> {
        if self.open.is_empty() {
            return None;
        }
        let tail = Tail { number: self.number, bytes: std::mem::take(&mut self.open), entered: std::mem::take(&mut self.entered) };
        self.number = self.number.next();
        Some(tail)
    }

    /// Returns the number and the bytes of the pack that is being filled.
    #[must_use]
    pub fn tail(&self) -> (PackNumber, &[u8]) {
        (self.number, &self.open)
    }
}

impl Reference {
    /// Refers to a segment that was just laid down.
    #[must_use]
    pub fn of_spot(spot: Spot, stored: u32, codec: Codec) -> Self {
        let runs_on = spot.offset as usize + stored as usize > PACK_MAX;
        Self { first: At::Pack(spot.pack), next: runs_on.then(|| At::Pack(spot.pack.next())), offset: spot.offset, stored, codec }
    }
}

/// Pads a tail with zeros to the smallest pack that takes it: 2^k − 16 bytes.
#[must_use]
pub fn pad(mut tail: Vec<u8>) -> Vec<u8> {
    let block = (tail.len() + SEAL_OVERHEAD).next_power_of_two().max(1 << BLOCK_SIZE_LOG_MIN);
    tail.resize(block - SEAL_OVERHEAD, 0);
    tail
}
