//! Puts on their way: file bytes to chunks, chunks to packs, packs to blocks, until a commit takes what is staged.

use std::sync::Arc;

use bytes::Bytes;

use super::chunk::{ChunkKey, Chunker};
use super::command::Stats;
use super::compress::{Codec, compress};
use super::index::ChunkIndex;
use super::job::Job;
use super::outbox::{JobFor, KeepFor, Outbox};
use super::pack::{PackNumber, Packer, Stream};
use super::reference::{At, Reference};
use super::seal::{BlockKey, SealKey};
use super::tree::{Chunk, Edit, FileBuilder, Meta, Path, TreeWriter};
use super::{CommandId, Output, Reply};
use crate::block::Block;
use crate::copies::Copies;
use crate::id::BlockId;
use crate::limits::{PACK_MAX, PLACE_WINDOW, SEAL_OVERHEAD};
use crate::map::{Map, Set};

/// Bytes of file content that one put is invited to send ahead.
const INVITATION: usize = 2 << 20;
/// Sealed packs after which the journal is written: what an interruption can cost beside the window.
const JOURNAL_PACKS: u32 = 16;

/// Everything between two commits: puts, the data stream, blocks that wait for their copies.
pub(super) struct Writing {
    chunk_key: ChunkKey,
    pub(super) seal_key: Arc<SealKey>,
    pub(super) index: ChunkIndex,
    pub(super) packer: Packer,
    pub(super) tree: TreeWriter,
    puts: Map<CommandId, Put>,
    pub(super) staged: Map<Path, Staged>,
    /// Bytes that may wait for their copies.
    pub(super) window: usize,
    /// Bytes of packs that jobs are sealing.
    sealing: usize,
    flight: Flight,
    unjournalled: u32,
    pub(super) stats: Stats,
    /// While a commit is under way nothing more is invited.
    pub(super) paused: bool,
}

struct Put {
    path: Path,
    meta: Meta,
    chunker: Chunker,
    builder: FileBuilder,
    /// Over the ids of all chunks: files of equal length and digest have the same chunks.
    digest: blake3::Hasher,
    len: u64,
    new: u64,
    invited: usize,
    /// From where on chunks of the file that stands there are still to be learned; no bytes are invited before that.
    learning: Option<u64>,
}

/// A change that the next commit takes.
#[derive(Clone)]
pub(super) enum Staged {
    /// A file whose pages are finished at the commit, when all its packs are sealed.
    File(StagedFile),
    /// Anything else.
    Edit(Edit),
}

/// A file that is cut and packed.
#[derive(Clone)]
pub(super) struct StagedFile {
    pub(super) meta: Meta,
    pub(super) builder: FileBuilder,
    pub(super) len: u64,
    pub(super) digest: blake3::Hash,
}

/// Blocks that the next head counts on, as far as they are not settled.
#[derive(Default)]
struct Flight {
    blocks: Map<BlockId, InFlight>,
    bytes: usize,
    /// Placed or confirmed since the last commit, but for what will not become safe: not asked about twice.
    counted: Set<BlockId>,
    unsafe_blocks: usize,
    worst: Option<Copies>,
    lost: Option<BlockId>,
    /// Whether a pack could not be sealed: what refers to it leads nowhere.
    broken: bool,
    /// The fewest copies of a block that nobody will bring to as many holders as make it safe.
    refused: Option<Copies>,
}

#[derive(Clone, Copy)]
struct InFlight {
    bytes: usize,
    is_safe: bool,
    copies: Option<Copies>,
}

impl Writing {
    pub(super) fn new(chunk_key: ChunkKey, seal_key: Arc<SealKey>, index: ChunkIndex) -> Self {
        Self {
            chunk_key,
            tree: TreeWriter::new(Arc::clone(&seal_key)),
            seal_key,
            index,
            packer: Packer::new(Stream::Data),
            puts: Map::new(),
            staged: Map::new(),
            window: PLACE_WINDOW,
            sealing: 0,
            flight: Flight::default(),
            unjournalled: 0,
            stats: Stats::default(),
            paused: false,
        }
    }

    pub(super) fn begin(&mut self, command: CommandId, path: Path, meta: Meta) {
        let (chunker, builder, digest) = (Chunker::new(), FileBuilder::new(), blake3::Hasher::new());
        let put = Put { path, meta, chunker, builder, digest, len: 0, new: 0, invited: 0, learning: Some(0) };
        self.puts.insert(command, put);
    }

