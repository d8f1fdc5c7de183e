//! Trees of files on disk: made from a seed, and compared down to the last byte, mode and time.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a tree holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files.
    pub files: u64,
    /// Folders, without the root.
    pub folders: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Makes a tree of `files` small files in folders three deep, with what is easily forgotten: empty files and folders, links, odd modes, old
/// times, names that are not ASCII. Equal seeds make equal trees.
///
/// # Errors
/// The disk's.
pub fn make(root: &Path, files: u32, seed: u64) -> io::Result<()> {
    let mut chance = Chance(seed);
    for number in 0..files {
        let folder = root.join(format!("shelf {}", number % 7)).join(format!("böx-{}", number / 7 % 23));
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("note {number}.txt"));
        let len = if number % 101 == 0 { 0 } else { chance.below(4_096) };
        let mut bytes = vec![0; len as usize];
        bytes.fill_with(|| chance.next() as u8);
        fs::write(&path, bytes)?;
        let mode = [0o644, 0o600, 0o755, 0o444][chance.below(4) as usize];
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        let modified = SystemTime::UNIX_EPOCH + Duration::new(chance.below(1_700_000_000), chance.below(1_000_000_000) as u32);
        File::open(&path)?.set_times(FileTimes::new().set_modified(modified))?;
        if number % 97 == 0 {
            symlink(format!("note {number}.txt"), folder.join(format!("see {number}")))?;
        }
    }
    fs::create_dir_all(root.join("an empty folder"))
}

/// Compares two trees: names, kinds, sizes, modes, times, where links lead, every byte.
///
/// # Errors
/// What differs, one line each, at most [`DIFFERENCES_MAX`].
pub fn compare(expected: &Path, found: &Path) -> Result<Summary, Vec<String>> {
    let list = |root: &Path| {
        let mut entries = BTreeMap::new();
        list(root, Path::new(""), &mut entries).map(|()| entries).map_err(|error| vec![format!("{}: {error}", root.display())])
    };
    let (left, mut right) = (list(expected)?, list(found)?);
    let mut summary = Summary::default();
    let mut differences = Vec::new();
    for (path, entry) in left {
        let difference = match right.remove(&path) {
            None => Some("is missing".to_owned()),
            Some(other) if other != entry => Some(format!("{entry:?} became {other:?}")),
            Some(_) if entry.kind == Kind::File => content(&expected.join(&path), &found.join(&path)).err(),
            Some(_) => None,
        };
        differences.extend(difference.map(|what| format!("{}: {what}", path.display())));
        match entry.kind {
            Kind::File => summary.files += 1,
            Kind::Folder => summary.folders += 1,
            Kind::Link(_) => summary.links += 1,
            Kind::Special => {}
        }
        summary.bytes += entry.len;
    }
    differences.extend(right.keys().map(|path| format!("{}: was not there before", path.display())));
    differences.truncate(DIFFERENCES_MAX);
    if differences.is_empty() { Ok(summary) } else { Err(differences) }
}

/// As many differences are told.
pub const DIFFERENCES_MAX: usize = 20;

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    kind: Kind,
    len: u64,
    mode: u32,
    modified: (i64, i64),
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Link(PathBuf),
    Special,
}

fn list(root: &Path, below: &Path, entries: &mut BTreeMap<PathBuf, Entry>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let metadata = entry.metadata()?;
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_symlink() => Kind::Link(fs::read_link(entry.path())?),
            kind if kind.is_file() => Kind::File,
            _ => Kind::Special,
        };
        if kind == Kind::Folder {
            list(root, &path, entries)?;
        }
        let (len, modified) = match kind {
            Kind::File => (metadata.len(), (metadata.mtime(), metadata.mtime_nsec())),
            Kind::Folder => (0, (metadata.mtime(), metadata.mtime_nsec())),
            // Systems differ in whether a link has a mode and a time of its own to keep.
            Kind::Link(_) | Kind::Special => (0, (0, 0)),
        };
        let mode = if matches!(kind, Kind::Link(_)) { 0 } else { metadata.mode() & 0o777 };
        entries.insert(path, Entry { kind, len, mode, modified });
    }
    Ok(())
}

