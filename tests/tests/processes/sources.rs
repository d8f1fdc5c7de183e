//! What a disk may hold when it is put: nothing at all, what cannot be read, what is no file, what grows, what vanishes, names and links of every kind.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use cachette_tests::files;
use cachette_tests::process::{Client, Done, binary, command, eventually};

use super::bench::{blocks, fails, noise};

fn alone(home: &Path) -> Client {
    let client = Client::new(&home.join("client"));
    client.well(["init"]);
    client
}

fn put(client: &Client, path: &Path) -> Done {
    client.run(["put".as_ref(), path.as_os_str()])
}

#[test]
fn what_does_not_exist_is_said_to_be_not_there() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    fails(&put(&client, &home.path().join("nosuch")), 6, "there is no such file or folder");
    fs::write(home.path().join("there"), "x").expect("a disk");
    let both = client.run([OsStr::new("put"), home.path().join("there").as_os_str(), home.path().join("nosuch").as_os_str()]);
    fails(&both, 4, "1 thing was not put; everything else is");
    assert_eq!(both.event("put")["files"], 1, "what is not there is not subtracted from what is");
    client.well(["stat", "/there"]);
    fails(&client.run(["get", "/nosuch"]), 6, "does not exist");
    fails(&client.run(["cat", "/there/below"]), 2, "is not a folder");
}

#[test]
fn nothing_of_the_vault_is_replaced_by_something_of_another_kind() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    let (one, other) = (home.path().join("one"), home.path().join("other"));
    fs::create_dir_all(one.join("thing/below")).expect("a disk");
    fs::write(one.join("thing/below/a"), "a").expect("a disk");
    fs::write(one.join("file"), "file").expect("a disk");
    fs::create_dir_all(other.join("file/below")).expect("a disk");
    fs::write(other.join("file/below/b"), "b").expect("a disk");
    fs::write(other.join("thing"), "no folder").expect("a disk");
    fs::write(other.join("more"), "more").expect("a disk");
    client.well(["put".as_ref(), one.join("thing").as_os_str(), one.join("file").as_os_str()]);
    let named = |name: &str| client.run(["put".as_ref(), other.join(name).as_os_str()]);
    fails(&named("thing"), 4, "/thing is a folder of the vault, with everything in it: move or remove it first");
    fails(&named("file"), 4, "/file is no folder in the vault: move or remove it first");
    let both = client.run([OsStr::new("put"), other.join("file").as_os_str(), other.join("more").as_os_str()]);
    fails(&both, 4, "1 thing was not put; everything else is");
    assert_eq!((&both.event("put")["files"], &both.event("put")["bytes"]), (&1.into(), &4.into()));
    let mut child = command(&client.data_dir)
        .args(["put", "-", "--to", "/thing"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("a process of ours");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(4) && said.contains("give the file's whole path, as in --to /thing/NAME"), "{said}");
    assert_eq!(client.well(["cat", "/thing/below/a"]).events, ["a"]);
    assert_eq!(client.well(["cat", "/file"]).events, ["file"]);
    assert_eq!(client.well(["cat", "/more"]).events, ["more"]);
}

#[test]
fn two_things_for_one_place_are_refused_before_anything_is_put() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    for folder in ["a", "b"] {
        fs::create_dir(home.path().join(folder)).expect("a disk");
        fs::write(home.path().join(folder).join("x"), folder).expect("a disk");
    }
    let done = client.run([OsStr::new("put"), home.path().join("a/x").as_os_str(), home.path().join("b/x").as_os_str()]);
    fails(&done, 2, "would both become /x");
    fails(&client.run(["cat", "/x"]), 6, "does not exist");
    fails(&put(&client, Path::new("/")), 4, "name the folders in it");
    fails(&client.run(["put", "a", "--to", ""]), 2, "a path of the vault is empty");
}

#[test]
fn pipes_sockets_and_devices_are_named_and_everything_else_is_put() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    let tree = home.path().join("tree");
    fs::create_dir(&tree).expect("a disk");
    fs::write(tree.join("file"), "content").expect("a disk");
    assert!(Command::new("mkfifo").arg(tree.join("pipe")).status().expect("mkfifo").success());
    let _socket = UnixListener::bind(tree.join("socket")).expect("a socket");
    let done = put(&client, &tree);
    fails(&done, 4, "2 things were not put; everything else is");
    for name in ["pipe", "socket"] {
        fails(&done, 4, &format!("tree/{name}: not a file, folder or symlink"));
    }
    fails(&put(&client, Path::new("/dev/null")), 4, "/dev/null: not a file, folder or symlink");
    assert_eq!(client.well(["cat", "/tree/file"]).events, ["content"]);
}

