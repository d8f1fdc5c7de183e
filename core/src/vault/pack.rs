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

    /// Starts the stream anew behind everything that was laid down: no number stands for two packs.
    #[must_use]
    pub const fn behind(&self) -> Self {
        Self { number: self.number.next(), open: Vec::new(), entered: false, full: Vec::new() }
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::vault::testing::noise;

    /// Returns all packs of a stream, the last one padded.
    fn packs(packer: &mut Packer) -> Vec<Bytes> {
        let mut packs = std::iter::from_fn(|| packer.take_full()).collect::<Vec<_>>();
        packs.extend(packer.take_tail().map(|tail| (tail.number, pad(tail.bytes))));
        assert!(packs.iter().enumerate().all(|(at, (number, _))| number.index == at as u64));
        packs.into_iter().map(|(_, pack)| Bytes::from(pack)).collect()
    }

    #[test]
    fn segments_run_on_at_every_kind_of_border() {
        let near = [0, 1, 15, 16, 17, 4079, 4080, 4081, PACK_MAX / 2, PACK_MAX - 2, PACK_MAX - 1, PACK_MAX];
        for first in near.into_iter().filter(|len| *len > 0) {
            for second in near.into_iter().filter(|len| *len > 0) {
                let segments = [noise("first", first), noise("second", second), noise("third", 5000)];
                let mut packer = Packer::new(Stream::Data);
                let references = segments.each_ref().map(|segment| packer.store(segment, Codec::Raw));
                let packs = packs(&mut packer);
                assert!(packs[..packs.len() - 1].iter().all(|pack| pack.len() == PACK_MAX));
                for (segment, reference) in segments.iter().zip(&references) {
                    let find = |at: At| match at {
                        At::Pack(number) => packs.get(number.index as usize),
                        At::Block(_) => None,
                    };
                    let next = reference.next.and_then(find);
                    assert_eq!(next.is_some(), reference.offset as usize + segment.len() > PACK_MAX);
                    let found = reference.segment(find(reference.first).expect("a pack"), next).expect("inside");
                    assert!(found == segment, "{first} and {second} bytes");
                }
            }
        }
    }

    #[test]
    fn a_tail_is_padded_to_the_smallest_block() {
        for (len, block) in
            [(1, 4096), (4080, 4096), (4081, 8192), (8176, 8192), (8177, 16384), (PACK_MAX - 1, 1 << 20), (PACK_MAX, 1 << 20)]
        {
            let padded = pad(vec![1; len]);
            assert_eq!(padded.len() + SEAL_OVERHEAD, block);
            assert!(padded[len..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn a_tail_tells_whether_a_segment_runs_into_it() {
        let mut packer = Packer::new(Stream::Data);
        assert_eq!(packer.take_tail(), None);
        packer.append(&[1; PACK_MAX]);
        packer.append(&[2; 10]);
        assert!(!packer.take_tail().expect("a tail").entered);
        packer.append(&[3; PACK_MAX - 1]);
        packer.append(&[4; 2]);
        let tail = packer.take_tail().expect("a tail");
        assert!(tail.entered);
        assert_eq!((tail.number.index, tail.bytes), (3, vec![4]));
        packer.append(&[5; 3]);
        let tail = packer.take_tail().expect("a tail");
        assert_eq!((tail.number.index, tail.entered), (4, false));
    }

    #[test]
    fn m01_a_reference_beyond_its_pack_is_an_error() {
        let pack = Bytes::from(vec![1; 4080]);
        let reference = |offset, stored| Reference {
            first: At::Pack(PackNumber { stream: Stream::Data, index: 0 }),
            next: None,
            offset,
            stored,
            codec: Codec::Raw,
        };
        assert!(reference(4079, 1).segment(&pack, None).is_ok());
        for (offset, stored) in [(4080, 1), (4079, 2), (0, 4081), (u32::MAX, 1), (u32::MAX, u32::MAX), (1, u32::MAX)] {
            assert!(reference(offset, stored).segment(&pack, None).is_err());
            assert!(reference(offset, stored).segment(&pack, Some(&pack)).is_err(), "only a full pack runs on");
        }
        let full = Bytes::from(vec![1; PACK_MAX]);
        assert!(reference(PACK_MAX as u32 - 1, 4081).segment(&full, Some(&pack)).is_ok());
        assert!(reference(PACK_MAX as u32 - 1, 4082).segment(&full, Some(&pack)).is_err());
        assert!(reference(PACK_MAX as u32, 1).segment(&full, Some(&pack)).is_err(), "nothing begins behind a pack");
    }
}
