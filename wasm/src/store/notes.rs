//! A device's durable notes, beside the blocks: keys and bytes of the vault that it has open.

use cachette_core::vault::Note;

use super::Durability;
use super::idb::{self, Database, Fault, Transaction};
use super::layout::{self, NOTES};

/// Returns everything that is kept.
pub(super) async fn load(database: &Database) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
    let transaction = database.read(&[NOTES])?;
    let Some(range) = idb::range(&[], &[0xff; 64], false) else { return Ok(Vec::new()) };
    let (keys, values) = (transaction.keys(NOTES, &range, idb::ALL)?, transaction.values(NOTES, &range, idb::ALL)?);
    let (keys, values) = (keys.list().await?, values.list().await?);
    let rows = keys.iter().zip(&values).map(|(key, value)| Some((layout::bytes(key)?, layout::bytes(value)?)));
    rows.collect::<Option<_>>().ok_or_else(|| Fault::malformed("a note"))
}

/// Keeps notes, all or none.
pub(super) async fn keep(database: &Database, notes: &[Note], durability: Durability) -> Result<(), Fault> {
    let transaction = database.write(&[NOTES], durability).await?;
    let worked = put(&transaction, notes);
    transaction.end(worked).await
}

/// Keeps the first notes of all; `false` when there are some already.
pub(super) async fn begin(database: &Database, notes: &[Note]) -> Result<bool, Fault> {
    let transaction = database.write(&[NOTES], Durability::Strict).await?;
    let worked = async {
        let Some(range) = idb::range(&[], &[0xff; 64], false) else { return Ok(false) };
        if !transaction.keys(NOTES, &range, 1)?.list().await?.is_empty() {
            return Ok(false);
        }
        put(&transaction, notes).map(|()| true)
    };
    let worked = worked.await;
    transaction.end(worked).await
}

/// Writes notes within a transaction.
pub(super) fn put(transaction: &Transaction, notes: &[Note]) -> Result<(), Fault> {
    for (key, value) in notes {
        match value {
            Some(value) => transaction.put_bytes(NOTES, key, value)?,
            None => transaction.delete(NOTES, key)?,
        }
    }
    Ok(())
}
