//! Blocks on their way in: asked for once, opened once, then kept in a bounded cache for whoever waits.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::job::Job;
use super::opened::Opened;
use super::outbox::{JobFor, Outbox};
use super::seal::{BlockKey, OpenError};
use super::tree::Pages;
use super::{CommandId, Output};
use crate::block::Block;
use crate::id::BlockId;

/// Blocks that commands wait for.
#[derive(Default)]
pub(super) struct Fetcher {
    wanted: BTreeMap<BlockId, Wanted>,
}

struct Wanted {
    key: BlockKey,
    cache: Cache,
    by: BTreeSet<CommandId>,
}

/// Which cache a block goes to: tree pages are not to be pushed out by a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cache {
    Pages,
    Content,
}

/// How a wait ended.
pub(super) struct Arrived {
    pub(super) waiting: BTreeSet<CommandId>,
    pub(super) result: Result<(), Failed>,
}

/// Why a block did not become a page.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    Unavailable(BlockId),
    Damaged(OpenError),
}

impl Fetcher {
    /// Wants blocks for a command.
    pub(super) fn want(&mut self, command: CommandId, keys: &[BlockKey], cache: Cache, out: &mut Outbox) {
        let mut new = Vec::new();
        for key in keys {
            self.wanted
                .entry(key.id)
                .or_insert_with(|| {
                    new.push(key.id);
                    Wanted { key: *key, cache, by: BTreeSet::new() }
                })
                .by
                .insert(command);
        }
        if !new.is_empty() {
            out.push(Output::Need(new));
        }
    }

    /// A block came: it is opened by a job.
    pub(super) fn got(&mut self, block: Block, out: &mut Outbox) {
        if let Some(wanted) = self.wanted.get(&block.id()) {
            out.job(JobFor::Open(block.id()), Job::Open { key: wanted.key, block });
        }
    }

    /// A block cannot be had.
    pub(super) fn unavailable(&mut self, id: BlockId) -> Option<Arrived> {
        let wanted = self.wanted.remove(&id)?;
        Some(Arrived { waiting: wanted.by, result: Err(Failed::Unavailable(id)) })
    }

    /// A job opened a block.
    pub(super) fn opened(
        &mut self,
        id: BlockId,
        pack: Result<Bytes, OpenError>,
        pages: &mut Pages,
        content: &mut Opened,
    ) -> Option<Arrived> {
        let wanted = self.wanted.remove(&id)?;
        let result = match pack {
            Ok(pack) => {
                match wanted.cache {
                    Cache::Pages => pages.insert(id, pack),
                    Cache::Content => content.insert(id, pack),
                }
                Ok(())
            }
            Err(error) => Err(Failed::Damaged(error)),
        };
        Some(Arrived { waiting: wanted.by, result })
    }

    /// A command is over: blocks that only it waited for are not needed any more.
    pub(super) fn forget(&mut self, command: CommandId, out: &mut Outbox) {
        let mut orphans = Vec::new();
        self.wanted.retain(|id, wanted| {
            wanted.by.remove(&command);
            let orphan = wanted.by.is_empty();
            if orphan {
                orphans.push(*id);
            }
            !orphan
        });
        if !orphans.is_empty() {
            out.push(Output::Forget(orphans));
        }
    }

    /// Says whether a command waits for a block.
    pub(super) fn waits(&self, command: CommandId) -> bool {
        self.wanted.values().any(|wanted| wanted.by.contains(&command))
    }
}
