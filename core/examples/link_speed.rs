//! Measures one link: 1 MiB blocks from one `Link` to another in memory, sealed, opened and verified on one thread.
//!
//! `cargo run --release -p cachette-core --example link_speed [MiB]`. A busy machine slows all figures alike; what counts is the last.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use cachette_core::block::Block;
use cachette_core::id::VaultId;
use cachette_core::identity::{Identity, Seed};
use cachette_core::link::{Config, Input, Link, Output, Role};
use cachette_core::message::Message;
use cachette_core::time::Time;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};

const NOW: Time = Time(0);
const ROUNDS: usize = 5;
/// Bytes of content of a full frame.
const FRAME: usize = 65_518;
/// Blocks in flight: what a link may be asked for at a time.
const WINDOW: usize = 8;

fn main() {
    let blocks: usize = std::env::args().nth(1).and_then(|mib| mib.parse().ok()).unwrap_or(256);
    let (dialler, listener) = (Identity::from_seed(&Seed::new([1; 32])), Identity::from_seed(&Seed::new([2; 32])));
    let role = Role::Dialer { expected: Some(listener.peer()) };
    let mut near = Link::new(NOW, Config { identity: &dialler, role, entropy: [3; 32] });
    let mut far = Link::new(NOW, Config { identity: &listener, role: Role::Listener, entropy: [4; 32] });
    exchange(&mut near, &mut far);
    near.handle(NOW, Input::Room(usize::MAX));

    let content = Bytes::from((0..1 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<u8>>());
    let block = Block::new(content).expect("1 MiB is a block");
    let mut frame = vec![7; FRAME];
    let cipher = ChaCha20Poly1305::new(&[1; 32].into());
    let sealing = best(|| {
        for _ in 0..(blocks << 20) / FRAME {
            black_box(cipher.encrypt_inout_detached(&Nonce::default(), b"", frame.as_mut_slice().into())).expect("a short message");
        }
    });
    let hashing = best(|| {
        for _ in 0..blocks {
            black_box(blake3::hash(block.bytes()));
        }
    });
    let link = best(|| carry(&mut near, &mut far, &block, blocks));
    let rate = |seconds: f64| blocks as f64 / seconds;
    println!("{blocks} blocks of 1 MiB, one thread");
    println!("ChaCha20-Poly1305 by {FRAME} bytes      {:6.0} MiB/s", rate(sealing));
    println!("BLAKE3 by 1 MiB                     {:6.0} MiB/s", rate(hashing));
    println!("limit: seal, open and hash          {:6.0} MiB/s", rate(2.0 * sealing + hashing));
    println!(
        "link: sealed, opened, verified      {:6.0} MiB/s, {:.0} % of the limit",
        rate(link),
        100.0 * (2.0 * sealing + hashing) / link
    );
}

/// Returns the seconds of the best of some rounds.
fn best(mut round: impl FnMut()) -> f64 {
    let mut timed = || {
        let start = Instant::now();
        round();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(|_| timed()).fold(f64::MAX, f64::min)
}

/// Sends the block `blocks` times.
fn carry(near: &mut Link, far: &mut Link, block: &Block, blocks: usize) {
    let mut arrived = 0;
    while arrived < blocks {
        for _ in 0..WINDOW.min(blocks - arrived) {
            near.handle(NOW, Input::Send(Message::Block(VaultId([5; 32]), block.clone())));
        }
        arrived += exchange(near, far);
    }
}

/// Moves socket messages until both are quiet and returns how many messages arrived at `far`.
fn exchange(near: &mut Link, far: &mut Link) -> usize {
    let mut arrived = 0;
    loop {
        let mut quiet = true;
        while let Some(output) = near.poll() {
            quiet = false;
            if let Output::Transmit(bytes) = output {
                far.handle(NOW, Input::Received(bytes));
                while let Some(output) = far.poll() {
                    match output {
                        Output::Transmit(bytes) => near.handle(NOW, Input::Received(bytes)),
                        Output::Message(_) => arrived += 1,
                        Output::Ready { .. } => {}
                        Output::Closed(reason) => panic!("{reason}"),
                    }
                }
            }
        }
        if quiet {
            return arrived;
        }
    }
}
