//! The certificate: all the authority that a keyless peer needs, signed by an admin of the one before it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{RecordError, envelope, kind};
use crate::codec;
use crate::id::{PeerId, RecordId, VaultId};
use crate::identity::Identity;
use crate::labels;
use crate::sort;
use crate::time::Span;

mod bounds;

/// A certificate with the bytes it came in. Fields are as the signer wrote them; [`super::Chain`] says whether they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The vault; certificate 0 has none in its bytes, for the vault's name is the hash of those bytes.
    vault: VaultId,
    /// Counts from 0 without gaps.
    pub number: u64,
    /// The name of the certificate before it; all zeros in certificate 0.
    pub previous: RecordId,
    /// The epoch whose secret is wrapped here.
    pub epoch: u32,
    /// Who reads, writes and administers.
    pub members: Vec<Member>,
    /// Who keeps the copies.
    pub carriers: Vec<Carrier>,
    /// How many copies, for how long.
    pub policy: Policy,
    /// The epoch's secret, once for every member that may read.
    pub wraps: Vec<Wrap>,
    /// The secret of the epoch before, sealed under this epoch's; none in epoch 0.
    pub previous_epoch: Option<Bytes>,
    /// The admin who signed.
    pub signer: PeerId,
    /// The hash of `bytes`, taken once: chains compare it often.
    id: RecordId,
    /// As received, signature included.
    bytes: Bytes,
}

/// A certificate before it is signed. [`Certificate::sign`] sorts its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDraft {
    /// The vault; none in certificate 0.
    pub vault: Option<VaultId>,
    /// See [`Certificate::number`].
    pub number: u64,
    /// See [`Certificate::previous`].
    pub previous: RecordId,
    /// See [`Certificate::epoch`].
    pub epoch: u32,
    /// See [`Certificate::members`].
    pub members: Vec<Member>,
    /// See [`Certificate::carriers`].
    pub carriers: Vec<Carrier>,
    /// See [`Certificate::policy`].
    pub policy: Policy,
    /// See [`Certificate::wraps`].
    pub wraps: Vec<Wrap>,
    /// See [`Certificate::previous_epoch`].
    pub previous_epoch: Option<Bytes>,
}

/// A device or recovery phrase of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its number in the vault, never used again.
    pub number: u16,
    /// Its Ed25519 public key, which is also its peer id.
    pub peer: PeerId,
    /// Its X25519 public key, to which epoch secrets are wrapped.
    #[serde(with = "serde_bytes")]
    pub agree: [u8; 32],
    /// What it may do.
    pub rights: Rights,
    /// Whether it is a recovery phrase: signs and restores, never writes heads.
    pub paper: bool,
    /// The sequence of its last head that still counts, once it was removed.
    pub removed_after: Option<u64>,
}

/// What a member may do: a set of *read*, *write*, *admin*, *drop*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights(pub u8);

impl Rights {
    /// May open what the vault holds.
    pub const READ: Self = Self(1);
    /// May store blocks and publish heads.
    pub const WRITE: Self = Self(2);
    /// May sign the next certificate.
    pub const ADMIN: Self = Self(4);
    /// May leave mail only.
    pub const DROP: Self = Self(8);
    /// A device of the vault's owner.
    pub const OWNER: Self = Self(1 | 2 | 4);
    /// A recovery phrase: reads and signs, writes nothing.
    pub const PAPER: Self = Self(1 | 4);

    /// Says whether all of `rights` are in the set.
    #[must_use]
    pub const fn contains(self, rights: Self) -> bool {
        self.0 & rights.0 == rights.0
    }
}

/// A durable node that keeps the vault's copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// The node.
    pub peer: PeerId,
    /// A name that people gave it, so that messages need not speak in keys.
    pub name: String,
    /// Where it can be reached: `wss://host:port` or `ws://host:port`, without the peer id.
    pub addresses: Vec<String>,
    /// Its share of the load relative to others; 0 gets nothing new.
    pub weight: u32,
    /// What fails together: copies go to distinct zones first.
    pub zone: String,
    /// Whether it is being emptied: still read from, gets nothing new.
    pub draining: bool,
}

/// How many copies a vault wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Copies of every block.
    pub replicas: u8,
    /// Durable copies that make a put safe; lowered to the number of carriers where there are fewer.
    pub min_replicas: u8,
    /// How long a carrier keeps what a drop named.
    pub retention: Span,
    /// Reserved for padding classes: 0.
    pub padding: u8,
}

/// An epoch's secret for one member: HPKE base mode, X25519, HKDF-SHA256, ChaCha20-Poly1305.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrap {
    /// The member's number.
    pub member: u16,
    /// HPKE's encapsulated key.
    #[serde(with = "serde_bytes")]
    pub encapsulated: [u8; 32],
    /// The sealed secret: 32 bytes and the authenticator.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

