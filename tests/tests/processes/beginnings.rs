//! Setting a vault up: recovery sheets, nodes that are joined, and vaults that cannot be opened.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cachette_tests::process::{Client, Node, command};

use super::bench::{Bench, fails, invite};

#[test]
fn a_recovery_sheet_never_takes_the_place_of_a_file() {
    let home = tempfile::tempdir().expect("a folder");
    let sheet = home.path().join("sheet");
    let first = Client::new(&home.path().join("first"));
    first.well(["init".as_ref(), "--phrase-file".as_ref(), sheet.as_os_str()]);
    let words = fs::read(&sheet).expect("a sheet");
    let second = Client::new(&home.path().join("second"));
    let refused = second.run(["init".as_ref(), "--phrase-file".as_ref(), sheet.as_os_str()]);
    fails(&refused, 2, "exists already");
    assert_eq!(fs::read(&sheet).expect("a sheet"), words, "the only sheet of another vault is as it was");
    assert!(!second.data_dir.join("vault").exists(), "nothing was made");
    let nowhere = home.path().join("no folder/sheet");
    fails(&second.run(["init".as_ref(), "--phrase-file".as_ref(), nowhere.as_os_str()]), 4, "No such file");
    assert!(!second.data_dir.join("vault").exists(), "nothing was made");
}

