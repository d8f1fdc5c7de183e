//! What an application can ask of a vault, and what it gets.

use thiserror::Error;

use super::fetch::Thrashing;
use super::keys::AuthorityError;
use super::share::SharedKind;
use super::shared::LinkError;
use super::tree::{EditError, Entry, Meta, Name, Node, Path, WalkError, WriteError};
use crate::copies::Copies;
use crate::id::{BlockId, ShareId};
use crate::message::Denial;
use crate::record::{Carrier, Policy};
use crate::share_link::ShareLink;
use crate::time::Time;

/// A wish of the application.
#[derive(Debug, Clone)]
pub enum Command {
    /// Puts a file, folder or symlink; a file's bytes follow as [`super::Output::More`] invites them. Staged until the next commit.
    Put(Path, New),
    /// Removes a file, or a folder with everything in it. Staged.
    Remove(Path),
    /// Moves a file or folder; what stands at the target must not exist. Staged.
    Move(Path, Path),
    /// Makes everything that is staged the vault's next snapshot. Replied to when it is safe and the head that says so is published. When it
    /// fails, everything that is put or staged by then goes with it, and the commits that wait for it fail too.
    Commit(String),
    /// Reads a file from an offset, to its end or so many bytes.
    Read {
        /// The file.
        path: Path,
        /// The first byte.
        from: u64,
        /// How many bytes; to the end if `None`. Beyond the end is cut off.
        len: Option<u64>,
    },
    /// Looks one entry up; the empty path is the root folder.
    Stat(Path),
    /// Lists a folder after a name, at most so many entries.
    List {
        /// The folder.
        path: Path,
        /// Only names after this one.
        after: Option<Name>,
        /// At most this many.
        limit: usize,
    },
    /// Names the blocks and chunks of a file, from a byte offset on, at most so many chunks.
    Layout {
        /// The file.
        path: Path,
        /// The first byte.
        from: u64,
        /// At most this many chunks.
        limit: usize,
    },
    /// Names every block that the current tree needs.
    Live,
    /// Asks all carriers for newer heads and certificates.
    Refresh,
    /// Signs and publishes a further certificate.
    Amend(Change),
    /// Makes a link to a frozen copy of a file or folder. Replied to when it is safe.
    Share(Path),
    /// Lists the links that last.
    Shares,
    /// Withdraws a link: carriers no longer say where its copy lies.
    Withdraw(ShareId),
    /// Brings every block of the current tree, and the newest records, to the carriers of the current certificate.
    Spread,
}

/// What a put makes.
#[derive(Debug, Clone)]
pub enum New {
    /// A file with these attributes; bytes follow.
    File(Meta),
    /// A folder; one that exists keeps what is in it and takes the attributes.
    Dir(Meta),
    /// A symlink to a target.
    Symlink(Meta, Vec<u8>),
}

/// A change of a vault's certificate.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds a carrier, or replaces what is said of it.
    Carrier(Carrier),
    /// Sets how many copies are wanted.
    Policy(Policy),
}

/// What came of a command.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The put is cut and staged: its length, and how many of its bytes were new to the vault.
    Staged {
        /// Bytes of the file.
        len: u64,
        /// Bytes that no block held before.
        new: u64,
    },
    /// Done.
    Done,
    /// The commit stands.
    Committed(Committed),
    /// The read is complete.
    Read(u64),
    /// An entry.
    Stat(Node),
    /// Entries of a folder, by name; the list is complete when there are fewer than asked for.
    List(Vec<Entry>),
    /// Chunks of a file: offset, length and the blocks that each touches.
    Layout(Vec<Listed>),
    /// All live blocks.
    Live(Vec<BlockId>),
    /// So many of so many carriers answered.
    Refreshed(usize, usize),
    /// The link is made.
    Shared {
        /// The name of the share.
        id: ShareId,
        /// What opens it.
        link: ShareLink,
        /// The fewest copies that anything it leads to has, its record among them.
        copies: Option<Copies>,
    },
    /// The links that last, by the time at which they were made.
    Shares(Vec<ListedShare>),
}

/// A link that lasts.
#[derive(Debug, Clone)]
pub struct ListedShare {
    /// The name of the share.
    pub id: ShareId,
    /// What was shared, where it stood then.
    pub path: Path,
    /// Whether that is a file or a folder.
    pub kind: SharedKind,
    /// Bytes of all files in it.
    pub bytes: u64,
    /// When the link was made, as the device's clock had it.
    pub created: Time,
    /// What opens it.
    pub link: ShareLink,
}

/// One chunk of a file and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its first byte in the file.
    pub start: u64,
    /// Its length.
    pub len: u32,
    /// The one or two blocks that hold it.
    pub blocks: Vec<BlockId>,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The fewest copies that anything it counts on has, and how many are wanted; none for an empty vault.
    pub copies: Option<Copies>,
    /// Whether a head was written; `false` when nothing had changed.
    pub changed: bool,
    /// What was written.
    pub stats: Stats,
}

