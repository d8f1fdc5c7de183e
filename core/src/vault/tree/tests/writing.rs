//! What a commit writes: few blocks, and none twice.

use crate::id::PeerId;
use crate::limits::PACK_MAX;
use crate::map::Map;
use crate::time::Time;
use crate::vault::chunk::ChunkKey;
use crate::vault::compress::Codec;
use crate::vault::pack::{Packer, Stream};
use crate::vault::testing::{World, file, noise, path, seal_key};
use crate::vault::tree::{BlockWalk, Chunk, Content, Edit, Editor, Meta, Node, Snapshot, TreeWriter, WalkError, walk};

fn snapshot(root: Option<crate::vault::reference::Reference>) -> Snapshot {
    Snapshot { parents: Vec::new(), root, time: Time(1), device: PeerId([4; 32]), message: "a note".into() }
}

/// Puts files of these lengths into one commit and returns the sizes of the blocks that its tree wrote.
fn commit_sizes(lengths: &[usize]) -> Vec<usize> {
    let mut world = World::default();
    let mut packer = Packer::new(Stream::Data);
    let mut tree = TreeWriter::new(seal_key());
    let mut edits = Map::new();
    let mut contents = Map::new();
    for (number, len) in lengths.iter().enumerate() {
        let content = noise(&format!("file {number}"), *len);
        let reference = packer.store(&content, Codec::Raw);
        while let Some((number, pack)) = packer.take_full() {
            let (block, key) = crate::vault::seal::seal(&seal_key(), pack).expect("sealed");
            world.blocks.insert(block.id(), block);
            tree.sealed(number, key);
        }
        let chunk = Chunk { id: ChunkKey::new([9; 32]).id(&content), len: *len as u32, reference };
        let node = Node::File { meta: Meta::default(), len: *len as u64, content: Content::Inline(vec![chunk]) };
        edits.insert(path(&format!("file {number}")), Edit::Put(node));
        contents.insert(path(&format!("file {number}")), content);
    }
    tree.place_tail(packer.take_tail().expect("a tail")).expect("placed");
    let root = Editor::new(None, edits, Meta::default()).apply(&world.pages, &mut tree).expect("applied");
    let top = tree.write_snapshot(&snapshot(root)).expect("written");
    tree.finish().expect("sealed");
    let top = tree.resolve(&top).expect("sealed");
    let sizes = tree.take_blocks().into_iter().map(|(block, _)| {
        let size = block.bytes().len();
        world.blocks.insert(block.id(), block);
        size
    });
    let sizes = sizes.collect();
    let snapshot = world.walk(|pages| walk::snapshot(pages, &top)).expect("the snapshot");
    for (path, content) in contents {
        let node = world.walk(|pages| walk::lookup(pages, snapshot.root.as_ref(), &path)).expect("the file");
        assert!(world.read(&node) == content);
    }
    sizes
}

#[test]
fn a_small_commit_is_one_small_block() {
    assert_eq!(commit_sizes(&[1]), [4096]);
    assert_eq!(commit_sizes(&[3000]), [4096]);
    assert_eq!(commit_sizes(&[1000; 10]), [16384]);
}

#[test]
fn tails_join_wherever_they_fit() {
    // The second file runs on from a full data pack into the tail, which therefore has to begin the tree's pack.
    assert_eq!(commit_sizes(&[PACK_MAX - 10, 5000]), [8192]);
    // Tail and tree together are longer than a pack: the tree runs on.
    assert_eq!(commit_sizes(&[PACK_MAX - 100]), [1 << 20, 4096]);
    assert_eq!(commit_sizes(&[PACK_MAX - 1]), [1 << 20, 4096]);
}

#[test]
fn a_tail_that_cannot_join_is_sealed_alone() {
    let mut packer = Packer::new(Stream::Data);
    packer.append(&noise("first", PACK_MAX - 10));
    let reference = packer.store(&noise("second", 1000), Codec::Raw);
    let (number, pack) = packer.take_full().expect("a full pack");
    let mut tree = TreeWriter::new(seal_key());
    tree.write_snapshot(&snapshot(None)).expect("written");
    tree.place_tail(packer.take_tail().expect("a tail")).expect("placed");
    tree.sealed(number, crate::vault::seal::seal(&seal_key(), pack).expect("sealed").1);
    let resolved = tree.resolve(&reference).expect("both packs are sealed");
    assert_eq!(resolved.blocks().expect("blocks").1.map(|key| key.id), tree.take_blocks().first().map(|(block, _)| block.id()));
}

#[test]
fn one_writer_serves_several_commits() {
    let mut world = World::default();
    let mut tree = TreeWriter::new(seal_key());
    let first = tree.write_snapshot(&snapshot(None)).expect("written");
    tree.finish().expect("sealed");
    let second = Snapshot { parents: vec![first.clone()], ..snapshot(None) };
    let second = tree.write_snapshot(&second).expect("written");
    tree.finish().expect("sealed");
    world.keep(&mut tree);
    let second = tree.resolve(&second).expect("sealed");
    let read = world.walk(|pages| walk::snapshot(pages, &second)).expect("the snapshot");
    assert_eq!(read.parents, [tree.resolve(&first).expect("sealed")]);
    assert_eq!(tree.finish(), Ok(()), "nothing to seal");
    assert!(tree.take_blocks().is_empty());
}

#[test]
fn g07_the_same_commit_again_gives_the_same_blocks() {
    let commit = || {
        let mut world = World::default();
        let node = file(&mut world, b"hello");
        let edits = (0..500).map(|number| (path(&format!("dir/{number}")), Edit::Put(node.clone()))).collect();
        world.commit(None, edits).expect("applied")
    };
    assert_eq!(commit(), commit());
}

#[test]
fn a_block_walk_names_every_block_once() {
    let mut world = World::default();
    let mut snapshots = Vec::new();
    let mut root = None;
    for round in 0..3 {
        let edits = (0..140).map(|number| {
            let content = format!("{round} {number}");
            (path(&format!("{}/{number}", number % 7)), Edit::Put(file(&mut world, content.as_bytes())))
        });
        let edits = edits.collect();
        (root, _) = world.commit(root, edits).expect("applied");
        let mut tree = TreeWriter::new(seal_key());
        let parents = snapshots.last().cloned().into_iter().collect();
        let top = tree.write_snapshot(&Snapshot { parents, ..snapshot(root.clone()) }).expect("written");
        tree.finish().expect("sealed");
        snapshots.push(tree.resolve(&top).expect("sealed"));
        world.keep(&mut tree);
    }
    let mut visit = |history: bool| {
        let mut walk = BlockWalk::new();
        walk.add(snapshots.last().expect("a snapshot"), history);
        let mut found = crate::map::Set::new();
        loop {
            match walk.next(&world.pages) {
                Err(WalkError::Missing(keys)) => world.fetch(&keys),
                Ok(None) => return found,
                Ok(Some(visited)) => {
                    assert!(!visited.unknown);
                    for block in visited.blocks {
                        assert!(found.insert(block.id), "a block came twice");
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    let (now, ever) = (visit(false), visit(true));
    assert!(now.len() < ever.len());
    assert_eq!(ever, world.blocks.keys().copied().collect(), "all that was written is needed by some snapshot");
}
