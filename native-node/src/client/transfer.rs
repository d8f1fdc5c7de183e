//! Moving a file's bytes between the disk and an open vault, as far as the vault invites and a reader pulls.

use std::fs::File;
use std::io::{self, Read};

use bytes::Bytes;
use cachette_core::vault::tree::{Meta, Path};
use cachette_core::vault::{CommandError, New, Reply};
use tokio::runtime::Handle;

use super::Client;

/// A file was not put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The file could not be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The vault did not take it.
    #[error(transparent)]
    Vault(#[from] CommandError),
}

/// What was put.
#[derive(Debug, Clone, Copy, Default)]
pub struct Put {
    /// Bytes of the file.
    pub len: u64,
    /// Bytes that the vault did not hold before.
    pub new: u64,
}

/// Puts whatever a reader gives, on the calling thread, which may block. `progress` hears of every piece.
///
/// # Errors
/// [`PutError`]; nothing is staged then.
pub fn put_from(client: &Client, path: Path, meta: Meta, mut reader: impl Read, progress: impl Fn(usize)) -> Result<Put, PutError> {
    let putting = client.put(path, New::File(meta));
    let runtime = Handle::current();
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let filled = match reader.by_ref().take(PIECE as u64).read_to_end(&mut piece) {
            Ok(filled) => filled,
            Err(error) => {
                putting.cancel();
                return Err(error.into());
            }
        };
        if filled > 0 {
            let permits = u32::try_from(filled).unwrap_or(u32::MAX);
            match runtime.block_on(putting.room.acquire_many(permits)) {
                Ok(permit) => permit.forget(),
                // The vault has ended the put: its reply says why.
                Err(_) => break,
            }
            putting.bytes(Bytes::from(piece));
            progress(filled);
        }
        if filled < PIECE {
            break;
        }
    }
    match runtime.block_on(putting.end())? {
        Reply::Staged { len, new } => Ok(Put { len, new }),
        _ => Ok(Put::default()),
    }
}

/// Opens a file for reading from its start to its end.
///
/// # Errors
/// The operating system's.
pub fn open_for_reading(path: &std::path::Path) -> io::Result<File> {
    File::open(path)
}

/// Bytes that are read at once: what the vault invites in one go.
const PIECE: usize = 1 << 20;
