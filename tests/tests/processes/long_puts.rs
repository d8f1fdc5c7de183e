//! Puts that take long: what is finished can be seen by other devices, and is put to use by them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cachette_tests::process::command;

use super::bench::{Bench, noise};

#[test]
fn another_device_goes_on_with_a_put_whose_machine_was_lost() {
    let bench = Bench::new(2, &[]);
    let folder = bench.home.path().join("films");
    fs::create_dir(&folder).expect("a disk");
    (0..FILES).for_each(|number| fs::write(folder.join(format!("{number:03}")), noise(SIZE, number)).expect("a disk"));
    let mut child = command(&bench.client.data_dir)
        .args(["put", "--publish-every", "0s"])
        .arg(&folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let published = lines.map(|line| line.expect("text")).find(|line| line.contains("\"published\"")).expect("told in the middle");
    child.kill().expect("a process of ours");
    child.wait().expect("a process of ours");
    fs::remove_dir_all(&bench.client.data_dir).expect("the machine is lost");

    let other = bench.restored("other");
    let listed = other.well(["ls", "/films"]);
    let names: Vec<&str> = listed.events.iter().filter_map(|event| event["path"].as_str()).collect();
    assert!(!names.is_empty() && names.len() < FILES as usize, "{published}: {names:?}");
    let put = other.well(["put".as_ref(), folder.as_os_str()]).event("put").clone();
    let there = names.len() as u64 * SIZE as u64;
    assert_eq!(put["new_bytes"].as_u64(), Some(FILES * SIZE as u64 - there), "only the rest is sent: {put}");
    let back = bench.home.path().join("back");
    other.well(["get".as_ref(), "/films".as_ref(), back.as_os_str()]);
    for number in 0..FILES {
        assert!(fs::read(back.join(format!("{number:03}"))).expect("a file") == noise(SIZE, number), "{number}");
    }
}

const FILES: u64 = 100;
const SIZE: usize = 300_000;
