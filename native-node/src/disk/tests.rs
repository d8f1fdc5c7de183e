//! Tests of the store on the real file system; power cuts and full disks are in the files below.

mod faults;
mod power;
mod trouble;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, RecordQuery, RecordSlot, StoreAnswer, StoreOp, Summary, Usage};

use super::layout;
use super::store::{Options, Store};

impl Store {
    fn ask(&self, op: StoreOp) -> StoreAnswer {
        let (sender, receiver) = mpsc::channel();
        self.submit(op, move |answer| sender.send(answer).expect("the test waits"));
        receiver.recv().expect("every operation is answered")
    }

    fn put(&self, vault: VaultId, blocks: &[Block]) -> StoreAnswer {
        self.ask(StoreOp::Commit(Commit { vault, blocks: blocks.to_vec(), records: Vec::new() }))
    }
}

/// A block of 2^`log` bytes that no other seed has.
fn block(seed: u64, log: u8) -> Block {
    let mut bytes = vec![0; 1 << log];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    Block::new(Bytes::from(bytes)).expect("a valid size")
}

fn vault(number: u8) -> VaultId {
    VaultId([number; 32])
}

fn slot(vault: VaultId, kind: u8, key: u8) -> RecordSlot {
    RecordSlot { vault, kind, key: [key; 32] }
}

fn roomy() -> Options {
    Options { reserve: Some(0), ..Options::default() }
}

fn open(path: &Path) -> Store {
    Store::open(path, roomy()).expect("opened")
}

fn found(block: &Block) -> StoreAnswer {
    StoreAnswer::Block(Fetched::Found(block.clone()))
}

fn block_file(home: &Path, vault: VaultId, block: &Block) -> std::path::PathBuf {
    home.join(layout::block(&vault, &block.id()))
}

const MISSING: StoreAnswer = StoreAnswer::Block(Fetched::Missing);
const DAMAGED: StoreAnswer = StoreAnswer::Block(Fetched::Damaged);

#[test]
fn what_is_committed_is_found_counted_and_listed_also_after_a_restart() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = open(home.path());
    let blocks: Vec<Block> = (0..300).map(|seed| block(seed, 12)).collect();
    let head = (slot(vault(1), 2, 9), Bytes::from_static(b"head"));
    let commit = Commit { vault: vault(1), blocks: blocks.clone(), records: vec![head.clone()] };
    assert_eq!(store.ask(StoreOp::Commit(commit)), StoreAnswer::Committed);
    assert_eq!(store.put(vault(2), &blocks[..1]), StoreAnswer::Committed);
    let check = |store: &Store| {
        for block in &blocks {
            assert_eq!(store.ask(StoreOp::Get(block.id())), found(block));
        }
        assert_eq!(store.ask(StoreOp::Get(BlockId([7; 32]))), MISSING);
        let asked = vec![blocks[3].id(), BlockId([7; 32]), blocks[4].id()];
        assert_eq!(store.ask(StoreOp::Has(vault(1), asked)), StoreAnswer::Has(vec![true, false, true]));
        assert_eq!(store.ask(StoreOp::Has(vault(2), vec![blocks[1].id()])), StoreAnswer::Has(vec![false]));
        let usage = |blocks| StoreAnswer::Usage(Usage { blocks, bytes: blocks << 12 });
        assert_eq!(store.ask(StoreOp::Usage(Some(vault(1)))), usage(300));
        assert_eq!(store.ask(StoreOp::Usage(None)), usage(301));
        assert_eq!(store.ask(StoreOp::Usage(Some(vault(3)))), usage(0));
        assert_eq!(store.ask(StoreOp::Records(RecordQuery::Vault(vault(1)))), StoreAnswer::Records(vec![head.clone()]));
        assert_eq!(store.ask(StoreOp::Records(RecordQuery::Vault(vault(2)))), StoreAnswer::Records(Vec::new()));
        assert_eq!(store.owners().expect("read").len(), 2);
        check_partitions(store, vault(1), &blocks);
    };
    check(&store);
    store.close();
    let store = open(home.path());
    assert_eq!(store.rebuilt(), None);
    check(&store);
}

