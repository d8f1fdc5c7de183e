//! The bounded cache of opened packs, and of the objects decoded from them, that tree walks work on.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::dir::{DirNode, DirPage};
use super::file::{FileNode, FilePage};
use super::object::{Frame, VERSION, kind, peek};
use super::snapshot::Snapshot;
use super::walk::WalkError;
use crate::id::BlockId;
use crate::limits::PAGE_CACHE;
use crate::map::Map;
use crate::vault::reference::Reference;
use crate::vault::seal::BlockKey;

/// Opened packs, the least recently used of which go first.
///
/// Objects that a walk has passed are kept apart from their packs, so that a walk finds its way again even when the packs along a
/// long path do not fit the cache together.
pub struct Pages {
    cache: RefCell<Caches>,
}

struct Caches {
    packs: Cache<BlockId, Bytes>,
    objects: Cache<(BlockId, u32), Arc<Object>>,
}

/// A decoded object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) page: Page,
    /// The blocks in its table but its own.
    pub(crate) blocks: Vec<BlockKey>,
}

/// What an object holds.
#[derive(Debug)]
pub(crate) enum Page {
    Snapshot(Box<Snapshot>),
    Dir(DirPage),
    DirNode(DirNode),
    File(FilePage),
    FileNode(FileNode),
    Unknown { kind: u8, version: u8 },
}

impl Pages {
    /// Starts an empty cache of [`PAGE_CACHE`] bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(PAGE_CACHE)
    }

    /// Starts an empty cache of so many bytes.
    pub(crate) fn with_limit(bytes: usize) -> Self {
        let objects = bytes / 4;
        Self { cache: RefCell::new(Caches { packs: Cache::new(bytes - objects), objects: Cache::new(objects) }) }
    }

    /// Takes the opened pack of a block.
    pub fn insert(&mut self, id: BlockId, pack: Bytes) {
        let weight = pack.len();
        self.cache.get_mut().packs.insert(id, pack, weight);
    }

    /// Says whether everything is here to read the object at `reference`; if not, adds what lacks to `missing`.
    pub(crate) fn lacks(&self, reference: &Reference, missing: &mut Vec<BlockKey>) -> Result<bool, WalkError> {
        let (first, next) = reference.blocks().ok_or(UNSEALED)?;
        let mut cache = self.cache.borrow_mut();
        if cache.objects.find(&(first.id, reference.offset)).is_some() {
            return Ok(false);
        }
        let mut lacks = false;
        for block in [Some(first), next].into_iter().flatten() {
            if cache.packs.find(&block.id).is_none() {
                lacks = true;
                if !missing.contains(&block) {
                    missing.push(block);
                }
            }
        }
        Ok(lacks)
    }

    /// Returns the decoded object at `reference`.
    pub(crate) fn object(&self, reference: &Reference) -> Result<Arc<Object>, WalkError> {
        let mut missing = Vec::new();
        if self.lacks(reference, &mut missing)? {
            return Err(WalkError::Missing(missing));
        }
        let (first, next) = reference.blocks().ok_or(UNSEALED)?;
        let mut cache = self.cache.borrow_mut();
        let place = (first.id, reference.offset);
        if let Some(object) = cache.objects.find(&place) {
            return Ok(object.clone());
        }
        let first_pack = cache.packs.find(&first.id).cloned().unwrap_or_default();
        let next_pack = next.and_then(|next| cache.packs.find(&next.id).cloned());
        let bytes =
            reference.segment(&first_pack, next_pack.as_ref()).map_err(|_| WalkError::Damaged("an object lies outside of its block"))?;
        let object = Arc::new(Object::decode(first, reference.offset, &bytes)?);
        cache.objects.insert(place, object.clone(), OBJECT_GROWTH * bytes.len());
        Ok(object)
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cache = self.cache.borrow();
        write!(f, "Pages({} packs, {} objects)", cache.packs.items.len(), cache.objects.items.len())
    }
}

impl Object {
    fn decode(own: BlockKey, offset: u32, bytes: &[u8]) -> Result<Self, WalkError> {
        let (kind, version) = peek(bytes)?;
        let (frame, page) = match (kind, version) {
            (kind::SNAPSHOT, VERSION) => {
                Snapshot::decode(own, offset, bytes).map(|(frame, page)| (frame, Page::Snapshot(Box::new(page))))?
            }
            (kind::DIR, VERSION) => DirPage::decode(own, offset, bytes).map(|(frame, page)| (frame, Page::Dir(page)))?,
            (kind::DIR_NODE, VERSION) => DirNode::decode(own, offset, bytes).map(|(frame, page)| (frame, Page::DirNode(page)))?,
            (kind::FILE, VERSION) => FilePage::decode(own, offset, bytes).map(|(frame, page)| (frame, Page::File(page)))?,
            (kind::FILE_NODE, VERSION) => FileNode::decode(own, offset, bytes).map(|(frame, page)| (frame, Page::FileNode(page)))?,
            _ => (Frame::decode_table(own, offset, bytes)?, Page::Unknown { kind, version }),
        };
        Ok(Self { page, blocks: frame.blocks() })
    }
}

impl Page {
    /// Returns the error of a walk that met this page where another kind belongs.
    pub(crate) const fn misplaced(&self) -> WalkError {
        match self {
            Self::Unknown { kind, version } => WalkError::Unknown { kind: *kind, version: *version },
            _ => WalkError::Damaged("an object of another kind stands here"),
        }
    }
}

/// A bounded map that forgets what was not used for longest.
struct Cache<K, V> {
    items: Map<K, Item<V>>,
    /// The keys by the moment of their last use.
    order: Map<u64, K>,
    clock: u64,
    weight: usize,
    limit: usize,
}

struct Item<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Ord + Copy, V> Cache<K, V> {
    const fn new(limit: usize) -> Self {
        Self { items: Map::new(), order: Map::new(), clock: 0, weight: 0, limit }
    }

    fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        self.clock += 1;
        self.order.insert(self.clock, key);
        self.items.insert(key, Item { value, weight, used: self.clock });
        self.weight += weight;
        // The newest stays, however heavy: a walk that needs it would never end otherwise.
        while self.weight > self.limit && self.items.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else { return };
            self.remove(&oldest);
        }
    }

    fn find(&mut self, key: &K) -> Option<&V> {
        let item = self.items.get_mut(key)?;
        self.clock += 1;
        self.order.remove(&item.used);
        item.used = self.clock;
        self.order.insert(self.clock, *key);
        Some(&item.value)
    }

    fn remove(&mut self, key: &K) {
        if let Some(item) = self.items.remove(key) {
            self.order.remove(&item.used);
            self.weight -= item.weight;
        }
    }
}

const UNSEALED: WalkError = WalkError::Damaged("a reference to a pack that is not sealed yet");
/// Bytes of memory that a decoded object takes for each byte of its encoding, about.
const OBJECT_GROWTH: usize = 3;
