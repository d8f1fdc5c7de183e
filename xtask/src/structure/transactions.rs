//! Inside a transaction of IndexedDB nothing but its own requests is awaited: one with nothing to do commits itself, half done.

use super::Finding;
use crate::tree::Tree;

const FOLDER: &str = "wasm/src/store/";
/// The one file there that waits for something else: connections have no transaction yet.
const ELSEWHERE: &str = "wasm/src/store/connection.rs";
/// What brings in other futures.
const FOREIGN: &[&str] = &["wasm_bindgen_futures", "JsFuture", "spawn_local", "Promise", "timer", "sleep", "fetch", "futures::", "crypto"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust(FOLDER).filter(|(path, _)| *path != ELSEWHERE) {
        for (line, code) in source.code() {
            for name in FOREIGN.iter().filter(|name| code.contains(**name)) {
                findings.push(Finding::at(
                    path,
                    line,
                    format!("`{name}` could be awaited inside a transaction, which would end it half done"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b13_a_foreign_future_beside_a_transaction_is_found() {
        let findings = |path: &str, text: &str| check(&Tree::of([("wasm/src/lib.rs", ""), (path, text)])).len();
        assert_eq!(findings("wasm/src/store/commit.rs", "async fn f() { JsFuture::from(p).await; }"), 1);
        assert_eq!(findings("wasm/src/store/get.rs", "use crate::timer;"), 1);
        assert_eq!(findings("wasm/src/store/get.rs", "// Promise\nasync fn f() { answer.value().await; }"), 0);
        assert_eq!(findings("wasm/src/store/connection.rs", "use js_sys::Promise;"), 0);
    }
}
