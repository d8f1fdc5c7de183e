//! Files to sealed blocks and back: the only layer that holds keys, and the only one that knows no peer.

pub mod keys;
pub mod tree;
