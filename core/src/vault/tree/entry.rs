//! Directory entries: what a name stands for.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::object::{Frame, List, Stored};
use super::path::Name;
use super::walk::WalkError;
use super::writer::{Draft, WriteError};
use crate::codec;
use crate::id::VaultId;
use crate::limits::{CHUNK_MAX, INLINE_CHUNKS, SYMLINK_MAX};
use crate::vault::chunk::ChunkId;
use crate::vault::compress::Codec;
use crate::vault::reference::Reference;

/// A name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: Name,
    /// What it stands for.
    pub node: Node,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A file.
    File {
        /// Its metadata.
        meta: Meta,
        /// Its length in bytes.
        len: u64,
        /// Where its bytes are.
        content: Content,
    },
    /// A directory.
    Dir {
        /// Its metadata.
        meta: Meta,
        /// The page at its root; none when it is empty.
        pages: Option<Reference>,
    },
    /// A symbolic link.
    Symlink {
        /// Its metadata.
        meta: Meta,
        /// What it points to, as its system wrote it: at most 4,096 bytes, never followed by us.
        target: Vec<u8>,
    },
    /// Another vault.
    Mount {
        /// Its metadata.
        meta: Meta,
        /// The vault.
        vault: VaultId,
    },
    /// Something that a newer release wrote. It is read around, and the page that holds it is never rewritten.
    Unknown {
        /// The kind of entry.
        kind: u8,
        /// Its encoded body.
        body: Vec<u8>,
    },
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In these chunks, at most [`crate::limits::INLINE_CHUNKS`].
    Inline(Vec<Chunk>),
    /// In chunks that stand in pages of their own below this one.
    Paged(Reference),
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its name in this vault.
    pub id: ChunkId,
    /// Its length in bytes, 1 to [`crate::limits::CHUNK_MAX`].
    pub len: u32,
    /// Where it is stored.
    pub reference: Reference,
}

/// Metadata of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Permission bits as Unix has them.
    pub mode: u32,
    /// When the content last changed: seconds since the Unix epoch.
    pub modified_seconds: i64,
    /// And nanoseconds beyond, below 1,000,000,000.
    pub modified_nanos: u32,
}

impl Node {
    /// Returns the metadata; `None` for what this release does not know.
    #[must_use]
    pub const fn meta(&self) -> Option<&Meta> {
        match self {
            Self::File { meta, .. } | Self::Dir { meta, .. } | Self::Symlink { meta, .. } | Self::Mount { meta, .. } => Some(meta),
            Self::Unknown { .. } => None,
        }
    }
}

/// A chunk at rest.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredChunk {
    id: ChunkId,
    len: u32,
    at: Stored,
}

type FileBody = (Meta, u64, List<StoredChunk, INLINE_CHUNKS>);
type PagedBody = (Meta, u64, Stored);
type DirBody = (Meta, Option<Stored>);
type SymlinkBody = (Meta, ByteBuf);
type MountBody = (Meta, VaultId);

impl Node {
    /// Encodes kind and body; the references stand in the page's table.
    pub(crate) fn encode(&self, draft: &mut Draft<'_>) -> Result<(u8, Vec<u8>), WriteError> {
        if self.meta().is_none_or(|meta| meta.modified_nanos >= NANOS) {
            return Err(WriteError::Bounds("an entry of unknown kind, or with more nanoseconds than a second has"));
        }
        Ok(match self {
            Self::File { meta, len, content: Content::Inline(chunks) } => {
                if chunks.len() > INLINE_CHUNKS || chunks.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>() != *len {
                    return Err(WriteError::Bounds("the chunks of a file are too many or do not add up to its length"));
                }
                let chunks = chunks.iter().map(|chunk| chunk.encode(draft)).collect::<Result<_, _>>()?;
                (FILE, codec::encode::<FileBody>(&(*meta, *len, List(chunks))))
            }
            Self::File { meta, len, content: Content::Paged(page) } => {
                (PAGED_FILE, codec::encode::<PagedBody>(&(*meta, *len, draft.refer(page)?)))
            }
            Self::Dir { meta, pages } => {
                let pages = pages.as_ref().map(|page| draft.refer(page)).transpose()?;
                (DIR, codec::encode::<DirBody>(&(*meta, pages)))
            }
            Self::Symlink { meta, target } => {
                if target.len() > SYMLINK_MAX {
                    return Err(WriteError::Bounds("the target of a symbolic link is too long"));
                }
                (SYMLINK, codec::encode::<SymlinkBody>(&(*meta, ByteBuf::from(target.clone()))))
            }
            Self::Mount { meta, vault } => (MOUNT, codec::encode::<MountBody>(&(*meta, *vault))),
            Self::Unknown { .. } => return Err(WriteError::Bounds("an entry of unknown kind")),
        })
    }

