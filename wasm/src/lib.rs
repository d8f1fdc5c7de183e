//! The browser peer: the machines of core in a tab, a full peer that keeps, serves and reads.
//!
//! ```text
//!   page ---MessagePort---> worker: driver <--> vault, node, links (core)
//!                              |      |  \
//!                              |      |   sealing and opening, in a worker beside it
//!                          IndexedDB  WebSockets
//! ```
//!
//! - `store` answers the node's storage operations from IndexedDB. It is what there is so far.
//! - The driver will own the sockets, the timers and the store of one peer, and turn their events into the machines' inputs: it is to the
//!   browser what `native-node/src/driver` is to the binary, and decides as little.
//! - One tab of an origin leads: it holds a Web Lock and runs the peer, the other tabs are views with a port to it. A number in the store
//!   that only grows keeps a leader that was frozen from writing after another has taken over.
//! - The npm package around it is hand-written TypeScript; what this crate exports is for that package only.
//!
//! The crate is empty on other targets, so that the workspace builds everywhere.
#![cfg(target_arch = "wasm32")]

pub mod holdings;
pub mod store;
mod timer;
