//! What edits rewrite, and what they leave as it is.

use crate::limits::DIR_PAGE_ENTRIES;
use crate::map::{Map, Set};
use crate::vault::testing::{World, file, path, seal_key};
use crate::vault::tree::entry::Entry;
use crate::vault::tree::object::{self, kind};
use crate::vault::tree::{BlockWalk, Edit, EditError, Meta, Name, Node, Path, Snapshot, TreeWriter, WalkError, dir, walk};

fn meta(mode: u32) -> Meta {
    Meta { mode, modified_seconds: -1, modified_nanos: 999_999_999 }
}

fn put(world: &mut World, text: &str) -> (Path, Edit) {
    (path(text), Edit::Put(file(world, text.as_bytes())))
}

fn paths(world: &mut World, root: Option<&crate::vault::reference::Reference>) -> Vec<String> {
    world.everything(root, 100).keys().map(ToString::to_string).collect()
}

#[test]
fn files_appear_move_and_go() {
    let mut world = World::default();
    let edits = ["a", "dir/b", "dir/sub/c"].map(|text| put(&mut world, text)).into();
    let (root, _) = world.commit(None, edits).expect("applied");
    assert_eq!(paths(&mut world, root.as_ref()), ["a", "dir", "dir/b", "dir/sub", "dir/sub/c"]);

    let moved = world.walk(|pages| walk::lookup(pages, root.as_ref(), &path("dir/sub"))).expect("the folder");
    let (root, blocks) =
        world.commit(root, Map::from([(path("dir/sub"), Edit::Remove), (path("elsewhere"), Edit::Put(moved))])).expect("applied");
    assert_eq!(paths(&mut world, root.as_ref()), ["a", "dir", "dir/b", "elsewhere", "elsewhere/c"]);
    assert_eq!(blocks.len(), 1, "a move is one block");

    let (root, _) = world.commit(root, Map::from([(path("dir/b"), Edit::Remove)])).expect("applied");
    assert_eq!(paths(&mut world, root.as_ref()), ["a", "dir", "elsewhere", "elsewhere/c"], "an empty folder stays");
    let all = ["a", "dir", "elsewhere"].map(|text| (path(text), Edit::Remove)).into();
    assert_eq!(world.commit(root, all).expect("applied").0, None);
}

#[test]
fn edits_say_exactly_what_stands_there_afterwards() {
    let mut world = World::default();
    let edits = ["dir/old", "file"].map(|text| put(&mut world, text)).into();
    let (base, _) = world.commit(None, edits).expect("applied");

    // Metadata alone: what is inside stays.
    let (root, _) = world.commit(base.clone(), Map::from([(path("dir"), Edit::Directory(meta(0o700)))])).expect("applied");
    let all = world.everything(root.as_ref(), 9);
    assert_eq!(all[&path("dir")].meta(), Some(&meta(0o700)));
    assert!(all.contains_key(&path("dir/old")));

    // Taken away and filled again: only the new is there.
    let edits = Map::from([(path("dir"), Edit::Remove), put(&mut world, "dir/new")]);
    let (root, _) = world.commit(base.clone(), edits).expect("applied");
    assert_eq!(paths(&mut world, root.as_ref()), ["dir", "dir/new", "file"]);

    // A file where a folder was, and the other way round.
    let edits = Map::from([put(&mut world, "dir"), (path("file"), Edit::Directory(meta(0o755))), put(&mut world, "file/inside")]);
    let (root, _) = world.commit(base.clone(), edits).expect("applied");
    assert_eq!(paths(&mut world, root.as_ref()), ["dir", "file", "file/inside"]);

    // Through a file leads no path.
    let edits = Map::from([put(&mut world, "file/inside")]);
    assert_eq!(world.commit(base.clone(), edits), Err(EditError::Walk(WalkError::NotADirectory { path: path("file") })));

    // What changes nothing writes nothing.
    let edits = Map::from([put(&mut world, "dir/old"), (path("gone"), Edit::Remove), (path("dir/not/here"), Edit::Remove)]);
    assert_eq!(world.commit(base.clone(), edits).expect("applied"), (base, Vec::new()));
}

