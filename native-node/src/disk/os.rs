//! The operating system's files behind the seam of [`Vfs`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::direct::Direct;
use super::vfs::{Entry, Space, Vfs, VfsFile};

/// A directory of the operating system.
#[derive(Debug)]
pub(super) struct OsVfs {
    root: PathBuf,
    direct: Direct,
}

#[derive(Debug)]
struct OsFile(File);

impl OsVfs {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, direct: Direct::default() }
    }

    fn create_file(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(self.root.join(path))
    }
}

impl Vfs for OsVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn VfsFile>> {
        Ok(Arc::new(OsFile(self.create_file(path)?)))
    }

    fn create_filled(&self, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn VfsFile>> {
        if let Some(file) = self.direct.create(&self.root.join(path), bytes)? {
            return Ok(Arc::new(OsFile(file)));
        }
        let file = self.create_file(path)?;
        file.write_all_at(bytes, 0)?;
        // On Linux this advice starts the writing of what is dirty. Files whose data is under way when the first of them is synced share
        // that sync's journal commit, where each would have had one of its own.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
        Ok(Arc::new(OsFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn VfsFile>> {
        Ok(Arc::new(OsFile(OpenOptions::new().read(true).write(true).open(self.root.join(path))?)))
    }

    fn read(&self, path: &Path, expected: usize, fresh: bool) -> io::Result<Vec<u8>> {
        let file = File::open(self.root.join(path))?;
        if fresh {
            #[cfg(target_os = "linux")]
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
        }
        let mut bytes = Vec::with_capacity(expected + 1);
        file.take(expected as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(self.root.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(self.root.join(path))?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let listing = match fs::read_dir(self.root.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut entries = Vec::new();
        for entry in listing {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                entries.push(Entry { name, len: None });
            } else if kind.is_file() {
                entries.push(Entry { name, len: Some(entry.metadata()?.len()) });
            }
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Asks the disk for nothing but the directory itself.
    fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        let listing = match fs::read_dir(self.root.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in listing {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn space(&self) -> io::Result<Space> {
        let stats = fs4::statvfs(&self.root)?;
        Ok(Space { available: stats.available_space(), total: stats.total_space() })
    }
}

impl VfsFile for OsFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        // Length is part of what fdatasync keeps, times are not needed.
        self.0.sync_data()
    }
}
