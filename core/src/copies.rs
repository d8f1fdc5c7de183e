//! How many durable copies something has, and whether that is safe: the word that must never be misread.

/// How many durable copies something has, and how many it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    /// Durable on this many lasting peers (or here, for a vault without carriers).
    pub durable: u8,
    /// Called safe from this many.
    pub safe_at: u8,
    /// Wanted in the end.
    pub wanted: u8,
}

impl Copies {
    /// Says whether that is safe.
    #[must_use]
    pub const fn is_safe(&self) -> bool {
        self.durable >= self.safe_at
    }

    /// Says whether nothing more is wanted.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.durable >= self.wanted
    }
}
