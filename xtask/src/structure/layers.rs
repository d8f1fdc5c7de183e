//! The layers of core: the root knows nothing above it; vault, node and link do not see each other's insides; the peer joins two of them.

use std::collections::BTreeSet;

use super::Finding;
use crate::tree::Tree;

/// What stands above the root, and the layers whose faces each may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("vault", &[]),
    ("node", &["link"]),
    ("link", &[]),
    ("peer", &["vault", "node"]),
    ("visitor", &["vault", "node", "peer"]),
    ("restorer", &["vault", "node"]),
    ("tunnels", &["node", "link"]),
];

/// The ground of the root: what everything else speaks. It knows nothing but itself.
const GROUND: &[&str] = &["base", "map", "sort", "id", "time", "limits", "labels", "codec", "block"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust("core/src/") {
        let module = module(path);
        let Some(room) = module.first().filter(|room| room.as_str() != "lib") else { continue };
        let code: String = source.shipped().flat_map(|(_, line)| [line, "\n"]).collect();
        let mut seen = BTreeSet::new();
        for (line, target) in imports(&code, &module) {
            if let Some(what) = judge(room, &target).filter(|what| seen.insert(what.clone())) {
                findings.push(Finding::at(path, line, what));
            }
        }
    }
    findings
}

/// Says what is wrong with an import from a room, if anything is.
fn judge(room: &str, target: &[String]) -> Option<String> {
    let to = target.first()?.as_str();
    if room == to {
        return None;
    }
    let Some(faces) = LAYERS.iter().find(|(layer, _)| *layer == room).map(|(_, faces)| *faces) else {
        let ground = GROUND.contains(&room);
        let above = LAYERS.iter().any(|(layer, _)| *layer == to) || ground && is_module(to) && !GROUND.contains(&to);
        return above.then(|| format!("`{room}` lies below `{to}` and must not know it"));
    };
    if !LAYERS.iter().any(|(layer, _)| *layer == to) {
        return None;
    }
    if !faces.contains(&to) {
        return Some(format!("`{room}` must not know `{to}`"));
    }
    let inside = target.get(1).filter(|item| is_module(item) && target.len() > 2)?;
    Some(format!("`{room}` reaches past the face of `{to}` into `{inside}`"))
}

fn is_module(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name != "self"
}

/// Returns the module that a file is: `core/src/vault/keys/wrap.rs` is `vault, keys, wrap`.
fn module(path: &str) -> Vec<String> {
    path.trim_start_matches("core/src/").trim_end_matches(".rs").split('/').map(str::to_owned).collect()
}

/// Returns every path in the code that starts at the crate, with the line where it starts. Groups are taken apart, `super` is followed,
/// and modules that were imported by name are followed too.
fn imports(code: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut aliases = Vec::new();
    for (at, _) in code.match_indices("::") {
        let head: String = code[..at].chars().rev().take_while(|c| is_word(*c)).collect();
        let start = at - head.len();
        // Only where a path begins.
        if head.is_empty() || code[..start].ends_with("::") {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let mut base = match head.chars().rev().collect::<String>().as_str() {
            "crate" => Vec::new(),
            "super" => module[..module.len() - 1].to_vec(),
            name if LAYERS.iter().any(|(layer, _)| *layer == name) => {
                aliases.push((line, name.to_owned(), at));
                continue;
            }
            _ => continue,
        };
        expand(&code[at + 2..], &mut base, &mut |path| found.push((line, path.to_vec())));
    }
    for (line, name, at) in aliases {
        if found.iter().any(|(_, path)| *path == [name.as_str()] || *path == [name.as_str(), "self"]) {
            expand(&code[at + 2..], &mut vec![name], &mut |path| found.push((line, path.to_vec())));
        }
    }
    found
}

/// Follows one path, calling `end` for each of its ends; returns how much of the code it covers.
fn expand(code: &str, base: &mut Vec<String>, end: &mut impl FnMut(&[String])) -> usize {
    let depth = base.len();
    let mut at = 0;
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        if code[at..].starts_with('{') {
            at += 1;
            loop {
                let mut branch = base.clone();
                at += expand(&code[at..], &mut branch, end);
                at += code[at..].len() - code[at..].trim_start().len();
                match code[at..].chars().next() {
                    Some(',') => at += 1,
                    Some('}') => return at + 1,
                    _ => return at,
                }
            }
        }
        let word: String = code[at..].chars().take_while(|c| is_word(*c)).collect();
        at += word.len();
        match word.as_str() {
            "" => return at,
            "super" if !base.is_empty() => drop(base.pop()),
            _ => base.push(word),
        }
        if let Some(rest) = code[at..].strip_prefix(" as ") {
            at += 4 + rest.chars().take_while(|c| is_word(*c)).count();
        }
        if !code[at..].starts_with("::") {
            end(base);
            base.truncate(depth);
            return at;
        }
        at += 2;
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of([("core/src/lib.rs", "mod vault;"), ("core/src/vault.rs", "#[cfg(test)]\nmod tests;"), (path, text)]))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn the_root_knows_nothing_above_it() {
        for text in [
            "use crate::vault::Vault;",
            "fn f() { crate::node::Node::new(); }",
            "use crate::{id::BlockId, link::{self, Role}};",
            "use super::peer;",
        ] {
            assert_eq!(findings("core/src/message.rs", text).len(), 1, "{text}");
        }
        assert_eq!(findings("core/src/message.rs", "use crate::{block::Block, id::BlockId};\n// crate::vault is above"), [""; 0]);
        assert_eq!(findings("core/src/block.rs", "use crate::message::Message;").len(), 1);
        assert_eq!(findings("core/src/block.rs", "use crate::id::BlockId;"), [""; 0]);
    }

    #[test]
    fn layers_do_not_see_each_other() {
        assert_eq!(findings("core/src/vault/put.rs", "use crate::node::Request;"), ["`vault` must not know `node`"]);
        assert_eq!(findings("core/src/vault/put.rs", "use super::super::node::Request;"), ["`vault` must not know `node`"]);
        assert_eq!(findings("core/src/link/lane.rs", "use crate::{\n    id::PeerId,\n    vault::{Vault},\n};").len(), 1);
        assert_eq!(findings("core/src/vault/put.rs", "use super::chunk::Chunk; use crate::vault::seal;"), [""; 0]);
    }

    #[test]
    fn faces_may_be_used_and_insides_not() {
        assert_eq!(findings("core/src/node/links.rs", "use crate::link::CloseReason;"), [""; 0]);
        assert_eq!(
            findings("core/src/node/links.rs", "use crate::link::lane::Lane;"),
            ["`node` reaches past the face of `link` into `lane`"]
        );
        let peer = "use crate::vault::{self, Vault};\nfn f(v: Vault, i: vault::Input::Tick) {}";
        assert_eq!(findings("core/src/peer.rs", peer), [""; 0]);
        assert_eq!(findings("core/src/peer.rs", &format!("{peer}\nuse vault::keys::Epoch;")).len(), 1);
    }

    #[test]
    fn tests_may_reach_further() {
        assert_eq!(findings("core/src/vault/tests.rs", "use crate::node::Request;"), [""; 0]);
        assert_eq!(findings("core/src/vault/put.rs", "#[cfg(test)]\nmod tests {\n    use crate::node::Request;\n}"), [""; 0]);
    }
}
