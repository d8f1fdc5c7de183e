//! A client's durable notes: keys and bytes in a small database, such as head floors, the journal of an unfinished put, the chunk index.
//!
//! Two kinds, each a file of its own. [`Notes::open`]'s are durable when [`keep`](Notes::keep) returns; what must never be forgotten goes
//! there. [`Notes::open_relaxed`]'s are with the operating system when `keep` returns: they survive the end of the process at once and a
//! power cut a little later, so a power cut may cost all of them. What can be found again goes there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use thiserror::Error;

use crate::data_dir::DataDir;

/// A small durable map.
#[derive(Debug)]
pub struct Notes {
    path: PathBuf,
    database: Database,
    _dir: DataDir,
}

/// Notes cannot be read or kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotesError {
    /// The file contradicts itself. It holds what cannot be found again, so it is not thrown away.
    #[error("the notes in {path} are damaged: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The disk is full; the notes are as before, and must be opened anew.
    #[error("no room for the notes in {path}", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The disk or the operating system refused.
    #[error("notes in {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A key and what it is to hold from now on: bytes, or nothing.
pub type Note = (Vec<u8>, Option<Vec<u8>>);

impl Notes {
    /// Opens the notes that are durable when kept.
    ///
    /// # Errors
    /// [`NotesError`].
    pub fn open(dir: &DataDir) -> Result<Self, NotesError> {
        Self::open_file(dir, &dir.join(DURABLE), true)
    }

    /// Opens the notes that a power cut may take. When it did, the damaged file is set aside and the notes are empty.
    ///
    /// # Errors
    /// [`NotesError`].
    pub fn open_relaxed(dir: &DataDir) -> Result<Self, NotesError> {
        let path = dir.join(RELAXED);
        match Self::open_file(dir, &path, false) {
            Err(NotesError::Damaged { reason, .. }) => {
                tracing::warn!(%reason, "the notes of unfinished work are damaged and set aside");
                fs::rename(&path, dir.join(RELAXED_DAMAGED)).map_err(|source| NotesError::Io { path: path.clone(), source })?;
                Self::open_file(dir, &path, false)
            }
            other => other,
        }
    }

    /// Returns everything that is kept.
    ///
    /// # Errors
    /// [`NotesError`].
    pub fn load_all(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, NotesError> {
        self.guarded(|| {
            let table = self.database.begin_read()?.open_table(NOTES)?;
            let mut notes = BTreeMap::new();
            for row in table.iter()? {
                let (key, bytes) = row?;
                notes.insert(key.value().to_vec(), bytes.value().to_vec());
            }
            Ok(notes)
        })
    }

    /// Keeps notes, all or none; see the kinds for what that promises.
    ///
    /// # Errors
    /// [`NotesError`].
    pub fn keep(&self, notes: &[Note]) -> Result<(), NotesError> {
        self.guarded(|| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_two_phase_commit(true);
            {
                let mut table = transaction.open_table(NOTES)?;
                for (key, bytes) in notes {
                    match bytes {
                        Some(bytes) => table.insert(key.as_slice(), bytes.as_slice())?,
                        None => table.remove(key.as_slice())?,
                    };
                }
            }
            Ok(transaction.commit()?)
        })
    }

    fn open_file(dir: &DataDir, path: &Path, durable: bool) -> Result<Self, NotesError> {
        let fault = |source| NotesError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let file = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Made under another name, so that a crash leaves no half of it under this one.
                let new = path.with_extension("redb.new");
                let file = options.create(true).truncate(true).open(&new).map_err(fault)?;
                create_table(path, &open_database(path, file.try_clone().map_err(fault)?, true)?)?;
                fs::rename(&new, path).and_then(|()| File::open(dir.path())?.sync_all()).map_err(fault)?;
                file
            }
            other => other.map_err(fault)?,
        };
        // A process that was killed may have left changes that only the system's memory knows.
        file.sync_data().map_err(fault)?;
        let database = open_database(path, file, durable)?;
        // An empty file is a new database to redb; to us it is one whose contents are gone.
        guarded(path, || {
            database.begin_read()?.open_table(NOTES)?;
            Ok(())
        })?;
        Ok(Self { path: path.to_owned(), database, _dir: dir.clone() })
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, NotesError> {
        guarded(&self.path, work)
    }
}

