//! Takes blocks away, on request or because their bytes are no longer their own.

use cachette_core::id::{BlockId, VaultId};
use cachette_core::map::Set;

use super::Durability;
use super::idb::{Database, Fault, Transaction};
use super::layout::{self, BLOCKS, HELD, PARTITIONS, VAULTS};
use super::tally::Tally;

/// Removes blocks of a vault.
pub(super) async fn delete(database: &Database, vault: &VaultId, ids: &[BlockId], durability: Durability) -> Result<(), Fault> {
    let transaction = database.write(&[BLOCKS, HELD, VAULTS, PARTITIONS], durability).await?;
    let worked = remove(&transaction, vault, ids).await;
    transaction.end(worked).await
}

/// Removes blocks of a vault within a transaction, and from the vault's sums those that were counted.
pub(super) async fn remove(transaction: &Transaction, vault: &VaultId, ids: &[BlockId]) -> Result<(), Fault> {
    let ids: Set<BlockId> = ids.iter().copied().collect();
    let asked = ids.iter().map(|id| Ok((*id, transaction.get(HELD, &layout::held(vault, id))?)));
    let asked = asked.collect::<Result<Vec<_>, Fault>>()?;
    let tally = Tally::ask(transaction, *vault, &ids)?;
    let mut held = Vec::new();
    for (id, size) in asked {
        if let Some(size) = size.value().await? {
            held.push((id, layout::read_size(&size).ok_or_else(|| Fault::malformed("a block's size"))?));
        }
    }
    let mut tally = tally.load().await?;
    for id in &ids {
        transaction.delete(BLOCKS, &layout::block(id, vault))?;
    }
    if held.is_empty() {
        return Ok(());
    }
    for (id, size) in held {
        transaction.delete(HELD, &layout::held(vault, &id))?;
        tally.remove(&id, size);
    }
    tally.write(transaction)
}
