//! Writing what was got: never over what exists unless told, never half a file under its final name, and on from where it stopped.
//!
//! A file grows as `.NAME.VERSION.part` beside its final place, where `VERSION` tells contents apart. Every 64 MiB the mark in
//! `.NAME.VERSION.at` is set; an interrupted get goes on from there, and nothing beyond it is trusted. A folder that a get makes grows
//! the same way, and has its name when everything is in it.

mod folder;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cachette_core::vault::tree::{Content, Meta, Node};
use thiserror::Error;

pub use self::folder::FolderLanding;
use super::mark::Mark;

/// A file on its way to its final name.
pub struct Landing {
    target: PathBuf,
    part: PathBuf,
    mark: Mark,
    file: File,
    meta: Meta,
    resumed: u64,
    written: u64,
    unmarked: u64,
    expected: u64,
    force: bool,
}

/// Something was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LandingError {
    /// It exists, and nobody said to write over it.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The folder that it should be written into is not there.
    #[error("the folder {0} does not exist")]
    NoFolder(PathBuf),
    /// Something else stands where a folder has to be.
    #[error("{0} is in the way: it is no folder")]
    InTheWay(PathBuf),
    /// Fewer bytes came than the file has.
    #[error("it is not complete: {0} bytes are missing")]
    Incomplete(u64),
    /// The operating system refused.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl LandingError {
    fn io(path: &Path, error: io::Error) -> Self {
        match path.parent() {
            Some(parent) if error.kind() == io::ErrorKind::NotFound && !parent.exists() => Self::NoFolder(parent.to_owned()),
            _ => Self::Io { path: path.to_owned(), error },
        }
    }

    /// Says whether the disk has no room, so that nothing else can be written either.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { error, .. } if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Says whether this very file stands there already, as far as its size, time and mode can tell.
#[must_use]
pub fn is_there(target: &Path, node: &Node) -> bool {
    let Node::File { meta, len, .. } = node else { return false };
    fs::symlink_metadata(target).is_ok_and(|there| {
        there.is_file()
            && there.len() == *len
            && there.mode() & 0o777 == meta.mode & 0o777
            && (there.mtime(), there.mtime_nsec()) == (meta.modified_seconds, i64::from(meta.modified_nanos))
    })
}

impl Landing {
    /// Begins a file, or goes on with the same version of it where a get was interrupted.
    ///
    /// # Errors
    /// [`LandingError`].
    pub fn begin(target: &Path, node: &Node, range: Option<(u64, u64)>, force: bool) -> Result<Self, LandingError> {
        if !force && fs::symlink_metadata(target).is_ok() {
            return Err(LandingError::Exists(target.to_owned()));
        }
        let (meta, len) = match node {
            Node::File { meta, len, .. } => (*meta, *len),
            _ => (Meta::default(), 0),
        };
        let version = version(node, range);
        let part = beside(target, &version, "part");
        let fault = |error| LandingError::Io { path: part.clone(), error };
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&part);
        let mut file = opened.map_err(|error| LandingError::io(&part, error))?;
        let (mark, trusted) = Mark::open(beside(target, &version, "at"));
        let there = file.metadata().map_err(fault)?.len();
        let resumed = there.min(trusted);
        // ext4 writes a file that was ever cut to nothing to the disk when it is closed: 0.3 s for 1 GiB.
        if there > resumed {
            file.set_len(resumed).map_err(fault)?;
        }
        file.seek(SeekFrom::Start(resumed)).map_err(fault)?;
        let expected = range.map_or(len, |(_, len)| len);
        Ok(Self { target: target.to_owned(), part, mark, file, meta, resumed, written: resumed, unmarked: 0, expected, force })
    }

    /// Returns how many bytes are here already.
    #[must_use]
    pub const fn resumed(&self) -> u64 {
        self.resumed
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// [`LandingError::Io`]; what was written stays for the next attempt.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LandingError> {
        let fault = |error| LandingError::Io { path: self.part.clone(), error };
        self.file.write_all(bytes).map_err(fault)?;
        self.written += bytes.len() as u64;
        self.unmarked += bytes.len() as u64;
        if self.unmarked >= MARK_EVERY {
            self.unmarked = 0;
            self.mark.note(&self.file, self.written).map_err(fault)?;
        }
        Ok(())
    }

    /// Gives the file its attributes and its name.
    ///
    /// # Errors
    /// [`LandingError`].
    pub fn finish(self) -> Result<u64, LandingError> {
        if self.written != self.expected {
            return Err(LandingError::Incomplete(self.expected.saturating_sub(self.written)));
        }
        let fault = |error| LandingError::Io { path: self.target.clone(), error };
        set(&self.file, &self.meta).map_err(fault)?;
        if self.force {
            fs::rename(&self.part, &self.target).map_err(fault)?;
        } else {
            // A link, unlike a rename, fails when somebody made the file in the meantime.
            fs::hard_link(&self.part, &self.target).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => LandingError::Exists(self.target.clone()),
                _ => fault(error),
            })?;
            fs::remove_file(&self.part).map_err(fault)?;
        }
        if self.written >= MARK_EVERY {
            // The mark may never have been written.
            let _ = fs::remove_file(self.mark.path());
        }
        Ok(self.written)
    }
}

