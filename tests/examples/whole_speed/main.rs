//! Measures whole commands on this machine beside what the machine can do: `cargo xtask bench whole_speed`.
//!
//! Prints tables in Markdown. Needs about 45 GiB of disk and two minutes; `--small` leaves the file of 8 GiB out.

mod cluster;
mod limits;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cachette::disk::{self, Store};
use cachette_core::block::Block;
use cachette_core::id::VaultId;
use cachette_core::store::{Commit, StoreAnswer, StoreOp};
use cachette_tests::files;
use cachette_tests::process::{Client, Node, binary};

use cluster::{Cluster, processor, run};
use limits::{Limits, Passes, noise};

fn main() {
    let small = std::env::args().any(|argument| argument == "--small");
    let home = binary().with_file_name("bench");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).expect("a folder for the benchmark");
    let limits = Limits::measure(&home);
    limits.print();

    println!(
        "\n| 1 GiB of random bytes | took | of the limit | limit | set by | of all work | all work | passes over each byte | largest client |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let cluster = Cluster::start(&home);
    let (laptop, words) = cluster.join("laptop");
    gibibyte(&cluster, &laptop, &words, &limits);
    changes(&cluster, &laptop);
    small_files(&cluster);
    if !small {
        large_file(&cluster);
    }
    row("largest node of all this", &mib(cluster.peak()), "200 MiB");
    drop(cluster);
    many_blocks(&home);
    fs::remove_dir_all(&home).expect("our own folder");
}

/// Puts 1 GiB with three copies, gets it on an empty device, puts it alone.
fn gibibyte(cluster: &Cluster, laptop: &Client, words: &str, limits: &Limits) {
    let big = cluster.home.join("big");
    fs::write(&big, noise(GIB)).expect("a disk");
    let source = big.to_str().expect("a plain path");
    let line = |what: &str, seconds: f64, passes: &Passes, peak: u64| {
        let (least, by) = limits.least(GIB as f64, passes);
        let shared = limits.shared(GIB as f64, passes);
        println!(
            "| {what} | {seconds:.2} s | {:.0} % | {least:.2} s | {by} | {:.0} % | {shared:.2} s | {} | {} |",
            100.0 * least / seconds,
            100.0 * shared / seconds,
            passes.list(),
            mib(peak)
        );
    };
    let put = run(laptop, &["put", source]);
    // Cut, named, sealed with two hashes, opened again with one; then three links, each sealed, opened and verified.
    let passes = Passes { copy: 1.0, hash: 7.0, cipher: 8.0, cut: 1.0, disk: 3.0, wire: 3.0 };
    line("put, 3 copies", put.seconds, &passes, put.peak);

    let tablet = cluster.restore("tablet", words);
    let back = cluster.home.join("back");
    let sent = cluster.sent();
    let got = run(&tablet, &["get", "/big", back.to_str().expect("a plain path")]);
    files::content(&big, &back).expect("what came back is what was put");
    // One link, sealed, opened and verified; the block opened, its chunks named again; written, not synced.
    let passes = Passes { copy: 1.0, hash: 2.0, cipher: 3.0, cut: 0.0, disk: 1.0, wire: 1.0 };
    line("get, empty client", got.seconds, &passes, got.peak);
    let sent = cluster.sent() - sent;
    fs::remove_file(&back).expect("our own file");

    let alone = Client::new(&cluster.home.join("alone"));
    alone.well(["init"]);
    let put = run(&alone, &["put", source]);
    let passes = Passes { copy: 1.0, hash: 4.0, cipher: 2.0, cut: 1.0, disk: 1.0, wire: 0.0 };
    line("put, alone, 1 copy", put.seconds, &passes, put.peak);
    fs::remove_dir_all(&alone.data_dir).expect("our own folder");
    println!("\n| what | seen | aim |\n|---|---|---|");
    row("sent by all nodes for that get", &mib(sent), "little more than 1,024 MiB");
}

/// Puts the same again, with one byte more at its front, under another name.
fn changes(cluster: &Cluster, laptop: &Client) {
    let big = cluster.home.join("big");
    let source = big.to_str().expect("a plain path");
    let before = cluster.stored();
    let again = run(laptop, &["put", source]);
    row("1 GiB put again, unchanged", &format!("{:.2} s, {} new", again.seconds, mib(again.number("put", "new_bytes"))), "no new bytes");
    row("  on each node", &grown(cluster, &before), "nothing");

    let before = cluster.stored();
    let moved = run(laptop, &["mv", "/big", "/bigger"]);
    row("renamed", &format!("{:.2} s, {} on each node", moved.seconds, grown(cluster, &before)), "under 128 KiB");

    let shifted = cluster.home.join("shifted");
    let mut file = File::create(&shifted).expect("a disk");
    file.write_all(b"!").and_then(|()| file.write_all(&fs::read(&big)?)).expect("a disk");
    drop(file);
    let put = run(laptop, &["put", shifted.to_str().expect("a plain path")]);
    let share = 100.0 * put.number("put", "new_bytes") as f64 / GIB as f64;
    row("one byte more at its front", &format!("{:.2} s, {share:.2} % of it sent", put.seconds), "under 2 %");
    fs::remove_file(shifted).expect("our own file");
    fs::remove_file(big).expect("our own file");
}

