//! A put in rounds: now and then, between two files, what is finished is committed. If this machine is lost in the middle of a long
//! put, another device finds all but the last minutes of it, and the same put there sends only the rest.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cachette_core::vault::{Command, CommandError, Committed, New};
use serde::Serialize;

use super::found::{Item, Kind, Skipped, meta_of, open, words};
use crate::cli::commit::attempt;
use crate::cli::error::{CliError, ExitKind};
use crate::cli::output::Output;
use crate::cli::paths::printable;
use crate::cli::progress::Progress;
use crate::cli::session::Session;
use crate::client::Client;
use crate::client::transfer::put_from;

/// How a put goes.
pub(super) struct Plan {
    /// What its snapshots are about.
    pub(super) message: String,
    /// How long nodes are waited for while nothing moves.
    pub(super) wait: Duration,
    /// How long a round takes, at least.
    pub(super) publish_every: Duration,
}

/// What is finished so far can be seen by other devices.
#[derive(Serialize)]
struct Published {
    event: &'static str,
    bytes: u64,
    /// Files and folders that are still to come.
    left: usize,
}

/// What is to be put; several workers take from it.
type Queue = Arc<Mutex<Items>>;

struct Items {
    left: VecDeque<Arc<Item>>,
    /// What was taken since the last commit.
    taken: Vec<Arc<Item>>,
}

impl Items {
    fn take(&mut self) -> Option<Arc<Item>> {
        let item = self.left.pop_front()?;
        self.taken.push(Arc::clone(&item));
        Some(item)
    }

    /// Puts back what was taken since the last commit; `false` if it cannot be read a second time.
    fn put_back(&mut self) -> bool {
        let again = self.taken.iter().all(|item| !item.is_stdin());
        self.left.extend(self.taken.drain(..));
        again
    }
}

impl Plan {
    /// Puts everything and says what came of it, with what was left out.
    pub(super) async fn put(
        self,
        session: &Session,
        items: VecDeque<Item>,
        progress: &Progress,
        output: Output,
    ) -> Result<(Committed, Vec<Skipped>), CliError> {
        let queue = Arc::new(Mutex::new(Items { left: items.into_iter().map(Arc::new).collect(), taken: Vec::new() }));
        let mut skipped = Vec::new();
        let mut all: Option<Committed> = None;
        let mut losses = 0;
        loop {
            let left_out = round(&session.client, &queue, self.publish_every, progress).await?;
            let committed = match attempt(session, self.message.clone(), self.wait).await? {
                Ok(committed) => committed,
                // The vault counts on what is gone no more, so the same content is sent anew.
                Err(CommandError::Lost(_)) if losses < LOSSES && lock(&queue).put_back() => {
                    losses += 1;
                    continue;
                }
                Err(error) => return Err(session.why_not_safe(error)),
            };
            skipped.extend(left_out);
            let sum = all.map_or(committed, |before| before.and(committed));
            let left = {
                let mut items = lock(&queue);
                items.taken.clear();
                items.left.len()
            };
            if left == 0 {
                return Ok((sum, skipped));
            }
            if output.is_json() {
                output.event(&Published { event: "published", bytes: sum.stats.bytes, left }, String::new);
            }
            all = Some(sum);
        }
    }
}

/// Puts files, several at once, for as long as a round takes or there are any.
async fn round(client: &Client, queue: &Queue, lasts: Duration, progress: &Progress) -> Result<Vec<Skipped>, CliError> {
    let began = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..WORKERS {
        let (client, queue, counter) = (client.clone(), Arc::clone(queue), progress.counter());
        workers.spawn_blocking(move || {
            let mut skipped = Vec::new();
            loop {
                let Some(item) = lock(&queue).take() else { return Ok(skipped) };
                let path = printable(&item.from.to_string_lossy());
                match put_one(&client, &item, &counter) {
                    Ok(()) => {}
                    Err(PutOneError::Skip(reason)) => skipped.push(Skipped { path, reason }),
                    Err(PutOneError::Vault(error)) => return Err(error),
                }
                if began.elapsed() >= lasts {
                    return Ok(skipped);
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
        Kind::File(_) if item.is_stdin() => put(&mut io::stdin().lock()).map(drop),
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

fn lock(queue: &Queue) -> std::sync::MutexGuard<'_, Items> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often content is sent anew because what was counted on is gone: while nodes go on losing, there is no use in it.
const LOSSES: u32 = 3;
/// Files that are read at once.
const WORKERS: usize = 8;
