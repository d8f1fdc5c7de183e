//! Nodes without room: one of several, all of them, and a vault at its limit.

use std::ffi::OsStr;
use std::fs;

use cachette_tests::process::{Client, Node, command};

use super::bench::{Bench, fails, noise};

#[test]
fn d03_a_node_at_its_limit_is_not_counted_and_the_others_are_enough() {
    let home = tempfile::tempdir().expect("a folder");
    let limits = ["4MiB", "1GiB", "1GiB"];
    let nodes: Vec<Node> = limits
        .iter()
        .enumerate()
        .map(|(number, limit)| {
            let name = format!("n{number}");
            Node::start(&home.path().join(&name), &["--reserve", "0", "--name", &name, "--store-limit", limit])
        })
        .collect();
    let client = Client::new(&home.path().join("client"));
    let mut init = vec!["init".to_owned()];
    init.extend(nodes.iter().flat_map(|node| ["--join".to_owned(), node.invitation()]));
    client.well(&init);
    let big = home.path().join("big");
    fs::write(&big, noise(12 << 20, 1)).expect("a disk");
    let put = client.run(["put".as_ref(), "--wait".as_ref(), "2s".as_ref(), big.as_os_str()]);
    assert_eq!(put.code, Some(0), "two of three are enough: {:?} {}", put.events, put.stderr);
    assert!(put.event("put")["copies"].as_u64() < Some(3), "{}", put.event("put"));
    let back = home.path().join("back");
    client.well(["get".as_ref(), "/big".as_ref(), back.as_os_str()]);
    assert!(fs::read(&back).expect("a file") == noise(12 << 20, 1));
}

#[test]
fn d05_a_vault_at_its_limit_is_refused_and_others_have_their_room() {
    let bench = Bench::new(1, &["--store-limit", "12MiB", "--invite", "6MiB"]);
    let small = bench.file("small", 500_000, 1);
    bench.put(&small);
    let big = bench.file("big", 12 << 20, 2);
    let put = bench.client.run(["put".as_ref(), "--wait".as_ref(), "2s".as_ref(), big.as_os_str()]);
    fails(&put, 5, "not safe: 0 of 1 copies, and no other node takes one");
    fails(&put, 5, "n0: the vault's limit on that node is reached");
    bench.holds("small", &fs::read(&small).expect("a file"));
    let status = bench.client.well(["status"]);
    let node = status.event("node");
    assert!(node["used"].as_u64() <= node["limit"].as_u64(), "{node}");

    // Another vault on the same node: one's limit is not the other's.
    let output = command(&bench.nodes[0].data_dir).args(["invite", "1MiB"]).output().expect("it runs");
    let invited: serde_json::Value = serde_json::from_slice(&output.stdout).expect("an invitation");
    let neighbour = Client::new(&bench.home.path().join("neighbour"));
    neighbour.well(["init", "--join", invited["invitation"].as_str().expect("text")]);
    let theirs = bench.file("theirs", 500_000, 3);
    let put = neighbour.well(["put".as_ref(), theirs.as_os_str()]).event("put").clone();
    assert_eq!(put["state"], "safe", "{put}");
    bench.holds("small", &fs::read(&small).expect("a file"));
}

#[test]
fn d03_a_put_onto_full_disks_of_all_nodes_says_so_and_goes_on_when_there_is_room() {
    let mut bench = Bench::new(2, &[]);
    let (small, big) = (bench.file("small", 500_000, 1), bench.file("big", 6 << 20, 2));
    bench.put(&small);
    let restart = |bench: &mut Bench, reserve: &str| {
        let nodes = std::mem::take(&mut bench.nodes).into_iter();
        bench.nodes = nodes
            .map(|node| {
                let name = node.name.clone();
                node.again_with(&["--reserve", reserve, "--name", &name])
            })
            .collect();
    };
    // No disk has as much as shall stay free on it.
    restart(&mut bench, "900TiB");
    let put = bench.client.run([OsStr::new("put"), big.as_os_str()]);
    fails(&put, 5, "not safe: 0 of 2 copies, and no other node takes one");
    fails(&put, 5, "n1: that node's disk is full");
    assert!(put.events.iter().all(|event| event["event"] != "put"), "no success is told");
    fails(&bench.client.run(["stat", "/big"]), 6, "does not exist");
    bench.holds("small", &fs::read(&small).expect("a file"));
    restart(&mut bench, "0");
    let put = bench.put(&big);
    assert_eq!((&put["state"], &put["copies"]), (&"safe".into(), &2.into()), "{put}");
    bench.holds("small", &fs::read(&small).expect("a file"));
    bench.holds("big", &fs::read(&big).expect("a file"));
}
