//! ChaCha20 with the vectors of wasm, four blocks at a time. `chacha20` has vectors for every other processor, and plain code for this one.

use std::arch::wasm32::{i8x16_shuffle, i32x4_add, i32x4_shuffle, u32x4, u32x4_shl, u32x4_shr, u32x4_splat};
use std::arch::wasm32::{u64x2_extract_lane, v128, v128_or, v128_xor};

use cipher::consts::{U4, U12, U32, U64};
use cipher::{Block, BlockSizeUser, Iv, IvSizeUser, Key, KeyIvInit, KeySizeUser, ParBlocks, ParBlocksSizeUser};
use cipher::{StreamCipherBackend, StreamCipherClosure, StreamCipherCore, StreamCipherCoreWrapper, StreamCipherSeekCore};
use zeroize::ZeroizeOnDrop;

/// ChaCha20 as RFC 8439 has it, in the place of the one of `chacha20`.
pub type ChaCha20 = StreamCipherCoreWrapper<Core>;

/// Makes the stream of one key and nonce.
#[derive(ZeroizeOnDrop)]
pub struct Core {
    /// Four words that never change, eight of the key, the number of the next block, three of the nonce.
    state: [u32; 16],
}

impl Core {
    /// Makes the next four blocks, and goes on by some of them.
    fn next(&mut self, by: u32) -> ParBlocks<Self> {
        let number = self.state[COUNTER];
        self.state[COUNTER] = number.wrapping_add(by);
        // A vector holds the same word of all four blocks.
        let mut first = self.state.map(|word| u32x4_splat(word));
        first[COUNTER] = i32x4_add(u32x4_splat(number), u32x4(0, 1, 2, 3));
        let mut words = first;
        for _ in 0..DOUBLE_ROUNDS {
            for [a, b, c, d] in QUARTERS {
                quarter_round(&mut words, a, b, c, d);
            }
        }
        let mut blocks = ParBlocks::<Self>::default();
        for from in (0..words.len()).step_by(4) {
            let sum = |word: usize| i32x4_add(words[word], first[word]);
            let rows = transpose([sum(from), sum(from + 1), sum(from + 2), sum(from + 3)]);
            for (block, row) in blocks.iter_mut().zip(rows) {
                let (low, high) = block[4 * from..][..16].split_at_mut(8);
                low.copy_from_slice(&u64x2_extract_lane::<0>(row).to_le_bytes());
                high.copy_from_slice(&u64x2_extract_lane::<1>(row).to_le_bytes());
            }
        }
        blocks
    }
}

/// Mixes four words of each block.
#[inline(always)]
fn quarter_round(words: &mut [v128; 16], a: usize, b: usize, c: usize, d: usize) {
    words[a] = i32x4_add(words[a], words[b]);
    words[d] = rotate_by_16(v128_xor(words[d], words[a]));
    words[c] = i32x4_add(words[c], words[d]);
    words[b] = rotate::<12, 20>(v128_xor(words[b], words[c]));
    words[a] = i32x4_add(words[a], words[b]);
    words[d] = rotate_by_8(v128_xor(words[d], words[a]));
    words[c] = i32x4_add(words[c], words[d]);
    words[b] = rotate::<7, 25>(v128_xor(words[b], words[c]));
}

#[inline(always)]
fn rotate<const LEFT: u32, const RIGHT: u32>(words: v128) -> v128 {
    v128_or(u32x4_shl(words, LEFT), u32x4_shr(words, RIGHT))
}

#[inline(always)]
fn rotate_by_16(words: v128) -> v128 {
    i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(words, words)
}

#[inline(always)]
fn rotate_by_8(words: v128) -> v128 {
    i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(words, words)
}

/// Turns four words of four blocks into four blocks of four words.
#[inline(always)]
fn transpose([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (low_ab, high_ab) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (low_cd, high_cd) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i32x4_shuffle::<0, 1, 4, 5>(low_ab, low_cd),
        i32x4_shuffle::<2, 3, 6, 7>(low_ab, low_cd),
        i32x4_shuffle::<0, 1, 4, 5>(high_ab, high_cd),
        i32x4_shuffle::<2, 3, 6, 7>(high_ab, high_cd),
    ]
}

impl StreamCipherBackend for Core {
    #[inline(always)]
    fn gen_ks_block(&mut self, block: &mut Block<Self>) {
        *block = self.next(1)[0];
    }

    #[inline(always)]
    fn gen_par_ks_blocks(&mut self, blocks: &mut ParBlocks<Self>) {
        *blocks = self.next(4);
    }

    #[inline(always)]
    fn gen_tail_blocks(&mut self, blocks: &mut [Block<Self>]) {
        let made = self.next(blocks.len() as u32);
        blocks.copy_from_slice(&made[..blocks.len()]);
    }
}

impl StreamCipherCore for Core {
    fn remaining_blocks(&self) -> Option<usize> {
        (u32::MAX - self.state[COUNTER]).try_into().ok()
    }

    fn process_with_backend(&mut self, work: impl StreamCipherClosure<BlockSize = U64>) {
        work.call(self);
    }
}

impl StreamCipherSeekCore for Core {
    type Counter = u32;

    fn get_block_pos(&self) -> u32 {
        self.state[COUNTER]
    }

    fn set_block_pos(&mut self, number: u32) {
        self.state[COUNTER] = number;
    }
}

impl KeyIvInit for Core {
    fn new(key: &Key<Self>, nonce: &Iv<Self>) -> Self {
        let mut state = [0; 16];
        state[..4].copy_from_slice(&CONSTANTS);
        let words = (4..COUNTER).chain(COUNTER + 1..state.len());
        for (word, bytes) in words.zip(key.as_chunks().0.iter().chain(nonce.as_chunks().0)) {
            state[word] = u32::from_le_bytes(*bytes);
        }
        Self { state }
    }
}

impl KeySizeUser for Core {
    type KeySize = U32;
}

impl IvSizeUser for Core {
    type IvSize = U12;
}

impl BlockSizeUser for Core {
    type BlockSize = U64;
}

impl ParBlocksSizeUser for Core {
    type ParBlocksSize = U4;
}

/// "expand 32-byte k".
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
/// Where the number of the next block stands.
const COUNTER: usize = 12;
const DOUBLE_ROUNDS: usize = 10;
/// The columns of the square that the words make, then its diagonals.
const QUARTERS: [[usize; 4]; 8] =
    [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];
