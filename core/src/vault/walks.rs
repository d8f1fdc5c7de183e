//! Commands that walk the tree: each is tried as a whole, waits for the pages that it lacks, and is tried again.

use super::command::{Command, CommandError, Reply};
use super::machine::{MERGING, Vault};
use super::merge::Merging;
use super::overlay::Whole;
use super::put::Staged;
use super::reader::Refused;
use super::reference::Reference;
use super::tree::{BlockWalk, Edit, EditError, Node, Path, WalkError, walk};
use super::view::Merged;
use super::{CommandId, commit};
use crate::id::BlockId;
use crate::limits::FILE_PAGE_ENTRIES;

/// How an attempt ended that is not to be repeated.
enum Done {
    Reply(Reply),
    /// The command lives on elsewhere.
    Moved,
}

impl Vault {
    /// Tries a waiting command, if the merged tree is known.
    pub(super) fn walk(&mut self, id: CommandId) {
        if self.view.merged().is_none() {
            return;
        }
        let Some(command) = self.waiting.get(&id).cloned() else { return };
        match self.attempt(id, command) {
            Ok(Done::Reply(reply)) => {
                self.waiting.remove(&id);
                self.reader.fetch.got_on(id);
                self.out.reply(id, Ok(reply));
            }
            Ok(Done::Moved) => {
                self.waiting.remove(&id);
                self.reader.fetch.got_on(id);
            }
            Err(Refused::Walk(WalkError::Missing(keys))) => {
                if let Err(thrashing) = self.reader.fetch.want_pages(id, &keys, &mut self.out) {
                    self.fail(id, thrashing.into());
                }
            }
            Err(Refused::Walk(error)) => self.fail(id, error.into()),
            Err(Refused::Command(error)) => self.fail(id, error),
        }
    }

    /// Works out the tree of all heads, then tries whatever waits for it.
    pub(super) fn merge(&mut self) {
        if self.view.merged().is_none() {
            match self.merged() {
                Ok(merged) => {
                    self.reader.fetch.got_on(MERGING);
                    self.view.resolve(merged);
                }
                Err(Refused::Walk(WalkError::Missing(keys))) => {
                    if let Err(thrashing) = self.reader.fetch.want_pages(MERGING, &keys, &mut self.out) {
                        self.fail(MERGING, thrashing.into());
                    }
                    return;
                }
                Err(Refused::Walk(error)) => return self.fail(MERGING, error.into()),
                Err(Refused::Command(error)) => return self.fail(MERGING, error),
            }
        }
        for id in self.waiting.keys().copied().collect::<Vec<_>>() {
            if !self.reader.fetch.waits(id) {
                self.walk(id);
            }
        }
    }

    fn merged(&mut self) -> Result<Merged, Refused> {
        let vector = self.view.vector();
        let mut parents = Vec::new();
        for head in self.view.maximal() {
            parents.push(commit::snapshot_of(&self.chain, &self.keyring, head)?);
        }
        let mut merging = match self.merging.take() {
            Some(merging) if merging.merges(&parents) => merging,
            _ => Merging::new(parents.clone()),
        };
        let steps = merging.steps();
        let merged = merging.whole(&self.reader.pages, &self.writing.seal_key);
        if merging.steps() > steps {
            self.reader.fetch.got_on(MERGING);
        }
        match merged {
            Ok(Whole { root, changes, seen, blocks }) => {
                self.reader.fetch.keep(blocks);
                Ok(Merged { root, changes, seen, vector, parents })
            }
            Err(EditError::Walk(error)) => {
                self.merging = matches!(error, WalkError::Missing(_)).then_some(merging);
                Err(error.into())
            }
            Err(error) => Err(CommandError::from(error).into()),
        }
    }

