//! How far a file has landed, for the case that getting it is interrupted.
//!
//! What a process wrote outlives the process, but not a power cut; only what was synced outlives that. So a mark holds both: the bytes
//! written, which count while the machine has not started anew, and the bytes synced, which count for ever.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::data_dir::write_atomic;

/// The mark of one file.
pub(super) struct Mark {
    path: PathBuf,
    boot: String,
    synced: u64,
    last_sync: Instant,
    syncing: Option<(u64, JoinHandle<io::Result<()>>)>,
}

impl Mark {
    /// Opens the mark at this path and returns with it how many bytes of the file are to be trusted.
    pub(super) fn open(path: PathBuf) -> (Self, u64) {
        let boot = boot();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut words = text.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let (synced, written): (u64, u64) = (number(), number());
        let trusted = if !boot.is_empty() && words.next() == Some(&boot) { written.max(synced) } else { synced };
        (Self { path, boot, synced, last_sync: Instant::now(), syncing: None }, trusted)
    }

    /// Notes that `written` bytes of the file are written. From time to time it has them synced too, on a thread of its own.
    pub(super) fn note(&mut self, file: &File, written: u64) -> io::Result<()> {
        let done = self.syncing.take_if(|(_, thread)| thread.is_finished());
        let newly_synced = done.is_some();
        if let Some((upto, thread)) = done {
            thread.join().map_err(|_| io::Error::other("the thread that syncs ended"))??;
            (self.synced, self.last_sync) = (upto, Instant::now());
        }
        if self.syncing.is_none() && self.last_sync.elapsed() >= SYNC_EVERY {
            let file = file.try_clone()?;
            self.syncing = Some((written, thread::Builder::new().name("sync".into()).spawn(move || file.sync_data())?));
        }
        let text = format!("{} {written} {}", self.synced, self.boot);
        if newly_synced {
            return write_atomic(&self.path, text.as_bytes(), 0o600);
        }
        let new = self.path.with_extension("new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, &self.path))
    }

    /// Returns where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Tells one run of the machine from another, or nothing where the system does not say.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// What a power cut may cost.
const SYNC_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_counts_until_the_machine_starts_anew() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("mark.at");
        let (mut mark, trusted) = Mark::open(path.clone());
        assert_eq!(trusted, 0);
        let file = File::create(home.path().join("file")).expect("made");
        mark.note(&file, 70).expect("noted");
        if mark.boot.is_empty() {
            return;
        }
        assert_eq!(Mark::open(path.clone()).1, 70);
        let text = fs::read_to_string(&path).expect("written").replace(&mark.boot, "another-run");
        fs::write(&path, text).expect("written");
        assert_eq!(Mark::open(path.clone()).1, 0, "nothing was synced");
        fs::write(&path, "40 70 another-run").expect("written");
        assert_eq!(Mark::open(path.clone()).1, 40);
        for garbage in ["", "x", "-1 -1", "99999999999999999999 3"] {
            fs::write(&path, garbage).expect("written");
            assert_eq!(Mark::open(path.clone()).1, 0, "{garbage:?}");
        }
    }

    /// A mark that took what was written meanwhile for synced was noticed by no test: only a power cut shows it.
    #[test]
    fn synced_counts_what_was_written_when_the_sync_began() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("mark.at");
        let (mut mark, _) = Mark::open(path.clone());
        let after_a_power_cut = || {
            let text = fs::read_to_string(&path).expect("written");
            let words: Vec<&str> = text.split(' ').take(2).collect();
            fs::write(&path, format!("{} another-run", words.join(" "))).expect("written");
            Mark::open(path.clone()).1
        };
        let file = File::create(home.path().join("file")).expect("made");
        mark.last_sync = Instant::now().checked_sub(SYNC_EVERY).expect("a machine that runs for a while");
        mark.note(&file, 70).expect("noted");
        assert_eq!(after_a_power_cut(), 0, "the sync has begun and not ended, as far as anybody was told");
        let deadline = Instant::now() + Duration::from_secs(30);
        while !mark.syncing.as_ref().is_some_and(|(_, thread)| thread.is_finished()) {
            assert!(Instant::now() < deadline, "an empty file is synced");
            thread::yield_now();
        }
        mark.note(&file, 90).expect("noted");
        assert_eq!(after_a_power_cut(), 70, "20 were written later");
    }
}
