//! What the store needs of a file system, and the promise behind each call: a thin seam, so that tests can cut the power between calls.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

/// A directory tree. Paths are relative to its root. Nothing survives a power cut unless the file, and the directory that names it,
/// were synced.
pub(super) trait Vfs: Debug + Send + Sync {
    /// Creates an empty file, in place of one that has the name.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn VfsFile>>;
    /// Creates a file of these bytes, in place of one that has the name, and lets the system begin to write it.
    fn create_filled(&self, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn VfsFile>>;
    /// Opens a file to read and write it.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn VfsFile>>;
    /// Reads a whole file, but at most one byte more than `expected`. `fresh` asks the disk again rather than a cache.
    fn read(&self, path: &Path, expected: usize, fresh: bool) -> io::Result<Vec<u8>>;
    /// Renames a file, in place of one that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Creates a directory; one that exists is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Lists a directory, in order of the names; a missing one is empty.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Lists the names of the files in a directory; a missing one is empty.
    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.list(path)?.into_iter().filter(|entry| entry.len.is_some()).map(|entry| entry.name).collect())
    }
    /// Returns how much room is left.
    fn space(&self) -> io::Result<Space>;
}

/// An open file.
pub(super) trait VfsFile: Debug + Send + Sync {
    /// Fills `out` from this offset.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    /// Writes all of `bytes` at this offset.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns the length.
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file or extends it with zeros, which take room only when they are written over.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes contents and length durable.
    fn sync(&self) -> io::Result<()>;
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name; names that are not UTF-8 are not ours and are not listed.
    pub(super) name: String,
    /// The length of a file, `None` for a directory.
    pub(super) len: Option<u64>,
}

/// Room on the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    /// Bytes that may still be written.
    pub(super) available: u64,
    /// Bytes of the whole file system.
    pub(super) total: u64,
}

/// Says whether an error means that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Does something that opens files, and waits a while when too many are open: that passes, and says nothing of the disk.
pub(super) fn patiently<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        match work() {
            Err(error) if is_crowded(&error) && Instant::now() < given_up => thread::sleep(PAUSE),
            other => return other,
        }
    }
}

fn is_crowded(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// How long to wait until fewer files are open.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before the next try.
const PAUSE: Duration = Duration::from_millis(20);
