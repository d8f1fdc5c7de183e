//! The floor under a vault: the newest certificate and heads that this device has seen. It acts on nothing below it.
//!
//! Stored before anything is done because of what it holds: a client that forgot what it has seen could be rolled back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::heads::Standing;
use crate::codec::{self, DecodeError};
use crate::id::{PeerId, RecordId, VaultId};
use crate::record::Chain;

/// The newest state of a vault that this device has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// The vault.
    pub vault: VaultId,
    /// Number and name of the newest certificate.
    pub certificate: (u64, RecordId),
    /// Sequence and name of each device's newest head.
    pub heads: BTreeMap<PeerId, (u64, RecordId)>,
    /// The highest suite floor that any head announced.
    pub suite_floor: u8,
}

/// What is served is not a continuation of what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FloorError {
    /// Another vault's records.
    #[error("these are another vault's records")]
    ForeignVault,
    /// The chain ends before a certificate that was seen.
    #[error("rolled back: certificate {seen} was seen before, now only {served} is served")]
    StaleChain {
        /// The newest one seen.
        seen: u64,
        /// The newest one served.
        served: u64,
    },
    /// The chain holds another certificate at a number that was seen.
    #[error("forked: another certificate {0} is served than the one seen before")]
    ForkedChain(u64),
    /// A device's head is missing or older than one that was seen.
    #[error("rolled back: head {seen} of device {device:?} was seen before, now only {served} is served")]
    StaleHead {
        /// The device.
        device: PeerId,
        /// The highest sequence seen.
        seen: u64,
        /// The highest sequence served, 0 for none.
        served: u64,
    },
    /// Another head is served under a sequence that was seen.
    #[error("forked: device {device:?} signed two heads numbered {sequence}")]
    ForkedHead {
        /// The device.
        device: PeerId,
        /// The sequence.
        sequence: u64,
    },
    /// A head accepts suites that were given up before.
    #[error("downgraded: heads accept suite {served} again, {seen} was the least before")]
    SuiteFloor {
        /// The highest floor seen.
        seen: u8,
        /// The one served.
        served: u8,
    },
}

impl Floor {
    /// Begins a floor with what is known of a vault first: certificate 0 or whatever chain the restore found.
    #[must_use]
    pub fn begin(chain: &Chain) -> Self {
        Self { vault: chain.vault(), certificate: (chain.tip().number, chain.tip().id()), heads: BTreeMap::new(), suite_floor: 0 }
    }

    /// Checks that chain and heads continue what was seen, and returns the floor that they raise it to. Store that before acting.
    ///
    /// # Errors
    /// [`FloorError`]; the floor stays.
    pub fn raise(&self, chain: &Chain, standing: &Standing) -> Result<Self, FloorError> {
        if chain.vault() != self.vault {
            return Err(FloorError::ForeignVault);
        }
        let (number, id) = self.certificate;
        match chain.at(number) {
            None => return Err(FloorError::StaleChain { seen: number, served: chain.tip().number }),
            Some(certificate) if certificate.id() != id => return Err(FloorError::ForkedChain(number)),
            Some(_) => {}
        }
        let mut heads = BTreeMap::new();
        for (device, &(seen, id)) in &self.heads {
            // A removal may set aside heads that were seen; the chain says so, signed by an admin.
            let removed_after = chain.tip().member(device).and_then(|member| member.removed_after);
            let expected = removed_after.map_or(seen, |last| last.min(seen));
            let served = standing.heads.get(device).map_or(0, |head| head.sequence);
            if served < expected {
                return Err(FloorError::StaleHead { device: *device, seen: expected, served });
            }
            if let Some(head) = standing.heads.get(device)
                && head.sequence == seen
                && head.id() != id
            {
                return Err(FloorError::ForkedHead { device: *device, sequence: seen });
            }
        }
        let mut suite_floor = self.suite_floor;
        for (device, head) in &standing.heads {
            let newer = self.heads.get(device).is_none_or(|(seen, _)| head.sequence > *seen);
            if newer && head.suite_floor < self.suite_floor {
                return Err(FloorError::SuiteFloor { seen: self.suite_floor, served: head.suite_floor });
            }
            suite_floor = suite_floor.max(head.suite_floor);
            heads.insert(*device, (head.sequence, head.id()));
        }
        Ok(Self { vault: self.vault, certificate: (chain.tip().number, chain.tip().id()), heads, suite_floor })
    }

    /// Encodes the floor for the disk.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let heads = self.heads.iter().map(|(device, (sequence, id))| (*device, *sequence, *id)).collect();
        let (number, certificate) = self.certificate;
        codec::encode(&Stored(1, self.vault, number, certificate, heads, self.suite_floor))
    }

    /// Decodes a floor from the disk.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let Stored(version, vault, number, certificate, heads, suite_floor) = codec::decode(bytes)?;
        if version != 1 {
            return Err(DecodeError::Shape(format!("a floor of unknown version {version}")));
        }
        if !heads.is_sorted_by(|(a, ..), (b, ..)| a < b) {
            return Err(DecodeError::NotCanonical);
        }
        let heads = heads.into_iter().map(|(device, sequence, id)| (device, (sequence, id))).collect();
        Ok(Self { vault, certificate: (number, certificate), heads, suite_floor })
    }
}

#[derive(Serialize, Deserialize)]
struct Stored(u8, VaultId, u64, RecordId, Vec<(PeerId, u64, RecordId)>, u8);

#[cfg(test)]
mod tests;
