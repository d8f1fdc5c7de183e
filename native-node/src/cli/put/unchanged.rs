//! Which files a put need not read again: those that stand in the vault with the same size, time and mode, and that the file system
//! has not touched since a put from the same place began.
//!
//! Size and time stand in the vault's own entries, so that they can never fall behind what is stored and no second catalogue has to be
//! kept. They do not show a change that left both as they were, as restoring an old time after an edit does, or a second edit within
//! one tick of the clock. The file system's own mark of the last change (ctime), which no program sets, does show those: it only has to
//! be older than the moment at which the last complete put from this place began, less [`TICK`]. That moment is all that a device
//! remembers. A device that never put from this place reads everything once; what the vault holds already is not sent.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cachette_core::vault::tree::{Name, Node, Path};
use cachette_core::vault::{Command, CommandError, Reply};
use serde::{Deserialize, Serialize};

use super::found::{Found, Item, Kind};
use crate::cli::error::CliError;
use crate::cli::paths::shown;
use crate::client::Client;
use crate::data_dir::write_atomic;

/// When puts from places of this machine began.
#[derive(Debug, Default)]
pub(super) struct Begun {
    file: PathBuf,
    places: Vec<Place>,
}

/// One place that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The folder or file on this machine, absolute; not UTF-8 is not remembered.
    from: String,
    /// Where it went in the vault.
    to: String,
    /// Nanoseconds since the Unix epoch.
    begun: i128,
}

impl Begun {
    /// Reads what is remembered. What cannot be read is forgotten: everything is read again then.
    pub(super) fn load(vault_dir: &FsPath) -> Self {
        let file = vault_dir.join(FILE);
        let places = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, places }
    }

    /// Returns the moment before which a file must have changed last to count as unchanged, for files put from `from` to `to`.
    pub(super) fn before(&self, from: &FsPath, to: &str, now: i128) -> Option<i128> {
        let place = self.places.iter().find(|place| FsPath::new(&place.from) == from && place.to == to)?;
        // A clock that was set back says nothing about what came before.
        (place.begun <= now).then_some(place.begun - TICK.as_nanos() as i128)
    }

    /// Remembers that everything that stood at `from` when a put began is at `to` now.
    pub(super) fn remember(&mut self, from: &FsPath, to: &str, begun: i128) {
        let Some(from) = from.to_str() else { return };
        self.places.retain(|place| place.from != from || place.to != to);
        self.places.push(Place { from: from.to_owned(), to: to.to_owned(), begun });
        let excess = self.places.len().saturating_sub(PLACES);
        self.places.drain(..excess);
    }

    /// Writes down what is remembered.
    pub(super) fn save(&self) -> io::Result<()> {
        write_atomic(&self.file, &serde_json::to_vec(&self.places)?, 0o600)
    }
}

impl Found {
    /// Leaves out what stands in the vault as it is here, and what would replace something of another kind there: a folder goes away with
    /// everything in it only by `cachette rm -r`.
    pub(super) async fn compare(&mut self, client: &Client) -> Result<(), CliError> {
        // The folders on the way to the item, as far as they were listed.
        let mut listed: Vec<(Path, BTreeMap<Name, Node>)> = Vec::new();
        // Items come parents first, so what is below a folder that cannot be put follows it.
        let mut refused: Option<Path> = None;
        for item in std::mem::take(&mut self.items) {
            let Some((name, parents)) = item.to.names().split_last() else { continue };
            while listed.last().is_some_and(|(path, _)| !parents.starts_with(path.names())) {
                listed.pop();
            }
            if listed.last().is_none_or(|(path, _)| path.names() != parents) {
                let folder = item.to.ancestor(parents.len());
                let entries = list_all(client, &folder).await?;
                listed.push((folder, entries));
            }
            let node = listed.last().and_then(|(_, entries)| entries.get(name));
            let below = refused.as_ref().is_some_and(|folder| item.to.names().starts_with(folder.names()));
            let in_the_way = node.and_then(|node| item.in_the_way(node));
            let is_unchanged = node.is_some_and(|node| item.before.is_some() && item.stands_as(node));
            match item.kind {
                _ if below => self.forget(&item),
                _ if in_the_way.is_some() => {
                    self.forget(&item);
                    self.skip(&item.from, in_the_way.unwrap_or_default());
                    refused = Some(item.to);
                }
                Kind::File(len) if is_unchanged => {
                    self.bytes -= len;
                    self.unchanged += 1;
                }
                _ if is_unchanged => {}
                _ => self.items.push_back(item),
            }
        }
        Ok(())
    }

    /// Takes back that a file was counted.
    fn forget(&mut self, item: &Item) {
        if let Kind::File(len) = item.kind {
            self.bytes -= len;
            self.files -= 1;
        }
    }
}

