//! The object stores, their keys and the few values that are ours to read.
//!
//! | object store | key | value |
//! |---|---|---|
//! | `blocks` | id, vault | the block's bytes: found by id alone |
//! | `held` | vault, id | the size's logarithm: a partition is a range |
//! | `vaults` | vault | blocks and bytes, two little-endian numbers of 8 bytes |
//! | `partitions` | vault, number in 2 bytes | count in 8 bytes, fingerprint |
//! | `records` | vault, kind, key | the record |
//! | `named` | kind, key, vault | nothing |
//! | `notes` | the note's key | the note |
//! | `fence` | nothing | the leader's number in 8 bytes, and 16 that are its own |
//!
//! Keys are byte strings, which IndexedDB orders as bytes.

use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{RecordSlot, Summary, Usage};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbDatabase;

pub(super) const BLOCKS: &str = "blocks";
pub(super) const HELD: &str = "held";
pub(super) const VAULTS: &str = "vaults";
pub(super) const PARTITIONS: &str = "partitions";
pub(super) const RECORDS: &str = "records";
pub(super) const NAMED: &str = "named";
pub(super) const NOTES: &str = "notes";
pub(super) const FENCE: &str = "fence";
/// The key of the one row of the fence.
pub(super) const LEADER: &[u8] = &[];

/// All object stores of this format.
const ALL: [&str; 8] = [BLOCKS, HELD, VAULTS, PARTITIONS, RECORDS, NAMED, NOTES, FENCE];
/// The format as IndexedDB counts: ten to each of ours, so that one can be amended without being changed.
pub(super) const FORMAT: u32 = 10;

/// Brings a database from an older format to this one, within the transaction that its opening runs.
pub(super) fn upgrade(database: &IdbDatabase, from: u32) -> Result<(), JsValue> {
    if from < FORMAT {
        for name in ALL {
            database.create_object_store(name)?;
        }
    }
    Ok(())
}

/// Returns the key of a block's bytes.
pub(super) fn block(id: &BlockId, vault: &VaultId) -> [u8; 64] {
    joined([&id.0, &vault.0])
}

/// Returns the key that says that a vault holds a block.
pub(super) fn held(vault: &VaultId, id: &BlockId) -> [u8; 64] {
    joined([&vault.0, &id.0])
}

pub(super) fn partition(vault: &VaultId, partition: Partition) -> [u8; 34] {
    joined([&vault.0, &partition.number().to_be_bytes()])
}

pub(super) fn record(slot: &RecordSlot) -> [u8; 65] {
    joined([&slot.vault.0, &[slot.kind], &slot.key])
}

pub(super) fn named(slot: &RecordSlot) -> [u8; 65] {
    joined([&[slot.kind], &slot.key, &slot.vault.0])
}

/// Reads a vault at the front or the back of a key.
pub(super) fn vault_of_block(key: &[u8]) -> Option<VaultId> {
    Some(VaultId(key.get(32..64)?.try_into().ok()?))
}

pub(super) fn id_of_held(key: &[u8]) -> Option<BlockId> {
    Some(BlockId(key.get(32..64)?.try_into().ok()?))
}

pub(super) fn number_of_partition(key: &[u8]) -> Option<Partition> {
    Partition::new(u16::from_be_bytes(key.get(32..34)?.try_into().ok()?))
}

pub(super) fn slot_of_record(key: &[u8]) -> Option<RecordSlot> {
    let (vault, kind, key) = (key.get(..32)?, *key.get(32)?, key.get(33..65)?);
    Some(RecordSlot { vault: VaultId(vault.try_into().ok()?), kind, key: key.try_into().ok()? })
}

pub(super) fn slot_of_named(key: &[u8]) -> Option<RecordSlot> {
    let (kind, key, vault) = (*key.first()?, key.get(1..33)?, key.get(33..65)?);
    Some(RecordSlot { vault: VaultId(vault.try_into().ok()?), kind, key: key.try_into().ok()? })
}

pub(super) fn write_usage(usage: Usage) -> [u8; 16] {
    joined([&usage.blocks.to_le_bytes(), &usage.bytes.to_le_bytes()])
}

pub(super) fn read_usage(row: &[u8]) -> Option<Usage> {
    let [blocks, bytes] = [row.get(..8)?, row.get(8..16)?];
    Some(Usage { blocks: u64::from_le_bytes(blocks.try_into().ok()?), bytes: u64::from_le_bytes(bytes.try_into().ok()?) })
}

pub(super) fn write_summary(summary: Summary) -> [u8; 40] {
    joined([&summary.count.to_le_bytes(), &summary.fingerprint])
}

pub(super) fn read_summary(row: &[u8]) -> Option<Summary> {
    let (count, fingerprint) = (row.get(..8)?, row.get(8..40)?);
    Some(Summary { count: u64::from_le_bytes(count.try_into().ok()?), fingerprint: fingerprint.try_into().ok()? })
}

pub(super) fn read_size(row: &JsValue) -> Option<SizeLog> {
    SizeLog::try_from(u8::try_from(row.as_f64()? as i64).ok()?).ok()
}

/// Reads bytes, in whichever of the two shapes the browser gives them back.
pub(super) fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    if let Some(buffer) = value.dyn_ref::<js_sys::ArrayBuffer>() {
        return Some(Uint8Array::new(buffer).to_vec());
    }
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn joined<const N: usize, const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; N] {
    let mut whole = [0; N];
    let mut rest = whole.as_mut_slice();
    for part in parts {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    whole
}