/// Puts and lists 10,000 files of 1 KiB.
fn small_files(cluster: &Cluster) {
    let (client, _) = cluster.join("many");
    let folder = cluster.home.join("small");
    fs::create_dir_all(&folder).expect("a disk");
    for (number, content) in noise(SMALL_FILES << 10).chunks_exact(1 << 10).enumerate() {
        fs::write(folder.join(format!("{number:05}")), content).expect("a disk");
    }
    let before = cluster.stored();
    let put = run(&client, &["put", folder.to_str().expect("a plain path")]);
    row("10,000 files of 1 KiB, 3 copies", &format!("{:.2} s, client {}", put.seconds, mib(put.peak)), "under 4 s");
    let after = cluster.stored();
    let ratio = before.iter().zip(&after).map(|(before, after)| (after - before) as f64 / (SMALL_FILES << 10) as f64).fold(0.0, f64::max);
    row("  stored bytes per byte, each copy", &format!("{ratio:.2}"), "at most 1.5");
    let listed = run(&client, &["ls", "-R", "/small"]);
    row("  listed by a new process", &format!("{:.2} s", listed.seconds), "0.2 s by an open vault");
    fs::remove_dir_all(folder).expect("our own folder");
}

/// Puts 8 GiB and reads a little from its middle.
fn large_file(cluster: &Cluster) {
    let (client, words) = cluster.join("studio");
    let film = cluster.home.join("film");
    let mut file = File::create(&film).expect("a disk");
    let mut bytes = noise(64 << 20);
    for part in 0..LARGE / bytes.len() as u64 {
        // Each part is another one, or it would be stored once.
        bytes.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(part as u8 | 1));
        file.write_all(&bytes).expect("room for 8 GiB");
    }
    let put = run(&client, &["put", film.to_str().expect("a plain path")]);
    row("8 GiB, 3 copies", &format!("{:.1} s, client {}", put.seconds, mib(put.peak)), "200 MiB");
    let reader = cluster.restore("viewer", &words);
    let (from, len) = (LARGE / 2 + 12_345, 1 << 20);
    let piece = cluster.home.join("piece");
    let sent = cluster.sent();
    let range = format!("{from}-{}", from + len - 1);
    let got = run(&reader, &["get", "--range", &range, "/film", piece.to_str().expect("a plain path")]);
    let sent = cluster.sent() - sent;
    let mut expected = vec![0; len as usize];
    let mut film_file = File::open(&film).expect("our own file");
    film_file.seek(SeekFrom::Start(from)).and_then(|_| film_file.read_exact(&mut expected)).expect("our own file");
    assert!(fs::read(&piece).expect("got") == expected, "what came back differs");
    row(
        "  1 MiB of its middle, new process",
        &format!("{:.2} s, {} sent by nodes, tree pages included", got.seconds, mib(sent)),
        "4 blocks beside the tree",
    );
    let back = cluster.home.join("film-back");
    let got = run(&reader, &["get", "/film", back.to_str().expect("a plain path")]);
    files::content(&film, &back).expect("what came back is what was put");
    row("  read back", &format!("{:.1} s, client {}", got.seconds, mib(got.peak)), "200 MiB");
    for file in [film, back, piece] {
        fs::remove_file(file).expect("our own file");
    }
}

/// Starts a node on 100,000 blocks and lets it idle.
fn many_blocks(home: &Path) {
    let data_dir = home.join("full");
    fs::create_dir_all(&data_dir).expect("a disk");
    drop(Node::start(&data_dir, &[]));
    let node_dir = data_dir.join("node");
    let before = index_len(&node_dir);
    let store = Store::open(&node_dir, disk::Options::default()).expect("a store");
    let (answers, arrived) = std::sync::mpsc::channel();
    for batch in 0..BLOCKS / 250 {
        let block = |number: u64| {
            let mut bytes = vec![0; 4096];
            blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
            Block::new(Bytes::from(bytes)).expect("4 KiB is a block")
        };
        let blocks = (batch * 250..(batch + 1) * 250).map(block).collect();
        let answers = answers.clone();
        let commit = Commit { vault: VaultId([9; 32]), blocks, records: Vec::new() };
        store.submit(StoreOp::Commit(commit), move |answer| {
            let _ = answers.send(matches!(answer, StoreAnswer::Committed));
        });
    }
    drop(answers);
    assert!(arrived.iter().all(|well| well), "a commit failed");
    store.close();
    // The first start gives back what filling the index took beside it.
    drop(Node::start(&data_dir, &[]));
    let begun = Instant::now();
    let node = Node::start(&data_dir, &[]);
    row("a node starts on 100,000 blocks", &format!("{:.2} s", begun.elapsed().as_secs_f64()), "under 1 s");
    let each = (index_len(&node_dir) - before) as f64 / BLOCKS as f64;
    row("  index on disk, each", &format!("{each:.0} bytes"), "100 bytes");
    // After a kill, it first looks for leftovers.
    let shares = [(); 3].map(|()| {
        let before = processor(node.pid());
        std::thread::sleep(IDLE);
        100.0 * (processor(node.pid()) - before) / IDLE.as_secs_f64()
    });
    row("  one core, at first and when idle", &format!("{:.2} %, {:.2} %", shares[0], shares[2]), "under 1 %");
}

fn index_len(node_dir: &Path) -> u64 {
    let entries = fs::read_dir(node_dir).expect("a node's folder").flatten();
    entries
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "redb"))
        .map(|entry| entry.metadata().expect("a file").len())
        .sum()
}

/// What the nodes grew by since.
fn grown(cluster: &Cluster, before: &[u64]) -> String {
    let most = before.iter().zip(cluster.stored()).map(|(before, after)| after.saturating_sub(*before)).max().unwrap_or_default();
    format!("{:.0} KiB more", most as f64 / 1024.0)
}

fn row(what: &str, seen: &str, aim: &str) {
    println!("| {what} | {seen} | {aim} |");
}

fn mib(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / (1 << 20) as f64)
}

const GIB: usize = 1 << 30;
const LARGE: u64 = 8 << 30;
const SMALL_FILES: usize = 10_000;
const BLOCKS: u64 = 100_000;
/// How long an idle node is watched.
const IDLE: Duration = Duration::from_secs(10);
