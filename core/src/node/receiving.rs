//! Receiving: what a carrier does with blocks that writers offer. Nothing comes that was not wanted, nothing is acked that is not durable.
//!
//! ```text
//!   Offer --> rights --> Has? --held--> Stored
//!                         \--lacking--> queue --room and limit--> Want --> Block --> batch --> Commit --> Stored
//!                                                     \--> Refused                               \--> Refused
//! ```
//!
//! What a writer has given to another holder already is fetched from there: see [`pulling`].

mod inviting;
mod offered;
mod pulling;

use std::collections::VecDeque;

use offered::Offered;
use pulling::{Pull, Pulling};

use super::LinkId;
use super::admission::{Admission, refuse};
use super::hub::Hub;
use super::storage::{Duty, Purpose};
use crate::block::{Block, SizeLog};
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::OFFERS_PER_LINK;
use crate::map::{Map, Set};
use crate::message::{Denial, Ids, Offer, Plain, Refused};
use crate::store::{Commit, StoreAnswer, StoreFault, StoreOp, Usage};
use crate::time::Time;

/// Blocks on their way in.
#[derive(Debug, Default)]
pub(super) struct Receiving {
    links: Map<LinkId, Inbox>,
    coming: Map<(VaultId, BlockId), Coming>,
    offered: Offered,
    batches: Map<VaultId, Vec<(Block, Arrived)>>,
    /// Links whose offers wait for room in the node's window, in turn.
    hungry: VecDeque<LinkId>,
    /// Bytes invited and bytes arrived that are not durable.
    pending: usize,
    commits: usize,
    pulling: Pulling,
}

/// What one link has offered.
#[derive(Debug, Default)]
struct Inbox {
    queue: VecDeque<(VaultId, BlockId, SizeLog)>,
    /// Offered blocks that the store is asked about.
    checking: usize,
    /// Offered blocks that wait for their turn to be fetched from another holder.
    pulls: usize,
    /// Bytes invited over this link.
    invited: usize,
    hungry: bool,
    /// When the last invited block came, and whether a timer looks at it.
    progress: Time,
    watched: bool,
}

/// A block that was invited or has arrived and is not durable.
#[derive(Debug)]
struct Coming {
    /// Over which link it was invited or fetched; none any more once it has arrived.
    from: Option<LinkId>,
    /// Whom it was fetched from, unless its writer was invited.
    source: Option<PeerId>,
    promised: SizeLog,
    /// Others that offered it.
    waiters: Vec<LinkId>,
}

/// A block that is being made durable.
#[derive(Debug)]
pub(super) struct Arrived {
    id: BlockId,
    /// The link that it was invited over; none for a block that was fetched.
    from: Option<LinkId>,
    promised: SizeLog,
    bytes: usize,
}

impl Receiving {
    /// Takes an offer of a peer that may store blocks in the vault; `source` is the carrier of the vault that it names as having them.
    pub(super) fn offer(&mut self, hub: &mut Hub, link: LinkId, offer: Offer, source: Option<PeerId>) {
        if offer.blocks.is_empty() {
            return;
        }
        let inbox = self.links.entry(link).or_default();
        if inbox.queue.len() + inbox.pulls + inbox.checking + offer.blocks.len() > OFFERS_PER_LINK {
            refuse(hub, link, Plain::Offer(offer), Denial::Busy);
            return;
        }
        inbox.checking += offer.blocks.len();
        offer.blocks.iter().for_each(|(id, _)| self.offered.enter(offer.vault, *id));
        let ids = offer.blocks.iter().map(|(id, _)| *id).collect();
        hub.store(StoreOp::Has(offer.vault, ids), Purpose::Duty(Duty::Offered(link, offer.vault, offer.blocks, source)));
    }

    /// Takes in which of the offered blocks are held.
    pub(super) fn checked(
        &mut self,
        hub: &mut Hub,
        admission: &mut Admission,
        (link, vault, blocks, source): (LinkId, VaultId, Vec<(BlockId, SizeLog)>, Option<PeerId>),
        answer: StoreAnswer,
    ) {
        let durable: Vec<bool> = blocks.iter().map(|(id, _)| self.offered.leave(vault, *id)).collect();
        let Some(inbox) = self.links.get_mut(&link) else { return };
        inbox.checking = inbox.checking.saturating_sub(blocks.len());
        let StoreAnswer::Has(flags) = answer else {
            let ids = blocks.into_iter().map(|(id, _)| id).collect();
            hub.send(link, Plain::Refused(Refused { vault, ids, why: Denial::DiskFailed }));
            return;
        };
        let source = source.filter(|source| self.pulling.takes(hub.now(), source));
        let (mut held, mut pulls, mut doubted) = (Vec::new(), Vec::new(), Set::new());
        for (((id, size), flag), is_durable) in blocks.into_iter().zip(flags).zip(durable) {
            if flag || is_durable {
                held.push(id);
            } else if let Some(coming) = self.coming.get_mut(&(vault, id)).filter(|coming| coming.from != Some(link)) {
                // Offered anew by whom it is fetched for: the writer could send it by now.
                let again = source.is_none() && coming.from.is_some() && coming.waiters.contains(&link);
                doubted.extend(coming.source.filter(|_| again));
                coming.wait(link);
            } else if source.is_some() {
                self.offered.enter(vault, id);
                inbox.pulls += 1;
                pulls.push(Pull { vault, id, size, writer: link, since: hub.now() });
            } else {
                self.offered.enter(vault, id);
                inbox.queue.push_back((vault, id, size));
            }
        }
        if !held.is_empty() {
            hub.send(link, Plain::Stored(Ids { vault, ids: held }));
        }
        self.invite(hub, admission, link);
        doubted.iter().for_each(|peer| self.doubt_source(hub, admission, peer));
        if let Some(source) = source {
            self.pull(hub, admission, source, pulls);
        }
    }

