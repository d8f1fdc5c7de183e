//! Serving: blocks for whoever knows their ids, a few at a time for each link.

use std::collections::VecDeque;

use super::LinkId;
use super::hub::Hub;
use super::storage::Purpose;
use crate::id::{BlockId, VaultId};
use crate::limits::LIST_MAX;
use crate::map::Map;
use crate::message::{Ids, Message, Plain};
use crate::store::{Fetched, StoreAnswer, StoreOp};

/// What links have fetched and not been given.
#[derive(Debug, Default)]
pub(super) struct Serving {
    links: Map<LinkId, Tray>,
}

#[derive(Debug, Default)]
struct Tray {
    queue: VecDeque<(VaultId, BlockId)>,
    reading: usize,
}

impl Serving {
    /// Takes a fetch; who asks for more at once than a list holds is told that the rest is absent.
    pub(super) fn fetch(&mut self, hub: &mut Hub, link: LinkId, fetch: Ids) {
        let tray = self.links.entry(link).or_default();
        let Ids { vault, mut ids } = fetch;
        let surplus = ids.split_off(ids.len().min(LIST_MAX - tray.queue.len()));
        tray.queue.extend(ids.into_iter().map(|id| (vault, id)));
        if !surplus.is_empty() {
            hub.send(link, Plain::Absent(Ids { vault, ids: surplus }));
        }
        self.pump(hub, link);
    }

    /// Takes the store's answer and passes the block on. A damaged one counts as not held: the reader has it from another.
    pub(super) fn answered(&mut self, hub: &mut Hub, link: LinkId, vault: VaultId, id: BlockId, answer: StoreAnswer) {
        match answer {
            StoreAnswer::Block(Fetched::Found(block)) => hub.send(link, Message::Block(vault, block)),
            _ => hub.send(link, Plain::Absent(Ids { vault, ids: vec![id] })),
        }
        if let Some(tray) = self.links.get_mut(&link) {
            tray.reading = tray.reading.saturating_sub(1);
        }
        self.pump(hub, link);
    }

    /// Forgets a link.
    pub(super) fn unlinked(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    fn pump(&mut self, hub: &mut Hub, link: LinkId) {
        let Some(tray) = self.links.get_mut(&link) else { return };
        while tray.reading < READING_PER_LINK
            && let Some((vault, id)) = tray.queue.pop_front()
        {
            tray.reading += 1;
            hub.store(StoreOp::Get(id), Purpose::Serve(link, vault, id));
        }
    }
}

/// Blocks that one link has the store read at once.
const READING_PER_LINK: usize = 16;
