//! From staged changes to a published head: the one order in which nothing is ever promised too early.
//!
//! ```text
//!  Draining --full packs are sealed---> Building --tree written--> Placing --every block safe--> Keeping
//!                                                                                                   |
//!      reply <--nothing more happens-- Settling <--head safe-- Publishing <--head durable here-----+
//! ```
//!
//! A head is signed only when every block that it counts on is safe, kept here before anybody else sees it, and published after
//! that. A commit takes what is staged when it begins to build: a put that is not cut to its end then waits for it, and is in a later one.
//! A spread (old blocks to new carriers) takes the same road from `Placing` on with the heads that stand, and so does a share with
//! its record; a withdrawal begins where a record is kept.

use super::build::{Build, Built};
use super::command::{CommandError, Committed, Reply};
use super::keys::{self, Keyring};
use super::machine::Vault;
use super::outbox::KeepFor;
use super::reader::Refused;
use super::reference::{Reference, Resolved};
use super::share::Sharing;
use super::tree::{EditError, Path, WalkError};
use super::{CommandId, Output, notes};
use crate::codec;
use crate::copies::Copies;
use crate::id::{RecordId, ShareId};
use crate::record::{Chain, Head, Record, Share};
use crate::share_link::ShareLink;

/// A commit, spread, share or withdrawal under way.
pub(super) struct Commit {
    pub(super) command: CommandId,
    pub(super) message: String,
    /// Whether it takes what is staged, so that this goes with it when it fails.
    pub(super) takes_staged: bool,
    pub(super) phase: Phase,
}

/// How far it is.
pub(super) enum Phase {
    /// Packs are being sealed.
    Draining,
    /// The tree is being written; waits for old pages.
    Building(Box<Build>),
    /// The tree of a spread is being walked; waits for pages.
    Walking,
    /// Blocks wait for their copies.
    Placing(Next),
    /// What is to be shared waits for the merged tree.
    Looking(Path),
    /// It is being copied; waits for old pages and content.
    Sharing(Box<Sharing>),
    /// A share is to be withdrawn.
    Withdrawing(ShareId),
    /// A share record is being written down here.
    KeepingShare(Box<Share>),
    /// The head is being written down here.
    Keeping(Box<Written>),
    /// A head waits for its copies.
    Publishing(RecordId, Outcome),
    /// Blocks and heads are safe; copies beyond that are still on their way.
    Settling(RecordId, Outcome),
}

/// What follows when every block is safe.
pub(super) enum Next {
    /// A new head for this snapshot.
    Head(Box<Built>),
    /// The heads that stand, for carriers that do not have them.
    Same,
    /// Nothing: no change was made.
    Nothing,
    /// The record of a share, and its link.
    Share(Box<(Share, ShareLink)>),
}

/// A signed head and what it stands for.
pub(super) struct Written {
    head: Head,
    built: Built,
}

/// What will be replied.
#[derive(Clone, Copy)]
pub(super) struct Outcome {
    changed: bool,
    /// Copies of the head.
    pub(super) head: Option<Copies>,
    /// Carriers that could not take the head now.
    pub(super) missed: u8,
    /// Those of them that never will.
    pub(super) refused: usize,
}

impl Outcome {
    pub(super) const fn new(changed: bool) -> Self {
        Self { changed, head: None, missed: 0, refused: 0 }
    }

    /// Says whether nothing more is heard of the head: every carrier has it, or could not take it.
    const fn is_settled(&self) -> bool {
        match self.head {
            Some(copies) => copies.durable.saturating_add(self.missed) >= copies.wanted,
            None => true,
        }
    }
}

/// What a phase came to.
enum Step {
    /// The next phase, to be tried at once.
    On(Phase),
    /// This phase still, until something happens.
    Wait(Phase),
    /// The end.
    Over(Outcome),
}

