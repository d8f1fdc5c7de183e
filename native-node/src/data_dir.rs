//! A data directory: its paths, the lock that keeps a second process out, and small files written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// A data directory that this process has to itself until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    _lock: Arc<File>,
}

/// A data directory cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another process has it.
    #[error("data directory {path} is in use by process {pid}", path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that has it.
        pid: u32,
    },
    /// Another process has it and has not written its number yet.
    #[error("data directory {path} is in use by another process", path = path.display())]
    InUseBySomebody {
        /// The directory.
        path: PathBuf,
    },
    /// The disk or the operating system refused.
    #[error("data directory {path}: {source}", path = path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A file that holds a secret cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// Others than its owner may read or write it.
    #[error("{path} can be read by others (mode {mode:o}); make it private: chmod 600 {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The disk or the operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl DataDir {
    /// Creates the directory when it is missing, for its owner only, and takes its lock.
    ///
    /// # Errors
    /// [`DataDirError`]: another process has it, or the operating system refused.
    pub fn claim(path: &Path) -> Result<Self, DataDirError> {
        let fault = |source| DataDirError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fault)?;
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path.join(LOCK)).map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path, lock)),
            Err(TryLockError::Error(source)) => return Err(fault(source)),
        }
        lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(fault)?;
        Ok(Self { path: path.to_owned(), _lock: Arc::new(lock) })
    }

    /// Returns where the directory is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in the directory.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Writes a file whole or not at all, durable on return, with these permission bits.
///
/// # Errors
/// The operating system's; the file is then as it was before.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = dir.join(temporary);
    let written = write_new(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report; a leftover is overwritten by the next attempt.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    File::open(dir)?.sync_all()
}

/// Writes a secret, readable by its owner only, as [`write_atomic`] does.
///
/// # Errors
/// [`SecretFileError::Io`].
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), SecretFileError> {
    write_atomic(path, bytes, 0o600).map_err(|source| SecretFileError::Io { path: path.to_owned(), source })
}

/// Reads a secret, unless others than its owner can read or write the file.
///
/// # Errors
/// [`SecretFileError`].
pub fn read_secret(path: &Path) -> Result<Vec<u8>, SecretFileError> {
    let fault = |source| SecretFileError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fault)?;
    let mode = file.metadata().map_err(fault)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(fault)?;
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    // A leftover of the same name keeps its own mode, which may be wider.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn in_use(path: &Path, mut lock: File) -> DataDirError {
    let mut text = String::new();
    let read = lock.read_to_string(&mut text);
    match read.ok().and_then(|_| text.trim().parse().ok()) {
        Some(pid) => DataDirError::InUse { path: path.to_owned(), pid },
        None => DataDirError::InUseBySomebody { path: path.to_owned() },
    }
}

const LOCK: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_names_the_process_that_has_it() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("deep/er");
        let first = DataDir::claim(&path).expect("nobody has it");
        let message = DataDir::claim(&path).expect_err("somebody has it").to_string();
        assert_eq!(message, format!("data directory {} is in use by process {}", path.display(), std::process::id()));
        assert_eq!(fs::metadata(&path).expect("it exists").mode() & 0o777, 0o700);
        drop(first);
        DataDir::claim(&path).expect("free again");
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("seed");
        write_secret(&path, b"secret").expect("written");
        assert_eq!(read_secret(&path).expect("private"), b"secret");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).expect("own file");
        assert!(matches!(read_secret(&path), Err(SecretFileError::Exposed { mode: 0o640, .. })));
        write_secret(&path, b"again").expect("written");
        assert_eq!(read_secret(&path).expect("private again"), b"again");
        assert_eq!(fs::read_dir(home.path()).expect("listed").count(), 1, "nothing temporary is left");
    }
}
