//! Wrong passwords and invitations, and nodes that do not answer or are others than expected.

use std::fs;

use cachette_tests::process::{Client, Node};

use super::bench::{Bench, fails};

#[test]
fn a_wrong_password_opens_nothing_and_changes_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    let (right, wrong, empty) = (home.path().join("right"), home.path().join("wrong"), home.path().join("empty"));
    fs::write(&right, "correct horse\n").expect("a disk");
    fs::write(&wrong, "battery staple\n").expect("a disk");
    fs::write(&empty, "\n").expect("a disk");
    client.well(["init".as_ref(), "--password-file".as_ref(), right.as_os_str()]);
    let device = fs::read(client.data_dir.join("vault/device")).expect("the device");
    let ls = |file: &std::path::Path| client.run(["ls".as_ref(), "--password-file".as_ref(), file.as_os_str()]);
    fails(&ls(&wrong), 8, "wrong password, or the key file is damaged");
    fails(&ls(&empty), 2, "the password is empty");
    fails(&client.run(["ls"]), 2, "a password is needed");
    assert_eq!(fs::read(client.data_dir.join("vault/device")).expect("the device"), device);
    assert_eq!(ls(&right).code, Some(0));
}

#[test]
fn wrong_invitations_are_refused_and_the_vault_stays_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let node = Node::start(&home.path().join("node"), &["--reserve", "0"]);
    let invitation = node.invitation();
    let client = Client::new(&home.path().join("client"));
    let join = |text: &str| client.run(["init", "--join", text]);
    fails(&join("hello"), 2, "an invitation begins with cachette-invite-");
    fails(&join(&invitation[..invitation.len() - 9]), 2, "the invitation is cut short; copy it to its end");
    let middle = invitation.len() / 2;
    let other = if &invitation[middle..=middle] == "a" { "b" } else { "a" };
    let mistyped = format!("{}{other}{}", &invitation[..middle], &invitation[middle + 1..]);
    fails(&join(&mistyped), 2, "mistyped or altered");
    assert!(!client.data_dir.join("vault/device").exists(), "nothing was made");
    client.well(["init", "--join", invitation.as_str()]);

    let late = Client::new(&home.path().join("late"));
    late.well(["init"]);
    let note = home.path().join("note");
    fs::write(&note, "mine").expect("a disk");
    late.well(["put".as_ref(), note.as_os_str()]);
    fails(&late.run(["init", "--join", invitation.as_str()]), 8, "the invitation is not valid there");
    late.well(["get".as_ref(), "/note".as_ref(), home.path().join("back").as_os_str()]);
    assert_eq!(fs::read(home.path().join("back")).expect("a file"), b"mine");
}

#[test]
fn another_node_at_the_address_or_none_at_all_is_said() {
    let home = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(&home.path().join("node"), &["--reserve", "0"]);
    let invitation = node.invitation();
    node.kill();
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    fails(&client.run(["init", "--join", invitation.as_str()]), 4, "the node cannot be reached: not reachable: connection refused");
    // The same port, another identity.
    for file in ["seed", "node.json"] {
        let _ = fs::remove_file(node.data_dir.join("node").join(file));
    }
    let impostor = node.again();
    fails(&client.run(["init", "--join", invitation.as_str()]), 4, "not reachable: another peer answers at that address");
    assert!(client.well(["ls"]).code == Some(0), "the vault opens as before");
    drop(impostor);
}

#[test]
fn wrong_words_restore_nothing_and_leave_nothing_behind() {
    let bench = Bench::new(1, &[]);
    let note = bench.file("note", 1000, 1);
    bench.put(&note);
    let other = Client::new(&bench.home.path().join("other"));
    let sheet = other.well(["init"]);
    let foreign = sheet.event("recovery-sheet")["words"].as_str().expect("words").to_owned();
    let words: Vec<&str> = foreign.split(' ').collect();
    let mut unknown = words.clone();
    unknown[4] = "cachettte";
    let mut swapped = words.clone();
    let apart = (1..24).find(|index| words[*index] != words[0]).expect("different words");
    swapped.swap(0, apart);
    let fresh = Client::new(&bench.home.path().join("fresh"));
    let restore = |text: &str, address: &str| {
        let file = bench.home.path().join("words");
        fs::write(&file, text).expect("a disk");
        fresh.run(["init".as_ref(), "--restore".as_ref(), "--node".as_ref(), address.as_ref(), "--phrase-file".as_ref(), file.as_os_str()])
    };
    let address = bench.nodes[0].address.as_str();
    let unknown = restore(&unknown.join(" "), address);
    fails(&unknown, 2, "word 5 is unknown");
    assert!(!format!("{:?}", unknown.events).contains("cachettte"), "what was typed is not shown again");
    fails(&restore(&words[..23].join(" "), address), 2, "a recovery phrase has 24 words, these are 23");
    // One in 256 exchanges keeps the checksum: such words are those of a vault that nobody knows.
    let swapped = restore(&swapped.join(" "), address);
    if swapped.code != Some(6) {
        fails(&swapped, 2, "do not belong together");
    }
    fails(&restore(&foreign, address), 6, "know no vault that these words open");
    let (url, _) = address.split_once('#').expect("an id");
    fails(&restore(&foreign, url), 2, "the node's id is missing");
    fails(&restore(&foreign, "ws://127.0.0.1:1/#aaaa"), 2, "what follows # is no peer id");
    assert!(!fresh.data_dir.join("vault/device").exists(), "no half vault");
    bench.holds("note", &fs::read(&note).expect("a file"));
}
