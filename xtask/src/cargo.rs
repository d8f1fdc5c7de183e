//! Cargo as the tasks call it: this workspace, the toolchain that runs now, the lock file as it is.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

/// The profile that tests and the binary they start share.
pub(crate) const PROFILE: &str = "host";
/// The target for which core must build besides this machine.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("invariant: xtask lies in the workspace").to_owned()
}

/// Returns the directory that holds what was built.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Makes a cargo command; off a terminal it prints only what went wrong.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = loud(arguments);
    if !std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_QUIET", "true");
    }
    command
}

/// Makes a cargo command that reports what it does wherever it runs.
pub(crate) fn loud(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command to its end and returns what it printed, or what went wrong.
pub(crate) fn output(mut command: Command) -> Result<String, String> {
    let name = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name}: printed bytes that are not text"))
}
