//! The wasm modules that browsers load: compiled, bound to JavaScript and weighed.
//!
//! No optimiser runs over what the compiler made, but that `cachette-bindgen` arranges its functions for gzip: binaryen leaves a tenth fewer
//! bytes, which are 7 % more after gzip, and without its inliner less than 1 % fewer.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::budget::Part;
use crate::cargo::{PROFILE, WASM, cargo, output, root, target_dir};
use crate::stage::succeed;
use crate::suite::none;
use crate::{Failure, npm, package, www};

/// The profile of what a browser loads, and the folder of the same name below the target's.
const MODULE_PROFILE: &str = "wasm";
/// The file with the bytes, compressed, that the module may have.
const BUDGET: &str = "wasm/size-budget.txt";
/// Where npm's tools for it are.
pub(crate) const NPM: &str = "wasm";

/// The module that ships: crate, bindings, folder of bindings.
const PEER: Module = Module { package: "cachette-wasm", name: "cachette_wasm", folder: "wasm/dist" };
/// The module that the browser tests call.
const TESTS: Module = Module { package: "cachette-browser-tests", name: "cachette_browser_tests", folder: "tests/browser/dist" };

struct Module {
    package: &'static str,
    name: &'static str,
    folder: &'static str,
}

/// `cargo xtask wasm`: the module that ships, with its bindings, in `wasm/dist`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    npm::node()?;
    npm::packages(NPM, Part::Install.limit())?;
    build_peer(Part::Build.limit())
}

/// Builds the module that ships.
pub(crate) fn build_peer(left: Duration) -> Result<(), Failure> {
    build(&[PEER], left)?;
    weigh()
}

/// `cargo xtask browsers`: the tests in browsers alone.
pub(crate) fn run_tests(words: &[String]) -> Result<(), Failure> {
    prepare()?;
    let mut tests = in_browsers("run.mjs");
    tests.args(words);
    succeed(tests, Part::Tests.limit())
}

/// `cargo xtask bench --browser`: what a browser does, beside what it could do.
pub(crate) fn bench(words: &[String]) -> Result<(), Failure> {
    prepare()?;
    let mut bench = in_browsers("bench.mjs");
    bench.args(words);
    succeed(bench, Duration::MAX)
}

fn prepare() -> Result<(), Failure> {
    npm::browsers(Part::Install.limit())?;
    tools(Part::Install.limit())?;
    for_tests(Part::Build.limit())?;
    // After the app, which it embeds.
    succeed(cargo(&["build", "--locked", "--profile", PROFILE, "--package", "cachette"]), Part::Build.limit())
}

/// Builds the module that ships, the package around it, the app on top, and the module for tests.
pub(crate) fn for_tests(left: Duration) -> Result<(), Failure> {
    build(&[PEER, TESTS], left)?;
    weigh()?;
    package::build(left)?;
    www::build(left)
}

/// Installs the tools for both.
pub(crate) fn tools(left: Duration) -> Result<(), Failure> {
    npm::node()?;
    npm::packages(NPM, left)?;
    npm::packages(www::FOLDER, left)?;
    npm::packages("tests/browser", left)
}

/// Makes the command that runs the tests in browsers.
pub(crate) fn browser_tests() -> Command {
    in_browsers("run.mjs")
}

fn in_browsers(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(script).current_dir(root().join("tests/browser"));
    // The nodes that tabs speak to.
    node.env("CACHETTE_BINARY", target_dir().join(PROFILE).join("cachette"));
    node
}

fn build(modules: &[Module], left: Duration) -> Result<(), Failure> {
    let mut compile = cargo(&["build", "--locked", "--profile", MODULE_PROFILE, "--target", WASM]);
    for module in modules {
        compile.args(["--package", module.package]);
    }
    compile.env("CARGO_ENCODED_RUSTFLAGS", flags().join("\x1f"));
    succeed(compile, left)?;
    succeed(cargo(&["build", "--locked", "--profile", PROFILE, "--package", "cachette-bindgen"]), left)?;
    for module in modules {
        let folder = root().join(module.folder);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut bind = Command::new(target_dir().join(PROFILE).join("cachette-bindgen"));
        bind.arg(target_dir().join(WASM).join(MODULE_PROFILE).join(format!("{}.wasm", module.name))).arg(folder);
        succeed(bind, left)?;
    }
    Ok(())
}

/// SIMD for hashes and ciphers, and no path of this machine in what ships.
pub(crate) fn flags() -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let places = home.into_iter().map(|home| (home, "cargo")).chain([(root(), "cachette")]);
    let remap = places.map(|(place, name)| format!("--remap-path-prefix={}={name}", place.display()));
    ["-C".to_owned(), "target-feature=+simd128".to_owned()].into_iter().chain(remap).collect()
}

/// Holds the module that ships to its budget.
fn weigh() -> Result<(), Failure> {
    let module = root().join(PEER.folder).join(format!("{}_bg.wasm", PEER.name));
    let text = std::fs::read_to_string(root().join(BUDGET)).map_err(|error| format!("{BUDGET}: {error}"))?;
    let budget = budget(&text).ok_or_else(|| format!("{BUDGET} has no number"))?;
    let plain = std::fs::metadata(&module).map_err(|error| error.to_string())?.len();
    let mut gzip = Command::new("node");
    gzip.args(["-p", "zlib.gzipSync(fs.readFileSync(process.argv[1]), { level: 9 }).length"]).arg(&module);
    let packed: u64 = output(gzip)?.trim().parse().map_err(|_| "node printed no number".to_owned())?;
    println!("   {} KiB, {} KiB compressed, budget {} KiB", plain >> 10, packed >> 10, budget >> 10);
    judge(packed, budget)
}

fn judge(packed: u64, budget: u64) -> Result<(), Failure> {
    if packed <= budget {
        return Ok(());
    }
    Err(format!("the module has {packed} bytes compressed, {} more than {BUDGET} allows", packed - budget))
}

/// Reads the number in the first line that is no remark.
fn budget(text: &str) -> Option<u64> {
    text.lines().find(|line| !line.starts_with('#'))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_over_its_budget_is_refused() {
        assert_eq!(budget("# why\n1000\n"), Some(1000));
        assert_eq!(budget("# why\n"), None);
        assert!(judge(1000, 1000).is_ok());
        assert!(judge(1001, 1000).expect_err("over").contains("1 more"));
    }
}
