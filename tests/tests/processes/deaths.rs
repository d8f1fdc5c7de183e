//! SIGKILL at moments that a seed chooses: of a node and of the client, in a put and in a get. What was acknowledged stays readable.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cachette_tests::process::{Node, command, eventually};

use super::bench::{Bench, blocks, noise};

/// A share of the soak, in the test command.
const RUNS: u64 = 3;

#[derive(Clone, Copy, Debug)]
enum Victim {
    Node,
    /// All of them at once, as when the power goes; they are started again at once.
    Nodes,
    Client,
}

/// Chooses, by the seed, how much of `whole` and what follows it has happened when somebody dies.
fn share(seed: u64, whole: usize) -> usize {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % whole
}

fn kill_all(bench: &mut Bench) {
    bench.nodes.iter_mut().for_each(Node::kill);
    bench.nodes = std::mem::take(&mut bench.nodes).into_iter().map(Node::again).collect();
}

/// Kills somebody when a share of what a put or get moves has arrived.
fn kill_in_put(bench: &mut Bench, victim: Victim, seed: u64) {
    let name = format!("file {seed}");
    let file = bench.file(&name, 24 << 20, seed);
    let watched = bench.nodes[0].data_dir.join("node");
    let before = blocks(&watched).len();
    let mut child = command(&bench.client.data_dir)
        .args(["put", "--wait", "10s"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    // A few more than the file's own blocks: then the folders and the head are under way.
    let share = share(seed, 24 + 4);
    // For all nodes every other moment is the one at which the put was acknowledged: nothing may be on its way to a disk then.
    let share = if matches!(victim, Victim::Nodes) && seed.is_multiple_of(2) { usize::MAX - before } else { share };
    let mut ended = false;
    eventually("the share has arrived", || {
        ended = child.try_wait().expect("a process of ours").is_some();
        ended || blocks(&watched).len() >= before + share
    });
    match victim {
        Victim::Client => {
            child.kill().expect("a process of ours");
            child.wait().expect("a process of ours");
        }
        Victim::Nodes => {
            kill_all(bench);
            if child.wait().expect("a process of ours").success() {
                bench.holds(&name, &noise(24 << 20, seed));
            }
        }
        Victim::Node => {
            bench.nodes[1].kill();
            let acknowledged = child.wait().expect("a process of ours").success();
            if acknowledged {
                bench.holds(&name, &noise(24 << 20, seed));
            }
            let dead = bench.nodes.remove(1);
            bench.nodes.insert(1, dead.again());
        }
    }
    // What was acknowledged before is there, and the same put ends well.
    bench.holds("first", &noise(2 << 20, 0));
    let put = bench.put(&file);
    assert_eq!(put["state"], "safe", "{put}");
    bench.holds(&name, &noise(24 << 20, seed));
}

fn kill_in_get(bench: &mut Bench, victim: Victim, seed: u64) {
    let folder = tempfile::tempdir_in(bench.home.path()).expect("a folder");
    let target = folder.path().join("large");
    let mut child = command(&bench.client.data_dir).arg("get").arg("/large").arg(&target).stdout(Stdio::null()).spawn().expect("it runs");
    let share = share(seed, 32 << 20) as u64;
    eventually("the share has arrived", || {
        let parts = fs::read_dir(folder.path()).expect("a folder").filter_map(|entry| entry.ok()?.metadata().ok());
        child.try_wait().expect("a process of ours").is_some() || parts.map(|part| part.len()).sum::<u64>() > share
    });
    match victim {
        Victim::Client => {
            child.kill().expect("a process of ours");
            child.wait().expect("a process of ours");
            if !target.exists() {
                bench.client.well(["get".as_ref(), "/large".as_ref(), target.as_os_str()]);
            }
        }
        Victim::Nodes => {
            kill_all(bench);
            // It may have found nobody there in between; then the same command goes on.
            if !child.wait().expect("a process of ours").success() {
                bench.client.well(["get".as_ref(), "/large".as_ref(), target.as_os_str()]);
            }
        }
        Victim::Node => {
            bench.nodes[0].kill();
            assert!(child.wait().expect("a process of ours").success(), "another node has it all");
            let dead = bench.nodes.remove(0);
            bench.nodes.insert(0, dead.again());
        }
    }
    assert!(fs::read(&target).expect("a file") == noise(32 << 20, 77));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside it");
}

fn run(victim: Victim, seeds: impl Iterator<Item = u64>) {
    let mut bench = Bench::new(3, &[]);
    let (first, large) = (bench.file("first", 2 << 20, 0), bench.file("large", 32 << 20, 77));
    bench.put(&first);
    bench.put(&large);
    let mut put = Vec::new();
    for seed in seeds {
        println!("seed {seed}, {victim:?}");
        kill_in_put(&mut bench, victim, seed);
        kill_in_get(&mut bench, victim, seed);
        put.push(seed);
    }
    // Nothing of what was acknowledged on the way was lost by what came after it.
    for seed in put {
        bench.holds(&format!("file {seed}"), &noise(24 << 20, seed));
    }
}

#[test]
fn c08_a_node_killed_in_a_put_and_in_a_get_loses_nothing_acknowledged() {
    run(Victim::Node, 1..=RUNS);
}

#[test]
fn c08_all_nodes_killed_at_once_in_a_put_and_in_a_get_lose_nothing_acknowledged() {
    run(Victim::Nodes, 1..=2);
}

#[test]
#[ignore = "soak: SIGKILL of nodes and clients under load, at least twenty times each"]
fn c08_processes_are_killed_again_and_again() {
    let seconds = std::env::var("CACHETTE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let until = Instant::now() + Duration::from_secs(seconds);
    // Twenty of each at least, and no more files than fit a machine's disk.
    for victim in [Victim::Node, Victim::Nodes, Victim::Client] {
        run(victim, (100..200).take_while(|seed| *seed < 120 || Instant::now() < until));
    }
}

#[test]
fn c08_c10_a_client_killed_in_a_put_and_in_a_get_goes_on() {
    run(Victim::Client, 1..=2);
}

#[test]
fn c10_n04_an_interrupted_put_sends_again_at_most_one_window() {
    let bench = Bench::new(1, &[]);
    let received = |node: &Node| blocks(&node.data_dir.join("node")).len() as u64;
    let travelled = |node: &Node| node.figure("cachette_link_received_bytes_total");
    let file = bench.file("film", 160 << 20, 9);
    let mut child =
        command(&bench.client.data_dir).arg("put").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    eventually("more than a window has arrived", || {
        received(&bench.nodes[0]) > 96 || child.try_wait().expect("a process of ours").is_some()
    });
    child.kill().expect("a process of ours");
    child.wait().expect("a process of ours");
    let there = received(&bench.nodes[0]);
    let before = travelled(&bench.nodes[0]);
    let put = bench.put(&file);
    assert_eq!(put["state"], "safe", "{put}");
    let stored = received(&bench.nodes[0]);
    assert!(stored <= 161 + 64 + 8, "{there} before, {stored} after: more than one window twice");
    let most = ((160 - there.min(160)) << 20) + (64 << 20) + (8 << 20);
    for sent in [put["block_bytes"].as_u64().expect("bytes"), travelled(&bench.nodes[0]) - before] {
        assert!(sent <= most, "{sent} bytes sealed or sent again, {there} blocks were there");
    }
    bench.holds("film", &noise(160 << 20, 9));
}
