//! Questions of members and carriers about what is held here: which blocks, how many per partition, what they take.

use super::hub::Hub;
use super::storage::{Duty, Purpose};
use super::{LinkId, Role};
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{ASKS_PER_LINK, LIST_MAX};
use crate::map::Map;
use crate::message::{Ask, Denial, Fingerprint, Has, NodeStatus, Plain};
use crate::store::{StoreAnswer, StoreOp, Summary};

/// Questions of peers that the store has not answered, for each link.
#[derive(Debug, Default)]
pub(super) struct Inspecting(Map<LinkId, usize>);

impl Inspecting {
    /// Lets one more question pass, unless the link has too many open.
    pub(super) fn enter(&mut self, link: LinkId) -> bool {
        let open = self.0.entry(link).or_default();
        *open += 1;
        *open <= ASKS_PER_LINK || {
            *open -= 1;
            false
        }
    }

    /// Counts a question as answered.
    pub(super) fn leave(&mut self, link: LinkId) {
        if let Some(open) = self.0.get_mut(&link) {
            *open = open.saturating_sub(1);
        }
    }

    /// Forgets a link.
    pub(super) fn unlinked(&mut self, link: LinkId) {
        self.0.remove(&link);
    }
}

/// What was asked, as far as the answer needs it.
#[derive(Debug)]
pub(super) enum Question {
    /// Which of these blocks are held.
    Has(Vec<BlockId>),
    /// Who holds these blocks, and what tabs said of it.
    Where(Vec<BlockId>, Vec<(PeerId, Vec<BlockId>)>),
    /// Count and fingerprint of partitions.
    Summaries,
    /// A partition's blocks.
    Scan,
    /// The state, with the vault's limit.
    Status(u64),
}

/// Passes a question on to the store. The asker's right was checked; `limit` is what the vault may take here.
pub(super) fn ask(hub: &mut Hub, link: LinkId, vault: VaultId, limit: u64, plain: Plain) {
    let (ask, question, op) = match plain {
        Plain::Has(has) => (has.ask, Question::Has(has.ids.clone()), StoreOp::Has(vault, has.ids)),
        Plain::Summarise(range) => (range.ask, Question::Summaries, StoreOp::Summary(vault, range.from, range.to)),
        Plain::Scan(scan) => {
            let op = StoreOp::Scan { vault, partition: scan.partition, after: scan.after, limit: LIST_MAX as u32 };
            (scan.ask, Question::Scan, op)
        }
        Plain::Status((ask, _)) => (ask, Question::Status(limit), StoreOp::Usage(Some(vault))),
        _ => return,
    };
    hub.store(op, Purpose::Duty(Duty::Inspect(link, ask, question)));
}

/// Passes the question on who holds blocks, with what tabs said. The asker's right was checked.
pub(super) fn whereabouts(hub: &mut Hub, link: LinkId, question: Has, tabs: Vec<(PeerId, Vec<BlockId>)>) {
    let op = StoreOp::Has(question.vault, question.ids.clone());
    hub.store(op, Purpose::Duty(Duty::Inspect(link, question.ask, Question::Where(question.ids, tabs))));
}

/// Passes the store's answer back.
pub(super) fn answer(hub: &mut Hub, link: LinkId, ask: Ask, question: Question, answer: StoreAnswer) {
    let plain = match (question, answer) {
        (Question::Has(ids), StoreAnswer::Has(flags)) => {
            Plain::Have((ask, ids.into_iter().zip(flags).filter_map(|(id, held)| held.then_some(id)).collect()))
        }
        (Question::Where(ids, tabs), StoreAnswer::Has(flags)) => {
            let here = ids.into_iter().zip(flags).filter_map(|(id, held)| held.then_some(id)).collect();
            let mut room = LIST_MAX;
            let rows = [(hub.me, here)].into_iter().chain(tabs).map(|(peer, mut ids): (PeerId, Vec<BlockId>)| {
                ids.truncate(room);
                room -= ids.len();
                (peer, ids)
            });
            Plain::Held((ask, rows.filter(|(_, ids)| !ids.is_empty()).collect()))
        }
        (Question::Summaries, StoreAnswer::Summary(rows)) => {
            let row = |(partition, summary): (_, Summary)| (partition, summary.count, Fingerprint(summary.fingerprint));
            Plain::Summaries((ask, rows.into_iter().map(row).collect()))
        }
        (Question::Scan, StoreAnswer::Ids(ids)) => Plain::Scanned((ask, ids)),
        (Question::Status(limit), StoreAnswer::Usage(usage)) => {
            let zone = if let Role::Carrier { zone, .. } = &hub.role { zone.clone() } else { String::new() };
            Plain::StatusIs((ask, NodeStatus { used: usage.bytes, blocks: usage.blocks, limit, zone }))
        }
        _ => Plain::Denied((ask, Denial::DiskFailed)),
    };
    hub.send(link, plain);
}
