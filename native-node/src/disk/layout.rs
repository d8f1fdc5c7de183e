//! Where things lie in a data directory, as paths relative to it.
//!
//! ```text
//! owners/<vault>/<xx>/<id>           a block; xx is the first byte of its id
//! owners/<vault>/records/<kind>-<key> a record, after a hash of it
//! index.redb                         what is held
//! tmp/                               files on their way to a final name; emptied at every start
//! quarantine/                        files that turned out bad
//! running                            exists while a store is open: what it finds at a start was not closed
//! index.suspect                      exists when reading the index went wrong: the next start checks all of it
//! ```

use std::path::{Path, PathBuf};

use cachette_core::id::{BlockId, VaultId};
use cachette_core::store::RecordSlot;
use data_encoding::HEXLOWER;

pub(super) const ROOT: &str = "";
pub(super) const OWNERS: &str = "owners";
pub(super) const RECORDS: &str = "records";
pub(super) const TMP: &str = "tmp";
pub(super) const QUARANTINE: &str = "quarantine";
pub(super) const INDEX: &str = "index.redb";
pub(super) const NEW_INDEX: &str = "index.redb.new";
pub(super) const RUNNING: &str = "running";
pub(super) const SUSPECT: &str = "index.suspect";

pub(super) fn owner(vault: &VaultId) -> PathBuf {
    Path::new(OWNERS).join(vault.to_string())
}

pub(super) fn shard(vault: &VaultId, first: u8) -> PathBuf {
    owner(vault).join(HEXLOWER.encode(&[first]))
}

pub(super) fn block(vault: &VaultId, id: &BlockId) -> PathBuf {
    shard(vault, id.0[0]).join(id.to_string())
}

pub(super) fn records(vault: &VaultId) -> PathBuf {
    owner(vault).join(RECORDS)
}

pub(super) fn record(slot: &RecordSlot) -> PathBuf {
    records(&slot.vault).join(format!("{}-{}", slot.kind, HEXLOWER.encode(&slot.key)))
}

/// Reads a record's slot from the name of its file.
pub(super) fn slot(vault: VaultId, name: &str) -> Option<RecordSlot> {
    let (kind, key) = name.split_once('-')?;
    let slot = RecordSlot { vault, kind: kind.parse().ok()?, key: HEXLOWER.decode(key.as_bytes()).ok()?.try_into().ok()? };
    (record(&slot).file_name()?.to_str()? == name).then_some(slot)
}

pub(super) fn temporary(number: u64) -> PathBuf {
    Path::new(TMP).join(number.to_string())
}

pub(super) fn quarantined(vault: &VaultId, name: &str) -> PathBuf {
    Path::new(QUARANTINE).join(format!("{vault}-{name}"))
}
