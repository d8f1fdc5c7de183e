//! Full disks, failing syncs, readings that go wrong once.

use std::sync::Arc;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::store::{Commit, StoreAnswer, StoreFault, StoreOp, Usage};

use super::super::layout;
use super::super::store::{Options, Store};
use super::faults::{FaultVfs, Faults};
use super::{MISSING, block, found, roomy, slot, vault};

fn open(disk: &FaultVfs) -> Store {
    Store::open_on(Arc::new(disk.clone()), roomy()).expect("opened")
}

const FAILED: StoreAnswer = StoreAnswer::Failed(StoreFault::Failed);
const FULL: StoreAnswer = StoreAnswer::Failed(StoreFault::Full);

#[test]
fn c04_a_sync_that_fails_once_is_never_acknowledged_and_ends_all_writing_until_the_store_is_opened_anew() {
    let shard = layout::OWNERS;
    let failing: [fn(&mut Faults); 3] = [
        |faults| faults.fail_sync_of = Some(layout::TMP),
        |faults| faults.fail_sync_dir_of = Some(layout::OWNERS),
        |faults| faults.fail_sync_of = Some(layout::INDEX),
    ];
    for fail in failing {
        let disk = FaultVfs::new(Faults::default());
        let store = open(&disk);
        let (before, lost, later) = (block(1, 12), block(2, 12), block(3, 12));
        assert_eq!(store.put(vault(1), std::slice::from_ref(&before)), StoreAnswer::Committed);
        disk.set(fail);
        assert_eq!(store.put(vault(1), std::slice::from_ref(&lost)), FAILED);
        assert_eq!(store.put(vault(1), std::slice::from_ref(&lost)), FAILED, "trying again is not acknowledged either");
        assert_eq!(store.put(vault(1), std::slice::from_ref(&later)), FAILED);
        assert_eq!(store.ask(StoreOp::Delete(vault(1), vec![before.id()])), FAILED);
        assert!(store.is_broken());
        drop(store);
        let store = open(&disk);
        assert_eq!(store.ask(StoreOp::Get(before.id())), found(&before));
        assert_eq!(store.put(vault(1), &[lost.clone(), later.clone()]), StoreAnswer::Committed, "{shard} works again");
        assert_eq!(store.ask(StoreOp::Get(lost.id())), found(&lost));
    }
}

/// A directory that could not be opened to be synced once counted as a failed sync: whoever opened many connections to a node ended all
/// writing there until it was started again.
#[test]
fn d04_too_many_open_files_are_waited_for_and_are_no_failure_of_the_disk() {
    let disk = FaultVfs::new(Faults::default());
    let store = open(&disk);
    // The first try writes the file, the others sync the directories.
    for crowded in 1..8 {
        disk.set(|faults| faults.crowded = crowded);
        assert_eq!(store.put(vault(1), &[block(crowded.into(), 12)]), StoreAnswer::Committed);
    }
    assert!(!store.is_broken());
}

#[test]
fn c13_a_panic_in_a_thread_of_the_store_is_one_answer_that_says_failed() {
    let disk = FaultVfs::new(Faults::default());
    let store = Store::open_on(Arc::new(disk.clone()), Options { readers: 1, ..roomy() }).expect("opened");
    let (kept, lost) = (block(1, 12), block(2, 12));
    assert_eq!(store.put(vault(1), std::slice::from_ref(&kept)), StoreAnswer::Committed);
    disk.set(|faults| faults.panic_in_read = true);
    assert_eq!(store.ask(StoreOp::Get(kept.id())), FAILED);
    assert_eq!(store.ask(StoreOp::Get(kept.id())), found(&kept), "the thread reads on");

    disk.set(|faults| faults.panic_in_create = true);
    assert_eq!(store.put(vault(1), std::slice::from_ref(&lost)), FAILED);
    assert_eq!(store.put(vault(1), std::slice::from_ref(&lost)), FAILED, "nobody knows what the first attempt left behind");
    assert!(store.is_broken());
    assert_eq!(store.ask(StoreOp::Get(kept.id())), found(&kept), "reading goes on");
    drop(store);
    let store = open(&disk);
    assert_eq!(store.ask(StoreOp::Get(kept.id())), found(&kept));
    assert_eq!(store.put(vault(1), std::slice::from_ref(&lost)), StoreAnswer::Committed);
}

/// Fills a disk until nothing goes in; returns what was acknowledged.
fn fill(store: &Store, log: u8) -> Vec<Block> {
    let mut held = Vec::new();
    for seed in 0.. {
        let new = block(seed, log);
        match store.put(vault(1), std::slice::from_ref(&new)) {
            StoreAnswer::Committed => held.push(new),
            answer => {
                assert_eq!(answer, FULL);
                return held;
            }
        }
    }
    held
}

