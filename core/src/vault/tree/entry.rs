//! Directory entries: what a name stands for.

use crate::id::VaultId;
use crate::vault::chunk::ChunkId;
use crate::vault::reference::Reference;

use super::path::Name;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
