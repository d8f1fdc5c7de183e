//! The core of Cachette: three layers of state machines that turn files into messages between peers and back, without I/O.
//!
//! ```text
//!  put:   file --vault--> sealed blocks --node--> messages --link--> frames --> socket
//!  get:   file <--vault-- sealed blocks <--node-- messages <--link-- frames <-- socket
//! ```
//!
//! - [`vault`] knows files and keys and no peers. One machine per open vault.
//! - [`node`] knows peers and blocks and no keys. One machine per peer.
//! - [`link`] knows one connection. One machine per connection.
//! - [`peer`] is the routing table between a vault and a node: no decisions. [`tunnels`] runs links inside a node's tunnels, for every driver.
//! - [`visitor`] is what stands in its place for somebody who has a link and no vault, [`restorer`] for somebody who has recovery words.
//!
//! What the layers share stands beside them: [`base`], [`id`], [`time`], [`limits`], [`labels`], [`map`], [`block`], [`codec`], [`copies`], [`identity`],
//! [`record`], [`message`], [`share_link`], [`sort`], [`store`].
//!
//! # The contract of every machine
//!
//! ```text
//! fn handle(&mut self, now: Time, input: Input);   // never fails: hostile bytes have consequences, not errors
//! fn poll(&mut self) -> Option<Output>;            // drain to None after every mutation
//! fn deadline(&self) -> Option<Deadline>;          // pure; when to call again, and why
//! ```
//!
//! 1. Mutate, then drain: after `handle`, call `poll` until it returns `None` before the next `handle`.
//! 2. A `now` smaller than one seen before counts as the one seen before.
//! 3. Every store request is answered exactly once, in any order.
//! 4. Whatever is queued is visible to `poll` at once, but for bytes held back because the driver granted no room.
//! 5. After `handle(t, Tick)` with `t >= deadline().at`, the next deadline is later than `t`, or `None`.

#![forbid(unsafe_code)]

pub mod address;
pub mod base;
pub mod block;
pub mod codec;
pub mod copies;
pub mod id;
pub mod identity;
pub mod invitation;
pub mod labels;
pub mod limits;
pub mod link;
pub mod map;
pub mod message;
pub mod node;
pub mod peer;
pub mod record;
pub mod restorer;
pub mod share_link;
pub mod sort;
pub mod store;
pub mod time;
pub mod tunnels;
pub mod vault;
#[cfg(test)]
mod vectors;
pub mod visitor;
