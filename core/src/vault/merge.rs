//! Merging the trees of several heads by path: a pure function of the set of heads, so that every device comes to the same tree.
//!
//! For one path, a head's version gives way to another head's when it is what both started from (their nearest common snapshot) and
//! the other one changed it. What remains is one version, or several that were changed on different devices: a change wins over a
//! deletion, folders are merged name by name, and everything else is kept side by side under names that say whose it is.

use std::collections::{BTreeMap, BTreeSet};

use super::reference::Reference;
use super::tree::{Edit, Entry, Name, Node, Pages, Path, Snapshot, WalkError, walk};
use crate::id::PeerId;
use crate::limits::NAME_MAX;

/// Entries that are listed at once.
const LIST: usize = 4096;
/// Snapshots that are looked at to find what two heads started from; beyond that they count as having nothing in common.
const ANCESTORS: usize = 1_000;

/// Returns what the other snapshots change in the first one's tree. `snapshots` come in the order of their devices.
pub(super) fn changes(pages: &Pages, snapshots: &[Reference]) -> Result<BTreeMap<Path, Edit>, WalkError> {
    let mut edits = BTreeMap::new();
    if snapshots.len() < 2 {
        return Ok(edits);
    }
    let heads = snapshots.iter().map(|snapshot| walk::snapshot(pages, snapshot)).collect::<Result<Vec<_>, _>>()?;
    let mut bases = Bases::new(heads.len());
    for one in 0..heads.len() {
        for other in 0..one {
            bases.set(one, other, common(pages, &snapshots[one], &snapshots[other])?.and_then(|base| base.root));
        }
    }
    let devices = heads.iter().map(|head| head.device).collect();
    let roots = heads.into_iter().map(|head| head.root).collect();
    Merge { pages }.folder(&Path::default(), &Versions { devices, heads: roots, bases }, &mut edits)?;
    Ok(edits)
}

struct Merge<'a> {
    pages: &'a Pages,
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

impl Merge<'_> {
    /// Merges one folder's entries, given the page at its root in every version.
    fn folder(&self, path: &Path, folder: &Versions<Reference>, edits: &mut BTreeMap<Path, Edit>) -> Result<(), WalkError> {
        if folder.heads.iter().all(|head| *head == folder.heads[0]) {
            return Ok(());
        }
        let heads = folder.heads.iter().map(|pages| self.entries(pages.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let bases = folder.bases.values.iter().map(|pages| self.entries(pages.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<&Name> = heads.iter().flat_map(BTreeMap::keys).collect();
        let mut taken: BTreeSet<Name> = names.iter().map(|name| (*name).clone()).collect();
        for name in names {
            let versions = Versions {
                devices: folder.devices.clone(),
                heads: heads.iter().map(|entries| entries.get(name).cloned()).collect(),
                bases: Bases { values: bases.iter().map(|entries| entries.get(name).cloned()).collect(), heads: folder.bases.heads },
            };
            self.entry(path, name, &versions, &mut taken, edits)?;
        }
        Ok(())
    }

    /// Merges what stands under one name.
    fn entry(
        &self,
        parent: &Path,
        name: &Name,
        entry: &Versions<Node>,
        taken: &mut BTreeSet<Name>,
        edits: &mut BTreeMap<Path, Edit>,
    ) -> Result<(), WalkError> {
        let too_deep = |_| WalkError::Damaged("folders nest too deep to be merged");
        let path = parent.join(name.clone()).map_err(too_deep)?;
        let standing = survivors(entry);
        let is_folder = |head: &usize| matches!(entry.heads[*head], Some(Node::Dir { .. }));
        let folders: Vec<usize> = standing.iter().copied().filter(is_folder).collect();
        // Of folders one stays for all, and takes in what the others hold; of everything else each changed version stays.
        let mut keep: Vec<usize> = standing.iter().copied().filter(|head| !is_folder(head)).collect();
        keep.extend(folders.first());
        keep.sort_unstable();
        for (place, head) in keep.iter().enumerate() {
            let Some(node) = &entry.heads[*head] else { continue };
            let (name, is_first) = if place == 0 { (name.clone(), true) } else { (beside(name, &entry.devices[*head], taken), false) };
            let path = if is_first { path.clone() } else { parent.join(name).map_err(too_deep)? };
            let stands = is_first && entry.heads[0].as_ref() == Some(node);
            let merges_in_place = is_first && is_folder(head) && matches!(entry.heads[0], Some(Node::Dir { .. }));
            match node {
                Node::Dir { meta, .. } if merges_in_place && entry.heads[0].as_ref().and_then(Node::meta) != Some(meta) => {
                    edits.insert(path.clone(), Edit::Directory(*meta));
                }
                node if !stands && !merges_in_place => {
                    edits.insert(path.clone(), Edit::Put(node.clone()));
                }
                _ => {}
            }
            if is_folder(head) {
                // What the folder is written as comes first in the versions, for edits are changes to that.
                self.folder(&path, &below(entry, if merges_in_place { 0 } else { *head }), edits)?;
            }
        }
        if keep.is_empty() && entry.heads[0].is_some() {
            edits.insert(path, Edit::Remove);
        }
        Ok(())
    }

    fn entries(&self, dir: Option<&Reference>) -> Result<BTreeMap<Name, Node>, WalkError> {
        let mut entries = BTreeMap::new();
        let mut after: Option<Name> = None;
        loop {
            let page = walk::list(self.pages, dir, after.as_ref(), LIST)?;
            let Some(last) = page.last() else { return Ok(entries) };
            after = Some(last.name.clone());
            entries.extend(page.into_iter().map(|Entry { name, node }| (name, node)));
        }
    }
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

/// Finds the name under which another device's version stands beside the first one: `name (device 1a2b3c4d).ext`.
fn beside(name: &Name, device: &PeerId, taken: &mut BTreeSet<Name>) -> Name {
    let device = data_encoding::HEXLOWER.encode(&device.0[..4]);
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
            && taken.insert(name.clone())
        {
            return name;
        }
    }
    name.clone()
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
fn common(pages: &Pages, one: &Reference, other: &Reference) -> Result<Option<Snapshot>, WalkError> {
    let mut sides = [Ancestors::new(one), Ancestors::new(other)];
    loop {
        let [one, other] = &sides;
        if let Some(found) = one.seen.iter().find(|reference| other.seen.contains(reference)) {
            return walk::snapshot(pages, found).map(Some);
        }
        if sides.iter().all(|side| side.frontier.is_empty()) || one.seen.len() + other.seen.len() > ANCESTORS {
            return Ok(None);
        }
        for side in &mut sides {
            side.step(pages)?;
        }
    }
}

/// A snapshot and what it continues, level by level.
struct Ancestors {
    seen: Vec<Reference>,
    frontier: Vec<Reference>,
}

impl Ancestors {
    fn new(snapshot: &Reference) -> Self {
        Self { seen: vec![snapshot.clone()], frontier: vec![snapshot.clone()] }
    }

    fn step(&mut self, pages: &Pages) -> Result<(), WalkError> {
        for reference in std::mem::take(&mut self.frontier) {
            for parent in walk::snapshot(pages, &reference)?.parents {
                if !self.seen.contains(&parent) {
                    self.seen.push(parent.clone());
                    self.frontier.push(parent);
                }
            }
        }
        Ok(())
    }
}
