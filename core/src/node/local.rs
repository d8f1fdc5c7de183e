//! A vault without carriers: its blocks and records live in this machine's own store, one copy, until it joins its first node.

use super::hub::Hub;
use super::storage::Purpose;
use super::{Answer, AskId, Audit, Event, Trouble, Whereabouts};
use crate::block::Block;
use crate::copies::Copies;
use crate::id::{BlockId, RecordId, VaultId};
use crate::limits::LIST_MAX;
use crate::message::Denial;
use crate::record::Record;
use crate::store::{Commit, RecordQuery, StoreAnswer, StoreFault, StoreOp};

/// Stores a block here.
pub(super) fn place(hub: &mut Hub, vault: VaultId, block: Block) {
    let ids = vec![block.id()];
    let commit = Commit { vault, blocks: vec![block], records: Vec::new() };
    hub.store(StoreOp::Commit(commit), Purpose::LocalPlace(ids));
}

/// Takes in whether blocks are durable here.
pub(super) fn placed(hub: &mut Hub, ids: Vec<BlockId>, answer: &StoreAnswer) {
    for id in ids {
        match trouble(answer) {
            None => {
                hub.tell(Event::Placed(id, HERE));
                hub.tell(Event::Settled(id, HERE));
            }
            Some(trouble) => {
                hub.tell(Event::Unplaced(id, hub.me, trouble));
                hub.tell(Event::Settled(id, Copies { durable: 0, ..HERE }));
            }
        }
    }
}

/// Asks whether old blocks are here.
pub(super) fn confirm(hub: &mut Hub, vault: VaultId, ids: &[BlockId]) {
    for ids in ids.chunks(LIST_MAX) {
        hub.store(StoreOp::Has(vault, ids.to_vec()), Purpose::LocalConfirm(ids.to_vec()));
    }
}

/// Takes in whether they are.
pub(super) fn confirmed(hub: &mut Hub, ids: Vec<BlockId>, answer: StoreAnswer) {
    match answer {
        StoreAnswer::Has(flags) => {
            for (id, held) in ids.into_iter().zip(flags) {
                if held {
                    placed(hub, vec![id], &StoreAnswer::Committed);
                } else {
                    hub.tell(Event::Lost(id));
                }
            }
        }
        failed => placed(hub, ids, &failed),
    }
}

/// Stores a record here.
pub(super) fn publish(hub: &mut Hub, record: &Record) {
    let records = vec![(record.slot(), record.bytes().clone())];
    let commit = Commit { vault: record.vault(), blocks: Vec::new(), records };
    hub.store(StoreOp::Commit(commit), Purpose::LocalPublish(record.id()));
}

/// Takes in whether the record is durable here.
pub(super) fn published(hub: &mut Hub, record: RecordId, answer: &StoreAnswer) {
    hub.tell(match trouble(answer) {
        None => Event::Published(record, HERE),
        Some(trouble) => Event::Unpublished(record, hub.me, trouble),
    });
}

/// Reads the vault's records here.
pub(super) fn refresh(hub: &mut Hub, ask: AskId, vault: VaultId) {
    hub.store(StoreOp::Records(RecordQuery::Vault(vault)), Purpose::LocalRefresh(ask, vault));
}

/// Takes them in.
pub(super) fn refreshed(hub: &mut Hub, ask: AskId, vault: VaultId, answer: StoreAnswer) {
    let answer = match answer {
        StoreAnswer::Records(records) => {
            let records = records.into_iter().filter_map(|(_, bytes)| Record::decode(bytes).ok()).collect();
            hub.tell(Event::Records(vault, hub.me, records));
            Answer::Asked { answered: 1, of: 1, troubles: Vec::new() }
        }
        failed => {
            let trouble = trouble(&failed).unwrap_or(Trouble::Denied(Denial::DiskFailed));
            Answer::Asked { answered: 0, of: 1, troubles: vec![(hub.me, trouble)] }
        }
    };
    hub.tell(Event::Answered(ask, answer));
}

/// Takes in which blocks are here, for whoever asked where they lie.
pub(super) fn located(hub: &mut Hub, ask: AskId, ids: Vec<BlockId>, answer: StoreAnswer) {
    let answer = match answer {
        StoreAnswer::Has(flags) => {
            let here = |held| if held { vec![hub.me] } else { Vec::new() };
            let places = ids.into_iter().zip(flags).map(|(id, held)| Whereabouts { id, carriers: here(held), tabs: Vec::new() });
            Answer::Whereabouts(places.collect())
        }
        _ => Answer::Failed(Trouble::Denied(Denial::DiskFailed)),
    };
    hub.tell(Event::Answered(ask, answer));
}

/// The same for an audit.
pub(super) fn audited(hub: &mut Hub, ask: AskId, live: Vec<BlockId>, answer: StoreAnswer) {
    let answer = match answer {
        StoreAnswer::Has(flags) => {
            let blocks = live.len() as u64;
            let missing: Vec<_> = live.into_iter().zip(flags).filter_map(|(id, held)| (!held).then_some(id)).collect();
            Answer::Audited(Audit { blocks, whole: blocks - missing.len() as u64, missing, ..Audit::default() })
        }
        _ => Answer::Failed(Trouble::Denied(Denial::DiskFailed)),
    };
    hub.tell(Event::Answered(ask, answer));
}

fn trouble(answer: &StoreAnswer) -> Option<Trouble> {
    match answer {
        StoreAnswer::Committed => None,
        StoreAnswer::Failed(StoreFault::Full) => Some(Trouble::Denied(Denial::DiskFull)),
        _ => Some(Trouble::Denied(Denial::DiskFailed)),
    }
}

/// The one copy there is.
const HERE: Copies = Copies { durable: 1, safe_at: 1, wanted: 1 };
