//! Trees: directories, files and snapshots as objects inside packs.
//!
//! An object is `[kind, version, table, body]`; the table holds the blocks that its references mean. Objects are written children
//! first ([`TreeWriter`], [`FileBuilder`], [`Editor`]) and never change. Reading is a function over a bounded cache of opened packs
//! ([`Pages`], [`walk`]): it returns its result, or [`WalkError::Missing`] with the blocks that it lacks, and is called again when
//! those were fetched and inserted.

pub mod blocks;
pub mod dir;
pub(crate) mod dir_builder;
pub mod edit;
pub mod entry;
pub mod file;
pub mod object;
pub mod pages;
pub mod path;
pub mod snapshot;
pub mod walk;
pub mod writer;

pub use blocks::{BlockWalk, Visited};
pub use edit::{Edit, EditError, Editor};
pub use entry::{Chunk, Content, Entry, Meta, Node};
pub use file::FileBuilder;
pub use pages::Pages;
pub use path::{Name, NameError, Path, PathError};
pub use snapshot::Snapshot;
pub use walk::WalkError;
pub use writer::{TreeWriter, Unsealed, WriteError};

#[cfg(test)]
mod tests;
