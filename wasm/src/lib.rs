//! The browser peer: the machines of core in a tab, a full peer that keeps, serves and reads.
//!
//! ```text
//!   page ---messages------> worker: driver <--> vault, node, links (core)
//!                              |      |  \
//!                              |      |   sealing and opening, in a worker beside it
//!                          IndexedDB  WebSockets
//! ```
//!
//! - `tab`, `shared_tab` (what a link shows) and `device` are what JavaScript sees. The npm package around it is hand-written TypeScript; what this crate exports is for that
//!   package's workers only.
//! - `driver` turns everything that happens into the machines' inputs and does what they put out: it is to the browser what
//!   `native-node/src/client` and `driver` are to the binary, and decides as little. `side` knows who waits for what, `network` the sockets
//!   (`socket`), calls (`dial`) and tunnels, `sealing` the workers beside this one, `keeper` the notes on their way,
//!   `quota` what this site may still store.
//! - `store` answers the node's storage operations from IndexedDB and keeps the device's notes.
//! - One tab of an origin leads: it holds a Web Lock and runs the peer, the other tabs are views with a port to it. A number in the store
//!   that only grows keeps a leader that was frozen from writing after another has taken over.
//! - A panic is a bug of ours. It poisons the module: `panics` says so to the package, which throws the worker away and starts another.
//!
//! The crate is empty on other targets, so that the workspace builds everywhere.
#![cfg(target_arch = "wasm32")]

pub mod buffers;
pub mod device;
pub mod holdings;
pub mod sealing;
pub mod shared_tab;
pub mod store;
pub mod tab;

mod client;
mod clock;
mod committing;
mod dial;
mod driver;
mod entropy;
mod failure;
mod flow;
mod js;
mod keeper;
mod network;
mod panics;
mod promise;
mod quota;
mod side;
mod socket;
mod timer;