impl Item {
    /// Says why an entry of the vault must not be replaced by this, if it must not.
    fn in_the_way(&self, node: &Node) -> Option<String> {
        let there = shown(&self.to);
        match (&self.kind, node) {
            (Kind::Dir, Node::Dir { .. }) => None,
            (_, Node::Dir { .. }) if self.is_stdin() => {
                Some(format!("{there} is a folder of the vault: give the file's whole path, as in --to {there}/NAME"))
            }
            (_, Node::Dir { .. }) => Some(format!("{there} is a folder of the vault, with everything in it: move or remove it first")),
            (Kind::Dir, _) => Some(format!("{there} is no folder in the vault: move or remove it first")),
            _ => None,
        }
    }

    /// Says whether an entry of the vault is what stands here, as far as can be told without reading it.
    pub(super) fn stands_as(&self, node: &Node) -> bool {
        let same = match (&self.kind, node) {
            (Kind::File(here), Node::File { len, .. }) => here == len && self.before.is_some_and(|before| self.changed < before),
            (Kind::Dir, Node::Dir { .. }) => true,
            (Kind::Symlink(here), Node::Symlink { target, .. }) => here == target,
            _ => false,
        };
        same && node.meta() == Some(&self.meta)
    }
}

/// Lists a folder of the vault; one that is not there is empty.
async fn list_all(client: &Client, path: &Path) -> Result<BTreeMap<Name, Node>, CliError> {
    let mut entries = BTreeMap::new();
    loop {
        let after = entries.last_key_value().map(|(name, _): (&Name, &Node)| name.clone());
        match client.run(Command::List { path: path.clone(), after, limit: LISTED }).await {
            Ok(Reply::List(page)) if !page.is_empty() => entries.extend(page.into_iter().map(|entry| (entry.name, entry.node))),
            Ok(_) | Err(CommandError::NotFound(_) | CommandError::NotADirectory(_)) => return Ok(entries),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns this machine's time in nanoseconds since the Unix epoch.
pub(super) fn now() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i128)
}

/// Entries of the vault that are listed at once.
const LISTED: usize = 4096;
const FILE: &str = "puts.json";
/// The coarsest clock of any file system (FAT's): changes within one tick of it look alike.
const TICK: Duration = Duration::from_secs(2);
/// Places that are remembered, the latest ones.
const PLACES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn only_what_looks_the_same_and_was_left_alone_since_is_unchanged() {
        use cachette_core::vault::tree::{Content, Meta};
        let meta = Meta { mode: 0o644, modified_seconds: 50, modified_nanos: 7 };
        let item = |len, meta, changed, before| Item {
            from: PathBuf::new(),
            to: Path::root(),
            kind: Kind::File(len),
            meta,
            changed: changed * SECOND,
            before,
        };
        let node = Node::File { meta, len: 10, content: Content::Inline(Vec::new()) };
        let before = Some(100 * SECOND);
        assert!(item(10, meta, 99, before).stands_as(&node));
        assert!(!item(11, meta, 99, before).stands_as(&node), "another size");
        assert!(!item(10, Meta { modified_nanos: 8, ..meta }, 99, before).stands_as(&node), "another time");
        assert!(!item(10, Meta { mode: 0o600, ..meta }, 99, before).stands_as(&node), "another mode");
        assert!(!item(10, meta, 100, before).stands_as(&node), "touched since, though it looks the same");
        assert!(!item(10, meta, 99, None).stands_as(&node), "never put from here");
        assert!(!item(10, meta, 99, before).stands_as(&Node::Dir { meta, pages: None }), "another kind");
    }

    #[test]
    fn a_place_is_remembered_with_where_it_went_and_a_wrong_clock_is_not_believed() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut begun = Begun::load(home.path());
        begun.remember(FsPath::new("/photos"), "photos", 100 * SECOND);
        begun.remember(FsPath::new("/photos"), "photos", 200 * SECOND);
        begun.save().expect("written");
        let begun = Begun::load(home.path());
        assert_eq!(begun.before(FsPath::new("/photos"), "photos", 300 * SECOND), Some(198 * SECOND));
        assert_eq!(begun.before(FsPath::new("/photos"), "elsewhere", 300 * SECOND), None);
        assert_eq!(begun.before(FsPath::new("/photos/a"), "photos", 300 * SECOND), None);
        assert_eq!(begun.before(FsPath::new("/photos"), "photos", 199 * SECOND), None, "the clock was set back");
        fs::write(home.path().join(FILE), b"[{").expect("written");
        assert!(Begun::load(home.path()).places.is_empty());
    }
}
