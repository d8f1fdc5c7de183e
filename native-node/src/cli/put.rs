//! `cachette put`.

mod found;
mod rounds;
mod unchanged;

use std::path::PathBuf;
use std::time::Instant;

use bytesize::ByteSize;
use serde::Serialize;

use super::Context;
use super::error::{CliError, ExitKind};
use super::interruption::interrupted;
use super::password::PasswordArgs;
use super::paths::{printable, vault_path};
use super::progress::Progress;
use super::session::Session;
use crate::client::open::vault_dir;
use crate::config::keys;
use found::{Found, Skipped};
use rounds::Plan;
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
    /// How often a long put publishes what is finished so far, for other devices to see and to go on from
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    publish_every: humantime::Duration,
    #[command(flatten)]
    password: PasswordArgs,
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
        let mut found = Found::all(&self.sources, &to, self.checksum, &begun, begins)?;
        if found.items.is_empty() && !found.skipped.is_empty() {
            return Err(nothing_put(&found));
        }
        let mut session = Session::open(&context, &self.password).await?;
        session.refresh(&context).await?;
        found.compare(&session.client).await?;
        if found.items.is_empty() && found.unchanged == 0 {
            return Err(nothing_put(&found));
        }
        let (bytes, files) = (found.bytes, found.files);
        let progress = Progress::start(&context, &session, bytes);
        let mut skipped = found.skipped;
        // What was left out while looking is not among the files that were found.
        let plan = Plan { message: self.message, wait: *self.wait, publish_every: *self.publish_every };
        let (committed, left) = tokio::select! {
            put = plan.put(&session, found.items, &progress, context.output) => put?,
            interrupted = interrupted() => {
                return Err(interrupted.hint("what was sealed is kept; the same command goes on from there"));
            }
        };
        let files = files.saturating_sub(left.len() as u64);
        skipped.extend(left);
        progress.finish();
        // What changed while it was read, or could not be read, is looked at again the next time.
        for (from, to) in found.places.iter().filter(|_| skipped.is_empty()) {
            begun.remember(from, to, begins);
        }
        if let Err(error) = begun.save() {
            context.output.note(&format!("the next put will read every file again: {error}"));
        }
        let stats = committed.stats;
        // Where nothing was sent, nobody was asked for copies.
        let counted = committed.copies.filter(|_| found.unchanged == 0 || committed.changed || stats.reused > 0);
        let (state, copies) = match counted {
            None if found.unchanged > 0 => ("unchanged", "nothing to send; `cachette check` counts the copies".to_owned()),
            counted => session.safety(counted),
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
            copies: counted.map(|copies| copies.durable),
            wanted: counted.map(|copies| copies.wanted),
            changed: committed.changed,
            seconds: started.elapsed().as_secs_f64(),
            skipped: &skipped,
        };
        let size = |bytes: u64| ByteSize(bytes).display().iec().to_string();
        context.output.event(&done, || {
            let files = if done.files == 1 { "1 file".to_owned() } else { format!("{} files", done.files) };
            let what = match done.unchanged {
                0 => format!("{files}, {} ({} new)", size(done.bytes), size(done.new_bytes)),
                all if all == done.files && done.bytes == 0 => files,
                some => format!("{files}, {some} of them unchanged, {} read ({} new)", size(done.bytes), size(done.new_bytes)),
            };
            format!("{state}  {what} · {copies} · {:.1} s", done.seconds)
        });
        session.close().await;
        report(&skipped)
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

/// Left-out things that are listed one by one.
const SHOWN: usize = 20;
