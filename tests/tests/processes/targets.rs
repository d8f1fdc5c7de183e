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
        let place = home.path().join(format!("in {}", force.len()));
        let target = place.join("tree");
        fs::create_dir_all(&target).expect("a disk");
        symlink(&outside, target.join("below")).expect("a disk");
        symlink(outside.join("file"), target.join("other")).expect("a disk");
        let done = client.run([&["get", "/tree", place.to_str().expect("text")], force].concat());
        fails(&done, 2, "is in the way: it is no folder");
        assert_eq!(fs::read(outside.join("file")).expect("a file"), b"untouched");
        assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 1, "nothing else is there");
    }
    let replaced = home.path().join("in 1/tree/other");
    assert!(fs::symlink_metadata(&replaced).expect("a file").is_file(), "--force replaces the symlink, not what it leads to");
    fails(&client.run(["get", "/tree/../../etc/passwd"]), 2, "`.` and `..` are not names");
}

#[test]
fn force_writes_over_files_and_into_the_same_place_as_without_it() {
    let home = tempfile::tempdir().expect("a folder");
    let client = vault(home.path());
    let place = home.path().join("place");
    fs::create_dir(&place).expect("a disk");
    fs::write(place.join("other"), "mine").expect("a disk");
    let get = |force: &[&str]| client.well([&["get", "/tree", place.to_str().expect("text")], force].concat());
    assert_eq!(get(&[]).event("get")["unchanged"], 0);
    fs::write(place.join("tree/other"), "mine").expect("a disk");
    let done = get(&["--force"]);
    assert_eq!((&done.event("get")["files"], &done.event("get")["unchanged"]), (&2.into(), &1.into()));
    assert_eq!(fs::read(place.join("tree/other")).expect("a file"), b"also");
    assert_eq!(fs::read(place.join("other")).expect("a file"), b"mine", "not in the folder's own place");
}

#[test]
fn a_target_in_a_folder_that_is_not_there_is_said_to_be_just_that() {
    let home = tempfile::tempdir().expect("a folder");
    let client = vault(home.path());
    for path in ["/tree", "/tree/other"] {
        let done = client.run(["get".as_ref(), path.as_ref(), home.path().join("nosuch/there").as_os_str()]);
        fails(&done, 4, "nosuch does not exist");
    }
}

#[test]
fn what_cannot_be_written_on_standard_output_does_not_look_like_success() {
    let home = tempfile::tempdir().expect("a folder");
    let client = vault(home.path());
    for arguments in [&["cat", "/tree/other"][..], &["get", "/tree/other", "-"], &["ls", "/tree"], &["stat", "/tree"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let output = command(&client.data_dir).args(arguments).stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_wrong_command_line_is_told_to_machines_too() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    for arguments in [&["put"][..], &["bogus"], &["get", "/a", "--wait", "soon"]] {
        let done = client.run(arguments);
        assert_eq!((done.code, &done.event("error")["kind"]), (Some(2), &"usage".into()), "{arguments:?}");
    }
}

/// Ends a get of a folder when one of its files is there, and returns what the command printed; `None` if it was too fast.
fn interrupted(client: &Client, target: &Path, interrupt: impl FnOnce(&std::process::Child)) -> Option<std::process::Output> {
    let place = target.parent().expect("a folder");
    let mut child = command(&client.data_dir)
        .args(["get".as_ref(), "/many".as_ref(), target.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    eventually("a file is there", || {
        let begun = parts(place).iter().any(|part| part.join("0").exists());
        begun || child.try_wait().expect("a process of ours").is_some()
    });
    interrupt(&child);
    let output = child.wait_with_output().expect("a process of ours");
    (!target.exists()).then_some(output)
}

#[test]
fn an_interrupted_get_of_a_folder_goes_on_in_the_same_place() {
    let home = tempfile::tempdir().expect("a folder");
    let client = Client::new(&home.path().join("client"));
    client.well(["init"]);
    let many = home.path().join("many");
    fs::create_dir(&many).expect("a disk");
    for number in 0..8 {
        fs::write(many.join(number.to_string()), noise(24 << 20, number)).expect("a disk");
    }
    client.well(["put".as_ref(), many.as_os_str()]);
    let place = home.path().join("back");
    fs::create_dir(&place).expect("a disk");
    let target = place.join("many");
    let signal = |name: &'static str| {
        move |child: &std::process::Child| {
            let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill");
            assert!(sent.success());
        }
    };
    if let Some(output) = interrupted(&client, &target, signal("-INT")) {
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("the same command goes on where it stopped"), "{said}");
        assert_eq!(parts(&place).len(), 1, "all of it is beside the target, under a name of its own");
    }
    let was_cut = interrupted(&client, &target, signal("-KILL")).is_some();
    let done = client.run(["get".as_ref(), "/many".as_ref(), target.as_os_str()]);
    if was_cut {
        assert_eq!(done.code, Some(0), "{:#?}", done.events);
        assert!(done.event("get")["unchanged"].as_u64().is_some_and(|there| there > 0), "what was there is not got again");
    }
    cachette_tests::files::compare(&many, &target).expect("what came back is what was put");
    assert_eq!(fs::read_dir(&place).expect("a folder").count(), 1, "nothing is left beside it");
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
