//! Questions that change nothing.

use bytes::Bytes;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{RecordQuery, RecordSlot, Summary, Usage};
use wasm_bindgen::JsValue;
use web_sys::IdbKeyRange;

use super::idb::{self, Database, Fault, Transaction};
use super::layout::{self, HELD, NAMED, PARTITIONS, RECORDS, VAULTS};

/// Says for each block whether the vault holds it.
pub(super) async fn has(database: &Database, vault: &VaultId, ids: &[BlockId]) -> Result<Vec<bool>, Fault> {
    let transaction = database.read(&[HELD])?;
    let asked = ids.iter().map(|id| transaction.get(HELD, &layout::held(vault, id))).collect::<Result<Vec<_>, _>>()?;
    let mut held = Vec::new();
    for answer in asked {
        held.push(answer.value().await?.is_some());
    }
    Ok(held)
}

/// Returns what partitions `from..=to` hold, those that hold anything.
pub(super) async fn summaries(
    database: &Database,
    vault: &VaultId,
    from: Partition,
    to: Partition,
) -> Result<Vec<(Partition, Summary)>, Fault> {
    let Some(range) = idb::range(&layout::partition(vault, from), &layout::partition(vault, to), false) else { return Ok(Vec::new()) };
    let summary = |(key, row): (Vec<u8>, Vec<u8>)| Some((layout::number_of_partition(&key)?, layout::read_summary(&row)?));
    let rows = rows(&database.read(&[PARTITIONS])?, PARTITIONS, &range).await?;
    rows.into_iter().map(summary).collect::<Option<_>>().ok_or_else(|| Fault::malformed("a partition's sum"))
}

/// Lists up to `limit` blocks of a partition, those after `after`.
pub(super) async fn scan(
    database: &Database,
    vault: &VaultId,
    partition: Partition,
    after: Option<BlockId>,
    limit: u32,
) -> Result<Vec<BlockId>, Fault> {
    let (mut first, mut last) = (BlockId([0; 32]), BlockId([0xff; 32]));
    [first.0[0], first.0[1]] = (partition.number() << 4).to_be_bytes();
    [last.0[0], last.0[1]] = (partition.number() << 4 | 0xf).to_be_bytes();
    let inside = after.filter(|after| *after >= first);
    let range = idb::range(&layout::held(vault, &inside.unwrap_or(first)), &layout::held(vault, &last), inside.is_some());
    let Some(range) = range.filter(|_| limit > 0) else { return Ok(Vec::new()) };
    let keys = database.read(&[HELD])?.keys(HELD, &range, limit)?.list().await?;
    let ids = keys.iter().map(|key| layout::id_of_held(&layout::bytes(key)?));
    ids.collect::<Option<_>>().ok_or_else(|| Fault::malformed("a block's key"))
}

/// Returns the records that are meant, in order of their slots.
pub(super) async fn records(database: &Database, query: &RecordQuery) -> Result<Vec<(RecordSlot, Bytes)>, Fault> {
    let malformed = || Fault::malformed("a record");
    match *query {
        RecordQuery::Vault(vault) => {
            let (low, high) = (RecordSlot { vault, kind: 0, key: [0; 32] }, RecordSlot { vault, kind: u8::MAX, key: [0xff; 32] });
            let range = idb::range(&layout::record(&low), &layout::record(&high), false).ok_or_else(malformed)?;
            let rows = rows(&database.read(&[RECORDS])?, RECORDS, &range).await?;
            let record = |(key, row): (Vec<u8>, Vec<u8>)| Some((layout::slot_of_record(&key)?, Bytes::from(row)));
            rows.into_iter().map(record).collect::<Option<_>>().ok_or_else(malformed)
        }
        RecordQuery::Named { kind, key } => {
            let slot = |byte| RecordSlot { vault: VaultId([byte; 32]), kind, key };
            let range = idb::range(&layout::named(&slot(0)), &layout::named(&slot(0xff)), false).ok_or_else(malformed)?;
            let transaction = database.read(&[RECORDS, NAMED])?;
            let mut asked = Vec::new();
            for key in transaction.keys(NAMED, &range, idb::ALL)?.list().await? {
                let slot = layout::bytes(&key).and_then(|key| layout::slot_of_named(&key)).ok_or_else(malformed)?;
                asked.push((slot, transaction.get(RECORDS, &layout::record(&slot))?));
            }
            let mut found = Vec::new();
            for (slot, answer) in asked {
                if let Some(row) = answer.value().await? {
                    found.push((slot, Bytes::from(layout::bytes(&row).ok_or_else(malformed)?)));
                }
            }
            Ok(found)
        }
    }
}

/// Returns what a vault's blocks take, or all vaults'.
pub(super) async fn usage(database: &Database, vault: Option<&VaultId>) -> Result<Usage, Fault> {
    let transaction = database.read(&[VAULTS])?;
    let rows = match vault {
        Some(vault) => transaction.get(VAULTS, &vault.0)?.value().await?.into_iter().collect(),
        None => transaction.all(VAULTS)?.list().await?,
    };
    let usages = rows.iter().map(|row| layout::read_usage(&layout::bytes(row)?)).collect::<Option<Vec<_>>>();
    Ok(usages.ok_or_else(|| Fault::malformed("a vault's sum"))?.into_iter().fold(Usage::default(), Usage::plus))
}

/// Returns keys and values of a range.
async fn rows(transaction: &Transaction, store: &str, range: &IdbKeyRange) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Fault> {
    let (keys, values) = (transaction.keys(store, range, idb::ALL)?, transaction.values(store, range, idb::ALL)?);
    let (keys, values) = (keys.list().await?, values.list().await?);
    let read = |(key, value): (&JsValue, &JsValue)| Some((layout::bytes(key)?, layout::bytes(value)?));
    keys.iter().zip(&values).map(read).collect::<Option<_>>().ok_or_else(|| Fault::malformed("a row"))
}
