//! LZ4 blocks without a header.

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// Compresses.
#[inline(never)]
#[must_use]
pub fn compress(plain: &[u8]) -> Vec<u8> {
    let mut stored = vec![0; get_maximum_output_size(plain.len())];
    let len = compress_into(plain, &mut stored).expect("invariant: the buffer has the size that the compressor asks for");
    stored.truncate(len);
    stored
}

/// Decompresses what fills a buffer exactly, and says whether it did.
#[inline(never)]
#[must_use]
pub fn decompress(stored: &[u8], plain: &mut [u8]) -> bool {
    decompress_into(stored, plain).is_ok_and(|written| written == plain.len())
}