/// Makes a folder, or takes one that exists; a symlink to one is not followed.
///
/// # Errors
/// [`LandingError`].
pub fn make_folder(path: &Path) -> Result<(), LandingError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => Ok(()),
            _ => Err(LandingError::InTheWay(path.to_owned())),
        },
        Err(error) => Err(LandingError::io(path, error)),
    }
}

/// Gives a folder its attributes, once everything in it is written.
///
/// # Errors
/// [`LandingError::Io`].
pub fn finish_folder(path: &Path, meta: &Meta) -> Result<(), LandingError> {
    File::open(path).and_then(|folder| set(&folder, meta)).map_err(|error| LandingError::Io { path: path.to_owned(), error })
}

/// Makes a symlink; what it points to is not looked at.
///
/// # Errors
/// [`LandingError`].
pub fn make_symlink(path: &Path, target: &[u8], meta: &Meta, force: bool) -> Result<(), LandingError> {
    let fault = |error| LandingError::Io { path: path.to_owned(), error };
    if force && fs::symlink_metadata(path).is_ok_and(|there| !there.is_dir()) {
        fs::remove_file(path).map_err(fault)?;
    }
    let target = std::ffi::OsString::from_vec(target.to_vec());
    std::os::unix::fs::symlink(target, path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => LandingError::Exists(path.to_owned()),
        _ => fault(error),
    })?;
    let time = rustix::fs::Timespec { tv_sec: meta.modified_seconds, tv_nsec: i64::from(meta.modified_nanos) };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).map_err(|error| fault(error.into()))
}

fn set(file: &File, meta: &Meta) -> io::Result<()> {
    // Set-user-id and its like are not brought back: whoever put the file need not be trusted with them here.
    file.set_permissions(Permissions::from_mode(meta.mode & 0o777))?;
    let seconds = Duration::from_secs(meta.modified_seconds.unsigned_abs());
    let whole = if meta.modified_seconds < 0 { SystemTime::UNIX_EPOCH - seconds } else { SystemTime::UNIX_EPOCH + seconds };
    file.set_modified(whole + Duration::from_nanos(meta.modified_nanos.into()))
}

