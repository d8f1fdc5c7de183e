//! Questions to one state of the index.

use bytes::Bytes;
use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{RecordQuery, RecordSlot, Summary, Usage};
use redb::{Error, ReadTransaction, ReadableTable};

use super::{BLOCKS, META, NAMED, NUMBERS, OWNERS, PARTITIONS, PLACES, RECORDS, place, summary, usage};

/// One state of the index: later changes do not show.
pub(in crate::disk) struct View {
    transaction: ReadTransaction,
}

impl View {
    pub(super) const fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }

    pub(super) fn format(&self) -> Result<Option<u64>, Error> {
        Ok(self.transaction.open_table(META)?.get("format")?.map(|row| row.value()))
    }

    /// Returns every vault that holds the block, and the block's size.
    pub(in crate::disk) fn find(&self, id: &BlockId) -> Result<Vec<(VaultId, SizeLog)>, Error> {
        let places = self.transaction.open_table(PLACES)?;
        let mut found = Vec::new();
        for row in places.range((place(id), 0)..=(place(id), u32::MAX))? {
            let (_, number) = row?.0.value();
            let Some(log) = self.transaction.open_table(BLOCKS)?.get((number, id.0))?.map(|row| row.value()) else { continue };
            let vault = self.transaction.open_table(NUMBERS)?.get(number)?.map(|row| VaultId(row.value()));
            if let (Some(vault), Ok(size)) = (vault, SizeLog::try_from(log)) {
                found.push((vault, size));
            }
        }
        Ok(found)
    }

    /// Says for each block whether the vault holds it.
    pub(in crate::disk) fn has(&self, vault: &VaultId, ids: &[BlockId]) -> Result<Vec<bool>, Error> {
        let Some(number) = self.number(vault)? else { return Ok(vec![false; ids.len()]) };
        let blocks = self.transaction.open_table(BLOCKS)?;
        ids.iter().map(|id| Ok(blocks.get((number, id.0))?.is_some())).collect()
    }

    /// Returns what partitions `from..=to` hold, those that hold anything.
    pub(in crate::disk) fn summaries(&self, vault: &VaultId, from: Partition, to: Partition) -> Result<Vec<(Partition, Summary)>, Error> {
        let Some(number) = self.number(vault)? else { return Ok(Vec::new()) };
        if from > to {
            return Ok(Vec::new());
        }
        let mut summaries = Vec::new();
        for row in self.transaction.open_table(PARTITIONS)?.range((number, from.number())..=(number, to.number()))? {
            let (key, value) = row?;
            if let Some(partition) = Partition::new(key.value().1) {
                summaries.push((partition, summary(value.value())));
            }
        }
        Ok(summaries)
    }

    /// Lists up to `limit` blocks of a partition, those after `after`.
    pub(in crate::disk) fn scan(
        &self,
        vault: &VaultId,
        partition: Partition,
        after: Option<BlockId>,
        limit: u32,
    ) -> Result<Vec<BlockId>, Error> {
        let (mut first, mut last) = ([0; 32], [0xff; 32]);
        [first[0], first[1]] = (partition.number() << 4).to_be_bytes();
        [last[0], last[1]] = (partition.number() << 4 | 0xf).to_be_bytes();
        self.range(vault, first, last, after, limit as usize)
    }

    /// Lists the blocks whose ids begin with this byte: what one directory of block files should hold.
    pub(in crate::disk) fn shard(&self, vault: &VaultId, first: u8) -> Result<Vec<BlockId>, Error> {
        let (mut low, mut high) = ([0; 32], [0xff; 32]);
        (low[0], high[0]) = (first, first);
        self.range(vault, low, high, None, usize::MAX)
    }

    /// Returns the records that are meant, in order of their slots.
    pub(in crate::disk) fn records(&self, query: &RecordQuery) -> Result<Vec<(RecordSlot, Bytes)>, Error> {
        let records = self.transaction.open_table(RECORDS)?;
        let mut found = Vec::new();
        match query {
            RecordQuery::Vault(vault) => {
                for row in records.range((vault.0, 0, [0; 32])..=(vault.0, u8::MAX, [0xff; 32]))? {
                    let (slot, bytes) = row?;
                    let (vault, kind, key) = slot.value();
                    found.push((RecordSlot { vault: VaultId(vault), kind, key }, Bytes::copy_from_slice(bytes.value())));
                }
            }
            RecordQuery::Named { kind, key } => {
                for row in self.transaction.open_table(NAMED)?.range((*kind, *key, [0; 32])..=(*kind, *key, [0xff; 32]))? {
                    let (kind, key, vault) = row?.0.value();
                    if let Some(bytes) = records.get((vault, kind, key))? {
                        found.push((RecordSlot { vault: VaultId(vault), kind, key }, Bytes::copy_from_slice(bytes.value())));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Returns what a vault's blocks take.
    pub(in crate::disk) fn usage(&self, vault: &VaultId) -> Result<Usage, Error> {
        Ok(self.transaction.open_table(OWNERS)?.get(vault.0)?.map(|row| usage(row.value())).unwrap_or_default())
    }

    /// Lists the vaults that ever stored a block, with what they take.
    pub(in crate::disk) fn owners(&self) -> Result<Vec<(VaultId, Usage)>, Error> {
        let owners = self.transaction.open_table(OWNERS)?;
        owners.iter()?.map(|row| row.map(|(vault, row)| (VaultId(vault.value()), usage(row.value()))).map_err(Error::from)).collect()
    }

    fn number(&self, vault: &VaultId) -> Result<Option<u32>, Error> {
        Ok(self.transaction.open_table(OWNERS)?.get(vault.0)?.map(|row| row.value().0))
    }

    fn range(&self, vault: &VaultId, low: [u8; 32], high: [u8; 32], after: Option<BlockId>, limit: usize) -> Result<Vec<BlockId>, Error> {
        let Some(number) = self.number(vault)? else { return Ok(Vec::new()) };
        let start = after.map_or(low, |after| after.0.max(low));
        if start > high {
            return Ok(Vec::new());
        }
        let mut ids = Vec::new();
        for row in self.transaction.open_table(BLOCKS)?.range((number, start)..=(number, high))? {
            if ids.len() >= limit {
                break;
            }
            let (_, id) = row?.0.value();
            if after != Some(BlockId(id)) {
                ids.push(BlockId(id));
            }
        }
        Ok(ids)
    }
}
