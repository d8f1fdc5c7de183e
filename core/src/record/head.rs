//! The head: what one device last wrote in one vault. One per device and vault; the highest sequence counts.

use bytes::Bytes;

use super::RecordError;
use crate::id::{PeerId, RecordId, VaultId};

/// A head with the bytes it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The vault.
    pub vault: VaultId,
    /// The number of the certificate under which it was written.
    pub certificate_number: u64,
    /// The name of that certificate.
    pub certificate: RecordId,
    /// The device that wrote and signed it.
    pub device: PeerId,
    /// Counts up from 1, one by one, for this device and vault.
    pub sequence: u64,
    /// The name of the device's head before it; all zeros at sequence 1.
    pub previous: RecordId,
    /// No reader accepts a suite below this in the vault any more.
    pub suite_floor: u8,
    /// The highest head of each other device that was merged into this one's snapshot, sorted by device.
    pub vector: Vec<(PeerId, u64)>,
    /// The snapshot reference, sealed under the epoch of the certificate with all fields before as associated data.
    pub sealed: Bytes,
    /// As received, signature included.
    bytes: Bytes,
}

impl Head {
    /// Decodes a head, checks its bounds and that `device` signed it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(_bytes: Bytes) -> Result<Self, RecordError> {
        unimplemented!("record/head.rs")
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}
