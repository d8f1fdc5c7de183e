//! Chunks: a file's bytes cut where their content says (FastCDC), and the vault's own names for them.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes};
use cachette_hot::gear;
use fastcdc::v2020::{Normalization, get_gear_with_seed, select_masks};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteArray;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::base::HEX;
use crate::limits::{CHUNK_AVERAGE, CHUNK_MAX, CHUNK_MIN};

/// The secret under which a vault names its chunks; derived from the first epoch, so that it never changes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ChunkKey([u8; 32]);

/// The name of a chunk inside its vault: `keyed_hash(chunk_key, plaintext)`. Without the key it says nothing about the content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub [u8; 32]);

impl ChunkKey {
    /// Takes the derived secret.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Names a chunk: `keyed_hash(chunk_key, plaintext)`.
    #[must_use]
    pub fn id(&self, plaintext: &[u8]) -> ChunkId {
        ChunkId(*blake3::keyed_hash(&self.0, plaintext).as_bytes())
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({})", HEX.encode(&self.0[..4]))
    }
}

impl Serialize for ChunkId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChunkId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(ByteArray::<32>::deserialize(deserializer)?.into_array()))
    }
}

/// Cuts a stream into chunks. However the stream is sliced into [`Chunker::push`], the cuts are the same.
///
/// Every byte is looked at once: the scan of the chunk under way goes on where the last push ended.
pub struct Chunker {
    /// What was pushed and not yet given out; the first piece begins with the chunk under way.
    pieces: VecDeque<Bytes>,
    /// Bytes in `pieces`.
    buffered: usize,
    /// Bytes of the chunk under way that were looked at: all that is buffered, unless a cut lies before its end.
    scanned: usize,
    /// The piece where the scan goes on, and how far it got there.
    at: (usize, usize),
    /// The gear hash at `scanned`.
    hash: u64,
    gear: &'static [u64; 256],
    /// Up to the average length a cut needs these bits of the hash to be zero, …
    strict: u64,
    /// … beyond it these, which are fewer.
    relaxed: u64,
}

impl Chunker {
    /// Starts a stream.
    #[must_use]
    pub fn new() -> Self {
        let (strict, relaxed) = select_masks(CHUNK_AVERAGE, Normalization::Level1);
        let std::borrow::Cow::Borrowed(gear) = get_gear_with_seed(0).0 else {
            unreachable!("invariant: the table without a seed is static")
        };
        Self {
            pieces: VecDeque::new(),
            buffered: 0,
            scanned: 0,
            at: (0, 0),
            hash: 0,
            gear: gear.try_into().expect("invariant: a gear table has one entry per byte"),
            strict,
            relaxed,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.buffered += bytes.len();
            self.pieces.push_back(bytes);
        }
    }

    /// Returns the next chunk whose end is certain: no further bytes can move it.
    #[expect(clippy::should_implement_trait, reason = "the end of what is certain is not the end of the stream, so this is no iterator")]
    pub fn next(&mut self) -> Option<Bytes> {
        self.scan().map(|len| self.take(len))
    }

    /// Returns the next chunk of a stream that has ended; `None` when nothing is left.
    pub fn finish(&mut self) -> Option<Bytes> {
        self.next().or_else(|| (self.buffered > 0).then(|| self.take(self.buffered)))
    }

    /// Returns how many bytes were pushed and not yet given out: less than one chunk after [`Chunker::next`] returned `None`.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.buffered
    }

    /// Looks for the end of the chunk under way.
    fn scan(&mut self) -> Option<usize> {
        while let Some(piece) = self.pieces.get(self.at.0) {
            let rest = &piece[self.at.1..];
            let (step, cut) = if self.scanned < CHUNK_MIN {
                (rest.len().min(CHUNK_MIN - self.scanned), false)
            } else {
                let (until, mask) = if self.scanned < CHUNK_AVERAGE { (CHUNK_AVERAGE, self.strict) } else { (CHUNK_MAX, self.relaxed) };
                let window = &rest[..rest.len().min(until - self.scanned)];
                match gear::find(window, self.gear, mask, &mut self.hash) {
                    Some(step) => (step, true),
                    None => (window.len(), false),
                }
            };
            self.scanned += step;
            if cut || self.scanned == CHUNK_MAX {
                return Some(self.scanned);
            }
            self.at = if step == rest.len() { (self.at.0 + 1, 0) } else { (self.at.0, self.at.1 + step) };
        }
        None
    }

    /// Gives out the first `len` bytes: a slice of what was pushed, or a copy where they lie in several pieces.
    fn take(&mut self, len: usize) -> Bytes {
        self.buffered -= len;
        (self.scanned, self.at, self.hash) = (0, (0, 0), 0);
        let first = self.pieces.front_mut().expect("invariant: there are bytes to take");
        let chunk = if first.len() >= len {
            first.split_to(len)
        } else {
            let mut copy = Vec::with_capacity(len);
            while copy.len() < len {
                let piece = self.pieces.front_mut().expect("invariant: the pieces hold what is buffered");
                let part = piece.len().min(len - copy.len());
                copy.extend_from_slice(&piece[..part]);
                piece.advance(part);
                if piece.is_empty() {
                    self.pieces.pop_front();
                }
            }
            Bytes::from(copy)
        };
        if self.pieces.front().is_some_and(Bytes::is_empty) {
            self.pieces.pop_front();
        }
        chunk
    }
}

