//! The locate record: says which vault a recovery phrase opens, signed by the phrase's own key.

use bytes::Bytes;

use super::RecordError;
use crate::id::{PeerId, VaultId};

/// A locate record with the bytes it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locate {
    /// The vault.
    pub vault: VaultId,
    /// The paper device that signed.
    pub paper: PeerId,
    /// As received, signature included.
    bytes: Bytes,
}

impl Locate {
    /// Decodes a locate record and checks that `paper` signed it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(_bytes: Bytes) -> Result<Self, RecordError> {
        unimplemented!("record/locate.rs")
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}
