//! Writing, opening and choosing heads. What lies inside a head (the snapshot's reference) is opaque here.

use crate::map::Map;

use thiserror::Error;
use zeroize::Zeroizing;

use super::keyring::Keyring;
use crate::id::{PeerId, RecordId};
use crate::identity::Identity;
use crate::record::{Chain, ChainError, Head, HeadFields, RecordError};

/// A head was not written or does not open.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The head does not stand in the chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A field is out of bounds.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The keyring is older than the certificate.
    #[error("the key of epoch {0} is not open here")]
    NoKey(u32),
    /// The sealed content does not open: altered, moved from another head or sealed under another key.
    #[error("the head's content does not open")]
    NotOpened,
}

/// The heads of a vault that count: the highest of each device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// The highest head of each device; of two with one sequence the one with the smaller hash.
    pub heads: Map<PeerId, Head>,
    /// Two different heads with one sequence, both signed by the device: it was cloned, restored from an old copy or stolen.
    pub forked: Vec<(Head, Head)>,
}

/// Seals `content` under the current epoch and signs the device's next head. `after` is its head before, `vector` what was merged in.
///
/// `sealed = synthetic(head key, aad = all public fields, content)`; see [`HeadFields::associated`].
///
/// # Errors
/// [`HeadError`]; a device that may not write heads gets [`ChainError::NoAuthority`].
pub fn write_head(
    chain: &Chain,
    keyring: &Keyring,
    device: &Identity,
    after: Option<(u64, RecordId)>,
    vector: Vec<(PeerId, u64)>,
    content: &[u8],
) -> Result<Head, HeadError> {
    let tip = chain.tip();
    let (sequence, previous) = after.map_or((0, RecordId([0; 32])), |before| before);
    let fields = HeadFields {
        vault: chain.vault(),
        certificate_number: tip.number,
        certificate: tip.id(),
        device: device.peer(),
        sequence: sequence.saturating_add(1),
        previous,
        suite_floor: SUITE,
        vector,
    };
    let key = keyring.epoch(tip.epoch).ok_or(HeadError::NoKey(tip.epoch))?.head_key();
    let sealed = key.seal(&fields.associated(), content);
    let head = Head::sign(fields, &sealed, device)?;
    chain.check_head(&head)?;
    Ok(head)
}

/// Opens a head's content, after checking that the head stands.
///
/// # Errors
/// [`HeadError`].
pub fn open_head(chain: &Chain, keyring: &Keyring, head: &Head) -> Result<Zeroizing<Vec<u8>>, HeadError> {
    chain.check_head(head)?;
    let epoch = chain.at(head.certificate_number).ok_or(ChainError::OffBranch)?.epoch;
    let key = keyring.epoch(epoch).ok_or(HeadError::NoKey(epoch))?.head_key();
    key.open(&head.fields().associated(), &head.sealed).map_err(|_| HeadError::NotOpened)
}

/// Chooses the highest head of each device from all that carriers handed out; heads that do not stand are left out.
///
/// A pure function of the set: order, repetition and who delivered which make no difference.
pub fn standing(chain: &Chain, heads: impl IntoIterator<Item = Head>) -> Standing {
    let mut seen: Map<(PeerId, u64), Map<RecordId, Head>> = Map::new();
    for head in heads {
        if chain.check_head(&head).is_ok() {
            seen.entry((head.device, head.sequence)).or_default().insert(head.id(), head);
        }
    }
    let mut standing = Standing::default();
    // From the highest sequence down, so that the first of each device stays.
    for ((device, _), same) in seen.into_iter().rev() {
        let mut same = same.into_values();
        let Some(head) = same.next() else { continue };
        if let Some(other) = same.next() {
            standing.forked.push((head.clone(), other));
        }
        standing.heads.entry(device).or_insert(head);
    }
    standing
}

const SUITE: u8 = 1;

#[cfg(test)]
mod tests;
