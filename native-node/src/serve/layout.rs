//! Where a node's own files lie, beside its store.

use std::path::{Path, PathBuf};

/// The node's seed: its identity.
pub const SEED: &str = "seed";
/// The operator's bearer token.
pub const API_TOKEN: &str = "api-token";
/// Where the running node is reached; gone when none runs.
pub const RUNNING_NODE: &str = "node.json";

/// Returns the directory of the node in a data directory, beside which vaults of the same machine lie.
#[must_use]
pub fn node_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("node")
}
