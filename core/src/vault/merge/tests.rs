//! Merges of trees that are larger than the cache.

use super::*;
use crate::time::Time;
use crate::vault::testing::{World, path, seal_key, stand_in};
use crate::vault::tree::{Content, Meta, TreeWriter};

const ENTRIES: u32 = 6_000;

fn file(number: u32) -> Edit {
    let content = Content::Inline(vec![stand_in(number)]);
    Edit::Put(Node::File { meta: Meta::default(), len: 100_000, content })
}

fn name(number: u32) -> Path {
    path(&format!("folder/a file with a number {number:06}"))
}

impl World {
    /// Writes a snapshot that continues another one with these files changed.
    fn snapshot(&mut self, device: u8, parent: Option<&Reference>, changed: impl Iterator<Item = (u32, u32)>) -> Reference {
        let base = parent.and_then(|parent| self.walk(|pages| walk::snapshot(pages, parent)).expect("a snapshot").root);
        let edits = changed.map(|(number, content)| (name(number), file(content))).collect();
        let (root, _) = self.commit(base, edits).expect("written");
        let mut tree = TreeWriter::new(seal_key());
        let parents = parent.cloned().into_iter().collect();
        let snapshot = Snapshot { parents, root, time: Time(0), device: PeerId([device; 32]), message: String::new() };
        let snapshot = tree.write_snapshot(&snapshot).expect("written");
        tree.finish().expect("sealed");
        let snapshot = tree.resolve(&snapshot).expect("all is sealed");
        self.keep(&mut tree);
        snapshot
    }
}

#[test]
fn a_merge_of_a_folder_larger_than_the_cache_comes_to_its_end() {
    let mut world = World::default();
    let base = world.snapshot(0, None, (0..ENTRIES).map(|number| (number, number)));
    let one = world.snapshot(1, Some(&base), (0..ENTRIES).step_by(100).map(|number| (number, number + 1_000_000)));
    let two = world.snapshot(2, Some(&base), (50..ENTRIES).step_by(100).map(|number| (number, number + 2_000_000)));
    let expected: Map<Path, Edit> = (50..ENTRIES).step_by(100).map(|number| (name(number), file(number + 2_000_000))).collect();
    // A fifth of what the pages of the three versions take.
    world.pages = Pages::with_limit(2 << 20);
    world.fetched = 0;
    let mut merging = Merging::new(vec![one, two]);
    let (_, changes) = world.walk(|pages| merging.advance(pages)).expect("merged");
    assert_eq!(changes, expected);
    assert!(world.fetched < 1_000, "{} blocks were asked for", world.fetched);
}
