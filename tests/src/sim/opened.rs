//! Looks into a head with a device's keys and without its vault machine: the second opinion on what a head counts on.

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::codec;
use cachette_core::id::BlockId;
use cachette_core::identity::Identity;
use cachette_core::record::{Chain, Head};
use cachette_core::vault::compress::Codec;
use cachette_core::vault::keys::{Keyring, open_head};
use cachette_core::vault::reference::{At, Reference};
use cachette_core::vault::seal::{self, BlockKey};
use cachette_core::vault::tree::{BlockWalk, Pages, WalkError};

/// Names every block that a head's snapshot needs; `find` returns the bytes of a block as some disk holds them.
///
/// # Errors
/// What cannot be opened, in words.
pub fn live(chain: &Chain, device: &Identity, head: &Head, find: impl Fn(&BlockId) -> Option<Bytes>) -> Result<Vec<BlockKey>, String> {
    let keyring = Keyring::open(chain, device).map_err(|error| error.to_string())?;
    let content = open_head(chain, &keyring, head).map_err(|error| error.to_string())?;
    let (first, next, offset, stored, codec): (BlockKey, Option<BlockKey>, u32, u32, Codec) =
        codec::decode(&content).map_err(|error| error.to_string())?;
    let snapshot = Reference { first: At::Block(first), next: next.map(At::Block), offset, stored, codec };
    let mut walk = BlockWalk::new();
    walk.add(&snapshot, false);
    let (mut pages, mut live) = (Pages::new(), Vec::new());
    loop {
        match walk.next(&pages) {
            Ok(Some(visited)) => live.extend(visited.blocks),
            Ok(None) => return Ok(live),
            Err(WalkError::Missing(keys)) => {
                for key in keys {
                    let bytes = find(&key.id).ok_or_else(|| format!("{} is nowhere", key.id))?;
                    let block = Block::verify(key.id, bytes).map_err(|error| format!("{}: {error}", key.id))?;
                    pages.insert(key.id, seal::open(block, &key).map_err(|error| format!("{}: {error}", key.id))?);
                }
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}
