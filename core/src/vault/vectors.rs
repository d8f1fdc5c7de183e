//! Vectors of the bytes at rest: `docs/vectors/{blocks,chunks,tree}.json`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::chunk::{ChunkKey, Chunker};
use super::compress::{Codec, compress, decompress};
use super::pack::pad;
use super::reference::{At, Reference};
use super::seal::{BlockKey, OpenError, SealKey, open, seal};
use super::testing::{noise, stand_in};
use super::tree::object::kind;
use super::tree::{Chunk, Content, Edit, Editor, Meta, Node, Pages, Path, Snapshot, TreeWriter, WalkError, walk};
use crate::block::Block;
use crate::codec;
use crate::id::{BlockId, PeerId, VaultId};
use crate::limits::{CHUNK_MAX, CHUNK_MIN, PACK_MAX};
use crate::time::Time;
use crate::vectors::hex;

#[test]
fn blocks() {
    let secret: [u8; 32] = std::array::from_fn(|i| i as u8);
    let key = SealKey::new(secret);
    let seal_case = |name: &str, content: &[u8]| {
        let pack = pad(content.to_vec());
        let (block, block_key) = seal(&key, pack.clone()).expect("sealed");
        assert_eq!(open(block.clone(), &block_key).as_deref(), Ok(&pack[..]));
        json!({
            "name": name, "content": hex(content), "pack_len": pack.len(),
            "suite": block_key.suite, "key": hex(&block_key.key), "id": block.id().to_string(), "block": hex(block.bytes()),
        })
    };
    let (block, good) = seal(&key, pad(b"content".to_vec())).expect("sealed");
    let mut flipped = block.bytes().to_vec();
    flipped[4095] ^= 1;
    let flipped = Block::new(Bytes::from(flipped)).expect("the right size");
    let mut wrong = good;
    wrong.key[0] ^= 1;
    let reject = |name: &str, block: &Block, key: BlockKey, error: OpenError| {
        assert_eq!(open(block.clone(), &key), Err(error), "{name}");
        json!({
            "name": name, "suite": key.suite, "key": hex(&key.key), "id": key.id.to_string(), "block": hex(block.bytes()),
            "error": error.to_string(),
        })
    };
    crate::vectors::check(
        "blocks",
        &json!({
            "seal": hex(&secret),
            "sealed": [
                seal_case("one_byte", b"a"),
                seal_case("filled_to_the_brim", &noise("brim", 4080)),
                seal_case("one_byte_more_takes_the_next_size", &noise("more", 4081)),
            ],
            "rejected": [
                reject("authenticator_bit_flipped", &flipped, BlockKey { id: flipped.id(), ..good }, OpenError::Damaged),
                reject("another_block_under_the_name", &flipped, good, OpenError::Damaged),
                reject("key_bit_flipped", &block, wrong, OpenError::Damaged),
                reject("unknown_suite", &block, BlockKey { suite: 2, ..good }, OpenError::UnknownSuite(2)),
            ],
        }),
    );
}

#[test]
fn chunks() {
    let cuts = |content: &[u8]| {
        let mut chunker = Chunker::new();
        chunker.push(Bytes::copy_from_slice(content));
        std::iter::from_fn(|| chunker.finish()).map(|chunk| chunk.len()).collect::<Vec<_>>()
    };
    let secret = [9; 32];
    let key = ChunkKey::new(secret);
    let noise_case = |name: &str, len: usize| {
        let content = noise(name, len);
        json!({ "name": name, "xof": name, "len": len, "cuts": cuts(&content) })
    };
    let repeated = |name: &str, byte: u8, len: usize| json!({ "name": name, "byte": byte, "len": len, "cuts": cuts(&vec![byte; len]) });
    let named = |content: &[u8]| json!({ "content": hex(content), "id": hex(&key.id(content).0) });
    let text = b"the quick brown fox jumps over the lazy dog, and the lazy dog over the quick brown fox. ".repeat(4);
    let stored = compress(&text).expect("text pays");
    assert_eq!(decompress(&stored, text.len()).as_deref(), Ok(&text[..]));
    crate::vectors::check(
        "chunks",
        &json!({
            "cuts": [
                noise_case("empty", 0),
                noise_case("one byte", 1),
                noise_case("the smallest chunk", CHUNK_MIN),
                noise_case("three megabytes of noise", 3_000_000),
                noise_case("eight megabytes of noise", 8_000_000),
                repeated("zeros never cut", 0, 2 * CHUNK_MAX + 1),
                repeated("a run of one byte", 0xa5, CHUNK_MAX + CHUNK_MIN),
            ],
            "chunk_key": hex(&secret),
            "ids": [named(b""), named(b"a"), named(&noise("id", 100))],
            "lz4": [{ "len": text.len(), "content": hex(&text), "stored": hex(&stored) }],
        }),
    );
}

