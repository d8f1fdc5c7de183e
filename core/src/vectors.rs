//! Test vectors: files under `docs/vectors` that other implementations read too. They change only when somebody means it.
//!
//! `CACHETTE_BLESS=1 cargo test -p cachette-core vectors` writes them; every other run compares.

use serde_json::Value;

/// Compares with `docs/vectors/<name>.json`, or writes it when asked to.
pub(crate) fn check(name: &str, vectors: &Value) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vectors").join(name).with_extension("json");
    if std::env::var_os("CACHETTE_BLESS").is_some() {
        let text = serde_json::to_string_pretty(vectors).expect("plain values");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(&path, text + "\n").expect("writable");
    }
    let text = std::fs::read_to_string(&path).expect("the file of vectors; see this module for how it is written");
    let stored: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(&stored, vectors, "{name}.json: bytes that other releases and implementations rely on changed");
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    crate::base::HEX.encode(bytes)
}
