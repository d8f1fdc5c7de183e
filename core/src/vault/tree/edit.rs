//! Changing trees: edits by path become new pages, and pages that no edit touches stay as they are.

use std::ops::Bound;

use thiserror::Error;

use super::dir::{DirBounds, DirNode, DirPage};
use super::entry::{Entry, Meta, Node};
use super::pages::{Page, Pages};
use super::path::{Name, Path};
use super::walk::WalkError;
use super::writer::{TreeWriter, WriteError};
use crate::limits::{DIR_PAGE_ENTRIES, WALK_AHEAD};
use crate::map::Map;
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// A change at one path. A move is a [`Edit::Remove`] and a [`Edit::Put`] of the node that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// This stands there from now on, whatever stood there before. Edits inside of a directory put apply to it afterwards.
    Put(Node),
    /// A directory with this metadata stands there; if one did before, what lies in it stays.
    Directory(Meta),
    /// Nothing stands there any more; edits inside apply to an empty directory.
    Remove,
}

/// Edits were not applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EditError {
    /// Reading the base failed or has to be repeated ([`WalkError::Missing`]).
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// Writing failed or has to be repeated ([`WriteError::Unsealed`]).
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The page that would be rewritten holds an entry of a newer release.
    #[error("{0} holds an entry that a newer release wrote, so this one cannot change it")]
    Unknown(Path),
}

/// Applies edits to a tree. What was done is kept between calls, so that a tree of any size passes through the bounded cache.
#[derive(Debug, Clone)]
pub struct Editor {
    base: Option<Reference>,
    edits: Map<Path, Edit>,
    parents: Meta,
    done: Done,
}

/// What earlier calls finished.
#[derive(Debug, Clone, Default)]
struct Done {
    /// The new root pages of directories.
    dirs: Map<Path, Option<Reference>>,
    /// By directory and the first name of the first page: the pages that took the place of so many pages of entries.
    runs: Map<(Path, Name), (usize, Vec<Child>)>,
    /// By directory, level and first name of a page of pages: its new children, or none when nothing changed.
    nodes: Map<(Path, u8, Name), Option<Vec<Child>>>,
}

/// A page with its first name.
type Child = (Name, Reference);

/// What happens to one name of a directory.
struct Change<'a> {
    name: Name,
    /// The edit of that name itself.
    own: Option<&'a Edit>,
    /// Whether there are edits below it.
    below: bool,
}

/// One call of [`Editor::apply`].
struct Pass<'a> {
    edits: &'a Map<Path, Edit>,
    parents: Meta,
    done: &'a mut Done,
    pages: &'a Pages,
    tree: &'a mut TreeWriter,
}

impl Editor {
    /// Starts with the root page of the base, or none; `parents` is the metadata of directories that have to be made on the way.
    #[must_use]
    pub fn new(base: Option<Reference>, edits: Map<Path, Edit>, parents: Meta) -> Self {
        Self { base, edits, parents, done: Done::default() }
    }

    /// Returns a number that grows whenever something was done that is not done again.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.done.dirs.len() + self.done.runs.len() + self.done.nodes.len()
    }

    /// Goes on until all is applied and returns the new root page; the base's, when nothing changed. Always give the same writer.
    ///
    /// # Errors
    /// [`EditError`]; call again after what it asks for was done.
    pub fn apply(&mut self, pages: &Pages, tree: &mut TreeWriter) -> Result<Option<Reference>, EditError> {
        let root = Path::root();
        let base = match self.edits.get(&root) {
            None | Some(Edit::Directory(_)) => self.base.clone(),
            Some(Edit::Remove) => None,
            Some(Edit::Put(Node::Dir { pages, .. })) => pages.clone(),
            Some(Edit::Put(_)) => return Err(WalkError::NotADirectory { path: root }.into()),
        };
        let mut pass = Pass { edits: &self.edits, parents: self.parents, done: &mut self.done, pages, tree };
        pass.dir(&root, base.as_ref())
    }
}

