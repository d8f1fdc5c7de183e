//! `cargo xtask demo`: the whole promise in one run, on real files. The story itself is `tests/examples/demo.rs`, and for browsers
//! `tests/browser/demo.mjs`.

use std::process::Command;
use std::time::Duration;

use crate::cargo::{loud, root, target_dir};
use crate::stage::succeed;
use crate::{Failure, npm, www};

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    // The first half needs no browser; whoever has Node.js also gets the app that the nodes serve, and the second half.
    let with_browsers = npm::node();
    match &with_browsers {
        Ok(()) => www::run(&[])?,
        Err(missing) => println!("without the web app and browsers: {missing}"),
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
    succeed(demo, Duration::MAX)?;
    if with_browsers.is_ok() { in_browsers() } else { Ok(()) }
}

fn in_browsers() -> Result<(), Failure> {
    npm::browsers(Duration::MAX)?;
    npm::packages("tests/browser", Duration::MAX)?;
    let mut demo = Command::new("node");
    demo.arg("demo.mjs").current_dir(root().join("tests/browser")).env("CACHETTE_BINARY", target_dir().join("release/cachette"));
    succeed(demo, Duration::MAX)
}
