//! Reads on their way: a window of blocks ahead of the reader, chunks given out in order.

use std::collections::VecDeque;

use bytes::Bytes;

use super::fetch::Fetcher;
use super::opened::Opened;
use super::outbox::Outbox;
use super::tree::{Chunk, Node, Pages, WalkError, walk};
use super::{CommandError, CommandId, Output};
use crate::id::BlockId;
use crate::limits::FILE_PAGE_ENTRIES;
use crate::map::{Map, Set};

/// Chunks that are listed ahead: a page of them.
const LIST_AHEAD: usize = FILE_PAGE_ENTRIES;

/// One file that is being read.
pub(super) struct Reading {
    file: Node,
    /// The next byte to give out.
    at: u64,
    /// The first byte not to give out.
    end: u64,
    /// Chunks are listed up to this byte.
    listed: u64,
    chunks: VecDeque<(u64, Chunk)>,
    /// The packs of the next chunk, at most two.
    held: Map<BlockId, Bytes>,
    /// The blocks of the window, each asked for if it was not here.
    asked: Set<BlockId>,
    /// Bytes that the application takes; less than none when it got the rest of a chunk beside what it asked for.
    pulled: i64,
    given: u64,
}

impl Reading {
    pub(super) fn new(file: Node, from: u64, len: Option<u64>) -> Self {
        let file_len = match &file {
            Node::File { len, .. } => *len,
            _ => 0,
        };
        let at = from.min(file_len);
        let end = len.map_or(file_len, |len| at.saturating_add(len).min(file_len));
        Self { file, at, end, listed: at, chunks: VecDeque::new(), held: Map::new(), asked: Set::new(), pulled: 0, given: 0 }
    }

    pub(super) fn pull(&mut self, bytes: usize) {
        self.pulled = self.pulled.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Returns how many bytes were given out.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Goes as far as it can; `true` when the read is complete.
    pub(super) fn step(
        &mut self,
        command: CommandId,
        window: usize,
        pages: &Pages,
        content: &mut Opened,
        fetch: &mut Fetcher,
        out: &mut Outbox,
    ) -> Result<bool, CommandError> {
        loop {
            let listing = self.list(command, pages, fetch, out)?;
            self.want(command, window, content, fetch, out);
            let gave = self.give(command, content, out)?;
            if self.at >= self.end {
                return Ok(true);
            }
            if !gave && !listing {
                return Ok(false);
            }
        }
    }

    /// Lists further chunks; `true` when there are new ones.
    fn list(&mut self, command: CommandId, pages: &Pages, fetch: &mut Fetcher, out: &mut Outbox) -> Result<bool, CommandError> {
        if self.listed >= self.end || self.chunks.len() >= LIST_AHEAD / 2 {
            return Ok(false);
        }
        match walk::chunks(pages, &self.file, self.listed, LIST_AHEAD) {
            Ok(chunks) if chunks.is_empty() => Err(CommandError::Damaged("a file's list of chunks is shorter than the file".into())),
            Ok(chunks) => {
                if let Some((start, chunk)) = chunks.last() {
                    self.listed = start + u64::from(chunk.len);
                }
                self.chunks.extend(chunks);
                fetch.got_on(command);
                Ok(true)
            }
            Err(WalkError::Missing(keys)) => {
                fetch.want_pages(command, &keys, out)?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for the blocks of the next chunk, and of those behind it up to `window` bytes.
    fn want(&mut self, command: CommandId, window: usize, content: &mut Opened, fetch: &mut Fetcher, out: &mut Outbox) {
        let mut ahead: Set<BlockId> = Set::new();
        let mut wanted = Vec::new();
        for (place, (start, chunk)) in self.chunks.iter().enumerate() {
            if *start >= self.end || (place > 0 && (ahead.len() << 20) >= window) {
                break;
            }
            let (first, next) = chunk.reference.blocks().map_or((None, None), |(first, next)| (Some(first), next));
            let blocks = || first.into_iter().chain(next);
            if place == 0 {
                // Held here, so that no other read pushes out what this one needs to get on.
                self.held.retain(|id, _| blocks().any(|key| key.id == *id));
                self.held.extend(blocks().filter_map(|key| Some((key.id, content.pack(&key.id)?))));
            }
            for key in blocks() {
                // Ahead of time a block is asked for once: should others push it out, it comes again when it is needed.
                let is_asked = self.asked.contains(&key.id) && place > 0;
                if ahead.insert(key.id) && !is_asked && !content.contains(&key.id) && !self.held.contains_key(&key.id) {
                    wanted.push(key);
                }
            }
        }
        self.asked.clone_from(&ahead);
        fetch.want_content(command, &wanted, out);
    }

    /// Gives out chunks that are here; `true` when any was.
    fn give(&mut self, command: CommandId, content: &mut Opened, out: &mut Outbox) -> Result<bool, CommandError> {
        let mut gave = false;
        while self.pulled > 0
            && let Some((start, chunk)) = self.chunks.front()
        {
            let Some(bytes) = content.chunk(chunk, &self.held).map_err(|error| CommandError::Damaged(error.to_string()))? else {
                return Ok(gave);
            };
            let skip = usize::try_from(self.at.saturating_sub(*start)).unwrap_or(usize::MAX).min(bytes.len());
            let keep = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(bytes.len() - skip);
            let bytes = bytes.slice(skip..skip + keep);
            self.at += keep as u64;
            self.given += keep as u64;
            self.pulled -= i64::try_from(keep).unwrap_or(i64::MAX);
            self.chunks.pop_front();
            out.push(Output::Bytes(command, bytes));
            gave = true;
            if self.at >= self.end {
                break;
            }
        }
        Ok(gave)
    }
}
