//! What the browser part needs beside Rust: Node.js, npm's packages, and the browsers that Debian packages.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::cargo::{output, root};
use crate::stage::succeed;

/// Browsers that the tests drive: Debian's package and the program in it.
const BROWSERS: &[(&str, &str)] = &[("chromium", "/usr/bin/chromium"), ("firefox-esr", "/usr/bin/firefox-esr")];
/// The oldest Node.js that playwright-core runs on.
const NODE_MIN: u32 = 20;

/// Says what is missing when Node.js or npm is, or is too old.
pub(crate) fn node() -> Result<(), Failure> {
    let version = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version");
        output(command).map_err(|_| format!("{program} is missing; install Node.js {NODE_MIN} or later with npm"))
    };
    let found = version("node")?;
    let major = found.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MIN) {
        return Err(format!("Node.js {} is too old; install {NODE_MIN} or later", found.trim()));
    }
    version("npm").map(drop)
}

/// Installs what a folder's lock file names, unless that has been done.
pub(crate) fn packages(folder: &str, left: Duration) -> Result<(), Failure> {
    let folder = root().join(folder);
    if installed(&folder) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(folder);
    succeed(npm, left)
}

/// Installs the browsers that are missing, as root or through sudo.
pub(crate) fn browsers(left: Duration) -> Result<(), Failure> {
    let missing = || BROWSERS.iter().filter(|(_, program)| !Path::new(program).exists()).map(|(package, _)| *package).collect::<Vec<_>>();
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    let install = || succeed(apt(&[&["install", "--yes", "--no-install-recommends"], wanted.as_slice()].concat()), left);
    // Lists of packages may be missing or old.
    let installed = install().or_else(|_| succeed(apt(&["update"]), left).and_then(|()| install()));
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let reason = installed.err().unwrap_or_else(|| "they are not where Debian puts them".to_owned());
    let programs: Vec<&str> = BROWSERS.iter().map(|(_, program)| *program).collect();
    Err(format!("install {} so that {} are there: apt-get could not do it ({reason})", missing.join(" and "), programs.join(" and ")))
}

fn installed(folder: &Path) -> bool {
    let changed = |path: &str| std::fs::metadata(folder.join(path)).and_then(|data| data.modified()).ok();
    // npm writes its own list last.
    changed("node_modules/.package-lock.json").is_some_and(|done| changed("package-lock.json").is_some_and(|locked| done >= locked))
}

fn apt(arguments: &[&str]) -> Command {
    let mut id = Command::new("id");
    id.arg("-u");
    let is_root = output(id).is_ok_and(|id| id.trim() == "0");
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        // Nobody is there to type a password.
        command.args(["--non-interactive", "env"]);
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet=2"]).args(arguments);
    command
}
