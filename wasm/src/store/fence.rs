//! The fence: a row that says which leader may write. Whoever takes over writes a larger number, and from then on every transaction of the
//! one before finds another row than its own and writes nothing, however long that one slept.

use cachette_core::vault::Note;
use wasm_bindgen::JsValue;

use super::Durability;
use super::idb::{Database, Fault};
use super::layout::{self, FENCE, LEADER, NOTES};
use super::notes;

/// What a leader wrote when it took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence([u8; 24]);

impl Fence {
    /// Makes the row of a leader; fresh bytes beside the number tell two leaders apart that chose the same one.
    pub(super) fn new(number: u64, token: [u8; 16]) -> Self {
        let mut row = [0; 24];
        row[..8].copy_from_slice(&number.to_be_bytes());
        row[8..].copy_from_slice(&token);
        Self(row)
    }

    /// Says whether a row allows this leader to write.
    pub(super) fn judge(self, row: Option<&JsValue>) -> Result<(), Fault> {
        match row.map(layout::bytes) {
            Some(Some(bytes)) if bytes == self.0 => Ok(()),
            Some(_) => Err(Fault::Stale),
            // Somebody cleared the site's data, and the next leader's row would be there if there were one.
            None => Err(Fault::Emptied),
        }
    }

    fn number(row: &[u8]) -> u64 {
        row.first_chunk().map_or(0, |number| u64::from_be_bytes(*number))
    }
}

/// Writes a leader's row, unless a larger number stands there already: that is returned then.
pub(super) async fn claim(database: &Database, fence: Fence) -> Result<Result<(), u64>, Fault> {
    let transaction = database.write_unfenced(&[FENCE], Durability::Strict)?;
    let worked = async {
        let row = transaction.get(FENCE, LEADER)?.value().await?.as_ref().and_then(layout::bytes);
        let standing = row.as_deref().map_or(0, Fence::number);
        if standing > Fence::number(&fence.0) {
            return Ok(Err(standing));
        }
        transaction.put_bytes(FENCE, LEADER, &fence.0)?;
        Ok(Ok(()))
    };
    let worked = worked.await;
    transaction.end(worked).await
}

/// Writes a leader's row and its notes into a database that was emptied. Where another leader was faster, nothing is written.
pub(super) async fn restore(database: &Database, fence: Fence, notes: &[Note]) -> Result<(), Fault> {
    let transaction = database.write_unfenced(&[FENCE, NOTES], Durability::Strict)?;
    let worked = async {
        let row = transaction.get(FENCE, LEADER)?.value().await?;
        if row.is_some() {
            return fence.judge(row.as_ref());
        }
        transaction.put_bytes(FENCE, LEADER, &fence.0)?;
        notes::put(&transaction, notes)
    };
    let worked = worked.await;
    transaction.end(worked).await
}
