//! The cases of `core/docs/threats.md`: every test that bears a case's id has its row there, and the row names its tests.
//!
//! A row is `| m17 | what is tried and what must happen | tests |`. The last column is written by `cargo xtask fmt` from the names of
//! the tests: a test that covers cases begins with their ids, as in `fn r03_r05_a_corrupted_block_is_never_served`.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::tree::Tree;

/// Tests in browsers: functions of JavaScript with names of the same kind.
const BROWSER_TESTS: &str = "tests/browser/";
/// The page that lists the cases.
pub(crate) const PAGE: &str = "core/docs/threats.md";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let tests = tests(tree);
    let Some(page) = tree.text(PAGE) else { return vec![Finding::of(PAGE, "is missing")] };
    let listed: BTreeSet<&str> = page.lines().filter_map(row).map(|(id, _)| id).collect();
    let mut findings: Vec<Finding> = tests
        .iter()
        .filter(|(id, _)| !listed.contains(id.as_str()))
        .map(|(id, names)| Finding::of(PAGE, format!("has no row for case {id}, which {} covers", names.join(", "))))
        .collect();
    if updated(tree).is_some_and(|updated| updated != page) {
        findings.push(Finding::of(PAGE, "names other tests than there are; `cargo xtask fmt` rewrites it"));
    }
    findings
}

/// Returns the page with the tests that there are in its rows.
pub(crate) fn updated(tree: &Tree) -> Option<String> {
    let tests = tests(tree);
    let lines = tree.text(PAGE)?.lines().map(|line| match row(line) {
        Some((id, case)) => {
            let names: Vec<String> = tests.get(id).into_iter().flatten().map(|name| format!("`{name}`")).collect();
            format!("| {id} | {case} | {} |\n", if names.is_empty() { "—".to_owned() } else { names.join(", ") })
        }
        None => format!("{line}\n"),
    });
    Some(lines.collect())
}

fn row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let (id, case, _tests, None) = (cells.next()?, cells.next()?, cells.next()?, cells.next()) else { return None };
    (split_id(&format!("{id}_"))? == (id, "")).then_some((id, case))
}

/// Returns the tests by the cases whose ids begin their names.
fn tests(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut take = |name: &str| {
        let mut rest = name;
        while let Some((id, tail)) = split_id(rest) {
            tests.entry(id.to_owned()).or_default().insert(name.to_owned());
            rest = tail;
        }
    };
    for (_, source) in tree.rust("") {
        for (_, line) in source.code() {
            let Some((_, rest)) = line.split_once("fn ") else { continue };
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            take(&name);
        }
    }
    let scripts = tree.files().filter(|(path, _)| path.starts_with(BROWSER_TESTS) && path.ends_with(".mjs"));
    for (_, line) in scripts.flat_map(|(_, source)| source.lines()) {
        let line = line.trim_start();
        // A method, or a property that tells its story.
        let method = line.strip_prefix("async ").and_then(|rest| rest.split('(').next());
        let property = line.split_once(": story(").map(|(name, _)| name);
        take(method.or(property).unwrap_or_default());
    }
    tests.into_iter().map(|(id, names)| (id, names.into_iter().collect())).collect()
}

/// Splits `m17_rest` into `m17` and `rest`.
fn split_id(name: &str) -> Option<(&str, &str)> {
    let (id, rest) = name.split_once('_')?;
    let is_id = matches!(id.as_bytes(), [b'a'..=b'z', b'0'..=b'9', b'0'..=b'9']);
    is_id.then_some((id, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: (&str, &str) = ("core/src/a.rs", "#[test]\nfn m17_r05_wrong_names_are_refused() {}\nfn wasm_is_small() {}");

    #[test]
    fn a_case_without_a_row_is_found() {
        let tree = Tree::of([TEST, (PAGE, "| m17 | bytes under another name | `m17_r05_wrong_names_are_refused` |\n")]);
        let findings = check(&tree);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("no row for case r05"), "{findings:?}");
        assert_eq!(check(&Tree::of([TEST])).len(), 1, "no page");
    }

    #[test]
    fn tests_in_browsers_are_found() {
        let code = "export const tests = {\n  async b09_blocks_are_buffers({ page }) {\n  b12_it_ends: story(async (world) => {\n";
        let found = tests(&Tree::of([("tests/browser/store.mjs", code)]));
        assert_eq!(found.get("b09"), Some(&vec!["b09_blocks_are_buffers".to_owned()]));
        assert_eq!(found.get("b12"), Some(&vec!["b12_it_ends".to_owned()]));
    }

    #[test]
    fn a_table_that_names_other_tests_is_found_and_mended() {
        let page = "| id | case | tests |\n|---|---|---|\n| m17 | one | `m17_old` |\n| r05 | two | — |\n| c08 | three | `c08_gone` |\n";
        assert_eq!(check(&Tree::of([TEST, (PAGE, page)])).len(), 1);
        let mended = updated(&Tree::of([TEST, (PAGE, page)])).expect("a page");
        assert_eq!(
            mended,
            "| id | case | tests |\n|---|---|---|\n| m17 | one | `m17_r05_wrong_names_are_refused` |\n| r05 | two | `m17_r05_wrong_names_are_refused` |\n| c08 | three | — |\n"
        );
        assert_eq!(check(&Tree::of([TEST, (PAGE, mended.as_str())])), []);
    }
}