#[test]
fn d01_a_full_disk_refuses_commits_whole_and_stays_readable() {
    // From nearly no room beside an empty store to plenty, so that each kind of write is the one that finds none.
    let empty = FaultVfs::new(Faults::default());
    drop(open(&empty));
    let least = empty.used();
    for more in (0..400_000).step_by(9_973) {
        let disk = FaultVfs::new(Faults { capacity: Some(least * 2 + more), ..Faults::default() });
        let Ok(store) = Store::open_on(Arc::new(disk.clone()), roomy()) else { continue };
        let held = fill(&store, 14);
        let (one, two) = (block(900, 12), block(901, 20));
        let both = Commit { vault: vault(2), blocks: vec![one.clone(), two], records: vec![(slot(vault(2), 2, 1), Bytes::new())] };
        assert_eq!(store.ask(StoreOp::Commit(both)), FULL);
        assert_eq!(store.ask(StoreOp::Get(one.id())), MISSING, "nothing of a refused commit is kept");
        let check = |store: &Store| {
            for block in &held {
                assert_eq!(store.ask(StoreOp::Get(block.id())), found(block));
            }
            let usage = Usage { blocks: held.len() as u64, bytes: (held.len() as u64) << 14 };
            assert_eq!(store.ask(StoreOp::Usage(None)), StoreAnswer::Usage(usage));
        };
        check(&store);
        let files = disk.paths().into_iter().filter(|path| path.starts_with(layout::OWNERS) || path.starts_with(layout::TMP)).count();
        assert_eq!(files, held.len(), "no file of a refused commit is left: {:?}", disk.paths());
        assert!(!store.is_broken());
        drop(store);
        disk.set(|faults| faults.capacity = None);
        let store = open(&disk);
        check(&store);
        assert_eq!(store.rebuilt(), None);
    }
}

#[test]
fn d01_when_any_write_finds_no_room_the_commit_is_refused_whole_and_the_store_goes_on() {
    let ops = |number: u64| {
        let blocks: Vec<Block> = (0..10).map(|seed| block(number * 1000 + seed, 12)).collect();
        // The index takes room for records, too.
        let records = (0..8).map(|key| (slot(vault(1), 2, number as u8 * 8 + key), Bytes::from(vec![7; 60_000]))).collect();
        Commit { vault: vault(1), blocks, records }
    };
    let quiet = FaultVfs::new(Faults::default());
    let store = open(&quiet);
    let start = quiet.operations();
    (0..6).for_each(|number| assert_eq!(store.ask(StoreOp::Commit(ops(number))), StoreAnswer::Committed));
    let end = quiet.operations();
    drop(store);
    for from in (start..end).step_by(29) {
        let disk = FaultVfs::new(Faults { no_room_from: Some(from), ..Faults::default() });
        let store = open(&disk);
        let answers: Vec<StoreAnswer> = (0..6).map(|number| store.ask(StoreOp::Commit(ops(number)))).collect();
        assert!(answers.iter().all(|answer| *answer == StoreAnswer::Committed || *answer == FULL), "{from}: {answers:?}");
        assert!(!store.is_broken());
        check_commits(&store, &answers, &ops);
        disk.set(|faults| faults.no_room_from = None);
        check_commits(&store, &answers, &ops);
        for number in 0..6 {
            assert_eq!(store.ask(StoreOp::Commit(ops(number))), StoreAnswer::Committed);
        }
        check_commits(&store, &vec![StoreAnswer::Committed; 6], &ops);
    }
}

fn check_commits(store: &Store, answers: &[StoreAnswer], ops: &impl Fn(u64) -> Commit) {
    for (number, answer) in answers.iter().enumerate() {
        for block in &ops(number as u64).blocks {
            let wanted = if *answer == StoreAnswer::Committed { found(block) } else { MISSING };
            assert_eq!(store.ask(StoreOp::Get(block.id())), wanted);
        }
    }
}

#[test]
fn d02_deletes_work_on_a_disk_without_any_room() {
    let disk = FaultVfs::new(Faults { capacity: Some(8 << 20), ..Faults::default() });
    let store = open(&disk);
    let held = fill(&store, 14);
    let used = disk.used();
    disk.set(|faults| faults.capacity = Some(used));
    for gone in &held {
        assert_eq!(store.ask(StoreOp::Delete(vault(1), vec![gone.id()])), StoreAnswer::Deleted);
        assert_eq!(store.ask(StoreOp::Get(gone.id())), MISSING);
    }
    assert_eq!(store.put(vault(1), &held[..1]), StoreAnswer::Committed, "there is room again");
}

#[test]
fn d02_commits_leave_the_reserve_free() {
    let disk = FaultVfs::new(Faults { capacity: Some(64 << 20), ..Faults::default() });
    let options = Options { reserve: Some(32 << 20), ..Options::default() };
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("opened");
    fill(&store, 19);
    assert!(disk.used() <= 32 << 20);
    assert!(disk.used() > 28 << 20);
    disk.set(|faults| faults.capacity = Some(128 << 20));
    assert_eq!(store.put(vault(1), &[block(70_000, 19)]), StoreAnswer::Committed, "it goes on as soon as there is room");
}

#[test]
fn r07_one_bad_reading_that_is_good_the_second_time_is_no_damage() {
    let disk = FaultVfs::new(Faults::default());
    let store = open(&disk);
    let held = block(1, 12);
    store.put(vault(1), std::slice::from_ref(&held));
    disk.set(|faults| faults.flip_next_read = true);
    assert_eq!(store.ask(StoreOp::Get(held.id())), found(&held));
    assert!(!disk.paths().iter().any(|path| path.starts_with(layout::QUARANTINE)));
}
