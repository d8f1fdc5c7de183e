//! Makes the index anew from the files, when it is gone, damaged, or on request.
//!
//! A block's name and length are taken from its file as they are: whoever reads the block verifies it. A record's file carries a hash,
//! because nothing else would tell.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use cachette_core::block::SizeLog;
use cachette_core::id::{BlockId, VaultId};
use cachette_core::limits::RECORD_MAX;
use cachette_core::store::RecordSlot;

use super::index::{Change, Index, IndexError};
use super::layout;
use super::store::OpenFault;
use super::vfs::{Entry, Vfs};

/// What a rebuild of the index found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Why it was needed.
    pub reason: String,
    /// Where the old index lies now, inside the data directory.
    pub old_index: Option<String>,
    /// Blocks by name.
    pub blocks: u64,
    /// Records, whole.
    pub records: u64,
    /// Files that are no block or record and now lie in the quarantine.
    pub set_aside: u64,
}

/// Opens the index, or makes it anew when that is asked for or cannot be helped.
pub(super) fn open_or_rebuild(vfs: &Arc<dyn Vfs>, suspect: bool, asked: bool) -> Result<(Index, Option<Rebuilt>), OpenFault> {
    let reason = match Index::open(Arc::clone(vfs), suspect) {
        Ok(index) if !asked => return Ok((index, None)),
        Ok(index) => {
            index.close()?;
            "it was asked for".to_owned()
        }
        Err(IndexError::Absent) if vfs.list(Path::new(layout::OWNERS))?.is_empty() => {
            return Ok((Index::create(Arc::clone(vfs))?.publish()?, None));
        }
        Err(error @ (IndexError::Absent | IndexError::Damaged(_))) => error.to_string(),
        Err(error) => return Err(error.into()),
    };
    let old_index = set_old_aside(vfs.as_ref())?;
    tracing::warn!(%reason, old = old_index.as_deref(), "making the index of the store anew from its files");
    let mut rebuilt = Rebuilt { reason, old_index, ..Rebuilt::default() };
    let index = Index::create(Arc::clone(vfs))?;
    vfs.sync_dir(Path::new(layout::OWNERS))?;
    for entry in vfs.list(Path::new(layout::OWNERS))? {
        if let Ok(vault) = entry.name.parse() {
            take_in(vfs.as_ref(), &index, vault, &mut rebuilt)?;
        }
    }
    let index = index.publish()?;
    tracing::warn!(blocks = rebuilt.blocks, records = rebuilt.records, set_aside = rebuilt.set_aside, "the index is made anew");
    Ok((index, Some(rebuilt)))
}

/// Returns what a record's file holds: a hash of the slot and the bytes, then the bytes.
pub(super) fn record_file(slot: &RecordSlot, bytes: &[u8]) -> Bytes {
    let mut file = Vec::with_capacity(32 + bytes.len());
    file.extend_from_slice(&record_hash(slot, bytes));
    file.extend_from_slice(bytes);
    Bytes::from(file)
}

fn record_hash(slot: &RecordSlot, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(slot.vault.as_bytes()).update(&[slot.kind]).update(&slot.key).update(bytes);
    *hasher.finalize().as_bytes()
}

fn set_old_aside(vfs: &dyn Vfs) -> io::Result<Option<String>> {
    let names: Vec<String> = vfs.list(Path::new(layout::ROOT))?.into_iter().map(|entry| entry.name).collect();
    if !names.iter().any(|name| name == layout::INDEX) {
        return Ok(None);
    }
    let Some(free) = (1u32..).map(|n| format!("{}.damaged-{n}", layout::INDEX)).find(|name| !names.contains(name)) else {
        return Ok(None);
    };
    vfs.rename(Path::new(layout::INDEX), Path::new(&free))?;
    Ok(Some(free))
}

/// Takes one owner's files into the index. Names are synced first: a killed process may have left some that only memory knows.
fn take_in(vfs: &dyn Vfs, index: &Index, vault: VaultId, rebuilt: &mut Rebuilt) -> Result<(), OpenFault> {
    let mut change = Change::default();
    vfs.sync_dir(&layout::owner(&vault))?;
    for first in 0..=u8::MAX {
        for entry in list_synced(vfs, &layout::shard(&vault, first))? {
            let id = entry.name.parse::<BlockId>().ok().filter(|id| id.0[0] == first && id.to_string() == entry.name);
            let size = entry.len.and_then(|len| SizeLog::of_len(usize::try_from(len).ok()?).ok());
            match (id, size) {
                (Some(id), Some(size)) => change.added.push((vault, id, size)),
                _ => set_aside(vfs, &vault, &layout::shard(&vault, first), &entry.name, rebuilt)?,
            }
        }
        if change.added.len() >= STEP {
            rebuilt.blocks += change.added.len() as u64;
            index.apply(&std::mem::take(&mut change))?;
        }
    }
    for entry in list_synced(vfs, &layout::records(&vault))? {
        match read_record(vfs, vault, &entry.name)? {
            Some(record) => change.records.push(record),
            None => set_aside(vfs, &vault, &layout::records(&vault), &entry.name, rebuilt)?,
        }
    }
    rebuilt.blocks += change.added.len() as u64;
    rebuilt.records += change.records.len() as u64;
    Ok(index.apply(&change)?)
}

fn list_synced(vfs: &dyn Vfs, dir: &Path) -> io::Result<Vec<Entry>> {
    let entries = vfs.list(dir)?;
    if !entries.is_empty() {
        vfs.sync_dir(dir)?;
    }
    Ok(entries)
}

fn read_record(vfs: &dyn Vfs, vault: VaultId, name: &str) -> io::Result<Option<(RecordSlot, Bytes)>> {
    let Some(slot) = layout::slot(vault, name) else { return Ok(None) };
    let file = Bytes::from(vfs.read(&layout::record(&slot), 32 + RECORD_MAX, false)?);
    let Some((hash, bytes)) = file.split_at_checked(32) else { return Ok(None) };
    Ok((record_hash(&slot, bytes) == hash).then(|| (slot, file.slice(32..))))
}

fn set_aside(vfs: &dyn Vfs, vault: &VaultId, dir: &Path, name: &str, rebuilt: &mut Rebuilt) -> io::Result<()> {
    rebuilt.set_aside += 1;
    vfs.rename(&dir.join(name), &layout::quarantined(vault, name))
}

/// Blocks in one transaction of a rebuild: bounds its memory.
const STEP: usize = 16_384;