    /// Returns from where on a put still learns chunks of what stands in its place.
    pub(super) fn learning(&self, command: CommandId) -> Option<u64> {
        self.puts.get(&command)?.learning
    }

    /// Learns further chunks for a put, with the offset of each; none are the end.
    pub(super) fn learn(&mut self, command: CommandId, chunks: &[(u64, Chunk)]) {
        self.index.learn(chunks.iter().map(|(_, chunk)| chunk));
        if let Some(put) = self.puts.get_mut(&command) {
            put.learning = chunks.last().map(|(start, chunk)| start + u64::from(chunk.len));
        }
    }

    pub(super) fn bytes(&mut self, command: CommandId, bytes: Bytes, out: &mut Outbox) {
        let Some(mut put) = self.puts.remove(&command) else { return };
        put.invited = put.invited.saturating_sub(bytes.len());
        put.len += bytes.len() as u64;
        put.chunker.push(bytes);
        while let Some(chunk) = put.chunker.next() {
            self.chunk(&mut put, &chunk, out);
        }
        self.puts.insert(command, put);
    }

    pub(super) fn end(&mut self, command: CommandId, out: &mut Outbox) {
        let Some(mut put) = self.puts.remove(&command) else { return };
        while let Some(chunk) = put.chunker.finish() {
            self.chunk(&mut put, &chunk, out);
        }
        self.stats.bytes += put.len;
        out.reply(command, Ok(Reply::Staged { len: put.len, new: put.new }));
        let file = StagedFile { meta: put.meta, builder: put.builder, len: put.len, digest: put.digest.finalize() };
        self.staged.insert(put.path, Staged::File(file));
    }

    /// Gives a put up; returns whether there was one. What it packed already stays and costs space only.
    pub(super) fn cancel(&mut self, command: CommandId) -> bool {
        self.puts.remove(&command).is_some()
    }

    /// Invites bytes as far as the window of unsettled blocks allows.
    pub(super) fn invite(&mut self, out: &mut Outbox) {
        if self.paused {
            return;
        }
        let invited: usize = self.puts.values().map(|put| put.invited).sum();
        let mut room = self.window.saturating_sub(self.sealing + self.flight.bytes + invited);
        for (command, put) in &mut self.puts {
            if put.learning.is_some() || put.invited >= INVITATION / 2 {
                continue;
            }
            let grant = (INVITATION - put.invited).min(room);
            if grant < INVITATION / 2 {
                return;
            }
            room -= grant;
            put.invited += grant;
            out.push(Output::More(*command, grant));
        }
    }

    /// A job sealed a pack: the block goes out, and what waited for its key goes on.
    pub(super) fn sealed(&mut self, pack: PackNumber, block: Block, key: BlockKey, out: &mut Outbox) {
        self.sealing -= block.bytes().len();
        self.tree.sealed(pack, key);
        let staged = self.staged.values_mut().filter_map(|staged| match staged {
            Staged::File(file) => Some(&mut file.builder),
            Staged::Edit(_) => None,
        });
        let result =
            self.puts.values_mut().map(|put| &mut put.builder).chain(staged).try_for_each(|builder| builder.advance(&mut self.tree));
        self.place(block, out);
        self.place_tree(out);
        self.flight.broken |= result.is_err();
        self.unjournalled += 1;
        if self.unjournalled >= JOURNAL_PACKS {
            self.journal(out);
        }
    }

    /// A pack could not be sealed.
    pub(super) fn unsealed(&mut self) {
        self.sealing -= PACK_MAX + SEAL_OVERHEAD;
        self.flight.broken = true;
    }

    /// Sends out tree blocks that are full.
    pub(super) fn place_tree(&mut self, out: &mut Outbox) {
        for (block, _) in self.tree.take_blocks() {
            out.push(Output::Cache(block.clone()));
            self.place(block, out);
        }
    }

    pub(super) fn place(&mut self, block: Block, out: &mut Outbox) {
        self.stats.blocks += 1;
        self.stats.block_bytes += block.bytes().len() as u64;
        self.flight.add(block.id(), block.bytes().len());
        out.push(Output::Place(block));
    }

