//! The disk store: answers core's [`StoreOp`](cachette_core::store::StoreOp)s from files of blocks and an index beside them.
//!
//! ```text
//!   submit(op, reply) --reads---> readers  ---> index, then the block's file, verified
//!                     --writes--> committer --> files, names, one index transaction --> all replies of the batch
//! ```
//!
//! The order of durability, what a crash can leave and how the index is rebuilt are told in `docs/disk.md`.

mod backend;
mod batch;
mod committer;
mod direct;
mod fetch;
mod index;
mod layout;
mod os;
mod queue;
mod reader;
mod rebuild;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod vfs;

pub use rebuild::Rebuilt;
pub use store::{OpenError, Options, Store};
