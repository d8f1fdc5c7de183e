//! Where files are got to: what stands there already, what leads elsewhere, and what an interruption leaves.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cachette_tests::process::{Client, command, eventually};

use super::bench::{fails, noise};

/// A vault on this machine with a small tree in it.
fn vault(home: &Path) -> Client {
    let client = Client::new(&home.join("client"));
    client.well(["init"]);
    let tree = home.join("tree");
    fs::create_dir_all(tree.join("below")).expect("a disk");
    fs::write(tree.join("below/file"), "from the vault").expect("a disk");
    fs::write(tree.join("other"), "also").expect("a disk");
    client.well(["put".as_ref(), tree.as_os_str()]);
    client
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "part")).collect()
}

#[test]
fn a_file_that_exists_is_left_alone_unless_told_otherwise() {
    let home = tempfile::tempdir().expect("a folder");
    let client = vault(home.path());
    let target = home.path().join("mine");
    fs::write(&target, "mine").expect("a disk");
    let get = |flags: &[&str]| client.run([&["get", "/tree/other", target.to_str().expect("text")], flags].concat());
    fails(&get(&[]), 2, "exists already");
    assert_eq!(fs::read(&target).expect("a file"), b"mine");
    assert!(get(&[]).events.iter().all(|event| event["event"] != "get"), "nothing was got, so nothing is counted");
    assert_eq!(get(&["--force"]).code, Some(0));
    assert_eq!(fs::read(&target).expect("a file"), b"also");
    // Of a folder, the rest is written.
    let folder = home.path().join("folder");
    fs::create_dir(&folder).expect("a disk");
    fs::create_dir(folder.join("tree")).expect("a disk");
    fs::write(folder.join("tree/other"), "mine").expect("a disk");
    let done = client.run(["get".as_ref(), "/tree".as_ref(), folder.as_os_str()]);
    fails(&done, 2, "1 thing could not be written; the rest is");
    assert_eq!(fs::read(folder.join("tree/other")).expect("a file"), b"mine");
    assert_eq!(fs::read(folder.join("tree/below/file")).expect("a file"), b"from the vault");
}

#[test]
fn p18_nothing_is_written_outside_the_target_through_a_symlink_that_lies_in_it() {
    let home = tempfile::tempdir().expect("a folder");
    let client = vault(home.path());
    let outside = home.path().join("outside");
    fs::create_dir(&outside).expect("a disk");
    fs::write(outside.join("file"), "untouched").expect("a disk");
    for force in [&[][..], &["--force"][..]] {
        let target = home.path().join(format!("target {}", force.len()));
        fs::create_dir(&target).expect("a disk");
        symlink(&outside, target.join("below")).expect("a disk");
        symlink(outside.join("file"), target.join("other")).expect("a disk");
        let place = if force.is_empty() { home.path().join("in") } else { target.clone() };
        if force.is_empty() {
            fs::create_dir(&place).expect("a disk");
            fs::rename(&target, place.join("tree")).expect("a disk");
        }
        let done = client.run([&["get", "/tree", place.to_str().expect("text")], force].concat());
        fails(&done, 2, "is in the way: it is no folder");
        assert_eq!(fs::read(outside.join("file")).expect("a file"), b"untouched");
        assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 1, "nothing else is there");
    }
    let replaced = home.path().join("target 1/other");
    assert!(fs::symlink_metadata(&replaced).expect("a file").is_file(), "--force replaces the symlink, not what it leads to");
    fails(&client.run(["get", "/tree/../../etc/passwd"]), 2, "`.` and `..` are not names");
}

#[test]
fn a_killed_get_leaves_no_half_file_under_the_final_name_and_goes_on() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    let (film, bytes) = (home.path().join("film"), noise(200 << 20, 5));
    fs::write(&film, &bytes).expect("a disk");
    client.well(["put".as_ref(), film.as_os_str()]);
    let folder = home.path().join("back");
    fs::create_dir(&folder).expect("a disk");
    let target = folder.join("film");
    let mut child = command(&client.data_dir).arg("get").arg("/film").arg(&target).stdout(Stdio::null()).spawn().expect("it runs");
    eventually("a good part is on the disk", || {
        let marked = fs::read_dir(&folder)
            .expect("a folder")
            .any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|at| at == "at")));
        marked || child.try_wait().expect("a process of ours").is_some()
    });
    child.kill().expect("a process of ours");
    child.wait().expect("a process of ours");
    let was_cut = !target.exists();
    assert_eq!(was_cut, parts(&folder).len() == 1, "either whole or a part beside it");
    if was_cut {
        let done = client.well(["get".as_ref(), "/film".as_ref(), target.as_os_str()]);
        assert_eq!(done.event("get")["bytes"], 200 << 20);
    }
    assert!(fs::read(&target).expect("a file") == bytes);
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "nothing is left beside it");
}
