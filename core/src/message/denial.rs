//! Why a peer does not do what it was asked, as one byte.

use serde::{Deserialize, Serialize};

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(try_from = "u8", into = "u8")]
pub enum Denial {
    /// The node's operator has not admitted the vault.
    #[error("this vault is not admitted there")]
    NotAdmitted,
    /// The asker has no such right in the vault.
    #[error("this device has no right to do that")]
    NoRight,
    /// The vault's limit on the node is reached.
    #[error("the vault's limit on that node is reached")]
    Limit,
    /// The node's disk is full.
    #[error("that node's disk is full")]
    DiskFull,
    /// The node's disk failed.
    #[error("that node's disk failed")]
    DiskFailed,
    /// A record does not stand.
    #[error("that node holds newer or conflicting records")]
    Conflict,
    /// The bytes are malformed.
    #[error("that node found the request malformed")]
    Malformed,
    /// Too much at once; try again.
    #[error("that node is busy")]
    Busy,
    /// The invitation is unknown, used up or expired.
    #[error("the invitation is not valid there (used, withdrawn or mistyped)")]
    BadInvitation,
    /// The peer that a tunnel should lead to is not linked there, or rests.
    #[error("that peer is not connected there")]
    NotLinked,
}

impl From<Denial> for u8 {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::NotAdmitted => 1,
            Denial::NoRight => 2,
            Denial::Limit => 3,
            Denial::DiskFull => 4,
            Denial::DiskFailed => 5,
            Denial::Conflict => 6,
            Denial::Malformed => 7,
            Denial::Busy => 8,
            Denial::BadInvitation => 9,
            Denial::NotLinked => 10,
        }
    }
}

impl TryFrom<u8> for Denial {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Ok(match number {
            1 => Self::NotAdmitted,
            2 => Self::NoRight,
            3 => Self::Limit,
            4 => Self::DiskFull,
            5 => Self::DiskFailed,
            6 => Self::Conflict,
            7 => Self::Malformed,
            8 => Self::Busy,
            9 => Self::BadInvitation,
            10 => Self::NotLinked,
            _ => return Err("unknown denial"),
        })
    }
}
