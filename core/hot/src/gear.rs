//! The gear hash of FastCDC.
//!
//! Each byte shifts the one before it further out, so the hash knows the last 64 bytes only. Several stretches of a file can therefore be
//! looked at side by side, each warmed up by the 64 bytes before it, and none waits for the other's last step.

/// Returns where in `window` the first cut lies: before the byte that makes the masked bits of the gear hash zero.
#[inline(never)]
pub fn find(window: &[u8], gear: &[u64; 256], mask: u64, hash: &mut u64) -> Option<usize> {
    let roll = |rolling: u64, byte: u8| (rolling << 1).wrapping_add(gear[usize::from(byte)]);
    let mut passed = 0;
    for stretches in window.as_chunks::<{ LANES * LANE }>().0 {
        let mut lanes: [u64; LANES] = std::array::from_fn(|lane| match lane * LANE {
            0 => *hash,
            start => stretches[start - MEMORY..start].iter().fold(0, |rolling, byte| roll(rolling, *byte)),
        });
        let uncut = (0..LANE).all(|step| {
            lanes = std::array::from_fn(|lane| roll(lanes[lane], stretches[lane * LANE + step]));
            lanes.iter().all(|rolling| rolling & mask != 0)
        });
        if !uncut {
            // Which lane's cut is the first is seen when they are gone through one after the other.
            break;
        }
        *hash = lanes[LANES - 1];
        passed += stretches.len();
    }
    let mut rolling = *hash;
    for (at, byte) in window.iter().enumerate().skip(passed) {
        rolling = roll(rolling, *byte);
        if rolling & mask == 0 {
            return Some(at);
        }
    }
    *hash = rolling;
    None
}

/// Bytes after which nothing of a byte is left in the hash.
const MEMORY: usize = 64;
/// Stretches that are looked at side by side: four take two thirds of the time of one, and more no less.
const LANES: usize = 4;
/// Bytes of one: long beside its warming up, short beside a chunk, whose last ones are looked at twice.
const LANE: usize = 2 << 10;
