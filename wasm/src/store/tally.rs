//! A vault's sums within one transaction: loaded when it begins, changed with what they sum up, written before it ends.

use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::map::{Map, Set};
use cachette_core::store::{Summary, Usage};

use super::idb::{Answer, Fault, Transaction};
use super::layout::{self, PARTITIONS, VAULTS};

/// What a vault takes, and what those of its partitions hold that a transaction touches.
#[derive(Debug)]
pub(super) struct Tally {
    vault: VaultId,
    usage: Usage,
    partitions: Map<Partition, Summary>,
}

/// A tally on its way: everything is asked for, nothing awaited.
pub(super) struct Asked {
    vault: VaultId,
    usage: Answer,
    partitions: Vec<(Partition, Answer)>,
}

impl Tally {
    /// Asks for the sums that these blocks count in.
    pub(super) fn ask<'i>(transaction: &Transaction, vault: VaultId, ids: impl IntoIterator<Item = &'i BlockId>) -> Result<Asked, Fault> {
        let touched: Set<Partition> = ids.into_iter().map(Partition::of).collect();
        let ask = |partition| Ok((partition, transaction.get(PARTITIONS, &layout::partition(&vault, partition))?));
        let partitions = touched.into_iter().map(ask).collect::<Result<_, Fault>>()?;
        Ok(Asked { vault, usage: transaction.get(VAULTS, &vault.0)?, partitions })
    }

    /// Counts a block that was not held.
    pub(super) fn add(&mut self, id: &BlockId, size: SizeLog) {
        self.partitions.entry(Partition::of(id)).or_default().add(id);
        self.usage = self.usage.plus(Usage::block(size.bytes() as u64));
    }

    /// Takes a block away that was held.
    pub(super) fn remove(&mut self, id: &BlockId, size: SizeLog) {
        self.partitions.entry(Partition::of(id)).or_default().remove(id);
        self.usage = self.usage.minus(Usage::block(size.bytes() as u64));
    }

    /// Writes the sums.
    pub(super) fn write(self, transaction: &Transaction) -> Result<(), Fault> {
        for (partition, summary) in self.partitions {
            let key = layout::partition(&self.vault, partition);
            if summary.count == 0 {
                transaction.delete(PARTITIONS, &key)?;
            } else {
                transaction.put_bytes(PARTITIONS, &key, &layout::write_summary(summary))?;
            }
        }
        transaction.put_bytes(VAULTS, &self.vault.0, &layout::write_usage(self.usage))
    }
}

impl Asked {
    /// Waits for the sums.
    pub(super) async fn load(self) -> Result<Tally, Fault> {
        let mut partitions = Map::new();
        for (partition, answer) in self.partitions {
            if let Some(row) = answer.value().await? {
                let summary = layout::bytes(&row).and_then(|row| layout::read_summary(&row));
                partitions.insert(partition, summary.ok_or_else(|| Fault::malformed("a partition's sum"))?);
            }
        }
        let usage = match self.usage.value().await? {
            Some(row) => layout::bytes(&row).and_then(|row| layout::read_usage(&row)).ok_or_else(|| Fault::malformed("a vault's sum"))?,
            None => Usage::default(),
        };
        Ok(Tally { vault: self.vault, usage, partitions })
    }
}