/// Tells versions of a file or folder apart: equal for equal content and range.
fn version(node: &Node, range: Option<(u64, u64)>) -> String {
    let mut hasher = blake3::Hasher::new();
    match node {
        Node::File { len, content, .. } => {
            hasher.update(&len.to_be_bytes());
            match content {
                Content::Inline(chunks) => chunks.iter().for_each(|chunk| {
                    hasher.update(&chunk.id.0);
                }),
                Content::Paged(page) => {
                    hasher.update(format!("{page:?}").as_bytes());
                }
            }
        }
        other => {
            hasher.update(format!("{other:?}").as_bytes());
        }
    }
    if let Some((from, len)) = range {
        hasher.update(&from.to_be_bytes()).update(&len.to_be_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn beside(target: &Path, version: &str, kind: &str) -> PathBuf {
    let name = target.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
    // Leaves room for the rest within what a file system takes.
    let name = &name[..name.len().min(200)];
    let name = [b".", name, b".", version.as_bytes(), b".", kind.as_bytes()].concat();
    target.with_file_name(std::ffi::OsString::from_vec(name))
}

/// Bytes after which the mark is set: what an interruption costs.
const MARK_EVERY: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn node(len: u64) -> Node {
        let meta = Meta { mode: 0o4755, modified_seconds: 1_000_000_000, modified_nanos: 123_456_789 };
        Node::File { meta, len, content: Content::Inline(Vec::new()) }
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let target = home.path().join("film");
        let mut landing = Landing::begin(&target, &node(6), None, false).expect("begun");
        landing.write(b"abc").expect("written");
        assert!(matches!(landing.finish(), Err(LandingError::Incomplete(3))));
        assert!(!target.exists());
        let mut landing = Landing::begin(&target, &node(6), None, false).expect("begun");
        assert_eq!(landing.resumed(), 0, "the mark was not set, so nothing is trusted");
        landing.write(b"abcdef").expect("written");
        assert_eq!(landing.finish().expect("whole"), 6);
        assert_eq!(fs::read(&target).expect("there"), b"abcdef");
        let metadata = fs::metadata(&target).expect("there");
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o755, "never set-user-id");
        assert_eq!(fs::read_dir(home.path()).expect("listed").count(), 1, "nothing is left beside it");
        assert!(matches!(Landing::begin(&target, &node(6), None, false), Err(LandingError::Exists(_))));
        assert!(Landing::begin(&target, &node(6), None, true).is_ok());
    }

    /// Interrupts a file of which `part` has landed and the mark says this.
    fn interrupted(target: &Path, node: &Node, part: &[u8], mark: &str) {
        let version = version(node, None);
        fs::write(beside(target, &version, "part"), part).expect("written");
        fs::write(beside(target, &version, "at"), mark).expect("written");
    }

    #[test]
    fn nothing_beyond_the_mark_is_trusted() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        // What a power cut leaves behind what was synced: the length, and nothing in it.
        let cut = ("ab\0\0\0", "2 5 another-run".to_owned(), 2);
        let killed = ("abcx", format!("2 3 {}", boot.trim()), if boot.is_empty() { 2 } else { 3 });
        let short = ("ab", format!("2 5 {}", boot.trim()), 2);
        let long = ("ab-------", "2 9 another-run".to_owned(), 2);
        for (number, (part, mark, trusted)) in [cut, killed, short, long].into_iter().enumerate() {
            let target = home.path().join(number.to_string());
            interrupted(&target, &node(6), part.as_bytes(), &mark);
            let mut landing = Landing::begin(&target, &node(6), None, false).expect("begun");
            assert_eq!(landing.resumed(), trusted, "{mark}");
            landing.write(&b"abcdef"[trusted as usize..]).expect("written");
            assert_eq!(landing.finish().expect("whole"), 6);
            assert_eq!(fs::read(&target).expect("there"), b"abcdef", "{mark}");
        }
    }

    #[test]
    fn a_file_is_there_only_if_nothing_about_it_differs() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let target = home.path().join("film");
        assert!(!is_there(&target, &node(6)));
        let mut landing = Landing::begin(&target, &node(6), None, false).expect("begun");
        landing.write(b"abcdef").expect("written");
        landing.finish().expect("whole");
        assert!(is_there(&target, &node(6)));
        assert!(!is_there(&target, &node(7)), "another size");
        fs::set_permissions(&target, Permissions::from_mode(0o600)).expect("ours");
        assert!(!is_there(&target, &node(6)), "another mode");
        fs::set_permissions(&target, Permissions::from_mode(0o755)).expect("ours");
        assert!(is_there(&target, &node(6)));
        File::open(&target).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("ours");
        assert!(!is_there(&target, &node(6)), "another time");
    }

    #[test]
    fn a_large_file_goes_on_from_its_mark_and_leaves_none_behind() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let target = home.path().join("film");
        let (marked, rest) = (vec![1; MARK_EVERY as usize], [2; 1000]);
        let node = node(MARK_EVERY + 1000);
        let mut landing = Landing::begin(&target, &node, None, false).expect("begun");
        landing.write(&marked[..1000]).expect("written");
        drop(landing);
        assert_eq!(Landing::begin(&target, &node, None, false).expect("begun").resumed(), 0, "no mark is set so early");
        let mut landing = Landing::begin(&target, &node, None, false).expect("begun");
        landing.write(&marked).expect("written");
        landing.write(&rest[..500]).expect("written");
        drop(landing);
        let mut landing = Landing::begin(&target, &node, None, false).expect("begun");
        // Where nothing tells whether the machine has started anew, only what was synced counts.
        let tells = fs::read_to_string("/proc/sys/kernel/random/boot_id").is_ok_and(|boot| !boot.trim().is_empty());
        assert_eq!(landing.resumed(), if tells { MARK_EVERY } else { 0 });
        if !tells {
            landing.write(&marked).expect("written");
        }
        landing.write(&rest).expect("written");
        assert_eq!(landing.finish().expect("whole"), MARK_EVERY + 1000);
        assert!(fs::read(&target).expect("there") == [marked.as_slice(), &rest].concat());
        assert_eq!(fs::read_dir(home.path()).expect("listed").count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_somebody_made_meanwhile_is_not_written_over() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let target = home.path().join("film");
        for force in [false, true] {
            let mut landing = Landing::begin(&target, &node(6), None, force).expect("begun");
            landing.write(b"abcdef").expect("written");
            fs::write(&target, "somebody's").expect("written");
            match landing.finish() {
                Err(LandingError::Exists(_)) if !force => assert_eq!(fs::read(&target).expect("there"), b"somebody's"),
                result => assert!(force && fs::read(&target).expect("there") == b"abcdef", "{result:?}"),
            }
            fs::remove_file(&target).expect("removed");
        }
    }

    #[test]
    fn p18_a_symlink_in_the_way_is_not_followed() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let outside = home.path().join("outside");
        fs::create_dir(&outside).expect("made");
        let inside = home.path().join("inside");
        std::os::unix::fs::symlink(&outside, &inside).expect("made");
        assert!(matches!(make_folder(&inside), Err(LandingError::InTheWay(_))));
        make_folder(&outside).expect("a folder is taken");
    }
}
