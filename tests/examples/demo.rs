//! What `cargo xtask demo` runs: three nodes on this machine, a real tree of files, one node killed, everything read back elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use cachette_tests::files::{self, Summary};
use cachette_tests::process::{Client, Node, binary};
use serde_json::Value;

const NAMES: [&str; 3] = ["attic", "cellar", "paris"];
/// The node that dies.
const VICTIM: usize = 1;
/// Small files beside the toolchain's large ones.
const SMALL_FILES: u32 = 5_000;
const SEED: u64 = 2026;

fn main() -> ExitCode {
    let keep = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--keep" => true,
        _ => {
            eprintln!("usage: cargo xtask demo [--keep]");
            return ExitCode::from(2);
        }
    };
    let root = binary().with_file_name("demo");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).expect("a folder for the demo");
    let equal = demo(&root, keep);
    if !keep {
        fs::remove_dir_all(&root).expect("the demo's own folder");
        println!("\nStopped the nodes and removed {}.", root.display());
    }
    if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn demo(root: &Path, keep: bool) -> bool {
    step("Three nodes start, each with a data directory of its own");
    let mut nodes: Vec<Node> = NAMES.iter().map(|name| Node::start(&root.join(name), &["--name", name, "--zone", name])).collect();
    for node in &nodes {
        println!("  {:<8} {}", node.name, node.address);
    }

    step("A vault is made on a fourth data directory and joins them");
    let laptop = Client::new(&root.join("laptop"));
    let mut arguments = vec!["init".to_owned()];
    arguments.extend(nodes.iter().flat_map(|node| ["--join".to_owned(), node.invitation()]));
    let made = laptop.well(&arguments);
    let words = made.event("recovery-sheet")["words"].as_str().expect("words").to_owned();
    println!("  vault {}", made.event("vault")["vault"].as_str().unwrap_or_default());
    println!("  24 words on paper, {} … {}", words.split(' ').next().unwrap_or_default(), words.split(' ').next_back().unwrap_or_default());

    step("Files are put: the Rust toolchain's own lib folder, and thousands of small ones");
    let (toolchain, small) = (sysroot().join("lib"), root.join("small"));
    files::make(&small, SMALL_FILES, SEED).expect("a disk");
    for source in [&toolchain, &small] {
        let put = laptop.well(["put".as_ref(), source.as_os_str()]);
        let put = put.event("put");
        println!("  {}", rate(put, "new_bytes"));
        println!("    {}: {} of {} copies of {} blocks", put["state"].as_str().unwrap_or("?"), put["copies"], put["wanted"], put["blocks"]);
    }
    for node in &nodes {
        println!("  {:<8} stores {}", node.name, mib(files::stored(&node.data_dir).expect("a node's files")));
    }

    step("Where the copies of a large file lie");
    let large = largest(&toolchain);
    let path = format!("/lib/{}", large.strip_prefix(&toolchain).expect("below it").display());
    let stat = laptop.well(["stat", path.as_str()]);
    let stat = stat.event("stat");
    println!("  {path}, {}", mib(stat["size"].as_u64().unwrap_or_default()));
    println!("    {} pieces in {} blocks, {} copies of each", stat["chunks"], stat["blocks"], stat["copies"]);
    for (name, count) in stat["holders"].as_object().into_iter().flatten() {
        println!("    {name:<8} holds {count}");
    }

    step(&format!("SIGKILL hits {}", NAMES[VICTIM]));
    println!("  process {} is gone", nodes[VICTIM].pid());
    nodes[VICTIM].kill();

    step("Another device starts from nothing but the words and the address of a node that lives");
    let tablet = Client::new(&root.join("tablet"));
    let paper = tablet.data_dir.join("words");
    fs::write(&paper, &words).expect("a disk");
    let survivor = nodes.iter().enumerate().find(|(index, _)| *index != VICTIM).expect("two more nodes").1;
    let restored = tablet.well([
        "init".as_ref(),
        "--restore".as_ref(),
        "--node".as_ref(),
        survivor.address.as_ref(),
        "--phrase-file".as_ref(),
        paper.as_os_str(),
    ]);
    println!("  the vault is open after {}", seconds(restored.took));

    step("It reads everything back into an empty folder");
    let back = root.join("back");
    let got = tablet.well(["get".as_ref(), "/".as_ref(), back.as_os_str()]);
    println!("  {}", rate(got.event("get"), "bytes"));

    step("Every name, kind, size, mode, time and byte is compared");
    let equal = [(&toolchain, "lib"), (&small, "small")].into_iter().all(|(source, name)| told(source, &back.join(name)));
    println!("\n{}", if equal { "Everything is as it was." } else { "SOMETHING DIFFERS." });
    if keep {
        let nodes: Vec<Node> =
            nodes.into_iter().enumerate().map(|(index, node)| if index == VICTIM { node.again() } else { node }).collect();
        explain(&laptop, &nodes, &words);
        nodes.into_iter().for_each(std::mem::forget);
    }
    equal
}

fn told(source: &Path, back: &Path) -> bool {
    match files::compare(source, back) {
        Ok(Summary { files, folders, links, bytes }) => {
            println!("  {}: {files} files, {folders} folders, {links} links, {}: equal", source.display(), mib(bytes));
            true
        }
        Err(differences) => {
            differences.iter().for_each(|difference| println!("  {difference}"));
            false
        }
    }
}

fn explain(laptop: &Client, nodes: &[Node], words: &str) {
    println!("\nThe nodes go on running, {} too:", NAMES[VICTIM]);
    nodes.iter().for_each(|node| println!("  {:<8} process {:<8} {}", node.name, node.pid(), node.address));
    println!("Talk to the vault:\n  {} --data-dir {} ls -l", binary().display(), laptop.data_dir.display());
    let page = nodes[0].address.replacen("ws", "http", 1);
    println!("Open it in a browser:\n  {}", page.split('#').next().unwrap_or_default());
    println!("  and restore the vault there with the address {} and the words\n  {words}", nodes[0].address);
    let pids: Vec<String> = nodes.iter().map(|node| node.pid().to_string()).collect();
    println!("Stop the nodes:\n  kill {}", pids.join(" "));
}

fn step(title: &str) {
    println!("\n{title}");
}

/// One line on a transfer: how much, how fast.
fn rate(event: &Value, moved: &str) -> String {
    let bytes = event["bytes"].as_u64().unwrap_or_default();
    let moved = event[moved].as_u64().unwrap_or_default();
    let took = event["seconds"].as_f64().unwrap_or_default();
    let new = if moved == bytes { String::new() } else { format!(" ({} new)", mib(moved)) };
    format!(
        "{} files, {}{new} in {}: {}/s",
        event["files"],
        mib(bytes),
        seconds(Duration::from_secs_f64(took)),
        mib((bytes as f64 / took.max(0.001)) as u64)
    )
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn sysroot() -> PathBuf {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc, which built this");
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

fn largest(root: &Path) -> PathBuf {
    everything(root).into_iter().max_by_key(|(_, len)| *len).expect("a file").0
}

/// Returns all files below a folder with their sizes.
fn everything(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let metadata = entry.metadata().expect("a file that stays");
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                files.push((entry.path(), metadata.len()));
            }
        }
    }
    files
}
