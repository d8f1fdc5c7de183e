//! What `get` writes: a file, or a folder with everything in it. What fails is noted, and the rest goes on.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::Ordering;

use cachette_core::vault::tree::{Meta, Node, Path};

use super::{AHEAD, len_of, unread};
use crate::cli::error::{CliError, ExitKind};
use crate::cli::listing::entries;
use crate::cli::paths::{printable, shown};
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::client::landing::{FolderLanding, Landing, LandingError, finish_folder, is_there, make_folder, make_symlink};

/// A get on its way, and what came of it so far.
pub(super) struct Getting<'a> {
    session: &'a Session,
    progress: &'a Progress,
    /// Whether files that exist are written over.
    force: bool,
    folders: Vec<(PathBuf, Meta)>,
    pub(super) got: Got,
}

/// What came of a get.
#[derive(Default)]
pub(super) struct Got {
    /// Files that are in their places.
    pub(super) files: u64,
    /// Of these, how many stood there before.
    pub(super) unchanged: u64,
    pub(super) bytes: u64,
    pub(super) failed: Vec<String>,
    /// How many of them failed because something stands in their place.
    pub(super) in_the_way: usize,
}

impl Got {
    fn failed(&mut self, path: &Path, error: &LandingError) {
        self.in_the_way += usize::from(matches!(error, LandingError::Exists(_) | LandingError::InTheWay(_)));
        self.failed.push(format!("{}: {}", shown(path), printable(&error.to_string())));
    }
}

impl<'a> Getting<'a> {
    pub(super) fn new(session: &'a Session, progress: &'a Progress, force: bool) -> Self {
        Self { session, progress, force, folders: Vec::new(), got: Got::default() }
    }

    /// Gets whatever stands at a path of the vault.
    pub(super) async fn everything(&mut self, path: Path, node: Node, target: &FsPath) -> Result<(), CliError> {
        if !matches!(node, Node::Dir { .. }) {
            return self.below(path, node, target.to_owned()).await;
        }
        let landing = match FolderLanding::begin(target, &node) {
            Ok(landing) => landing,
            Err(error) => return self.not_landed(&path, &error),
        };
        // In a folder of its own it may write over what an interrupted get left.
        self.force |= landing.is_own();
        self.below(path.clone(), node, landing.path().to_owned()).await?;
        landing.finish().or_else(|error| self.not_landed(&path, &error))
    }

    /// Gets a range of a file.
    pub(super) async fn range(&mut self, path: &Path, node: &Node, target: &FsPath, range: (u64, u64)) -> Result<(), CliError> {
        self.file(path, node, target, Some(range)).await
    }

    async fn below(&mut self, path: Path, node: Node, target: PathBuf) -> Result<(), CliError> {
        let mut open: VecDeque<(Path, Node, PathBuf)> = VecDeque::from([(path, node, target)]);
        while let Some((path, node, target)) = open.pop_front() {
            match &node {
                Node::Dir { meta, .. } => {
                    if let Err(error) = make_folder(&target) {
                        self.not_landed(&path, &error)?;
                        continue;
                    }
                    // The root of a vault, and of what a link opens, has no attributes of its own.
                    if !path.is_root() {
                        self.folders.push((target.clone(), *meta));
                    }
                    for entry in entries(self.session, &path).await? {
                        let below = target.join(OsStr::from_bytes(entry.name.as_bytes()));
                        let path = path.join(entry.name).map_err(|error| CliError::new(ExitKind::Damaged, error))?;
                        self.progress.expect(len_of(&entry.node));
                        open.push_back((path, entry.node, below));
                    }
                }
                Node::File { .. } => self.file(&path, &node, &target, None).await?,
                Node::Symlink { target: to, meta } => {
                    if let Err(error) = make_symlink(&target, to, meta, self.force) {
                        self.not_landed(&path, &error)?;
                    }
                }
                _ => self.got.failed.push(format!("{}: written by a newer release; update to get it", shown(&path))),
            }
        }
        // Deepest first: a folder's time would change again with what is written into it.
        for (folder, meta) in self.folders.drain(..).rev() {
            if let Err(error) = finish_folder(&folder, &meta) {
                self.got.failed.push(format!("{}: {error}", printable(&folder.to_string_lossy())));
            }
        }
        Ok(())
    }

    async fn file(&mut self, path: &Path, node: &Node, target: &FsPath, range: Option<(u64, u64)>) -> Result<(), CliError> {
        if range.is_none() && is_there(target, node) {
            self.progress.counter().fetch_add(len_of(node), Ordering::Relaxed);
            self.got.files += 1;
            self.got.unchanged += 1;
            self.got.bytes += len_of(node);
            return Ok(());
        }
        let mut landing = match Landing::begin(target, node, range, self.force) {
            Ok(landing) => landing,
            Err(error) => return self.not_landed(path, &error),
        };
        let (from, len) = range.unwrap_or((0, len_of(node)));
        self.progress.counter().fetch_add(landing.resumed(), Ordering::Relaxed);
        let mut reading = self.session.client.read(path.clone(), from + landing.resumed(), Some(len - landing.resumed()));
        reading.pull(AHEAD);
        while let Some(bytes) = reading.next().await {
            self.progress.counter().fetch_add(bytes.len() as u64, Ordering::Relaxed);
            reading.pull(bytes.len());
            if let Err(error) = landing.write(&bytes) {
                return self.not_landed(path, &error);
            }
        }
        reading.end().await.map_err(|error| unread(self.session, path, error))?;
        match landing.finish() {
            Ok(bytes) => {
                self.got.files += 1;
                self.got.bytes += bytes;
                Ok(())
            }
            Err(error) => self.not_landed(path, &error),
        }
    }

    /// Notes that something could not be written. On a full disk nothing else can be either.
    fn not_landed(&mut self, path: &Path, error: &LandingError) -> Result<(), CliError> {
        if error.is_full() {
            return Err(CliError::new(ExitKind::Environment, format!("this machine's disk is full: {}", printable(&error.to_string())))
                .hint("make room on it; the same command goes on where it stopped"));
        }
        self.got.failed(path, error);
        Ok(())
    }
}
