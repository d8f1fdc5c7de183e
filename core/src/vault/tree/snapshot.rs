//! Snapshots: the state of a whole vault at one moment, as one device saw it.

use super::object::{self, Frame, List, Stored, kind};
use super::walk::WalkError;
use super::writer::{Draft, WriteError};
use crate::id::PeerId;
use crate::limits::{SNAPSHOT_MESSAGE_MAX, SNAPSHOT_PARENTS};
use crate::time::Time;
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

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

type Body = (List<Stored, SNAPSHOT_PARENTS>, Option<Stored>, Time, PeerId, String);

impl Snapshot {
    pub(crate) fn encode(&self, mut draft: Draft<'_>) -> Result<Vec<u8>, WriteError> {
        if self.parents.len() > SNAPSHOT_PARENTS || self.message.len() > SNAPSHOT_MESSAGE_MAX {
            return Err(WriteError::Bounds("a snapshot has too many parents or too long a message"));
        }
        let parents = self.parents.iter().map(|parent| draft.refer(parent)).collect::<Result<_, _>>()?;
        let root = self.root.as_ref().map(|root| draft.refer(root)).transpose()?;
        let body: Body = (List(parents), root, self.time, self.device, self.message.clone());
        object::encode(kind::SNAPSHOT, &draft.table, &body)
    }

    pub(crate) fn decode(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<(Frame, Self), WalkError> {
        let (frame, (parents, root, time, device, message)) = Frame::decode::<Body>(own, offset, bytes)?;
        if message.len() > SNAPSHOT_MESSAGE_MAX {
            return Err(WalkError::Damaged("a snapshot's message is too long"));
        }
        let parents = parents.0.into_iter().map(|parent| frame.refer_object(parent)).collect::<Result<_, _>>()?;
        let root = root.map(|root| frame.refer_object(root)).transpose()?;
        Ok((frame, Self { parents, root, time, device, message }))
    }
}
