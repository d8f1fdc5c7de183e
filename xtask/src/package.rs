//! The npm package: TypeScript compiled beside the module that ships, packed as npm would publish it, and judged by npm's own judges.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::budget::Part;
use crate::cargo::{output, root, target_dir};
use crate::stage::succeed;
use crate::suite::none;
use crate::{Failure, module, npm};

/// The package's sources.
const SOURCE: &str = "wasm";
/// What its README shows.
const EXAMPLES: &[&str] = &["www/examples/first-steps/main.ts", "www/examples/photo-drop/main.ts", "www/examples/node/list.mjs"];

/// `cargo xtask package`: everything from the Rust of the module to a tarball below `target/npm`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    none(arguments)?;
    npm::node()?;
    npm::packages(SOURCE, Part::Install.limit())?;
    module::build_peer(Part::Build.limit())?;
    build(Part::Build.limit())?;
    judge(Part::Checks.limit())?;
    document(Part::Checks.limit())?;
    println!("   {}", tarball()?.display());
    Ok(())
}

/// Compiles and packs, once the module is built.
pub(crate) fn build(left: Duration) -> Result<(), Failure> {
    let folder = folder();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut compile = tool("typescript/bin/tsc");
    compile.args(["--project", SOURCE, "--outDir"]).arg(&folder);
    succeed(compile, left)?;
    for name in ["cachette_wasm.js", "cachette_wasm.d.ts", "cachette_wasm_bg.wasm"] {
        copy(&root().join(SOURCE).join("dist").join(name), &folder)?;
    }
    for file in ["wasm/README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(file), &folder)?;
    }
    describe(&folder)?;
    // What the driver exports must have the shape that the sources say.
    let mut compare = tool("typescript/bin/tsc");
    compare.args(["--project", "wasm/check"]);
    succeed(compare, left)?;
    let mut examples = tool("typescript/bin/tsc");
    examples.args(["--project", "www/examples"]);
    succeed(examples, left)?;
    quotes()?;
    pack(&folder, left)
}

/// Every example in the package's README is a file that was compiled.
fn quotes() -> Result<(), Failure> {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"));
    let files = EXAMPLES.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let stray: Vec<String> = blocks(&read("wasm/README.md")?).into_iter().filter(|block| !files.contains(block)).collect();
    if stray.is_empty() { Ok(()) } else { Err(format!("wasm/README.md shows code that is no file in www/examples:\n{}", stray.join("\n"))) }
}

/// Returns the JavaScript and TypeScript of a text.
fn blocks(text: &str) -> Vec<String> {
    let fenced = text.split("\n```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix("ts\n").or_else(|| block.strip_prefix("js\n"))).map(|code| format!("{code}\n")).collect()
}

/// Asks npm's judges what would go wrong for those who install the tarball.
pub(crate) fn judge(left: Duration) -> Result<(), Failure> {
    let tarball = tarball()?;
    let mut lint = tool("publint/src/cli.js");
    lint.args(["run", "--strict"]).arg(&tarball);
    succeed(lint, left)?;
    let mut types = tool("@arethetypeswrong/cli/dist/index.js");
    // It knows no package that is made of modules alone by any other name; the wasm file has no types.
    types.args(["--profile", "esm-only", "--exclude-entrypoints", "./wasm", "--format", "ascii", "--quiet"]).arg(&tarball);
    succeed(types, left)
}

/// Writes the reference from the sources.
fn document(left: Duration) -> Result<(), Failure> {
    let mut document = tool("typedoc/bin/typedoc");
    document.args(["--options", "wasm/typedoc.json", "--out"]).arg(target_dir().join("package-doc"));
    succeed(document, left)
}

/// The package as it is packed.
fn folder() -> PathBuf {
    target_dir().join("package")
}

/// Writes `package.json` without what only this checkout needs.
fn describe(folder: &Path) -> Result<(), Failure> {
    copy(&root().join(SOURCE).join("package.json"), folder)?;
    let mut trim = Command::new("npm");
    trim.args(["pkg", "delete", "devDependencies", "scripts"]).current_dir(folder);
    output(trim).map(drop)
}

fn pack(folder: &Path, left: Duration) -> Result<(), Failure> {
    let to = target_dir().join("npm");
    let _ = std::fs::remove_dir_all(&to);
    std::fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
    let mut pack = Command::new("npm");
    pack.args(["pack", "--ignore-scripts", "--loglevel", "error", "--pack-destination"]).arg(&to).current_dir(folder);
    succeed(pack, left)
}

fn tarball() -> Result<PathBuf, Failure> {
    let folder = target_dir().join("npm");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let tarball = files.flatten().map(|file| file.path()).find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    tarball.ok_or_else(|| "npm packed nothing".to_owned())
}

fn tool(script: &str) -> Command {
    let mut node = Command::new("node");
    node.arg(root().join(SOURCE).join("node_modules").join(script)).current_dir(root());
    node
}

fn copy(file: &Path, folder: &Path) -> Result<(), Failure> {
    let name = file.file_name().ok_or_else(|| format!("{} is no file", file.display()))?;
    std::fs::copy(file, folder.join(name)).map(drop).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_a_text_is_found_and_other_fences_are_not() {
        let text = "# A\n\n```sh\nnpm\n```\n\n```ts\nlet a = 1;\n```\n\n```js\nb();\n```\n";
        assert_eq!(blocks(text), ["let a = 1;\n", "b();\n"]);
    }
}
