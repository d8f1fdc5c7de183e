//! Works on a vault's files through a device's commands, beside a plain map of files that is told the same.

use bytes::Bytes;
use cachette_core::time::Span;
use cachette_core::vault::tree::{Meta, Node, Path};
use cachette_core::vault::{Command, CommandError, Committed, New, Reply};

use super::faults::Fault;
use super::model::Files;
use super::rng::Rng;
use super::{HostNo, Violation, World, expect};

/// One change to a vault.
#[derive(Debug, Clone)]
pub enum Change {
    /// Puts a file.
    File(Path, Bytes),
    /// Makes a folder.
    Folder(Path),
    /// Removes something.
    Remove(Path),
    /// Moves something.
    Move(Path, Path),
}

impl Change {
    /// Draws a batch of changes that do not touch one another, and that make sense after what `files` holds.
    #[must_use]
    pub fn draw(rng: &mut Rng, files: &Files, count: usize) -> Vec<Self> {
        let mut touched: Vec<Path> = Vec::new();
        let mut batch = Vec::new();
        for _ in 0..count {
            let change = Self::one(rng, files);
            let paths = change.paths();
            let near = |path: &Path| touched.iter().any(|other| other.starts_with(path) || path.starts_with(other));
            if !paths.iter().any(near) {
                touched.extend(paths);
                batch.push(change);
            }
        }
        batch
    }

    /// Tells the model.
    pub fn apply(&self, files: &mut Files) {
        match self {
            Self::File(path, content) => files.put(path, Some(content.clone())),
            Self::Folder(path) => files.put(path, None),
            Self::Remove(path) => files.remove(path),
            Self::Move(from, to) => files.rename(from, to),
        }
    }

    /// Returns the command and what it is fed.
    #[must_use]
    pub fn command(&self) -> (Command, Option<Bytes>) {
        let meta = Meta { mode: 0o644, ..Meta::default() };
        match self.clone() {
            Self::File(path, content) => (Command::Put(path, New::File(meta)), Some(content)),
            Self::Folder(path) => (Command::Put(path, New::Dir(meta)), None),
            Self::Remove(path) => (Command::Remove(path), None),
            Self::Move(from, to) => (Command::Move(from, to), None),
        }
    }

    fn one(rng: &mut Rng, files: &Files) -> Self {
        let existing: Vec<&Path> = files.entries.keys().collect();
        let fresh = path(rng);
        match rng.below(10) {
            0 => Self::Folder(parse(&format!("d{}/d{}", rng.below(3), rng.below(3)))),
            1 | 2 if !existing.is_empty() => Self::Remove((*rng.pick(&existing)).clone()),
            3 | 4 if !existing.is_empty() => {
                let from = (*rng.pick(&existing)).clone();
                // What moves keeps its kind in its name, so that a folder never meets a file.
                let kind = if files.entries[&from].is_some() { "mf" } else { "md" };
                let to = parse(&format!("{kind}{}", rng.below(1000)));
                if files.entries.contains_key(&to) { Self::Remove(from) } else { Self::Move(from, to) }
            }
            _ => Self::File(fresh, content(rng, files)),
        }
    }

    fn paths(&self) -> Vec<Path> {
        match self {
            Self::File(path, _) | Self::Folder(path) | Self::Remove(path) => vec![path.clone()],
            Self::Move(from, to) => vec![from.clone(), to.clone()],
        }
    }
}

