//! What a link opens, read by somebody who has the link and no vault: look, list and read, through the same caches and windows.
//!
//! ```text
//!   Seeking --open--> Open      commands wait while it seeks, are answered while it is open,
//!      \------fail----> Failed  and fail with the reason after that
//! ```

use thiserror::Error;

use super::command::{Command, CommandError};
use super::fetch::Arrived;
use super::job::Outcome;
use super::outbox::{JobFor, Outbox};
use super::reader::{Reader, Refused};
use super::share::ShareContents;
use super::tree::WalkError;
use super::{CommandId, Input, Output, keys};
use crate::map::Map;
use crate::record::Share;
use crate::share_link::ShareLink;

/// A frozen copy that a link leads to.
#[derive(Default)]
pub struct Shared {
    out: Outbox,
    reader: Reader,
    /// Commands that wait for the record or for pages.
    waiting: Map<CommandId, Command>,
    state: State,
}

#[derive(Default)]
enum State {
    /// The record has not been found yet.
    #[default]
    Seeking,
    Open(Box<ShareContents>),
    Failed(LinkError),
}

/// A link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Whoever made it took it back.
    #[error("the link was withdrawn by whoever made it")]
    Withdrawn,
    /// No node that answered has a record of it.
    #[error("none of the nodes that answered knows this link any more")]
    Vanished,
    /// No node answered.
    #[error("none of the nodes that the link names can be reached")]
    Unreachable,
    /// What nodes hold under its locator does not open with it.
    #[error("what the nodes hold for this link does not open with it")]
    NotOpened,
}

impl Shared {
    /// Starts with a link whose record is being sought.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has less under way at once, as befits a tab.
    pub fn narrow(&mut self) {
        self.reader.narrow();
    }

    /// Opens what a share record holds; `None` when it belongs to another link, or is no record of that link as it was made.
    #[must_use]
    pub fn contents_of(link: &ShareLink, record: &Share) -> Option<ShareContents> {
        let same = (record.fields.vault, record.fields.share) == (link.vault, link.id());
        let contents = keys::open_contents(&link.secret, record).filter(|_| same)?;
        ShareContents::decode(&contents).filter(|contents| contents.digest() == Some(link.digest))
    }

    /// The record was found: whatever waited goes on.
    pub fn open(&mut self, contents: ShareContents) {
        self.state = State::Open(Box::new(contents));
        for id in self.waiting.keys().copied().collect::<Vec<_>>() {
            self.walk(id);
        }
    }

    /// The link leads nowhere: whatever waited fails, and all that follows.
    pub fn fail(&mut self, error: LinkError) {
        self.state = State::Failed(error);
        for id in self.waiting.keys().copied().chain(self.reader.reading()).collect::<Vec<_>>() {
            self.end(id, error.into());
        }
    }

    /// Returns what the record says, once it was found.
    #[must_use]
    pub fn contents(&self) -> Option<&ShareContents> {
        match &self.state {
            State::Open(contents) => Some(contents),
            _ => None,
        }
    }

    /// Returns why the link leads nowhere, once that is known.
    #[must_use]
    pub const fn failure(&self) -> Option<LinkError> {
        match &self.state {
            State::Failed(error) => Some(*error),
            _ => None,
        }
    }

    /// Takes one input in; inputs that only a vault knows are ignored. See the contract of every machine in the crate's documentation.
    pub fn handle(&mut self, input: Input) {
        match input {
            Input::Command(id, command) => {
                self.waiting.insert(id, command);
                match &self.state {
                    State::Seeking => {}
                    State::Open(_) => self.walk(id),
                    State::Failed(error) => self.end(id, (*error).into()),
                }
            }
            Input::Pull(id, bytes) => {
                if self.reader.pull(id, bytes) {
                    self.read_on(id);
                } else if self.waiting.contains_key(&id) {
                    self.reader.pull_ahead(id, bytes);
                }
            }
            Input::Cancel(id) => self.end(id, CommandError::Cancelled),
            Input::Done(id, Outcome::Opened(pack)) => {
                if let Some(JobFor::Open(block)) = self.out.finish_job(id) {
                    let arrived = self.reader.opened(block, pack);
                    self.arrived(arrived);
                }
            }
            Input::Got(block) => self.reader.fetch.got(block, &mut self.out),
            Input::Unavailable(id) => {
                let arrived = self.reader.fetch.unavailable(id);
                self.arrived(arrived);
            }
            _ => {}
        }
    }

    /// Returns the next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.poll()
    }

    /// Tries a command as a whole; where a page is missing it is fetched, and the command is tried again.
    fn walk(&mut self, id: CommandId) {
        let State::Open(contents) = &self.state else { return };
        let (root, Some(command)) = (contents.root.clone(), self.waiting.get(&id).cloned()) else { return };
        let attempt = match &command {
            Command::Read { path, from, len } => self.reader.file(root.as_ref(), path).map(|file| {
                self.reader.begin(id, file, *from, *len);
                None
            }),
            command => self.reader.answer(root.as_ref(), command).and_then(|reply| {
                let reply = reply.ok_or_else(|| CommandError::NoRight("what a link opens can only be read".into()))?;
                Ok(Some(reply))
            }),
        };
        match attempt {
            Ok(reply) => {
                self.waiting.remove(&id);
                self.reader.fetch.got_on(id);
                match reply {
                    Some(reply) => self.out.reply(id, Ok(reply)),
                    None => self.read_on(id),
                }
            }
            Err(Refused::Walk(WalkError::Missing(keys))) => {
                if let Err(thrashing) = self.reader.fetch.want_pages(id, &keys, &mut self.out) {
                    self.end(id, thrashing.into());
                }
            }
            Err(Refused::Walk(error)) => self.end(id, error.into()),
            Err(Refused::Command(error)) => self.end(id, error),
        }
    }

    fn read_on(&mut self, id: CommandId) {
        match self.reader.read_on(id, &mut self.out) {
            Some(Err(error)) => self.end(id, error),
            Some(reply) => self.out.reply(id, reply),
            None => {}
        }
    }

    /// A block arrived or cannot be had: whoever waited for it goes on or fails.
    fn arrived(&mut self, arrived: Option<Arrived>) {
        let Some(Arrived { waiting, result }) = arrived else { return };
        for id in waiting {
            match &result {
                Ok(()) if self.reader.is_reading(id) => self.read_on(id),
                Ok(()) if self.reader.fetch.waits(id) => {}
                Ok(()) => self.walk(id),
                Err(failed) => self.end(id, failed.clone().into()),
            }
        }
    }

    fn end(&mut self, id: CommandId, error: CommandError) {
        if self.reader.end(id, &mut self.out) | self.waiting.remove(&id).is_some() {
            self.out.reply(id, Err(error));
        }
    }
}
