//! `cachette put`.

mod unchanged;

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use cachette_core::vault::tree::{Meta, Name, Path};
use cachette_core::vault::{Command, CommandError, Committed, New, Reply};
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::password::PasswordArgs;
use super::paths::{printable, vault_path};
use super::progress::Progress;
use super::session::Session;
use crate::client::Client;
use crate::client::open::vault_dir;
use crate::client::transfer::put_from;
use crate::config::keys;
use unchanged::Begun;

/// Puts files and folders into the vault, encrypted, and waits until they are safe
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files and folders of this machine, or - for standard input
    #[arg(required = true)]
    sources: Vec<PathBuf>,
    /// The folder of the vault to put them into; with -, the file's whole path
    #[arg(long, value_name = "PATH", default_value = "/")]
    to: String,
    /// Read every file again, also those whose size and times say that they have not changed since the last put
    #[arg(short, long, visible_alias = "force")]
    checksum: bool,
    /// What this snapshot is about
    #[arg(short, long, default_value = "")]
    message: String,
    /// How long to wait for nodes while nothing moves, before giving up
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    wait: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Something to put.
struct Item {
    from: PathBuf,
    to: Path,
    kind: Kind,
    meta: Meta,
    /// When the file system last changed anything about it, in nanoseconds.
    changed: i128,
    /// The moment before which that must lie for the file to count as unchanged, if there is one.
    before: Option<i128>,
}

enum Kind {
    File(u64),
    Dir,
    Symlink(Vec<u8>),
}

/// Something that was not put, and why.
#[derive(Debug, Clone, Serialize)]
struct Skipped {
    path: String,
    reason: String,
}

/// What was found on this machine.
#[derive(Default)]
struct Found {
    items: VecDeque<Item>,
    skipped: Vec<Skipped>,
    /// Sources that were named and do not exist.
    absent: usize,
    bytes: u64,
    files: u64,
    /// Files that are in the vault already, as they are.
    unchanged: u64,
    /// Of the source that is being walked; see [`Item::before`].
    before: Option<i128>,
    /// The sources and where each goes.
    places: Vec<(PathBuf, String)>,
}

#[derive(Serialize)]
struct Done<'a> {
    event: &'static str,
    state: &'a str,
    files: u64,
    /// Of these, taken over without being read.
    unchanged: u64,
    bytes: u64,
    new_bytes: u64,
    blocks: u64,
    block_bytes: u64,
    copies: Option<u8>,
    wanted: Option<u8>,
    changed: bool,
    seconds: f64,
    skipped: &'a [Skipped],
}

