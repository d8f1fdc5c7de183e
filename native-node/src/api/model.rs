//! What the API says, as JSON. Fields are added, never changed.

use serde::{Deserialize, Serialize};

/// `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionAnswer {
    /// `cachette`.
    pub name: String,
    /// The release.
    pub version: String,
}

/// `GET /api/v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// The release.
    pub version: String,
    /// The node's peer id.
    pub peer: String,
    /// What people call it.
    pub name: String,
    /// What it fails together with.
    pub zone: String,
    /// Where it listens.
    pub listen: String,
    /// What its invitations say.
    pub addresses: Vec<String>,
    /// Seconds since it started.
    pub uptime: u64,
    /// Peers linked now.
    pub links: usize,
    /// Whether it takes new blocks.
    pub ready: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ready_because: Option<String>,
    /// Its disk.
    pub store: StoreAnswer,
    /// Whose blocks it keeps.
    pub vaults: Vec<VaultAnswer>,
}

/// What the node's disk holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreAnswer {
    /// Bytes of blocks.
    pub bytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Bytes that all vaults together may take.
    pub limit: u64,
    /// Bytes free on the disk.
    pub disk_free: u64,
    /// Bytes that stay free.
    pub reserve: u64,
}

/// What one vault takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultAnswer {
    /// The vault's id.
    pub vault: String,
    /// Bytes of its blocks.
    pub bytes: u64,
    /// Its blocks.
    pub blocks: u64,
}

/// `GET /api/v1/peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeersAnswer {
    /// Peers linked now, oldest link first.
    pub peers: Vec<PeerAnswer>,
}

/// A linked peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerAnswer {
    /// Its id.
    pub peer: String,
    /// `in` when it called, `out` when this node did.
    pub direction: String,
    /// Where it called from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Seconds since the link opened.
    pub seconds: u64,
    /// Encrypted bytes received.
    pub received: u64,
    /// Encrypted bytes sent.
    pub sent: u64,
}

/// `POST /api/v1/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// Bytes that the vault may take; the node's own limit when nothing is said.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// An invitation that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationAnswer {
    /// The text to hand over: whoever has it may use it, once.
    pub invitation: String,
    /// Bytes that the vault may take.
    pub limit: u64,
    /// The addresses that it names.
    pub addresses: Vec<String>,
}
