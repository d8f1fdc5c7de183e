//! `cargo xtask test`, `check` and `fmt`.

use std::path::Path;
use std::process::Command;

use crate::budget::Part;
use crate::cargo::{PROFILE, WASM, cargo, loud, output, root};
use crate::stage::{Run, succeed};
use crate::tree::Tree;
use crate::{Failure, module, npm, package, structure, wasm};

/// Runs everything that must pass before a change lands. All stages share one profile, so nothing native is built twice.
pub(crate) fn test(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    let mut run = Run::default();
    if !(run.stage(Part::Install, "toolchain", |_| toolchain()) && run.command(Part::Install, "crates", cargo(&["fetch", "--locked"]))) {
        return run.finish();
    }
    let tools = run.stage(Part::Install, "browsers", npm::browsers) & run.stage(Part::Install, "npm packages", module::tools);
    run.command(Part::Checks, "formatting", cargo(&["fmt", "--all", "--check"]));
    run.stage(Part::Checks, "structure", |_| structure::check());
    // Before the binary, which embeds the app.
    let bound = tools && run.stage(Part::Build, "modules, package and app for browsers", module::for_tests);
    let built = run.command(Part::Build, "build", cargo(&["build", "--locked", "--workspace", "--all-targets", "--profile", PROFILE]));
    run.command(Part::Checks, "clippy", clippy(&["--workspace", "--all-targets"]));
    run.command(Part::Checks, "clippy for wasm32", clippy_in_browsers());
    run.command(Part::Checks, "rustdoc", rustdoc(&["--workspace"]));
    run.command(
        Part::Checks,
        "rustdoc for wasm32",
        rustdoc(&["--package", "cachette-wasm", "--package", "cachette-browser-tests", "--target", WASM]),
    );
    run.stage(Part::Checks, "core as wasm", wasm::check);
    if bound {
        run.stage(Part::Checks, "npm package", package::judge);
    }
    if built {
        // Not quiet: cargo would hand that on to the test binaries.
        run.tests("tests", loud(&["test", "--locked", "--workspace", "--profile", PROFILE, "--no-fail-fast"]));
    }
    if bound {
        run.tests("browser tests", module::browser_tests());
    }
    run.finish()
}

/// Runs what answers within seconds once the crates are built.
pub(crate) fn check(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    let mut well = true;
    for (name, result) in [
        ("formatting", succeed(cargo(&["fmt", "--all", "--check"]), Part::Checks.limit())),
        ("structure", structure::check()),
        ("clippy", succeed(clippy(&["--workspace", "--all-targets"]), Part::Checks.limit())),
        ("clippy for wasm32", succeed(clippy_in_browsers(), Part::Checks.limit())),
    ] {
        match result {
            Ok(()) => println!("{name}: ok"),
            Err(failure) => {
                println!("{name}: {failure}");
                well = false;
            }
        }
    }
    if well { Ok(()) } else { Err("not everything passed".to_owned()) }
}

/// Formats the code and brings the table of covered cases up to date.
pub(crate) fn fmt(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    succeed(cargo(&["fmt", "--all"]), Part::Checks.limit())?;
    let tree = Tree::read(&root()).map_err(|error| error.to_string())?;
    let Some(table) = structure::cases::updated(&tree) else { return Ok(()) };
    std::fs::write(root().join(structure::cases::PAGE), table).map_err(|error| error.to_string())
}

/// Refuses arguments where a command takes none.
pub(crate) fn none(arguments: &[String]) -> Result<(), Failure> {
    arguments.first().map_or(Ok(()), |argument| Err(format!("`{argument}` is not understood here; see `cargo xtask help`")))
}

fn clippy(scope: &[&str]) -> Command {
    let mut command = cargo(&["clippy", "--locked", "--profile", PROFILE]);
    command.args(scope).args(["--", "-D", "warnings"]);
    command
}

/// As a browser's build is made: without its vectors a part of it would not be seen.
fn clippy_in_browsers() -> Command {
    let mut command = clippy(IN_BROWSERS);
    command.env("CARGO_ENCODED_RUSTFLAGS", module::flags().join("\x1f"));
    command
}

fn rustdoc(scope: &[&str]) -> Command {
    let mut command = cargo(&["doc", "--locked", "--no-deps", "--document-private-items", "--profile", PROFILE]);
    command.args(scope);
    // With private items documented, links to them lead somewhere.
    command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    command
}

/// The packages that have code for browsers.
const IN_BROWSERS: &[&str] =
    &["--package", "cachette-core", "--package", "cachette-wasm", "--package", "cachette-browser-tests", "--target", WASM];

/// Brings in what the toolchain lacks of what `rust-toolchain.toml` names. Without rustup it must all be there already.
fn toolchain() -> Result<(), Failure> {
    let add = |kind: &str, name: &str| {
        let mut command = Command::new("rustup");
        command.args([kind, "add", name]).current_dir(root());
        output(command).map(|_| ()).map_err(|failure| format!("{name} is missing, and rustup could not add it: {failure}"))
    };
    for component in ["rustfmt", "clippy"] {
        let tool = if component == "rustfmt" { "fmt" } else { component };
        if output(loud(&[tool, "--version"])).is_err() {
            add("component", component)?;
        }
    }
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "sysroot"]).current_dir(root());
    let sysroot = output(rustc)?;
    if !Path::new(sysroot.trim()).join("lib/rustlib").join(WASM).is_dir() {
        add("target", WASM)?;
    }
    Ok(())
}
