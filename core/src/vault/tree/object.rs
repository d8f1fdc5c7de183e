//! The frame of every object: `[kind, version, table, body]`, and references through the table.

use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::walk::WalkError;
use super::writer::WriteError;
use crate::codec;
use crate::limits::{PACK_MAX, TABLE_MAX};
use crate::map::Map;
use crate::vault::compress::Codec;
use crate::vault::reference::{At, Reference};
use crate::vault::seal::BlockKey;

/// The kinds of object.
pub(crate) mod kind {
    /// A [`Snapshot`](crate::vault::tree::Snapshot).
    pub(crate) const SNAPSHOT: u8 = 1;
    /// A page of directory entries.
    pub(crate) const DIR: u8 = 2;
    /// A page of directory pages.
    pub(crate) const DIR_NODE: u8 = 3;
    /// A page of a file's chunks.
    pub(crate) const FILE: u8 = 4;
    /// A page of file pages.
    pub(crate) const FILE_NODE: u8 = 5;
}

/// The version of every kind in this release.
pub(crate) const VERSION: u8 = 1;

/// A list that is refused, before it grows, when it has more than `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T, const MAX: usize>(pub(crate) Vec<T>);

/// A reference at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    index: u32,
    offset: u32,
    stored: u32,
    codec: Codec,
}

/// The blocks that an object's references mean; none is *self*, the block in which the object begins.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    entries: Vec<Option<BlockKey>>,
    /// Where each entry stands last.
    last: Map<Option<BlockKey>, usize>,
}

/// An object that is being read: where it lies, which decides what *self* means, and its table.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    own: BlockKey,
    offset: u32,
    table: Vec<Option<BlockKey>>,
}

#[derive(Serialize, Deserialize)]
struct Object<T, B> {
    kind: u8,
    version: u8,
    table: T,
    body: B,
}

impl Table {
    /// Returns the reference at rest to a segment that begins in `first` and runs on into `next`.
    pub(crate) fn refer(
        &mut self,
        first: Option<BlockKey>,
        next: Option<Option<BlockKey>>,
        offset: u32,
        stored: u32,
        codec: Codec,
    ) -> Stored {
        let known = self.last.get(&first).copied().filter(|at| match next {
            None => true,
            Some(next) => self.entries.get(at + 1).is_none_or(|entry| *entry == next),
        });
        let index = known.unwrap_or_else(|| self.push(first));
        if let Some(next) = next
            && index + 1 == self.entries.len()
        {
            self.push(next);
        }
        Stored { index: index as u32, offset, stored, codec }
    }

    fn push(&mut self, entry: Option<BlockKey>) -> usize {
        self.entries.push(entry);
        self.last.insert(entry, self.entries.len() - 1);
        self.entries.len() - 1
    }
}

/// Encodes an object.
pub(crate) fn encode<B: Serialize>(kind: u8, table: &Table, body: &B) -> Result<Vec<u8>, WriteError> {
    if table.entries.len() > TABLE_MAX {
        return Err(WriteError::Bounds("too many blocks in one object"));
    }
    let bytes = codec::encode(&Object { kind, version: VERSION, table: &table.entries, body });
    if bytes.len() > PACK_MAX {
        return Err(WriteError::Bounds("an object is longer than a pack"));
    }
    Ok(bytes)
}

/// Returns kind and version of an encoded object.
pub(crate) fn peek(bytes: &[u8]) -> Result<(u8, u8), WalkError> {
    match bytes {
        [0x94, kind @ 0..=0x7f, version @ 0..=0x7f, ..] => Ok((*kind, *version)),
        _ => Err(WalkError::Damaged("not an object")),
    }
}

impl Frame {
    /// Decodes an object of a known kind whose encoding begins at `offset` of the pack inside `own`.
    pub(crate) fn decode<B: DeserializeOwned + Serialize>(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<(Self, B), WalkError> {
        let object: Object<List<Option<BlockKey>, TABLE_MAX>, B> =
            codec::decode(bytes).map_err(|_| WalkError::Damaged("an object is not encoded as its kind demands"))?;
        Ok((Self::new(own, offset, object.table.0)?, object.body))
    }

    /// Decodes the table alone: its place is the same in every version of every kind.
    pub(crate) fn decode_table(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<Self, WalkError> {
        let damaged = |_| WalkError::Damaged("an object's table is damaged");
        let rest = bytes.get(3..).unwrap_or_default();
        let table = &rest[..codec::scan(rest).map_err(damaged)?];
        let table: List<Option<BlockKey>, TABLE_MAX> = codec::decode(table).map_err(damaged)?;
        Self::new(own, offset, table.0)
    }

    fn new(own: BlockKey, offset: u32, table: Vec<Option<BlockKey>>) -> Result<Self, WalkError> {
        if table.iter().flatten().any(|entry| entry.id == own.id) {
            return Err(WalkError::Damaged("an object names its own block"));
        }
        Ok(Self { own, offset, table })
    }

    /// Returns the blocks of the table but *self*.
    pub(crate) fn blocks(&self) -> Vec<BlockKey> {
        self.table.iter().flatten().copied().collect()
    }

    /// Returns what a reference at rest means.
    ///
    /// What lies in the same block must lie before the object that refers to it, so no object can be reached from itself: through
    /// other blocks that would take a hash that contains itself.
    pub(crate) fn refer(&self, stored: Stored) -> Result<Reference, WalkError> {
        let Stored { index, offset, stored, codec } = stored;
        let (start, len) = (offset as usize, stored as usize);
        if start >= PACK_MAX || !(1..=PACK_MAX).contains(&len) {
            return Err(WalkError::Damaged("a reference points outside of a pack"));
        }
        let entry = |index: usize| self.table.get(index).copied().ok_or(WalkError::Damaged("a reference points outside of the table"));
        let first = entry(index as usize)?;
        let next = if start + len > PACK_MAX { Some(entry(index as usize + 1)?) } else { None };
        let own_end = match (first, next) {
            (None, None) => start + len,
            (None, Some(_)) => return Err(WalkError::Damaged("a reference runs on from the block of its own object")),
            (Some(_), Some(None)) => start + len - PACK_MAX,
            (Some(_), _) => 0,
        };
        if own_end > self.offset as usize {
            return Err(WalkError::Damaged("a reference points at or behind its own object"));
        }
        let at = |entry: Option<BlockKey>| At::Block(entry.unwrap_or(self.own));
        Ok(Reference { first: at(first), next: next.map(at), offset, stored, codec })
    }

    /// Returns what a reference to another object means.
    pub(crate) fn refer_object(&self, stored: Stored) -> Result<Reference, WalkError> {
        let reference = self.refer(stored)?;
        if reference.codec == Codec::Raw { Ok(reference) } else { Err(WalkError::Damaged("an object is compressed")) }
    }
}

impl<T: Serialize, const MAX: usize> Serialize for List<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = List<T, MAX>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a list of at most {MAX} items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(MAX));
                while let Some(item) = seq.next_element()? {
                    if items.len() == MAX {
                        return Err(A::Error::custom("too many items"));
                    }
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_seq(Items(std::marker::PhantomData))
    }
}
