//! Dependencies: versions stand in one place, each crate is used where it belongs, and each has its reason in `docs/dependencies.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::tree::Tree;

const PAGE: &str = "docs/dependencies.md";
const MANIFEST: &str = "Cargo.toml";

/// Packages that may depend on a crate, for crates that must not spread.
const PACKAGES: &[(&str, &[&str])] = &[
    ("tokio", &["native-node", "tests"]),
    ("futures", &["native-node", "tests"]),
    ("futures-channel", &["wasm"]),
    ("axum", &["native-node"]),
    ("hyper", &["native-node"]),
    ("tokio-tungstenite", &["native-node", "tests"]),
    ("rustls", &["native-node"]),
    ("redb", &["native-node"]),
    ("clap", &["native-node"]),
    ("anyhow", &["native-node", "wasm/bindgen"]),
    ("getrandom", &["native-node"]),
    ("snow", &["core"]),
    ("hpke", &["core"]),
    ("argon2", &["core"]),
    ("chacha20poly1305", &["core", "core/hot", "tests", "tests/browser"]),
    ("cipher", &["core/hot"]),
    ("ed25519-dalek", &["core"]),
    ("fastcdc", &["core"]),
    ("lz4_flex", &["core/hot"]),
    ("web-sys", &["wasm"]),
    ("js-sys", &["wasm"]),
    ("wasm-bindgen", &["wasm", "tests/browser"]),
    ("wasm-bindgen-futures", &["wasm", "tests/browser"]),
    ("wasm-bindgen-cli-support", &["wasm/bindgen"]),
    ("wasm-encoder", &["wasm/bindgen"]),
    ("wasmparser", &["wasm/bindgen"]),
];

/// Rooms of core and of the native node in which alone a crate is named.
const ROOMS: &[(&str, &str, &[&str])] = &[
    ("core/src/", "snow", &["link"]),
    ("core/src/", "chacha20poly1305", &["link", "vault"]),
    ("core/src/", "fastcdc", &["vault/chunk"]),
    ("core/src/", "argon2", &["vault/keys"]),
    ("core/src/", "bip39", &["vault/keys"]),
    ("core/src/", "hpke", &["vault/keys"]),
    ("core/src/", "ed25519_dalek", &["identity", "record"]),
    ("native-node/src/", "redb", &["disk", "notes"]),
    ("native-node/src/", "anyhow", &["cli", "main"]),
    ("native-node/src/", "clap", &["cli", "main"]),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let shared = tree.text(MANIFEST).map(|text| section(text, "workspace.dependencies")).unwrap_or_default();
    let mut used = BTreeSet::new();
    for (path, source) in tree.files() {
        let Some(package) = path.strip_suffix("/Cargo.toml") else { continue };
        if package == "core" && source.text.lines().any(|line| line.trim() == "[features]") {
            findings.push(Finding::of(path, "core has no features"));
        }
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, line) in section(&source.text, kind) {
                used.insert(name.clone());
                if !shared.contains_key(&name) {
                    findings.push(Finding::at(path, line, format!("`{name}` has its version in the workspace's Cargo.toml")));
                }
                let allowed = PACKAGES.iter().find(|(of, _)| *of == name).map(|(_, packages)| *packages);
                if allowed.is_some_and(|packages| !packages.contains(&package)) {
                    findings.push(Finding::at(path, line, format!("`{name}` is not for {package}")));
                }
            }
        }
    }
    for (name, line) in &shared {
        if !used.contains(name) && !name.starts_with("cachette") {
            findings.push(Finding::at(MANIFEST, *line, format!("nothing uses `{name}`")));
        }
    }
    findings.extend(rooms(tree));
    findings.extend(reasons(tree, &shared));
    findings
}

fn rooms(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, name, rooms) in ROOMS {
        for (path, source) in tree.rust(folder) {
            let room = path[folder.len()..].trim_end_matches(".rs");
            if rooms.iter().any(|allowed| room == *allowed || room.strip_prefix(allowed).is_some_and(|rest| rest.starts_with('/'))) {
                continue;
            }
            let named = |code: &str| {
                code.match_indices(&format!("{name}::"))
                    .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
            };
            for (line, _) in source.shipped().filter(|(_, code)| named(code)) {
                findings.push(Finding::at(path, line, format!("`{name}` is used in {} only", rooms.join(", "))));
            }
        }
    }
    findings
}

