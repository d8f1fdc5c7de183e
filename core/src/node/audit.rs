//! Audits: compares what carriers hold with what should be there, by partition first, and brings missing copies back.
//!
//! A carrier that holds exactly the live blocks of a partition says so with one count and fingerprint; only partitions that differ are
//! asked about block by block.

use std::collections::VecDeque;

use super::asks::{Asks, Errand, Reply};
use super::hub::Hub;
use super::links::Standing;
use super::writing::Writing;
use super::{Answer, AskId, Audit, Event, Trouble};
use crate::id::{BlockId, Partition, PeerId, VaultId};
use crate::limits::{CARRIERS_MAX, LIST_MAX};
use crate::map::{Map, Set};
use crate::message::{Ask, Fingerprint, Has, Plain, Summarise};
use crate::store::Summary;

/// Audits under way.
#[derive(Debug, Default)]
pub(super) struct Audits(Map<AskId, Running>);

#[derive(Debug)]
struct Running {
    vault: VaultId,
    /// Sorted, so that a partition's blocks lie together.
    live: Vec<BlockId>,
    /// For each live block, one bit per carrier that holds it.
    holds: Vec<u64>,
    carriers: Vec<PeerId>,
    /// How many blocks each carrier says it holds.
    counts: Vec<u64>,
    /// Questions not answered.
    open: usize,
    silent: Vec<(PeerId, Trouble)>,
    mend: bool,
    /// Copies to be brought back, and those under way.
    todo: VecDeque<(usize, PeerId)>,
    giving: Set<(BlockId, PeerId)>,
    mended: u64,
}

impl Audits {
    /// Starts an audit.
    pub(super) fn start(&mut self, hub: &mut Hub, asks: &mut Asks, ask: AskId, vault: VaultId, live: Vec<BlockId>, mend: bool) {
        let live: Vec<BlockId> = live.into_iter().collect::<Set<_>>().into_iter().collect();
        let mut carriers = hub.carriers(&vault);
        carriers.truncate(CARRIERS_MAX);
        let running = Running {
            vault,
            holds: vec![0; live.len()],
            live,
            counts: vec![0; carriers.len()],
            open: carriers.len(),
            carriers: carriers.clone(),
            silent: Vec::new(),
            mend,
            todo: VecDeque::new(),
            giving: Set::new(),
            mended: 0,
        };
        self.0.insert(ask, running);
        let (from, to) = (Partition::default(), Partition::LAST);
        for peer in carriers {
            asks.ask(hub, peer, Plain::Summarise(Summarise { ask: Ask(0), vault, from, to }), Errand::Summaries(ask));
        }
    }

    /// Takes a carrier's answer in.
    pub(super) fn replied(&mut self, hub: &mut Hub, asks: &mut Asks, peer: PeerId, errand: &Errand, result: Result<Reply, Trouble>) {
        let (Errand::Summaries(ask) | Errand::Audit(ask)) = *errand else { return };
        let Some(running) = self.0.get_mut(&ask) else { return };
        let Some(carrier) = running.carriers.iter().position(|carrier| *carrier == peer) else { return };
        running.open = running.open.saturating_sub(1);
        match result {
            Ok(Reply::Summaries(rows)) => {
                for list in running.compare(carrier, rows) {
                    running.open += 1;
                    let has = Has { ask: Ask(0), vault: running.vault, ids: list };
                    asks.ask(hub, peer, Plain::Has(has), Errand::Audit(ask));
                }
            }
            Ok(Reply::Have(held)) => running.held(carrier, &held),
            result => {
                if running.silent.iter().all(|(silent, _)| *silent != peer) {
                    running.silent.push((peer, result.err().unwrap_or(Trouble::Silent)));
                }
            }
        }
        if running.open == 0 {
            running.plan(hub);
        }
    }

    /// Takes in that a copy was brought back, or was not.
    pub(super) fn given(&mut self, id: BlockId, peer: PeerId, durable: bool) {
        for running in self.0.values_mut() {
            if running.giving.remove(&(id, peer)) && durable {
                running.mended += 1;
                if let Some(carrier) = running.carriers.iter().position(|carrier| *carrier == peer) {
                    running.held(carrier, &[id]);
                }
            }
        }
    }

