//! The gear hash of FastCDC.

/// Returns where in `window` the first cut lies: before the byte that makes the masked bits of the gear hash zero.
#[inline(never)]
pub fn find(window: &[u8], gear: &[u64; 256], mask: u64, hash: &mut u64) -> Option<usize> {
    let mut rolling = *hash;
    for (at, byte) in window.iter().enumerate() {
        rolling = (rolling << 1).wrapping_add(gear[usize::from(*byte)]);
        if rolling & mask == 0 {
            return Some(at);
        }
    }
    *hash = rolling;
    None
}
