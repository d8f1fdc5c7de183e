//! What peers say to each other: one enum, one file. A message travels as a header (`[tag, body]`) and, for [`Message::Block`], the
//! block's bytes as payload behind it.
//!
//! Nothing moves uninvited: a block answers a [`Plain::Want`] (uploads, repair) or a [`Plain::Fetch`] (reads). Questions carry an [`Ask`] number
//! that the answer repeats; an ask belongs to one link and one direction.

mod denial;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::block::{Block, SizeLog};
use crate::codec::{self, DecodeError, tagged};
use crate::id::{BlockId, Partition, PeerId, ShareId, VaultId};
use crate::limits::LIST_MAX;

pub use denial::Denial;

/// The number by which an answer finds its question on one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ask(pub u32);

/// Which of a link's queues a message waits in: control never waits behind blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Small messages.
    Control,
    /// Blocks, and what passes through tunnels.
    Bulk,
}

/// A whole message with its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Anything without payload.
    Plain(Plain),
    /// A block of a vault, verified by the link that received it.
    Block(VaultId, Block),
}

tagged! {
    /// A message without payload, or the announcement of one with.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Plain {
        /// Asks for a sign of life.
        1 => Ping(u64),
        /// Gives it.
        2 => Pong(u64),
        /// Says that the sender is suspended, as a hidden tab is, and gives no signs of life; or that it is back.
        3 => Suspended(bool),
        /// Announces blocks that the sender can deliver.
        10 => Offer(Offer),
        /// Invites blocks of an offer.
        11 => Want(Ids),
        /// Says that blocks are durable here, just stored or held before.
        12 => Stored(Ids),
        /// Says that blocks of an offer, or that were wanted and sent, will not be stored.
        13 => Refused(Refused),
        /// Asks for blocks by id alone: whoever knows an id may.
        14 => Fetch(Ids),
        /// Says which fetched or wanted blocks cannot be delivered.
        15 => Absent(Ids),
        /// Says that the sender, a member's tab, holds copies of these blocks and gives them to other members.
        16 => Carries(Ids),
        /// Says that it holds them no longer.
        17 => Drops(Ids),
        /// Asks which blocks are held.
        20 => Has(Has),
        /// Answers: those held, in the order asked.
        21 => Have((Ask, Vec<BlockId>)),
        /// Asks for count and fingerprint of partitions.
        22 => Summarise(Summarise),
        /// Answers: `(partition, count, fingerprint)` of those that hold anything.
        23 => Summaries((Ask, Vec<(Partition, u64, Fingerprint)>)),
        /// Asks for the ids of a partition.
        24 => Scan(Scan),
        /// Answers; fewer than asked for means the end.
        25 => Scanned((Ask, Vec<BlockId>)),
        /// Asks who holds blocks: the carrier itself, and the tabs of the vault's members that are linked to it. Members only.
        26 => Where(Has),
        /// Answers: those held, for each peer that holds any; at most [`LIST_MAX`] ids in all.
        27 => Held((Ask, Vec<(PeerId, Vec<BlockId>)>)),
        /// Hands a record over.
        30 => Publish((Ask, RecordBytes)),
        /// Asks for records of a vault: members and carriers only.
        31 => Records((Ask, VaultId)),
        /// Asks for the locate records of a paper key, which the asker must prove to be by its link.
        32 => Locate((Ask, PeerId)),
        /// Answers with records; an answer in several messages ends with `last`.
        33 => RecordsAre(RecordsAre),
        /// Asks for a share record by its locator, which whoever has the link knows; answered by `RecordsAre` with it, or with nothing.
        34 => Share(Sought),
        /// Redeems an invitation for a vault, with the vault's certificates from 0 on.
        40 => Redeem(Redeem),
        /// Asks for the node's state as far as it concerns the asker.
        41 => Status((Ask, VaultId)),
        /// Answers.
        42 => StatusIs((Ask, NodeStatus)),
        /// Says that an ask was done.
        50 => Done((Ask, ())),
        /// Says that an ask was not done.
        51 => Denied((Ask, Denial)),
        /// Asks a carrier for a tunnel to another member that is linked to it.
        70 => Open(Open),
        /// Answers.
        71 => Opened((Ask, Tunnel)),
        /// Tells a member that another one has opened a tunnel to it.
        72 => Incoming((Tunnel, VaultId, PeerId)),
        /// Carries one socket message of the link inside a tunnel.
        73 => Through((Tunnel, Piece)),
        /// Says how many bytes of a tunnel were taken, so that as many may follow.
        74 => Credit((Tunnel, u32)),
        /// Ends a tunnel, or says that it has ended.
        75 => Shut(Tunnel),
        /// Announces the end of the link.
        60 => Bye(u8),
        /// Announces a block's bytes.
        61 => Block(BlockHeader),
    }
}

/// See [`Plain::Offer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The vault that owns them.
    pub vault: VaultId,
    /// The blocks and their sizes.
    pub blocks: Vec<(BlockId, SizeLog)>,
    /// Who can deliver them beside the sender, best first.
    pub sources: Vec<PeerId>,
}