impl Args {
    pub(super) async fn run(self, context: Context) -> Result<(), CliError> {
        let started = Instant::now();
        let to = vault_path(&self.to)?;
        let begins = unchanged::now();
        let mut begun = Begun::load(&vault_dir(&context.config.value::<PathBuf>(keys::DATA_DIR)?));
        let mut found = self.find(&to, &begun, begins)?;
        if found.items.is_empty() && !found.skipped.is_empty() {
            return Err(nothing_put(&found));
        }
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        found.leave_out_unchanged(&session.client).await?;
        let (bytes, files) = (found.bytes, found.files);
        let progress = Progress::start(&context, &session, bytes);
        let mut skipped = found.skipped;
        // What was left out while looking is not among the files that were found.
        let left = put_all(&session.client, found.items, &progress).await?;
        let files = files.saturating_sub(left.len() as u64);
        skipped.extend(left);
        let committed = commit(&session, self.message, *self.wait, &progress).await?;
        progress.finish();
        // What changed while it was read, or could not be read, is looked at again the next time.
        for (from, to) in found.places.iter().filter(|_| skipped.is_empty()) {
            begun.remember(from, to, begins);
        }
        if let Err(error) = begun.save() {
            context.output.note(&format!("the next put will read every file again: {error}"));
        }
        let stats = committed.stats;
        let (state, copies) = match committed.copies {
            _ if found.unchanged > 0 && !committed.changed && stats.reused == 0 => {
                ("unchanged", "nothing to send; `cachette check` counts the copies".to_owned())
            }
            copies => session.safety(copies),
        };
        let done = Done {
            event: "put",
            state,
            files,
            unchanged: found.unchanged,
            bytes: stats.bytes,
            new_bytes: stats.new_bytes,
            blocks: stats.blocks,
            block_bytes: stats.block_bytes,
            copies: committed.copies.map(|copies| copies.durable),
            wanted: committed.copies.map(|copies| copies.wanted),
            changed: committed.changed,
            seconds: started.elapsed().as_secs_f64(),
            skipped: &skipped,
        };
        let size = |bytes: u64| ByteSize(bytes).display().iec().to_string();
        context.output.event(&done, || {
            let files = if done.files == 1 { "1 file".to_owned() } else { format!("{} files", done.files) };
            let unchanged = if done.unchanged == 0 { String::new() } else { format!(" · {} unchanged", done.unchanged) };
            let what = format!("{files}, {} ({} new){unchanged}", size(done.bytes), size(done.new_bytes));
            format!("{state}  {what} · {copies} · {:.1} s", done.seconds)
        });
        session.close().await;
        report(&skipped)
    }

    fn find(&self, to: &Path, begun: &Begun, begins: i128) -> Result<Found, CliError> {
        let mut found = Found::default();
        for source in &self.sources {
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
            match Name::new(name.as_bytes())
                .map_err(|error| error.to_string())
                .and_then(|name| to.join(name).map_err(|error| error.to_string()))
            {
                Ok(path) => {
                    found.before = None;
                    if let Ok(place) = fs::canonicalize(source) {
                        let to = path.to_string();
                        found.before = if self.checksum { None } else { begun.before(&place, &to, begins) };
                        found.places.push((place, to));
                    }
                    found.walk(source, path);
                }
                Err(error) => found.skip(source, error),
            }
        }
        Ok(found)
    }
}

impl Found {
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

    fn skip(&mut self, path: &FsPath, reason: String) {
        self.skipped.push(Skipped { path: printable(&path.to_string_lossy()), reason });
    }
}

/// Puts everything, several files at once.
async fn put_all(client: &Client, items: VecDeque<Item>, progress: &Progress) -> Result<Vec<Skipped>, CliError> {
    let queue = Arc::new(Mutex::new(items));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let (client, queue, counter) = (client.clone(), Arc::clone(&queue), progress.counter());
        workers.spawn_blocking(move || {
            let mut skipped = Vec::new();
            loop {
                let Some(item) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return Ok(skipped) };
                let path = printable(&item.from.to_string_lossy());
                match put_one(&client, &item, &counter) {
                    Ok(()) => {}
                    Err(PutOneError::Skip(reason)) => skipped.push(Skipped { path, reason }),
                    Err(PutOneError::Vault(error)) => return Err(error),
                }
            }
        });
    }
    let mut skipped = Vec::new();
    while let Some(worker) = workers.join_next().await {
        let worker = worker.map_err(|error| CliError::new(ExitKind::Internal, error))?;
        skipped.extend(worker?);
    }
    Ok(skipped)
}

enum PutOneError {
    /// This file only.
    Skip(String),
    /// The vault takes nothing more.
    Vault(CommandError),
}