/// Compares every partition with what the blocks say.
fn check_partitions(store: &Store, vault: VaultId, blocks: &[Block]) {
    let mut ids: Vec<BlockId> = blocks.iter().map(Block::id).collect();
    ids.sort_unstable();
    let mut wanted = Vec::new();
    for partition in Partition::all() {
        let inside: Vec<BlockId> = ids.iter().copied().filter(|id| Partition::of(id) == partition).collect();
        if inside.is_empty() {
            continue;
        }
        let mut summary = Summary::default();
        inside.iter().for_each(|id| summary.add(id));
        wanted.push((partition, summary));
        let scan = |after, limit| store.ask(StoreOp::Scan { vault, partition, after, limit });
        assert_eq!(scan(None, 1000), StoreAnswer::Ids(inside.clone()));
        assert_eq!(scan(Some(inside[0]), 1000), StoreAnswer::Ids(inside[1..].to_vec()));
        assert_eq!(scan(None, 1), StoreAnswer::Ids(inside[..1].to_vec()));
    }
    let (first, last) = (Partition::new(0).expect("in range"), Partition::new(4095).expect("in range"));
    assert_eq!(store.ask(StoreOp::Summary(vault, first, last)), StoreAnswer::Summary(wanted));
}

#[test]
fn records_are_found_by_name_in_every_vault_and_the_last_one_stands() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = open(home.path());
    let put = |vault, key, text: &'static str| {
        let records = vec![(slot(vault, 3, key), Bytes::from_static(b"older")), (slot(vault, 3, key), Bytes::from_static(text.as_bytes()))];
        assert_eq!(store.ask(StoreOp::Commit(Commit { vault, blocks: Vec::new(), records })), StoreAnswer::Committed);
    };
    put(vault(2), 5, "two");
    put(vault(1), 5, "one");
    put(vault(1), 6, "other");
    let named = StoreOp::Records(RecordQuery::Named { kind: 3, key: [5; 32] });
    let wanted = vec![(slot(vault(1), 3, 5), Bytes::from_static(b"one")), (slot(vault(2), 3, 5), Bytes::from_static(b"two"))];
    assert_eq!(store.ask(named), StoreAnswer::Records(wanted));
}

#[test]
fn a_deleted_block_is_gone_from_index_sums_and_disk_and_may_come_back() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = open(home.path());
    let blocks: Vec<Block> = (0..20).map(|seed| block(seed, 13)).collect();
    store.put(vault(1), &blocks);
    let ids = blocks[..15].iter().map(Block::id).chain([BlockId([7; 32])]).collect();
    assert_eq!(store.ask(StoreOp::Delete(vault(1), ids)), StoreAnswer::Deleted);
    assert_eq!(store.ask(StoreOp::Delete(vault(9), vec![blocks[19].id()])), StoreAnswer::Deleted, "another vault's is not touched");
    assert_eq!(store.ask(StoreOp::Get(blocks[0].id())), MISSING);
    assert!(!block_file(home.path(), vault(1), &blocks[0]).exists());
    assert_eq!(store.ask(StoreOp::Usage(None)), StoreAnswer::Usage(Usage { blocks: 5, bytes: 5 << 13 }));
    check_partitions(&store, vault(1), &blocks[15..]);
    assert_eq!(store.put(vault(1), &blocks[..1]), StoreAnswer::Committed);
    assert_eq!(store.ask(StoreOp::Get(blocks[0].id())), found(&blocks[0]));
}

