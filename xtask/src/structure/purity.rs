//! Core has no I/O, clock, entropy, threads or random order; its panics name an invariant; its labels stand in one file.

use super::Finding;
use crate::tree::Tree;

/// What core must not name, and why. Hash maps are left to `core/clippy.toml`, which sees through aliases.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::time", "time comes in as `Time`"),
    ("std::fs", "storage leaves as `StoreOp`"),
    ("std::io", "bytes come in and leave as values"),
    ("std::net::Tcp", "sockets are the driver's"),
    ("std::net::Udp", "sockets are the driver's"),
    ("std::net::ToSocketAddrs", "names are looked up by the driver"),
    ("std::thread", "threads are the driver's; heavy work leaves as `Job`"),
    ("std::sync::mpsc", "machines are driven, they do not wait"),
    ("std::env", "configuration comes in as values"),
    ("std::process", "a machine never ends the process"),
    ("std::collections::BTree", "`crate::map` has the same faces in a fifth of the code that a browser loads"),
    ("std::hash::RandomState", "order must be the same on every run"),
    ("getrandom", "entropy comes in as a seed"),
    ("thread_local!", "no global state"),
    ("static mut", "no global state"),
    ("println!", "core does not print"),
    ("eprintln!", "core does not print"),
    ("unimplemented!", "nothing unfinished is merged"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust("core/src/") {
        for (line, code, text) in source.shipped_beside_text() {
            for (name, reason) in FORBIDDEN {
                if mentions(code, name) {
                    findings.push(Finding::at(path, line, format!("`{name}` is not for core: {reason}")));
                }
            }
            // A call may be broken behind its parenthesis.
            let bare = |at: usize| !text[at..].starts_with(".expect(\"invariant: ") && text[at..].trim_end() != ".expect(";
            if code.match_indices(".expect(\"").any(|(at, _)| bare(at)) {
                findings.push(Finding::at(path, line, "an `expect` names the invariant that makes it safe: `expect(\"invariant: …\")`"));
            }
            let label = |at: usize| text[at..].starts_with("b\"cachette ") || text[at..].starts_with("\"cachette 20");
            if path != "core/src/labels.rs" && code.match_indices(['b', '"']).any(|(at, _)| label(at)) {
                findings.push(Finding::at(path, line, "domain-separation labels stand in labels.rs"));
            }
        }
    }
    findings
}

/// Says whether code names something, alone or inside a group of imports on one line.
fn mentions(code: &str, name: &str) -> bool {
    let whole = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    if code.match_indices(name).any(|(at, _)| whole(at)) {
        return true;
    }
    let Some((parent, item)) = name.rsplit_once("::") else { return false };
    let group = format!("{parent}::{{");
    code.split_once(&group).is_some_and(|(_, items)| items.split([',', '{', '}', ' ']).any(|found| found.starts_with(item)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> usize {
        check(&Tree::of([("core/src/lib.rs", ""), ("core/src/block.rs", text)])).len()
    }

    #[test]
    fn what_core_must_not_touch_is_found() {
        for text in [
            "use std::time::Instant;",
            "use std::{fs, mem};",
            "use std::collections::{BTreeMap, VecDeque};",
            "fn f() { std::thread::spawn(g); }",
            "use std::net::{IpAddr, TcpStream};",
            "fn f() { getrandom::fill(&mut [0]); }",
            "fn f() { println!(); }",
        ] {
            assert_eq!(findings(text), 1, "{text}");
        }
        for text in [
            "use std::net::IpAddr;",
            "// std::fs",
            "const A: &str = \"std::fs\";",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            "use crate::time::Time;",
        ] {
            assert_eq!(findings(text), 0, "{text}");
        }
    }

    #[test]
    fn an_expect_without_its_invariant_is_found() {
        assert_eq!(findings("fn f() { g().expect(\"works\"); }"), 1);
        assert_eq!(findings("fn f() { g().expect(\"invariant: checked above\"); }"), 0);
    }

    #[test]
    fn a_label_outside_its_file_is_found() {
        assert_eq!(findings("const A: &[u8] = b\"cachette block\";"), 1);
        assert_eq!(findings("const A: &str = \"cachette 2026-11 thing\";"), 1);
        assert_eq!(findings("/// `b\"cachette block\"`\nconst A: u8 = 1;"), 0);
    }
}
