//! Answers everything that changes nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cachette_core::id::BlockId;
use cachette_core::store::{Fetched, StoreAnswer, StoreFault, StoreOp, Usage};

use super::committer::Write;
use super::fetch::{Found, fetch};
use super::index::{IndexError, View};
use super::store::{Reply, Shared};

/// A question that waits for a reader.
pub(super) struct Read(pub(super) StoreOp, pub(super) Reply);

/// Answers questions until the queue is closed. A panic is a bug of ours that costs the question at hand, not the thread.
pub(super) fn run(shared: &Shared) {
    while let Some(Read(op, reply)) = shared.reads.pop() {
        if catch_unwind(AssertUnwindSafe(|| answer(shared, op, reply))).is_err() {
            tracing::error!("the store failed while it read");
        }
    }
}

fn answer(shared: &Shared, op: StoreOp, reply: Reply) {
    let index = &shared.index;
    let answered = match op {
        StoreOp::Get(id) => return get(shared, id, reply),
        StoreOp::Has(vault, ids) => index.view(|view| view.has(&vault, &ids)).map(StoreAnswer::Has),
        StoreOp::Summary(vault, from, to) => index.view(|view| view.summaries(&vault, from, to)).map(StoreAnswer::Summary),
        StoreOp::Scan { vault, partition, after, limit } => {
            index.view(|view| view.scan(&vault, partition, after, limit)).map(StoreAnswer::Ids)
        }
        StoreOp::Records(query) => index.view(|view| view.records(&query)).map(StoreAnswer::Records),
        StoreOp::Usage(Some(vault)) => index.view(|view| view.usage(&vault)).map(StoreAnswer::Usage),
        StoreOp::Usage(None) => index.view(View::owners).map(|owners| {
            let sum = |sum: Usage, (_, one): &(_, Usage)| Usage { blocks: sum.blocks + one.blocks, bytes: sum.bytes + one.bytes };
            StoreAnswer::Usage(owners.iter().fold(Usage::default(), sum))
        }),
        StoreOp::Commit(_) | StoreOp::Cache(..) | StoreOp::Delete(..) => unreachable!("invariant: writes go to the committer"),
    };
    reply.answer(answered.unwrap_or_else(|error| failed(shared, &error)));
}

fn get(shared: &Shared, id: BlockId, reply: Reply) {
    let holders = match shared.index.view(|view| view.find(&id)) {
        Ok(holders) => holders,
        Err(error) => return reply.answer(failed(shared, &error)),
    };
    let mut bad = None;
    for (vault, size) in holders {
        match fetch(shared.vfs.as_ref(), &vault, &id, size) {
            Found::Block(block) => return reply.answer(StoreAnswer::Block(Fetched::Found(block))),
            Found::Bad => bad = Some(vault),
            Found::Unread(error) => {
                tracing::warn!(%error, block = %id, "cannot read a block");
                return reply.answer(StoreAnswer::Failed(StoreFault::Failed));
            }
        }
    }
    match bad {
        None => reply.answer(StoreAnswer::Block(Fetched::Missing)),
        // The committer looks again: it may have been deleted or written anew since.
        Some(vault) => {
            if let Err(write) = shared.writes.push(Write::SetAside(vault, id, reply)) {
                write.into_reply().answer(StoreAnswer::Failed(StoreFault::Failed));
            }
        }
    }
}

fn failed(shared: &Shared, error: &IndexError) -> StoreAnswer {
    shared.suspect(error);
    StoreAnswer::Failed(StoreFault::Failed)
}

impl std::fmt::Debug for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Read({:?})", self.0)
    }
}
