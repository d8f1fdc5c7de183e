//! Files to sealed blocks and back: the only layer that holds keys, and the only one that knows no peer.
//!
//! ```text
//!  application --Command, bytes--> +-------+ --Place, Confirm, Need, Publish--> node
//!              <--Reply, bytes---- | vault | <--Placed, Lost, Got, Records----
//!                                  +-------+ --Job--> a thread  --Keep--> durable notes
//! ```
//!
//! A put cuts a file's bytes into chunks ([`chunk`]), lays them end to end into packs ([`pack`]), has full packs sealed into blocks
//! ([`seal`]) and the blocks placed. What was put is *staged* until a [`Command::Commit`] writes the changed tree pages ([`tree`]) and a
//! snapshot behind them, waits until every block of it is safe, and only then publishes the device's next head. A read walks the
//! tree of the merged heads through a bounded cache of opened packs and asks for a window of blocks ahead of its reader.
//!
//! Nothing moves uninvited: the vault asks for file bytes with [`Output::More`], gives reply bytes only as far as [`Input::Pull`] allows, and
//! seals nothing while [`PLACE_WINDOW`](crate::limits::PLACE_WINDOW) bytes wait for their copies.

pub mod chunk;
pub mod compress;
pub mod job;
pub mod keys;
pub mod pack;
pub mod reference;
pub mod seal;
pub mod share;
pub mod shared;
#[cfg(test)]
mod testing;
pub mod tree;
#[cfg(test)]
mod vectors;

mod amend;
mod build;
mod command;
mod commit;
mod fetch;
mod index;
mod machine;
mod merge;
mod news;
pub mod notes;
mod opened;
mod outbox;
mod overlay;
mod put;
mod read;
mod reader;
mod view;
mod walks;

pub use command::{Change, Command, CommandError, Committed, Listed, ListedShare, New, Reply, Stats};
pub use machine::{OpenError, Opening, Vault};
pub use share::{ShareContents, SharedKind};
pub use shared::{LinkError, Shared};

use bytes::Bytes;

use crate::block::Block;
use crate::copies::Copies;
use crate::id::{BlockId, PeerId, RecordId};
use crate::message::Denial;
use crate::record::{Chain, Record};
use job::{Job, JobId, Outcome};

/// The number by which replies and bytes find their command, given by the application, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// The number by which [`Input::Kept`] finds its notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeepId(pub u64);

/// A durable note of the device: a key and its new value, or `None` to erase it. Values hold secrets only in sealed form.
pub type Note = (Vec<u8>, Option<Vec<u8>>);

/// What happens to a vault.
#[derive(Debug)]
pub enum Input {
    /// The application wants something.
    Command(CommandId, Command),
    /// Bytes of a file that is being put, as invited by [`Output::More`].
    Bytes(CommandId, Bytes),
    /// The file ends here.
    End(CommandId),
    /// The application takes this many more bytes of a read.
    Pull(CommandId, usize),
    /// The application no longer wants what a command does; one that is done already is not undone. What is staged for a commit that has
    /// not begun waits for the next one.
    Cancel(CommandId),
    /// A job is done.
    Done(JobId, Outcome),
    /// Notes are kept (durably, if that was asked); `false`: the disk failed.
    Kept(KeepId, bool),
    /// A block has a further durable copy.
    Placed(BlockId, Copies),
    /// Nothing more happens to a block that was placed or confirmed.
    Settled(BlockId, Copies),
    /// A confirmed block is nowhere.
    Lost(BlockId),
    /// A needed block.
    Got(Block),
    /// A needed block cannot be had now.
    Unavailable(BlockId),
    /// A record is durable on a further carrier.
    Published(RecordId, Copies),
    /// A carrier did not take a record; why it never will, if it is known that it never will.
    Unpublished(RecordId, Option<Denial>),
    /// Records that a carrier holds.
    Records(PeerId, Vec<Record>),
    /// All carriers have been asked for records: so many of so many answered.
    Refreshed(usize, usize),
    /// Time passed.
    Tick,
}

/// What a vault wants done.
#[derive(Debug)]
pub enum Output {
    /// Bring a block to its holders.
    Place(Block),
    /// Make sure that old blocks still have their copies.
    Confirm(Vec<BlockId>),
    /// Fetch blocks.
    Need(Vec<BlockId>),
    /// Fetch blocks of the tree, which other commands are likely to need again.
    NeedAgain(Vec<BlockId>),
    /// Keep a block of the tree that was just written: whoever wrote it is likely to read it.
    Cache(Block),
    /// Fetch them no longer.
    Forget(Vec<BlockId>),
    /// Bring a record to all carriers.
    Publish(Record),
    /// Ask all carriers for the vault's records.
    Refresh,
    /// Work with the carriers of this chain's tip.
    Follow(Chain),
    /// Heavy work for a thread; ends in [`Input::Done`].
    Job(JobId, Job),
    /// Keep notes; durable when the flag says so. Ends in [`Input::Kept`].
    Keep(KeepId, Vec<Note>, bool),
    /// This many more bytes of a file are welcome.
    More(CommandId, usize),
    /// Bytes of a read, in order.
    Bytes(CommandId, Bytes),
    /// A command is done.
    Reply(CommandId, Result<Reply, CommandError>),
    /// A device's records contradict one another: kept as evidence, to be shown to people.
    Alarm(Alarm),
}

/// Something that an honest vault never shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// A device signed two histories: it was cloned, restored from an old copy, or its key was stolen.
    #[error("device {0} wrote two histories: it was cloned, restored from an old copy, or somebody else has its key")]
    Fork(PeerId),
    /// The vault's certificates part into branches.
    #[error(
        "two certificates of the vault follow the same one; this device goes by one of them, and what the other changed does not count"
    )]
    CertificateFork,
    /// A head accepts suites that were given up before.
    #[error("device {device} accepts cipher suite {served} again, {seen} was the least before; what it wrote since is not shown")]
    Downgrade {
        /// The device.
        device: PeerId,
        /// The highest floor seen.
        seen: u8,
        /// The one served.
        served: u8,
    },
}

#[cfg(test)]
mod tests;