impl Committed {
    /// Sums up this commit and the one after it.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let fewer = |one: Copies, other: Copies| if other.durable < one.durable { other } else { one };
        let copies = match (self.copies, next.copies) {
            (Some(one), Some(other)) => Some(fewer(one, other)),
            (one, other) => one.or(other),
        };
        let stats = Stats {
            bytes: self.stats.bytes + next.stats.bytes,
            new_bytes: self.stats.new_bytes + next.stats.new_bytes,
            blocks: self.stats.blocks + next.stats.blocks,
            block_bytes: self.stats.block_bytes + next.stats.block_bytes,
            reused: self.stats.reused + next.stats.reused,
        };
        Self { copies, changed: self.changed || next.changed, stats }
    }
}

/// What a put or commit moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes of chunks that were new.
    pub new_bytes: u64,
    /// Blocks that were sealed.
    pub blocks: u64,
    /// Their bytes: what one copy takes.
    pub block_bytes: u64,
    /// Old blocks that were counted on again.
    pub reused: u64,
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Nothing is there.
    #[error("{0} does not exist")]
    NotFound(String),
    /// It is no folder.
    #[error("{0} is not a folder")]
    NotADirectory(String),
    /// It is no file.
    #[error("{0} is not a file")]
    NotAFile(String),
    /// Something is there already.
    #[error("{0} exists already")]
    Exists(String),
    /// A folder cannot be moved into itself.
    #[error("{0} cannot be moved into itself")]
    IntoItself(String),
    /// Blocks are needed that nobody has at the moment.
    #[error("{} on no node that can be reached", parts(.0.len()))]
    Unavailable(Vec<BlockId>),
    /// A block that was counted on is gone from all its holders; running the put again sends its content anew.
    #[error("a copy that was counted on is gone; run the put again")]
    Lost(BlockId),
    /// So many nodes refused something new that it cannot be safe; nothing was changed.
    #[error("not safe: {} of {} copies, and no other node takes one", .0.durable, .0.wanted)]
    NotSafe(Copies),
    /// What was opened is not what was written.
    #[error("damaged: {0}")]
    Damaged(String),
    /// A newer release wrote it.
    #[error("written by a newer release (object kind {0}); update to read it")]
    Newer(u8),
    /// A newer release wrote something into the folder that would be rewritten.
    #[error("{0} holds an entry that a newer release wrote; update to change it")]
    NewerThere(String),
    /// The pages that it takes to get on do not fit the cache together.
    #[error("the folders on the way do not fit the {} MiB that are kept of them in memory", crate::limits::PAGE_CACHE >> 20)]
    CacheTooSmall,
    /// The device's own disk failed.
    #[error("this device's disk failed while keeping notes")]
    NotKept,
    /// The device has no right to do that in this vault.
    #[error("this device cannot do that: {0}")]
    NoRight(String),
    /// So many nodes refused what this device signed that it counts for nothing.
    #[error("the nodes do not take what this device signed: {0}")]
    Refused(Denial),
    /// The vault lives on this machine only, where no link leads.
    #[error("no link leads to this vault: it has no node yet")]
    NoCarriers,
    /// A link leads nowhere.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The keys to open it are not here.
    #[error("this device holds no key that opens it")]
    NoKey,
    /// The application cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// A block could not be sealed: memory or processor gave wrong results twice.
    #[error("sealing failed its self-check: this machine's memory or processor is not reliable")]
    SelfCheck,
}

/// Counts needed blocks in words.
fn parts(count: usize) -> String {
    if count == 1 { "a part that is needed is".to_owned() } else { format!("{count} parts that are needed are") }
}

impl From<WalkError> for CommandError {
    fn from(error: WalkError) -> Self {
        match error {
            WalkError::Missing(keys) => Self::Unavailable(keys.iter().map(|key| key.id).collect()),
            WalkError::NotFound { path } => Self::NotFound(path.to_string()),
            WalkError::NotADirectory { path } => Self::NotADirectory(path.to_string()),
            WalkError::NotAFile => Self::NotAFile("it".into()),
            WalkError::Unknown { kind, .. } => Self::Newer(kind),
            WalkError::Damaged(what) => Self::Damaged(what.into()),
        }
    }
}

impl From<EditError> for CommandError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Walk(error) => error.into(),
            EditError::Write(WriteError::Seal(_)) => Self::SelfCheck,
            EditError::Write(error) => Self::Damaged(error.to_string()),
            EditError::Unknown(path) => Self::NewerThere(path.to_string()),
        }
    }
}

impl From<Thrashing> for CommandError {
    fn from(_: Thrashing) -> Self {
        Self::CacheTooSmall
    }
}

impl From<AuthorityError> for CommandError {
    fn from(error: AuthorityError) -> Self {
        Self::NoRight(error.to_string())
    }
}
