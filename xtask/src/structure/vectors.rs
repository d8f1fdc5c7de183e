//! Test vectors: a file that no test reads guards nothing, and one that only we read shows nobody else that it can be read.

use super::Finding;
use crate::tree::Tree;

const FOLDER: &str = "core/docs/vectors/";
/// Who must name each file, and how the names of its sources end.
const READERS: &[(&str, &str)] = &[("Rust", ".rs"), ("JavaScript", ".mjs")];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let vectors = tree.files().filter_map(|(path, _)| Some((path, path.strip_prefix(FOLDER)?.split('.').next()?)));
    let read =
        |name: &str, end: &str| tree.files().any(|(path, source)| path.ends_with(end) && source.text.contains(&format!("\"{name}\"")));
    vectors
        .flat_map(|(path, name)| READERS.iter().map(move |reader| (path, name, reader)))
        .filter(|(_, name, (_, end))| !read(name, end))
        .map(|(path, name, (language, _))| Finding::of(path, format!("no test in {language} names \"{name}\"")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_that_no_test_reads_is_found() {
        let tree = Tree::of([
            ("core/docs/vectors/seal.json", "[]"),
            ("core/docs/vectors/head.json", "[]"),
            ("core/docs/vectors/link.json", "[]"),
            ("core/src/vault/seal.rs", "#[cfg(test)]\nmod tests { fn vectors() { check(\"seal\", &found); check(\"link\", &found); } }"),
            ("tests/browser/vectors.mjs", "vectors(\"seal\"); vectors(\"head\");"),
        ]);
        let found = check(&tree);
        let expected = [("head", "Rust"), ("link", "JavaScript")].map(|(name, language)| {
            Finding::of(&format!("core/docs/vectors/{name}.json"), format!("no test in {language} names \"{name}\""))
        });
        assert_eq!(found, expected);
    }
}
