//! Admission: which vaults a carrier serves, loaded from its store when first spoken of, and what each may do here.
//!
//! ```text
//!              spoken of                 records and usage read
//!   (unknown) -----------> Loading{parked} ------------------> Admitted      (kept; the least used makes room)
//!                                          \---no admission--> (unknown)     (what was parked is refused)
//! ```
//!
//! When its records change beneath a vault it is stale, and loaded again as soon as nothing of it is under way: the store answers in any
//! order, and an answer that is still to come is about what is known now.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::hub::Hub;
use super::records::Kept;
use super::storage::{Duty, Purpose};
use super::{LinkId, Role};
use crate::codec;
use crate::id::{PeerId, VaultId};
use crate::map::Map;
use crate::message::{Denial, Plain, Refused};
use crate::record::{Rights, kind};
use crate::store::{RecordQuery, RecordSlot, StoreAnswer, StoreOp, Usage};

/// The vaults that a carrier knows at the moment.
#[derive(Debug, Default)]
pub(super) struct Admission {
    vaults: Map<VaultId, Entry>,
    parked: usize,
    uses: u64,
    /// What all vaults take; `None` until the store said so.
    total: Option<Usage>,
    total_asked: bool,
    /// Promised to writers and not durable yet.
    reserved: Usage,
}

#[derive(Debug)]
enum Entry {
    Loading(Box<Loading>),
    Admitted(Box<Admitted>),
}

#[derive(Debug, Default)]
struct Loading {
    parked: VecDeque<(LinkId, Plain)>,
    kept: Option<Option<(Kept, Limit)>>,
    usage: Option<Usage>,
    stale: bool,
}

/// A vault that is served.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) kept: Kept,
    /// Bytes that it may take.
    pub(super) limit: u64,
    used: Usage,
    reserved: Usage,
    last_use: u64,
    stale: bool,
}

/// The value of an admission record: bytes that the vault may take.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limit(pub(super) u64);

/// Where a message about a vault goes.
pub(super) enum Gate<'a> {
    /// On: the vault is served.
    Open(&'a mut Admitted, Plain),
    /// Nowhere yet; it comes again when the vault is loaded, or was refused.
    Shut,
}

/// What loading a vault came to.
pub(super) struct Loaded {
    /// Messages that waited.
    pub(super) parked: VecDeque<(LinkId, Plain)>,
    /// Whether the vault is served.
    pub(super) admitted: bool,
}

