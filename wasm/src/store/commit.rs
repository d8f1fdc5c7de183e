//! Commits: one transaction that asks what is held, then writes everything.

use cachette_core::block::Block;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::map::Map;
use cachette_core::store::Commit;

use super::Durability;
use super::idb::{Database, Fault, Transaction};
use super::layout::{self, BLOCKS, HELD, NAMED, PARTITIONS, RECORDS, VAULTS};
use super::tally::Tally;

/// Stores blocks and records, all or nothing.
pub(super) async fn commit(database: &Database, commits: &[Commit], durability: Durability) -> Result<(), Fault> {
    if commits.iter().all(|commit| commit.blocks.is_empty() && commit.records.is_empty()) {
        return Ok(());
    }
    let transaction = database.write(&[BLOCKS, HELD, VAULTS, PARTITIONS, RECORDS, NAMED], durability).await?;
    let worked = fill(&transaction, commits).await;
    transaction.end(worked).await
}

async fn fill(transaction: &Transaction, commits: &[Commit]) -> Result<(), Fault> {
    let mut blocks: Map<VaultId, Map<BlockId, &Block>> = Map::new();
    for commit in commits.iter().filter(|commit| !commit.blocks.is_empty()) {
        blocks.entry(commit.vault).or_default().extend(commit.blocks.iter().map(|block| (block.id(), block)));
    }
    for (vault, blocks) in &blocks {
        put_blocks(transaction, *vault, blocks).await?;
    }
    for (slot, bytes) in commits.iter().flat_map(|commit| &commit.records) {
        transaction.put_bytes(RECORDS, &layout::record(slot), bytes)?;
        transaction.put_bytes(NAMED, &layout::named(slot), &[])?;
    }
    Ok(())
}

async fn put_blocks(transaction: &Transaction, vault: VaultId, blocks: &Map<BlockId, &Block>) -> Result<(), Fault> {
    let asked = blocks.iter().map(|(id, block)| Ok((*block, transaction.get(HELD, &layout::held(&vault, id))?)));
    let asked = asked.collect::<Result<Vec<_>, Fault>>()?;
    let tally = Tally::ask(transaction, vault, blocks.keys())?;
    let mut new = Vec::new();
    for (block, held) in asked {
        if held.value().await?.is_none() {
            new.push(block);
        }
    }
    let mut tally = tally.load().await?;
    if new.is_empty() {
        return Ok(());
    }
    // From here on nothing is awaited: all that is written is asked for at once.
    for block in new {
        let (id, size) = (block.id(), block.size_log());
        transaction.put_bytes(BLOCKS, &layout::block(&id, &vault), block.bytes())?;
        transaction.put(HELD, &layout::held(&vault, &id), &size.log().into())?;
        tally.add(&id, size);
    }
    tally.write(transaction)
}