fn open_database(path: &Path, file: File, durable: bool) -> Result<Database, NotesError> {
    guarded(path, || {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        Ok(builder.create_with_backend(Backend { file, durable })?)
    })
}

fn create_table(path: &Path, database: &Database) -> Result<(), NotesError> {
    guarded(path, || {
        let transaction = database.begin_write()?;
        transaction.open_table(NOTES)?;
        Ok(transaction.commit()?)
    })
}

/// redb asserts what a page says of itself, so a wrecked page can be a panic.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, NotesError> {
    let path = path.to_owned();
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(redb::Error::Io(error))) => match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Err(NotesError::Full { path }),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Err(NotesError::Damaged { path, reason: error.to_string() }),
            _ => Err(NotesError::Io { path, source: error }),
        },
        Ok(Err(error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed))) => {
            Err(NotesError::Io { path, source: io::Error::other(error.to_string()) })
        }
        Ok(Err(error)) => Err(NotesError::Damaged { path, reason: error.to_string() }),
        Err(_) => Err(NotesError::Damaged { path, reason: "reading it panicked".into() }),
    }
}

/// redb's storage that leaves syncing to the operating system when it need not be durable.
#[derive(Debug)]
struct Backend {
    file: File,
    durable: bool,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.durable { self.file.sync_data() } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
}

const NOTES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("notes-1");
const DURABLE: &str = "notes.redb";
const RELAXED: &str = "journal.redb";
const RELAXED_DAMAGED: &str = "journal.redb.damaged";
/// Bytes of pages kept in memory.
const CACHE: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn note(key: &str, bytes: Option<&str>) -> Note {
        (key.into(), bytes.map(Into::into))
    }

    #[test]
    fn what_was_kept_is_there_after_the_process_vanished() {
        for open in [Notes::open, Notes::open_relaxed] {
            let home = tempfile::tempdir().expect("a temporary directory");
            let dir = DataDir::claim(home.path()).expect("free");
            let notes = open(&dir).expect("opened");
            notes.keep(&[note("floor", Some("1")), note("journal", Some("a"))]).expect("kept");
            notes.keep(&[note("floor", Some("2")), note("journal", None)]).expect("kept");
            // Not closed: what a SIGKILL leaves.
            std::mem::forget(notes);
            let again = open(&dir).expect("opened again");
            assert_eq!(again.load_all().expect("read"), BTreeMap::from([(b"floor".to_vec(), b"2".to_vec())]));
        }
    }

    #[test]
    fn damaged_notes_are_an_error_and_damaged_journals_start_empty() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let dir = DataDir::claim(home.path()).expect("free");
        for open in [Notes::open, Notes::open_relaxed] {
            open(&dir).expect("opened").keep(&[note("key", Some("bytes"))]).expect("kept");
        }
        for name in [DURABLE, RELAXED] {
            let file = OpenOptions::new().write(true).open(dir.join(name)).expect("there");
            let len = file.metadata().expect("known").len();
            for offset in (0..len).step_by(512) {
                file.write_all_at(&[0xa5; 64], offset).expect("wrecked");
            }
        }
        assert!(matches!(Notes::open(&dir), Err(NotesError::Damaged { .. })));
        fs::write(dir.join(DURABLE), b"").expect("emptied");
        assert!(matches!(Notes::open(&dir), Err(NotesError::Damaged { .. })), "also when nothing of it is left");
        let relaxed = Notes::open_relaxed(&dir).expect("empty");
        assert!(relaxed.load_all().expect("read").is_empty());
        relaxed.keep(&[note("key", Some("new"))]).expect("kept");
        assert!(dir.join(RELAXED_DAMAGED).exists());
    }
}