impl World {
    /// Stages changes on a device and commits them, once.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it in time.
    pub fn change(&mut self, no: HostNo, batch: &[Change]) -> Result<Result<Committed, CommandError>, Violation> {
        match self.stage(no, batch)? {
            Ok(()) => self.commit(no),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Stages changes on a device.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it in time.
    pub fn stage(&mut self, no: HostNo, batch: &[Change]) -> Result<Result<(), CommandError>, Violation> {
        for change in batch {
            let (command, content) = change.command();
            if let Err(error) = self.done(no, command, content, PATIENCE)? {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Commits what is staged on a device.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it in time.
    pub fn commit(&mut self, no: HostNo) -> Result<Result<Committed, CommandError>, Violation> {
        match self.done(no, Command::Commit(String::new()), None, PATIENCE)? {
            Ok(Reply::Committed(committed)) => Ok(Ok(committed)),
            Ok(other) => Err(Violation::Expected(format!("a commit, not {other:?}"))),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Changes a vault as a stubborn person does: tries again until it is done. What an attempt leaves is all of it or nothing.
    ///
    /// # Errors
    /// A [`Violation`] when it is never done, or half of it is.
    pub fn insist(&mut self, no: HostNo, batch: &[Change], before: &Files, after: &Files) -> Result<(), Violation> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            self.revive(no)?;
            match self.change(no, batch)? {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            let found = self.tree(no)?;
            if found == *after {
                // Whether others know is not known: asked to commit nothing, the device makes sure.
                if self.commit(no)?.is_ok() {
                    return Ok(());
                }
            } else {
                expect(found == *before, || format!("all or nothing of {batch:?}, not {}", difference(before, &found)))?;
            }
            self.run(Span::seconds(5))?;
        }
        Err(Violation::Expected(format!("a commit in {ATTEMPTS} attempts, not {last:?}")))
    }

    /// Reads the whole tree of a device's vault, as long as it takes.
    ///
    /// # Errors
    /// A [`Violation`] when something can never be read.
    pub fn tree(&mut self, no: HostNo) -> Result<Files, Violation> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            self.revive(no)?;
            match self.walk(no)? {
                Ok(files) => return Ok(files),
                Err(error @ (CommandError::Unavailable(_) | CommandError::Cancelled)) => last = Some(error),
                Err(error) => return Err(Violation::Expected(format!("a tree, not {error}"))),
            }
            self.run(Span::seconds(5))?;
        }
        Err(Violation::Expected(format!("a tree in {ATTEMPTS} attempts, not {last:?}")))
    }

    /// Reads a part of a file.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it in time, or not what was asked for.
    pub fn read(&mut self, no: HostNo, path: &Path, from: u64, len: Option<u64>) -> Result<Result<Bytes, CommandError>, Violation> {
        let id = self.command(no, Command::Read { path: path.clone(), from, len }, None);
        Ok(match self.replied(no, id, PATIENCE, "a read ends")? {
            Ok(Reply::Read(given)) => {
                let bytes = Bytes::copy_from_slice(self.host(no).app.bytes(id));
                expect(bytes.len() as u64 == given, || format!("{given} bytes of {path}, not {}", bytes.len()))?;
                Ok(bytes)
            }
            Ok(other) => return Err(Violation::Expected(format!("a read, not {other:?}"))),
            Err(error) => Err(error),
        })
    }

    /// Asks all carriers for newer heads; returns how many of how many answered.
    ///
    /// # Errors
    /// A [`Violation`] when nothing comes of it.
    pub fn refresh(&mut self, no: HostNo) -> Result<Option<(usize, usize)>, Violation> {
        match self.done(no, Command::Refresh, None, PATIENCE)? {
            Ok(Reply::Refreshed(answered, of)) => Ok(Some((answered, of))),
            Ok(other) => Err(Violation::Expected(format!("an answer to a refresh, not {other:?}"))),
            Err(_) => Ok(None),
        }
    }

    /// Asks for newer heads until more than half of the carriers have answered: what was called safe before is seen now.
    ///
    /// # Errors
    /// A [`Violation`] when that does not happen.
    pub fn catch_up(&mut self, no: HostNo) -> Result<(), Violation> {
        for _ in 0..ATTEMPTS {
            self.revive(no)?;
            if self.refresh(no)?.is_some_and(|(answered, of)| 2 * answered > of) {
                return Ok(());
            }
            self.run(Span::seconds(5))?;
        }
        Err(Violation::Expected("most carriers to answer at last".to_owned()))
    }

    /// Has devices see and merge what the others did until nothing is left to merge.
    ///
    /// # Errors
    /// A [`Violation`] when they never agree.
    pub fn agree(&mut self, devices: &[HostNo]) -> Result<Files, Violation> {
        let mut changed = true;
        for _ in 0..4 {
            changed = false;
            for no in devices {
                self.catch_up(*no)?;
                match self.commit(*no)? {
                    Ok(committed) => changed |= committed.changed,
                    Err(error) => return Err(Violation::Expected(format!("a merge on {no}, not {error}"))),
                }
            }
            if !changed {
                break;
            }
        }
        expect(!changed, || "devices that agree at last".to_owned())?;
        let files = self.tree(devices[0])?;
        for no in &devices[1..] {
            let other = self.tree(*no)?;
            expect(other == files, || format!("one tree on all devices, not {}", difference(&files, &other)))?;
        }
        Ok(files)
    }

    /// Waits until a host that died is up again, and starts it when nothing else will.
    fn revive(&mut self, no: HostNo) -> Result<(), Violation> {
        if !self.host(no).is_up() {
            self.run(Span::seconds(2))?;
            self.inflict(Fault::Restart(no));
        }
        Ok(())
    }

    fn walk(&mut self, no: HostNo) -> Result<Result<Files, CommandError>, Violation> {
        let mut files = Files::default();
        let mut folders = vec![Path::root()];
        while let Some(folder) = folders.pop() {
            let mut after = None;
            loop {
                let command = Command::List { path: folder.clone(), after: after.clone(), limit: 7 };
                let entries = match self.done(no, command, None, PATIENCE)? {
                    Ok(Reply::List(entries)) => entries,
                    Ok(other) => return Err(Violation::Expected(format!("the entries of {folder}, not {other:?}"))),
                    Err(error) => return Ok(Err(error)),
                };
                let Some(last) = entries.last() else { break };
                after = Some(last.name.clone());
                for entry in entries {
                    let path = folder.join(entry.name).map_err(|error| Violation::Expected(error.to_string()))?;
                    let content = match entry.node {
                        Node::File { len, .. } => match self.read(no, &path, 0, None)? {
                            Ok(bytes) => {
                                expect(bytes.len() as u64 == len, || format!("{len} bytes of {path}, not {}", bytes.len()))?;
                                Some(bytes)
                            }
                            Err(error) => return Ok(Err(error)),
                        },
                        Node::Dir { .. } => {
                            folders.push(path.clone());
                            None
                        }
                        other => return Err(Violation::Expected(format!("files and folders, not {other:?}"))),
                    };
                    files.entries.insert(path, content);
                }
            }
        }
        Ok(Ok(files))
    }
}

/// Says in what two trees differ.
#[must_use]
pub fn difference(one: &Files, other: &Files) -> String {
    let mut lines = Vec::new();
    for path in one.entries.keys().chain(other.entries.keys()) {
        let (a, b) = (one.entries.get(path), other.entries.get(path));
        if a != b {
            let show = |item: Option<&Option<Bytes>>| match item {
                None => "nothing".to_owned(),
                Some(None) => "a folder".to_owned(),
                Some(Some(bytes)) => format!("a file of {} bytes", bytes.len()),
            };
            lines.push(format!("{path}: {} and {}", show(a), show(b)));
        }
    }
    lines.dedup();
    lines.join("; ")
}

fn path(rng: &mut Rng) -> Path {
    match rng.below(3) {
        0 => parse(&format!("f{}", rng.below(6))),
        1 => parse(&format!("d{}/f{}", rng.below(3), rng.below(4))),
        _ => parse(&format!("d{}/d{}/f{}", rng.below(3), rng.below(3), rng.below(4))),
    }
}

/// Draws the content of a file: nothing, a little, a lot, or what another file holds with something before it.
fn content(rng: &mut Rng, files: &Files) -> Bytes {
    let known: Vec<&Bytes> = files.entries.values().flatten().collect();
    let len = match rng.below(12) {
        0 => 0,
        1 => rng.index(300_000),
        2..=5 => rng.index(20_000),
        _ => rng.index(2_000),
    };
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    if !known.is_empty() && rng.per_mille(200) {
        bytes.truncate(50);
        bytes.extend_from_slice(known[rng.index(known.len())]);
    }
    bytes.into()
}

fn parse(text: &str) -> Path {
    Path::parse(text).expect("a path that the simulator made")
}

/// Longer than anything takes on a network that is not cut for ever.
pub const PATIENCE: Span = Span::seconds(900);
/// How often a person tries.
const ATTEMPTS: usize = 30;