    /// Brings the next copies back, and ends audits that have nothing left to do; called after every input.
    pub(super) fn go_on(&mut self, hub: &mut Hub, writing: &mut Writing) {
        let mut over = Vec::new();
        for (ask, running) in &mut self.0 {
            if running.open > 0 {
                continue;
            }
            while running.giving.len() < GIVING_MAX
                && let Some((at, peer)) = running.todo.pop_front()
            {
                let id = running.live[at];
                running.giving.insert((id, peer));
                writing.give(hub, running.vault, id, None, peer);
            }
            if running.giving.is_empty() {
                over.push(*ask);
            }
        }
        for ask in over {
            let Some(running) = self.0.remove(&ask) else { continue };
            let found = running.tally(hub);
            hub.tell(Event::Answered(ask, Answer::Audited(found)));
        }
    }
}

impl Running {
    /// Compares a carrier's partitions with the live blocks; returns lists of blocks that it has to be asked about.
    fn compare(&mut self, carrier: usize, rows: Vec<(Partition, u64, Fingerprint)>) -> Vec<Vec<BlockId>> {
        let (mut lists, mut list) = (Vec::new(), Vec::new());
        for (partition, count, fingerprint) in rows {
            self.counts[carrier] = self.counts[carrier].saturating_add(count);
            let from = self.live.partition_point(|id| Partition::of(id) < partition);
            let to = from + self.live[from..].partition_point(|id| Partition::of(id) == partition);
            let mut expected = Summary::default();
            self.live[from..to].iter().for_each(|id| expected.add(id));
            if (expected.count, expected.fingerprint) == (count, fingerprint.0) {
                self.holds[from..to].iter_mut().for_each(|holds| *holds |= 1 << carrier);
                continue;
            }
            for id in &self.live[from..to] {
                list.push(*id);
                if list.len() == LIST_MAX {
                    lists.push(std::mem::take(&mut list));
                }
            }
        }
        if !list.is_empty() {
            lists.push(list);
        }
        lists
    }

    fn held(&mut self, carrier: usize, ids: &[BlockId]) {
        for id in ids {
            if let Ok(at) = self.live.binary_search(id) {
                self.holds[at] |= 1 << carrier;
            }
        }
    }

    /// Decides which copies are to be brought back: for every block that is short of some, on the first carriers in order that can be
    /// talked to and lack it.
    fn plan(&mut self, hub: &mut Hub) {
        if !self.mend {
            return;
        }
        let wanted = self.wanted(hub);
        for (at, id) in self.live.iter().enumerate() {
            let held = self.holds[at];
            let lacks = (wanted as usize).saturating_sub(held.count_ones() as usize);
            if held == 0 || lacks == 0 {
                continue;
            }
            let takers = hub.takers(&self.vault, id).into_iter().filter(|peer| {
                let holds = self.carriers.iter().position(|carrier| carrier == peer).is_some_and(|carrier| held >> carrier & 1 == 1);
                !holds && hub.standing(peer) == Standing::Up
            });
            self.todo.extend(takers.take(lacks).map(|peer| (at, peer)));
        }
    }

    fn wanted(&self, hub: &Hub) -> u8 {
        hub.followed.get(&self.vault).map_or(1, |followed| followed.placement.wanted())
    }

    fn tally(self, hub: &Hub) -> Audit {
        let wanted = u32::from(self.wanted(hub));
        let mut found = Audit { blocks: self.live.len() as u64, mended: self.mended, ..Audit::default() };
        let mut held = 0u64;
        for (id, holds) in self.live.iter().zip(&self.holds) {
            let copies = holds.count_ones();
            held += u64::from(copies);
            match copies {
                0 => found.missing.push(*id),
                copies if copies < wanted => found.short.push((*id, copies as u8)),
                _ => found.whole += 1,
            }
        }
        // Carriers may count whatever they like.
        let counted = self.counts.iter().fold(self.mended, |sum, count| sum.saturating_add(*count));
        found.strangers = counted.saturating_sub(held);
        found.silent = self.silent;
        found
    }
}

/// Copies that one audit brings back at once.
const GIVING_MAX: usize = 256;
