//! Files: each opens with a sentence about what it owns, is reached from its crate's root, and stays readable.

use super::Finding;
use crate::tree::Tree;

/// Returns the files that have grown long, longest first.
pub(super) fn long(tree: &Tree) -> Vec<(&str, usize)> {
    let lines = tree.rust("").map(|(path, source)| (path, source.text.lines().count()));
    let mut long: Vec<_> = lines.filter(|(_, lines)| *lines > LONG).collect();
    long.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    long
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust("") {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == "mod.rs" {
            findings.push(Finding::of(path, "a module's file stands beside its folder: `foo.rs` and `foo/`"));
        }
        if !source.text.starts_with("//!") && name != "tests.rs" {
            findings.push(Finding::of(path, "the first line says what the file owns: `//! …`"));
        }
        let root = name == "build.rs" || folder.ends_with("/examples") || folder.ends_with("/bin");
        let Some(parent) = tree.parent(path).filter(|_| !root) else { continue };
        let module = name.trim_end_matches(".rs");
        let declared = tree.rust(&parent).flat_map(|(_, source)| source.code()).any(|(_, line)| {
            let line = line.trim();
            line.ends_with(&format!("mod {module};"))
        });
        if !declared {
            findings.push(Finding::of(path, format!("nothing compiles this file: no `mod {module};` in {parent}")));
        }
    }
    findings
}

/// Past this many lines a file probably has two jobs.
const LONG: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nothing_compiles_is_found() {
        let good = [
            ("tests/tests/runner.rs", "//! Runs.\nmod kill;"),
            ("tests/tests/kill.rs", "//! Kills."),
            ("core/examples/speed.rs", "//! Speed."),
        ];
        assert_eq!(check(&Tree::of(good)), []);
        let mut tree = good.to_vec();
        tree.push(("tests/tests/disk.rs", "//! Fills."));
        tree.push(("tests/tests/kill/often.rs", "//! Often."));
        let places: Vec<String> = check(&Tree::of(tree)).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["tests/tests/disk.rs", "tests/tests/kill/often.rs"]);
    }

    #[test]
    fn a_file_says_first_what_it_owns() {
        assert_eq!(check(&Tree::of([("core/src/lib.rs", "mod a;\n")])).len(), 1);
        assert_eq!(check(&Tree::of([("core/src/a/mod.rs", "//! A.\n")])).len(), 1);
    }

    #[test]
    fn long_files_are_named() {
        let tree = Tree::of([("core/src/a.rs", "\n".repeat(601)), ("core/src/b.rs", "\n".repeat(600))]);
        assert_eq!(long(&tree), [("core/src/a.rs", 601)]);
    }
}
