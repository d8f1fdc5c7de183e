//! The power is cut after every single operation of a script, and whatever the disk kept of what was not synced, nothing that was
//! acknowledged is lost and the store starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, RecordQuery, RecordSlot, StoreAnswer, StoreOp, Summary};

use super::super::store::{Options, Store};
use super::faults::{FaultVfs, Faults, Random};
use super::{block, slot, vault};

/// What was acknowledged, and what was under way when the power went.
#[derive(Default)]
struct Oracle {
    held: BTreeMap<BlockId, (VaultId, Block)>,
    /// Blocks whose commit or deletion was not acknowledged: there or not.
    open: BTreeSet<BlockId>,
    /// Per slot the last acknowledged record, and those that may stand instead.
    records: BTreeMap<RecordSlot, (Option<Bytes>, Vec<Bytes>)>,
}

fn commit(vault: VaultId, blocks: &[u64], record: Option<(u8, &'static str)>) -> StoreOp {
    let blocks = blocks.iter().map(|seed| block(*seed, 12 + (*seed % 2) as u8)).collect();
    let records = record.map(|(key, text)| (slot(vault, 2, key), Bytes::from_static(text.as_bytes())));
    StoreOp::Commit(Commit { vault, blocks, records: records.into_iter().collect() })
}

fn delete(vault: VaultId, blocks: &[u64]) -> StoreOp {
    StoreOp::Delete(vault, blocks.iter().map(|seed| block(*seed, 12 + (*seed % 2) as u8).id()).collect())
}

fn script() -> Vec<StoreOp> {
    vec![
        commit(vault(1), &[1, 2], Some((1, "first head"))),
        commit(vault(2), &[3], None),
        commit(vault(1), &[4], Some((1, "second head"))),
        delete(vault(1), &[1]),
        commit(vault(1), &[1, 5], Some((2, "certificate"))),
        delete(vault(2), &[3]),
    ]
}

/// Runs the script until the power goes; says what was acknowledged. One thread writes, so that a number of operations is one state.
fn run(disk: &FaultVfs, script: &[StoreOp], oracle: &mut Oracle) -> bool {
    let Ok(store) = Store::open_on(Arc::new(disk.clone()), options()) else { return false };
    for op in script {
        let answer = store.ask(op.clone());
        match op {
            StoreOp::Commit(commit) => {
                let acked = answer == StoreAnswer::Committed;
                for block in &commit.blocks {
                    if acked {
                        oracle.held.insert(block.id(), (commit.vault, block.clone()));
                    } else {
                        oracle.open.insert(block.id());
                    }
                }
                for (slot, bytes) in &commit.records {
                    let known = oracle.records.entry(*slot).or_default();
                    if acked { *known = (Some(bytes.clone()), Vec::new()) } else { known.1.push(bytes.clone()) }
                }
            }
            StoreOp::Delete(_, ids) => {
                for id in ids {
                    if answer == StoreAnswer::Deleted {
                        oracle.held.remove(id);
                        oracle.open.remove(id);
                    } else {
                        oracle.open.insert(*id);
                    }
                }
            }
            _ => unreachable!("the script only writes"),
        }
        if matches!(answer, StoreAnswer::Failed(_)) {
            return false;
        }
    }
    true
}

/// Compares a store with what was acknowledged; says what is wrong.
fn judge(store: &Store, oracle: &Oracle, script: &[StoreOp]) -> Result<(), String> {
    for op in script {
        let StoreOp::Commit(commit) = op else { continue };
        for block in &commit.blocks {
            let got = store.ask(StoreOp::Get(block.id()));
            let held = oracle.held.contains_key(&block.id());
            let as_it_should = match &got {
                StoreAnswer::Block(Fetched::Found(found)) => found == block,
                StoreAnswer::Block(Fetched::Missing) => !held || oracle.open.contains(&block.id()),
                _ => false,
            };
            if !as_it_should {
                return Err(format!("{:?}: acknowledged {held}, got {got:?}", block.id()));
            }
        }
    }
    for (slot, (acked, open)) in &oracle.records {
        let StoreAnswer::Records(found) = store.ask(StoreOp::Records(RecordQuery::Named { kind: slot.kind, key: slot.key })) else {
            return Err("records cannot be read".into());
        };
        let found = found.iter().find(|(found, _)| found == slot).map(|(_, bytes)| bytes);
        if found != acked.as_ref() && !found.is_some_and(|bytes| open.contains(bytes)) {
            return Err(format!("record {slot:?} is {found:?}, acknowledged {acked:?}"));
        }
    }
    sums_agree(store)
}

fn sums_agree(store: &Store) -> Result<(), String> {
    for vault in [vault(1), vault(2)] {
        let (first, last) = (Partition::new(0).expect("in range"), Partition::new(4095).expect("in range"));
        let StoreAnswer::Summary(summaries) = store.ask(StoreOp::Summary(vault, first, last)) else { return Err("no summary".into()) };
        for (partition, wanted) in summaries {
            let scan = StoreOp::Scan { vault, partition, after: None, limit: 1000 };
            let StoreAnswer::Ids(ids) = store.ask(scan) else { return Err("no scan".into()) };
            let mut summary = Summary::default();
            ids.iter().for_each(|id| summary.add(id));
            if summary != wanted {
                return Err(format!("{partition:?} does not add up"));
            }
        }
    }
    Ok(())
}

fn options() -> Options {
    Options { reserve: Some(0), readers: 1, writers: 1, rebuild: false, verify: false }
}

/// Cuts the power after every `step`-th operation of the script, as [`cut_at`] does. Returns how many operations there are.
fn cut_everywhere(faults: &Faults, step: usize, tries: u64, rebuild: bool) -> Result<u64, String> {
    let operations = undisturbed(faults, &script()).operations();
    cut_at(&script(), (1..=operations + 1).step_by(step), faults, tries, rebuild).map(|()| operations)
}

fn undisturbed(faults: &Faults, script: &[StoreOp]) -> FaultVfs {
    let disk = FaultVfs::new(faults.clone());
    assert!(run(&disk, script, &mut Oracle::default()), "without a power cut all is acknowledged");
    disk
}

/// Cuts the power at these operations, looks at `tries` of the states that each may leave, and returns the first that is wrong.
fn cut_at(script: &[StoreOp], cuts: impl Iterator<Item = u64>, faults: &Faults, tries: u64, rebuild: bool) -> Result<(), String> {
    for at in cuts {
        let disk = FaultVfs::new(Faults { power_off_at: Some(at), ..faults.clone() });
        let mut oracle = Oracle::default();
        run(&disk, script, &mut oracle);
        for seed in 0..tries {
            let sector = if seed % 2 == 0 { 512 } else { 4096 };
            let mut random = Random::new(at << 8 | seed);
            let mut after = disk.after_power_cut(&mut random, sector, Faults::default());
            let say = |what: String| format!("power off at {at}, seed {seed}, sectors of {sector}: {what}");
            if seed % 4 >= 2 {
                // The power goes again while the store recovers.
                let again = 1 + random.below(30);
                after.set(|faults| faults.power_off_at = Some(again));
                drop(Store::open_on(Arc::new(after.clone()), options()));
                after = after.after_power_cut(&mut random, sector, Faults::default());
            }
            let options = Options { rebuild, ..options() };
            let store = Store::open_on(Arc::new(after), options).map_err(|fault| say(format!("no start: {fault:?}")))?;
            if store.rebuilt().is_some_and(|rebuilt| !rebuild || rebuilt.set_aside > 0) {
                return Err(say(format!("{:?}", store.rebuilt())));
            }
            judge(&store, &oracle, script).map_err(say)?;
            for op in script {
                if matches!(store.ask(op.clone()), StoreAnswer::Failed(_)) {
                    return Err(say(format!("{op:?} fails after the restart")));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn c01_c02_c05_a_power_cut_after_any_operation_loses_nothing_acknowledged() {
    let operations = cut_everywhere(&Faults::default(), 1, 4, false).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(operations > 100, "only {operations} operations: the script went elsewhere");
}

#[test]
fn c03_a_store_that_does_not_sync_directories_or_files_is_caught() {
    let wrong = cut_everywhere(&Faults { no_dir_sync: true, ..Faults::default() }, 1, 2, false);
    wrong.expect_err("directories that are not synced lose what was acknowledged");
    let wrong = cut_everywhere(&Faults { no_file_sync: true, ..Faults::default() }, 1, 2, false);
    wrong.expect_err("files that are not synced lose what was acknowledged");
}

/// Large records, because the index holds them itself: a few dozen make it longer several times.
fn growing_script() -> Vec<StoreOp> {
    let commit = |number: u8| {
        let record = (slot(vault(1), 2, number), Bytes::from(vec![number; 60 << 10]));
        StoreOp::Commit(Commit { vault: vault(1), blocks: vec![block(number.into(), 12)], records: vec![record] })
    };
    (0..40).map(commit).collect()
}

/// The operations around each growth of the index: before it, while the new pages are written, and when it is synced.
fn around_growths(faults: &Faults) -> Vec<u64> {
    let growths = undisturbed(faults, &growing_script()).grown_at();
    assert!(growths.len() > 1, "the index grew at {growths:?} only: the script went elsewhere");
    growths.into_iter().flat_map(|at| at - 1..at + 12).collect()
}

#[test]
fn c06_a_power_cut_while_the_index_grows_loses_nothing_acknowledged() {
    let cuts = around_growths(&Faults::default());
    cut_at(&growing_script(), cuts.into_iter(), &Faults::default(), 4, false).unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn c06_an_index_whose_growth_is_not_synced_is_caught() {
    let faults = Faults { no_file_sync: true, ..Faults::default() };
    let wrong = cut_at(&growing_script(), around_growths(&faults).into_iter(), &faults, 2, false);
    wrong.expect_err("a growth that is not synced loses what was acknowledged");
}

#[test]
fn r04_after_a_power_cut_the_files_alone_hold_all_that_was_acknowledged() {
    cut_everywhere(&Faults::default(), 7, 2, true).unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn c01_what_a_killed_process_left_is_promised_only_when_it_is_durable() {
    let script = script();
    let whole = FaultVfs::new(Faults::default());
    run(&whole, &script, &mut Oracle::default());
    for at in (1..=whole.operations()).step_by(3) {
        // Killed, not cut: what was written and not synced is still to be seen.
        let disk = FaultVfs::new(Faults { power_off_at: Some(at), ..Faults::default() });
        run(&disk, &script, &mut Oracle::default());
        disk.set(|faults| faults.power_off_at = None);
        let store = Store::open_on(Arc::new(disk.clone()), options()).unwrap_or_else(|fault| panic!("killed at {at}: {fault:?}"));
        let mut promised = Oracle::default();
        for op in &script {
            let StoreOp::Commit(commit) = op else { continue };
            for block in &commit.blocks {
                if store.ask(StoreOp::Has(commit.vault, vec![block.id()])) == StoreAnswer::Has(vec![true]) {
                    promised.held.insert(block.id(), (commit.vault, block.clone()));
                }
            }
        }
        for seed in 0..4 {
            let mut random = Random::new(at << 8 | seed);
            let after = disk.after_power_cut(&mut random, 512, Faults::default());
            let after = Store::open_on(Arc::new(after), options()).unwrap_or_else(|fault| panic!("killed at {at}: {fault:?}"));
            judge(&after, &promised, &script).unwrap_or_else(|wrong| panic!("killed at {at}, seed {seed}: {wrong}"));
        }
    }
}
