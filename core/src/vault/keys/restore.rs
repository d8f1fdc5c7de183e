//! From 24 words back to a vault: pure functions on the records that nodes or an exported folder hand out.
//!
//! words → seed → paper identity → locate record, signed by that very key → certificates from 0 to the one that names it → epochs →
//! heads → a certificate that enrols a device, signed by the paper identity.

use thiserror::Error;

use super::authority::{Amendment, AuthorityError, Newcomer};
use super::heads::{Standing, standing};
use super::keyring::{Keyring, KeyringError};
use crate::id::{PeerId, VaultId};
use crate::identity::Identity;
use crate::map::Set;
use crate::record::{Certificate, Chain, ChainError, Record, Rights};
use crate::vault::{Note, notes};

/// A vault that a recovery phrase opened.
#[derive(Debug)]
pub struct Restored {
    /// Its certificates.
    pub chain: Chain,
    /// The secrets of all its epochs.
    pub keyring: Keyring,
    /// The heads that count. The restored device has now seen them and the chain: store both before acting.
    pub standing: Standing,
}

/// A device that recovery words let into their vault.
#[derive(Debug)]
pub struct Enrolled {
    /// What says so, to be published: without it on most nodes nobody else knows of the device.
    pub certificate: Certificate,
    /// The vault's certificates with that one.
    pub chain: Chain,
    /// What the device has to keep before it opens the vault.
    pub notes: Vec<Note>,
}

/// A recovery phrase did not open a vault with the records at hand.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// No record signed by these words names the vault.
    #[error("nothing signed by these recovery words leads to this vault")]
    NotLocated,
    /// The vault's certificates are incomplete or do not stand.
    #[error("the vault's certificates are not complete here: {0}")]
    Chain(#[from] ChainError),
    /// The vault never knew these words.
    #[error("the vault does not know these recovery words")]
    UnknownPhrase,
    /// The words were withdrawn, as one does when they leaked.
    #[error("these recovery words were withdrawn from the vault")]
    Withdrawn,
    /// The words are known and still do not open the vault's keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// Returns the vaults that the phrase's own key says it opens. What anybody else signed about that key counts for nothing.
#[must_use]
pub fn located<'a>(paper: &PeerId, records: impl IntoIterator<Item = &'a Record>) -> Set<VaultId> {
    let ours = |record: &Record| match record {
        // Decoding has verified that `paper` signed it.
        Record::Locate(locate) if locate.paper == *paper => Some(locate.vault),
        _ => None,
    };
    records.into_iter().filter_map(ours).collect()
}

/// Opens a vault from the records of as many nodes as answered; more of them can only make it newer.
///
/// # Errors
/// [`RestoreError`].
pub fn restore(paper: &Identity, vault: VaultId, records: &[Record]) -> Result<Restored, RestoreError> {
    if !located(&paper.peer(), records).contains(&vault) {
        return Err(RestoreError::NotLocated);
    }
    let chain = Chain::assemble(vault, records.iter().filter_map(certificate))?;
    let member = chain.tip().member(&paper.peer()).ok_or(RestoreError::UnknownPhrase)?;
    if !member.is_active() {
        return Err(RestoreError::Withdrawn);
    }
    if !member.may(Rights::PAPER) {
        return Err(RestoreError::UnknownPhrase);
    }
    let keyring = Keyring::open(&chain, paper)?;
    let heads = records.iter().filter_map(|record| match record {
        Record::Head(head) => Some(head.clone()),
        _ => None,
    });
    let standing = standing(&chain, heads);
    Ok(Restored { chain, keyring, standing })
}

impl Restored {
    /// Enrols a device. `records` are those that led here, `entropy` is fresh.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn enrol(self, paper: &Identity, device: &Identity, records: &[Record], entropy: &[u8; 32]) -> Result<Enrolled, AuthorityError> {
        let Self { mut chain, standing, .. } = self;
        let certificate = Amendment::of(&chain).enrol(Newcomer::device(device))?.sign(paper, entropy)?;
        chain.extend(certificate.clone())?;
        let keep = |key, bytes: &[u8]| (key, Some(bytes.to_vec()));
        let mut notes: Vec<Note> = Vec::new();
        notes.extend(chain.certificates().iter().map(|certificate| keep(notes::certificate_key(certificate.number), certificate.bytes())));
        notes.extend(standing.heads.iter().map(|(peer, head)| keep(notes::head_key(peer), head.bytes())));
        let ours =
            |record: &&Record| matches!(record, Record::Locate(locate) if locate.paper == paper.peer() && locate.vault == chain.vault());
        notes.extend(records.iter().find(ours).map(|record| keep(notes::locate_key(), record.bytes())));
        Ok(Enrolled { certificate, chain, notes })
    }
}

fn certificate(record: &Record) -> Option<Certificate> {
    match record {
        Record::Certificate(certificate) => Some(certificate.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
