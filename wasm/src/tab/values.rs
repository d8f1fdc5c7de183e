//! What stands in a vault, as JavaScript has it, and back.

use cachette_core::base::HEX;
use cachette_core::record::Carrier;
use cachette_core::vault::tree::{Meta, Name, NameError, Node, Path, PathError};
use cachette_core::vault::{ListedShare, SharedKind};
use wasm_bindgen::JsValue;

use crate::failure::Failure;
use crate::js::{Shape, field, number, texts};

/// Reads a path. A name that is no text is written as a zero character and the hexadecimal digits of its bytes.
pub(crate) fn path(text: &str) -> Result<Path, Failure> {
    let names = text.split('/').filter(|name| !name.is_empty()).map(name).collect::<Result<Vec<_>, _>>().map_err(PathError::from)?;
    Ok(Path::new(names)?)
}

/// Reads a name behind which a list goes on.
pub(super) fn name_after(text: &str) -> Result<Name, Failure> {
    Ok(name(text).map_err(PathError::from)?)
}

fn name(text: &str) -> Result<Name, NameError> {
    match text.strip_prefix('\0').map(|digits| HEX.decode(digits.as_bytes())) {
        Some(Some(bytes)) => Name::new(bytes),
        _ => Name::new(text),
    }
}

/// Shows an entry.
pub(super) fn entry(name: &[u8], node: &Node) -> JsValue {
    let (kind, size) = match node {
        Node::File { len, .. } => ("file", *len),
        Node::Dir { .. } => ("folder", 0),
        Node::Symlink { .. } => ("symlink", 0),
        Node::Mount { .. } => ("mount", 0),
        Node::Unknown { .. } => ("unknown", 0),
    };
    let text = String::from_utf8_lossy(name);
    let id = std::str::from_utf8(name).is_err().then(|| HEX.encode(name));
    let target = if let Node::Symlink { target, .. } = node { Some(String::from_utf8_lossy(target).into_owned()) } else { None };
    let shape = Shape::new().with("name", &*text).with_some("id", id).with("kind", kind).with("size", number(size));
    shape.with("modified", node.meta().map_or(0.0, modified)).with_some("target", target).done()
}

/// Shows a node of the certificate.
pub(super) fn node_info(carrier: &Carrier) -> JsValue {
    let Carrier { peer, name, addresses, zone, draining, .. } = carrier;
    let shape = Shape::new().with("peer", peer.to_string()).with("name", name.as_str()).with("zone", zone.as_str());
    shape.with("addresses", texts(addresses)).with("draining", *draining).done()
}

/// Shows a link that lasts.
pub(super) fn share_info(share: &ListedShare) -> JsValue {
    let ListedShare { id, path, kind, bytes, created, link } = share;
    let kind = match kind {
        SharedKind::File => "file",
        SharedKind::Folder => "folder",
    };
    let shape = Shape::new().with("id", id.to_string()).with("path", shown(path)).with("kind", kind).with("size", number(*bytes));
    shape.with("created", number(created.0)).with("link", link.to_string()).done()
}

/// Writes a path as callers have it.
fn shown(path: &Path) -> String {
    if path.is_root() { "/".to_owned() } else { path.to_string() }
}

/// Reads what a file has beside its bytes.
pub(super) fn file_meta(meta: &JsValue) -> Meta {
    self::meta(meta, 0o644)
}

/// Reads what a folder has beside its entries.
pub(super) fn folder_meta(meta: &JsValue) -> Meta {
    self::meta(meta, 0o755)
}

fn meta(meta: &JsValue, mode: u32) -> Meta {
    let modified = field(meta, "modified").as_f64().filter(|time| time.is_finite()).unwrap_or_default();
    let seconds = (modified / 1000.0).floor();
    let milliseconds = (modified - seconds * 1000.0) as u32;
    Meta { mode, modified_seconds: seconds as i64, modified_nanos: milliseconds.min(999) * 1_000_000 }
}

fn modified(meta: &Meta) -> f64 {
    meta.modified_seconds as f64 * 1000.0 + f64::from(meta.modified_nanos / 1_000_000)
}
