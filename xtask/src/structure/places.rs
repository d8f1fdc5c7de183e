//! Nothing in the tree may hang on one machine: no path below somebody's home, no host of a package registry.

use super::Finding;
use crate::tree::Tree;

/// Parts of what is looked for, so that this file does not find itself.
const PLACES: &[[&str; 2]] = &[
    ["/ro", "ot/"],
    ["/ho", "me/"],
    ["/wo", "rk/"],
    ["/Us", "ers/"],
    ["crates", ".io/"],
    ["npm", "js.org"],
    ["py", "pi.org"],
    ["deb.deb", "ian.org"],
    ["static.rust", "-lang.org"],
];

/// How Cargo writes the name of its registry, wherever its packages really come from.
const LOCK: &str = "Cargo.lock";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.files().filter(|(path, _)| *path != LOCK) {
        for (line, text) in source.lines() {
            for place in PLACES.iter().map(|parts| parts.concat()) {
                if text.contains(&place) {
                    findings.push(Finding::at(path, line, format!("`{place}` is a place that other machines do not have")));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_host_of_one_machine_is_found() {
        for place in PLACES {
            let text = format!("# Title\n\nsee {}x for more\n", place.concat());
            assert_eq!(check(&Tree::of([("docs/a.md", text.as_str())])).len(), 1, "{text}");
            assert_eq!(check(&Tree::of([(LOCK, text.as_str())])), []);
        }
        assert_eq!(check(&Tree::of([("docs/a.md", "a framework and its root")])), []);
    }
}
