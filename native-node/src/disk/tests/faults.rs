//! A disk in memory that forgets, tears, fills up and fails on demand.
//!
//! What was written or named since the last sync is *pending*. A power cut keeps any subset of it: of a file's pending writes each
//! sector for itself, of a directory's pending names each for itself, in order. A sync makes what is pending durable.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::layout;
use super::super::vfs::{Entry, Space, Vfs, VfsFile};

/// Decides what goes wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    /// The power goes off at the operation with this number: it and all later ones fail and leave nothing behind.
    pub(super) power_off_at: Option<u64>,
    /// Bytes that all files together may take.
    pub(super) capacity: Option<u64>,
    /// From the operation with this number on nothing finds room, whatever the disk says of its space.
    pub(super) no_room_from: Option<u64>,
    /// The sync of the next file whose path contains this fails, once.
    pub(super) fail_sync_of: Option<&'static str>,
    /// The sync of the next directory whose path contains this fails, once.
    pub(super) fail_sync_dir_of: Option<&'static str>,
    /// The next reading of a whole file returns a flipped bit.
    pub(super) flip_next_read: bool,
    /// So many of the next calls that open something find too many files open.
    pub(super) crowded: u32,
    /// The next such call panics, as a bug of ours might.
    pub(super) panic_in_read: bool,
    pub(super) panic_in_create: bool,
    /// Mutants, to show that the tests see them: such calls do nothing.
    pub(super) no_file_sync: bool,
    pub(super) no_dir_sync: bool,
}

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub(super) struct FaultVfs(Arc<Mutex<Disk>>);

struct Disk {
    faults: Faults,
    /// Operations that change something, so far.
    operations: u64,
    files: BTreeMap<u64, Content>,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    /// Changes of names since the last sync of their directory.
    pending_names: Vec<(PathBuf, Option<Node>)>,
    next_file: u64,
    /// At which operations the index was made longer.
    grown_at: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir,
    File(u64),
}

#[derive(Clone, Default)]
struct Content {
    durable: Vec<u8>,
    now: Vec<u8>,
    pending: Vec<Pending>,
    /// Pages that were written: the others are holes and take no room.
    pages: BTreeSet<u64>,
}

#[derive(Clone)]
enum Pending {
    Write(u64, Vec<u8>),
    Len(u64),
}

struct FaultFile {
    disk: FaultVfs,
    file: u64,
    path: PathBuf,
}

impl FaultVfs {
    pub(super) fn new(faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            faults,
            operations: 0,
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            next_file: 0,
            grown_at: Vec::new(),
        })))
    }

    /// Returns the disk as it may be found after a power cut now, with `random` deciding what was kept in sectors of `sector` bytes.
    pub(super) fn after_power_cut(&self, random: &mut Random, sector: usize, faults: Faults) -> Self {
        let disk = self.lock();
        let mut names = disk.durable_names.clone();
        for (path, node) in &disk.pending_names {
            if random.coin() {
                set(&mut names, path, *node);
            }
        }
        // A name in a directory that is not there is not there either.
        let all = names.clone();
        names.retain(|path, _| path.ancestors().skip(1).all(|above| above == Path::new("") || all.get(above) == Some(&Node::Dir)));
        let mut files = BTreeMap::new();
        for node in names.values() {
            if let Node::File(file) = node {
                let kept = disk.files.get(file).cloned().unwrap_or_default().after_power_cut(random, sector);
                files.insert(
                    *file,
                    Content {
                        pages: (0..(kept.len() as u64).div_ceil(PAGE)).collect(),
                        durable: kept.clone(),
                        now: kept,
                        pending: Vec::new(),
                    },
                );
            }
        }
        Self(Arc::new(Mutex::new(Disk {
            faults,
            operations: 0,
            files,
            durable_names: names.clone(),
            names,
            pending_names: Vec::new(),
            next_file: disk.next_file,
            grown_at: Vec::new(),
        })))
    }

    pub(super) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Returns at which operations the index was made longer.
    pub(super) fn grown_at(&self) -> Vec<u64> {
        self.lock().grown_at.clone()
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.lock().faults);
    }

    /// Returns the paths of all files.
    pub(super) fn paths(&self) -> Vec<String> {
        let disk = self.lock();
        disk.names.iter().filter(|(_, node)| **node != Node::Dir).map(|(path, _)| path.display().to_string()).collect()
    }

    pub(super) fn used(&self) -> u64 {
        self.lock().used()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("no test panics under the lock")
    }
}

