//! redb's storage on a file of [`Vfs`](super::vfs::Vfs), so that the database is under the same power cuts as the block files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use super::vfs::VfsFile;

/// A database's file. Remembers that a sync failed: what the system still shows of the file may then never have reached the disk.
#[derive(Debug)]
pub(super) struct Backend {
    file: Arc<dyn VfsFile>,
    sync_failed: Arc<AtomicBool>,
}

impl Backend {
    pub(super) fn new(file: Arc<dyn VfsFile>, sync_failed: Arc<AtomicBool>) -> Self {
        Self { file, sync_failed }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync().inspect_err(|_| self.sync_failed.store(true, Ordering::Release))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, data)
    }
}
