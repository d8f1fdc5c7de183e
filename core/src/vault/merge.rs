//! Merging the trees of several heads by path: a pure function of the set of heads, so that every device comes to the same tree.
//!
//! For one path, a head's version gives way to another head's when it is what both started from (their nearest common snapshot) and
//! the other one changed it. What remains is one version, or several that were changed on different devices: a change wins over a
//! deletion, folders are merged name by name, and everything else is kept side by side under names that say whose it is.

use std::collections::VecDeque;
use std::sync::Arc;

use super::overlay::{Overlay, Whole};
use super::reference::Reference;
use super::seal::SealKey;
use super::tree::{Edit, EditError, Name, Node, Pages, Path, Snapshot, WalkError, walk};
use crate::base::HEX;
use crate::id::PeerId;
use crate::limits::NAME_MAX;
use crate::map::{Map, Set};
use crate::sort;

/// Entries of each version that are looked at together: two pages.
const LIST: usize = 256;
/// Snapshots that are looked at to find what two heads started from; beyond that they count as having nothing in common.
const ANCESTORS: usize = 1_000;

/// A merge in the making. What was compared is kept while it waits for pages, so that trees of any size pass through the bounded cache.
pub(super) struct Merging {
    snapshots: Vec<Reference>,
    /// The first of the snapshots: who wrote each, and its root.
    heads: Vec<(PeerId, Option<Reference>)>,
    /// The root of the nearest common snapshot of each pair of heads, as far as they are known.
    bases: Vec<Option<Reference>>,
    /// The search for the next one.
    looking: Option<[Ancestors; 2]>,
    /// Folders to be compared, the innermost last; none until all bases are known.
    folders: Option<Vec<Folder>>,
    edits: Map<Path, Edit>,
    /// What all of them together look like, once they are compared.
    overlay: Option<Overlay>,
    steps: u64,
}

/// A folder that is being merged, name by name.
struct Folder {
    path: Path,
    versions: Versions<Reference>,
    /// Everything up to this name is merged.
    after: Option<Name>,
    /// Names given to versions that stand beside another.
    given: Set<Name>,
}

/// What merging some names of a folder gives.
struct Part<'a> {
    pages: &'a Pages,
    folder: &'a Folder,
    given: Set<Name>,
    edits: Vec<(Path, Edit)>,
    below: Vec<Folder>,
}

impl Merging {
    /// Begins to merge these snapshots, in the order of their devices.
    pub(super) fn new(snapshots: Vec<Reference>) -> Self {
        let (heads, bases, edits) = (Vec::new(), Vec::new(), Map::new());
        Self { snapshots, heads, bases, looking: None, folders: None, edits, overlay: None, steps: 0 }
    }

    /// Says whether these are the snapshots that it merges.
    pub(super) fn merges(&self, snapshots: &[Reference]) -> bool {
        self.snapshots == snapshots
    }

    /// Returns a number that grows whenever something was done that is not done again.
    pub(super) fn steps(&self) -> u64 {
        self.steps + self.overlay.as_ref().map_or(0, |overlay| overlay.steps() as u64)
    }

    /// Goes on until the merged tree can be read.
    pub(super) fn whole(&mut self, pages: &Pages, key: &Arc<SealKey>) -> Result<Whole, EditError> {
        let mut overlay = match self.overlay.take() {
            Some(overlay) => overlay,
            None => {
                let (root, changes) = self.advance(pages)?;
                Overlay::new(root, changes, key)
            }
        };
        let whole = overlay.advance(pages);
        self.overlay = Some(overlay);
        whole
    }

    /// Goes on until all is compared; returns the root of the first snapshot and what the others change in it.
    fn advance(&mut self, pages: &Pages) -> Result<(Option<Reference>, Map<Path, Edit>), WalkError> {
        while let Some(next) = self.snapshots.get(self.heads.len()) {
            let snapshot = walk::snapshot(pages, next)?;
            self.heads.push((snapshot.device, snapshot.root));
            self.steps += 1;
        }
        let Some((_, root)) = self.heads.first().cloned() else { return Ok((None, Map::new())) };
        let mut folders = match self.folders.take() {
            Some(folders) => folders,
            None => vec![self.root(pages)?],
        };
        let merged = self.merge(pages, &mut folders);
        self.folders = Some(folders);
        merged?;
        Ok((root, std::mem::take(&mut self.edits)))
    }

