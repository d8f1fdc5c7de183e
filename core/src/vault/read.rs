//! Reads on their way: a window of blocks ahead of the reader, chunks given out in order.

use std::collections::{BTreeSet, VecDeque};

use super::fetch::{Cache, Fetcher};
use super::opened::Opened;
use super::outbox::Outbox;
use super::tree::{Chunk, Node, Pages, WalkError, walk};
use super::{CommandError, CommandId, Output};
use crate::id::BlockId;
use crate::limits::FILE_PAGE_ENTRIES;

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
    /// Bytes that the application takes.
    pulled: usize,
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
        Self { file, at, end, listed: at, chunks: VecDeque::new(), pulled: 0, given: 0 }
    }

    pub(super) fn pull(&mut self, bytes: usize) {
        self.pulled = self.pulled.saturating_add(bytes);
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
                Ok(true)
            }
            Err(WalkError::Missing(keys)) => {
                fetch.want(command, &keys, Cache::Pages, out);
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for the blocks of the next chunks, up to `window` bytes of them.
    fn want(&mut self, command: CommandId, window: usize, content: &Opened, fetch: &mut Fetcher, out: &mut Outbox) {
        let mut ahead: BTreeSet<BlockId> = BTreeSet::new();
        let mut wanted = Vec::new();
        for (start, chunk) in &self.chunks {
            if *start >= self.end || (ahead.len() << 20) >= window {
                break;
            }
            let (first, next) = chunk.reference.blocks().map_or((None, None), |(first, next)| (Some(first), next));
            for key in first.into_iter().chain(next) {
                if ahead.insert(key.id) && !content.contains(&key.id) {
                    wanted.push(key);
                }
            }
        }
        fetch.want(command, &wanted, Cache::Content, out);
    }

    /// Gives out chunks that are here; `true` when any was.
    fn give(&mut self, command: CommandId, content: &mut Opened, out: &mut Outbox) -> Result<bool, CommandError> {
        let mut gave = false;
        while self.pulled > 0
            && let Some((start, chunk)) = self.chunks.front()
        {
            let Some(bytes) = content.chunk(chunk).map_err(|error| CommandError::Damaged(error.to_string()))? else { return Ok(gave) };
            let skip = usize::try_from(self.at.saturating_sub(*start)).unwrap_or(usize::MAX).min(bytes.len());
            let keep = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(bytes.len() - skip);
            let bytes = bytes.slice(skip..skip + keep);
            self.at += keep as u64;
            self.given += keep as u64;
            self.pulled = self.pulled.saturating_sub(keep);
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
