//! The share record: says that something of the vault may be read by whoever holds a link, or that this is over.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{RecordError, envelope, kind};
use crate::codec;
use crate::id::{PeerId, RecordId, ShareId, VaultId};
use crate::identity::Identity;
use crate::labels;
use crate::limits::{HEAD_SEALED_MIN, SHARE_CONTENTS_MAX, SHARE_OWNER_MAX};

/// A share record with the bytes it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// What it says in the open.
    pub fields: ShareFields,
    /// What it holds, sealed; none once the share is withdrawn.
    pub sealed: Option<SealedShare>,
    /// As received, signature included.
    bytes: Bytes,
}

/// What a share record says in the open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareFields {
    /// The vault.
    pub vault: VaultId,
    /// The locator, which comes from the link's secret; the key of the record's slot.
    pub share: ShareId,
    /// The number of the certificate under which it was made.
    pub certificate_number: u64,
    /// The name of that certificate.
    pub certificate: RecordId,
    /// The device that signed it.
    pub device: PeerId,
    /// Counts from 1 whenever the record is made anew for the same link, as for other carriers.
    pub sequence: u64,
    /// While the share lasts `derive_key(SHARE_COMMITMENT, proof)`, afterwards the proof: so that whoever holds both records knows that
    /// somebody who reads the vault withdrew it.
    pub withdrawal: [u8; 32],
}

/// The two sealed parts of a share record, each with [`ShareFields::associated`] as associated data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedShare {
    /// For those who have the link: where the tree lies and what it is.
    pub contents: Bytes,
    /// For the vault's devices: the link's secret, and what was shared.
    pub owner: Bytes,
}

impl Share {
    /// Decodes a share record, checks its bounds and that `device` signed it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: Bytes) -> Result<Self, RecordError> {
        envelope::check(&bytes, kind::SHARE)?;
        let wire: Wire = codec::decode(&bytes)?;
        let sealed = match (wire.contents, wire.owner) {
            (Some(contents), Some(owner)) => Some(SealedShare { contents: contents.into_vec().into(), owner: owner.into_vec().into() }),
            (None, None) => None,
            _ => return Err(RecordError::Bounds("a share holds both parts or none")),
        };
        if let Some(SealedShare { contents, owner }) = &sealed
            && !((HEAD_SEALED_MIN..=SHARE_CONTENTS_MAX + HEAD_SEALED_MIN).contains(&contents.len())
                && (HEAD_SEALED_MIN..=SHARE_OWNER_MAX + HEAD_SEALED_MIN).contains(&owner.len()))
        {
            return Err(RecordError::Bounds("a share's sealed parts are too short or too long"));
        }
        if wire.sequence == 0 {
            return Err(RecordError::Bounds("shares count from 1"));
        }
        envelope::verify(&bytes, &wire.signature, &wire.device, labels::SIGN_SHARE)?;
        let fields = ShareFields {
            vault: wire.vault,
            share: wire.share,
            certificate_number: wire.certificate_number,
            certificate: wire.certificate,
            device: wire.device,
            sequence: wire.sequence,
            withdrawal: wire.withdrawal.into_array(),
        };
        Ok(Self { fields, sealed, bytes })
    }

    /// Signs a share whose parts are sealed already, or its withdrawal.
    ///
    /// # Errors
    /// [`RecordError`] when a field is out of bounds or `identity` is not the device.
    pub fn sign(fields: ShareFields, sealed: Option<SealedShare>, identity: &Identity) -> Result<Self, RecordError> {
        let (contents, owner) = sealed.map_or((None, None), |sealed| (Some(sealed.contents), Some(sealed.owner)));
        let ShareFields { vault, share, certificate_number, certificate, device, sequence, withdrawal } = fields;
        let wire = Wire {
            kind: kind::SHARE,
            version: envelope::VERSION,
            suite: envelope::SUITE,
            vault,
            share,
            certificate_number,
            certificate,
            device,
            sequence,
            withdrawal: ByteArray::new(withdrawal),
            contents: contents.map(ByteBuf::from),
            owner: owner.map(ByteBuf::from),
            signature: ByteArray::new(envelope::UNSIGNED),
        };
        Self::decode(envelope::sign(&wire, identity, labels::SIGN_SHARE))
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the record's name: the hash of its bytes.
    #[must_use]
    pub fn id(&self) -> RecordId {
        RecordId(*blake3::hash(&self.bytes).as_bytes())
    }

    /// Says whether the share is over.
    #[must_use]
    pub const fn is_withdrawn(&self) -> bool {
        self.sealed.is_none()
    }

    /// Says whether this one takes the place of another record of the same slot: a withdrawal for good, else the higher sequence, else
    /// the smaller hash. Total, so that all carriers come to the same whatever came first.
    #[must_use]
    pub fn outranks(&self, other: &Self) -> bool {
        let rank = |share: &Self| (share.is_withdrawn(), share.fields.sequence, std::cmp::Reverse(share.id().0));
        rank(self) > rank(other)
    }

    /// Says whether this withdrawal was made by somebody who reads the vault of that share: it shows what the share committed to.
    #[must_use]
    pub fn proves_withdrawal_of(&self, share: &Self) -> bool {
        let same = (self.fields.vault, self.fields.share) == (share.fields.vault, share.fields.share);
        same && self.is_withdrawn() && commitment(&self.fields.withdrawal) == share.fields.withdrawal
    }
}

impl ShareFields {
    /// Returns the associated data of the sealed parts: every field of the record before them, encoded.
    #[must_use]
    pub fn associated(&self) -> Vec<u8> {
        codec::encode(&(
            kind::SHARE,
            envelope::VERSION,
            envelope::SUITE,
            self.vault,
            self.share,
            self.certificate_number,
            self.certificate,
            self.device,
            self.sequence,
            ByteArray::new(self.withdrawal),
        ))
    }
}

/// Returns what a share shows in advance of the proof that it is withdrawn.
#[must_use]
pub fn commitment(proof: &[u8; 32]) -> [u8; 32] {
    blake3::derive_key(labels::SHARE_COMMITMENT, proof)
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kind: u8,
    version: u8,
    suite: u8,
    vault: VaultId,
    share: ShareId,
    certificate_number: u64,
    certificate: RecordId,
    device: PeerId,
    sequence: u64,
    withdrawal: ByteArray<32>,
    contents: Option<ByteBuf>,
    owner: Option<ByteBuf>,
    signature: ByteArray<64>,
}