impl Pass<'_> {
    /// Applies the edits below `path` to the directory whose root page is `base`.
    fn dir(&mut self, path: &Path, base: Option<&Reference>) -> Result<Option<Reference>, EditError> {
        if let Some(done) = self.done.dirs.get(path) {
            return Ok(done.clone());
        }
        let changes = changes(self.edits, path);
        let new = match base {
            _ if changes.is_empty() => base.cloned(),
            None => {
                let entries = self.merge(path, &[], &changes)?;
                let pages = self.write_entries(&entries)?;
                self.write_root(0, pages)?
            }
            Some(base) => self.root(path, base, &changes)?,
        };
        self.done.dirs.insert(path.clone(), new.clone());
        Ok(new)
    }

    /// Applies changes to a directory that has pages.
    fn root(&mut self, path: &Path, base: &Reference, changes: &[Change<'_>]) -> Result<Option<Reference>, EditError> {
        let bounds = DirBounds::default();
        let object = bounds.load(self.pages, base)?;
        let (level, old, new) = match &object.page {
            Page::Dir(page) => {
                let old = page.entries.first().map(|entry| (entry.name.clone(), base.clone())).into_iter().collect::<Vec<_>>();
                let new = self.runs(path, &old, |_| bounds.clone(), changes)?;
                (0, old, new)
            }
            Page::DirNode(node) => (node.level - 1, node.children.clone(), self.below(path, node, &bounds, changes)?),
            other => return Err(other.misplaced().into()),
        };
        if new == old { Ok(Some(base.clone())) } else { self.write_root(level, new) }
    }

    /// Applies changes below a page of pages; returns what takes the place of its children.
    fn below(&mut self, path: &Path, node: &DirNode, bounds: &DirBounds, changes: &[Change<'_>]) -> Result<Vec<Child>, EditError> {
        let old = &node.children;
        if node.level == 1 {
            return self.runs(path, old, |child| node.bounds_of(child, bounds), changes);
        }
        let mut missing = Vec::new();
        let mut new: Vec<Result<Child, Vec<Child>>> = Vec::new();
        for (at, child) in old.iter().enumerate() {
            let changes = share(changes, old, at);
            let bounds = node.bounds_of(at, bounds);
            let replaced = if changes.is_empty() {
                Some(None)
            } else {
                hold(&mut missing, self.child(path, node.level - 1, child, &bounds, changes))?
            };
            match replaced {
                None => {}
                Some(None) => new.push(Ok(child.clone())),
                Some(Some(children)) => new.push(Err(children)),
            }
        }
        all_here(missing)?;
        let mut written = Vec::new();
        for part in new {
            match part {
                Ok(child) => written.push(child),
                Err(children) => written.extend(self.write_nodes(node.level - 1, &children)?),
            }
        }
        Ok(written)
    }

    /// Applies changes below one page of pages; returns its new children, or none when nothing changed.
    fn child(
        &mut self,
        path: &Path,
        level: u8,
        child: &Child,
        bounds: &DirBounds,
        changes: &[Change<'_>],
    ) -> Result<Option<Vec<Child>>, EditError> {
        let place = (path.clone(), level, child.0.clone());
        if let Some(done) = self.done.nodes.get(&place) {
            return Ok(done.clone());
        }
        let object = bounds.load(self.pages, &child.1)?;
        let Page::DirNode(node) = &object.page else { return Err(object.page.misplaced().into()) };
        let new = self.below(path, node, bounds, changes)?;
        let new = (new != node.children).then_some(new);
        self.done.nodes.insert(place, new.clone());
        Ok(new)
    }

    /// Applies changes to pages of entries; returns what takes their place.
    fn runs(
        &mut self,
        path: &Path,
        old: &[Child],
        bounds: impl Fn(usize) -> DirBounds,
        changes: &[Change<'_>],
    ) -> Result<Vec<Child>, EditError> {
        let mut missing = Vec::new();
        let mut new = Vec::new();
        let mut at = 0;
        while at < old.len() {
            if share(changes, old, at).is_empty() {
                new.push(old[at].clone());
                at += 1;
                continue;
            }
            let (taken, pages) = hold(&mut missing, self.run(path, old, at, &bounds, changes))?.unwrap_or((1, Vec::new()));
            new.extend(pages);
            at += taken;
        }
        all_here(missing)?;
        Ok(new)
    }

    /// Applies changes to one page of entries, and to those behind it as long as too few entries remain for a page of their own.
    fn run(
        &mut self,
        path: &Path,
        old: &[Child],
        at: usize,
        bounds: &impl Fn(usize) -> DirBounds,
        changes: &[Change<'_>],
    ) -> Result<(usize, Vec<Child>), EditError> {
        let place = (path.clone(), old[at].0.clone());
        if let Some(done) = self.done.runs.get(&place) {
            return Ok(done.clone());
        }
        let mut merged = Vec::new();
        let mut taken = 0;
        while let Some(child) = old.get(at + taken) {
            let object = bounds(at + taken).load(self.pages, &child.1)?;
            let Page::Dir(page) = &object.page else { return Err(object.page.misplaced().into()) };
            if taken > 0 && page.has_unknown() {
                break;
            }
            let entries = self.merge(path, &page.entries, share(changes, old, at + taken))?;
            if taken == 0 && entries == page.entries {
                return Ok((1, vec![child.clone()]));
            }
            if page.has_unknown() {
                return Err(EditError::Unknown(path.clone()));
            }
            merged.extend(entries);
            taken += 1;
            if merged.is_empty() || merged.len() >= FEW_ENTRIES {
                break;
            }
        }
        let done = (taken, self.write_entries(&merged)?);
        self.done.runs.insert(place, done.clone());
        Ok(done)
    }

    /// Applies changes to entries.
    fn merge(&mut self, path: &Path, entries: &[Entry], changes: &[Change<'_>]) -> Result<Vec<Entry>, EditError> {
        let mut missing = Vec::new();
        let mut merged = Vec::with_capacity(entries.len() + changes.len());
        let mut old = entries.iter().peekable();
        for change in changes {
            while let Some(entry) = old.next_if(|entry| entry.name < change.name) {
                merged.push(entry.clone());
            }
            let existing = old.next_if(|entry| entry.name == change.name).map(|entry| &entry.node);
            if let Some(Some(node)) = hold(&mut missing, self.node(path, existing, change))? {
                merged.push(Entry { name: change.name.clone(), node });
            }
        }
        all_here(missing)?;
        merged.extend(old.cloned());
        Ok(merged)
    }

    /// Returns what stands under a name of the directory `path` afterwards.
    fn node(&mut self, path: &Path, existing: Option<&Node>, change: &Change<'_>) -> Result<Option<Node>, EditError> {
        let path = path.join(change.name.clone()).map_err(|_| WriteError::Bounds("a path is too deep"))?;
        let before = match change.own {
            None => existing.cloned(),
            Some(Edit::Put(node)) => Some(node.clone()),
            Some(Edit::Remove) => None,
            Some(Edit::Directory(meta)) => Some(Node::Dir {
                meta: *meta,
                pages: match existing {
                    Some(Node::Dir { pages, .. }) => pages.clone(),
                    _ => None,
                },
            }),
        };
        if !change.below {
            return Ok(before);
        }
        match before {
            Some(Node::Dir { meta, pages }) => Ok(Some(Node::Dir { meta, pages: self.dir(&path, pages.as_ref())? })),
            before if self.only_removes(&path) => Ok(before),
            None => Ok(Some(Node::Dir { meta: self.parents, pages: self.dir(&path, None)? })),
            Some(Node::Unknown { .. }) => Err(EditError::Unknown(path)),
            Some(_) => Err(WalkError::NotADirectory { path }.into()),
        }
    }

    /// Says whether the edits below a path only take away.
    fn only_removes(&self, path: &Path) -> bool {
        edits_below(self.edits, path).all(|(_, edit)| *edit == Edit::Remove)
    }

    /// Writes entries into pages of about the same size.
    fn write_entries(&mut self, entries: &[Entry]) -> Result<Vec<Child>, EditError> {
        let pages = even(entries).map(|part| {
            let page = self.tree.write(|draft| DirPage::encode(part, draft))?;
            Ok((part[0].name.clone(), page))
        });
        pages.collect()
    }

    /// Writes pages of pages of about the same size.
    fn write_nodes(&mut self, level: u8, children: &[Child]) -> Result<Vec<Child>, EditError> {
        let pages = even(children).map(|part| {
            let page = self.tree.write(|draft| DirNode::encode(level, part, draft))?;
            Ok((part[0].0.clone(), page))
        });
        pages.collect()
    }

    /// Writes pages of pages until one is left.
    fn write_root(&mut self, mut level: u8, mut pages: Vec<Child>) -> Result<Option<Reference>, EditError> {
        while pages.len() > 1 {
            level += 1;
            pages = self.write_nodes(level, &pages)?;
        }
        Ok(pages.pop().map(|(_, root)| root))
    }
}

/// Gathers what happens to the names of a directory.
fn changes<'a>(edits: &'a Map<Path, Edit>, dir: &Path) -> Vec<Change<'a>> {
    let depth = dir.names().len();
    let mut changes: Vec<Change<'a>> = Vec::new();
    for (path, edit) in edits_below(edits, dir) {
        let Some(name) = path.names().get(depth) else { continue };
        if changes.last().is_none_or(|change| change.name != *name) {
            changes.push(Change { name: name.clone(), own: None, below: false });
        }
        let Some(change) = changes.last_mut() else { continue };
        if path.names().len() == depth + 1 { change.own = Some(edit) } else { change.below = true }
    }
    changes
}

fn edits_below<'a>(edits: &'a Map<Path, Edit>, dir: &Path) -> impl Iterator<Item = (&'a Path, &'a Edit)> {
    edits.range((Bound::Excluded(dir), Bound::Unbounded)).take_while(move |(path, _)| path.starts_with(dir))
}

/// Returns the changes to names that belong on a page; those before the first page belong on it.
fn share<'a, 'b>(changes: &'a [Change<'b>], pages: &[Child], at: usize) -> &'a [Change<'b>] {
    let before = |page: usize| pages.get(page).map_or(changes.len(), |(first, _)| changes.partition_point(|change| change.name < *first));
    let from = if at == 0 { 0 } else { before(at) };
    &changes[from..before(at + 1)]
}