    /// Writes down which chunks are safe by now: a chunk whose block died with this device must not be counted on after its restart.
    pub(super) fn journal(&mut self, out: &mut Outbox) {
        self.unjournalled = 0;
        let tree = &self.tree;
        let flight = &self.flight;
        let notes = self.index.flush(|reference| tree.resolve(reference).ok().filter(|resolved| flight.is_safe(resolved)));
        if !notes.is_empty() {
            out.keep(KeepFor::Journal, notes, false);
        }
    }

    pub(super) fn copies(&mut self, id: BlockId, copies: Copies) {
        self.flight.placed(id, copies);
    }

    /// Nothing more happens to a block: one that nobody took is not counted on again.
    pub(super) fn settled(&mut self, id: BlockId, copies: Copies, out: &mut Outbox) {
        if copies.durable == 0 {
            self.forget(&id, out);
        }
        self.flight.settled(id, copies);
    }

    /// A block that was counted on is gone: nothing new may refer to it, and the commit under way fails.
    pub(super) fn lost(&mut self, id: BlockId, out: &mut Outbox) {
        self.forget(&id, out);
        self.flight.lose(id);
    }

    fn forget(&mut self, id: &BlockId, out: &mut Outbox) {
        let notes = self.index.forget(id);
        if !notes.is_empty() {
            out.keep(KeepFor::Journal, notes, false);
        }
    }

    /// Counts on old blocks again: their holders are asked.
    pub(super) fn confirm(&mut self, ids: impl IntoIterator<Item = BlockId>, out: &mut Outbox) {
        let ids: Vec<BlockId> = ids.into_iter().filter(|id| self.flight.count_on(*id)).collect();
        self.stats.reused += ids.len() as u64;
        for ids in ids.chunks(crate::limits::LIST_MAX) {
            out.push(Output::Confirm(ids.to_vec()));
        }
    }

    /// Says whether the blocks of a segment were placed or confirmed for the next head.
    pub(super) fn counts_on(&self, segment: &Reference) -> bool {
        let is_counted = |block: BlockKey| self.flight.counted.contains(&block.id);
        segment.blocks().is_some_and(|(first, next)| is_counted(first) && next.is_none_or(is_counted))
    }

    /// Says whether any put is not cut to its end.
    pub(super) fn is_putting(&self) -> bool {
        !self.puts.is_empty()
    }

    /// Says whether all packs that are full are sealed.
    pub(super) fn is_sealed(&self) -> bool {
        self.sealing == 0
    }

    /// Says whether every block that was placed or confirmed is safe.
    pub(super) fn is_safe(&self) -> bool {
        self.flight.unsafe_blocks == 0
    }

    /// Says whether nothing more happens to any of them.
    pub(super) fn is_settled(&self) -> bool {
        self.flight.blocks.is_empty()
    }

    /// Returns a block that was counted on and is gone, once it is known of all others whether they are too: the next attempt is then
    /// the last one.
    pub(super) fn lost_block(&self) -> Option<BlockId> {
        let is_asked = |flying: &InFlight| flying.bytes == 0 && flying.copies.is_none();
        self.flight.lost.filter(|_| !self.flight.blocks.values().any(is_asked))
    }

    /// Says whether something could not be sealed that was put since the last commit.
    pub(super) fn is_broken(&self) -> bool {
        self.flight.broken
    }

    /// Returns how few copies a block has that will not get as many as make it safe.
    pub(super) fn refused(&self) -> Option<Copies> {
        self.flight.refused
    }

    /// Returns the fewest copies of any settled block since the last commit.
    pub(super) fn worst(&self) -> Option<Copies> {
        self.flight.worst
    }

    /// Returns the fewest copies of any block that is not settled, as far as any holder has answered.
    pub(super) fn fewest(&self) -> Option<Copies> {
        self.flight.blocks.values().filter_map(|block| block.copies).min_by_key(|copies| copies.durable)
    }

    /// Returns bytes that are sealed or being sealed and not settled.
    pub(super) fn in_flight(&self) -> usize {
        self.sealing + self.flight.bytes
    }

    /// Returns how many blocks are not settled.
    pub(super) fn waiting(&self) -> usize {
        self.flight.blocks.len()
    }

    /// Begins anew after a commit. What is being put beside it keeps its packs.
    pub(super) fn reset(&mut self) -> Stats {
        let refers = |staged: &Staged| matches!(staged, Staged::File(_));
        if self.puts.is_empty() && !self.staged.values().any(refers) {
            self.index.abandon();
            self.packer = self.packer.behind();
            self.tree = TreeWriter::new(Arc::clone(&self.seal_key));
        }
        self.flight = Flight::default();
        self.paused = false;
        std::mem::take(&mut self.stats)
    }

