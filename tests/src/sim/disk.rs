//! A host's disk: answers store operations exactly once, in random order and after random delays, and keeps the contract of
//! `cachette_core::store` whatever happens to it.
//!
//! A commit is applied in one instant between its request and its answer. A crash before that instant loses it whole, a crash after
//! it loses only the answer. What a crash leaves undecided, chance decides.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, RecordQuery, RecordSlot, RequestId, StoreAnswer, StoreFault, StoreOp, Summary, Usage};
use cachette_core::time::{Span, Time};

use super::rng::Rng;
use super::schedule::Schedule;

/// A disk and what waits for it.
#[derive(Debug)]
pub struct Disk {
    rng: Rng,
    blocks: BTreeMap<(VaultId, BlockId), Bytes>,
    records: BTreeMap<RecordSlot, Bytes>,
    steps: Schedule<Step>,
    answers: VecDeque<(RequestId, StoreAnswer)>,
    /// The longest an operation takes.
    pub slowness: Span,
    /// Bytes of blocks that find room.
    pub capacity: u64,
    /// How many of a thousand operations fail.
    pub failing: u64,
    /// How the disk answers, when it is to break rule 3.
    pub manners: Manners,
}

/// How often a disk answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// Once, as it should.
    Once,
    /// Now and then twice.
    Twice,
    /// Now and then never.
    Never,
}

/// An operation in progress: done in one instant, answered in a later one.
#[derive(Debug)]
enum Step {
    Do(RequestId, StoreOp, Time),
    Answer(RequestId, StoreAnswer),
}

impl Disk {
    /// Starts empty, with plenty of room.
    #[must_use]
    pub const fn new(rng: Rng) -> Self {
        Self {
            rng,
            blocks: BTreeMap::new(),
            records: BTreeMap::new(),
            steps: Schedule::new(),
            answers: VecDeque::new(),
            slowness: Span(20),
            capacity: u64::MAX,
            failing: 0,
            manners: Manners::Once,
        }
    }

    /// Takes an operation in.
    pub fn ask(&mut self, now: Time, request: RequestId, op: StoreOp) {
        let done = now + self.rng.span(0, self.slowness.millis());
        let answered = done + self.rng.span(0, self.slowness.millis() / 4);
        self.steps.put(done, Step::Do(request, op, answered));
    }

    /// Takes time in.
    pub fn tick(&mut self, now: Time) {
        while let Some(step) = self.steps.due(now) {
            match step {
                Step::Do(request, op, at) => {
                    let answer = self.perform(op);
                    self.promise(request, answer, at);
                }
                Step::Answer(request, answer) => self.answers.push_back((request, answer)),
            }
        }
    }

    /// Returns the next answer.
    pub fn poll(&mut self) -> Option<(RequestId, StoreAnswer)> {
        self.answers.pop_front()
    }