/// Cuts a list into as few pages as it takes, all of about the same size.
fn even<T>(items: &[T]) -> impl Iterator<Item = &[T]> {
    let pages = items.len().div_ceil(DIR_PAGE_ENTRIES).max(1);
    items.chunks(items.len().div_ceil(pages).max(1))
}

/// Puts the names of missing blocks aside, so that those of the next pages are asked for at the same time.
fn hold<T>(missing: &mut Vec<BlockKey>, result: Result<T, EditError>) -> Result<Option<T>, EditError> {
    let keys = match result {
        Ok(value) => return Ok(Some(value)),
        Err(EditError::Walk(WalkError::Missing(keys))) => keys,
        Err(error) => return Err(error),
    };
    for key in keys {
        if !missing.contains(&key) {
            missing.push(key);
        }
    }
    if missing.len() >= WALK_AHEAD { all_here(std::mem::take(missing)).map(|()| None) } else { Ok(None) }
}

fn all_here(mut missing: Vec<BlockKey>) -> Result<(), EditError> {
    missing.truncate(WALK_AHEAD);
    if missing.is_empty() { Ok(()) } else { Err(WalkError::Missing(missing).into()) }
}

/// A page with fewer entries takes in the page behind it.
const FEW_ENTRIES: usize = DIR_PAGE_ENTRIES / 4;