impl Commit {
    pub(super) fn new(command: CommandId, message: String) -> Self {
        Self { command, message, takes_staged: true, phase: Phase::Draining }
    }

    pub(super) fn spread(command: CommandId) -> Self {
        Self::beside(command, Phase::Walking)
    }

    pub(super) fn share(command: CommandId, path: Path) -> Self {
        Self::beside(command, Phase::Looking(path))
    }

    pub(super) fn withdraw(command: CommandId, share: ShareId) -> Self {
        Self::beside(command, Phase::Withdrawing(share))
    }

    /// Starts what takes nothing of what is staged.
    const fn beside(command: CommandId, phase: Phase) -> Self {
        Self { command, message: String::new(), takes_staged: false, phase }
    }
}

impl Vault {
    /// Goes on with the commit under way, and begins the next one, as far as possible.
    pub(super) fn commit_on(&mut self) {
        while let Some(Commit { command, message, takes_staged, phase }) = self.commit.take().or_else(|| self.commits.pop_front()) {
            self.commit = Some(Commit { command, message: String::new(), takes_staged, phase: Phase::Walking });
            if let Some(lost) = self.writing.lost_block() {
                self.fail_commit(CommandError::Lost(lost));
                continue;
            }
            if self.writing.is_broken() {
                self.fail_commit(CommandError::SelfCheck);
                continue;
            }
            if let Some(copies) = self.writing.refused() {
                self.fail_commit(CommandError::NotSafe(copies));
                continue;
            }
            match self.step(command, &message, phase) {
                Ok(Step::On(phase)) => self.commit = Some(Commit { command, message, takes_staged, phase }),
                Ok(Step::Wait(phase)) => {
                    self.commit = Some(Commit { command, message, takes_staged, phase });
                    return;
                }
                Ok(Step::Over(outcome)) => {
                    self.commit = None;
                    self.reader.fetch.got_on(command);
                    let copies = fewest(self.writing.worst(), outcome.head);
                    // What was sealed for puts beside it leaves its flight with it.
                    self.writing.journal(&mut self.out);
                    let stats = self.writing.reset();
                    let committed = Reply::Committed(Committed { copies, changed: outcome.changed, stats });
                    let reply = match self.answer.take() {
                        Some(Reply::Shared { id, link, .. }) => Reply::Shared { id, link, copies },
                        answer => answer.unwrap_or(committed),
                    };
                    self.out.reply(command, Ok(reply));
                }
                Err(error) => self.fail_commit(error),
            }
        }
    }