impl Admission {
    /// Lets a message about a vault pass, or parks it until the vault is loaded.
    pub(super) fn enter(&mut self, hub: &mut Hub, vault: VaultId, link: LinkId, plain: Plain) -> Gate<'_> {
        if matches!(self.vaults.get(&vault), Some(Entry::Admitted(admitted)) if admitted.stale && admitted.is_idle()) {
            self.vaults.remove(&vault);
        }
        if !self.vaults.contains_key(&vault) {
            self.load(hub, vault);
        }
        self.uses += 1;
        match self.vaults.get_mut(&vault) {
            Some(Entry::Admitted(admitted)) => {
                admitted.last_use = self.uses;
                Gate::Open(admitted, plain)
            }
            Some(Entry::Loading(loading)) if self.parked < PARKED_MAX => {
                self.parked += 1;
                loading.parked.push_back((link, plain));
                Gate::Shut
            }
            _ => {
                refuse(hub, link, plain, Denial::Busy);
                Gate::Shut
            }
        }
    }

    /// Returns a vault that is served and loaded.
    pub(super) fn admitted(&mut self, vault: &VaultId) -> Option<&mut Admitted> {
        match self.vaults.get_mut(vault) {
            Some(Entry::Admitted(admitted)) => Some(admitted),
            _ => None,
        }
    }

    /// Promises room for a block of `bytes`.
    pub(super) fn reserve(&mut self, hub: &Hub, vault: &VaultId, bytes: u64) -> Result<(), Denial> {
        let Role::Carrier { limit: total_limit, .. } = &hub.role else { return Err(Denial::NotAdmitted) };
        let block = Usage::block(bytes);
        let total = self.total.unwrap_or_default().plus(self.reserved).plus(block);
        // A vault that made room for another meanwhile: it is loaded again at the next try.
        let Some(Entry::Admitted(admitted)) = self.vaults.get_mut(vault) else { return Err(Denial::Busy) };
        if !admitted.used.plus(admitted.reserved).plus(block).fits(Usage::limit(admitted.limit)) {
            return Err(Denial::Limit);
        }
        if !total.fits(Usage::limit(*total_limit)) {
            return Err(Denial::DiskFull);
        }
        admitted.reserved = admitted.reserved.plus(block);
        self.reserved = self.reserved.plus(block);
        Ok(())
    }

    /// Takes a promise of so many bytes back, and counts what became of it: the block that is durable now, if it is.
    pub(super) fn settle(&mut self, vault: &VaultId, promised: u64, stored: Usage) {
        let promised = Usage::block(promised);
        self.reserved = self.reserved.minus(promised);
        self.total = self.total.map(|total| total.plus(stored));
        if let Some(admitted) = self.admitted(vault) {
            admitted.reserved = admitted.reserved.minus(promised);
            admitted.used = admitted.used.plus(stored);
        }
    }

    /// Has a vault loaded again, when nothing of it is under way.
    pub(super) fn forget(&mut self, vault: &VaultId) {
        match self.vaults.get_mut(vault) {
            Some(Entry::Admitted(admitted)) => admitted.stale = true,
            Some(Entry::Loading(loading)) => loading.stale = true,
            None => {}
        }
    }

    /// Takes the store's answer to one of the questions that loading asks.
    pub(super) fn learn(&mut self, vault: &VaultId, answer: StoreAnswer) {
        let Some(Entry::Loading(loading)) = self.vaults.get_mut(vault) else { return };
        match answer {
            StoreAnswer::Records(records) => loading.kept = Some(read(*vault, records)),
            StoreAnswer::Usage(usage) => loading.usage = Some(usage),
            // A store that cannot say what it holds serves nothing.
            _ => {
                loading.kept.get_or_insert(None);
                loading.usage.get_or_insert_default();
            }
        }
    }

    /// Ends the loading of a vault, once everything is known that it takes.
    pub(super) fn loaded(&mut self, hub: &mut Hub, vault: VaultId) -> Option<Loaded> {
        let Some(Entry::Loading(loading)) = self.vaults.get_mut(&vault) else { return None };
        if loading.kept.is_none() || loading.usage.is_none() || self.total.is_none() {
            return None;
        }
        if std::mem::take(&mut loading.stale) {
            (loading.kept, loading.usage) = (None, None);
            ask_store(hub, vault);
            return None;
        }
        let Some(Entry::Loading(loading)) = self.vaults.remove(&vault) else { return None };
        self.parked -= loading.parked.len();
        let admitted = loading.kept.flatten();
        let known = admitted.is_some();
        if let (Some((kept, Limit(limit))), Some(usage)) = (admitted, loading.usage) {
            let fresh = Admitted { kept, limit, used: usage, reserved: Usage::default(), last_use: self.uses, stale: false };
            self.vaults.insert(vault, Entry::Admitted(Box::new(fresh)));
        }
        Some(Loaded { parked: loading.parked, admitted: known })
    }

    /// Takes in what all vaults together take; returns the vaults that may have waited for that. A store that cannot say it takes
    /// nothing more.
    pub(super) fn counted(&mut self, answer: &StoreAnswer) -> Vec<VaultId> {
        self.total = Some(if let StoreAnswer::Usage(usage) = answer { *usage } else { NO_ROOM });
        self.vaults.keys().copied().collect()
    }

    fn load(&mut self, hub: &mut Hub, vault: VaultId) {
        if self.vaults.len() >= VAULTS_LOADED {
            self.make_room();
        }
        if self.vaults.len() >= VAULTS_LOADED {
            return;
        }
        if !std::mem::replace(&mut self.total_asked, true) {
            hub.store(StoreOp::Usage(None), Purpose::Duty(Duty::TotalUsage));
        }
        self.vaults.insert(vault, Entry::Loading(Box::default()));
        ask_store(hub, vault);
    }

    fn make_room(&mut self) {
        let idle = self.vaults.iter().filter_map(|(vault, entry)| match entry {
            Entry::Admitted(admitted) if admitted.is_idle() => Some((admitted.last_use, *vault)),
            _ => None,
        });
        if let Some((_, vault)) = idle.min() {
            self.vaults.remove(&vault);
        }
    }
}

