//! Reads a block's file and judges it.

use std::io;

use bytes::Bytes;
use cachette_core::block::{Block, SizeLog};
use cachette_core::id::{BlockId, VaultId};

use super::layout;
use super::vfs::Vfs;

/// What a block's file holds.
#[derive(Debug)]
pub(super) enum Found {
    /// The block, verified.
    Block(Block),
    /// Nothing, or other bytes, twice.
    Bad,
    /// Reading failed for a reason that says nothing of the file.
    Unread(io::Error),
}

/// Reads a block that the index says is held. One bad reading may be the cable's fault: only two are the file's.
pub(super) fn fetch(vfs: &dyn Vfs, vault: &VaultId, id: &BlockId, size: SizeLog) -> Found {
    match read(vfs, vault, id, size, false) {
        Found::Bad => read(vfs, vault, id, size, true),
        other => other,
    }
}

fn read(vfs: &dyn Vfs, vault: &VaultId, id: &BlockId, size: SizeLog, fresh: bool) -> Found {
    match vfs.read(&layout::block(vault, id), size.bytes(), fresh) {
        Ok(bytes) => match Block::verify(*id, Bytes::from(bytes)) {
            Ok(block) => Found::Block(block),
            Err(_) => Found::Bad,
        },
        Err(error) if speaks_of_the_file(&error) => Found::Bad,
        Err(error) => Found::Unread(error),
    }
}

/// A missing file or an unreadable sector is damage; too many open files, for one, is not.
fn speaks_of_the_file(error: &io::Error) -> bool {
    let unreadable = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    unreadable || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
}
