//! Writing past the system's cache: a large block is written once, synced at once, and on most of its holders not read for a long time.
//!
//! Through the cache it would be copied into memory first, and would push out what is being read. Reading goes through the cache as ever,
//! so that what is asked for often stays in memory.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Writes whole files directly where the file system lets it, from buffers that lie as the disk wants them.
#[derive(Debug, Default)]
pub(super) struct Direct {
    /// Buffers that nobody uses right now: at most as many as there are threads that write.
    idle: Mutex<Vec<Vec<u8>>>,
}

impl Direct {
    /// Creates a file of these bytes, or returns `None` where the usual way is to be taken: for small files, and on file systems without
    /// direct writing.
    pub(super) fn create(&self, path: &Path, bytes: &[u8]) -> io::Result<Option<File>> {
        if bytes.len() < WORTH_IT || !bytes.len().is_multiple_of(ALIGNMENT) {
            return Ok(None);
        }
        let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).custom_flags(DIRECT).open(path);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
            opened => opened?,
        };
        // Blocks that came over a link lie well already.
        let written = if bytes.as_ptr().align_offset(ALIGNMENT) == 0 { file.write_all_at(bytes, 0) } else { self.write_copy(&file, bytes) };
        match written {
            // Opened, but not written so: the disk wants another alignment.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
            written => written.map(|()| Some(file)),
        }
    }

    /// Writes from a buffer of our own.
    fn write_copy(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        let mut buffer = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if buffer.len() < bytes.len() + ALIGNMENT {
            buffer = vec![0; bytes.len() + ALIGNMENT];
        }
        let start = buffer.as_ptr().align_offset(ALIGNMENT);
        let aligned = &mut buffer[start..start + bytes.len()];
        aligned.copy_from_slice(bytes);
        let written = file.write_all_at(aligned, 0);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        written
    }
}

/// What makes the system write past its cache.
#[cfg(target_os = "linux")]
const DIRECT: i32 = rustix::fs::OFlags::DIRECT.bits().cast_signed();
#[cfg(not(target_os = "linux"))]
const DIRECT: i32 = 0;
/// Where a buffer begins and what its length is a multiple of: a sector of any disk, and a page.
const ALIGNMENT: usize = 4096;
/// Bytes from which it pays: each direct write waits for the disk, small ones are better gathered.
const WORTH_IT: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_directly_is_read_back_by_everybody() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let direct = Direct::default();
        for (name, len) in [("a", 1 << 20), ("b", 256 << 10), ("c", 512 << 10), ("a", 512 << 10)] {
            let bytes: Vec<u8> = (0..len).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let path = home.path().join(name);
            match direct.create(&path, &bytes).expect("written") {
                Some(_) => assert!(std::fs::read(&path).expect("read") == bytes),
                // A file system without direct writing, such as an older tmpfs.
                None => return,
            }
        }
        assert_eq!(direct.idle.lock().expect("not poisoned").len(), 1, "buffers are used again");
    }

    #[test]
    fn bytes_that_lie_well_are_written_from_where_they_are() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let direct = Direct::default();
        let room: Vec<u8> = (0..(1 << 20) + ALIGNMENT as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let start = room.as_ptr().align_offset(ALIGNMENT);
        let path = home.path().join("file");
        for (from, copies) in [(start, 0), (start ^ 1, 1)] {
            let bytes = &room[from..from + (1 << 20) - ALIGNMENT];
            if direct.create(&path, bytes).expect("written").is_some() {
                assert!(std::fs::read(&path).expect("read") == bytes);
                assert_eq!(direct.idle.lock().expect("not poisoned").len(), copies);
            }
        }
    }

    #[test]
    fn small_and_odd_files_take_the_usual_way() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let direct = Direct::default();
        for len in [0, 4096, (256 << 10) - 4096, (256 << 10) + 1] {
            assert!(direct.create(&home.path().join("file"), &vec![1; len]).expect("no fault").is_none(), "{len} bytes");
        }
    }
}
