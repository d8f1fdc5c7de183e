//! Rules of the house that no compiler checks: who may import whom, what core must not touch, what must be written down.
//!
//! A rule is a function from the tree to findings. Each has a test that shows it fail on a tree that breaks it.

use crate::Failure;
use crate::cargo::root;
use crate::tree::Tree;

pub(crate) mod cases;
mod dependencies;
mod files;
mod layers;
mod places;
mod purity;
mod transactions;
mod vectors;

/// One place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    place: String,
    what: String,
}

impl Finding {
    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), what: what.into() }
    }

    fn of(path: &str, what: impl Into<String>) -> Self {
        Self { place: path.to_owned(), what: what.into() }
    }
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[(&str, Rule)] = &[
    ("layers of core import one way", layers::check),
    ("core touches nothing outside itself", purity::check),
    ("dependencies stay in their rooms and have reasons", dependencies::check),
    ("files open with what they own and are reached", files::check),
    ("cases of core/docs/threats.md and tests agree", cases::check),
    ("every vector is read by a test", vectors::check),
    ("nothing foreign is awaited in a transaction of IndexedDB", transactions::check),
    ("no place of one machine stands in the tree", places::check),
];

/// Checks this checkout against every rule and prints what breaks them, and which files have grown long.
pub(crate) fn check() -> Result<(), Failure> {
    let tree = Tree::read(&root()).map_err(|error| error.to_string())?;
    for (path, lines) in files::long(&tree) {
        println!("   note: {path} has {lines} lines; what is it doing besides its job?");
    }
    let mut broken = 0;
    for (rule, find) in RULES {
        for finding in find(&tree) {
            println!("   {}: {} ({rule})", finding.place, finding.what);
            broken += 1;
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("{broken} places break a rule")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_name_file_line_and_reason() {
        let tree = Tree::of([("core/src/lib.rs", "//! Core.\n"), ("core/src/a.rs", "//! A.\nuse std::fs;\n")]);
        let findings: Vec<Finding> = RULES.iter().flat_map(|(_, find)| find(&tree)).collect();
        assert!(findings.iter().any(|finding| finding.place == "core/src/a.rs:2" && finding.what.contains("std::fs")), "{findings:?}");
    }
}
