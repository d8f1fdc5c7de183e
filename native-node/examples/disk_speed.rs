//! Measures the disk store against the disk beneath it: `cargo run --release --example disk_speed [-- DIRECTORY]`.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cachette::disk::{Options, Store};
use cachette_core::block::Block;
use cachette_core::id::{BlockId, Partition, VaultId};
use cachette_core::store::{Commit, Fetched, StoreAnswer, StoreOp};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

fn main() -> anyhow::Result<()> {
    let base = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let home = tempfile::tempdir_in(base)?;
    let mut raw = Duration::MAX;
    for _ in 0..2 {
        raw = raw.min(write_raw(&home.path().join("raw"))?);
    }
    report("write and sync of one file of 1 GiB", GIB, raw);
    report("write and sync of 1,024 files of 1 MiB, one by one", GIB, write_raw_files(&home.path().join("files"))?);

    let store = Store::open(&home.path().join("large"), Options::default())?;
    let blocks = blocks(1024, 20);
    let took = commit(&store, &blocks, 1, 64);
    report("commit of 1,024 blocks of 1 MiB, 64 under way", GIB, took);
    println!("{:56} {:8.0} %", "  of the raw disk", 100.0 * raw.as_secs_f64() / took.as_secs_f64());
    report("get of 1,024 blocks of 1 MiB, 16 under way", GIB, get(&store, &blocks, 16));
    let (few, _) = blocks.split_at(64);
    let again: Vec<Block> = few.iter().map(altered).collect();
    let took = commit(&store, &again, 1, 1);
    println!("{:56} {:8.2} ms", "commit of one block of 1 MiB, until durable", took.as_secs_f64() * 1e3 / 64.0);
    store.close();

    let path = home.path().join("small");
    let store = Store::open(&path, Options::default())?;
    let blocks = self::blocks(100_000, 12);
    let took = commit(&store, &blocks[..20_000], 1, 256);
    println!("{:56} {:8.0} /s", "commit of 20,000 blocks of 4 KiB, each its own commit", 20_000.0 / took.as_secs_f64());
    let took = commit(&store, &blocks[20_000..], 256, 8);
    println!("{:56} {:8.0} /s", "commit of 80,000 blocks of 4 KiB, 256 in a commit", 80_000.0 / took.as_secs_f64());
    let took = has(&store, &blocks);
    println!("{:56} {:8.0} /s", "has of 100,000 blocks, 1,000 in a question", 100_000.0 / took.as_secs_f64());
    let took = scan(&store);
    println!("{:56} {:8.0} /s", "scan of 100,000 blocks in 4,096 partitions", 100_000.0 / took.as_secs_f64());
    report("get of 20,000 blocks of 4 KiB, 16 under way", 20_000 << 12, get(&store, &blocks[..20_000], 16));
    let begun = Instant::now();
    store.close();
    println!("{:56} {:8.1} ms", "close", begun.elapsed().as_secs_f64() * 1e3);
    index_size(&path)?;
    start(&path, "start with 100,000 blocks after a close")?;
    let store = Store::open(&path, Options::default())?;
    commit(&store, &self::blocks(100_001, 12)[100_000..], 1, 1);
    // What a SIGKILL leaves: nothing is closed, nothing is joined.
    let copy = home.path().join("killed");
    copy_all(&path, &copy)?;
    store.close();
    start(&copy, "start with 100,001 blocks after a kill")?;
    let begun = Instant::now();
    let store = Store::open(&path, Options { rebuild: true, ..Options::default() })?;
    println!("{:56} {:8.1} ms", "rebuild of an index of 100,001 blocks", begun.elapsed().as_secs_f64() * 1e3);
    store.close();
    index_size(&path)
}

fn vault() -> VaultId {
    VaultId([1; 32])
}

fn blocks(count: u64, log: u8) -> Vec<Block> {
    (0..count)
        .map(|seed| {
            let mut bytes = vec![0; 1 << log];
            blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
            Block::new(Bytes::from(bytes)).expect("invariant: a power of two in range")
        })
        .collect()
}