#[test]
fn a_sheet_names_only_nodes_that_took_the_vault_and_is_shown_once_also_when_none_does() {
    let home = tempfile::tempdir().expect("a folder");
    let node = Node::start(&home.path().join("node"), &["--reserve", "0", "--name", "attic"]);
    let invitation = node.invitation();
    Client::new(&home.path().join("first")).well(["init", "--join", &invitation]);
    let late = Client::new(&home.path().join("late"));
    let refused = late.run(["init", "--join", &invitation]);
    fails(&refused, 8, "the invitation is not valid there");
    let sheets: Vec<_> = refused.events.iter().filter(|event| event["event"] == "recovery-sheet").collect();
    assert_eq!(sheets.len(), 1, "{:?}", refused.events);
    assert_eq!(sheets[0]["words"].as_str().expect("words").split(' ').count(), 24);
    assert_eq!(sheets[0]["nodes"], serde_json::json!([]), "it keeps nothing of this vault");
    late.well(["ls"]);

    // A file holds the same.
    let (third, sheet) = (Client::new(&home.path().join("third")), home.path().join("sheet"));
    fails(
        &third.run(["init".as_ref(), "--phrase-file".as_ref(), sheet.as_os_str(), "--join".as_ref(), invitation.as_ref()]),
        8,
        "not valid",
    );
    let text = fs::read_to_string(&sheet).expect("a sheet");
    assert!(text.contains("24. ") && !text.contains("ws://"), "{text}");
    assert_eq!(fs::metadata(&sheet).expect("a sheet").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_node_that_is_joined_later_is_named_with_the_line_for_the_sheet() {
    let home = tempfile::tempdir().expect("a folder");
    let node = Node::start(&home.path().join("node"), &["--reserve", "0", "--name", "attic"]);
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    let made = client.well(["init", "--join", &node.invitation()]).event("vault").clone();
    let address = made["addresses"][0].as_str().unwrap_or_else(|| panic!("no address: {made}")).to_owned();
    assert!(address.starts_with("ws://127.0.0.1:") && address.contains("/#"), "{address}");
    for arguments in [["status"], ["peers"]] {
        let told = client.well(arguments).event("node").clone();
        assert_eq!(told["addresses"][0], address.as_str(), "{told}");
    }
    let second = Node::start(&home.path().join("second"), &["--reserve", "0", "--name", "cellar"]);
    let told = client.said(["init", "--join", &second.invitation()]);
    assert!(told.contains("recovery sheet") && told.contains(&format!("{}/#", second.listen)), "{told}");
}

#[test]
fn a_vault_is_brought_back_from_its_sheet_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let node = Node::start(&home.path().join("node"), &["--reserve", "0"]);
    let (client, sheet) = (Client::new(&home.path().join("client")), home.path().join("sheet"));
    client.well(["init".as_ref(), "--phrase-file".as_ref(), sheet.as_os_str(), "--join".as_ref(), node.invitation().as_ref()]);
    let note = home.path().join("note");
    fs::write(&note, "mine").expect("a disk");
    client.well(["put".as_ref(), note.as_os_str()]);
    let other = Client::new(&home.path().join("other"));
    other.well(["init".as_ref(), "--restore".as_ref(), "--phrase-file".as_ref(), sheet.as_os_str()]);
    other.well(["get".as_ref(), "/note".as_ref(), home.path().join("back").as_os_str()]);
    assert_eq!(fs::read(home.path().join("back")).expect("a file"), b"mine");

    let words: String =
        fs::read_to_string(&sheet).expect("a sheet").lines().filter(|line| !line.contains("ws://")).collect::<Vec<_>>().join("\n");
    fs::write(&sheet, words).expect("a disk");
    let third = Client::new(&home.path().join("third"));
    let without = third.run(["init".as_ref(), "--restore".as_ref(), "--phrase-file".as_ref(), sheet.as_os_str()]);
    fails(&without, 2, "no node's address");
    assert!(!third.data_dir.join("vault/device").exists());
}

#[test]
fn a_second_invitation_never_lowers_what_a_node_keeps() {
    let bench = Bench::new(1, &["--store-limit", "1GiB", "--invite", "70MiB"]);
    let limit = || bench.client.well(["status"]).event("node")["limit"].clone();
    assert_eq!(limit(), 70 << 20);
    let told = bench.client.said(["init", "--join", &invite(&bench.nodes[0], "50MiB")]);
    assert!(told.contains("70.0 MiB") && told.contains("50.0 MiB"), "{told}");
    assert_eq!(limit(), 70 << 20);
    let told = bench.client.said(["init", "--join", &invite(&bench.nodes[0], "90MiB")]);
    assert!(told.contains("70.0 MiB") && told.contains("90.0 MiB"), "{told}");
    assert_eq!(limit(), 90 << 20);
}

#[test]
fn names_that_could_talk_to_a_terminal_are_refused_and_never_shown_as_they_are() {
    let home = tempfile::tempdir().expect("a folder");
    for bad in ["a\nb", "a\x1b[31mb", "a\u{202e}b", "a\u{2066}b", "a\tb"] {
        for (flag, key) in [("--name", "serve.name"), ("--zone", "serve.zone")] {
            let done = command(home.path()).args(["serve", "--listen", "127.0.0.1:0", flag, bad]).output().expect("it runs");
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            assert_eq!(done.status.code(), Some(3), "{flag} {bad:?}: {said}");
            assert!(said.contains(key) && !said.contains('\u{202e}') && !said.contains('\u{2066}'), "{said}");
        }
    }
    assert!(!home.path().join("node").exists(), "nothing was made");
}

#[test]
fn what_cannot_be_opened_is_said_with_a_hint_that_is_true() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    let (notes, journal) = (client.data_dir.join("vault/notes.redb"), client.data_dir.join("vault/journal.redb"));
    let kept = fs::read(&notes).expect("notes");

    // The journal can be found again: it is set aside, and the vault opens.
    fs::write(&journal, "").expect("a disk");
    client.well(["ls"]);

    for damaged in [Vec::new(), vec![7; kept.len()], kept[..kept.len() / 2].to_vec()] {
        fs::write(&notes, damaged).expect("a disk");
        fails(&client.run(["ls"]), 7, "notes.redb are damaged");
    }
    fs::remove_file(&notes).expect("a disk");
    let gone = client.run(["ls"]);
    fails(&gone, 7, "notes.redb is gone");
    let hints = gone.event("error")["hints"].to_string();
    assert!(hints.contains("notes.redb") && !hints.contains("is safe on its nodes"), "{hints}");
    fs::write(&notes, kept).expect("a disk");
    client.well(["ls"]);

    // Root may read everything, so nobody is refused there.
    fs::set_permissions(client.data_dir.join("vault"), fs::Permissions::from_mode(0o000)).expect("ours");
    let closed = fs::read_dir(client.data_dir.join("vault")).is_err();
    let (ls, status) = (client.run(["ls"]), client.run(["status"]));
    fs::set_permissions(client.data_dir.join("vault"), fs::Permissions::from_mode(0o700)).expect("ours");
    if closed {
        fails(&ls, 4, "ermission denied");
        fails(&status, 4, "ermission denied");
    }
}