impl Default for Chunker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vault::testing::noise;

    fn cuts(bytes: &[u8], mut slice: impl FnMut() -> usize) -> Vec<usize> {
        let mut chunker = Chunker::new();
        let mut cuts = Vec::new();
        let mut seen = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(slice().clamp(1, rest.len()));
            chunker.push(Bytes::copy_from_slice(piece));
            rest = behind;
            while let Some(chunk) = chunker.next() {
                cuts.push(chunk.len());
                seen.extend(chunk);
            }
            assert!(chunker.buffered() <= CHUNK_MAX);
        }
        while let Some(chunk) = chunker.finish() {
            cuts.push(chunk.len());
            seen.extend(chunk);
        }
        assert_eq!(chunker.buffered(), 0);
        assert!(seen == bytes, "chunks laid end to end are the stream");
        cuts
    }

    /// Noise, runs of one byte and repeated lines, as they come in files.
    fn mixture(name: &str, len: usize) -> Vec<u8> {
        let mut bytes = noise(name, len);
        if len > 3 << 20 {
            bytes[1 << 20..(1 << 20) + 1_500_001].fill(0);
        }
        bytes
    }

    #[test]
    fn the_cuts_are_those_of_fastcdc() {
        for len in [0, 1, CHUNK_MIN - 1, CHUNK_MIN, CHUNK_MIN + 1, CHUNK_AVERAGE, CHUNK_MAX, CHUNK_MAX + 1, 8_000_001] {
            let bytes = mixture("fastcdc", len);
            let theirs = fastcdc::v2020::FastCDC::new(&bytes, CHUNK_MIN, CHUNK_AVERAGE, CHUNK_MAX);
            assert_eq!(cuts(&bytes, || len), theirs.map(|chunk| chunk.length).collect::<Vec<_>>(), "{len} bytes");
        }
    }

    /// From many places on and with more cuts than a real mask makes: few of those lie where one stretch ends and the next begins.
    #[test]
    fn stretches_that_are_looked_at_side_by_side_are_cut_as_one_after_the_other() {
        let gear = Chunker::new().gear;
        let bytes = noise("stretches", 16 << 20);
        // The first bits that a byte touches, and the last.
        for mask in [0x7ff, 0x7ff << 53] {
            for start in (0..bytes.len() - 20_000).step_by(397) {
                let window = &bytes[start..start + 20_000];
                let (mut ours, mut theirs) = (0, 0u64);
                let expected = window.iter().position(|byte| {
                    theirs = (theirs << 1).wrapping_add(gear[usize::from(*byte)]);
                    theirs & mask == 0
                });
                assert_eq!(gear::find(window, gear, mask, &mut ours), expected, "from {start} on");
                assert!(expected.is_some() || ours == theirs, "the hash goes on from there");
            }
        }
    }

    #[test]
    fn a_byte_in_front_moves_few_cuts() {
        let bytes = noise("shift", 8 << 20);
        let mut shifted = vec![1];
        shifted.extend(&bytes);
        let ends = |cuts: Vec<usize>| {
            cuts.into_iter()
                .scan(0, |end, len| {
                    Some({
                        *end += len;
                        *end
                    })
                })
                .collect::<Vec<_>>()
        };
        let (before, after) = (ends(cuts(&bytes, || 1 << 20)), ends(cuts(&shifted, || 1 << 20)));
        let kept = before.iter().filter(|end| after.contains(&(*end + 1))).count();
        assert!(kept * 10 >= before.len() * 8, "{kept} of {} cuts are where they were", before.len());
    }

    #[test]
    fn a_chunk_within_one_push_is_not_copied() {
        let bytes = Bytes::from(noise("slice", 2 << 20));
        let mut chunker = Chunker::new();
        chunker.push(bytes.clone());
        let chunk = chunker.next().expect("a chunk");
        assert_eq!(chunk.as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn m18_m19_a_chunks_name_says_nothing_without_the_key() {
        let pins = (0..10_000).map(|pin| format!("Dear customer, your PIN is {pin:04}.")).collect::<Vec<_>>();
        let stored = ChunkKey::new([1; 32]).id(pins[4711].as_bytes());
        let guesser = ChunkKey::new([2; 32]);
        for pin in &pins {
            assert_ne!(guesser.id(pin.as_bytes()), stored);
            assert_ne!(blake3::hash(pin.as_bytes()).as_bytes(), &stored.0);
        }
        assert_eq!(ChunkKey::new([1; 32]).id(pins[4711].as_bytes()), stored, "who has the key finds it");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn p16_any_slicing_gives_the_same_cuts(len in 0usize..6_000_000, sizes in proptest::collection::vec(1usize..400_000, 1..20)) {
            let bytes = mixture("slicing", len);
            let mut sizes = sizes.into_iter().cycle();
            let sliced = cuts(&bytes, || sizes.next().expect("endless"));
            prop_assert_eq!(sliced, cuts(&bytes, || len));
        }
    }
}