/// Compares the page of reasons, rows of `| name | reason |`, with the workspace's list.
fn reasons(tree: &Tree, shared: &BTreeMap<String, usize>) -> Vec<Finding> {
    let Some(page) = tree.text(PAGE) else { return vec![Finding::of(PAGE, "is missing")] };
    let mut given = BTreeSet::new();
    let mut findings = Vec::new();
    for (index, line) in page.lines().enumerate() {
        let Some((name, reason)) = line.strip_prefix("| `").and_then(|row| row.split_once("` |")) else { continue };
        given.insert(name);
        if !shared.contains_key(name) {
            findings.push(Finding::at(PAGE, index + 1, format!("`{name}` is no dependency any more")));
        }
        if reason.trim_matches([' ', '|']).is_empty() {
            findings.push(Finding::at(PAGE, index + 1, format!("`{name}` has no reason")));
        }
    }
    let missing = shared.iter().filter(|(name, _)| !name.starts_with("cachette") && !given.contains(name.as_str()));
    findings.extend(missing.map(|(name, line)| Finding::at(MANIFEST, *line, format!("`{name}` has no reason in {PAGE}"))));
    findings
}

/// Returns the names in a section of a manifest with their lines.
fn section(text: &str, title: &str) -> BTreeMap<String, usize> {
    let header = format!("[{title}]");
    let mut inside = false;
    let mut names = BTreeMap::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            inside = line == header || line.starts_with("[target.") && line.ends_with(&format!(".{title}]"));
        } else if inside
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once(['.', '=', ' '])
        {
            names.insert(name.to_owned(), index + 1);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: (&str, &str) = (MANIFEST, "[workspace.dependencies]\n# Why.\ntokio = { version = \"1\" }\nsnow = \"0.10\"\n");
    const REASONS: (&str, &str) = (PAGE, "| `tokio` | runs the node |\n| `snow` | Noise |\n");

    fn findings(core: &str, native: &str, source: &str, page: &str) -> Vec<String> {
        let core = format!("[dependencies]\nsnow.workspace = true\n{core}\n");
        let native = format!("[dependencies]\ntokio.workspace = true\n{native}\n");
        let files =
            [SHARED, (PAGE, page), ("core/Cargo.toml", &core), ("native-node/Cargo.toml", &native), ("core/src/vault/seal.rs", source)];
        check(&Tree::of(files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_crate_outside_its_room_is_found() {
        assert_eq!(findings("", "", "", REASONS.1), [""; 0]);
        assert_eq!(findings("tokio.workspace = true", "", "", REASONS.1), ["`tokio` is not for core"]);
        assert_eq!(findings("", "snow.workspace = true", "", REASONS.1), ["`snow` is not for native-node"]);
        assert_eq!(findings("[target.'cfg(unix)'.dependencies]\ntokio = \"1\"", "", "", REASONS.1), ["`tokio` is not for core"]);
        assert_eq!(findings("", "", "use snow::Builder;", REASONS.1), ["`snow` is used in link only"]);
    }

    #[test]
    fn a_version_outside_the_workspace_and_features_in_core_are_found() {
        assert_eq!(findings("rand = \"0.9\"", "", "", REASONS.1), ["`rand` has its version in the workspace's Cargo.toml"]);
        assert_eq!(findings("[features]\nfast = []", "", "", REASONS.1), ["core has no features"]);
    }

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        assert_eq!(findings("", "", "", "| `tokio` | runs the node |\n"), [format!("`snow` has no reason in {PAGE}")]);
        assert_eq!(findings("", "", "", "| `tokio` | runs the node |\n| `snow` | |\n"), ["`snow` has no reason"]);
        let gone = format!("{}| `rand` | chance |\n", REASONS.1);
        assert_eq!(findings("", "", "", &gone), ["`rand` is no dependency any more"]);
    }
}
