//! Trees that nobody honest writes: every one is refused, and no walk over one goes on for ever.

use serde::Serialize;

use crate::block::Block;
use crate::codec;
use crate::id::BlockId;
use crate::limits::{FILE_PAGE_ENTRIES, NAME_MAX, PACK_MAX, PATH_DEPTH, TABLE_MAX};
use crate::vault::pack::pad;
use crate::vault::reference::{At, Reference};
use crate::vault::seal::{BlockKey, OpenError, SealKey, open, seal};
use crate::vault::testing::{World, file, path, seal_key, stand_in};
use crate::vault::tree::object::kind;
use crate::vault::tree::{
    BlockWalk, Content, Edit, FileBuilder, Meta, Name, NameError, Node, Path, PathError, TreeWriter, WalkError, walk,
};

type Entries = Vec<(serde_bytes::ByteBuf, u8, serde_bytes::ByteBuf)>;
type At4 = (u32, u32, u32, u8);

/// Lays objects end to end into one block and returns references to them.
fn block_of(world: &mut World, objects: &[Vec<u8>]) -> Vec<Reference> {
    let mut pack = Vec::new();
    let places = objects.iter().map(|object| {
        let offset = pack.len() as u32;
        pack.extend(object);
        (offset, object.len() as u32)
    });
    let places = places.collect::<Vec<_>>();
    let (block, key) = seal(&seal_key(), pad(pack)).expect("sealed");
    world.blocks.insert(block.id(), block);
    let codec = crate::vault::compress::Codec::Raw;
    places.into_iter().map(|(offset, stored)| Reference { first: At::Block(key), next: None, offset, stored, codec }).collect()
}

fn object<B: Serialize>(kind: u8, table: &[Option<BlockKey>], body: &B) -> Vec<u8> {
    codec::encode(&(kind, 1u8, table, body))
}

/// An entry of a folder whose pages stand at `at`.
fn dir_entry(name: &str, at: At4) -> (serde_bytes::ByteBuf, u8, serde_bytes::ByteBuf) {
    let body = codec::encode(&((0o755u32, 0i64, 0u32), Some(at)));
    (serde_bytes::ByteBuf::from(name), 3, serde_bytes::ByteBuf::from(body))
}

fn empty_dir(name: &str) -> (serde_bytes::ByteBuf, u8, serde_bytes::ByteBuf) {
    let body = codec::encode(&((0o755u32, 0i64, 0u32), None::<At4>));
    (serde_bytes::ByteBuf::from(name), 3, serde_bytes::ByteBuf::from(body))
}

#[expect(clippy::needless_pass_by_value, reason = "results end here")]
fn is_damaged<T: std::fmt::Debug>(result: Result<T, WalkError>) {
    assert!(matches!(result, Err(WalkError::Damaged(_))), "{result:?}");
}

fn list(world: &mut World, page: &Reference) -> Result<usize, WalkError> {
    world.walk(|pages| walk::list(pages, Some(page), None, 1000)).map(|entries| entries.len())
}

#[test]
fn m07_a_folder_cannot_contain_itself() {
    let mut world = World::default();
    // Its own place, a place that overlaps it, and one behind it.
    for offset in [0, 5, 200] {
        for len in [10, 60] {
            let entries: Entries = vec![dir_entry("loop", (0, offset, len, 0))];
            let page = block_of(&mut world, &[object(kind::DIR, &[None], &entries)]);
            is_damaged(list(&mut world, &page[0]));
        }
    }
    // Two folders, each in the other: the second one cannot be named by the first.
    let second: Entries = vec![dir_entry("first", (0, 0, 61, 0))];
    let second = object(kind::DIR, &[None], &second);
    let first: Entries = vec![dir_entry("second", (0, second.len() as u32, second.len() as u32, 0))];
    let first = object(kind::DIR, &[None], &first);
    let pages = block_of(&mut world, &[first, second]);
    is_damaged(list(&mut world, &pages[0]));
    // What runs on from one's own block would come after it.
    let key = BlockKey { suite: 1, id: BlockId([1; 32]), key: [1; 32] };
    let entries: Entries = vec![dir_entry("on", (0, PACK_MAX as u32 - 5, 10, 0))];
    let page = block_of(&mut world, &[object(kind::DIR, &[None, Some(key)], &entries)]);
    is_damaged(list(&mut world, &page[0]));
}

