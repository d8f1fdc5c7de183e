//! Records: the small signed arrays that carriers keep whole beside blocks, and all that a keyless peer can know of them.
//!
//! A record is `[kind, version, suite, vault, …, signature]` in the encoding of [`crate::codec`], at most [`RECORD_MAX`](crate::limits::RECORD_MAX) bytes. The
//! signature is its last item and covers a label of [`crate::labels`] and every byte before it, exactly as received. A record that
//! was decoded is well-formed; whether it *stands* (who signed it, and by what right) is the business of a [`Chain`].

pub mod certificate;
pub mod chain;
mod envelope;
pub mod head;
pub mod locate;
pub mod share;

use bytes::Bytes;
use thiserror::Error;

pub use certificate::{Carrier, Certificate, CertificateDraft, Member, Policy, Rights, Wrap};
pub use chain::{Chain, ChainError, Extended};
pub use head::{Head, HeadFields};
pub use locate::Locate;
pub use share::{SealedShare, Share, ShareFields};

use crate::codec::DecodeError;
use crate::id::{RecordId, VaultId};
use crate::store::RecordSlot;

/// The kinds of record, the first field of each, and of what a node keeps for itself in the same store.
pub mod kind {
    /// A [`Certificate`](super::Certificate).
    pub const CERTIFICATE: u8 = 1;
    /// A [`Head`](super::Head).
    pub const HEAD: u8 = 2;
    /// A [`Locate`](super::Locate).
    pub const LOCATE: u8 = 3;
    /// A [`Share`](super::Share).
    pub const SHARE: u8 = 4;
    /// A node's own note that its operator admitted a vault; never travels.
    pub const ADMISSION: u8 = 128;
    /// A node's own note of an invitation that it issued; never travels.
    pub const INVITATION: u8 = 129;
}

/// A well-formed record with the bytes it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Who may do what, and who keeps the copies.
    Certificate(Certificate),
    /// What a device last wrote.
    Head(Head),
    /// Which vault a recovery phrase opens.
    Locate(Locate),
    /// What holders of a link may read.
    Share(Share),
}

/// Bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Longer than [`RECORD_MAX`](crate::limits::RECORD_MAX).
    #[error("a record of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// The encoding is wrong.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// A kind, version or suite that this release does not know.
    #[error("record of unknown kind {kind}, version {version} or suite {suite}")]
    Unknown {
        /// First field.
        kind: u8,
        /// Second field.
        version: u8,
        /// Third field.
        suite: u8,
    },
    /// A list is too long, a field out of its range or fields contradict one another.
    #[error("record out of bounds: {0}")]
    Bounds(&'static str),
    /// The signature is not that of the key that the record names.
    #[error("the record's signature does not hold")]
    Signature,
}

impl Record {
    /// Decodes a record and checks everything that can be checked without knowing its vault's other records.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: Bytes) -> Result<Self, RecordError> {
        match envelope::preamble(&bytes)? {
            (kind::CERTIFICATE, ..) => Certificate::decode(bytes).map(Self::Certificate),
            (kind::HEAD, ..) => Head::decode(bytes).map(Self::Head),
            (kind::LOCATE, ..) => Locate::decode(bytes).map(Self::Locate),
            (kind::SHARE, ..) => Share::decode(bytes).map(Self::Share),
            (kind, version, suite) => Err(RecordError::Unknown { kind, version, suite }),
        }
    }

    /// Reads which vault a record says that it belongs to, and checks nothing else: verifying a signature takes a thousand times as long.
    ///
    /// # Errors
    /// [`RecordError`]; such bytes are no record.
    pub fn vault_named_in(bytes: &[u8]) -> Result<VaultId, RecordError> {
        envelope::vault(bytes)
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        match self {
            Self::Certificate(certificate) => certificate.bytes(),
            Self::Head(head) => head.bytes(),
            Self::Locate(locate) => locate.bytes(),
            Self::Share(share) => share.bytes(),
        }
    }

    /// Returns the record's name: the hash of its bytes.
    #[must_use]
    pub fn id(&self) -> RecordId {
        RecordId(*blake3::hash(self.bytes()).as_bytes())
    }

    /// Returns the vault that the record belongs to.
    #[must_use]
    pub const fn vault(&self) -> VaultId {
        match self {
            Self::Certificate(certificate) => certificate.vault(),
            Self::Head(head) => head.vault,
            Self::Locate(locate) => locate.vault,
            Self::Share(share) => share.fields.vault,
        }
    }

    /// Returns where a store keeps it: a certificate under its hash, a head under its device, a locate record under its paper key, a
    /// share under its locator.
    #[must_use]
    pub fn slot(&self) -> RecordSlot {
        let (kind, key) = match self {
            Self::Certificate(_) => (kind::CERTIFICATE, self.id().0),
            Self::Head(head) => (kind::HEAD, head.device.0),
            Self::Locate(locate) => (kind::LOCATE, locate.paper.0),
            Self::Share(share) => (kind::SHARE, share.fields.share.0),
        };
        RecordSlot { vault: self.vault(), kind, key }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