#[test]
fn what_may_not_be_read_or_fails_while_it_is_read_is_left_out_and_named() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    let tree = home.path().join("tree");
    fs::create_dir_all(tree.join("closed")).expect("a disk");
    fs::write(tree.join("secret"), "x").expect("a disk");
    fs::write(tree.join("open"), "y").expect("a disk");
    for path in ["closed", "secret"] {
        fs::set_permissions(tree.join(path), fs::Permissions::from_mode(0o000)).expect("a disk");
    }
    let output = if fs::File::open(tree.join("secret")).is_err() {
        command(&client.data_dir).arg("put").arg(&tree).output()
    } else {
        // Whoever runs this may read everything; the command shall not.
        let mut unprivileged = Command::new("setpriv");
        unprivileged.args(["--bounding-set", "-dac_override,-dac_read_search"]).arg(binary());
        unprivileged.env("HOME", &client.data_dir).arg("--data-dir").arg(&client.data_dir).args(["--json", "put"]).arg(&tree).output()
    };
    let output = output.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}");
    for path in ["tree/closed: this user may not read it", "tree/secret: this user may not read it"] {
        assert!(text.contains(path), "{text}");
    }
    assert_eq!(client.well(["cat", "/tree/open"]).events, ["y"]);
    fs::set_permissions(tree.join("closed"), fs::Permissions::from_mode(0o700)).expect("a disk");
    // A file that opens and then cannot be read.
    fails(&put(&client, Path::new("/proc/self/mem")), 4, "/proc/self/mem");
    assert_eq!(client.well(["cat", "/tree/open"]).events, ["y"], "what was put before is there");
}

#[test]
fn a_file_that_grows_while_it_is_read_is_stored_as_it_was_read_and_named() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    let log = home.path().join("log");
    fs::write(&log, vec![b'a'; 200 << 20]).expect("a disk");
    let mut child = command(&client.data_dir).arg("put").arg(&log).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut end = fs::OpenOptions::new().append(true).open(&log).expect("a file");
    let mut ended = None;
    eventually("the put ends although the file grows", || {
        end.write_all(b"more").expect("a disk");
        ended = child.try_wait().expect("a process of ours");
        ended.is_some()
    });
    let output = child.wait_with_output().expect("it ended");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("it changed while it was read: what was read is stored; put it again"), "{text}");
    let size = client.well(["stat", "/log"]).event("stat")["size"].as_u64();
    assert!(size >= Some(200 << 20), "{size:?}");
    assert_eq!(put(&client, &log).code, Some(0), "it stands still now");
}

#[test]
fn names_links_and_folders_of_every_kind_come_back_as_they_were() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    let tree = home.path().join("tree");
    fs::create_dir_all(tree.join("empty folder")).expect("a disk");
    fs::write(tree.join("empty file"), "").expect("a disk");
    for (name, content) in
        [(&b"case"[..], "1"), (b"Case", "2"), (b"CASE", "3"), (b"not \xff\xfe UTF-8", "4"), (b"-", "5"), (b"line\nbreak", "6")]
    {
        fs::write(tree.join(OsStr::from_bytes(name)), content).expect("a disk");
    }
    symlink("case", tree.join("inside")).expect("a disk");
    symlink("nowhere", tree.join("dangling")).expect("a disk");
    symlink("loop b", tree.join("loop a")).expect("a disk");
    symlink("loop a", tree.join("loop b")).expect("a disk");
    symlink(".", tree.join("itself")).expect("a disk");
    let many = tree.join("many");
    fs::create_dir(&many).expect("a disk");
    for number in 0..10_000 {
        fs::write(many.join(format!("{number}")), number.to_string()).expect("a disk");
    }
    let done = put(&client, &tree);
    assert_eq!(done.code, Some(0), "{:?}", done.events);
    let back = home.path().join("back");
    client.well(["get".as_ref(), "/tree".as_ref(), back.as_os_str()]);
    let summary = files::compare(&tree, &back).expect("equal trees");
    assert_eq!((summary.files, summary.links), (10_007, 5));
    let listed = client.well(["ls", "/tree/many"]);
    assert_eq!(listed.events.len(), 10_000);
}

#[test]
fn a_file_that_vanishes_while_its_folder_is_put_is_named_and_everything_else_is_put() {
    let home = tempfile::tempdir().expect("a folder");
    let client = alone(home.path());
    let (first, tree) = (home.path().join("first"), home.path().join("tree"));
    fs::create_dir(&first).expect("a disk");
    fs::create_dir(&tree).expect("a disk");
    for number in 0..8 {
        fs::write(first.join(number.to_string()), noise(16 << 20, number)).expect("a disk");
    }
    fs::write(tree.join("stays"), "here").expect("a disk");
    fs::write(tree.join("vanishes"), "gone").expect("a disk");
    let mut child = command(&client.data_dir).arg("put").args([&first, &tree]).stdout(Stdio::piped()).spawn().expect("it runs");
    // Once blocks lie there, everything was found, and the large files keep all readers busy.
    eventually("the put has begun", || {
        !blocks(&client.data_dir.join("vault")).is_empty() || child.try_wait().expect("a process of ours").is_some()
    });
    fs::remove_file(tree.join("vanishes")).expect("a disk");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("1 thing was not put; everything else is"), "{text}");
    assert!(text.contains("tree/vanishes: it vanished before it was read"), "{text}");
    assert_eq!(client.well(["cat", "/tree/stays"]).events, ["here"]);
    assert_eq!(client.well(["ls", "/first"]).events.len(), 8);
    fails(&client.run(["cat", "/tree/vanishes"]), 6, "does not exist");
}
