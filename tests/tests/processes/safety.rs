//! The four words of safety: local, on its way, safe, at risk. They are true, and the same everywhere.

use std::fs;

use cachette_tests::process::{Client, Done, Node, eventually};

use super::bench::{Bench, blocks, fails, invite, noise};

fn hints(done: &Done) -> String {
    let of = |event: &serde_json::Value| event["hints"].as_array().into_iter().flatten().map(ToString::to_string).collect::<String>();
    done.events.iter().map(of).collect()
}

#[test]
fn a_vault_alone_is_local_in_every_command() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    let note = home.path().join("note");
    fs::write(&note, "mine").expect("a disk");
    assert_eq!(client.well(["put".as_ref(), note.as_os_str()]).event("put")["state"], "local");
    assert_eq!(client.well(["check"]).event("check")["state"], "local");
    let status = client.well(["status"]).event("vault-status").clone();
    assert_eq!((&status["state"], &status["nodes"], &status["answering"]), (&"local".into(), &0.into(), &0.into()), "{status}");
    let (status, peers) = (client.said(["status"]), client.said(["peers"]));
    assert!(status.contains("no nodes yet") && peers.contains("no nodes yet"), "{status}{peers}");
    assert!(!status.contains("1 copies") && !status.contains("of 1 answer"), "{status}");
    assert!(client.said(["check"]).starts_with("local"));
}

#[test]
fn what_status_and_check_say_follows_from_how_many_nodes_answer() {
    let mut bench = Bench::new(3, &[]);
    let film = bench.file("film", 6 << 20, 1);
    bench.put(&film);
    let status = |bench: &Bench| bench.client.well(["status"]).event("vault-status").clone();
    assert_eq!(status(&bench)["state"], "safe");
    let whole = bench.client.well(["check"]).event("check").clone();
    assert_eq!((&whole["state"], &whole["copies"], &whole["wanted"]), (&"safe".into(), &3.into(), &3.into()), "{whole}");
    let said = bench.client.said(["check"]);
    assert!(said.contains("by what the nodes say") && said.contains("3 of 3 copies of") && !said.contains("block"), "{said}");

    // Two of three: as agreed, so it is safe, and the node is waited for.
    bench.nodes[2].kill();
    let short = bench.client.run(["check"]);
    assert_eq!(short.code, Some(0), "{:?} {}", short.events, short.stderr);
    let event = short.event("check");
    assert_eq!((&event["state"], &event["copies"]), (&"safe".into(), &2.into()), "{event}");
    assert!(!hints(&short).contains("--repair"), "nobody that can be reached lacks a copy: {event}");
    let said = bench.client.said(["check"]);
    assert!(said.contains("2 of 3 copies of") && said.contains("n2 did not answer"), "{said}");
    assert_eq!(status(&bench)["state"], "safe");
    let more = bench.file("more", 1 << 20, 2);
    let put = bench.client.said(["put", more.to_str().expect("text")]);
    assert!(put.contains("check --repair") && !put.contains("catches up"), "{put}");

    // One of three: fewer than agreed.
    bench.nodes[1].kill();
    let one = bench.client.run(["check"]);
    fails(&one, 5, "fewer copies than agreed");
    assert_eq!(one.event("check")["state"], "at risk");
    assert!(hints(&one).contains("n1") && !hints(&one).contains("--repair"), "{}", hints(&one));
    assert_eq!(status(&bench)["state"], "at risk");
    assert!(bench.client.said(["status"]).contains("at risk"));

    bench.nodes[0].kill();
    assert_eq!(status(&bench)["state"], "at risk");
    assert_eq!(bench.client.run(["check"]).event("check")["state"], "at risk");

    // The one that was away lacks what was put meanwhile, and only now can that be mended.
    bench.nodes = std::mem::take(&mut bench.nodes).into_iter().map(Node::again).collect();
    let back = bench.client.run(["check"]);
    assert_eq!(back.code, Some(0), "{:?}", back.events);
    assert!(hints(&back).contains("--repair"), "{:?}", back.events);
    let mended = bench.client.well(["check", "--repair"]).event("check").clone();
    assert_eq!((&mended["state"], &mended["copies"]), (&"safe".into(), &3.into()), "{mended}");
}

#[test]
fn block_files_that_vanished_behind_a_nodes_back_are_missed_after_a_start_and_brought_back() {
    let mut bench = Bench::new(2, &[]);
    let film = bench.file("film", 6 << 20, 1);
    bench.put(&film);
    bench.nodes[0].stop();
    let data = bench.nodes[0].data_dir.join("node");
    fs::remove_dir_all(data.join("owners")).expect("a disk");
    bench.nodes = std::mem::take(&mut bench.nodes).into_iter().map(Node::again).collect();
    eventually("the node misses its blocks", || bench.client.run(["check"]).event("check")["state"] == "at risk");
    let check = bench.client.run(["check"]);
    fails(&check, 5, "fewer copies than agreed");
    assert!(hints(&check).contains("--repair"), "{:?}", check.events);
    let mended = bench.client.well(["check", "--repair"]).event("check").clone();
    assert_eq!(mended["state"], "safe", "{mended}");
    assert_eq!(bench.client.well(["check"]).event("check")["state"], "safe");
    assert_eq!(blocks(&data).len(), blocks(&bench.nodes[1].data_dir.join("node")).len());
}

#[test]
fn a_vault_whose_first_node_is_too_small_is_on_its_way_and_nothing_of_it_is_missing() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    let film = home.path().join("film");
    fs::write(&film, noise(12 << 20, 1)).expect("a disk");
    client.well(["put".as_ref(), film.as_os_str()]);
    let node = Node::start(&home.path().join("node"), &["--reserve", "0", "--name", "small", "--store-limit", "1GiB", "--invite", "5MiB"]);
    let joined = client.run(["init", "--join", &node.invitation()]);
    assert_eq!(joined.code, Some(5), "{:?}", joined.events);
    let check = client.run(["check"]);
    fails(&check, 5, "on this machine only");
    fails(&check, 5, "small");
    fails(&check, 5, "5.0 MiB");
    assert_eq!((&check.event("check")["state"], &check.event("check")["missing"]), (&"on its way".into(), &serde_json::json!([])));
    let bigger = invite(&node, "500MiB");
    client.well(["init", "--join", &bigger]);
    let check = client.well(["check", "--repair"]).event("check").clone();
    assert_eq!(check["state"], "safe", "{check}");
}

#[test]
fn a_command_that_fails_says_nothing_of_the_tasks_it_gave_up() {
    let bench = Bench::new(2, &[]);
    for _ in 0..5 {
        let done = bench.client.run(["cat", "/nothing"]);
        fails(&done, 6, "does not exist");
        assert!(!done.stderr.contains("task"), "{}", done.stderr);
    }
}
