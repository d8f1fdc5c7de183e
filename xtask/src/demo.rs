//! `cargo xtask demo`: the whole promise in one run, on real files.

use crate::Failure;

pub(crate) fn run(_: &[String]) -> Result<(), Failure> {
    Err("the demo needs commands that the binary does not have yet".to_owned())
}
