//! Blocks on their way in: asked for once, opened once, then kept in a bounded cache for whoever waits.

use bytes::Bytes;

use super::job::Job;
use super::opened::Opened;
use super::outbox::{JobFor, Outbox};
use super::reference::Reference;
use super::seal::{BlockKey, OpenError};
use super::tree::Pages;
use super::{CommandId, Output};
use crate::block::Block;
use crate::id::BlockId;
use crate::map::{Map, Set};

/// Blocks that commands wait for.
#[derive(Default)]
pub(super) struct Fetcher {
    wanted: Map<BlockId, Wanted>,
    /// How often each walk asked for each page since it last got on.
    asked: Map<CommandId, Map<BlockId, u8>>,
    /// Pages that are here and nowhere else: of the merged tree, and of the one before, which may still be looked at.
    kept: [Map<BlockId, Block>; 2],
}

struct Wanted {
    key: BlockKey,
    cache: Cache,
    by: Set<CommandId>,
}

/// Which cache a block goes to: tree pages are not to be pushed out by a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cache {
    Pages,
    Content,
}

/// How a wait ended.
pub(super) struct Arrived {
    pub(super) waiting: Set<CommandId>,
    pub(super) result: Result<(), Failed>,
}

/// Why a block did not become a page.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    Unavailable(BlockId),
    Damaged(OpenError),
}

/// A walk asks for the same pages again and again: they push one another out of the cache before it gets on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thrashing;

impl Fetcher {
    /// Wants tree pages for a walk. A cache that is too small for the walk ends it: asking for ever would help nobody.
    pub(super) fn want_pages(&mut self, command: CommandId, keys: &[BlockKey], out: &mut Outbox) -> Result<(), Thrashing> {
        let asked = self.asked.entry(command).or_default();
        for key in keys {
            if self.wanted.get(&key.id).is_some_and(|wanted| wanted.by.contains(&command)) {
                continue;
            }
            let times = asked.entry(key.id).or_default();
            if *times >= PAGE_ASKS {
                return Err(Thrashing);
            }
            *times += 1;
        }
        self.want(command, keys, Cache::Pages, out);
        Ok(())
    }

    /// Wants blocks of content for a read, which keeps those that it cannot do without.
    pub(super) fn want_content(&mut self, command: CommandId, keys: &[BlockKey], out: &mut Outbox) {
        self.want(command, keys, Cache::Content, out);
    }

    /// A walk got on: what it asked for until now was not in vain.
    pub(super) fn got_on(&mut self, command: CommandId) {
        self.asked.remove(&command);
    }

    fn want(&mut self, command: CommandId, keys: &[BlockKey], cache: Cache, out: &mut Outbox) {
        let mut new = Vec::new();
        for key in keys {
            self.wanted
                .entry(key.id)
                .or_insert_with(|| {
                    match self.kept.iter().find_map(|kept| kept.get(&key.id)) {
                        Some(block) => out.job(JobFor::Open(key.id), Job::Open { key: *key, block: block.clone() }),
                        None => new.push(key.id),
                    }
                    Wanted { key: *key, cache, by: Set::new() }
                })
                .by
                .insert(command);
        }
        if !new.is_empty() {
            out.push(match cache {
                Cache::Pages => Output::NeedAgain(new),
                Cache::Content => Output::Need(new),
            });
        }
    }

    /// Keeps the pages of a merged tree, in the place of those before the last.
    pub(super) fn keep(&mut self, blocks: Vec<Block>) {
        let [last, before] = &mut self.kept;
        *before = std::mem::replace(last, blocks.into_iter().map(|block| (block.id(), block)).collect());
    }

    /// Returns all kept pages of the merged tree to which a page belongs, if it is one of them.
    pub(super) fn kept_with(&self, page: &Reference) -> Vec<Block> {
        let blocks = page.blocks().into_iter().flat_map(|(first, next)| std::iter::once(first).chain(next));
        let ids: Vec<BlockId> = blocks.map(|key| key.id).collect();
        let trees = self.kept.iter().filter(|kept| ids.iter().any(|id| kept.contains_key(id)));
        trees.flat_map(Map::values).cloned().collect()
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
        self.asked.remove(&command);
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

/// How often a walk may ask for one page without getting on. Other walks may push a page out once or twice; it is used at every attempt,
/// so after that it goes only because the walk's own pages do not fit the cache together.
const PAGE_ASKS: u8 = 8;
