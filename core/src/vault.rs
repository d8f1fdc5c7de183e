//! Files to sealed blocks and back: the only layer that holds keys, and the only one that knows no peer.
//!
//! How bytes lie at rest is told in `core/docs/format.md`. From the bottom up: a file is cut into chunks ([`chunk`]), a chunk is
//! compressed where it pays ([`compress`]), laid into a pack ([`pack`]), the pack is sealed into a block ([`seal`], as a [`job`]),
//! and references to it ([`reference`](mod@reference)) stand in the pages of a tree ([`tree`]).

pub mod chunk;
pub mod compress;
pub mod job;
pub mod keys;
pub mod pack;
pub mod reference;
pub mod seal;
pub mod tree;
