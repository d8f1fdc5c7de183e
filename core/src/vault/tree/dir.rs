//! Directories: pages of entries, and pages of pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::entry::{Entry, Node};
use super::object::{self, Frame, List, Stored, kind};
use super::pages::{Object, Page, Pages};
use super::path::Name;
use super::walk::WalkError;
use super::writer::{Draft, WriteError};
use crate::limits::{DIR_PAGE_ENTRIES, PAGE_LEVELS};
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// Entries in order, at least one.
#[derive(Debug)]
pub(crate) struct DirPage {
    pub(crate) entries: Vec<Entry>,
}

/// Pages in order, at least one, each with the first name below it.
#[derive(Debug)]
pub(crate) struct DirNode {
    /// How many levels of pages lie below: 1 above pages of entries.
    pub(crate) level: u8,
    pub(crate) children: Vec<(Name, Reference)>,
}

/// What the page above demands of a page, so that names cannot occur twice or out of order anywhere in a directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct DirBounds {
    /// Its level; any for the page at a directory's root.
    pub(crate) level: Option<u8>,
    /// Its first name.
    pub(crate) first: Option<Name>,
    /// A name that is behind its last.
    pub(crate) before: Option<Name>,
}

#[derive(Serialize, Deserialize)]
struct StoredEntry {
    name: Name,
    kind: u8,
    body: ByteBuf,
}

type NodeBody = (u8, List<(Name, Stored), DIR_PAGE_ENTRIES>);

impl DirPage {
    pub(crate) fn encode(entries: &[Entry], mut draft: Draft<'_>) -> Result<Vec<u8>, WriteError> {
        let entries = entries
            .iter()
            .map(|Entry { name, node }| {
                let (kind, body) = node.encode(&mut draft)?;
                Ok(StoredEntry { name: name.clone(), kind, body: ByteBuf::from(body) })
            })
            .collect::<Result<Vec<_>, WriteError>>()?;
        object::encode(kind::DIR, &draft.table, &entries)
    }

    pub(crate) fn decode(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<(Frame, Self), WalkError> {
        let (frame, entries) = Frame::decode::<List<StoredEntry, DIR_PAGE_ENTRIES>>(own, offset, bytes)?;
        let entries = entries
            .0
            .into_iter()
            .map(|entry| Ok(Entry { name: entry.name, node: Node::decode(&frame, entry.kind, entry.body.into_vec())? }))
            .collect::<Result<Vec<_>, WalkError>>()?;
        check_order(entries.iter().map(|entry| &entry.name))?;
        Ok((frame, Self { entries }))
    }

    /// Says whether an entry is of a kind that this release does not know.
    pub(crate) fn has_unknown(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.node, Node::Unknown { .. }))
    }
}

impl DirNode {
    pub(crate) fn encode(level: u8, children: &[(Name, Reference)], mut draft: Draft<'_>) -> Result<Vec<u8>, WriteError> {
        if usize::from(level) >= PAGE_LEVELS {
            return Err(WriteError::Bounds("a directory has too many levels of pages"));
        }
        let children = children.iter().map(|(name, child)| Ok((name, draft.refer(child)?))).collect::<Result<Vec<_>, WriteError>>()?;
        object::encode(kind::DIR_NODE, &draft.table, &(level, children))
    }

    pub(crate) fn decode(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<(Frame, Self), WalkError> {
        let (frame, (level, children)) = Frame::decode::<NodeBody>(own, offset, bytes)?;
        if !(1..PAGE_LEVELS).contains(&usize::from(level)) {
            return Err(WalkError::Damaged("a directory has too many levels of pages"));
        }
        let children =
            children.0.into_iter().map(|(name, child)| Ok((name, frame.refer_object(child)?))).collect::<Result<Vec<_>, WalkError>>()?;
        check_order(children.iter().map(|(name, _)| name))?;
        Ok((frame, Self { level, children }))
    }

    /// Returns which child's names may contain `name`: the last that does not begin behind it, else the first.
    pub(crate) fn position(&self, name: &Name) -> usize {
        self.children.partition_point(|(first, _)| first <= name).saturating_sub(1)
    }

    /// Returns what this page demands of a child.
    pub(crate) fn bounds_of(&self, child: usize, own: &DirBounds) -> DirBounds {
        DirBounds {
            level: Some(self.level - 1),
            first: self.children.get(child).map(|(name, _)| name.clone()),
            before: self.children.get(child + 1).map(|(name, _)| name.clone()).or_else(|| own.before.clone()),
        }
    }
}

impl DirBounds {
    /// Reads a page and checks that it is what the page above demands.
    pub(crate) fn load(&self, pages: &Pages, reference: &Reference) -> Result<Arc<Object>, WalkError> {
        let object = pages.object(reference)?;
        let (level, first, last) = match &object.page {
            Page::Dir(page) => (0, page.entries.first().map(|entry| &entry.name), page.entries.last().map(|entry| &entry.name)),
            Page::DirNode(node) => (node.level, node.children.first().map(|(name, _)| name), node.children.last().map(|(name, _)| name)),
            other => return Err(other.misplaced()),
        };
        if self.level.is_some_and(|demanded| demanded != level) {
            return Err(WalkError::Damaged("a directory page is of another level"));
        }
        if (self.first.is_some() && self.first.as_ref() != first) || self.before.as_ref().is_some_and(|before| Some(before) <= last) {
            return Err(WalkError::Damaged("a directory page holds names of another"));
        }
        Ok(object)
    }
}

/// Checks that names are there, in order, each once.
fn check_order<'a>(names: impl Iterator<Item = &'a Name>) -> Result<(), WalkError> {
    let mut last = None;
    for name in names {
        if last.is_some_and(|last| last >= name) {
            return Err(WalkError::Damaged("names are not in order"));
        }
        last = Some(name);
    }
    last.map(|_| ()).ok_or(WalkError::Damaged("a page is empty"))
}