impl Disk {
    /// Counts an operation that changes something, or fails because the power is off.
    fn tick(&mut self) -> io::Result<()> {
        self.operations += 1;
        match self.faults.power_off_at {
            Some(at) if self.operations >= at => Err(io::Error::other("the power is off")),
            _ => Ok(()),
        }
    }

    fn used(&self) -> u64 {
        let named = self.names.values().filter_map(|node| match node {
            Node::File(file) => self.files.get(file),
            Node::Dir => None,
        });
        named.map(|content| content.pages.len() as u64 * PAGE).sum()
    }

    fn open_one(&mut self) -> io::Result<()> {
        match self.faults.crowded.checked_sub(1) {
            None => Ok(()),
            Some(left) => {
                self.faults.crowded = left;
                Err(rustix::io::Errno::MFILE.into())
            }
        }
    }

    fn take_room(&self, more: u64) -> io::Result<()> {
        if more > 0 && self.faults.no_room_from.is_some_and(|from| self.operations >= from) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match self.faults.capacity {
            Some(capacity) if more > 0 && self.used() + more > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn name(&mut self, path: &Path, node: Option<Node>) {
        set(&mut self.names, path, node);
        self.pending_names.push((path.to_owned(), node));
    }

    fn file(&self, path: &Path) -> io::Result<u64> {
        match self.names.get(path) {
            Some(Node::File(file)) => Ok(*file),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn is_dir(&self, path: &Path) -> bool {
        path == Path::new("") || self.names.get(path) == Some(&Node::Dir)
    }

    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        if self.is_dir(path.parent().unwrap_or(Path::new(""))) { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn content(&mut self, file: u64) -> &mut Content {
        self.files.get_mut(&file).expect("an open file is there")
    }
}

impl Content {
    fn after_power_cut(&self, random: &mut Random, sector: usize) -> Vec<u8> {
        let mut kept = self.durable.clone();
        for pending in &self.pending {
            match pending {
                Pending::Len(len) => {
                    if random.coin() {
                        kept.resize(*len as usize, 0);
                    }
                }
                Pending::Write(offset, bytes) => {
                    let mut from = 0;
                    while from < bytes.len() {
                        // Sectors lie where the disk has them, not where the write begins.
                        let at = *offset as usize + from;
                        let to = bytes.len().min(from + sector - at % sector);
                        if random.coin() {
                            kept.resize(kept.len().max(at + to - from), 0);
                            kept[at..at + to - from].copy_from_slice(&bytes[from..to]);
                        }
                        from = to;
                    }
                }
            }
        }
        kept
    }
}

impl Vfs for FaultVfs {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn VfsFile>> {
        assert!(!std::mem::take(&mut self.lock().faults.panic_in_create), "a bug in writing");
        let mut disk = self.lock();
        disk.open_one()?;
        disk.tick()?;
        disk.parent_exists(path)?;
        disk.take_room(1)?;
        let file = disk.next_file;
        disk.next_file += 1;
        disk.files.insert(file, Content::default());
        disk.name(path, Some(Node::File(file)));
        drop(disk);
        Ok(Arc::new(FaultFile { disk: self.clone(), file, path: path.to_owned() }))
    }

    fn create_filled(&self, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn VfsFile>> {
        let file = self.create(path)?;
        file.write_at(0, bytes)?;
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn VfsFile>> {
        let file = self.lock().file(path)?;
        Ok(Arc::new(FaultFile { disk: self.clone(), file, path: path.to_owned() }))
    }

    fn read(&self, path: &Path, expected: usize, _fresh: bool) -> io::Result<Vec<u8>> {
        assert!(!std::mem::take(&mut self.lock().faults.panic_in_read), "a bug in reading");
        let mut disk = self.lock();
        let file = disk.file(path)?;
        let mut bytes = disk.content(file).now.clone();
        bytes.truncate(expected + 1);
        if std::mem::take(&mut disk.faults.flip_next_read) {
            bytes[0] ^= 1;
        }
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        disk.tick()?;
        let file = disk.file(from)?;
        disk.parent_exists(to)?;
        disk.take_room(u64::from(!disk.names.contains_key(to)))?;
        disk.name(to, Some(Node::File(file)));
        disk.name(from, None);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        disk.tick()?;
        disk.file(path)?;
        disk.name(path, None);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        if disk.is_dir(path) {
            return Ok(());
        }
        disk.tick()?;
        disk.parent_exists(path)?;
        disk.take_room(1)?;
        disk.name(path, Some(Node::Dir));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.lock();
        disk.open_one()?;
        disk.tick()?;
        if !disk.is_dir(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if disk.faults.fail_sync_dir_of.take_if(|part| path.to_string_lossy().contains(*part)).is_some() {
            return Err(io::Error::other("the disk lost it"));
        }
        if disk.faults.no_dir_sync {
            return Ok(());
        }
        let inside = |name: &Path| name.parent() == Some(path);
        let (synced, pending) = std::mem::take(&mut disk.pending_names).into_iter().partition(|(name, _)| inside(name));
        disk.pending_names = pending;
        for (name, node) in synced {
            set(&mut disk.durable_names, &name, node);
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let disk = self.lock();
        let inside = disk.names.iter().filter(|(name, _)| name.parent() == Some(path));
        let entry = |(name, node): (&PathBuf, &Node)| Entry {
            name: name.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            len: match node {
                Node::Dir => None,
                Node::File(file) => disk.files.get(file).map(|content| content.now.len() as u64),
            },
        };
        Ok(inside.map(entry).collect())
    }

    fn space(&self) -> io::Result<Space> {
        let disk = self.lock();
        let total = disk.faults.capacity.unwrap_or(1 << 40);
        Ok(Space { available: total.saturating_sub(disk.used()), total })
    }
}

impl VfsFile for FaultFile {
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let offset = offset as usize;
        let now = &disk.content(self.file).now;
        out.copy_from_slice(now.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.tick()?;
        let end = offset + bytes.len() as u64;
        let len = disk.content(self.file).now.len() as u64;
        let pages = offset / PAGE..end.div_ceil(PAGE);
        let new = pages.clone().filter(|page| !disk.content(self.file).pages.contains(page)).count() as u64;
        disk.take_room(new * PAGE)?;
        disk.content(self.file).pages.extend(pages);
        let content = disk.content(self.file);
        content.now.resize(len.max(end) as usize, 0);
        content.now[offset as usize..end as usize].copy_from_slice(bytes);
        content.pending.push(Pending::Write(offset, bytes.to_vec()));
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().content(self.file).now.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.tick()?;
        if self.path == Path::new(layout::INDEX) && len > disk.content(self.file).now.len() as u64 {
            let at = disk.operations;
            disk.grown_at.push(at);
        }
        let content = disk.content(self.file);
        content.now.resize(len as usize, 0);
        content.pages.retain(|page| *page < len.div_ceil(PAGE));
        content.pending.push(Pending::Len(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.tick()?;
        if disk.faults.fail_sync_of.take_if(|part| self.path.to_string_lossy().contains(*part)).is_some() {
            // What systems do: the pages count as clean from now on, and were never written.
            disk.content(self.file).pending.clear();
            return Err(io::Error::other("the disk lost it"));
        }
        if !disk.faults.no_file_sync {
            let content = disk.content(self.file);
            content.durable = content.now.clone();
            content.pending.clear();
        }
        Ok(())
    }
}

fn set(names: &mut BTreeMap<PathBuf, Node>, path: &Path, node: Option<Node>) {
    match node {
        Some(node) => names.insert(path.to_owned(), node),
        None => names.remove(path),
    };
}

impl fmt::Debug for FaultVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultVfs")
    }
}

impl fmt::Debug for FaultFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultFile({})", self.path.display())
    }
}

/// Bytes of the pieces in which a file takes room.
const PAGE: u64 = 4096;

/// Numbers that a seed repeats.
pub(super) struct Random(blake3::OutputReader);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof())
    }

    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }
}