#[test]
fn r03_r05_a_corrupted_truncated_or_swapped_block_is_never_served_and_can_be_mended() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = open(home.path());
    let blocks: Vec<Block> = (0..5).map(|seed| block(seed, 12)).collect();
    store.put(vault(1), &blocks);
    let file = |number: usize| block_file(home.path(), vault(1), &blocks[number]);
    let open_file = |number| fs::OpenOptions::new().write(true).open(file(number)).expect("there");
    open_file(0).write_all_at(&[!blocks[0].bytes()[100]], 100).expect("flipped");
    open_file(1).set_len(4000).expect("truncated");
    fs::copy(file(4), file(2)).expect("swapped");
    fs::remove_file(file(3)).expect("lost");
    for bad in &blocks[..4] {
        assert_eq!(store.ask(StoreOp::Get(bad.id())), DAMAGED);
        assert_eq!(store.ask(StoreOp::Get(bad.id())), MISSING, "it is said once");
        assert_eq!(store.ask(StoreOp::Has(vault(1), vec![bad.id()])), StoreAnswer::Has(vec![false]));
    }
    assert_eq!(fs::read_dir(home.path().join(layout::QUARANTINE)).expect("listed").count(), 3, "what was there is kept to be looked at");
    assert_eq!(store.ask(StoreOp::Usage(None)), StoreAnswer::Usage(Usage { blocks: 1, bytes: 4096 }));
    store.put(vault(1), &blocks);
    for block in &blocks {
        assert_eq!(store.ask(StoreOp::Get(block.id())), found(block));
    }
}

#[test]
fn r04_an_index_with_wrecked_pages_is_set_aside_and_made_anew_from_the_files() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = open(home.path());
    let blocks: Vec<Block> = (0..200).map(|seed| block(seed, 12)).collect();
    let certificate = (slot(vault(1), 1, 3), Bytes::from_static(b"certificate"));
    store.ask(StoreOp::Commit(Commit { vault: vault(1), blocks: blocks.clone(), records: vec![certificate.clone()] }));
    store.close();
    fs::write(home.path().join(layout::shard(&vault(1), 0)).join("stray"), b"no block").unwrap_or_default();
    let index = home.path().join(layout::INDEX);
    let len = fs::metadata(&index).expect("there").len();
    for (round, offset) in (0..len).step_by(4096).enumerate().filter(|(page, _)| *page == 0 || page % 3 == 1).take(12) {
        let file = fs::OpenOptions::new().write(true).open(&index).expect("there");
        file.write_all_at(&[0xa5; 2000], offset + 1000 * u64::from(round > 0)).expect("wrecked");
        drop(file);
        let store = open(home.path());
        if let Some(rebuilt) = store.rebuilt() {
            assert_eq!((rebuilt.blocks, rebuilt.records), (200, 1));
            assert!(rebuilt.old_index.as_ref().is_some_and(|name| home.path().join(name).exists()));
        } else {
            assert_ne!(round, 0, "a wrecked header is always seen");
        }
        for block in &blocks {
            assert_eq!(store.ask(StoreOp::Get(block.id())), found(block));
        }
        check_partitions(&store, vault(1), &blocks);
        assert_eq!(store.ask(StoreOp::Records(RecordQuery::Vault(vault(1)))), StoreAnswer::Records(vec![certificate.clone()]));
    }
}

#[test]
fn an_index_that_is_gone_or_replaced_on_request_is_made_anew() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let blocks = [block(1, 12), block(2, 20)];
    open(home.path()).put(vault(1), &blocks);
    fs::remove_file(home.path().join(layout::INDEX)).expect("removed");
    let store = open(home.path());
    assert_eq!(store.rebuilt().map(|rebuilt| rebuilt.blocks), Some(2));
    drop(store);
    let store = Store::open(home.path(), Options { rebuild: true, ..roomy() }).expect("opened");
    assert_eq!(store.rebuilt().map(|rebuilt| rebuilt.blocks), Some(2));
    assert_eq!(store.ask(StoreOp::Get(blocks[1].id())), found(&blocks[1]));
}

