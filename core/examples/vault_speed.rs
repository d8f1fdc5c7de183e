//! Measures the passes over a file's bytes on one core: `cargo run --release -p cachette-core --example vault_speed [MiB]`.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use cachette_core::vault::chunk::{ChunkKey, Chunker};
use cachette_core::vault::compress::{Codec, compress, decompress};
use cachette_core::vault::pack::{Packer, Stream};
use cachette_core::vault::seal::{SealKey, open, seal};

fn main() {
    let mebibytes = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(256);
    let mut content = vec![0; mebibytes << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    let content = Bytes::from(content);
    println!("{mebibytes} MiB of noise, one core");

    let mut copy = vec![1; 1 << 20];
    measure("copy memory", content.len(), || content.chunks_exact(1 << 20).for_each(|part| black_box(&mut copy).copy_from_slice(part)));
    measure("BLAKE3 by 256 KiB", content.len(), || {
        content.chunks(256 << 10).for_each(|part| {
            black_box(blake3::hash(part));
        });
    });
    for slice in [64 << 10, 256 << 10, 1 << 20, content.len()] {
        let mut chunks = 0;
        measure(&format!("cut, pushed by {} KiB", slice >> 10), content.len(), || {
            let mut chunker = Chunker::new();
            for at in (0..content.len()).step_by(slice) {
                chunker.push(content.slice(at..content.len().min(at + slice)));
                chunks += std::iter::from_fn(|| chunker.next()).count();
            }
            chunks += std::iter::from_fn(|| chunker.finish()).count();
        });
        assert!(chunks > 0);
    }

    let mut chunker = Chunker::new();
    chunker.push(content.clone());
    let chunks = std::iter::from_fn(|| chunker.finish()).collect::<Vec<_>>();
    println!("{} chunks, {} KiB on average", chunks.len(), (content.len() / chunks.len()) >> 10);
    let chunk_key = ChunkKey::new([1; 32]);
    measure("name chunks", content.len(), || {
        chunks.iter().for_each(|chunk| {
            black_box(chunk_key.id(chunk));
        });
    });
    measure("probe for compression, noise", content.len(), || chunks.iter().for_each(|chunk| drop(black_box(compress(chunk)))));
    let text = (0..4000).map(|line| format!("line {line} of a file that compresses, {}\n", line * 7919)).collect::<String>().into_bytes();
    let stored = compress(&text).expect("text pays");
    measure("compress text, compared", text.len() * 200, || (0..200).for_each(|_| drop(black_box(compress(&text)))));
    measure("decompress text", text.len() * 200, || (0..200).for_each(|_| drop(black_box(decompress(&stored, text.len())))));

    let mut packs = Vec::new();
    measure("lay into packs", content.len(), || {
        let mut packer = Packer::new(Stream::Data);
        for chunk in &chunks {
            packer.store(chunk, Codec::Raw);
            packs.extend(std::iter::from_fn(|| packer.take_full()).map(|(_, pack)| pack));
        }
    });
    let key = SealKey::new([2; 32]);
    let bytes = packs.len() << 20;
    measure("copy packs", bytes, || packs.iter().for_each(|pack| drop(black_box(pack.clone()))));
    measure("copy and seal, compared", bytes, || packs.iter().for_each(|pack| drop(black_box(seal(&key, pack.clone())))));
    let (block, block_key) = seal(&key, packs.remove(0)).expect("sealed");
    measure("copy and open", bytes, || (0..bytes >> 20).for_each(|_| drop(black_box(open(block.clone(), &block_key)))));
}

/// Prints a rate by processor time, so that a busy machine does not spoil it; by the clock where Linux does not tell.
fn measure(what: &str, bytes: usize, work: impl FnOnce()) {
    let (clock, before) = (Instant::now(), processor_time());
    work();
    let seconds = match (before, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => clock.elapsed().as_secs_f64(),
    };
    println!("{what:>32}  {:8.0} MB/s", bytes as f64 / seconds / 1e6);
}

fn processor_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e9)
}
