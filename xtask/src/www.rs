//! `cargo xtask www`: the web app, built into `target/www`, where the native node's build embeds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::budget::Part;
use crate::cargo::{root, target_dir};
use crate::stage::succeed;
use crate::suite::none;
use crate::{Failure, module, npm, package};

/// Where the app's sources and its lock file lie.
pub(crate) const FOLDER: &str = "www";
/// Bytes that the app's own script may have, compressed. The package's worker and module have budgets of their own.
const BUDGET: usize = 60 << 10;
/// What the app's own scripts are called in the build.
const OWN: &[&str] = &["assets/app-", "service-worker.js"];

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    npm::node()?;
    npm::packages(module::NPM, Part::Install.limit())?;
    npm::packages(FOLDER, Part::Install.limit())?;
    module::build_peer(Part::Build.limit())?;
    package::build(Part::Build.limit())?;
    build(Part::Build.limit())
}

/// Checks the types, builds, weighs, and replaces what is in `target/www` if anything is different: the binary embeds that folder and
/// is compiled anew whenever it changes.
pub(crate) fn build(left: Duration) -> Result<(), Failure> {
    let fresh = target_dir().join("www-fresh");
    let mut check = npm_run("check");
    check.arg("--silent");
    succeed(check, left)?;
    let mut build = npm_run("build");
    build.args(["--silent", "--", "--logLevel", "warn", "--outDir"]).arg(&fresh);
    succeed(build, left)?;
    let files = read(&fresh).map_err(|error| error.to_string())?;
    weigh(&files)?;
    let place = target_dir().join("www");
    if read(&place).is_ok_and(|there| there == files) {
        return Ok(());
    }
    replace(&fresh, &place).map_err(|error| format!("{}: {error}", place.display()))
}

fn npm_run(script: &str) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["run", script]).current_dir(root().join(FOLDER));
    npm
}

fn replace(fresh: &Path, place: &Path) -> std::io::Result<()> {
    if place.exists() {
        std::fs::remove_dir_all(place)?;
    }
    std::fs::rename(fresh, place)
}

fn weigh(files: &BTreeMap<PathBuf, Vec<u8>>) -> Result<(), Failure> {
    let own =
        |path: &Path| OWN.iter().any(|name| path.to_string_lossy().starts_with(name)) && path.extension().is_some_and(|end| end == "gz");
    let packed = files.iter().filter(|(path, _)| own(path)).map(|(_, bytes)| bytes.len()).sum::<usize>();
    println!("   the app's script: {} KiB compressed, budget {} KiB", packed >> 10, BUDGET >> 10);
    judge(packed)
}

fn judge(packed: usize) -> Result<(), Failure> {
    match packed {
        0 => Err("the app's script was not found in what was built".to_owned()),
        1..=BUDGET => Ok(()),
        _ => Err(format!("the app's script has {packed} bytes compressed, {} too many", packed - BUDGET)),
    }
}

fn read(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path)?;
                files.insert(path.strip_prefix(folder).map_or_else(|_| path.clone(), Path::to_owned), bytes);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_is_too_heavy_or_missing_is_refused() {
        let file = |name: &str, len| (PathBuf::from(name), vec![0; len]);
        let build = |own| {
            BTreeMap::from([file("assets/app-x.js.gz", own), file("service-worker.js.gz", 100), file("assets/worker-x.js.gz", 1 << 20)])
        };
        assert!(weigh(&build(BUDGET - 100)).is_ok());
        assert!(weigh(&build(BUDGET)).expect_err("too heavy").contains("100 too many"));
        assert!(weigh(&BTreeMap::new()).is_err());
    }
}
