//! Seeded choices: jitter and picks among equals, the same for the same seed on every machine.

/// A stream of numbers from a seed (SplitMix64). Nothing secret depends on it.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// Starts the stream of a seed.
    pub(super) fn new(seed: &[u8; 32]) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&blake3::hash(seed).as_bytes()[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// Returns a number from 0 up to, but not including, `bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(bound)) >> 64) as u64
    }
}