#[test]
fn lookups_say_what_is_wrong_with_a_path() {
    let mut world = World::default();
    let edits = Map::from([put(&mut world, "dir/file")]);
    let (root, _) = world.commit(None, edits).expect("applied");
    let mut lookup = |text: &str| world.walk(|pages| walk::lookup(pages, root.as_ref(), &path(text)));
    assert!(matches!(lookup("/"), Ok(Node::Dir { .. })));
    assert!(matches!(lookup("dir/file"), Ok(Node::File { .. })));
    assert_eq!(lookup("dir/none/below"), Err(WalkError::NotFound { path: path("dir/none") }));
    assert_eq!(lookup("dir/file/below"), Err(WalkError::NotADirectory { path: path("dir/file") }));
}

#[test]
fn one_change_in_a_wide_folder_rewrites_one_page_and_those_above_it() {
    let mut world = World::default();
    let node = file(&mut world, b"content");
    let edits = (0..10_000).map(|number| (path(&format!("wide/{number:05}")), Edit::Put(node.clone()))).collect();
    let (root, blocks) = world.commit(None, edits).expect("applied");
    assert!(blocks.len() >= 2 * 10_000 * 60 / (1 << 20));

    let edits = Map::from([(path("wide/05000"), Edit::Remove)]);
    let (changed, written) = world.commit(root.clone(), edits).expect("applied");
    let bytes: usize = written.iter().map(|key| world.blocks[&key.id].bytes().len()).sum();
    assert!(bytes <= 32 << 10, "{bytes} bytes written for one change");
    assert_eq!(world.everything(changed.as_ref(), 1000).len(), 10_000);

    // Emptied again, page by page, it takes a page of its own no longer.
    let edits = (100..10_000).map(|number| (path(&format!("wide/{number:05}")), Edit::Remove)).collect();
    let (small, _) = world.commit(changed, edits).expect("applied");
    assert_eq!(world.everything(small.as_ref(), 1000).len(), 101);
    let dir = world.walk(|pages| walk::lookup(pages, small.as_ref(), &path("wide"))).expect("the folder");
    let Node::Dir { pages: Some(page), .. } = dir else { panic!("a folder with entries") };
    assert!(matches!(world.pages.object(&page).expect("cached").page, crate::vault::tree::pages::Page::Dir(_)));
}

#[test]
fn m07_a_wide_folder_is_listed_piece_by_piece() {
    let mut world = World::default();
    let node = file(&mut world, b"content");
    let edits = (0..3000).map(|number| (path(&format!("{number:05}")), Edit::Put(node.clone()))).collect();
    let (root, _) = world.commit(None, edits).expect("applied");
    for limit in [1, 7, 128, 5000] {
        let first = world.walk(|pages| walk::list(pages, root.as_ref(), None, limit)).expect("a listing");
        assert!(!first.is_empty() && first.len() <= limit);
        let after = Name::new("02998").expect("a name");
        let last = world.walk(|pages| walk::list(pages, root.as_ref(), Some(&after), limit)).expect("a listing");
        assert_eq!(last.len(), 1);
        let after = Name::new("zzz").expect("a name");
        assert_eq!(world.walk(|pages| walk::list(pages, root.as_ref(), Some(&after), limit)), Ok(Vec::new()));
    }
}

