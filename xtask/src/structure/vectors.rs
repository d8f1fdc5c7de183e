//! Test vectors: a file that no test reads guards nothing.

use super::Finding;
use crate::tree::Tree;

const FOLDER: &str = "core/docs/vectors/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let vectors = tree.files().filter_map(|(path, _)| Some((path, path.strip_prefix(FOLDER)?.split('.').next()?)));
    let read = |name: &str| tree.files().any(|(path, source)| path.ends_with(".rs") && source.text.contains(&format!("\"{name}\"")));
    vectors.filter(|(_, name)| !read(name)).map(|(path, name)| Finding::of(path, format!("no test names \"{name}\""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_that_no_test_reads_is_found() {
        let tree = Tree::of([
            ("core/docs/vectors/seal.json", "[]"),
            ("core/docs/vectors/head.json", "[]"),
            ("core/src/vault/seal.rs", "#[cfg(test)]\nmod tests { fn vectors() { check(\"seal\", &found); } }"),
        ]);
        assert_eq!(check(&tree), [Finding::of("core/docs/vectors/head.json", "no test names \"head\"")]);
    }
}