impl Certificate {
    /// Decodes a certificate, checks its bounds and that `signer` signed it.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode(bytes: Bytes) -> Result<Self, RecordError> {
        envelope::check(&bytes, kind::CERTIFICATE)?;
        let wire: Wire = codec::decode(&bytes)?;
        bounds::check(&wire)?;
        envelope::verify(&bytes, &wire.signature, &wire.signer, labels::SIGN_CERTIFICATE)?;
        let id = RecordId(*blake3::hash(&bytes).as_bytes());
        Ok(Self {
            vault: wire.vault.unwrap_or(VaultId(id.0)),
            number: wire.number,
            previous: wire.previous,
            epoch: wire.epoch,
            members: wire.members,
            carriers: wire.carriers,
            policy: wire.policy,
            wraps: wire.wraps,
            previous_epoch: wire.previous_epoch.map(|sealed| sealed.into_vec().into()),
            signer: wire.signer,
            id,
            bytes,
        })
    }

    /// Sorts the draft's lists and signs it.
    ///
    /// # Errors
    /// [`RecordError`] when the draft is out of bounds; what comes back decodes.
    pub fn sign(mut draft: CertificateDraft, identity: &Identity) -> Result<Self, RecordError> {
        sort::by_key(&mut draft.members, |member| member.number);
        sort::by_key(&mut draft.carriers, |carrier| carrier.peer);
        sort::by_key(&mut draft.wraps, |wrap| wrap.member);
        let wire = Wire {
            kind: kind::CERTIFICATE,
            version: envelope::VERSION,
            suite: envelope::SUITE,
            vault: draft.vault,
            number: draft.number,
            previous: draft.previous,
            epoch: draft.epoch,
            members: draft.members,
            carriers: draft.carriers,
            policy: draft.policy,
            wraps: draft.wraps,
            previous_epoch: draft.previous_epoch.map(|sealed| ByteBuf::from(sealed.to_vec())),
            signer: identity.peer(),
            signature: ByteArray::new(envelope::UNSIGNED),
        };
        Self::decode(envelope::sign(&wire, identity, labels::SIGN_CERTIFICATE))
    }

    /// Returns the vault.
    #[must_use]
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the certificate's name.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.id
    }

    /// Returns the member with this key, removed or not.
    #[must_use]
    pub fn member(&self, peer: &PeerId) -> Option<&Member> {
        self.members.iter().find(|member| member.peer == *peer)
    }

    /// Returns the members that were not removed.
    pub fn active(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.is_active())
    }

    /// Says whether this peer is an active member with all of these rights.
    #[must_use]
    pub fn may(&self, peer: &PeerId, rights: Rights) -> bool {
        self.member(peer).is_some_and(|member| member.may(rights))
    }

    /// Returns the epoch's secret as it was wrapped for this member number.
    #[must_use]
    pub fn wrap(&self, member: u16) -> Option<&Wrap> {
        self.wraps.iter().find(|wrap| wrap.member == member)
    }

    /// Returns the carrier with this key.
    #[must_use]
    pub fn carrier(&self, peer: &PeerId) -> Option<&Carrier> {
        self.carriers.iter().find(|carrier| carrier.peer == *peer)
    }
}

impl Member {
    /// Says whether the member was not removed.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.removed_after.is_none()
    }

    /// Says whether the member is active and has all of these rights.
    #[must_use]
    pub const fn may(&self, rights: Rights) -> bool {
        self.is_active() && self.rights.contains(rights)
    }
}

impl Policy {
    /// Returns how many durable copies make a put safe with this many carriers: never silently lower.
    #[must_use]
    pub fn safe_at(&self, carriers: usize) -> u8 {
        self.min_replicas.min(u8::try_from(carriers).unwrap_or(u8::MAX)).max(1)
    }

    /// Returns how many copies are wanted with this many carriers.
    #[must_use]
    pub fn wanted(&self, carriers: usize) -> u8 {
        self.replicas.min(u8::try_from(carriers).unwrap_or(u8::MAX)).max(1)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { replicas: 3, min_replicas: 2, retention: Span::seconds(30 * 24 * 3600), padding: 0 }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kind: u8,
    version: u8,
    suite: u8,
    vault: Option<VaultId>,
    number: u64,
    previous: RecordId,
    epoch: u32,
    members: Vec<Member>,
    carriers: Vec<Carrier>,
    policy: Policy,
    wraps: Vec<Wrap>,
    previous_epoch: Option<ByteBuf>,
    signer: PeerId,
    signature: ByteArray<64>,
}