#[test]
fn trees_far_larger_than_the_cache_are_read_and_changed() {
    let mut world = World { pages: crate::vault::tree::Pages::with_limit(24 << 10), ..World::default() };
    let node = file(&mut world, b"content");
    let mut root = None;
    // Every commit has blocks of its own, so the pages of the tree are spread over many.
    for round in 0..10 {
        let edits = (0..40).map(|number| (path(&format!("{:02}/{}/{number}", (round * 7) % 10, round % 3)), Edit::Put(node.clone())));
        let edits =
            edits.chain((0..60).map(|number| (path(&format!("wide/{:06}", number * 1000 + round)), Edit::Put(node.clone())))).collect();
        (root, _) = world.commit(root, edits).expect("applied");
    }
    let total: usize = world.blocks.values().map(|block| block.bytes().len()).sum();
    assert!(total > 8 * (24 << 10));
    let before = world.everything(root.as_ref(), 500);
    assert_eq!(before.keys().filter(|path| path.names().len() == 2 && path.starts_with(&self::path("wide"))).count(), 600);

    let touched = before.keys().filter(|path| matches!(before[*path], Node::File { .. })).step_by(10).cloned().collect::<Set<_>>();
    let edits = touched.iter().map(|path| (path.clone(), Edit::Remove)).collect();
    let (root, _) = world.commit(root, edits).expect("applied");
    let after = world.everything(root.as_ref(), 500);
    assert_eq!(after.len(), before.len() - touched.len());
    assert!(touched.iter().all(|path| !after.contains_key(path)));
}

#[test]
fn g04_what_a_newer_release_wrote_is_read_around_and_never_rewritten() {
    let mut world = World::default();
    let node = file(&mut world, b"content");
    let mut tree = TreeWriter::new(seal_key());
    let names = ["future", "known"].map(|name| Name::new(name).expect("a name"));
    let page = tree
        .write(|mut draft| {
            let (kind, body) = node.encode(&mut draft)?;
            let entries = [(&names[0], 99u8, serde_bytes::Bytes::new(b"anything")), (&names[1], kind, serde_bytes::Bytes::new(&body))];
            object::encode(kind::DIR, &draft.table, &entries)
        })
        .expect("written");
    let outer = [Entry { name: Name::new("dir").expect("a name"), node: Node::Dir { meta: Meta::default(), pages: Some(page) } }];
    let root = tree.write(|draft| dir::DirPage::encode(&outer, draft)).expect("written");
    let top = Snapshot {
        parents: Vec::new(),
        root: Some(root.clone()),
        time: crate::time::Time(0),
        device: crate::id::PeerId([0; 32]),
        message: String::new(),
    };
    let top = tree.write_snapshot(&top).expect("written");
    tree.finish().expect("sealed");
    world.keep(&mut tree);
    let root = Some(tree.resolve(&root).expect("sealed"));

    assert_eq!(world.walk(|pages| walk::lookup(pages, root.as_ref(), &path("dir/known"))), Ok(node));
    let future = Node::Unknown { kind: 99, body: b"anything".to_vec() };
    assert_eq!(world.walk(|pages| walk::lookup(pages, root.as_ref(), &path("dir/future"))), Ok(future));

    for text in ["dir/known", "dir/future", "dir/new"] {
        let edits = Map::from([put(&mut world, text)]);
        assert_eq!(world.commit(root.clone(), edits), Err(EditError::Unknown(path("dir"))), "{text}");
    }
    let edits = Map::from([put(&mut world, "beside")]);
    let (root, _) = world.commit(root, edits).expect("the page beside can change");
    assert_eq!(paths(&mut world, root.as_ref()), ["beside", "dir", "dir/future", "dir/known"]);

    let mut walk = BlockWalk::new();
    walk.add(&tree.resolve(&top).expect("sealed"), false);
    let mut unknown = false;
    while let Some(visited) = walk.next(&world.pages).expect("all is cached") {
        unknown |= visited.unknown;
    }
    assert!(unknown, "nothing may be freed below it");
}

#[test]
fn x07_pages_hold_no_more_than_they_may() {
    let mut world = World::default();
    let node = file(&mut world, b"content");
    let edits = (0..=DIR_PAGE_ENTRIES).map(|number| (path(&format!("{number:03}")), Edit::Put(node.clone()))).collect();
    let (root, _) = world.commit(None, edits).expect("applied");
    let page = root.expect("a root");
    assert!(matches!(world.walk(|pages| pages.object(&page)).expect("the root").page, crate::vault::tree::pages::Page::DirNode(_)));
}
