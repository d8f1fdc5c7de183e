//! Random edit scripts against a plain map of paths.

use proptest::prelude::*;

use crate::limits::DIR_PAGE_ENTRIES;
use crate::map::Map;
use crate::vault::reference::Reference;
use crate::vault::testing::{World, file, path};
use crate::vault::tree::pages::Page;
use crate::vault::tree::{Content, Edit, Meta, Node, Pages, Path, walk};

/// What stands at a path: a folder's mode, or a file's mode and content number.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Dir(u32),
    File(u32, u8),
}

#[derive(Debug, Clone)]
enum Step {
    File(String, u8),
    EmptyDir(String, u32),
    Directory(String, u32),
    Remove(String),
    /// Many files in one folder.
    Fill(String, u16, u16, u8),
    /// Many files of one folder go.
    Clear(String, u16, u16),
}

fn place() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof!["[a-d]", "[a-d]", Just("with space".to_owned()), Just("ümläut".to_owned())], 1..5)
        .prop_map(|names| names.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (place(), 0..4u8).prop_map(|(at, content)| Step::File(at, content)),
        1 => (place(), 0..0o777u32).prop_map(|(at, mode)| Step::EmptyDir(at, mode)),
        2 => (place(), 0..0o777u32).prop_map(|(at, mode)| Step::Directory(at, mode)),
        3 => place().prop_map(Step::Remove),
        2 => ("[a-b]", 0..300u16, 1..300u16, 0..4u8).prop_map(|(at, from, count, content)| Step::Fill(at, from, count, content)),
        2 => ("[a-b]", 0..300u16, 1..400u16).prop_map(|(at, from, count)| Step::Clear(at, from, count)),
    ]
}

fn edits(steps: &[Step], files: &[Node]) -> Map<Path, Edit> {
    let meta = |mode| Meta { mode, ..Meta::default() };
    let mut edits = Map::new();
    for step in steps {
        match step {
            Step::File(at, content) => {
                edits.insert(path(at), Edit::Put(files[usize::from(*content)].clone()));
            }
            Step::EmptyDir(at, mode) => {
                edits.insert(path(at), Edit::Put(Node::Dir { meta: meta(*mode), pages: None }));
            }
            Step::Directory(at, mode) => {
                edits.insert(path(at), Edit::Directory(meta(*mode)));
            }
            Step::Remove(at) => {
                edits.insert(path(at), Edit::Remove);
            }
            Step::Fill(at, from, count, content) => edits.extend(
                (*from..from + count).map(|number| (path(&format!("{at}/{number:04}")), Edit::Put(files[usize::from(*content)].clone()))),
            ),
            Step::Clear(at, from, count) => {
                edits.extend((*from..from + count).map(|number| (path(&format!("{at}/{number:04}")), Edit::Remove)));
            }
        }
    }
    edits
}

/// Applies one edit; says whether it could be.
fn apply(model: &mut Map<Path, Thing>, at: &Path, edit: &Edit) -> bool {
    let inside_file = (1..at.names().len()).any(|depth| matches!(model.get(&at.ancestor(depth)), Some(Thing::File(..))));
    let clear = |model: &mut Map<Path, Thing>| {
        let gone = model.range(at..).map(|(path, _)| path.clone()).take_while(|path| path.starts_with(at)).collect::<Vec<_>>();
        for path in gone {
            model.remove(&path);
        }
    };
    let thing = match edit {
        Edit::Remove => {
            if !inside_file {
                clear(model);
            }
            return true;
        }
        _ if inside_file => return false,
        Edit::Directory(meta) => {
            if let Some(Thing::File(..)) = model.get(at) {
                clear(model);
            }
            Thing::Dir(meta.mode)
        }
        Edit::Put(Node::Dir { meta, .. }) => {
            clear(model);
            Thing::Dir(meta.mode)
        }
        Edit::Put(node) => {
            clear(model);
            thing(node)
        }
    };
    for depth in 1..at.names().len() {
        model.entry(at.ancestor(depth)).or_insert(Thing::Dir(0));
    }
    model.insert(at.clone(), thing);
    true
}

fn thing(node: &Node) -> Thing {
    match node {
        Node::Dir { meta, .. } => Thing::Dir(meta.mode),
        Node::File { meta, content: Content::Inline(chunks), .. } => Thing::File(meta.mode, chunks[0].id.0[0]),
        other => panic!("no such thing was put: {other:?}"),
    }
}

/// Checks the size of every page of every folder.
fn check_pages(world: &mut World, root: &Reference) {
    let mut pages = vec![root.clone()];
    while let Some(reference) = pages.pop() {
        let object = world.walk(|pages| pages.object(&reference)).expect("a page");
        match &object.page {
            Page::Dir(page) => {
                assert!((1..=DIR_PAGE_ENTRIES).contains(&page.entries.len()));
                pages.extend(page.entries.iter().filter_map(|entry| match &entry.node {
                    Node::Dir { pages, .. } => pages.clone(),
                    _ => None,
                }));
            }
            Page::DirNode(node) => {
                assert!((1..=DIR_PAGE_ENTRIES).contains(&node.children.len()));
                pages.extend(node.children.iter().map(|(_, child)| child.clone()));
            }
            other => panic!("no page of a folder: {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_tree_is_a_map_of_paths(commits in proptest::collection::vec(proptest::collection::vec(step(), 1..8), 1..10), small_cache: bool) {
        let mut world = World::default();
        if small_cache {
            world.pages = Pages::with_limit(512 << 10);
        }
        let files = [b"0", b"1", b"2", b"3"].map(|content| file(&mut world, content));
        let mut model = Map::new();
        let mut root = None;
        for steps in &commits {
            let mut wanted = edits(steps, &files);
            // What leads through a file is another story.
            wanted.retain(|at, edit| apply(&mut model, at, edit));
            (root, _) = world.commit(root, wanted).expect("applied");

            let found = world.everything(root.as_ref(), 200).into_iter().map(|(path, node)| (path, thing(&node))).collect::<Map<_, _>>();
            prop_assert_eq!(&found, &model);
            for at in model.keys().step_by(17) {
                let node = world.walk(|pages| walk::lookup(pages, root.as_ref(), at));
                prop_assert_eq!(node.as_ref().map(thing), Ok(model[at].clone()));
            }
            for at in ["a", "b/0300", "c/d", "nowhere"].map(path) {
                let node = world.walk(|pages| walk::lookup(pages, root.as_ref(), &at));
                prop_assert_eq!(node.is_ok(), model.contains_key(&at));
            }
            if let Some(root) = &root {
                check_pages(&mut world, root);
            }
        }
    }
}
