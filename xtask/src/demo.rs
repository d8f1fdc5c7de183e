//! `cargo xtask demo`: the whole promise in one run, on real files. The story itself is `tests/examples/demo.rs`.

use std::process::Command;
use std::time::Duration;

use crate::cargo::{loud, root, target_dir};
use crate::stage::succeed;
use crate::{Failure, npm, www};

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    // The demo itself needs no browser; whoever has Node.js also gets the app that the nodes serve.
    match npm::node() {
        Ok(()) => www::run(&[])?,
        Err(missing) => println!("without the web app: {missing}"),
    }
    // One build for both, so that the demo finds the binary beside itself.
    let build = [
        "build",
        "--locked",
        "--release",
        "--package",
        "cachette",
        "--package",
        "cachette-tests",
        "--bin",
        "cachette",
        "--example",
        "demo",
    ];
    succeed(loud(&build), Duration::MAX)?;
    let mut demo = Command::new(target_dir().join("release/examples/demo"));
    demo.args(arguments).current_dir(root());
    succeed(demo, Duration::MAX)
}
