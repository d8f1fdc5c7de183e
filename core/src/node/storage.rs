//! The node's side of its store: what was asked and why, and what waits because enough is unanswered.

use std::collections::VecDeque;

use super::hub::Hub;
use super::inspect::Question;
use super::receiving::Arrived;
use super::redeeming::Redeeming;
use super::{AskId, LinkId, Output};
use crate::block::SizeLog;
use crate::id::{BlockId, PeerId, RecordId, VaultId};
use crate::limits::STORE_WINDOW;
use crate::map::Map;
use crate::message::Ask;
use crate::store::{RequestId, StoreOp};

/// Store operations: unanswered ones with their purpose, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Storage {
    next: u64,
    open: Map<RequestId, Purpose>,
    waiting: VecDeque<(StoreOp, Purpose)>,
}

/// Why the store was asked.
#[derive(Debug)]
pub(super) enum Purpose {
    /// Something that only a carrier does.
    Duty(Duty),
    /// A block that a peer fetches.
    Serve(LinkId, VaultId, BlockId),
    /// A needed block that may lie here.
    LocalGet(BlockId),
    /// Blocks of a vault without carriers.
    LocalPlace(Vec<BlockId>),
    /// Old blocks of a vault without carriers, to be counted on again.
    LocalConfirm(Vec<BlockId>),
    /// A record of a vault without carriers.
    LocalPublish(RecordId),
    /// The records of a vault without carriers.
    LocalRefresh(AskId, VaultId),
    /// Which blocks of a vault without carriers are here.
    LocalLocate(AskId, Vec<BlockId>),
    /// The same for an audit.
    LocalAudit(AskId, Vec<BlockId>),
    /// A block of so many bytes for a vault's cache.
    Kept(VaultId, BlockId, u64),
    /// Which of the blocks that are to be kept are here already.
    Stock,
    /// A step of making room in a vault's cache.
    Cached(VaultId),
    /// What of a vault lies under an owner.
    Inventory(VaultId, VaultId),
    /// A good block put in the place of a damaged one.
    LocalMend,
}

/// Why a carrier asked its store.
#[derive(Debug)]
pub(super) enum Duty {
    /// A vault's records, before anything is said about the vault.
    LoadRecords(VaultId),
    /// What a vault takes.
    LoadUsage(VaultId),
    /// What all vaults take.
    TotalUsage,
    /// Which of the offered blocks are held already; and whom the others may be fetched from.
    Offered(LinkId, VaultId, Vec<(BlockId, SizeLog)>, Option<PeerId>),
    /// Blocks that arrived.
    Arrived(VaultId, Vec<Arrived>),
    /// A question that a peer asked.
    Inspect(LinkId, Ask, Question),
    /// A record that a peer handed over.
    Record(VaultId),
    /// Locate records that a peer asks for.
    Located(LinkId, Ask),
    /// A step of redeeming an invitation.
    Redeem(Box<Redeeming>),
    /// A new invitation.
    Invitation(AskId),
}

impl Hub {
    /// Asks the store, now or when fewer operations are unanswered.
    pub(super) fn store(&mut self, op: StoreOp, purpose: Purpose) {
        if self.storage.open.len() < STORE_WINDOW {
            self.submit(op, purpose);
        } else {
            self.storage.waiting.push_back((op, purpose));
        }
    }

    /// Takes an answer in: returns why the store was asked, `None` when it was not.
    pub(super) fn answered(&mut self, request: RequestId) -> Option<Purpose> {
        let purpose = self.storage.open.remove(&request)?;
        if let Some((op, purpose)) = self.storage.waiting.pop_front() {
            self.submit(op, purpose);
        }
        Some(purpose)
    }

    fn submit(&mut self, op: StoreOp, purpose: Purpose) {
        let request = RequestId(self.storage.next);
        self.storage.next += 1;
        self.storage.open.insert(request, purpose);
        self.say(Output::Store(request, op));
    }
}