/// Blocks of a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    /// The vault.
    pub vault: VaultId,
    /// The blocks.
    pub ids: Vec<BlockId>,
}

/// See [`Plain::Refused`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The vault.
    pub vault: VaultId,
    /// The blocks.
    pub ids: Vec<BlockId>,
    /// Why.
    pub why: Denial,
}

/// See [`Plain::Has`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Has {
    /// Which question.
    pub ask: Ask,
    /// The vault.
    pub vault: VaultId,
    /// The blocks.
    pub ids: Vec<BlockId>,
}

/// See [`Plain::Summarise`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summarise {
    /// Which question.
    pub ask: Ask,
    /// The vault.
    pub vault: VaultId,
    /// The first partition.
    pub from: Partition,
    /// The last partition.
    pub to: Partition,
}

/// See [`Plain::Scan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Which question.
    pub ask: Ask,
    /// The vault.
    pub vault: VaultId,
    /// The partition.
    pub partition: Partition,
    /// Only ids after this one.
    pub after: Option<BlockId>,
}

/// A tunnel's number on the links that it leads over, given by the carrier between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tunnel(pub u32);

/// See [`Plain::Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Which question.
    pub ask: Ask,
    /// The vault that both are members of.
    pub vault: VaultId,
    /// The other member.
    pub peer: PeerId,
}

/// See [`Plain::Through`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece(#[serde(with = "serde_bytes")] pub Vec<u8>);

/// A fingerprint as in [`crate::store::Summary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint(#[serde(with = "serde_bytes")] pub [u8; 32]);

/// A record's bytes as they travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordBytes(#[serde(with = "serde_bytes")] pub Vec<u8>);

/// See [`Plain::RecordsAre`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsAre {
    /// Which question.
    pub ask: Ask,
    /// Some of the records.
    pub records: Vec<RecordBytes>,
    /// Whether none follow.
    pub last: bool,
}

/// See [`Plain::Share`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sought {
    /// Which question.
    pub ask: Ask,
    /// The vault.
    pub vault: VaultId,
    /// The locator.
    pub share: ShareId,
}

/// See [`Plain::Redeem`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redeem {
    /// Which question.
    pub ask: Ask,
    /// The invitation's secret.
    #[serde(with = "serde_bytes")]
    pub token: [u8; 16],
    /// The vault's certificates from 0 on.
    pub certificates: Vec<RecordBytes>,
}

/// What a node tells a member about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Bytes of the vault's blocks held here.
    pub used: u64,
    /// Blocks of the vault held here.
    pub blocks: u64,
    /// Bytes that the vault may take here.
    pub limit: u64,
    /// The node's zone.
    pub zone: String,
}

/// See [`Plain::Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockHeader {
    /// The vault.
    pub vault: VaultId,
    /// The id that the bytes must hash to.
    pub id: BlockId,
    /// How many bytes follow.
    pub size: SizeLog,
}

/// A header is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The encoding is wrong.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// A list is longer than [`LIST_MAX`].
    #[error("a list in the message is too long")]
    ListTooLong,
}

impl Plain {
    /// Encodes the header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Decodes a header.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let message: Self = codec::decode(bytes)?;
        let longest = match &message {
            Self::Offer(offer) => offer.blocks.len().max(offer.sources.len()),
            Self::Want(ids) | Self::Stored(ids) | Self::Fetch(ids) | Self::Absent(ids) => ids.ids.len(),
            Self::Carries(ids) | Self::Drops(ids) => ids.ids.len(),
            Self::Refused(refused) => refused.ids.len(),
            Self::Has(has) | Self::Where(has) => has.ids.len(),
            Self::Held((_, rows)) => rows.iter().map(|(_, ids)| ids.len()).sum::<usize>().max(rows.len()),
            Self::Have((_, ids)) | Self::Scanned((_, ids)) => ids.len(),
            Self::Summaries((_, rows)) => rows.len(),
            Self::RecordsAre(answer) => answer.records.len(),
            Self::Redeem(redeem) => redeem.certificates.len(),
            _ => 0,
        };
        if longest > LIST_MAX { Err(MessageError::ListTooLong) } else { Ok(message) }
    }
}

impl Message {
    /// Returns the lane that the message travels in.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self {
            // What somebody else's link says may be blocks.
            Self::Plain(Plain::Through(_)) | Self::Block(..) => Lane::Bulk,
            Self::Plain(_) => Lane::Control,
        }
    }

    /// Splits the message into its header and its payload.
    #[must_use]
    pub fn into_parts(self) -> (Plain, Option<Bytes>) {
        match self {
            Self::Plain(plain) => (plain, None),
            Self::Block(vault, block) => {
                let header = BlockHeader { vault, id: block.id(), size: block.size_log() };
                (Plain::Block(header), Some(block.bytes().clone()))
            }
        }
    }
}

impl From<Plain> for Message {
    fn from(plain: Plain) -> Self {
        Self::Plain(plain)
    }
}
