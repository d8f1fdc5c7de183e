//! What a store is, in the plainest words: two maps.

use std::collections::BTreeMap;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, RecordQuery, RecordSlot, StoreAnswer, StoreOp, Summary, Usage};

/// A store that never fails.
#[derive(Debug, Default)]
pub struct Model {
    blocks: BTreeMap<(VaultId, BlockId), Block>,
    records: BTreeMap<RecordSlot, Bytes>,
}

impl Model {
    /// Does an operation and returns its answer.
    pub fn perform(&mut self, op: StoreOp) -> StoreAnswer {
        match op {
            StoreOp::Commit(commit) => {
                for block in commit.blocks {
                    self.blocks.insert((commit.vault, block.id()), block);
                }
                self.records.extend(commit.records);
                StoreAnswer::Committed
            }
            StoreOp::Cache(vault, block) => self.perform(StoreOp::Commit(Commit::block(vault, block))),
            StoreOp::Delete(vault, ids) => {
                for id in ids {
                    self.blocks.remove(&(vault, id));
                }
                StoreAnswer::Deleted
            }
            StoreOp::Get(id) => {
                let found = self.blocks.iter().find(|((_, held), _)| *held == id).map(|(_, block)| block.clone());
                StoreAnswer::Block(found.map_or(Fetched::Missing, Fetched::Found))
            }
            StoreOp::Has(vault, ids) => StoreAnswer::Has(ids.iter().map(|id| self.blocks.contains_key(&(vault, *id))).collect()),
            StoreOp::Summary(vault, from, to) => {
                let mut partitions: BTreeMap<Partition, Summary> = BTreeMap::new();
                for id in self.ids(vault).filter(|id| Partition::of(id) >= from && Partition::of(id) <= to) {
                    partitions.entry(Partition::of(&id)).or_default().add(&id);
                }
                StoreAnswer::Summary(partitions.into_iter().collect())
            }
            StoreOp::Scan { vault, partition, after, limit } => {
                let inside = self.ids(vault).filter(|id| Partition::of(id) == partition && after.is_none_or(|after| *id > after));
                StoreAnswer::Ids(inside.take(limit as usize).collect())
            }
            StoreOp::Records(query) => {
                let meant = |slot: &RecordSlot| match query {
                    RecordQuery::Vault(vault) => slot.vault == vault,
                    RecordQuery::Named { kind, key } => (slot.kind, slot.key) == (kind, key),
                };
                let found = self.records.iter().filter(|(slot, _)| meant(slot));
                StoreAnswer::Records(found.map(|(slot, bytes)| (*slot, bytes.clone())).collect())
            }
            StoreOp::Usage(vault) => {
                let meant = self.blocks.iter().filter(|((owner, _), _)| vault.is_none_or(|vault| vault == *owner));
                let used = meant.map(|(_, block)| Usage::block(block.bytes().len() as u64));
                StoreAnswer::Usage(used.fold(Usage::default(), Usage::plus))
            }
        }
    }

    fn ids(&self, vault: VaultId) -> impl Iterator<Item = BlockId> {
        self.blocks.keys().filter(move |(owner, _)| *owner == vault).map(|(_, id)| *id)
    }
}
