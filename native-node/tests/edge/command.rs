//! What the command says when something is not as it should be, and how it exits.

use std::process::{Output, Stdio};

use serde_json::Value;

use super::support::{Served, cachette, until};

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_port_or_a_data_directory_in_use_is_said_with_a_hint() {
    let (home, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let node = Served::start(home.path(), &[]);
    let (code, text) = said(&cachette(home.path()).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs"));
    assert_eq!(code, Some(4));
    assert!(text.contains("is in use by process") && text.contains("hint: ") && text.contains("--data-dir"), "{text}");
    let (code, text) = said(&cachette(other.path()).args(["serve", "--listen", &node.listen]).output().expect("it runs"));
    assert_eq!(code, Some(4));
    assert!(text.contains(&format!("error: {} is in use", node.listen)) && text.contains("--listen"), "{text}");
    let busy = ["serve", "--listen", "127.0.0.1:0", "--local-listen", &node.listen];
    let (code, text) = said(&cachette(other.path()).args(busy).output().expect("it runs"));
    assert_eq!(code, Some(4));
    assert!(text.contains(&format!("error: {} is in use", node.listen)) && text.contains("with --local-listen"), "{text}");
    node.assert_well().await;
}

#[test]
fn where_nothing_is_set_up_a_vault_is_offered_first() {
    let home = tempfile::tempdir().expect("a directory");
    for command in ["status", "peers"] {
        let (code, text) = said(&cachette(home.path()).arg(command).output().expect("it runs"));
        assert_eq!(code, Some(4), "{text}");
        assert!(text.contains("neither a vault nor a node is set up") && text.contains("`cachette init` makes a vault"), "{text}");
    }
}

#[tokio::test]
async fn a_second_command_on_a_vault_in_use_names_the_first_and_changes_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    assert!(cachette(home.path()).arg("init").output().expect("it runs").status.success());
    let mut first = cachette(home.path()).args(["put", "-", "--to", "/slow"]).stdin(Stdio::piped()).spawn().expect("it runs");
    let lock = home.path().join("vault/lock");
    let holder = || std::fs::read_to_string(&lock).ok().and_then(|text| text.trim().parse().ok());
    until("the first command has begun", async || holder() == Some(first.id())).await;
    let (code, text) = said(&cachette(home.path()).args(["ls", "/"]).output().expect("it runs"));
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains(&format!("is in use by process {}", first.id())), "{text}");
    assert!(text.contains("hint: another command is working on this vault; wait until it is done"), "{text}");
    // It ends with its input, and was not disturbed.
    drop(first.stdin.take());
    assert!(first.wait().expect("our child").success());
    let (code, text) = said(&cachette(home.path()).args(["stat", "/slow"]).output().expect("it runs"));
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_second_put_reads_only_what_changed() {
    let home = tempfile::tempdir().expect("a directory");
    assert!(cachette(home.path()).arg("init").output().expect("it runs").status.success());
    // Files that nobody has touched for a while.
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let put = |flags: &[&str]| {
        let output = cachette(home.path()).args(["--json", "put", sources]).args(flags).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).expect("one object")
    };
    let first = put(&[]);
    let files = first["files"].as_u64().expect("a number");
    assert!(files > 50);
    assert_eq!((&first["unchanged"], &first["changed"]), (&0.into(), &true.into()), "{first}");
    let second = put(&[]);
    let counted = (&second["files"], &second["unchanged"], &second["bytes"], &second["changed"], &second["state"]);
    assert_eq!(counted, (&files.into(), &files.into(), &0.into(), &false.into(), &"unchanged".into()));
    let again = put(&["--checksum"]);
    assert_eq!((&again["unchanged"], &again["bytes"], &again["new_bytes"]), (&0.into(), &first["bytes"], &0.into()), "all read, none new");
    let elsewhere = put(&["--to", "/elsewhere"]);
    assert_eq!((&elsewhere["unchanged"], &elsewhere["changed"]), (&0.into(), &true.into()));
    // What was removed from the vault is put again.
    assert!(cachette(home.path()).args(["rm", "/src/lib.rs"]).output().expect("it runs").status.success());
    let mended = put(&[]);
    assert_eq!((&mended["unchanged"], &mended["changed"]), (&(files - 1).into(), &true.into()), "{mended}");
}

