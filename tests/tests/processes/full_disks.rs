//! A node without room beside nodes that have some.

use std::fs;

use cachette_tests::process::{Client, Node};

use super::bench::noise;

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
