//! What a disk may hold when it is put: nothing at all, what cannot be read, what is no file, what grows.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use cachette_tests::process::{Client, Done, binary, command, eventually};

use super::bench::fails;

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
    client.well(["stat", "/there"]);
    fails(&client.run(["get", "/nosuch"]), 6, "does not exist");
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
