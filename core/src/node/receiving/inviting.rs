//! Inviting: which of the offered blocks a writer is asked for, as far as the windows and limits allow, and what happens when it does not
//! deliver them.

use super::{Coming, Receiving};
use crate::block::SizeLog;
use crate::id::{BlockId, VaultId};
use crate::limits::{IDLE_CLOSE, LINK_WINDOW, NODE_WINDOW, TAB_LINK_WINDOW};
use crate::map::Map;
use crate::message::{Denial, Ids, Plain, Refused};
use crate::node::admission::Admission;
use crate::node::hub::Hub;
use crate::node::timers::Timer;
use crate::node::{LinkId, Trouble};
use crate::store::Usage;
use crate::time::Span;

impl Receiving {
    /// Closes a link whose writer does not deliver what it was invited to: others wait for the room.
    pub(in crate::node) fn look(&mut self, hub: &mut Hub, link: LinkId) {
        let Some(inbox) = self.links.get_mut(&link) else { return };
        inbox.watched = false;
        let waited = hub.now().since(inbox.progress);
        if inbox.invited > 0 && waited >= IDLE_CLOSE {
            hub.close(link, Trouble::Silent);
        } else if inbox.invited > 0 {
            inbox.watched = true;
            hub.arm(Span(IDLE_CLOSE.millis() - waited.millis()), Timer::Invited(link));
        }
    }

    /// Invites what a link offered, as far as the windows and limits allow.
    pub(super) fn invite(&mut self, hub: &mut Hub, admission: &mut Admission, link: LinkId) {
        let Some(inbox) = self.links.get_mut(&link) else { return };
        let window = hub.window(LINK_WINDOW, TAB_LINK_WINDOW);
        let mut wanted: Map<VaultId, Vec<BlockId>> = Map::new();
        let mut refused: Map<(VaultId, u8), Vec<BlockId>> = Map::new();
        let mut stored: Map<VaultId, Vec<BlockId>> = Map::new();
        while let Some(&(vault, id, size)) = inbox.queue.front() {
            if inbox.invited + size.bytes() > window {
                break;
            }
            if self.pending + size.bytes() > NODE_WINDOW {
                if !std::mem::replace(&mut inbox.hungry, true) {
                    self.hungry.push_back(link);
                }
                break;
            }
            inbox.queue.pop_front();
            if self.offered.leave(vault, id) {
                stored.entry(vault).or_default().push(id);
                continue;
            }
            if let Some(coming) = self.coming.get_mut(&(vault, id)) {
                if coming.from == Some(link) {
                    // Offered anew: the invitation may have been overlooked. Its room is taken already.
                    wanted.entry(vault).or_default().push(id);
                } else {
                    coming.wait(link);
                }
                continue;
            }
            if let Err(why) = admission.reserve(hub, &vault, size.bytes() as u64) {
                refused.entry((vault, why.into())).or_default().push(id);
                continue;
            }
            inbox.invited += size.bytes();
            self.pending += size.bytes();
            self.coming.insert((vault, id), Coming { from: Some(link), source: None, promised: size, waiters: Vec::new() });
            wanted.entry(vault).or_default().push(id);
        }
        if !wanted.is_empty() && !inbox.watched {
            inbox.watched = true;
            inbox.progress = hub.now();
            hub.arm(IDLE_CLOSE, Timer::Invited(link));
        }
        for (vault, ids) in stored {
            hub.send(link, Plain::Stored(Ids { vault, ids }));
        }
        for (vault, ids) in wanted {
            hub.send(link, Plain::Want(Ids { vault, ids }));
        }
        for ((vault, why), ids) in refused {
            let why = Denial::try_from(why).unwrap_or(Denial::Busy);
            hub.send(link, Plain::Refused(Refused { vault, ids, why }));
        }
    }

    /// Gives links that wait for room their turn. Sources come first: their windows are small.
    pub(super) fn feed(&mut self, hub: &mut Hub, admission: &mut Admission) {
        self.fetch_all(hub, admission);
        for _ in 0..self.hungry.len() {
            let Some(link) = self.hungry.pop_front() else { return };
            if let Some(inbox) = self.links.get_mut(&link) {
                inbox.hungry = false;
            }
            self.invite(hub, admission, link);
            if self.links.get(&link).is_some_and(|inbox| inbox.hungry) {
                return;
            }
        }
    }

    /// Takes an invitation back, and queues the block for the next link that offered it.
    pub(super) fn withdraw(&mut self, admission: &mut Admission, vault: VaultId, id: BlockId) {
        let Some(coming) = self.coming.remove(&(vault, id)) else { return };
        let bytes = coming.promised.bytes();
        self.pending -= bytes;
        admission.settle(&vault, bytes as u64, Usage::default());
        if let Some(source) = coming.source {
            self.pulling.close(&source, &(vault, id), bytes);
        } else if let Some(inbox) = coming.from.and_then(|link| self.links.get_mut(&link)) {
            inbox.invited -= bytes;
        }
        for link in coming.waiters {
            self.turn_to(link, vault, id, coming.promised);
        }
    }

    /// Puts a block first among those that a link is to be invited to send.
    pub(super) fn turn_to(&mut self, link: LinkId, vault: VaultId, id: BlockId, size: SizeLog) {
        let Some(inbox) = self.links.get_mut(&link) else { return };
        self.offered.enter(vault, id);
        inbox.queue.push_front((vault, id, size));
        if !std::mem::replace(&mut inbox.hungry, true) {
            self.hungry.push_back(link);
        }
    }
}
