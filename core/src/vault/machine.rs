//! The vault machine: takes inputs in, hands each to the part that owns it, and lets every part that can go on go on.

use std::collections::VecDeque;
use std::sync::Arc;

use thiserror::Error;

use super::amend::Amending;
use super::chunk::ChunkKey;
use super::command::{Command, CommandError, New, Reply, Stats};
use super::commit::{Commit, Phase};
use super::fetch::{Arrived, Failed};
use super::index::ChunkIndex;
use super::job::{JobId, Outcome};
use super::keys::{Keyring, KeyringError};
use super::merge::Merging;
use super::news::News;
use super::outbox::{JobFor, KeepFor, Outbox};
use super::put::{Staged, Writing};
use super::reader::Reader;
use super::seal::SealKey;
use super::share::Shares;
use super::tree::{BlockWalk, Edit, Node, Path};
use super::view::View;
use super::{Alarm, CommandId, Input, KeepId, Note, Output, notes};
use crate::copies::Copies;
use crate::id::{BlockId, PeerId, RecordId, VaultId};
use crate::identity::{Identity, Seed};
use crate::limits::TAB_PLACE_WINDOW;
use crate::map::Map;
use crate::message::Denial;
use crate::record::{Chain, ChainError, Head, Locate, Record, RecordError};
use crate::time::{Clock, Deadline, Time};

/// The command number behind which the vault itself waits for pages, to merge heads.
pub(super) const MERGING: CommandId = CommandId(u64::MAX);

/// What a vault starts from.
pub struct Opening {
    /// The device's seed.
    pub seed: Seed,
    /// All durable notes of the device.
    pub notes: Vec<(Vec<u8>, Vec<u8>)>,
    /// Fresh entropy.
    pub entropy: [u8; 32],
}