/// Adds up the bytes of all files below a folder.
///
/// # Errors
/// The disk's; a file that vanishes in the meantime is none.
pub fn stored(root: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            match entry.and_then(|entry| Ok((entry.path(), entry.metadata()?))) {
                Ok((path, metadata)) if metadata.is_dir() => folders.push(path),
                Ok((_, metadata)) => bytes += metadata.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(bytes)
}

/// Compares the bytes of two files.
///
/// # Errors
/// From where on they differ, or which of them cannot be read.
pub fn content(left: &Path, right: &Path) -> Result<(), String> {
    let open = |path: &Path| File::open(path).map_err(|error| format!("{}: {error}", path.display()));
    let (mut left, mut right) = (open(left)?, open(right)?);
    let (mut ours, mut theirs) = (vec![0; PIECE], vec![0; PIECE]);
    let mut at = 0;
    loop {
        let len = fill(&mut left, &mut ours).map_err(|error| error.to_string())?;
        let other = fill(&mut right, &mut theirs).map_err(|error| error.to_string())?;
        if ours[..len] != theirs[..other] {
            let byte = ours[..len].iter().zip(&theirs[..other]).take_while(|(a, b)| a == b).count();
            return Err(format!("differs from byte {} on", at + byte));
        }
        if len < PIECE {
            return Ok(());
        }
        at += len;
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..])? {
            0 => break,
            read => len += read,
        }
    }
    Ok(len)
}

/// Numbers that are the same on every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

const PIECE: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_trees_are_equal_and_any_change_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for root in [&a, &b] {
            make(root, 300, 7).expect("a disk");
        }
        let same_times = || copy_folder_times(&a, &b);
        same_times();
        let summary = compare(&a, &b).expect("equal trees");
        assert_eq!((summary.files, summary.links), (300, 4));

        let path = b.join("shelf 1/böx-0/note 1.txt");
        let (bytes, times) = (fs::read(&path).expect("a file"), fs::metadata(&path).expect("a file").modified().expect("a time"));
        let restore = |bytes: &[u8], mode: u32, time: SystemTime| {
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).expect("a disk");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a disk");
            File::open(&path).expect("a file").set_times(FileTimes::new().set_modified(time)).expect("a disk");
            same_times();
        };
        let mode = fs::metadata(&path).expect("a file").mode() & 0o777;
        let mut other = bytes.clone();
        *other.last_mut().expect("a byte") ^= 1;
        restore(&other, mode, times);
        assert_eq!(compare(&a, &b), Err(vec![format!("shelf 1/böx-0/note 1.txt: differs from byte {} on", bytes.len() - 1)]));
        for (mode, time) in [(mode ^ 0o100, times), (mode, times + Duration::from_nanos(1))] {
            restore(&bytes, mode, time);
            assert_eq!(compare(&a, &b).expect_err("a change").len(), 1);
        }
        restore(&bytes, mode, times);
        assert_eq!(compare(&a, &b), Ok(summary));
        fs::write(b.join("more"), "").expect("a disk");
        assert_eq!(compare(&a, &b), Err(vec!["more: was not there before".to_owned()]));
        assert!(compare(&b, &a).is_err());
    }

    /// What is written into a folder changes its time; sets them back, deepest last so that nothing changes them again.
    fn copy_folder_times(from: &Path, to: &Path) {
        let mut entries = BTreeMap::new();
        list(from, Path::new(""), &mut entries).expect("a tree");
        for path in entries.iter().filter(|(_, entry)| entry.kind == Kind::Folder).map(|(path, _)| path) {
            let time = fs::metadata(from.join(path)).expect("a folder").modified().expect("a time");
            File::open(to.join(path)).expect("a folder").set_times(FileTimes::new().set_modified(time)).expect("a disk");
        }
    }
}