    /// Returns when the disk does something next.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.steps.deadline()
    }

    /// Cuts the power: every commit that is not applied yet is lost whole, or (by chance) was applied just before.
    pub fn crash(&mut self) {
        self.answers.clear();
        for step in self.steps.clear() {
            if let Step::Do(_, op @ (StoreOp::Commit(_) | StoreOp::Cache(..) | StoreOp::Delete(..)), _) = step
                && self.rng.per_mille(500)
            {
                let _ = self.perform(op);
            }
        }
    }

    /// Says whether a block lies here, durable, in whatever condition.
    #[must_use]
    pub fn holds(&self, vault: &VaultId, id: &BlockId) -> bool {
        self.blocks.contains_key(&(*vault, *id))
    }

    /// Says whether a block lies here, durable and unharmed.
    #[must_use]
    pub fn holds_whole(&self, vault: &VaultId, id: &BlockId) -> bool {
        self.blocks.get(&(*vault, *id)).is_some_and(|bytes| Block::verify(*id, bytes.clone()).is_ok())
    }

    /// Says whether these bytes lie in a slot, durable.
    #[must_use]
    pub fn keeps(&self, slot: &RecordSlot, bytes: &Bytes) -> bool {
        self.records.get(slot) == Some(bytes)
    }

    /// Returns the bytes of a block, in whatever condition.
    #[must_use]
    pub fn bytes(&self, vault: &VaultId, id: &BlockId) -> Option<&Bytes> {
        self.blocks.get(&(*vault, *id))
    }

    /// Puts the records of an earlier moment in the place of the present ones, as a dishonest operator would.
    pub fn roll_back(&mut self, records: Vec<(RecordSlot, Bytes)>) {
        self.records = records.into_iter().collect();
    }

    /// Returns the ids of a vault's blocks.
    pub fn ids(&self, vault: VaultId) -> impl Iterator<Item = BlockId> {
        let all = (vault, BlockId([0; 32]))..=(vault, BlockId([0xff; 32]));
        self.blocks.range(all).map(|((_, id), _)| *id)
    }

    /// Returns all blocks with their bytes.
    pub fn blocks(&self) -> impl Iterator<Item = (BlockId, &Bytes)> {
        self.blocks.iter().map(|((_, id), bytes)| (*id, bytes))
    }

    /// Returns all records.
    pub fn records(&self) -> impl Iterator<Item = (&RecordSlot, &Bytes)> {
        self.records.iter()
    }

    /// Lets a block rot: one bit of it is another one from now on. Returns whether it was here.
    pub fn rot(&mut self, vault: VaultId, id: BlockId) -> bool {
        let Some(bytes) = self.blocks.get_mut(&(vault, id)) else { return false };
        let mut rotten = bytes.to_vec();
        let bit = self.rng.index(rotten.len() * 8);
        rotten[bit / 8] ^= 1 << (bit % 8);
        *bytes = rotten.into();
        true
    }

    /// Takes a block away, as a careless operator would.
    pub fn lose(&mut self, vault: VaultId, id: BlockId) -> bool {
        self.blocks.remove(&(vault, id)).is_some()
    }

    /// Takes all blocks away, as a browser does that clears a site's data.
    pub fn forget_all(&mut self) {
        self.blocks.clear();
    }

    fn promise(&mut self, request: RequestId, answer: StoreAnswer, at: Time) {
        let lapse = self.manners != Manners::Once && self.rng.per_mille(100);
        if lapse && self.manners == Manners::Never {
            return;
        }
        if lapse {
            self.steps.put(at + Span(1), Step::Answer(request, answer.clone()));
        }
        self.steps.put(at, Step::Answer(request, answer));
    }

    fn perform(&mut self, op: StoreOp) -> StoreAnswer {
        if self.failing > 0 && self.rng.per_mille(self.failing) {
            // What was asked may or may not have happened.
            if self.rng.per_mille(500) {
                self.execute(op);
            }
            return StoreAnswer::Failed(StoreFault::Failed);
        }
        self.execute(op)
    }

    fn execute(&mut self, op: StoreOp) -> StoreAnswer {
        match op {
            StoreOp::Get(id) => StoreAnswer::Block(self.get(id)),
            StoreOp::Has(vault, ids) => StoreAnswer::Has(ids.iter().map(|id| self.holds(&vault, id)).collect()),
            StoreOp::Commit(commit) => self.commit(commit),
            StoreOp::Cache(vault, block) => self.commit(Commit::block(vault, block)),
            StoreOp::Summary(vault, from, to) => {
                let mut partitions: BTreeMap<Partition, Summary> = BTreeMap::new();
                for id in self.ids(vault).filter(|id| (from..=to).contains(&Partition::of(id))) {
                    partitions.entry(Partition::of(&id)).or_default().add(&id);
                }
                StoreAnswer::Summary(partitions.into_iter().collect())
            }
            StoreOp::Scan { vault, partition, after, limit } => {
                let wanted = |id: &BlockId| Partition::of(id) == partition && after.is_none_or(|after| *id > after);
                StoreAnswer::Ids(self.ids(vault).filter(wanted).take(limit as usize).collect())
            }
            StoreOp::Delete(vault, ids) => {
                ids.into_iter().for_each(|id| {
                    self.blocks.remove(&(vault, id));
                });
                StoreAnswer::Deleted
            }
            StoreOp::Records(query) => {
                let meant = |slot: &RecordSlot| match query {
                    RecordQuery::Vault(vault) => slot.vault == vault,
                    RecordQuery::Named { kind, key } => slot.kind == kind && slot.key == key,
                };
                let found = self.records.iter().filter(|(slot, _)| meant(slot));
                StoreAnswer::Records(found.map(|(slot, bytes)| (*slot, bytes.clone())).collect())
            }
            StoreOp::Usage(vault) => {
                let meant = self.blocks.iter().filter(|((owner, _), _)| vault.is_none_or(|vault| vault == *owner));
                StoreAnswer::Usage(meant.fold(Usage::default(), |usage, (_, bytes)| Usage {
                    blocks: usage.blocks + 1,
                    bytes: usage.bytes + bytes.len() as u64,
                }))
            }
        }
    }

    fn get(&mut self, id: BlockId) -> Fetched {
        let Some((key, bytes)) = self.blocks.iter().find(|((_, held), _)| *held == id) else { return Fetched::Missing };
        match Block::verify(id, bytes.clone()) {
            Ok(block) => Fetched::Found(block),
            Err(_) => {
                let key = *key;
                self.blocks.remove(&key);
                Fetched::Damaged
            }
        }
    }

    fn commit(&mut self, commit: Commit) -> StoreAnswer {
        let new: Vec<_> = commit.blocks.into_iter().filter(|block| !self.holds(&commit.vault, &block.id())).collect();
        let used: u64 = self.blocks.values().map(|bytes| bytes.len() as u64).sum();
        let more: u64 = new.iter().map(|block| block.bytes().len() as u64).sum();
        if more > 0 && used + more > self.capacity {
            return StoreAnswer::Failed(StoreFault::Full);
        }
        self.blocks.extend(new.into_iter().map(|block| ((commit.vault, block.id()), block.bytes().clone())));
        self.records.extend(commit.records);
        StoreAnswer::Committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: VaultId = VaultId([1; 32]);

    fn block(fill: u8) -> Block {
        Block::new(Bytes::from(vec![fill; 4096])).expect("a valid size")
    }

    fn put(disk: &mut Disk, request: u64, blocks: Vec<Block>) {
        disk.ask(Time(0), RequestId(request), StoreOp::Commit(Commit { vault: VAULT, blocks, records: Vec::new() }));
    }

    fn answers(disk: &mut Disk) -> BTreeMap<RequestId, StoreAnswer> {
        disk.tick(Time(1_000_000));
        disk.tick(Time(1_000_000));
        std::iter::from_fn(|| disk.poll()).collect()
    }

    #[test]
    fn a_crash_keeps_or_loses_a_commit_whole() {
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..64 {
            let mut disk = Disk::new(Rng::new(seed));
            put(&mut disk, 1, vec![block(1), block(2)]);
            disk.crash();
            assert!(answers(&mut disk).is_empty());
            let holds = [block(1), block(2)].map(|block| disk.holds(&VAULT, &block.id()));
            assert_eq!(holds[0], holds[1]);
            *if holds[0] { &mut kept } else { &mut lost } += 1;
        }
        assert!(kept > 10 && lost > 10, "{kept} {lost}");
    }

    #[test]
    fn what_was_answered_survives_a_crash() {
        let mut disk = Disk::new(Rng::new(1));
        put(&mut disk, 1, vec![block(1)]);
        assert_eq!(answers(&mut disk)[&RequestId(1)], StoreAnswer::Committed);
        disk.crash();
        assert!(disk.holds_whole(&VAULT, &block(1).id()));
    }

    #[test]
    fn a_full_disk_keeps_nothing_of_a_commit() {
        let mut disk = Disk::new(Rng::new(1));
        disk.capacity = 6000;
        put(&mut disk, 1, vec![block(1), block(2)]);
        assert_eq!(answers(&mut disk)[&RequestId(1)], StoreAnswer::Failed(StoreFault::Full));
        assert_eq!(disk.ids(VAULT).count(), 0);
    }

    #[test]
    fn a_rotten_block_is_set_aside_when_it_is_read() {
        let mut disk = Disk::new(Rng::new(1));
        put(&mut disk, 1, vec![block(1)]);
        answers(&mut disk);
        assert!(disk.rot(VAULT, block(1).id()));
        assert!(disk.holds(&VAULT, &block(1).id()) && !disk.holds_whole(&VAULT, &block(1).id()));
        for (request, expected) in [(2, Fetched::Damaged), (3, Fetched::Missing)] {
            disk.ask(Time(0), RequestId(request), StoreOp::Get(block(1).id()));
            assert_eq!(answers(&mut disk)[&RequestId(request)], StoreAnswer::Block(expected));
        }
    }
}