    /// Takes a block in; returns `false` when it was not invited.
    pub(super) fn block(&mut self, hub: &mut Hub, admission: &mut Admission, link: LinkId, vault: VaultId, block: Block) -> bool {
        let id = block.id();
        let Some(coming) = self.coming.get_mut(&(vault, id)) else { return false };
        if coming.from != Some(link) {
            return false;
        }
        let source = coming.source;
        if block.size_log() > coming.promised {
            // Whom it was fetched from promised nothing: let the writer try to deliver what it promised.
            if source.is_some() {
                self.withdraw(admission, vault, id);
                self.feed(hub, admission);
            }
            return source.is_some();
        }
        coming.from = None;
        let (promised, bytes) = (coming.promised, block.bytes().len());
        self.pending -= promised.bytes() - bytes;
        if let Some(peer) = source {
            self.pulling.close(&peer, &(vault, id), promised.bytes());
            self.source_delivers(hub, &peer);
        } else if let Some(inbox) = self.links.get_mut(&link) {
            inbox.invited -= promised.bytes();
            inbox.progress = hub.now();
        }
        let from = source.is_none().then_some(link);
        self.batches.entry(vault).or_default().push((block, Arrived { id, from, promised, bytes }));
        self.commit(hub);
        match source {
            Some(peer) => self.fetch(hub, admission, &peer),
            None => self.invite(hub, admission, link),
        }
        true
    }

    /// Takes in that invited blocks cannot be delivered after all: their room is free for others.
    pub(super) fn absent(&mut self, hub: &mut Hub, admission: &mut Admission, link: LinkId, absent: &Ids) {
        if let Some(inbox) = self.links.get_mut(&link) {
            inbox.progress = hub.now();
        }
        for id in &absent.ids {
            if self.coming.get(&(absent.vault, *id)).is_some_and(|coming| coming.from == Some(link)) {
                self.withdraw(admission, absent.vault, *id);
            }
        }
        self.invite(hub, admission, link);
        self.feed(hub, admission);
    }

    /// Takes in whether blocks became durable, and tells everybody who offered them.
    pub(super) fn committed(
        &mut self,
        hub: &mut Hub,
        admission: &mut Admission,
        (vault, arrived): (VaultId, Vec<Arrived>),
        answer: &StoreAnswer,
    ) {
        self.commits -= 1;
        let refused = match answer {
            StoreAnswer::Committed => None,
            StoreAnswer::Failed(StoreFault::Full) => Some(Denial::DiskFull),
            _ => Some(Denial::DiskFailed),
        };
        let mut tell: Map<LinkId, Vec<BlockId>> = Map::new();
        for Arrived { id, from, promised, bytes } in arrived {
            self.pending -= bytes;
            let stored = if refused.is_none() { Usage::block(bytes as u64) } else { Usage::default() };
            admission.settle(&vault, promised.bytes() as u64, stored);
            if refused.is_none() {
                self.offered.durable(vault, id);
            }
            let waiters = self.coming.remove(&(vault, id)).map(|coming| coming.waiters).unwrap_or_default();
            for link in from.into_iter().chain(waiters) {
                tell.entry(link).or_default().push(id);
            }
        }
        for (link, ids) in tell {
            let plain = match refused {
                None => Plain::Stored(Ids { vault, ids }),
                Some(why) => Plain::Refused(Refused { vault, ids, why }),
            };
            hub.send(link, plain);
        }
        self.commit(hub);
        self.feed(hub, admission);
    }

    /// Forgets a link: what it was invited to send goes to the next one that offered it, and so does what was fetched over it.
    pub(super) fn unlinked(&mut self, hub: &mut Hub, admission: &mut Admission, peer: &PeerId, link: LinkId) {
        self.source_unlinked(hub, admission, peer, link);
        if let Some(inbox) = self.links.remove(&link) {
            for (vault, id, _) in inbox.queue {
                self.offered.leave(vault, id);
            }
            self.forget_pulls(link);
            let invited: Vec<_> = self.coming.iter().filter(|(_, coming)| coming.from == Some(link)).map(|(key, _)| *key).collect();
            for (vault, id) in invited {
                self.withdraw(admission, vault, id);
            }
        }
        self.feed(hub, admission);
    }

    /// Hands arrived blocks to the store: at once while few commits are open, then together, as many as fit one.
    fn commit(&mut self, hub: &mut Hub) {
        while self.commits < COMMITS_OPEN
            && let Some((vault, mut batch)) = self.batches.pop_first()
        {
            let mut bytes = 0;
            let fits = batch.iter().take(COMMIT_BLOCKS).take_while(|(block, _)| {
                bytes += block.bytes().len();
                bytes <= COMMIT_BYTES
            });
            let count = fits.count();
            let (blocks, arrived): (Vec<_>, Vec<_>) = batch.drain(..count).unzip();
            if !batch.is_empty() {
                self.batches.insert(vault, batch);
            }
            self.commits += 1;
            hub.store(StoreOp::Commit(Commit { vault, blocks, records: Vec::new() }), Purpose::Duty(Duty::Arrived(vault, arrived)));
        }
    }
}

impl Coming {
    /// Remembers one more link that offered the block.
    fn wait(&mut self, link: LinkId) {
        if !self.waiters.contains(&link) {
            self.waiters.push(link);
        }
    }
}

/// Commits of blocks that are open at once: enough for a disk to sync many together.
const COMMITS_OPEN: usize = 16;
/// Blocks of one commit: what one transaction in a browser takes.
const COMMIT_BLOCKS: usize = 256;
/// Bytes of blocks of one commit: what one transaction in a browser takes.
const COMMIT_BYTES: usize = 8 << 20;