/// A vault cannot be opened from these notes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no certificate 0.
    #[error("no vault is set up here")]
    NoVault,
    /// A note is not what it should be.
    #[error("the device's notes are damaged")]
    Note(#[from] RecordError),
    /// The certificates do not follow one another.
    #[error("the device's certificates do not stand: {0}")]
    Chain(#[from] ChainError),
    /// The device is no reader of the vault, or its keys do not open.
    #[error(transparent)]
    Key(#[from] KeyringError),
}

/// One open vault on one device.
pub struct Vault {
    pub(super) clock: Clock,
    pub(super) out: Outbox,
    pub(super) identity: Identity,
    pub(super) entropy: [u8; 32],
    pub(super) chain: Chain,
    pub(super) keyring: Keyring,
    pub(super) locate: Option<Locate>,
    pub(super) view: View,
    pub(super) reader: Reader,
    pub(super) writing: Writing,
    /// The heads' trees on their way to being one.
    pub(super) merging: Option<Merging>,
    /// Commands that wait for pages or for the merged tree.
    pub(super) waiting: Map<CommandId, Command>,
    /// Walks over everything that is live, for commands that need it.
    pub(super) live_walks: Map<CommandId, (BlockWalk, Vec<BlockId>)>,
    pub(super) commit: Option<Commit>,
    pub(super) commits: VecDeque<Commit>,
    /// What the share or withdrawal under way will be answered with.
    pub(super) answer: Option<Reply>,
    pub(super) shares: Shares,
    /// Links made since the vault was opened: no two of them come from the same circumstances.
    pub(super) shared: u64,
    pub(super) amending: Amending,
    /// Whether as many carriers as it takes are known to have this device's newest head.
    pub(super) shown: bool,
    pub(super) news: News,
}

impl Vault {
    /// Opens a vault from its device's notes.
    ///
    /// # Errors
    /// [`OpenError`] when the notes hold no vault that this device can open.
    pub fn open(now: Time, opening: Opening) -> Result<Self, OpenError> {
        let identity = Identity::from_seed(&opening.seed);
        let mut certificates = Map::new();
        let mut heads = Vec::new();
        let mut index = ChunkIndex::default();
        let mut locate = None;
        let mut shares = Shares::default();
        for (key, value) in opening.notes {
            match key.first() {
                Some(&notes::SEGMENT) => index.load(notes::number(&key).unwrap_or(0), &value),
                Some(&(notes::CERTIFICATE | notes::HEAD | notes::LOCATE | notes::SHARE)) => match Record::decode(value.into())? {
                    Record::Certificate(certificate) => {
                        certificates.insert(certificate.number, certificate);
                    }
                    Record::Head(head) => heads.push(head),
                    Record::Locate(record) => locate = Some(record),
                    Record::Share(share) => shares.adopt(share),
                },
                _ => {}
            }
        }
        let mut certificates = certificates.into_values();
        let mut chain = Chain::start(certificates.next().ok_or(OpenError::NoVault)?)?;
        for certificate in certificates {
            chain.extend(certificate)?;
        }
        let keyring = Keyring::open(&chain, &identity)?;
        let mut view = View::default();
        heads.into_iter().for_each(|head| view.load(&chain, head));
        let mut out = Outbox::default();
        out.push(Output::Follow(chain.clone()));
        let writing = Writing::new(ChunkKey::new(*keyring.chunk_key()), seal_key(&keyring), index);
        let mut clock = Clock::default();
        clock.advance(now);
        let mut vault = Self {
            clock,
            out,
            identity,
            entropy: opening.entropy,
            chain,
            keyring,
            locate,
            view,
            reader: Reader::default(),
            writing,
            merging: None,
            waiting: Map::new(),
            live_walks: Map::new(),
            commit: None,
            commits: VecDeque::new(),
            answer: None,
            shares,
            shared: 0,
            amending: Amending::default(),
            shown: false,
            news: News::default(),
        };
        vault.merge();
        Ok(vault)
    }

    /// Has less under way at once, as befits a tab.
    #[must_use]
    pub fn in_tab(mut self) -> Self {
        self.writing.window = TAB_PLACE_WINDOW;
        self.reader.narrow();
        self
    }

    /// Takes one input in; see the contract of every machine in the crate's documentation.
    pub fn handle(&mut self, now: Time, input: Input) {
        self.clock.advance(now);
        match input {
            Input::Command(id, command) => self.command(id, command),
            Input::Bytes(id, bytes) => self.writing.bytes(id, bytes, &mut self.out),
            Input::End(id) => self.writing.end(id, &mut self.out),
            Input::Pull(id, bytes) => {
                if self.reader.pull(id, bytes) {
                    self.read_on(id);
                } else if self.waiting.contains_key(&id) {
                    self.reader.pull_ahead(id, bytes);
                }
            }
            Input::Cancel(id) => self.cancel(id),
            Input::Done(id, outcome) => self.done(id, outcome),
            Input::Kept(id, kept) => self.kept(id, kept),
            Input::Placed(id, copies) => self.writing.copies(id, copies),
            Input::Settled(id, copies) => self.writing.settled(id, copies, &mut self.out),
            Input::Lost(id) => self.writing.lost(id, &mut self.out),
            Input::Got(block) => self.reader.fetch.got(block, &mut self.out),
            Input::Unavailable(id) => {
                let arrived = self.reader.fetch.unavailable(id);
                self.arrived(arrived);
            }
            Input::Published(id, copies) => self.published(id, copies),
            Input::Unpublished(id, refusal) => self.unpublished(id, refusal),
            Input::Records(_, records) => self.records(records),
            Input::Refreshed(answered, of) => self.news.asked_all(answered, of, &mut self.out),
            Input::Tick => {}
        }
        self.commit_on();
        self.writing.invite(&mut self.out);
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.poll()
    }

    /// Returns when to call again: never, a vault waits for answers only.
    #[must_use]
    pub const fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// Returns the vault's id.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.chain.vault()
    }

    /// Returns the vault's certificates.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Returns this device's id.
    #[must_use]
    pub fn device(&self) -> PeerId {
        self.identity.peer()
    }

    /// Returns what was written since the last commit.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.writing.stats
    }

    /// Returns bytes of blocks that are sealed or being sealed and may still get further copies.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.writing.in_flight()
    }

    /// Returns what the device must have kept to open the vault as it is now, for a device that lost it while the vault was open. What it can
    /// find again is not among it.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        let keep = |key, bytes: &[u8]| (key, Some(bytes.to_vec()));
        let certificates = self.chain.certificates().iter().map(|one| keep(notes::certificate_key(one.number), one.bytes()));
        let heads = self.view.heads().map(|head| keep(notes::head_key(&head.device), head.bytes()));
        certificates.chain(heads).chain(self.locate.iter().map(|locate| keep(notes::locate_key(), locate.bytes()))).collect()
    }

    /// Returns how many blocks those are that are sealed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.writing.waiting()
    }

    /// Returns the fewest copies of any block that still gets some, as far as any holder has answered.
    #[must_use]
    pub fn fewest(&self) -> Option<Copies> {
        self.writing.fewest()
    }

    /// Returns the newest head of every device that this one has seen.
    pub fn heads(&self) -> impl Iterator<Item = &Head> {
        self.view.heads()
    }

    /// Returns everything that an honest vault never shows, as far as this process was shown it.
    #[must_use]
    pub fn alarms(&self) -> &[Alarm] {
        self.news.alarms()
    }

    fn command(&mut self, id: CommandId, command: Command) {
        match command {
            Command::Put(path, New::File(meta)) => {
                self.writing.begin(id, path.clone(), meta);
                self.waiting.insert(id, Command::Put(path, New::File(meta)));
                self.look(id);
            }
            Command::Put(path, New::Dir(meta)) => self.stage(id, path, Staged::Edit(Edit::Directory(meta))),
            Command::Put(path, New::Symlink(meta, target)) => {
                self.stage(id, path, Staged::Edit(Edit::Put(Node::Symlink { meta, target })));
            }
            Command::Commit(message) => self.begin(Commit::new(id, message)),
            Command::Spread => self.begin(Commit::spread(id)),
            Command::Refresh => self.news.refresh(id, &mut self.out),
            Command::Amend(change) => self.amend(id, change),
            Command::Share(path) => self.begin(Commit::share(id, path)),
            Command::Withdraw(share) => self.begin(Commit::withdraw(id, share)),
            Command::Shares => {
                let listed = self.listed_shares();
                self.out.reply(id, Ok(Reply::Shares(listed)));
            }
            command => {
                self.waiting.insert(id, command);
                self.look(id);
            }
        }
    }

    fn begin(&mut self, commit: Commit) {
        let id = commit.command;
        self.commits.push_back(commit);
        self.look(id);
    }

    /// Walks the merged tree for a command; works it out again first where that failed before.
    fn look(&mut self, id: CommandId) {
        if self.view.merged().is_some() { self.walk(id) } else { self.merge() }
    }

    pub(super) fn stage(&mut self, id: CommandId, path: Path, staged: Staged) {
        self.writing.staged.insert(path, staged);
        self.out.reply(id, Ok(Reply::Staged { len: 0, new: 0 }));
    }

    /// Ends a command that the application no longer wants, if it is not done yet. A certificate that is signed goes its way.
    fn cancel(&mut self, id: CommandId) {
        if self.commit.as_ref().is_some_and(|commit| commit.command == id) {
            return self.fail_commit(CommandError::Cancelled);
        }
        // What is staged waits for the next commit: puts are not this one's alone.
        let queued = self.commits.len();
        self.commits.retain(|commit| commit.command != id);
        let queued = self.commits.len() < queued;
        let asking = self.amending.cancel(id) | self.news.cancel(id);
        if queued | asking | self.writing.cancel(id) | self.waiting.remove(&id).is_some() | self.let_go(id) {
            self.out.reply(id, Err(CommandError::Cancelled));
        }
    }

    /// Lets go of everything that is read and fetched for a command; says whether that was reading a file.
    pub(super) fn let_go(&mut self, id: CommandId) -> bool {
        self.live_walks.remove(&id);
        self.reader.end(id, &mut self.out)
    }

    fn done(&mut self, id: JobId, outcome: Outcome) {
        match (self.out.finish_job(id), outcome) {
            (Some(JobFor::Seal(pack)), Outcome::Sealed(Ok((block, key)))) => self.writing.sealed(pack, block, key, &mut self.out),
            (Some(JobFor::Seal(_)), Outcome::Sealed(Err(_))) => self.writing.unsealed(),
            (Some(JobFor::Open(block)), Outcome::Opened(pack)) => {
                let arrived = self.reader.opened(block, pack);
                self.arrived(arrived);
            }
            _ => {}
        }
    }

    fn kept(&mut self, id: KeepId, kept: bool) {
        match self.out.finish_keep(id) {
            Some(KeepFor::Head(head)) => self.head_kept(head, kept),
            Some(KeepFor::Share(share)) => self.share_kept(share, kept),
            Some(KeepFor::Floor) => self.floor_kept(id, kept),
            Some(KeepFor::Certificate) => self.certificate_kept(kept),
            Some(KeepFor::Journal) | None => {}
        }
    }

    /// A block arrived or cannot be had: whoever waited for it goes on or fails.
    fn arrived(&mut self, arrived: Option<Arrived>) {
        let Some(Arrived { waiting, result }) = arrived else { return };
        for id in waiting {
            match &result {
                Ok(()) if self.reader.is_reading(id) => self.read_on(id),
                Ok(()) if self.reader.fetch.waits(id) => {}
                Ok(()) if id == MERGING => self.merge(),
                Ok(()) => self.walk(id),
                Err(failed) => self.fail(id, failed.clone().into()),
            }
        }
    }

    /// Ends whatever has this number with an error.
    pub(super) fn fail(&mut self, id: CommandId, error: CommandError) {
        let was_reading = self.let_go(id);
        if id == MERGING {
            for id in self.waiting.keys().copied().collect::<Vec<_>>() {
                self.fail(id, error.clone());
            }
            self.fail_commits(&error);
        } else if self.commit.as_ref().is_some_and(|commit| commit.command == id) {
            self.fail_commit(error);
        } else if let Some(Command::Put(..)) = self.waiting.get(&id) {
            // What stands in its place cannot be read: the put goes on, and sends again what is there perhaps.
            self.waiting.remove(&id);
            self.writing.learn(id, &[]);
        } else if was_reading | self.waiting.remove(&id).is_some() {
            self.out.reply(id, Err(error));
        }
    }

    pub(super) fn read_on(&mut self, id: CommandId) {
        match self.reader.read_on(id, &mut self.out) {
            Some(Err(error)) => self.fail(id, error),
            Some(reply) => self.out.reply(id, reply),
            None => {}
        }
    }

    fn published(&mut self, id: RecordId, copies: Copies) {
        if copies.is_safe() && self.view.head(&self.device()).is_some_and(|head| head.id() == id) {
            self.shown = true;
        }
        self.certificate_published(id, copies);
        if let Some(Commit { phase: Phase::Publishing(record, outcome) | Phase::Settling(record, outcome), .. }) = &mut self.commit
            && *record == id
        {
            outcome.head = Some(copies);
            outcome.missed = outcome.missed.min(copies.wanted.saturating_sub(copies.durable));
        }
    }

    /// A carrier did not take a record. When so many never will that most cannot have it, nobody waits any longer.
    fn unpublished(&mut self, id: RecordId, refusal: Option<Denial>) {
        self.certificate_refused(id, refusal);
        let carriers = self.chain.tip().carriers.len();
        let Some(Commit { phase, .. }) = &mut self.commit else { return };
        let is_safe = matches!(phase, Phase::Settling(..));
        if let Phase::Publishing(record, outcome) | Phase::Settling(record, outcome) = phase
            && *record == id
        {
            outcome.missed = outcome.missed.saturating_add(1);
            outcome.refused += usize::from(refusal.is_some());
            if let Some(denial) = refusal.filter(|_| !is_safe && is_hopeless(outcome.refused, carriers)) {
                self.fail_commit(CommandError::Refused(denial));
            }
        }
    }
}

/// Says whether so many of a vault's carriers refused a record that most of them will never have it.
pub(super) const fn is_hopeless(refused: usize, carriers: usize) -> bool {
    refused * 2 >= carriers
}

pub(super) fn seal_key(keyring: &Keyring) -> Arc<SealKey> {
    Arc::new(SealKey::new(*keyring.current().seal_key()))
}

impl From<Failed> for CommandError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unavailable(id) => Self::Unavailable(vec![id]),
            Failed::Damaged(error) => Self::Damaged(error.to_string()),
        }
    }
}
