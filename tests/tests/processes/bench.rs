//! What the stories about processes share: a few nodes with a vault on them, and how a failure is read.

use std::fs;
use std::path::{Path, PathBuf};

use cachette_tests::process::{Client, Done, Node, command};
use serde_json::Value;
use tempfile::TempDir;

/// A vault on nodes of its own, in a folder that vanishes with it.
pub(crate) struct Bench {
    pub(crate) home: TempDir,
    pub(crate) nodes: Vec<Node>,
    pub(crate) client: Client,
    /// The recovery words.
    pub(crate) words: String,
}

/// The blocks below a data directory.
pub(crate) fn blocks(data_dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![data_dir.join("owners")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.extend((!path.ends_with("records")).then_some(path));
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Bytes that are the same for the same seed and look like noise.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for piece in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let next = state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes();
        piece.copy_from_slice(&next[..piece.len()]);
    }
    bytes
}

/// Has a node make an invitation for a vault of at most this size.
pub(crate) fn invite(node: &Node, limit: &str) -> String {
    let output = command(&node.data_dir).args(["invite", limit]).output().expect("it runs");
    let invited: Value = serde_json::from_slice(&output.stdout).expect("an invitation");
    invited["invitation"].as_str().expect("text").to_owned()
}

/// Checks how a command failed: its exit code, something of its sentence or what was observed, and that it says what to do next.
#[track_caller]
pub(crate) fn fails(done: &Done, code: i32, says: &str) {
    assert_eq!(done.code, Some(code), "{:#?}\n{}", done.events, done.stderr);
    let error = done.event("error");
    let told = format!("{} {}", error["message"].as_str().unwrap_or_default(), error["details"]);
    assert!(told.contains(says), "`{says}` is not in {told}");
    assert!(error["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "no hint: {error}");
}

impl Bench {
    /// Starts nodes and founds a vault on them.
    pub(crate) fn new(nodes: usize, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let nodes: Vec<Node> = (0..nodes)
            .map(|number| {
                let name = format!("n{number}");
                let own = ["--reserve", "0", "--name", &name];
                Node::start(&home.path().join(&name), &[&own, arguments].concat())
            })
            .collect();
        let client = Client::new(&home.path().join("client"));
        let mut init = vec!["init".to_owned()];
        init.extend(nodes.iter().flat_map(|node| ["--join".to_owned(), node.invitation()]));
        let words = client.well(&init).event("recovery-sheet")["words"].as_str().expect("words").to_owned();
        Self { home, nodes, client, words }
    }

    /// Sets up another device from the words.
    pub(crate) fn restored(&self, name: &str) -> Client {
        let (client, sheet) = (Client::new(&self.home.path().join(name)), self.home.path().join(format!("{name}.words")));
        fs::write(&sheet, &self.words).expect("a disk");
        let from = ["init", "--restore", "--node", &self.nodes[0].address, "--phrase-file", sheet.to_str().expect("text")];
        client.well(from);
        client
    }

    /// Makes a file of noise.
    pub(crate) fn file(&self, name: &str, len: usize, seed: u64) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, noise(len, seed)).expect("a disk");
        path
    }

    /// Puts a file and returns what was told of it.
    pub(crate) fn put(&self, path: &Path) -> Value {
        self.client.well(["put".as_ref(), path.as_os_str()]).event("put").clone()
    }

    /// Reads a file of the vault and compares it.
    #[track_caller]
    pub(crate) fn holds(&self, name: &str, expected: &[u8]) {
        let target = tempfile::tempdir_in(self.home.path()).expect("a folder");
        self.client.well(["get".as_ref(), format!("/{name}").as_ref(), target.path().as_os_str()]);
        let found = fs::read(target.path().join(name)).expect("the file");
        assert!(found == expected, "{name} differs: {} bytes of {}", found.len(), expected.len());
    }
}
