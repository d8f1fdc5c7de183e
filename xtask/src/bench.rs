//! `cargo xtask bench`: runs the benchmarks of this workspace one after the other, in release.
//!
//! A benchmark is an example whose name ends in `_speed`. It prints its own table: each figure beside the limit of this machine.
//! `--browser` measures in browsers instead; words after it choose what.

use std::time::Duration;

use crate::cargo::{loud, root};
use crate::stage::succeed;
use crate::{Failure, module};

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(("--browser", words)) = arguments.split_first().map(|(first, words)| (first.as_str(), words)) {
        return module::bench(words);
    }
    let benchmarks = benchmarks()?;
    if let Some(unknown) = arguments.iter().find(|name| !benchmarks.iter().any(|(_, known)| known == *name)) {
        let known: Vec<&str> = benchmarks.iter().map(|(_, name)| name.as_str()).collect();
        return Err(format!("no benchmark `{unknown}`; there are {}", known.join(", ")));
    }
    // The whole program is measured too, as a process of its own.
    succeed(loud(&["build", "--quiet", "--locked", "--release", "--package", "cachette"]), Duration::MAX)?;
    for (package, name) in benchmarks.iter().filter(|(_, name)| arguments.is_empty() || arguments.contains(name)) {
        println!("── {name}");
        succeed(loud(&["run", "--quiet", "--locked", "--release", "--package", package, "--example", name]), Duration::MAX)?;
        println!();
    }
    Ok(())
}

/// Finds the benchmarks with their packages.
fn benchmarks() -> Result<Vec<(&'static str, String)>, Failure> {
    let mut found = Vec::new();
    for (folder, package) in [("core", "cachette-core"), ("native-node", "cachette"), ("tests", "cachette-tests")] {
        let examples = root().join(folder).join("examples");
        let Ok(entries) = std::fs::read_dir(&examples) else { continue };
        for entry in entries {
            let entry = entry.map_err(|error| format!("{}: {error}", examples.display()))?;
            let name = entry.file_name().into_string().unwrap_or_default();
            let name = name.strip_suffix(".rs").unwrap_or(&name);
            if name.ends_with("_speed") {
                found.push((package, name.to_owned()));
            }
        }
    }
    found.sort();
    if found.is_empty() { Err("there is no benchmark yet".to_owned()) } else { Ok(found) }
}