fn put_one(client: &Client, item: &Item, counter: &AtomicU64) -> Result<(), PutOneError> {
    let count = |bytes: usize| {
        counter.fetch_add(bytes as u64, Ordering::Relaxed);
    };
    let put = |reader: &mut dyn io::Read| {
        put_from(client, item.to.clone(), item.meta, reader, count).map_err(|error| match error {
            crate::client::transfer::PutError::Read(error) => PutOneError::Skip(words(&error)),
            crate::client::transfer::PutError::Vault(error) => PutOneError::Vault(error),
        })
    };
    let stage = |new: New| {
        let command = Command::Put(item.to.clone(), new);
        tokio::runtime::Handle::current().block_on(client.run(command)).map(drop).map_err(PutOneError::Vault)
    };
    match &item.kind {
        Kind::Dir => stage(New::Dir(item.meta)),
        Kind::Symlink(target) => stage(New::Symlink(item.meta, target.clone())),
        Kind::File(_) if item.from.as_os_str() == "-" => put(&mut io::stdin().lock()).map(drop),
        Kind::File(expected) => {
            let mut file = open(&item.from).map_err(PutOneError::Skip)?;
            let done = put(&mut file)?;
            let changed = file.metadata().map(|after| done.len != *expected || meta_of(&after) != item.meta).unwrap_or(true);
            if changed {
                return Err(PutOneError::Skip("it changed while it was read: what was read is stored; put it again".into()));
            }
            Ok(())
        }
    }
}

/// Opens what was a file when it was found. Something else may stand there by now: a symlink is not followed, and a pipe without a
/// writer does not keep the put waiting.
fn open(path: &FsPath) -> Result<fs::File, String> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| words(&error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err("it became something else than a file while it was put".into()),
        Err(error) => Err(words(&error)),
    }
}

/// Commits what is staged and waits until it is safe, or nothing has moved for `wait`.
pub(super) async fn commit(session: &Session, message: String, wait: Duration, progress: &Progress) -> Result<Committed, CliError> {
    let mut reply = std::pin::pin!(session.client.run(Command::Commit(message)));
    let mut last = (session.traffic(), Instant::now());
    loop {
        tokio::select! {
            reply = &mut reply => return match reply? {
                Reply::Committed(committed) => Ok(committed),
                _ => Err(CliError::new(ExitKind::Internal, "the commit got another command's reply")),
            },
            () = tokio::time::sleep(LOOK) => {}
        }
        progress.show(session).await;
        let traffic = session.traffic();
        if traffic != last.0 {
            last = (traffic, Instant::now());
        } else if last.1.elapsed() > wait {
            return Err(session.not_safe_yet().await);
        }
    }
}

/// The command's end when something was left out: everything else is stored.
fn report(skipped: &[Skipped]) -> Result<(), CliError> {
    if skipped.is_empty() {
        return Ok(());
    }
    let many = if skipped.len() == 1 { "1 thing was".to_owned() } else { format!("{} things were", skipped.len()) };
    let error = CliError::new(ExitKind::Environment, format!("{many} not put; everything else is"));
    Err(list(error, skipped).hint("what the vault held before is still there; once the cause is gone, the same command puts the rest"))
}

fn nothing_put(found: &Found) -> CliError {
    let kind = if found.absent == found.skipped.len() { ExitKind::NotFound } else { ExitKind::Environment };
    let error = list(CliError::new(kind, "nothing was put"), &found.skipped);
    let here = std::env::current_dir().map(|here| printable(&here.to_string_lossy()));
    match here {
        Ok(here) if kind == ExitKind::NotFound => {
            error.hint(format!("the vault is as it was; compare the spelling, and the folder: {here}"))
        }
        _ => error.hint("the vault is as it was; once the cause is gone, run the same command again"),
    }
}

fn list(mut error: CliError, skipped: &[Skipped]) -> CliError {
    for Skipped { path, reason } in skipped.iter().take(SHOWN) {
        error = error.detail(format!("{path}: {reason}"));
    }
    if skipped.len() > SHOWN {
        error = error.detail(format!("and {} more", skipped.len() - SHOWN));
    }
    error
}

fn meta_of(metadata: &Metadata) -> Meta {
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
/// Files that are read at once.
const WORKERS: usize = 8;
/// Left-out things that are listed one by one.
const SHOWN: usize = 20;
/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(200);