#[test]
fn m07_names_come_in_order_and_once() {
    let mut world = World::default();
    for names in [&["a", "a"][..], &["b", "a"], &["a", "c", "b"]] {
        let entries: Entries = names.iter().map(|name| empty_dir(name)).collect();
        let page = block_of(&mut world, &[object(kind::DIR, &[], &entries)]);
        is_damaged(list(&mut world, &page[0]));
    }
    let page = block_of(&mut world, &[object(kind::DIR, &[], &Entries::new())]);
    is_damaged(list(&mut world, &page[0]));
}

/// Builds a page of pages over leaves with these names; `firsts` is what it says they begin with.
fn node_over(world: &mut World, level: u8, firsts: &[&str], leaves: &[&[&str]]) -> Reference {
    let mut objects = leaves
        .iter()
        .map(|names| object(kind::DIR, &[], &names.iter().map(|name| empty_dir(name)).collect::<Entries>()))
        .collect::<Vec<_>>();
    let mut offset = 0;
    let children = firsts.iter().zip(&objects).map(|(first, object)| {
        let child = (serde_bytes::ByteBuf::from(*first), (0u32, offset as u32, object.len() as u32, 0u8));
        offset += object.len();
        child
    });
    let children = children.collect::<Vec<_>>();
    objects.push(object(kind::DIR_NODE, &[None], &(level, children)));
    block_of(world, &objects).pop().expect("the node")
}

#[test]
fn m07_pages_keep_to_the_names_that_the_page_above_gives_them() {
    let mut world = World::default();
    let whole = node_over(&mut world, 1, &["a", "c"], &[&["a", "b"], &["c", "d"]]);
    assert_eq!(list(&mut world, &whole), Ok(4));
    for (level, firsts, leaves) in [
        (1, ["a", "c"], [&["a", "c"][..], &["c", "d"]]), // a name twice, in two pages
        (1, ["a", "c"], [&["a", "d"], &["c", "e"]]),     // out of order
        (1, ["a", "c"], [&["a", "b"], &["d", "e"]]),     // not what it begins with
        (1, ["a", "c"], [&["b"], &["c", "d"]]),
        (2, ["a", "c"], [&["a", "b"], &["c", "d"]]), // a level is left out
        (0, ["a", "c"], [&["a", "b"], &["c", "d"]]), // a page of pages at the level of entries
        (6, ["a", "c"], [&["a", "b"], &["c", "d"]]), // too many levels
        (1, ["c", "a"], [&["c", "d"], &["a", "b"]]),
    ] {
        let page = node_over(&mut world, level, &firsts, &leaves);
        is_damaged(list(&mut world, &page));
        is_damaged(world.walk(|pages| walk::lookup(pages, Some(&page), &path("a"))).and_then(|_| {
            // A lookup sees only the pages on its way; the other way is wrong then.
            world.walk(|pages| walk::lookup(pages, Some(&page), &path("c")))
        }));
    }
}

