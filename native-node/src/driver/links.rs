//! Which links are open, for whoever wants to look: the API, metrics, a person.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cachette_core::id::PeerId;
use cachette_core::node::LinkId;
use cachette_core::time::Time;

/// The open links. Clones show the same.
#[derive(Debug, Clone, Default)]
pub struct LinkTable(Arc<Mutex<BTreeMap<LinkId, Arc<LinkInfo>>>>);

/// An open link.
#[derive(Debug)]
pub struct LinkInfo {
    /// The peer, proven.
    pub peer: PeerId,
    /// Whether this side called.
    pub dialled: bool,
    /// Where the other side called from.
    pub remote: Option<SocketAddr>,
    /// Since when.
    pub since: Time,
    received: AtomicU64,
    sent: AtomicU64,
}

impl LinkTable {
    /// Returns the open links in the order in which they were opened.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<LinkInfo>> {
        self.lock().values().cloned().collect()
    }

    /// Returns how many links are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Says whether no link is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn insert(&self, link: LinkId, info: Arc<LinkInfo>) {
        self.lock().insert(link, info);
    }

    pub(crate) fn remove(&self, link: LinkId) {
        self.lock().remove(&link);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<LinkId, Arc<LinkInfo>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkInfo {
    pub(crate) const fn new(peer: PeerId, dialled: bool, remote: Option<SocketAddr>, since: Time) -> Self {
        Self { peer, dialled, remote, since, received: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    /// Returns the bytes of socket messages received and sent so far.
    #[must_use]
    pub fn traffic(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