impl Admitted {
    /// Says whether nothing of the vault is under way: no block is promised room, no record is being written.
    const fn is_idle(&self) -> bool {
        self.reserved.blocks == 0 && self.kept.is_idle()
    }

    /// Says whether a peer may store blocks here: a device with *write*, or a carrier of the vault.
    pub(super) fn may_store(&self, peer: &PeerId) -> bool {
        let tip = self.kept.chain.tip();
        tip.carrier(peer).is_some()
            || tip.member(peer).is_some_and(|member| member.removed_after.is_none() && member.rights.contains(Rights::WRITE))
    }

    /// Returns whom blocks of an offer may be fetched from: the first of those it names that is a carrier of the vault, and neither this
    /// node nor the one that offers. Nobody else is called or asked because a message says so.
    pub(super) fn source(&self, me: &PeerId, writer: &PeerId, named: &[PeerId]) -> Option<PeerId> {
        let tip = self.kept.chain.tip();
        named.iter().find(|peer| *peer != me && *peer != writer && tip.carrier(peer).is_some()).copied()
    }

    /// Returns where the certificate says that a carrier is.
    pub(super) fn addresses(&self, peer: &PeerId) -> Option<Vec<String>> {
        Some(self.kept.chain.tip().carrier(peer)?.addresses.clone())
    }

    /// Says whether a peer is a member that nobody removed.
    pub(super) fn is_member(&self, peer: &PeerId) -> bool {
        self.kept.chain.tip().member(peer).is_some_and(|member| member.removed_after.is_none())
    }

    /// Says whether a peer is a carrier of the vault.
    pub(super) fn is_carrier(&self, peer: &PeerId) -> bool {
        self.kept.chain.tip().carrier(peer).is_some()
    }

    /// Says whether a peer may ask what is held here: members and carriers.
    pub(super) fn may_ask(&self, peer: &PeerId) -> bool {
        self.kept.chain.knows(peer)
    }
}

fn ask_store(hub: &mut Hub, vault: VaultId) {
    hub.store(StoreOp::Records(RecordQuery::Vault(vault)), Purpose::Duty(Duty::LoadRecords(vault)));
    hub.store(StoreOp::Usage(Some(vault)), Purpose::Duty(Duty::LoadUsage(vault)));
}

/// Returns where the note stands that a vault is admitted.
pub(super) const fn slot(vault: VaultId) -> RecordSlot {
    RecordSlot { vault, kind: kind::ADMISSION, key: [0; 32] }
}

/// Reads a vault's records; `None` when it is not admitted.
fn read(vault: VaultId, records: Vec<(RecordSlot, Bytes)>) -> Option<(Kept, Limit)> {
    let admission = records.iter().find(|(at, _)| *at == slot(vault))?;
    let limit = codec::decode(&admission.1).ok()?;
    Some((Kept::read(vault, records)?, limit))
}

/// Answers a message that is not let pass. What needs no answer gets none.
pub(super) fn refuse(hub: &mut Hub, link: LinkId, plain: Plain, why: Denial) {
    let answer = match plain {
        Plain::Offer(offer) => {
            let ids = offer.blocks.into_iter().map(|(id, _)| id).collect();
            Plain::Refused(Refused { vault: offer.vault, ids, why })
        }
        Plain::Has(has) | Plain::Where(has) => Plain::Denied((has.ask, why)),
        Plain::Summarise(summarise) => Plain::Denied((summarise.ask, why)),
        Plain::Scan(scan) => Plain::Denied((scan.ask, why)),
        Plain::Publish((ask, _)) => Plain::Denied((ask, why)),
        Plain::Records((ask, _)) | Plain::Status((ask, _)) => Plain::Denied((ask, why)),
        Plain::Locate((ask, _)) => Plain::Denied((ask, why)),
        Plain::Share(sought) => Plain::Denied((sought.ask, why)),
        Plain::Redeem(redeem) => Plain::Denied((redeem.ask, why)),
        Plain::Open(open) => Plain::Denied((open.ask, why)),
        _ => return,
    };
    hub.send(link, answer);
}

/// What counts as taken when nobody can say.
const NO_ROOM: Usage = Usage { blocks: u64::MAX, bytes: u64::MAX };
/// Vaults whose records a carrier keeps in memory.
const VAULTS_LOADED: usize = 1024;
/// Messages that wait for vaults to be loaded.
const PARKED_MAX: usize = 1024;