#[test]
fn an_index_that_was_filled_takes_less_than_100_bytes_a_block_after_a_start() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let dir = crate::data_dir::DataDir::claim(home.path()).expect("free");
    let vfs: std::sync::Arc<dyn super::vfs::Vfs> = std::sync::Arc::new(super::os::OsVfs::new(dir.path().to_owned()));
    let index = super::index::Index::create(std::sync::Arc::clone(&vfs)).and_then(super::index::Index::publish).expect("made");
    let size = cachette_core::block::SizeLog::try_from(20).expect("in range");
    let ids: Vec<BlockId> = (0..60_000u32).map(|seed| BlockId(*blake3::hash(&seed.to_le_bytes()).as_bytes())).collect();
    for some in ids.chunks(2_000) {
        let added = some.iter().map(|id| (vault(1), *id, size)).collect();
        index.apply(&super::index::Change { added, ..Default::default() }).expect("applied");
    }
    index.close().expect("closed");
    let index = super::index::Index::open(vfs, false).expect("opened");
    let long = fs::metadata(home.path().join(layout::INDEX)).expect("there").len();
    assert!(long < 100 * ids.len() as u64, "{long} bytes for {} blocks", ids.len());
    assert_eq!(index.view(|view| view.has(&vault(1), &ids)).expect("read"), vec![true; ids.len()]);
}

#[test]
fn a_second_store_on_the_same_directory_is_refused_by_name() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let _store = open(home.path());
    let message = Store::open(home.path(), roomy()).expect_err("in use").to_string();
    assert_eq!(message, format!("data directory {} is in use by process {}", home.path().display(), std::process::id()));
}

#[test]
fn r03_block_files_that_are_gone_at_a_start_are_held_no_more_and_may_come_back() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let verify = || Store::open(home.path(), Options { verify: true, ..roomy() }).expect("opened");
    let blocks: Vec<Block> = (0..40).map(|seed| block(seed, 12)).collect();
    let store = open(home.path());
    store.put(vault(1), &blocks);
    store.put(vault(2), &blocks);
    store.close();
    fs::remove_dir_all(home.path().join(layout::owner(&vault(1)))).expect("removed");
    fs::remove_file(block_file(home.path(), vault(2), &blocks[0])).expect("removed");
    let store = verify();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while store.ask(StoreOp::Usage(None)) != StoreAnswer::Usage(Usage { blocks: 39, bytes: 39 << 12 }) {
        assert!(std::time::Instant::now() < deadline, "{:?}", store.ask(StoreOp::Usage(None)));
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let ids: Vec<BlockId> = blocks.iter().map(Block::id).collect();
    assert_eq!(store.ask(StoreOp::Has(vault(1), ids.clone())), StoreAnswer::Has(vec![false; 40]));
    assert_eq!(store.ask(StoreOp::Has(vault(2), ids)), StoreAnswer::Has((0..40).map(|number| number > 0).collect()));
    check_partitions(&store, vault(2), &blocks[1..]);
    assert_eq!(store.put(vault(1), &blocks), StoreAnswer::Committed);
    check_partitions(&store, vault(1), &blocks);
    assert_eq!(store.ask(StoreOp::Get(blocks[0].id())), found(&blocks[0]));
}

#[test]
fn leftovers_of_a_killed_process_are_cleared_without_touching_what_is_held() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (held, leftover) = (block(1, 12), block(2, 12));
    open(home.path()).put(vault(1), std::slice::from_ref(&held));
    fs::write(home.path().join(layout::RUNNING), b"").expect("as if killed");
    fs::write(home.path().join(layout::TMP).join("17"), b"half").expect("as if killed");
    let file = block_file(home.path(), vault(1), &leftover);
    fs::create_dir_all(file.parent().expect("a shard")).expect("made");
    fs::write(&file, leftover.bytes()).expect("as if killed");
    let store = open(home.path());
    assert_eq!(store.ask(StoreOp::Get(leftover.id())), MISSING, "what the index does not know is not held");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while file.exists() {
        assert!(std::time::Instant::now() < deadline, "an idle store clears leftovers");
        std::thread::yield_now();
    }
    assert_eq!(fs::read_dir(home.path().join(layout::TMP)).expect("listed").count(), 0);
    assert_eq!(store.ask(StoreOp::Get(held.id())), found(&held));
}
