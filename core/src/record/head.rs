//! The head: what one device last wrote in one vault. One per device and vault; the highest sequence counts.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{RecordError, envelope, kind};
use crate::codec;
use crate::id::{PeerId, RecordId, VaultId};
use crate::identity::Identity;
use crate::labels;
use crate::limits::{HEAD_SEALED_MAX, HEAD_SEALED_MIN, MEMBERS_MAX};

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
    /// The hash of `bytes`.
    id: RecordId,
    /// As received, signature included.
    bytes: Bytes,
}

/// What a head says in the open, before its content is sealed and it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadFields {
    /// See [`Head::vault`].
    pub vault: VaultId,
    /// See [`Head::certificate_number`].
    pub certificate_number: u64,
    /// See [`Head::certificate`].
    pub certificate: RecordId,
    /// See [`Head::device`].
    pub device: PeerId,
    /// See [`Head::sequence`].
    pub sequence: u64,
    /// See [`Head::previous`].
    pub previous: RecordId,
    /// See [`Head::suite_floor`].
    pub suite_floor: u8,
    /// See [`Head::vector`].
    pub vector: Vec<(PeerId, u64)>,
}

impl Head {
    /// Decodes a head, checks its bounds and that `device` signed it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: Bytes) -> Result<Self, RecordError> {
        envelope::check(&bytes, kind::HEAD)?;
        let wire: Wire = codec::decode(&bytes)?;
        wire.check()?;
        envelope::verify(&bytes, &wire.signature, &wire.device, labels::SIGN_HEAD)?;
        Ok(Self {
            vault: wire.vault,
            certificate_number: wire.certificate_number,
            certificate: wire.certificate,
            device: wire.device,
            sequence: wire.sequence,
            previous: wire.previous,
            suite_floor: wire.suite_floor,
            vector: wire.vector,
            sealed: wire.sealed.into_vec().into(),
            id: RecordId(*blake3::hash(&bytes).as_bytes()),
            bytes,
        })
    }

    /// Signs a head whose content is sealed already, with [`HeadFields::associated`] as associated data.
    ///
    /// # Errors
    /// [`RecordError`] when a field is out of bounds or `identity` is not the device.
    pub fn sign(fields: HeadFields, sealed: &[u8], identity: &Identity) -> Result<Self, RecordError> {
        let wire = Wire {
            kind: kind::HEAD,
            version: envelope::VERSION,
            suite: envelope::SUITE,
            vault: fields.vault,
            certificate_number: fields.certificate_number,
            certificate: fields.certificate,
            device: fields.device,
            sequence: fields.sequence,
            previous: fields.previous,
            suite_floor: fields.suite_floor,
            vector: fields.vector,
            sealed: ByteBuf::from(sealed),
            signature: ByteArray::new(envelope::UNSIGNED),
        };
        Self::decode(envelope::sign(&wire, identity, labels::SIGN_HEAD))
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the head's name: the hash of its bytes.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.id
    }

    /// Returns what the head says in the open.
    #[must_use]
    pub fn fields(&self) -> HeadFields {
        HeadFields {
            vault: self.vault,
            certificate_number: self.certificate_number,
            certificate: self.certificate,
            device: self.device,
            sequence: self.sequence,
            previous: self.previous,
            suite_floor: self.suite_floor,
            vector: self.vector.clone(),
        }
    }
}

impl HeadFields {
    /// Returns the associated data of the sealed content: every field of the record before it, encoded.
    #[must_use]
    pub fn associated(&self) -> Vec<u8> {
        codec::encode(&(
            kind::HEAD,
            envelope::VERSION,
            envelope::SUITE,
            self.vault,
            self.certificate_number,
            self.certificate,
            self.device,
            self.sequence,
            self.previous,
            self.suite_floor,
            &self.vector,
        ))
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kind: u8,
    version: u8,
    suite: u8,
    vault: VaultId,
    certificate_number: u64,
    certificate: RecordId,
    device: PeerId,
    sequence: u64,
    previous: RecordId,
    suite_floor: u8,
    vector: Vec<(PeerId, u64)>,
    sealed: ByteBuf,
    signature: ByteArray<64>,
}

impl Wire {
    fn check(&self) -> Result<(), RecordError> {
        if self.sequence == 0 {
            return Err(RecordError::Bounds("heads count from 1"));
        }
        if (self.sequence == 1) != (self.previous.0 == [0; 32]) {
            return Err(RecordError::Bounds("a head names the one before it, the first names none"));
        }
        if self.suite_floor == 0 || self.suite_floor > self.suite {
            return Err(RecordError::Bounds("the suite floor lies above the head's own suite"));
        }
        if self.vector.len() > MEMBERS_MAX {
            return Err(RecordError::Bounds("too many devices in the vector"));
        }
        if !self.vector.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(RecordError::Bounds("the vector is not sorted by device"));
        }
        if self.vector.iter().any(|(device, sequence)| *device == self.device || *sequence == 0) {
            return Err(RecordError::Bounds("the vector names the head's own device or no head"));
        }
        if !(HEAD_SEALED_MIN..=HEAD_SEALED_MAX).contains(&self.sealed.len()) {
            return Err(RecordError::Bounds("the sealed content is too short or too long"));
        }
        Ok(())
    }
}