    fn merge(&mut self, pages: &Pages, folders: &mut Vec<Folder>) -> Result<(), WalkError> {
        while let Some(mut folder) = folders.pop() {
            let heads = &folder.versions.heads;
            if heads.iter().all(|head| *head == heads[0]) {
                continue;
            }
            let merged = folder.merge(pages);
            let Ok(Some((upto, part))) = merged else {
                if let Err(error) = merged {
                    folders.push(folder);
                    return Err(error);
                }
                continue;
            };
            let (given, edits, below) = part;
            folder.after = Some(upto);
            folder.given = given;
            self.edits.extend(edits);
            folders.push(folder);
            folders.extend(below);
            self.steps += 1;
        }
        Ok(())
    }

    /// Looks up what every pair of heads started from, and begins with the root folder.
    fn root(&mut self, pages: &Pages) -> Result<Folder, WalkError> {
        let count = self.heads.len();
        let pairs = || (0..count).flat_map(|one| (0..one).map(move |other| (one, other)));
        for (one, other) in pairs().skip(self.bases.len()) {
            let sides = self.looking.get_or_insert_with(|| [&self.snapshots[one], &self.snapshots[other]].map(Ancestors::new));
            let base = common(pages, sides, &mut self.steps)?;
            self.bases.push(base.and_then(|base| base.root));
            self.looking = None;
        }
        let mut bases = Bases::new(count);
        for ((one, other), base) in pairs().zip(&self.bases) {
            bases.set(one, other, base.clone());
        }
        let (devices, heads) = self.heads.iter().cloned().unzip();
        Ok(Folder::new(Path::default(), Versions { devices, heads, bases }))
    }
}

/// A folder or an entry as every head has it, and as every pair of heads had it when they parted.
struct Versions<T> {
    devices: Vec<PeerId>,
    heads: Vec<Option<T>>,
    bases: Bases<T>,
}

/// One value for every pair of heads.
struct Bases<T> {
    values: Vec<Option<T>>,
    heads: usize,
}

impl<T> Bases<T> {
    fn new(heads: usize) -> Self {
        Self { values: (0..heads * heads).map(|_| None).collect(), heads }
    }

    fn set(&mut self, one: usize, other: usize, value: Option<T>) {
        self.values[one.max(other) * self.heads + one.min(other)] = value;
    }

    fn of(&self, one: usize, other: usize) -> Option<&T> {
        self.values[one.max(other) * self.heads + one.min(other)].as_ref()
    }

    fn map<U>(&self, f: impl Fn(&T) -> Option<U>) -> Bases<U> {
        Bases { values: self.values.iter().map(|value| value.as_ref().and_then(&f)).collect(), heads: self.heads }
    }
}

impl Folder {
    fn new(path: Path, versions: Versions<Reference>) -> Self {
        Self { path, versions, after: None, given: Set::new() }
    }

