//! One batch of commits on its way to the disk.
//!
//! ```text
//! plan --> temporary files, written and synced --> names --> directories synced --> one index transaction --> answers
//! ```
//!
//! No step begins before the one before it is done for every commit that is still in.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::store::{Commit, RecordSlot, StoreFault};

use super::index::{Change, IndexError};
use super::layout;
use super::rebuild;
use super::store::Shared;
use super::vfs::{Vfs, VfsFile, is_full, patiently};

/// The commits of a batch and what became of each.
pub(super) struct Batch<'b> {
    shared: &'b Shared,
    durable_dirs: &'b mut BTreeSet<PathBuf>,
    next_temporary: &'b mut u64,
    commits: &'b [Commit],
    results: Vec<Result<(), StoreFault>>,
    files: Vec<NewFile>,
    /// For a block that several commits bring: the commit that writes it, and those that count on it.
    counts_on: Vec<(usize, usize)>,
}

struct NewFile {
    commit: usize,
    what: What,
    bytes: Bytes,
    temporary: PathBuf,
    path: PathBuf,
    dir: PathBuf,
}

enum What {
    Block(Block),
    Record(RecordSlot, Bytes),
}

/// Why a file was not written.
enum FileFault {
    Write(io::Error),
    Sync(io::Error),
}

/// The batch cannot go on: what was synced is not known.
struct Broken;

impl<'b> Batch<'b> {
    pub(super) fn new(
        shared: &'b Shared,
        durable_dirs: &'b mut BTreeSet<PathBuf>,
        next_temporary: &'b mut u64,
        commits: &'b [Commit],
    ) -> Self {
        let results = vec![Ok(()); commits.len()];
        Self { shared, durable_dirs, next_temporary, commits, results, files: Vec::new(), counts_on: Vec::new() }
    }

    /// Brings the batch to the disk. `Ok` for a commit means that all of it is durable.
    pub(super) fn run(mut self) -> Vec<Result<(), StoreFault>> {
        if self.carry_out().is_err() {
            self.results.fill(Err(StoreFault::Failed));
        }
        self.results
    }

    fn carry_out(&mut self) -> Result<(), Broken> {
        if let Err(error) = self.plan() {
            let fault = index_fault(self.shared, &error);
            self.results.fill(Err(fault));
            return Ok(());
        }
        self.write_files()?;
        self.name_files()?;
        self.note_in_index()
    }

    /// Decides which files to write, and refuses commits for which there is no room.
    fn plan(&mut self) -> Result<(), IndexError> {
        let mut room = self.shared.room().map_err(|error| IndexError::Failed(error.to_string()))?;
        let mut writers: BTreeMap<(VaultId, BlockId), usize> = BTreeMap::new();
        for (number, commit) in self.commits.iter().enumerate() {
            let ids: Vec<BlockId> = commit.blocks.iter().map(Block::id).collect();
            let held = self.shared.index.view(|view| view.has(&commit.vault, &ids))?;
            let new = || commit.blocks.iter().zip(&held).filter(|(_, held)| !**held).map(|(block, _)| block);
            let mut need = 0;
            let mut own = BTreeSet::new();
            for block in new() {
                if !writers.contains_key(&(commit.vault, block.id())) && own.insert(block.id()) {
                    need += block.bytes().len() as u64 + FILE_COST;
                }
            }
            need += commit.records.iter().map(|(_, bytes)| bytes.len() as u64 + FILE_COST).sum::<u64>();
            if need > room {
                self.results[number] = Err(StoreFault::Full);
                continue;
            }
            room -= need;
            for block in new() {
                match writers.get(&(commit.vault, block.id())) {
                    Some(writer) => self.counts_on.push((number, *writer)),
                    None => {
                        writers.insert((commit.vault, block.id()), number);
                        let (path, dir) = (layout::block(&commit.vault, &block.id()), layout::shard(&commit.vault, block.id().0[0]));
                        self.add(number, What::Block(block.clone()), block.bytes().clone(), path, dir);
                    }
                }
            }
            for (slot, bytes) in &commit.records {
                let file = rebuild::record_file(slot, bytes);
                self.add(number, What::Record(*slot, bytes.clone()), file, layout::record(slot), layout::records(&slot.vault));
            }
        }
        Ok(())
    }

    fn add(&mut self, commit: usize, what: What, bytes: Bytes, path: PathBuf, dir: PathBuf) {
        let temporary = layout::temporary(*self.next_temporary);
        *self.next_temporary += 1;
        self.files.push(NewFile { commit, what, bytes, temporary, path, dir });
    }

    /// Writes and syncs all files under temporary names.
    fn write_files(&mut self) -> Result<(), Broken> {
        let faults = write_all(self.shared.vfs.as_ref(), &self.files, self.shared.options.writers);
        let mut broken = false;
        for (number, fault) in faults {
            let commit = self.files[number].commit;
            match fault {
                // A file whose sync found no room is thrown away, so nothing rests on what it left behind.
                FileFault::Write(error) | FileFault::Sync(error) if is_full(&error) => self.results[commit] = Err(StoreFault::Full),
                FileFault::Write(error) => {
                    tracing::error!(%error, "cannot write a file of the store");
                    self.refuse(commit, StoreFault::Failed);
                }
                FileFault::Sync(error) => {
                    self.shared.break_down("syncing a file", &error);
                    broken = true;
                }
            }
        }
        if broken {
            // The files keep their temporary names: no start takes them for blocks.
            return Err(Broken);
        }
        self.drop_refused();
        Ok(())
    }

