//! Reads a block and judges it. One whose bytes are no longer its own is taken away: nobody could look at it here, and its room is scarce.

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::store::Fetched;
use wasm_bindgen::{JsCast, JsValue};

use super::Durability;
use super::idb::{self, Database, Fault, Transaction};
use super::layout::{self, BLOCKS, HELD, PARTITIONS, VAULTS};
use super::remove::remove;
use crate::buffers;

/// Reads a block of any vault.
pub(super) async fn get(database: &Database, id: BlockId) -> Result<Fetched, Fault> {
    let transaction = database.read(&[BLOCKS])?;
    let first = first_copy(&transaction, id).await;
    match transaction.end(first).await {
        Ok(None) => Ok(Fetched::Missing),
        Ok(Some(Some(block))) => Ok(Fetched::Found(block)),
        // The bytes are wrong, or the browser has lost the file in which it kept them.
        Ok(Some(None)) | Err(Fault::Unreadable(_)) => look_closer(database, id).await,
        Err(fault) => Err(fault),
    }
}

/// Reads the first copy: nearly always the only one, and good.
async fn first_copy(transaction: &Transaction, id: BlockId) -> Result<Option<Option<Block>>, Fault> {
    let Some(range) = copies(id) else { return Ok(None) };
    let found = transaction.values(BLOCKS, &range, 1)?.list().await?;
    Ok(found.first().map(|value| judge(id, value)))
}

/// Reads every copy, takes the damaged ones away and returns a good one.
async fn look_closer(database: &Database, id: BlockId) -> Result<Fetched, Fault> {
    let transaction = database.write(&[BLOCKS, HELD, VAULTS, PARTITIONS], Durability::Relaxed).await?;
    let looked = every_copy(&transaction, id).await;
    transaction.end(looked).await
}

async fn every_copy(transaction: &Transaction, id: BlockId) -> Result<Fetched, Fault> {
    let Some(range) = copies(id) else { return Ok(Fetched::Missing) };
    let mut good = None;
    let mut bad = Vec::new();
    for key in transaction.keys(BLOCKS, &range, idb::ALL)?.list().await? {
        let vault = layout::bytes(&key).and_then(|key| layout::vault_of_block(&key)).ok_or_else(|| Fault::malformed("a block's key"))?;
        let value = transaction.get(BLOCKS, &layout::block(&id, &vault))?.value().await;
        match value {
            Ok(None) => {}
            Ok(Some(value)) => match judge(id, &value) {
                Some(block) => good = Some(block),
                None => bad.push(vault),
            },
            Err(Fault::Unreadable(_)) => bad.push(vault),
            Err(fault) => return Err(fault),
        }
    }
    for vault in &bad {
        remove(transaction, vault, &[id]).await?;
    }
    Ok(match good {
        Some(block) => Fetched::Found(block),
        None if bad.is_empty() => Fetched::Missing,
        None => Fetched::Damaged,
    })
}

fn judge(id: BlockId, value: &JsValue) -> Option<Block> {
    let bytes = value.dyn_ref().map_or_else(|| layout::bytes(value), |buffer| Some(buffers::take(buffer)))?;
    Block::verify(id, Bytes::from(bytes)).ok()
}

fn copies(id: BlockId) -> Option<web_sys::IdbKeyRange> {
    idb::range(&layout::block(&id, &VaultId([0; 32])), &layout::block(&id, &VaultId([0xff; 32])), false)
}
