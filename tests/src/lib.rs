//! Whole-system tests of Cachette, and what they share.
//!
//! [`sim`] runs the real machines of `cachette-core` in a seeded world without clock, sockets or disks; [`process`] runs the real
//! binary as nodes and commands; [`files`] makes trees of files and compares them.

pub mod files;
pub mod process;
pub mod sim;