    /// Merges the next names; returns the last of them, names that were given, edits and folders below. None when there are no more.
    #[expect(clippy::type_complexity, reason = "taken apart at once by its only caller")]
    fn merge(&self, pages: &Pages) -> Result<Option<(Name, (Set<Name>, Vec<(Path, Edit)>, Vec<Self>))>, WalkError> {
        let versions = &self.versions;
        let heads = versions.heads.iter().map(|dir| self.next(pages, dir.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let bases = versions.bases.values.iter().map(|dir| self.next(pages, dir.as_ref())).collect::<Result<Vec<_>, _>>()?;
        // What a version holds behind the last name that was listed of it is not known yet.
        let Some(upto) = heads.iter().chain(&bases).filter_map(|entries| entries.keys().next_back()).min().cloned() else {
            return Ok(None);
        };
        let names: Set<&Name> = heads.iter().flat_map(Map::keys).filter(|name| **name <= upto).collect();
        let mut part = Part { pages, folder: self, given: self.given.clone(), edits: Vec::new(), below: Vec::new() };
        for name in names {
            let entry = Versions {
                devices: versions.devices.clone(),
                heads: heads.iter().map(|entries| entries.get(name).cloned()).collect(),
                bases: Bases { values: bases.iter().map(|entries| entries.get(name).cloned()).collect(), heads: versions.bases.heads },
            };
            part.entry(name, &entry)?;
        }
        let Part { given, edits, below, .. } = part;
        Ok(Some((upto, (given, edits, below))))
    }

    fn next(&self, pages: &Pages, dir: Option<&Reference>) -> Result<Map<Name, Node>, WalkError> {
        let entries = walk::list(pages, dir, self.after.as_ref(), LIST)?;
        Ok(entries.into_iter().map(|entry| (entry.name, entry.node)).collect())
    }

    /// Says whether a version of the folder holds this name.
    fn holds(&self, pages: &Pages, name: &Name) -> Result<bool, WalkError> {
        let path = Path::default().join(name.clone()).map_err(too_deep)?;
        for dir in &self.versions.heads {
            match walk::lookup(pages, dir.as_ref(), &path) {
                Ok(_) => return Ok(true),
                Err(WalkError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

impl Part<'_> {
    /// Merges what stands under one name.
    fn entry(&mut self, name: &Name, entry: &Versions<Node>) -> Result<(), WalkError> {
        let parent = &self.folder.path;
        let path = parent.join(name.clone()).map_err(too_deep)?;
        let standing = survivors(entry);
        let is_folder = |head: &usize| matches!(entry.heads[*head], Some(Node::Dir { .. }));
        let folders: Vec<usize> = standing.iter().copied().filter(is_folder).collect();
        // Of folders one stays for all, and takes in what the others hold; of everything else each changed version stays.
        let mut keep: Vec<usize> = standing.iter().copied().filter(|head| !is_folder(head)).collect();
        keep.extend(folders.first());
        sort::by_key(&mut keep, |head| *head);
        for (place, head) in keep.iter().enumerate() {
            let Some(node) = &entry.heads[*head] else { continue };
            let is_first = place == 0;
            let path = if is_first { path.clone() } else { parent.join(self.beside(name, &entry.devices[*head])?).map_err(too_deep)? };
            let stands = is_first && entry.heads[0].as_ref() == Some(node);
            let merges_in_place = is_first && is_folder(head) && matches!(entry.heads[0], Some(Node::Dir { .. }));
            match node {
                Node::Dir { meta, .. } if merges_in_place && entry.heads[0].as_ref().and_then(Node::meta) != Some(meta) => {
                    self.edits.push((path.clone(), Edit::Directory(*meta)));
                }
                node if !stands && !merges_in_place => self.edits.push((path.clone(), Edit::Put(node.clone()))),
                _ => {}
            }
            if is_folder(head) {
                // What the folder is written as comes first in the versions, for edits are changes to that.
                self.below.push(Folder::new(path, below(entry, if merges_in_place { 0 } else { *head })));
            }
        }
        if keep.is_empty() && entry.heads[0].is_some() {
            self.edits.push((path, Edit::Remove));
        }
        Ok(())
    }

    /// Finds the name under which another device's version stands beside the first one: `name (device 1a2b3c4d).ext`.
    fn beside(&mut self, name: &Name, device: &PeerId) -> Result<Name, WalkError> {
        let device = HEX.encode(&device.0[..4]);
        let bytes = name.as_bytes();
        let dot = bytes.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0 && bytes.len() - dot <= 16);
        let (stem, extension) = bytes.split_at(dot.unwrap_or(bytes.len()));
        for attempt in 1u32.. {
            let mark = if attempt == 1 { format!(" (device {device})") } else { format!(" (device {device}, {attempt})") };
            let room = NAME_MAX - mark.len() - extension.len();
            let mut stem = &stem[..stem.len().min(room)];
            while std::str::from_utf8(stem).is_err() && std::str::from_utf8(bytes).is_ok() {
                stem = &stem[..stem.len() - 1];
            }
            if let Ok(name) = Name::new([stem, mark.as_bytes(), extension].concat())
                && !self.given.contains(&name)
                && !self.folder.holds(self.pages, &name)?
            {
                self.given.insert(name.clone());
                return Ok(name);
            }
        }
        Ok(name.clone())
    }
}

fn too_deep(_: super::tree::PathError) -> WalkError {
    WalkError::Damaged("folders nest too deep to be merged")
}

/// Returns the pages of a folder in every version, with `first` in the first place: a head that has no folder there holds none of it.
fn below(entry: &Versions<Node>, first: usize) -> Versions<Reference> {
    let pages = |node: &Node| match node {
        Node::Dir { pages, .. } => pages.clone(),
        _ => None,
    };
    let mut order: Vec<usize> = (0..entry.heads.len()).filter(|head| matches!(entry.heads[*head], Some(Node::Dir { .. }))).collect();
    order.retain(|head| *head != first);
    order.insert(0, first);
    let heads = order.iter().map(|head| entry.heads[*head].as_ref().and_then(pages)).collect();
    let below = entry.bases.map(pages);
    let mut bases = Bases::new(order.len());
    for one in 0..order.len() {
        for other in 0..one {
            bases.set(one, other, below.of(order[one], order[other]).cloned());
        }
    }
    Versions { devices: order.iter().map(|head| entry.devices[*head]).collect(), heads, bases }
}

/// Returns the heads whose versions stay: one of each changed version, or of the one that nobody changed.
fn survivors(entry: &Versions<Node>) -> Vec<usize> {
    let heads = &entry.heads;
    let gives_way = |one: usize| {
        (0..heads.len()).any(|other| other != one && heads[other] != heads[one] && entry.bases.of(one, other) == heads[one].as_ref())
    };
    let mut standing: Vec<usize> = Vec::new();
    for head in (0..heads.len()).filter(|head| heads[*head].is_some() && !gives_way(*head)) {
        if !standing.iter().any(|earlier| heads[*earlier] == heads[head]) {
            standing.push(head);
        }
    }
    standing
}

/// Returns the nearest snapshot that both continue, looked for from both sides at once: as far as they have parted, no further.
fn common(pages: &Pages, sides: &mut [Ancestors; 2], steps: &mut u64) -> Result<Option<Snapshot>, WalkError> {
    loop {
        let [one, other] = &mut *sides;
        // Only whole generations are compared: what is found must not hang on where the search had to wait.
        if one.generation == other.generation && one.next.is_empty() && other.next.is_empty() {
            if let Some(found) = one.seen.iter().find(|reference| other.seen.contains(reference)) {
                return walk::snapshot(pages, found).map(Some);
            }
            let are_exhausted = one.frontier.is_empty() && other.frontier.is_empty();
            if are_exhausted || one.seen.len() + other.seen.len() > ANCESTORS {
                return Ok(None);
            }
        }
        if one.generation <= other.generation { one.step(pages, steps)? } else { other.step(pages, steps)? }
    }
}

/// A snapshot and what it continues, generation by generation.
struct Ancestors {
    seen: Vec<Reference>,
    /// The oldest whole generation, as far as its parents are not known.
    frontier: VecDeque<Reference>,
    /// The generation before it, as far as it is known.
    next: VecDeque<Reference>,
    generation: u32,
}

impl Ancestors {
    fn new(snapshot: &Reference) -> Self {
        Self { seen: vec![snapshot.clone()], frontier: [snapshot.clone()].into(), next: VecDeque::new(), generation: 0 }
    }

    fn step(&mut self, pages: &Pages, steps: &mut u64) -> Result<(), WalkError> {
        while let Some(reference) = self.frontier.front() {
            for parent in walk::snapshot(pages, reference)?.parents {
                if !self.seen.contains(&parent) {
                    self.seen.push(parent.clone());
                    self.next.push_back(parent);
                }
            }
            self.frontier.pop_front();
            *steps += 1;
        }
        self.frontier = std::mem::take(&mut self.next);
        self.generation += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
