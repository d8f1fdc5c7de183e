//! How a change is written: blocks, summaries, usage and records move together.

use std::collections::BTreeMap;

use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::Summary;
use redb::{Error, ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use super::{BLOCKS, Change, NAMED, NUMBERS, OWNERS, OwnerRow, PARTITIONS, PLACES, RECORDS, place, summary};

impl Change {
    /// Writes the change into a transaction. What is already so is left as it is.
    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), Error> {
        let mut tally = Tally::new(transaction)?;
        let mut blocks = transaction.open_table(BLOCKS)?;
        let mut places = transaction.open_table(PLACES)?;
        // In order of the keys, so that neighbours meet the same pages.
        let mut added = self.added.clone();
        added.sort_unstable_by_key(|(vault, id, _)| (*vault, *id));
        for (vault, id, size) in added {
            let number = tally.number_or_next(&vault)?;
            if blocks.get((number, id.0))?.is_none() {
                blocks.insert((number, id.0), size.log())?;
                places.insert((place(&id), number), ())?;
                tally.count(&vault, number, &id, size)?;
            }
        }
        for (vault, id) in &self.removed {
            let Some(number) = tally.number(vault)? else { continue };
            let held = blocks.remove((number, id.0))?.map(|row| row.value());
            if let Some(Ok(size)) = held.map(SizeLog::try_from) {
                // Another block of the vault with the same first bytes would lose its place with this one.
                let mut neighbours = blocks.range((number, low(id))..=(number, high(id)))?;
                if neighbours.next().is_none() {
                    places.remove((place(id), number))?;
                }
                tally.uncount(vault, number, id, size)?;
            }
        }
        drop((blocks, places));
        tally.write()?;
        let mut records = transaction.open_table(RECORDS)?;
        let mut named = transaction.open_table(NAMED)?;
        for (slot, bytes) in &self.records {
            records.insert((slot.vault.0, slot.kind, slot.key), bytes.as_ref())?;
            named.insert((slot.kind, slot.key, slot.vault.0), ())?;
        }
        Ok(())
    }
}

/// Sums that are written once per transaction rather than once per block.
struct Tally<'t> {
    owners: Table<'t, [u8; 32], OwnerRow>,
    numbers: Table<'t, u32, [u8; 32]>,
    partitions: Table<'t, (u32, u16), (u64, [u8; 32])>,
    owner_rows: BTreeMap<VaultId, OwnerRow>,
    summaries: BTreeMap<(u32, u16), Summary>,
}

impl<'t> Tally<'t> {
    fn new(transaction: &'t WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            owners: transaction.open_table(OWNERS)?,
            numbers: transaction.open_table(NUMBERS)?,
            partitions: transaction.open_table(PARTITIONS)?,
            owner_rows: BTreeMap::new(),
            summaries: BTreeMap::new(),
        })
    }

    /// Returns a vault's number; a new vault gets the next one.
    fn number_or_next(&mut self, vault: &VaultId) -> Result<u32, Error> {
        if let Some(number) = self.number(vault)? {
            return Ok(number);
        }
        // Vaults are never taken out, so the count is a number that nobody has.
        let number = u32::try_from(self.numbers.len()?).unwrap_or(u32::MAX);
        self.numbers.insert(number, vault.0)?;
        self.owner_rows.insert(*vault, (number, 0, 0));
        Ok(number)
    }

    fn number(&mut self, vault: &VaultId) -> Result<Option<u32>, Error> {
        if !self.owner_rows.contains_key(vault) {
            let Some(row) = self.owners.get(vault.0)?.map(|row| row.value()) else { return Ok(None) };
            self.owner_rows.insert(*vault, row);
        }
        Ok(self.owner_rows.get(vault).map(|row| row.0))
    }

    fn count(&mut self, vault: &VaultId, number: u32, id: &BlockId, size: SizeLog) -> Result<(), Error> {
        self.summary(number, id)?.add(id);
        if let Some((_, blocks, bytes)) = self.owner_rows.get_mut(vault) {
            *blocks += 1;
            *bytes += size.bytes() as u64;
        }
        Ok(())
    }

    fn uncount(&mut self, vault: &VaultId, number: u32, id: &BlockId, size: SizeLog) -> Result<(), Error> {
        self.summary(number, id)?.remove(id);
        if let Some((_, blocks, bytes)) = self.owner_rows.get_mut(vault) {
            *blocks = blocks.saturating_sub(1);
            *bytes = bytes.saturating_sub(size.bytes() as u64);
        }
        Ok(())
    }

    fn summary(&mut self, number: u32, id: &BlockId) -> Result<&mut Summary, Error> {
        let key = (number, Partition::of(id).number());
        if !self.summaries.contains_key(&key) {
            let known = self.partitions.get(key)?.map(|row| summary(row.value()));
            self.summaries.insert(key, known.unwrap_or_default());
        }
        Ok(self.summaries.entry(key).or_default())
    }

    fn write(mut self) -> Result<(), Error> {
        for (vault, row) in self.owner_rows {
            self.owners.insert(vault.0, row)?;
        }
        for (key, summary) in self.summaries {
            if summary.count == 0 {
                self.partitions.remove(key)?;
            } else {
                self.partitions.insert(key, (summary.count, summary.fingerprint))?;
            }
        }
        Ok(())
    }
}

/// The lowest id in the same place.
fn low(id: &BlockId) -> [u8; 32] {
    std::array::from_fn(|i| if i < 8 { id.0[i] } else { 0 })
}

/// The highest id in the same place.
fn high(id: &BlockId) -> [u8; 32] {
    std::array::from_fn(|i| if i < 8 { id.0[i] } else { 0xff })
}