    /// Decodes the body of an entry; what a newer release wrote is kept as it is.
    pub(crate) fn decode(frame: &Frame, kind: u8, body: Vec<u8>) -> Result<Self, WalkError> {
        let node = match kind {
            FILE => {
                let (meta, len, chunks) = decode::<FileBody>(&body)?;
                let chunks = chunks.0.into_iter().map(|chunk| chunk.decode(frame)).collect::<Result<Vec<_>, _>>()?;
                if chunks.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>() != len {
                    return Err(WalkError::Damaged("the chunks of a file do not add up to its length"));
                }
                Self::File { meta, len, content: Content::Inline(chunks) }
            }
            PAGED_FILE => {
                let (meta, len, page) = decode::<PagedBody>(&body)?;
                Self::File { meta, len, content: Content::Paged(frame.refer_object(page)?) }
            }
            DIR => {
                let (meta, pages) = decode::<DirBody>(&body)?;
                Self::Dir { meta, pages: pages.map(|page| frame.refer_object(page)).transpose()? }
            }
            SYMLINK => {
                let (meta, target) = decode::<SymlinkBody>(&body)?;
                if target.len() > SYMLINK_MAX {
                    return Err(WalkError::Damaged("the target of a symbolic link is too long"));
                }
                Self::Symlink { meta, target: target.into_vec() }
            }
            MOUNT => {
                let (meta, vault) = decode::<MountBody>(&body)?;
                Self::Mount { meta, vault }
            }
            kind => return Ok(Self::Unknown { kind, body }),
        };
        if node.meta().is_some_and(|meta| meta.modified_nanos >= NANOS) {
            return Err(WalkError::Damaged("an entry has more nanoseconds than a second has"));
        }
        Ok(node)
    }
}

impl Chunk {
    pub(crate) fn encode(&self, draft: &mut Draft<'_>) -> Result<StoredChunk, WriteError> {
        if self.len == 0 || self.len as usize > CHUNK_MAX {
            return Err(WriteError::Bounds("a chunk is empty or too long"));
        }
        Ok(StoredChunk { id: self.id, len: self.len, at: draft.refer(&self.reference)? })
    }
}

impl StoredChunk {
    pub(crate) fn decode(self, frame: &Frame) -> Result<Chunk, WalkError> {
        let reference = frame.refer(self.at)?;
        let fits = self.len > 0 && self.len as usize <= CHUNK_MAX;
        if !fits || (reference.codec == Codec::Raw && reference.stored != self.len) {
            return Err(WalkError::Damaged("a chunk's length is impossible"));
        }
        Ok(Chunk { id: self.id, len: self.len, reference })
    }
}

fn decode<T: DeserializeOwned + Serialize>(body: &[u8]) -> Result<T, WalkError> {
    codec::decode(body).map_err(|_| WalkError::Damaged("an entry is not encoded as its kind demands"))
}

const FILE: u8 = 1;
const PAGED_FILE: u8 = 2;
const DIR: u8 = 3;
const SYMLINK: u8 = 4;
const MOUNT: u8 = 5;
const NANOS: u32 = 1_000_000_000;