    fn step(&mut self, command: CommandId, message: &str, phase: Phase) -> Result<Step, CommandError> {
        if self.reader.fetch.waits(command) {
            return Ok(Step::Wait(phase));
        }
        Ok(match phase {
            Phase::Draining => match self.view.merged() {
                Some(merged) => {
                    // Beside a put that goes on and on, not everything would ever be sealed, nor safe.
                    self.writing.paused = true;
                    if self.writing.is_sealed() {
                        Step::On(Phase::Building(Box::new(Build::new(merged.clone(), std::mem::take(&mut self.writing.staged)))))
                    } else {
                        Step::Wait(Phase::Draining)
                    }
                }
                None => Step::Wait(Phase::Draining),
            },
            Phase::Building(mut build) => {
                let steps = build.steps();
                let built = build.advance(&self.reader.pages, &mut self.writing, message, self.clock.now(), &self.identity);
                if build.steps() != steps {
                    self.reader.fetch.got_on(command);
                }
                match built {
                    Ok(built) => {
                        if built.is_some() || self.writing.is_putting() {
                            self.writing.place_tree(&mut self.out);
                        }
                        Step::On(Phase::Placing(built.map_or(Next::Nothing, |built| Next::Head(Box::new(built)))))
                    }
                    Err(EditError::Walk(WalkError::Missing(keys))) => {
                        self.reader.fetch.want_pages(command, &keys, &mut self.out)?;
                        Step::Wait(Phase::Building(build))
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Phase::Walking if self.view.merged().is_none() => Step::Wait(Phase::Walking),
            Phase::Walking => match self.live(command) {
                Ok(live) => {
                    self.writing.confirm(live, &mut self.out);
                    Step::On(Phase::Placing(Next::Same))
                }
                Err(Refused::Walk(WalkError::Missing(keys))) => {
                    self.reader.fetch.want_pages(command, &keys, &mut self.out)?;
                    Step::Wait(Phase::Walking)
                }
                Err(Refused::Walk(error)) => return Err(error.into()),
                Err(Refused::Command(error)) => return Err(error),
            },
            Phase::Looking(path) if self.view.merged().is_none() => Step::Wait(Phase::Looking(path)),
            Phase::Looking(path) => match self.begin_sharing(&path) {
                Ok(sharing) => Step::On(Phase::Sharing(Box::new(sharing))),
                Err(Refused::Walk(WalkError::Missing(keys))) => {
                    self.reader.fetch.want_pages(command, &keys, &mut self.out)?;
                    Step::Wait(Phase::Looking(path))
                }
                Err(Refused::Walk(error)) => return Err(error.into()),
                Err(Refused::Command(error)) => return Err(error),
            },
            Phase::Sharing(mut sharing) => match self.share_on(command, &mut sharing)? {
                Some(made) => {
                    self.writing.paused = true;
                    Step::On(Phase::Placing(Next::Share(Box::new(made))))
                }
                None => Step::Wait(Phase::Sharing(sharing)),
            },
            Phase::Withdrawing(share) => {
                let record = self.withdrawal(&share)?;
                self.writing.paused = true;
                Step::Wait(self.keep_share(record, None))
            }
            Phase::KeepingShare(share) => Step::Wait(Phase::KeepingShare(share)),
            Phase::Placing(next) if !self.writing.is_safe() => Step::Wait(Phase::Placing(next)),
            Phase::Placing(Next::Head(built)) => {
                self.writing.journal(&mut self.out);
                Step::Wait(self.sign(*built)?)
            }
            Phase::Placing(Next::Share(share)) => {
                let (record, link) = *share;
                Step::Wait(self.keep_share(record, Some(link)))
            }
            Phase::Placing(Next::Same) => match self.publish_heads() {
                Some(head) => Step::On(Phase::Publishing(head, Outcome::new(false))),
                None => Step::Over(Outcome::new(false)),
            },
            Phase::Placing(Next::Nothing) => match self.view.head(&self.device()).filter(|_| !self.shown) {
                // This device died between keeping its head and showing it: what stands is safe only when others have the head.
                Some(head) => {
                    let head = head.clone();
                    let id = head.id();
                    self.out.push(Output::Publish(Record::Head(head)));
                    Step::On(Phase::Publishing(id, Outcome::new(false)))
                }
                None => Step::On(Phase::Settling(RecordId([0; 32]), Outcome::new(false))),
            },
            Phase::Keeping(written) => Step::Wait(Phase::Keeping(written)),
            Phase::Publishing(head, outcome) if outcome.head.is_some_and(|copies| copies.is_safe()) => {
                Step::On(Phase::Settling(head, outcome))
            }
            Phase::Publishing(head, outcome) => Step::Wait(Phase::Publishing(head, outcome)),
            Phase::Settling(_, outcome) if self.writing.is_settled() && outcome.is_settled() => Step::Over(outcome),
            Phase::Settling(head, outcome) => Step::Wait(Phase::Settling(head, outcome)),
        })
    }

    /// Signs the head of a snapshot whose blocks are all safe, and writes it down here before anybody else sees it.
    fn sign(&mut self, built: Built) -> Result<Phase, CommandError> {
        let me = self.device();
        let before = self.view.head(&me).map(|head| (head.sequence, head.id()));
        let vector = built.vector.iter().map(|(device, sequence)| (*device, *sequence)).filter(|(device, _)| *device != me).collect();
        let content = Resolved::of(&built.snapshot).ok_or(CommandError::SelfCheck)?;
        let head = keys::write_head(&self.chain, &self.keyring, &self.identity, before, vector, &codec::encode(&content))
            .map_err(|error| CommandError::NoRight(error.to_string()))?;
        let note = (notes::head_key(&me), Some(head.bytes().to_vec()));
        self.out.keep(KeepFor::Head(head.id()), vec![note], true);
        Ok(Phase::Keeping(Box::new(Written { head, built })))
    }

    /// The head of the commit under way is durable here: now others may see it. That of one that was cancelled meanwhile says nothing about
    /// the next.
    pub(super) fn head_kept(&mut self, id: RecordId, kept: bool) {
        let Some(Commit { phase, .. }) = &mut self.commit else { return };
        if !matches!(phase, Phase::Keeping(written) if written.head.id() == id) {
            return;
        }
        if !kept {
            return self.fail_commit(CommandError::NotKept);
        }
        let Phase::Keeping(written) = std::mem::replace(phase, Phase::Walking) else { return };
        let Written { head, built } = *written;
        *phase = Phase::Publishing(head.id(), Outcome::new(true));
        self.shown = false;
        self.out.push(Output::Publish(Record::Head(head.clone())));
        self.view.advance(head, built.snapshot, built.root);
        self.merge();
    }

    /// Publishes all heads that stand, and returns the name of one of them.
    fn publish_heads(&mut self) -> Option<RecordId> {
        let mut last = None;
        for head in self.view.heads() {
            last = Some(head.id());
            self.out.push(Output::Publish(Record::Head(head.clone())));
        }
        self.publish_shares();
        last
    }

    /// Ends the commit under way with an error. What is put or staged goes with it, for some of it may count on what is gone, and so do
    /// the commits that wait, for they would call safe what is no longer there. What was sealed is in the journal and is found again.
    ///
    /// What took nothing of it (a spread, a share) leaves it alone; blocks that were placed for that cost space. Should they be what
    /// is gone, then the next commit finds that out.
    pub(super) fn fail_commit(&mut self, error: CommandError) {
        self.answer = None;
        let Some(Commit { command, takes_staged, .. }) = self.commit.take() else { return };
        self.let_go(command);
        self.writing.journal(&mut self.out);
        if takes_staged {
            for put in self.writing.abandon() {
                self.out.reply(put, Err(error.clone()));
            }
            self.commits.retain(|waiting| {
                if waiting.takes_staged {
                    self.out.reply(waiting.command, Err(error.clone()));
                }
                !waiting.takes_staged
            });
        } else {
            self.writing.stand_aside();
        }
        self.out.reply(command, Err(error));
    }

    /// Ends all commits with an error.
    pub(super) fn fail_commits(&mut self, error: &CommandError) {
        self.fail_commit(error.clone());
        for commit in std::mem::take(&mut self.commits) {
            self.out.reply(commit.command, Err(error.clone()));
        }
    }
}

/// Opens a head and returns the reference to its snapshot.
pub(super) fn snapshot_of(chain: &Chain, keyring: &Keyring, head: &Head) -> Result<Reference, CommandError> {
    let content = keys::open_head(chain, keyring, head).map_err(|_| CommandError::NoKey)?;
    let content: Resolved = codec::decode(&content).map_err(|error| CommandError::Damaged(format!("a head's content: {error}")))?;
    Ok(content.into_reference())
}

/// Returns the fewer copies of the two.
fn fewest(blocks: Option<Copies>, head: Option<Copies>) -> Option<Copies> {
    match (blocks, head) {
        (Some(blocks), Some(head)) if head.durable < blocks.durable => Some(Copies { durable: head.durable, ..blocks }),
        (blocks, head) => blocks.or(head),
    }
}
