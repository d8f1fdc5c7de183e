//! What there is to put: the files, folders and symlinks of this machine that were named, and why some are left out.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path as FsPath, PathBuf};

use cachette_core::vault::tree::{Meta, Name, Path};
use serde::Serialize;

use super::unchanged::Begun;
use crate::cli::error::{CliError, ExitKind};
use crate::cli::paths::{printable, shown};

/// Something to put.
pub(super) struct Item {
    pub(super) from: PathBuf,
    pub(super) to: Path,
    pub(super) kind: Kind,
    pub(super) meta: Meta,
    /// When the file system last changed anything about it, in nanoseconds.
    pub(super) changed: i128,
    /// The moment before which that must lie for the file to count as unchanged, if there is one.
    pub(super) before: Option<i128>,
}

impl Item {
    /// Says whether it is what comes through the standard input.
    pub(super) fn is_stdin(&self) -> bool {
        self.from.as_os_str() == "-"
    }
}

pub(super) enum Kind {
    File(u64),
    Dir,
    Symlink(Vec<u8>),
}

/// Something that was not put, and why.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Skipped {
    pub(super) path: String,
    pub(super) reason: String,
}

/// What was found on this machine.
#[derive(Default)]
pub(super) struct Found {
    pub(super) items: VecDeque<Item>,
    pub(super) skipped: Vec<Skipped>,
    /// Sources that were named and do not exist.
    pub(super) absent: usize,
    pub(super) bytes: u64,
    pub(super) files: u64,
    /// Files that are in the vault already, as they are.
    pub(super) unchanged: u64,
    /// Of the source that is being walked; see [`Item::before`].
    pub(super) before: Option<i128>,
    /// The sources and where each goes.
    pub(super) places: Vec<(PathBuf, String)>,
    /// The same, as they were named.
    sources: BTreeMap<Path, PathBuf>,
}

impl Found {
    /// Looks for everything that was named. `again`: also what has not changed is to be read.
    pub(super) fn all(sources: &[PathBuf], to: &Path, again: bool, begun: &Begun, begins: i128) -> Result<Self, CliError> {
        let mut found = Self::default();
        for source in sources {
            if source.as_os_str() == "-" {
                if to.is_root() {
                    return Err(CliError::new(ExitKind::Usage, "standard input needs a name")
                        .hint("give its path in the vault: --to /notes/today.txt"));
                }
                let meta = Meta { mode: 0o644, ..now() };
                let item = Item { from: source.clone(), to: to.clone(), kind: Kind::File(0), meta, changed: begins, before: None };
                found.items.push_back(item);
                found.files += 1;
                continue;
            }
            if fs::symlink_metadata(source).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                found.absent += 1;
                found.skip(source, "there is no such file or folder".into());
                continue;
            }
            let name = match source.file_name() {
                Some(name) => name.to_owned(),
                // `.` and `..` have the name of what they stand for.
                None => fs::canonicalize(source).ok().and_then(|path| path.file_name().map(ToOwned::to_owned)).unwrap_or_default(),
            };
            if name.is_empty() {
                found.skip(source, "a whole machine has no name in a vault: name the folders in it".into());
                continue;
            }
            match Name::new(name.as_bytes())
                .map_err(|error| error.to_string())
                .and_then(|name| to.join(name).map_err(|error| error.to_string()))
            {
                Ok(path) => {
                    if let Some(other) = found.sources.insert(path.clone(), source.clone()) {
                        return Err(same_place(&path, &other, source));
                    }
                    found.before = None;
                    if let Ok(place) = fs::canonicalize(source) {
                        let to = path.to_string();
                        found.before = if again { None } else { begun.before(&place, &to, begins) };
                        found.places.push((place, to));
                    }
                    found.walk(source, path);
                }
                Err(error) => found.skip(source, error),
            }
        }
        Ok(found)
    }

    /// Takes in what stands at a path of this machine, with everything below it.
    fn walk(&mut self, from: &FsPath, to: Path) {
        let metadata = match fs::symlink_metadata(from) {
            Ok(metadata) => metadata,
            Err(error) => return self.skip(from, words(&error)),
        };
        let meta = meta_of(&metadata);
        let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
        let before = self.before;
        let item = |to, kind| Item { from: from.to_owned(), to, kind, meta, changed, before };
        let kind = metadata.file_type();
        if kind.is_dir() {
            let entries = match fs::read_dir(from).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
                Ok(entries) => entries,
                Err(error) => return self.skip(from, words(&error)),
            };
            self.items.push_back(item(to.clone(), Kind::Dir));
            for entry in entries {
                let name = Name::new(entry.file_name().as_bytes()).map_err(|error| error.to_string());
                match name.and_then(|name| to.join(name).map_err(|error| error.to_string())) {
                    Ok(to) => self.walk(&entry.path(), to),
                    Err(error) => self.skip(&entry.path(), error),
                }
            }
        } else if kind.is_file() {
            self.bytes += metadata.len();
            self.files += 1;
            self.items.push_back(item(to, Kind::File(metadata.len())));
        } else if kind.is_symlink() {
            match fs::read_link(from) {
                Ok(target) => {
                    let kind = Kind::Symlink(target.as_os_str().as_bytes().to_vec());
                    self.items.push_back(item(to, kind));
                }
                Err(error) => self.skip(from, words(&error)),
            }
        } else {
            self.skip(from, NO_CONTENT.into());
        }
    }

    pub(super) fn skip(&mut self, path: &FsPath, reason: String) {
        self.skipped.push(Skipped { path: printable(&path.to_string_lossy()), reason });
    }
}

/// The error of a command that names two things for one place, of which one would be lost without a word.
fn same_place(path: &Path, one: &FsPath, other: &FsPath) -> CliError {
    let [one, other] = [one, other].map(|source| printable(&source.to_string_lossy()));
    CliError::new(ExitKind::Usage, format!("{one} and {other} would both become {}", printable(&shown(path))))
        .hint("nothing was put; put them into different folders with --to, one command each")
}

/// Opens what was a file when it was found. Something else may stand there by now: a symlink is not followed, and a pipe without a
/// writer does not keep the put waiting.
pub(super) fn open(path: &FsPath) -> Result<fs::File, String> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| words(&error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err("it became something else than a file while it was put".into()),
        Err(error) => Err(words(&error)),
    }
}

pub(super) fn meta_of(metadata: &Metadata) -> Meta {
    Meta {
        mode: metadata.mode() & 0o7777,
        modified_seconds: metadata.mtime(),
        modified_nanos: u32::try_from(metadata.mtime_nsec()).unwrap_or_default(),
    }
}

fn now() -> Meta {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Meta { mode: 0o644, modified_seconds: i64::try_from(since.as_secs()).unwrap_or_default(), modified_nanos: since.subsec_nanos() }
}

/// What the operating system said, without its number.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it vanished before it was read".into(),
        io::ErrorKind::PermissionDenied => "this user may not read it".into(),
        _ => error.to_string(),
    }
}

/// Why pipes, sockets and devices are left out.
const NO_CONTENT: &str = "not a file, folder or symlink";