    /// Gives the files their names and makes the names durable.
    fn name_files(&mut self) -> Result<(), Broken> {
        let mut touched = BTreeSet::new();
        // Records last: a block under its name is nothing until the index knows it, a record takes the place of an older one.
        let (blocks, records): (Vec<usize>, Vec<usize>) =
            (0..self.files.len()).partition(|number| matches!(self.files[*number].what, What::Block(_)));
        for number in blocks.into_iter().chain(records) {
            let commit = self.files[number].commit;
            if self.results[commit].is_err() {
                continue;
            }
            let named = self.make_dir(number, &mut touched).and_then(|()| {
                let file = &self.files[number];
                self.shared.vfs.rename(&file.temporary, &file.path)
            });
            match named {
                Ok(()) => {
                    touched.insert(self.files[number].dir.clone());
                }
                Err(error) if is_full(&error) => self.refuse(commit, StoreFault::Full),
                Err(error) => {
                    tracing::error!(%error, "cannot name a file of the store");
                    self.refuse(commit, StoreFault::Failed);
                }
            }
        }
        let dirs: Vec<PathBuf> = touched.into_iter().collect();
        let synced = in_parallel(&dirs, self.shared.options.writers, |dir| patiently(|| self.shared.vfs.sync_dir(dir)));
        if let Some(error) = synced.into_iter().filter_map(Result::err).next() {
            self.shared.break_down("syncing a directory", &error);
            return Err(Broken);
        }
        self.durable_dirs.extend(dirs);
        self.drop_refused();
        Ok(())
    }

    /// Makes a file's directory and the one above it, and marks their parents to be synced: also when they exist, because whoever made
    /// them may not have come to that.
    fn make_dir(&self, number: usize, touched: &mut BTreeSet<PathBuf>) -> io::Result<()> {
        let dir = &self.files[number].dir;
        if self.durable_dirs.contains(dir) || touched.contains(dir) {
            return Ok(());
        }
        let owner = dir.parent().unwrap_or(Path::new(layout::OWNERS));
        self.shared.vfs.create_dir(owner)?;
        self.shared.vfs.create_dir(dir)?;
        touched.insert(PathBuf::from(layout::OWNERS));
        touched.insert(owner.to_owned());
        Ok(())
    }

    /// Makes all commits that are still in count, in one transaction.
    fn note_in_index(&mut self) -> Result<(), Broken> {
        let mut change = Change::default();
        for file in &self.files {
            if self.results[file.commit].is_err() {
                continue;
            }
            let vault = self.commits[file.commit].vault;
            match &file.what {
                What::Block(block) => change.added.push((vault, block.id(), block.size_log())),
                What::Record(slot, bytes) => change.records.push((*slot, bytes.clone())),
            }
        }
        if change.added.is_empty() && change.records.is_empty() {
            return Ok(());
        }
        match self.shared.index.apply(&change) {
            Ok(()) => Ok(()),
            Err(IndexError::Full) => {
                for commit in 0..self.commits.len() {
                    self.refuse(commit, StoreFault::Full);
                }
                self.drop_refused();
                Ok(())
            }
            Err(error) => {
                index_fault(self.shared, &error);
                Err(Broken)
            }
        }
    }

    fn refuse(&mut self, commit: usize, fault: StoreFault) {
        if self.results[commit].is_ok() {
            self.results[commit] = Err(fault);
        }
    }

    /// Refuses whoever counts on a refused commit's blocks, and removes the files of the refused.
    fn drop_refused(&mut self) {
        // Those who count come after those who write, so one pass carries a refusal through.
        for (counting, writer) in &self.counts_on {
            if let (Ok(()), Err(fault)) = (self.results[*counting], self.results[*writer]) {
                self.results[*counting] = Err(fault);
            }
        }
        let results = &self.results;
        for file in self.files.extract_if(.., |file| results[file.commit].is_err()) {
            if self.shared.vfs.remove(&file.temporary).is_err() && matches!(file.what, What::Block(_)) {
                // It has its name already; the index does not know it, so nobody misses it.
                let _ = self.shared.vfs.remove(&file.path);
            }
        }
    }
}

/// Says what a fault of the index means for the store: anything but a full disk ends all writing.
pub(super) fn index_fault(shared: &Shared, error: &IndexError) -> StoreFault {
    if matches!(error, IndexError::Full) {
        return StoreFault::Full;
    }
    shared.suspect(error);
    shared.break_down("the index", error);
    StoreFault::Failed
}

/// Writes and syncs files on several threads; returns those that failed. All of a group are written before the first is synced, so that
/// the file system can make many of them durable at once.
fn write_all(vfs: &dyn Vfs, files: &[NewFile], threads: usize) -> Vec<(usize, FileFault)> {
    let mut faults = Vec::new();
    for (group, files) in files.chunks(GROUP).enumerate() {
        let written = in_parallel(files, threads, |file| write_one(vfs, file).map_err(FileFault::Write));
        let synced = in_parallel(&written, threads, |written| written.as_ref().map_or(Ok(()), |file| file.sync().map_err(FileFault::Sync)));
        let fault = |(number, fault): (usize, FileFault)| (group * GROUP + number, fault);
        let write_faults = written.into_iter().map(Result::err).enumerate();
        let sync_faults = synced.into_iter().map(Result::err).enumerate();
        faults.extend(write_faults.chain(sync_faults).filter_map(|(number, error)| Some((number, error?))).map(fault));
    }
    faults
}

fn write_one(vfs: &dyn Vfs, file: &NewFile) -> io::Result<Arc<dyn VfsFile>> {
    patiently(|| vfs.create_filled(&file.temporary, &file.bytes))
}

/// Does the same work for every item and returns what came out, in order of the items.
fn in_parallel<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let share = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return done };
            done.push((number, work(item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(share)).collect();
        let mut done = share();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Files that are open at once: far below any limit on open files.
const GROUP: usize = 256;
/// Bytes of room that a file takes beside its own, in the file system and in the index.
const FILE_COST: u64 = 4096;
