//! Compression of segments: LZ4 where a probe says that it pays, never beyond the authenticated length on the way back.

use cachette_hot::lz4;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::CHUNK_MAX;

/// How a segment's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Codec {
    /// As they are.
    Raw,
    /// As one LZ4 block without a header.
    Lz4,
}

/// A stored segment does not decompress to its authenticated length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a compressed segment is damaged")]
pub struct DecompressError;

impl From<Codec> for u8 {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Raw => 0,
            Codec::Lz4 => 1,
        }
    }
}

impl TryFrom<u8> for Codec {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::Raw),
            1 => Ok(Self::Lz4),
            _ => Err("unknown codec"),
        }
    }
}

/// Compresses a chunk when that saves at least a sixteenth of it; what it returns has been decompressed and compared.
#[must_use]
pub fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    let samples = SAMPLES * SAMPLE;
    if plain.len() > 2 * samples {
        let stride = (plain.len() - SAMPLE) / (SAMPLES - 1);
        let probe: usize = (0..SAMPLES).map(|i| lz4::compress(&plain[i * stride..][..SAMPLE]).len()).sum();
        if !pays(samples, probe) {
            return None;
        }
    }
    let stored = lz4::compress(plain);
    if !pays(plain.len(), stored.len()) {
        return None;
    }
    // A compressor's bug must not become the only copy.
    (decompress(&stored, plain.len()).as_deref() == Ok(plain)).then_some(stored)
}

/// Decompresses an LZ4 segment to exactly `len` bytes, the length that stands authenticated beside its reference.
///
/// # Errors
/// [`DecompressError`] when it yields more, less or nothing sensible; no more than `len` bytes are ever allocated.
pub fn decompress(stored: &[u8], len: usize) -> Result<Vec<u8>, DecompressError> {
    if len > CHUNK_MAX {
        return Err(DecompressError);
    }
    let mut plain = vec![0; len];
    if lz4::decompress(stored, &mut plain) { Ok(plain) } else { Err(DecompressError) }
}

/// Says whether storing `stored` bytes in place of `plain` saves a sixteenth.
const fn pays(plain: usize, stored: usize) -> bool {
    stored + plain / 16 <= plain && stored < plain
}

/// Places at which a large chunk is probed, and the bytes looked at in each: enough to tell text from film, at next to no cost.
const SAMPLES: usize = 4;
const SAMPLE: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::testing::noise;

    #[test]
    fn what_compresses_is_compressed_and_comes_back() {
        let text = "all work and no play makes a dull file\n".repeat(20_000).into_bytes();
        let stored = compress(&text).expect("text pays");
        assert!(stored.len() < text.len() / 10);
        assert_eq!(decompress(&stored, text.len() + 1), Err(DecompressError), "a shorter chunk is not the chunk");
        assert_eq!(decompress(&stored, text.len()), Ok(text));
    }

    #[test]
    fn what_does_not_pay_stays_as_it_is() {
        assert_eq!(compress(&noise("film", 1 << 20)), None);
        for short in [&b""[..], b"a", b"abc", &noise("short", 100)] {
            assert_eq!(compress(short), None);
        }
        // A thirtieth of zeros saves a thirtieth.
        let mut nearly = noise("nearly", 30_000);
        nearly[..1000].fill(0);
        assert_eq!(compress(&nearly), None);
    }

    #[test]
    fn x08_a_bomb_yields_no_more_than_the_authenticated_length() {
        let bomb = lz4::compress(&vec![0; CHUNK_MAX]);
        assert!(bomb.len() < 8192);
        for len in [0, 1, 4096, CHUNK_MAX - 1, CHUNK_MAX + 1, usize::MAX] {
            assert_eq!(decompress(&bomb, len), Err(DecompressError), "{len} bytes expected");
        }
        assert_eq!(decompress(&bomb, CHUNK_MAX).map(|plain| plain.len()), Ok(CHUNK_MAX));
    }

    #[test]
    fn p01_garbage_is_an_error_and_no_panic() {
        for seed in 0..2000 {
            let garbage = noise(&format!("garbage {seed}"), seed % 97);
            let _ = decompress(&garbage, 1000);
        }
        assert_eq!(decompress(&noise("garbage", 64), 1000), Err(DecompressError));
        assert_eq!(decompress(&[], 1), Err(DecompressError));
    }
}
