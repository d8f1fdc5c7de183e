//! Snapshots: the state of a whole vault at one moment, as one device saw it.

use crate::id::PeerId;
use crate::time::Time;
use crate::vault::reference::Reference;

/// The state of a vault: the object to which a head refers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The snapshots that it continues or merges.
    pub parents: Vec<Reference>,
    /// The page at the root directory's root; none when the vault is empty.
    pub root: Option<Reference>,
    /// When the device's clock said it was written.
    pub time: Time,
    /// The device that wrote it.
    pub device: PeerId,
    /// What the person said about it, at most 1,024 bytes.
    pub message: String,
}