#[test]
fn m07_folders_that_stand_in_many_places_are_visited_once() {
    let mut world = World::default();
    // 60 levels, each with 100 entries that are all the folder below: 100^60 paths.
    let mut objects: Vec<Vec<u8>> = vec![object(kind::DIR, &[], &vec![empty_dir("end")])];
    let mut offset = 0;
    for _ in 0..60 {
        let len = objects.last().map_or(0, Vec::len);
        let entries: Entries = (10..110).map(|name| dir_entry(&format!("{name:03}"), (0, offset, len as u32, 0))).collect();
        offset += len as u32;
        objects.push(object(kind::DIR, &[None], &entries));
    }
    let top = object(
        kind::SNAPSHOT,
        &[None],
        &(Vec::<At4>::new(), Some((0u32, offset, objects[60].len() as u32, 0u8)), 0u64, serde_bytes::Bytes::new(&[0; 32]), ""),
    );
    objects.push(top);
    let top = block_of(&mut world, &objects).pop().expect("the snapshot");
    let mut walk = BlockWalk::new();
    walk.add(&top, true);
    let mut steps = 0;
    loop {
        match walk.next(&world.pages) {
            Ok(None) => break,
            Ok(Some(_)) => steps += 1,
            Err(WalkError::Missing(keys)) => world.fetch(&keys),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(steps, 62);
}

#[test]
fn m02_m05_a_file_is_exactly_what_its_page_says() {
    let mut world = World::default();
    let key = BlockKey { suite: 1, id: BlockId([1; 32]), key: [1; 32] };
    let chunk = |len: u32, at: At4| (serde_bytes::ByteBuf::from(vec![0; 32]), len, at);
    let mut read = |table: &[Option<BlockKey>], len: u64, chunks: &[(serde_bytes::ByteBuf, u32, At4)]| {
        let body = codec::encode(&((0o644u32, 0i64, 0u32), len, chunks));
        let entries: Entries = vec![(serde_bytes::ByteBuf::from("file"), 1, serde_bytes::ByteBuf::from(body))];
        let page = block_of(&mut world, &[object(kind::DIR, table, &entries)]);
        list(&mut world, &page[0])
    };
    let whole = [chunk(100, (0, 0, 100, 0)), chunk(100, (0, 100, 100, 0))];
    assert_eq!(read(&[Some(key)], 200, &whole), Ok(1));
    is_damaged(read(&[Some(key)], 100, &whole)); // a chunk too many
    is_damaged(read(&[Some(key)], 200, &whole[..1])); // one dropped
    is_damaged(read(&[Some(key)], 201, &whole)); // cut short
    is_damaged(read(&[Some(key)], 100, &[chunk(100, (0, 0, 99, 0))])); // raw and of another length
    is_damaged(read(&[Some(key)], 0, &[chunk(0, (0, 0, 1, 1))])); // empty
    is_damaged(read(&[Some(key)], 2 << 20, &[chunk(2 << 20, (0, 0, 1, 1))])); // longer than any chunk
    is_damaged(read(&[Some(key)], 100, &[chunk(100, (1, 0, 100, 0))])); // not in the table
    is_damaged(read(&[], 100, &[chunk(100, (0, 0, 100, 0))]));
    is_damaged(read(&[Some(key)], 100, &[chunk(100, (0, PACK_MAX as u32, 100, 0))])); // behind the pack
    is_damaged(read(&[Some(key)], 100, &[chunk(100, (0, PACK_MAX as u32 - 50, 100, 0))])); // runs on into nothing
    is_damaged(read(&[Some(key)], 100, &[chunk(100, (0, u32::MAX, 100, 0))]));
    is_damaged(read(&[Some(key)], 100, &[chunk(100, (0, 0, 100, 2))])); // unknown codec
    let five = (0..5).map(|number| chunk(100, (0, number * 100, 100, 0))).collect::<Vec<_>>();
    is_damaged(read(&[Some(key)], 500, &five)); // more than a folder's page holds
}

#[test]
fn m02_pages_of_a_file_add_up() {
    let mut world = World::default();
    let mut tree = TreeWriter::new(seal_key());
    let mut builder = FileBuilder::new();
    (0..600).for_each(|number| builder.push(stand_in(number)));
    let (len, content) = builder.finish(&mut tree).expect("written");
    let Content::Paged(page) = content else { panic!("a file of 600 chunks has pages") };
    tree.finish().expect("sealed");
    world.keep(&mut tree);
    let page = tree.resolve(&page).expect("sealed");
    for wrong in [len - 1, len + 1, len - 100_000, 100_000, 1, u64::MAX] {
        let node = Node::File { meta: Meta::default(), len: wrong, content: Content::Paged(page.clone()) };
        is_damaged(world.walk(|pages| walk::chunks(pages, &node, 0, 10)));
    }

    // Lengths that overflow when they are added.
    let children = [(u64::MAX, (0u32, 0u32, 10u32, 0u8)), (2, (0, 0, 10, 0))];
    let node = block_of(&mut world, &[vec![0; 10], object(kind::FILE_NODE, &[None], &(1u8, children))]).pop().expect("the node");
    for len in [1, 2, u64::MAX] {
        let node = Node::File { meta: Meta::default(), len, content: Content::Paged(node.clone()) };
        is_damaged(world.walk(|pages| walk::chunks(pages, &node, 0, 10)));
    }
}

#[test]
fn m04_m05_what_a_page_says_cannot_be_changed_without_its_key() {
    let mut world = World::default();
    let edits =
        [("salary", "1000"), ("bonus", "9000")].map(|(name, content)| (path(name), Edit::Put(file(&mut world, content.as_bytes()))));
    let (root, blocks) = world.commit(None, edits.clone().into()).expect("applied");
    // The same folder with the two contents swapped, sealed by somebody who knows the whole plaintext but not the key.
    let [(salary, one), (bonus, other)] = edits;
    let mut tree = TreeWriter::new(std::sync::Arc::new(SealKey::new([66; 32])));
    let mut editor = crate::vault::tree::Editor::new(None, [(salary, other), (bonus, one)].into(), Meta::default());
    editor.apply(&world.pages, &mut tree).expect("applied");
    tree.finish().expect("sealed");
    let (forged, _) = tree.take_blocks().pop().expect("a block");
    assert_eq!(forged.bytes().len(), world.blocks[&blocks[0].id].bytes().len());
    assert!(Block::verify(blocks[0].id, forged.bytes().clone()).is_err());
    assert_eq!(open(forged.clone(), &blocks[0]), Err(OpenError::Damaged));
    assert_eq!(open(forged.clone(), &BlockKey { id: forged.id(), ..blocks[0] }), Err(OpenError::Damaged));
    assert!(root.is_some());
}

#[test]
fn m01_no_altered_byte_of_an_object_panics() {
    let mut world = World::default();
    let node = file(&mut world, b"content");
    let edits = (0..3).map(|number| (path(&format!("{number}")), Edit::Put(node.clone()))).collect();
    let (root, _) = world.commit(None, edits).expect("applied");
    let root = root.expect("a root");
    let (key, _) = root.blocks().expect("sealed");
    let pack = open(world.blocks[&key.id].clone(), &key).expect("opens");
    let bytes = root.segment(&pack, None).expect("inside");
    // The seal is left out here: what a member with the key could write.
    let mut number = 0u64;
    let mut list = |bytes: &[u8]| {
        number += 1;
        let id = BlockId(*blake3::hash(&number.to_be_bytes()).as_bytes());
        world.pages.insert(id, bytes.to_vec().into());
        let page =
            Reference { first: At::Block(BlockKey { id, ..key }), next: None, offset: 0, stored: bytes.len() as u32, ..root.clone() };
        walk::list(&world.pages, Some(&page), None, 100)
    };
    let mut survived = 0;
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut altered = bytes.to_vec();
            altered[at] ^= flip;
            survived += usize::from(list(&altered).is_ok());
        }
    }
    assert!(survived > 0, "a page with another key in it is still a page");
    for end in 1..bytes.len() {
        assert!(list(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn x07_lists_are_refused_before_they_grow() {
    let mut world = World::default();
    // Ten million entries announced, none there; then more there than allowed.
    let mut claims = vec![0x94, kind::DIR, 1, 0x90, 0xdd];
    claims.extend(10_000_000u32.to_be_bytes());
    claims.extend([0xc0; 1000]);
    let many: Entries = (0..129).map(|number| empty_dir(&format!("{number:03}"))).collect();
    let nils = vec![None; TABLE_MAX + 1];
    let chunks = vec![(serde_bytes::ByteBuf::from(vec![0; 32]), 1u32, (0u32, 0u32, 1u32, 0u8)); FILE_PAGE_ENTRIES + 1];
    let key = BlockKey { suite: 1, id: BlockId([1; 32]), key: [1; 32] };
    let objects = [
        claims,
        object(kind::DIR, &[], &many),
        object(kind::DIR, &nils, &vec![empty_dir("a")]),
        object(kind::DIR_NODE, &[None], &(1u8, vec![("a", (0u32, 0u32, 1u32, 0u8)); 129])),
    ];
    for object in objects {
        let page = block_of(&mut world, &[object]).pop().expect("a page");
        is_damaged(list(&mut world, &page));
    }
    let page = block_of(&mut world, &[object(kind::FILE, &[Some(key)], &chunks)]).pop().expect("a page");
    let node = Node::File { meta: Meta::default(), len: chunks.len() as u64, content: Content::Paged(page) };
    is_damaged(world.walk(|pages| walk::chunks(pages, &node, 0, 10)));
}

#[test]
fn m03_an_object_of_another_kind_is_refused() {
    let mut world = World::default();
    let (root, _) = {
        let edits = [(path("a"), Edit::Put(file(&mut world, b"a")))].into();
        world.commit(None, edits).expect("applied")
    };
    let root = root.expect("a root");
    is_damaged(world.walk(|pages| walk::snapshot(pages, &root)));
    let node = Node::File { meta: Meta::default(), len: 1, content: Content::Paged(root.clone()) };
    is_damaged(world.walk(|pages| walk::chunks(pages, &node, 0, 1)));
    let dir = Node::Dir { meta: Meta::default(), pages: Some(root) };
    assert_eq!(world.walk(|pages| walk::chunks(pages, &dir, 0, 1)), Err(WalkError::NotAFile));
    // A compressed object has no authenticated length to stop at.
    let entries: Entries = vec![dir_entry("a", (0, 0, 5, 1))];
    let page = block_of(&mut world, &[vec![0; 5], object(kind::DIR, &[None], &entries)]).pop().expect("a page");
    is_damaged(list(&mut world, &page));
}

#[test]
fn g04_an_object_of_a_newer_release_is_named() {
    let mut world = World::default();
    let newer = [codec::encode(&(kind::DIR, 2u8, (), 0u8)), codec::encode(&(77u8, 1u8, Vec::<Option<BlockKey>>::new(), 0u8))];
    let damaged = block_of(&mut world, &newer[..1]).pop().expect("a page");
    is_damaged(list(&mut world, &damaged)); // the table's place never changes
    let newer = block_of(&mut world, &newer[1..]).pop().expect("a page");
    assert_eq!(list(&mut world, &newer), Err(WalkError::Unknown { kind: 77, version: 1 }));
}

#[test]
fn p18_names_that_lead_elsewhere_are_none() {
    for (name, error) in [
        ("", NameError::Empty),
        (".", NameError::Dots),
        ("..", NameError::Dots),
        ("/", NameError::ForbiddenByte),
        ("../x", NameError::ForbiddenByte),
        ("a/b", NameError::ForbiddenByte),
        ("a\0", NameError::ForbiddenByte),
    ] {
        assert_eq!(Name::new(name), Err(error), "{name:?}");
    }
    assert_eq!(Name::new("x".repeat(NAME_MAX + 1)), Err(NameError::TooLong(NAME_MAX + 1)));
    for name in ["x".repeat(NAME_MAX).as_str(), "...", "CON", "trailing.", " ", "ümlaut", "new\nline"] {
        assert!(Name::new(name).is_ok(), "{name:?} is for the exporting system to judge");
    }
    assert!(Name::new([0xff, 0xfe]).is_ok(), "Unix names need not be UTF-8");

    assert_eq!(Path::parse("/a/b/").map(|path| path.to_string()), Ok("a/b".into()));
    assert_eq!(Path::parse("/"), Ok(Path::root()));
    assert_eq!(Path::parse("a//b"), Err(PathError::Name(NameError::Empty)));
    assert_eq!(Path::parse("a/../b"), Err(PathError::Name(NameError::Dots)));
    assert!(Path::parse(vec!["a"; PATH_DEPTH].join("/")).is_ok());
    assert_eq!(Path::parse(vec!["a"; PATH_DEPTH + 1].join("/")), Err(PathError::TooDeep(PATH_DEPTH + 1)));

    // Nor does a page that holds one decode.
    let mut world = World::default();
    for name in ["..", "a/b", ""] {
        let page = block_of(&mut world, &[object(kind::DIR, &[], &vec![empty_dir(name)])]).pop().expect("a page");
        is_damaged(list(&mut world, &page));
    }
}
