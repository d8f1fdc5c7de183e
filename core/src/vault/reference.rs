//! References: where a segment lies and what opens the blocks that it lies in.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::compress::{Codec, decompress};
use super::pack::PackNumber;
use super::seal::BlockKey;
use crate::limits::PACK_MAX;

/// Which pack: one that is sealed, or one of a commit under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The pack inside this block.
    Block(BlockKey),
    /// A pack whose block is not sealed yet.
    Pack(PackNumber),
}

/// Where a segment lies. At rest it is `(table index, offset, stored length, codec)` with the keys in the referring object's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The pack in which it begins.
    pub first: At,
    /// The pack, from its first byte on, into which it runs on.
    pub next: Option<At>,
    /// Bytes before it in the first pack.
    pub offset: u32,
    /// Its length as stored.
    pub stored: u32,
    /// How it is stored.
    pub codec: Codec,
}

/// A reference outside of all objects, as heads and share records hold it: `[first, next, offset, stored, codec]`.
#[derive(Serialize, Deserialize)]
pub(super) struct Resolved(BlockKey, Option<BlockKey>, u32, u32, Codec);

/// A reference points outside of the packs that it names, or its segment does not decompress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a reference does not fit the block that it names")]
pub struct SegmentError;

impl Resolved {
    /// Takes a reference all of whose blocks are sealed.
    pub(super) fn of(reference: &Reference) -> Option<Self> {
        let (first, next) = reference.blocks()?;
        Some(Self(first, next, reference.offset, reference.stored, reference.codec))
    }

    pub(super) fn into_reference(self) -> Reference {
        Reference { first: At::Block(self.0), next: self.1.map(At::Block), offset: self.2, stored: self.3, codec: self.4 }
    }
}

impl Reference {
    /// Returns the blocks to fetch, when all of them are sealed.
    #[must_use]
    pub fn blocks(&self) -> Option<(BlockKey, Option<BlockKey>)> {
        let At::Block(first) = self.first else { return None };
        match self.next {
            None => Some((first, None)),
            Some(At::Block(next)) => Some((first, Some(next))),
            Some(At::Pack(_)) => None,
        }
    }

    /// Cuts the stored bytes out of the opened packs: a slice, or a copy where the segment runs on.
    ///
    /// # Errors
    /// [`SegmentError`] when they reach beyond the packs.
    pub fn segment(&self, first: &Bytes, next: Option<&Bytes>) -> Result<Bytes, SegmentError> {
        let (start, stored) = (self.offset as usize, self.stored as usize);
        let end = start.checked_add(stored).ok_or(SegmentError)?;
        if end <= first.len() {
            return Ok(first.slice(start..end));
        }
        let next = next.filter(|_| first.len() == PACK_MAX && start < PACK_MAX).ok_or(SegmentError)?;
        let rest = next.get(..end - PACK_MAX).ok_or(SegmentError)?;
        let mut segment = BytesMut::with_capacity(stored);
        segment.extend_from_slice(&first[start..]);
        segment.extend_from_slice(rest);
        Ok(segment.freeze())
    }

    /// Cuts a chunk of `len` bytes out of the opened packs and decompresses it.
    ///
    /// # Errors
    /// [`SegmentError`] when it lies beyond the packs or has another length.
    pub fn chunk(&self, len: u32, first: &Bytes, next: Option<&Bytes>) -> Result<Bytes, SegmentError> {
        let stored = self.segment(first, next)?;
        match self.codec {
            Codec::Raw if stored.len() == len as usize => Ok(stored),
            Codec::Raw => Err(SegmentError),
            Codec::Lz4 => decompress(&stored, len as usize).map(Bytes::from).map_err(|_| SegmentError),
        }
    }
}