#[test]
fn tree() {
    let meta = Meta { mode: 0o640, modified_seconds: -86_400, modified_nanos: 123_456_789 };
    let path = |text: &str| Path::parse(text).expect("a path");
    let block = |byte: u8| BlockKey { suite: 1, id: BlockId([byte; 32]), key: [byte ^ 0xff; 32] };
    let runs_on = Chunk {
        reference: Reference {
            first: At::Block(block(1)),
            next: Some(At::Block(block(2))),
            offset: PACK_MAX as u32 - 10,
            stored: 300,
            codec: Codec::Lz4,
        },
        len: 100_000,
        ..stand_in(1)
    };
    let raw = Chunk {
        reference: Reference { offset: 290, next: None, stored: 50, codec: Codec::Raw, ..runs_on.reference.clone() },
        len: 50,
        ..stand_in(2)
    };
    let file = Node::File { meta, len: 100_050, content: Content::Inline(vec![runs_on, raw]) };
    let link = Node::Symlink { meta, target: b"../elsewhere".to_vec() };
    let mount = Node::Mount { meta, vault: VaultId([5; 32]) };
    let edits = [("dir/file", file), ("dir/link", link), ("empty", Node::Dir { meta, pages: None }), ("mount", mount)];

    let mut tree = TreeWriter::new(std::sync::Arc::new(SealKey::new([7; 32])));
    let mut long = super::tree::FileBuilder::new();
    (0..5).for_each(|number| long.push(stand_in(number)));
    let (len, content) = long.finish(&mut tree).expect("written");
    let edits = edits.into_iter().chain([("long", Node::File { meta, len, content })]);
    let edits = edits.map(|(text, node)| (path(text), Edit::Put(node))).collect();
    let root = Editor::new(None, edits, meta).apply(&Pages::new(), &mut tree).expect("applied");
    let device = PeerId([4; 32]);
    let snapshot = Snapshot { parents: Vec::new(), root, time: Time(1_800_000_000_000), device, message: "first".into() };
    let top = tree.write_snapshot(&snapshot).expect("written");
    tree.finish().expect("sealed");
    let top = tree.resolve(&top).expect("sealed");
    let (sealed, key) = tree.take_blocks().pop().expect("one block");
    let pack = open(sealed, &key).expect("opens");

    // What other implementations have to find when they read it.
    let mut pages = Pages::new();
    pages.insert(key.id, pack.clone());
    let read = walk::snapshot(&pages, &top).expect("the snapshot");
    let entries = |dir: Option<&Reference>| {
        let listed = walk::list(&pages, dir, None, 100).expect("a listing");
        listed.iter().map(|entry| shown(&entry.name.to_string(), &entry.node)).collect::<Vec<_>>()
    };
    let find = |text: &str| walk::lookup(&pages, read.root.as_ref(), &path(text)).expect(text);
    let Node::Dir { pages: dir, .. } = find("dir") else { panic!("a folder") };
    let chunks = |text: &str| {
        let found = walk::chunks(&pages, &find(text), 0, 9).expect("chunks");
        found.iter().map(|(start, chunk)| shown_chunk(*start, chunk)).collect::<Vec<_>>()
    };
    let vault = json!({
        "name": "a_small_vault_in_one_block", "pack": hex(&pack),
        "snapshot": {
            "offset": top.offset, "stored": top.stored,
            "parents": read.parents.len(), "time": read.time.0, "device": read.device.to_string(), "message": read.message,
        },
        "root": entries(read.root.as_ref()), "dir": entries(dir.as_ref()),
        "chunks_of_dir_file": chunks("dir/file"), "chunks_of_long": chunks("long"),
    });

    let reject = |case: &str, object: Vec<u8>| -> Value {
        let stored = object.len() as u32;
        let id = BlockId(*blake3::hash(case.as_bytes()).as_bytes());
        let mut pages = Pages::new();
        pages.insert(id, object.clone().into());
        let page = Reference { first: At::Block(BlockKey { id, ..key }), next: None, offset: 0, stored, codec: Codec::Raw };
        let error = walk::list(&pages, Some(&page), None, 10).expect_err(case);
        assert!(matches!(error, WalkError::Damaged(_) | WalkError::Unknown { .. }), "{case}: {error}");
        json!({ "name": case, "object": hex(&object), "error": error.to_string() })
    };
    let entry = |text: &str| (serde_bytes::ByteBuf::from(text), 3u8, serde_bytes::ByteBuf::from(codec::encode(&((0u32, 0i64, 0u32), ()))));
    let at = |offset: u32| serde_bytes::ByteBuf::from(codec::encode(&((0u32, 0i64, 0u32), (0u32, offset, 50u32, 0u8))));
    let none: [(); 0] = [];
    let page = |entries: &[(serde_bytes::ByteBuf, u8, serde_bytes::ByteBuf)]| codec::encode(&(kind::DIR, 1u8, none, entries));
    let rejected = json!([
        reject("a_name_twice", page(&[entry("a"), entry("a")])),
        reject("names_out_of_order", page(&[entry("b"), entry("a")])),
        reject("parent_folder_as_a_name", page(&[entry("..")])),
        reject("slash_in_a_name", page(&[entry("a/b")])),
        reject("no_entries", page(&[])),
        reject("folder_inside_itself", codec::encode(&(kind::DIR, 1u8, [()], [(serde_bytes::Bytes::new(b"a"), 3u8, at(0))]))),
        reject("reference_outside_of_the_table", codec::encode(&(kind::DIR, 1u8, none, [(serde_bytes::Bytes::new(b"a"), 3u8, at(0))]))),
        reject(
            "reference_behind_the_pack",
            codec::encode(&(kind::DIR, 1u8, [()], [(serde_bytes::Bytes::new(b"a"), 3u8, at(PACK_MAX as u32))]))
        ),
        reject(
            "a_snapshot_in_place_of_a_folder",
            codec::encode(&(kind::SNAPSHOT, 1u8, none, (none, (), 0u64, serde_bytes::Bytes::new(&[4; 32]), "")))
        ),
        reject("bytes_behind_the_object", [page(&[entry("a")]), vec![0]].concat()),
        reject("longer_spelling_of_a_number", [vec![0x94, 2, 1, 0x90, 0xdc, 0, 1], page(&[entry("a")])[5..].to_vec()].concat()),
        reject("kind_of_a_newer_release", codec::encode(&(9u8, 1u8, none, ()))),
    ]);
    crate::vectors::check("tree", &json!({ "vaults": [vault], "rejected_as_a_folder": rejected }));
}

/// An entry as other implementations have to find it.
fn shown(name: &str, node: &Node) -> Value {
    let Meta { mode, modified_seconds, modified_nanos } = node.meta().expect("a kind of this release");
    let what = match node {
        Node::File { len, .. } => json!({ "file": len }),
        Node::Dir { pages, .. } => json!({ "folder": pages.is_some() }),
        Node::Symlink { target, .. } => json!({ "symlink": hex(target) }),
        Node::Mount { vault, .. } => json!({ "mount": vault.to_string() }),
        Node::Unknown { .. } => panic!("a kind of this release"),
    };
    json!({ "name": name, "meta": [mode, modified_seconds, modified_nanos], "what": what })
}

fn shown_chunk(start: u64, chunk: &Chunk) -> Value {
    let block = |key: BlockKey| json!([key.suite, key.id.to_string(), hex(&key.key)]);
    let (first, next) = chunk.reference.blocks().expect("sealed");
    json!({
        "start": start, "len": chunk.len, "id": hex(&chunk.id.0), "first": block(first), "next": next.map(block),
        "offset": chunk.reference.offset, "stored": chunk.reference.stored, "codec": u8::from(chunk.reference.codec),
    })
}