    fn attempt(&mut self, id: CommandId, command: Command) -> Result<Done, Refused> {
        Ok(match command {
            command @ (Command::Stat(_) | Command::List { .. } | Command::Layout { .. }) => {
                self.reader.answer(self.root(), &command)?.map_or(Done::Moved, Done::Reply)
            }
            Command::Read { path, from, len } => {
                let file = self.file(&path)?;
                self.reader.begin(id, file, from, len);
                self.waiting.remove(&id);
                self.read_on(id);
                Done::Moved
            }
            Command::Put(path, _) => {
                let file = self.file(&path)?;
                while let Some(from) = self.writing.learning(id) {
                    let chunks = walk::chunks(&self.reader.pages, &file, from, FILE_PAGE_ENTRIES)?;
                    self.reader.fetch.got_on(id);
                    self.writing.learn(id, &chunks);
                }
                Done::Moved
            }
            Command::Live => Done::Reply(Reply::Live(self.live(id)?)),
            Command::Remove(path) => {
                self.lookup(&path)?;
                self.remove(&path);
                self.stage(id, path, Staged::Edit(Edit::Remove));
                Done::Moved
            }
            Command::Move(from, to) => {
                if to.starts_with(&from) {
                    return Err(CommandError::IntoItself(from.to_string()).into());
                }
                let node = self.lookup(&from)?;
                match self.lookup(&to) {
                    Ok(_) => return Err(CommandError::Exists(to.to_string()).into()),
                    Err(Refused::Walk(WalkError::NotFound { .. })) => {}
                    Err(error) => return Err(error),
                }
                self.remove(&from);
                self.writing.staged.insert(from, Staged::Edit(Edit::Remove));
                // What refers to pages that no commit has written down takes them with it.
                if let Node::Dir { pages: Some(pages), .. } = &node {
                    for block in self.reader.fetch.kept_with(pages) {
                        self.writing.place(block, &mut self.out);
                    }
                }
                self.stage(id, to, Staged::Edit(Edit::Put(node)));
                Done::Moved
            }
            // Handled before they could wait for a page.
            Command::Commit(_) | Command::Refresh | Command::Amend(_) | Command::Spread => Done::Moved,
            Command::Share(_) | Command::Shares | Command::Withdraw(_) => Done::Moved,
        })
    }

    /// Returns what stands at a path.
    pub(super) fn lookup(&self, path: &Path) -> Result<Node, Refused> {
        self.reader.lookup(self.root(), path)
    }

    fn file(&self, path: &Path) -> Result<Node, Refused> {
        self.reader.file(self.root(), path)
    }

    fn root(&self) -> Option<&Reference> {
        self.view.merged().and_then(|merged| merged.seen.as_ref())
    }

    /// Takes away what other devices changed in a folder that goes, as far as it was seen: a commit would bring it in once more.
    fn remove(&mut self, folder: &Path) {
        let changes = self.view.merged().into_iter().flat_map(|merged| merged.changes.keys());
        for path in changes.filter(|path| path.starts_with(folder)) {
            self.writing.staged.entry(path.clone()).or_insert(Staged::Edit(Edit::Remove));
        }
    }
}

impl Vault {
    /// Names every block that the merged tree, its history and the links that last need; goes on where it was when it is called again.
    pub(super) fn live(&mut self, id: CommandId) -> Result<Vec<BlockId>, Refused> {
        let parents = self.view.merged().map(|merged| merged.parents.as_slice()).unwrap_or_default();
        let shared = if self.live_walks.contains_key(&id) { Vec::new() } else { self.shared_roots() };
        let (walk, live) = self.live_walks.entry(id).or_insert_with(|| {
            let mut walk = BlockWalk::new();
            parents.iter().for_each(|snapshot| walk.add(snapshot, true));
            shared.iter().for_each(|root| walk.add_dir(root));
            (walk, Vec::new())
        });
        while let Some(visited) = walk.next(&self.reader.pages)? {
            live.extend(visited.blocks.iter().map(|block| block.id));
            self.reader.fetch.got_on(id);
        }
        Ok(self.live_walks.remove(&id).map(|(_, live)| live).unwrap_or_default())
    }
}