    /// Takes in that something else than a commit failed: what is put or staged goes on, and counts on what it counted on.
    pub(super) fn stand_aside(&mut self) {
        self.paused = false;
        if self.puts.is_empty() && self.staged.is_empty() {
            self.reset();
        }
    }

    /// Gives up everything that is put or staged, for a commit failed and some of it may count on what is gone; returns whose puts end.
    pub(super) fn abandon(&mut self) -> Vec<CommandId> {
        let puts = std::mem::take(&mut self.puts).into_keys().collect();
        self.staged.clear();
        self.reset();
        puts
    }

    fn chunk(&mut self, put: &mut Put, chunk: &Bytes, out: &mut Outbox) {
        let id = self.chunk_key.id(chunk);
        let reference = match self.index.lookup(&id) {
            Some(reference) => {
                let blocks = [Some(reference.first), reference.next].into_iter().flatten().filter_map(|at| match at {
                    At::Block(block) => Some(block.id),
                    At::Pack(_) => None,
                });
                self.confirm(blocks, out);
                reference
            }
            None => {
                let reference = self.pack(chunk);
                put.new += chunk.len() as u64;
                self.stats.new_bytes += chunk.len() as u64;
                self.index.insert_pending(id, reference.clone());
                reference
            }
        };
        put.digest.update(&id.0);
        put.builder.push(Chunk { id, len: chunk.len() as u32, reference });
        while let Some((number, pack)) = self.packer.take_full() {
            self.sealing += pack.len() + SEAL_OVERHEAD;
            out.job(JobFor::Seal(number), Job::Seal { key: Arc::clone(&self.seal_key), pack });
        }
    }

    /// Lays a chunk into the data stream, compressed when that pays.
    fn pack(&mut self, chunk: &Bytes) -> Reference {
        match compress(chunk) {
            Some(compressed) => self.packer.store(&compressed, Codec::Lz4),
            None => self.packer.store(chunk, Codec::Raw),
        }
    }
}

impl Flight {
    /// Says whether every block of a segment has the copies that make it safe. One that was never placed has none: a commit that fails
    /// while it builds has sealed its tail and takes it along.
    fn is_safe(&self, segment: &Reference) -> bool {
        let waits = |id: &BlockId| self.blocks.get(id).is_some_and(|flying| !flying.is_safe);
        let is_safe = |block: BlockKey| self.counted.contains(&block.id) && !waits(&block.id);
        segment.blocks().is_some_and(|(first, next)| is_safe(first) && next.is_none_or(is_safe))
    }

    fn add(&mut self, id: BlockId, bytes: usize) {
        self.counted.insert(id);
        if let Some(before) = self.blocks.insert(id, InFlight { bytes, is_safe: false, copies: None }) {
            self.bytes -= before.bytes;
            self.unsafe_blocks -= usize::from(!before.is_safe);
        }
        self.bytes += bytes;
        self.unsafe_blocks += 1;
    }

    fn count_on(&mut self, id: BlockId) -> bool {
        let new = !self.counted.contains(&id);
        if new {
            self.add(id, 0);
        }
        new
    }

    fn placed(&mut self, id: BlockId, copies: Copies) {
        let Some(block) = self.blocks.get_mut(&id) else { return };
        self.unsafe_blocks -= usize::from(!block.is_safe);
        *block = InFlight { copies: Some(copies), is_safe: copies.is_safe(), ..*block };
        // A copy that was counted may turn out not to be there.
        self.unsafe_blocks += usize::from(!block.is_safe);
    }

    fn settled(&mut self, id: BlockId, copies: Copies) {
        self.placed(id, copies);
        if let Some(block) = self.blocks.remove(&id) {
            self.bytes -= block.bytes;
            self.unsafe_blocks -= usize::from(!block.is_safe);
            if self.worst.is_none_or(|worst| copies.durable < worst.durable) {
                self.worst = Some(copies);
            }
            if !copies.is_safe() {
                self.counted.remove(&id);
                self.refused = self.worst;
            }
        }
    }

    fn lose(&mut self, id: BlockId) {
        if let Some(block) = self.blocks.remove(&id) {
            self.bytes -= block.bytes;
            self.unsafe_blocks -= usize::from(!block.is_safe);
            self.lost = Some(id);
        }
    }
}
