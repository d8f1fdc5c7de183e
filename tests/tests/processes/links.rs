//! Links over real nodes: made, opened by somebody without anything, withdrawn, and what is said when they lead nowhere.

use std::fs;
use std::path::Path;

use cachette_tests::process::{Client, Done};

use super::bench::{Bench, fails, noise};

/// A bench with a folder in its vault: two files, one of them large.
fn bench() -> Bench {
    let bench = Bench::new(3, &[]);
    let album = bench.home.path().join("album");
    fs::create_dir_all(album.join("deep")).expect("a disk");
    fs::write(album.join("film"), noise(12_000_000, 1)).expect("a disk");
    fs::write(album.join("deep/note"), noise(3000, 2)).expect("a disk");
    bench.put(&album);
    bench.put(&bench.file("private", 50_000, 3));
    bench
}

fn shared(bench: &Bench, path: &str) -> (String, String, String) {
    let done = bench.client.well(["share", path]);
    let event = done.event("share");
    let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
    assert_eq!(event["state"], "safe", "{event}");
    (text("id"), text("url"), text("fragment"))
}

/// Somebody without a vault, in a folder of their own.
fn get(bench: &Bench, link: &str, target: &Path) -> Done {
    let nobody = Client::new(&bench.home.path().join("nobody"));
    let done = nobody.run(["get".as_ref(), link.as_ref(), target.as_os_str(), "--wait".as_ref(), "10s".as_ref()]);
    let left: Vec<_> = fs::read_dir(&nobody.data_dir).expect("a folder").collect();
    assert!(left.is_empty(), "a visitor keeps nothing: {left:?}");
    done
}

#[test]
fn a_link_is_opened_without_a_vault_while_a_node_is_dead() {
    let mut bench = bench();
    let (id, url, fragment) = shared(&bench, "/album");
    assert!(url.starts_with("http://127.0.0.1:") && url.ends_with(&fragment), "{url}");
    let listed = bench.client.well(["shares", "--links"]);
    assert_eq!((&listed.event("link")["id"], &listed.event("link")["path"]), (&id.as_str().into(), &"/album".into()));
    assert_eq!(listed.event("link")["link"], url.as_str());
    for (number, link) in [&url, &fragment].into_iter().enumerate() {
        bench.nodes[number].kill();
        let target = bench.home.path().join(format!("got{number}"));
        let done = get(&bench, link, &target);
        assert_eq!(done.code, Some(0), "{}\n{:#?}", done.stderr, done.events);
        assert_eq!(done.event("get")["files"], 2);
        assert!(fs::read(target.join("film")).expect("the film") == noise(12_000_000, 1));
        assert!(fs::read(target.join("deep/note")).expect("the note") == noise(3000, 2));
        let node = bench.nodes.remove(number).again();
        bench.nodes.insert(number, node);
    }
    // A file goes under its own name.
    let (_, url, _) = shared(&bench, "/album/deep/note");
    let folder = bench.home.path().join("folder");
    fs::create_dir(&folder).expect("a disk");
    assert_eq!(get(&bench, &url, &folder).code, Some(0));
    assert!(fs::read(folder.join("note")).expect("the note") == noise(3000, 2));
}

#[test]
fn links_that_lead_nowhere_say_why() {
    let mut bench = bench();
    let (id, url, _) = shared(&bench, "/album");
    let target = bench.home.path().join("target");
    fails(&get(&bench, &url[..url.len() - 9], &target), 2, "the link is cut short; copy it to its end");
    let other = if url.ends_with('A') { "B" } else { "A" };
    fails(&get(&bench, &format!("{}{other}", &url[..url.len() - 1]), &target), 2, "mistyped or altered");
    fails(&get(&bench, url.split_once('#').expect("a fragment").0, &target), 2, "this is no link to something shared");
    fails(&bench.client.run(["unshare", "zzzz"]), 6, "no link is called zzzz");
    fails(&bench.client.run(["share", "/nothing"]), 6, "nothing does not exist");

    let withdrawn = bench.client.well(["unshare", &id[..12]]);
    assert_eq!(withdrawn.event("unshare")["path"], "/album");
    fails(&get(&bench, &url, &target), 6, "the link was withdrawn by whoever made it");
    assert!(bench.client.well(["shares"]).events.is_empty());
    // One node that says so is enough: which others are away is no reason.
    bench.nodes[2].kill();
    let done = get(&bench, &url, &target);
    fails(&done, 6, "the link was withdrawn by whoever made it");
    assert_eq!(done.event("error")["details"].as_array().map(Vec::len).unwrap_or_default(), 0, "{:?}", done.events);
    let away = bench.nodes.pop().expect("a node");
    bench.nodes.push(away.again());

    let (_, url, _) = shared(&bench, "/album");
    bench.nodes.iter_mut().for_each(cachette_tests::process::Node::kill);
    let done = get(&bench, &url, &target);
    fails(&done, 4, "none of the nodes that the link names can be reached");
    assert_eq!(done.event("error")["details"].as_array().map(Vec::len), Some(3), "each with its reason: {:?}", done.events);
    // They are back and have lost everything.
    for node in std::mem::take(&mut bench.nodes) {
        for folder in ["owners", "index.redb", "node/owners"] {
            let _ = fs::remove_dir_all(node.data_dir.join(folder));
        }
        let database = find(&node.data_dir, "redb");
        database.iter().for_each(|file| fs::remove_file(file).expect("a disk"));
        bench.nodes.push(node.again());
    }
    fails(&get(&bench, &url, &target), 6, "none of the nodes that answered knows this link any more");
    assert!(!target.exists(), "nothing was written");

    let alone = Client::new(&bench.home.path().join("alone"));
    alone.well(["init"]);
    let note = bench.file("note", 100, 9);
    alone.well(["put".as_ref(), note.as_os_str()]);
    fails(&alone.run(["share", "/note"]), 4, "no link leads to this vault: it has no node yet");
}

#[test]
fn m21_nothing_that_a_node_hears_logs_or_stores_holds_the_secret_of_a_link() {
    let bench = Bench::new(1, &["--verbose", "--verbose"]);
    bench.put(&bench.file("file", 300_000, 1));
    let (_, url, fragment) = shared(&bench, "/file");
    assert_eq!(get(&bench, &url, &bench.home.path().join("got")).code, Some(0));
    let symbols = fragment.strip_prefix("link/").expect("a link");
    let link = cachette_core::share_link::ShareLink::parse(&fragment).expect("a link");
    let secret = *link.secret.expose();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut looked = 0;
    for file in find(&bench.nodes[0].data_dir, "") {
        let bytes = fs::read(&file).expect("a file");
        let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        assert!(!holds(&secret) && !holds(hex.as_bytes()) && !holds(&symbols.as_bytes()[60..90]), "{}", file.display());
        looked += bytes.len();
    }
    assert!(looked > 300_000, "logs and stores were looked at: {looked} bytes");
}

/// Files below a folder whose name ends so.
fn find(folder: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(find(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found
}
