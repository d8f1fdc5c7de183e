//! Files of any length, in bounded memory, from any offset.

use crate::limits::{FILE_PAGE_ENTRIES, INLINE_CHUNKS, PACK_MAX};
use crate::vault::compress::Codec;
use crate::vault::pack::{Packer, Stream};
use crate::vault::seal::seal;
use crate::vault::testing::{World, noise, seal_key, stand_in};
use crate::vault::tree::{Chunk, Content, FileBuilder, Meta, Node, TreeWriter, WriteError, walk};

fn stored(chunks: u32) -> (World, Node) {
    let mut world = World::default();
    let mut tree = TreeWriter::new(seal_key());
    let mut file = FileBuilder::new();
    for number in 0..chunks {
        file.push(stand_in(number));
        file.advance(&mut tree).expect("written");
        let (waiting, pages) = file.held();
        assert!(waiting <= FILE_PAGE_ENTRIES && pages <= 2 * FILE_PAGE_ENTRIES, "memory stays bounded");
    }
    let (len, content) = file.finish(&mut tree).expect("written");
    tree.finish().expect("sealed");
    let content = match content {
        Content::Inline(chunks) => Content::Inline(chunks),
        Content::Paged(page) => Content::Paged(tree.resolve(&page).expect("sealed")),
    };
    world.keep(&mut tree);
    (world, Node::File { meta: Meta::default(), len, content })
}

#[test]
fn a_file_of_any_length_is_listed_from_any_offset() {
    let page = FILE_PAGE_ENTRIES as u32;
    for chunks in [0, 1, INLINE_CHUNKS as u32, INLINE_CHUNKS as u32 + 1, page, page + 1, 3 * page, page * page + 1] {
        let (mut world, file) = stored(chunks);
        let Node::File { len, content, .. } = &file else { unreachable!() };
        assert_eq!(*len, u64::from(chunks) * 100_000);
        assert_eq!(matches!(content, Content::Inline(_)), chunks as usize <= INLINE_CHUNKS);
        let mut next = 0;
        loop {
            let found = world.walk(|pages| walk::chunks(pages, &file, u64::from(next) * 100_000, 1000)).expect("chunks");
            if found.is_empty() {
                break;
            }
            for (start, chunk) in found {
                assert_eq!((start, &chunk), (u64::from(next) * 100_000, &stand_in(next)));
                next += 1;
            }
        }
        assert_eq!(next, chunks);
        if chunks > 0 {
            for offset in [0, 1, 99_999, 100_000, len / 2, len - 1].into_iter().filter(|offset| offset < len) {
                let found = world.walk(|pages| walk::chunks(pages, &file, offset, 1)).expect("a chunk");
                assert_eq!(found[0].0, offset / 100_000 * 100_000);
            }
        }
        assert_eq!(world.walk(|pages| walk::chunks(pages, &file, *len, 1)), Ok(Vec::new()));
        assert_eq!(world.walk(|pages| walk::chunks(pages, &file, u64::MAX, 1)), Ok(Vec::new()));
    }
}

#[test]
fn reading_the_middle_of_a_long_file_fetches_a_block_per_level() {
    let (mut world, file) = stored(20_000);
    assert!(world.blocks.len() > 1, "a tree of several blocks");
    world.walk(|pages| walk::chunks(pages, &file, 1_000_000_000, 4)).expect("chunks");
    assert!(world.fetched <= 4, "{} blocks fetched", world.fetched);
}

#[test]
fn a_file_read_back_from_sealed_blocks_is_the_file_that_was_put() {
    for (len, early) in [(0, true), (10, true), (300_000, true), (1_500_000, true), (1_500_000, false), (PACK_MAX, true)] {
        let mut world = World::default();
        let content = noise("content", len);
        let mut packer = Packer::new(Stream::Data);
        let mut tree = TreeWriter::new(seal_key());
        let mut file = FileBuilder::new();
        let mut unsealed = Vec::new();
        for part in content.chunks(150_001) {
            let reference = packer.store(part, Codec::Raw);
            let id = crate::vault::chunk::ChunkKey::new([9; 32]).id(part);
            file.push(Chunk { id, len: part.len() as u32, reference });
            unsealed.extend(std::iter::from_fn(|| packer.take_full()));
            file.advance(&mut tree).expect("written");
            if early {
                for (number, pack) in unsealed.drain(..) {
                    let (block, key) = seal(&seal_key(), pack).expect("sealed");
                    world.blocks.insert(block.id(), block);
                    tree.sealed(number, key);
                }
            }
        }
        if let Some(tail) = packer.take_tail() {
            tree.place_tail(tail).expect("placed");
        }
        if !unsealed.is_empty() {
            assert!(matches!(file.finish(&mut tree), Err(WriteError::Unsealed(_))), "packs are not sealed yet");
            for (number, pack) in unsealed {
                let (block, key) = seal(&seal_key(), pack).expect("sealed");
                world.blocks.insert(block.id(), block);
                tree.sealed(number, key);
            }
        }
        let (len, found) = file.finish(&mut tree).expect("written");
        let mut edits = crate::map::Map::new();
        let node = Node::File { meta: Meta::default(), len, content: found };
        edits.insert(crate::vault::testing::path("dir/file"), crate::vault::tree::Edit::Put(node));
        let mut editor = crate::vault::tree::Editor::new(None, edits, Meta::default());
        let root = editor.apply(&world.pages, &mut tree).expect("applied").expect("a root");
        tree.finish().expect("sealed");
        let root = tree.resolve(&root).expect("sealed");
        world.keep(&mut tree);
        let node = world.walk(|pages| walk::lookup(pages, Some(&root), &crate::vault::testing::path("dir/file"))).expect("the file");
        assert!(world.read(&node) == content, "{len} bytes");
    }
}
