//! Whole-system tests of Cachette, and what they share.
//!
//! [`process`] runs the real binary as nodes and commands; [`files`] makes trees of files and compares them.

pub mod files;
pub mod process;
