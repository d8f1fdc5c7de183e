//! The locate record: says which vault a recovery phrase opens, signed by the phrase's own key.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{RecordError, envelope, kind};
use crate::codec;
use crate::id::{PeerId, VaultId};
use crate::identity::Identity;
use crate::labels;

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
    pub fn decode(bytes: Bytes) -> Result<Self, RecordError> {
        envelope::check(&bytes, kind::LOCATE)?;
        let wire: Wire = codec::decode(&bytes)?;
        envelope::verify(&bytes, &wire.signature, &wire.paper, labels::SIGN_LOCATE)?;
        Ok(Self { vault: wire.vault, paper: wire.paper, bytes })
    }

    /// Signs that `paper` opens this vault.
    ///
    /// # Errors
    /// [`RecordError`], never with keys that came from a seed.
    pub fn sign(vault: VaultId, paper: &Identity) -> Result<Self, RecordError> {
        let wire = Wire {
            kind: kind::LOCATE,
            version: envelope::VERSION,
            suite: envelope::SUITE,
            vault,
            paper: paper.peer(),
            signature: ByteArray::new(envelope::UNSIGNED),
        };
        Self::decode(envelope::sign(&wire, paper, labels::SIGN_LOCATE))
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kind: u8,
    version: u8,
    suite: u8,
    vault: VaultId,
    paper: PeerId,
    signature: ByteArray<64>,
}
