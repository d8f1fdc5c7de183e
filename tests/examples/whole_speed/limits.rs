//! What this machine can do at best: the limits that our work is measured against, taken in the same run.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::num::NonZero;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use cachette_core::vault::chunk::Chunker;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

use super::cluster::processor;

/// Rates in bytes per second: of one core while all others do the same, where nothing else is said. Our work keeps all of them busy, and
/// cores of one processor share more than a name: caches, memory, on rented machines often the core itself.
pub(crate) struct Limits {
    pub(crate) copy: f64,
    pub(crate) hash: f64,
    pub(crate) cipher: f64,
    pub(crate) cut: f64,
    /// Writing and syncing 1 GiB.
    pub(crate) disk: f64,
    /// Messages of 1 MiB over a loopback WebSocket, with both ends on this machine.
    pub(crate) wire: f64,
    /// Seconds of processor that the system and the socket library take for a byte to the disk and over the wire, all threads together.
    pub(crate) disk_work: f64,
    pub(crate) wire_work: f64,
    pub(crate) cores: f64,
}

/// How often each byte meets each limit.
pub(crate) struct Passes {
    pub(crate) copy: f64,
    pub(crate) hash: f64,
    pub(crate) cipher: f64,
    pub(crate) cut: f64,
    pub(crate) disk: f64,
    pub(crate) wire: f64,
}

impl Limits {
    /// Measures; takes some seconds and 1 GiB of disk.
    pub(crate) fn measure(home: &Path) -> Self {
        let block: Vec<u8> = (0..MIB as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let copy = rate(512, || {
            let mut target = vec![0; MIB];
            let block = &block;
            move || black_box(&mut target).copy_from_slice(black_box(block))
        });
        let hash = rate(512, || {
            || {
                black_box(blake3::hash(&block));
            }
        });
        let cipher = rate(256, || {
            let cipher = ChaCha20Poly1305::new(&[1; 32].into());
            let mut target = block.clone();
            move || {
                let sealed = cipher.encrypt_inout_detached(&Nonce::default(), b"", target.as_mut_slice().into());
                black_box(sealed).expect("a short message");
            }
        });
        let content = Bytes::from(noise(256 * MIB));
        let cut = rate(256, || {
            let (mut chunker, mut at) = (Chunker::new(), 0);
            let content = content.clone();
            move || {
                chunker.push(content.slice(at..at + MIB));
                at = (at + MIB) % content.len();
                while black_box(chunker.next()).is_some() {}
            }
        });
        let (disk, disk_work) = worked(|| (0..2).map(|_| write_and_sync(&home.join("limit"), &block)).fold(0.0, f64::max));
        let (wire, wire_work) = worked(|| (0..2).map(|_| loopback()).fold(0.0, f64::max));
        let cores = cores() as f64;
        Self { copy, hash, cipher, cut, disk, wire, disk_work, wire_work, cores }
    }

    /// Returns the least seconds for so many bytes, and what sets them.
    pub(crate) fn least(&self, bytes: f64, passes: &Passes) -> (f64, &'static str) {
        let choices =
            [(self.passes(passes) / self.cores, "processor"), (passes.disk / self.disk, "disk"), (passes.wire / self.wire, "wire")];
        let (each, what) = choices.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("three of them");
        (bytes * each, what)
    }

    /// Returns the least seconds when passes, disk and wire share the processor, as they do where all machines are one.
    pub(crate) fn shared(&self, bytes: f64, passes: &Passes) -> f64 {
        bytes * (self.passes(passes) + passes.disk * self.disk_work + passes.wire * self.wire_work) / self.cores
    }

    fn passes(&self, passes: &Passes) -> f64 {
        passes.copy / self.copy + passes.hash / self.hash + passes.cipher / self.cipher + passes.cut / self.cut
    }

    pub(crate) fn print(&self) {
        println!("| limit of this machine, {} cores | rate |\n|---|---|", self.cores);
        for (what, rate) in [
            ("copying memory, each core", self.copy),
            ("BLAKE3 of 1 MiB, each core", self.hash),
            ("ChaCha20-Poly1305 of 1 MiB, each core", self.cipher),
            ("FastCDC, each core", self.cut),
            ("writing and syncing 1 GiB, best of 2", self.disk),
            ("1 MiB messages over a loopback WebSocket, both ends here", self.wire),
        ] {
            println!("| {what} | {:.0} MB/s |", rate / 1e6);
        }
        for (what, work) in [("disk", self.disk_work), ("wire, both ends", self.wire_work)] {
            println!("| processor for 1 GiB: {what} | {:.2} s |", work * (1024 * MIB) as f64);
        }
    }
}

impl Passes {
    /// Names those that there are, for the table.
    pub(crate) fn list(&self) -> String {
        let all = [
            (self.copy, "copy"),
            (self.hash, "hash"),
            (self.cipher, "cipher"),
            (self.cut, "cut"),
            (self.disk, "disk"),
            (self.wire, "wire"),
        ];
        let named: Vec<String> = all.into_iter().filter(|(times, _)| *times > 0.0).map(|(times, what)| format!("{times} {what}")).collect();
        named.join(", ")
    }
}

/// Bytes that nothing compresses and that are the same in every run.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut bytes);
    bytes
}

/// Does something with 1 MiB as often as told, on every core at once; returns one core's rate in the better of two rounds.
fn rate<W: FnMut()>(times: usize, work: impl Fn() -> W + Sync) -> f64 {
    let cores = cores();
    let round = || {
        let start = Barrier::new(cores);
        let seconds: f64 = thread::scope(|scope| {
            let run = || {
                let mut work = work();
                start.wait();
                let begun = Instant::now();
                (0..times).for_each(|_| work());
                begun.elapsed().as_secs_f64()
            };
            let threads: Vec<_> = (0..cores).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        (cores * times * MIB) as f64 / seconds
    };
    round().max(round())
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does something with 1 GiB twice; returns its result, and the seconds of processor that a byte took.
fn worked<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let own = std::process::id();
    let before = processor(own);
    let result = work();
    (result, (processor(own) - before) / (2 * 1024 * MIB) as f64)
}

fn write_and_sync(path: &Path, block: &[u8]) -> f64 {
    let begun = Instant::now();
    let mut file = File::create(path).expect("a disk");
    (0..1024).for_each(|_| file.write_all(block).expect("room for 1 GiB"));
    file.sync_all().expect("a disk");
    let rate = (1024 * MIB) as f64 / begun.elapsed().as_secs_f64();
    fs::remove_file(path).expect("our own file");
    rate
}

fn loopback() -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let receive = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a caller");
            let mut socket = accept_async(stream).await.expect("a WebSocket");
            let mut bytes = 0;
            while let Some(Ok(Message::Binary(message))) = socket.next().await {
                bytes += message.len();
            }
            bytes
        });
        let stream = TcpStream::connect(address).await.expect("loopback");
        let (mut socket, _) = client_async(format!("ws://{address}/"), stream).await.expect("a WebSocket");
        let message = Bytes::from(noise(MIB));
        let begun = Instant::now();
        for _ in 0..1024 {
            socket.send(Message::Binary(message.clone())).await.expect("taken");
        }
        socket.close(None).await.expect("taken");
        let bytes = receive.await.expect("no panic");
        bytes as f64 / begun.elapsed().as_secs_f64()
    })
}

const MIB: usize = 1 << 20;