fn altered(block: &Block) -> Block {
    let mut bytes = block.bytes().to_vec();
    bytes[0] ^= 1;
    Block::new(Bytes::from(bytes)).expect("invariant: the length is as before")
}

/// Commits blocks, so many in a commit, so many commits under way.
fn commit(store: &Store, blocks: &[Block], together: usize, under_way: usize) -> Duration {
    let ops = blocks.chunks(together).map(|blocks| StoreOp::Commit(Commit { vault: vault(), blocks: blocks.to_vec(), records: vec![] }));
    run(store, ops, under_way, |answer| assert_eq!(answer, StoreAnswer::Committed))
}

fn get(store: &Store, blocks: &[Block], under_way: usize) -> Duration {
    let ops = blocks.iter().map(|block| StoreOp::Get(block.id()));
    run(store, ops, under_way, |answer| assert!(matches!(answer, StoreAnswer::Block(Fetched::Found(_)))))
}

fn has(store: &Store, blocks: &[Block]) -> Duration {
    let ops = blocks.chunks(1000).map(|blocks| StoreOp::Has(vault(), blocks.iter().map(Block::id).collect()));
    run(store, ops, 8, |answer| assert!(matches!(answer, StoreAnswer::Has(has) if has.iter().all(|has| *has))))
}

fn scan(store: &Store) -> Duration {
    let mut ids: Vec<BlockId> = Vec::new();
    let ops = Partition::all().map(|partition| StoreOp::Scan { vault: vault(), partition, after: None, limit: 4096 });
    let took = run(store, ops, 8, |answer| {
        if let StoreAnswer::Ids(more) = answer {
            ids.extend(more);
        }
    });
    assert_eq!(ids.len(), 100_000);
    took
}

fn run(store: &Store, ops: impl Iterator<Item = StoreOp>, under_way: usize, mut check: impl FnMut(StoreAnswer)) -> Duration {
    let (sender, receiver): (Sender<StoreAnswer>, Receiver<StoreAnswer>) = channel();
    let begun = Instant::now();
    let mut open = 0;
    for op in ops {
        if open == under_way {
            check(receiver.recv().expect("invariant: the sender lives"));
            open -= 1;
        }
        let sender = sender.clone();
        store.submit(op, move |answer| sender.send(answer).expect("invariant: the receiver lives"));
        open += 1;
    }
    for _ in 0..open {
        check(receiver.recv().expect("invariant: the sender lives"));
    }
    begun.elapsed()
}

fn start(path: &Path, what: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let store = Store::open(path, Options::default())?;
    println!("{what:56} {:8.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    assert!(store.rebuilt().is_none());
    store.close();
    Ok(())
}

fn index_size(path: &Path) -> anyhow::Result<()> {
    let index = fs::metadata(path.join("index.redb"))?;
    let (taken, long) = (index.blocks() * 512, index.len());
    println!("{:56} {:8.1} bytes on disk ({:.1} MiB long)", "index per block", taken as f64 / 1e5, long as f64 / MIB as f64);
    Ok(())
}

fn write_raw(path: &Path) -> anyhow::Result<Duration> {
    let bytes = random(MIB);
    let begun = Instant::now();
    let mut file = File::create(path)?;
    for _ in 0..1024 {
        file.write_all(&bytes)?;
    }
    file.sync_all()?;
    let took = begun.elapsed();
    fs::remove_file(path)?;
    Ok(took)
}

fn write_raw_files(dir: &Path) -> anyhow::Result<Duration> {
    let bytes = random(MIB);
    fs::create_dir(dir)?;
    let begun = Instant::now();
    for number in 0..1024 {
        let mut file = File::create(dir.join(number.to_string()))?;
        file.write_all(&bytes)?;
        file.sync_data()?;
    }
    let took = begun.elapsed();
    fs::remove_dir_all(dir)?;
    Ok(took)
}

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn report(what: &str, bytes: usize, took: Duration) {
    println!("{what:56} {:8.0} MiB/s", bytes as f64 / MIB as f64 / took.as_secs_f64());
}