#[test]
fn wrong_configuration_is_said_with_its_place() {
    let home = tempfile::tempdir().expect("a directory");
    let (code, text) = said(&cachette(home.path()).args(["serve", "--store-limit", "lots"]).output().expect("it runs"));
    assert_eq!(code, Some(3));
    assert!(text.contains("serve.store_limit from --store-limit: `lots`"), "{text}");
    let mut command = cachette(home.path());
    let (code, text) = said(&command.env("CACHETTE_SERVE_LISTEN", "here").arg("config").output().expect("it runs"));
    assert_eq!(code, Some(3));
    assert!(text.contains("serve.listen from CACHETTE_SERVE_LISTEN"), "{text}");
    std::fs::write(home.path().join("typo.toml"), "[serve]\nzon = 'a'\n").expect("written");
    let mut command = cachette(home.path());
    let (code, text) = said(&command.arg("--config").arg(home.path().join("typo.toml")).arg("config").output().expect("it runs"));
    assert_eq!(code, Some(3));
    assert!(text.contains("unknown key `serve.zon`") && text.contains("hint: did you mean `serve.zone`?"), "{text}");
    assert_eq!(cachette(home.path()).arg("sing").output().expect("it runs").status.code(), Some(2));
}

#[test]
fn a_command_without_a_node_says_how_to_start_one_also_to_machines() {
    let home = tempfile::tempdir().expect("a directory");
    let output = cachette(home.path()).args(["--json", "status"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(4));
    let error: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!((&error["event"], &error["kind"], &error["exit"]), (&"error".into(), &"environment".into(), &4.into()));
    assert!(error["hints"][0].as_str().is_some_and(|hint| hint.contains("cachette serve")), "{error}");
}

#[tokio::test]
async fn a_node_keeps_its_identity_and_its_invitations_differ() {
    let home = tempfile::tempdir().expect("a directory");
    let mut node = Served::start(home.path(), &[]);
    let (peer, first) = (node.peer, node.next_event());
    assert_eq!(first["event"], "invitation");
    let output = cachette(home.path()).args(["--json", "invite", "10MiB"]).output().expect("it runs");
    let second: Value = serde_json::from_slice(&output.stdout).expect("one object");
    assert_eq!(second["limit"], 10 << 20);
    assert_ne!(first["invitation"], second["invitation"]);
    let read: cachette_core::invitation::Invitation = second["invitation"].as_str().expect("a text").parse().expect("an invitation");
    assert_eq!((read.peer, read.limit, read.addresses), (peer, 10 << 20, vec![format!("ws://{}", node.listen)]));
    node.signal("-INT");
    assert_eq!(node.ended(), Some(0));

    let mut again = Served::start(home.path(), &[]);
    assert_eq!(again.peer, peer);
    again.signal("-TERM");
    assert_eq!(again.next_event()["event"], "stopped", "a node that is not new prints no invitation unasked");
}

#[cfg(unix)]
#[test]
fn a_seed_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a directory");
    let mut node = Served::start(home.path(), &[]);
    node.signal("-TERM");
    assert_eq!(node.ended(), Some(0));
    let seed = home.path().join("node/seed");
    assert_eq!(std::fs::metadata(&seed).expect("a seed").permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&seed, std::fs::Permissions::from_mode(0o644)).expect("our file");
    let (code, text) = said(&cachette(home.path()).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs"));
    assert_eq!(code, Some(4));
    assert!(text.contains("chmod 600"), "{text}");
}

#[test]
fn man_pages_are_written_for_every_command() {
    let home = tempfile::tempdir().expect("a directory");
    let folder = home.path().join("share/man1");
    let (code, text) = said(&cachette(home.path()).arg("man").arg(&folder).output().expect("it runs"));
    assert_eq!(code, Some(0), "{text}");
    let put = std::fs::read_to_string(folder.join("cachette-put.1")).expect("a page");
    assert!(put.contains("publish\\-every") && folder.join("cachette.1").exists(), "{put}");
    let (code, text) = said(&cachette(home.path()).arg("man").arg(folder.join("cachette.1")).output().expect("it runs"));
    assert!(code == Some(4) && text.contains("hint: name a folder"), "{text}");
}
