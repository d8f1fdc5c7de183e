//! A vault's certificates from 0 on: what stands, what does not, and which of two branches wins.
//!
//! ```text
//!            signed by an admin of the one before
//!   0 <--- 1 <--- 2 <--- 3            the chain; 3 is its tip
//!           \---- 2' <-- 3'           evidence: 2' lost against 2, and whatever follows it lost with it
//! ```
//!
//! Two certificates with one parent are compared alone, whatever follows either of them: the one that the oldest recovery phrase
//! signed wins, else the one with the smaller hash. The order is total, and a certificate that lost can never win again, so all
//! peers that saw the same certificates have the same tip, in whatever order they came.

use thiserror::Error;

use super::{Certificate, Head, Rights, Share, ShareFields};
use crate::id::{PeerId, RecordId, VaultId};
use crate::limits::EVIDENCE_MAX;
use crate::sort;

mod rules;

/// The certificates of one vault, each signed by an admin of the one before it. Holds at least certificate 0.
#[derive(Debug, Clone)]
pub struct Chain {
    certificates: Vec<Certificate>,
    /// Certificates of branches that lost, oldest first, at most [`EVIDENCE_MAX`].
    evidence: Vec<Certificate>,
}

/// A certificate or head does not stand.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// It belongs to another vault.
    #[error("it belongs to another vault")]
    ForeignVault,
    /// Certificates between it and the ones known are missing.
    #[error("certificates before number {0} are missing")]
    Gap(u64),
    /// Its signer was no admin of the certificate before it, or its device may not write heads.
    #[error("its signer had no right to sign it")]
    NoAuthority,
    /// It changes what may not change: a member's keys, a number used before, the epoch going back.
    #[error("it changes what must stay: {0}")]
    Forbidden(&'static str),
    /// Its certificate is none of the chain's: it was written on a branch that lost.
    #[error("it was written under a certificate that does not stand")]
    OffBranch,
    /// It is older than what is already held.
    #[error("it is older than what is known")]
    Stale,
}

/// What taking a certificate in did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extended {
    /// It is the new tip.
    New,
    /// It was there already.
    Known,
    /// It parts from the chain and won: the tip is on its branch now, the branch that lost is kept as evidence.
    ForkWon,
    /// It parts from the chain and lost; kept as evidence.
    ForkLost,
}

impl Chain {
    /// Starts a chain from certificate 0.
    ///
    /// # Errors
    /// [`ChainError::Forbidden`] when it is not number 0 or breaks the rules of a first certificate.
    pub fn start(first: Certificate) -> Result<Self, ChainError> {
        rules::first(&first)?;
        Ok(Self { certificates: vec![first], evidence: Vec::new() })
    }

    /// Builds the chain of a vault from certificates in any order, as carriers hand them out; what does not stand is left out.
    ///
    /// # Errors
    /// [`ChainError::Gap`] when certificate 0 is not among them, and whatever [`Chain::start`] finds wrong with it.
    pub fn assemble(vault: VaultId, certificates: impl IntoIterator<Item = Certificate>) -> Result<Self, ChainError> {
        let mut ours: Vec<Certificate> = certificates.into_iter().filter(|certificate| certificate.vault() == vault).collect();
        sort::by_key(&mut ours, |certificate| certificate.number);
        let mut ours = ours.into_iter();
        let mut chain = Self::start(ours.next().filter(|first| first.number == 0).ok_or(ChainError::Gap(0))?)?;
        for certificate in ours {
            // Carriers may hand out anything: a certificate that does not stand takes nothing from those that do.
            let _ = chain.extend(certificate);
        }
        Ok(chain)
    }

    /// Takes one more certificate in.
    ///
    /// # Errors
    /// [`ChainError`]; the chain is as it was.
    pub fn extend(&mut self, next: Certificate) -> Result<Extended, ChainError> {
        if next.vault() != self.vault() {
            return Err(ChainError::ForeignVault);
        }
        let id = next.id();
        if self.holds(next.number, &id) {
            return Ok(Extended::Known);
        }
        let before = next.number.checked_sub(1).ok_or(ChainError::ForeignVault)?;
        if let Some(parent) = self.evidence.iter().find(|lost| lost.number == before && lost.id() == next.previous) {
            rules::follows(parent, &next)?;
            self.keep_as_evidence([next]);
            return Ok(Extended::ForkLost);
        }
        let parent = self.at(before).filter(|parent| parent.id() == next.previous).ok_or(ChainError::Gap(next.number))?;
        rules::follows(parent, &next)?;
        let Some(sibling) = self.at(next.number) else {
            self.certificates.push(next);
            return Ok(Extended::New);
        };
        if rank(parent, &next) > rank(parent, sibling) {
            self.keep_as_evidence([next]);
            return Ok(Extended::ForkLost);
        }
        let lost = self.certificates.split_off(usize::try_from(next.number).map_err(|_| ChainError::Gap(next.number))?);
        self.keep_as_evidence(lost);
        self.certificates.push(next);
        Ok(Extended::ForkWon)
    }

    /// Says whether a head stands: its certificate is in the chain, its device might write under it and still may, or was removed only after this sequence.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn check_head(&self, head: &Head) -> Result<(), ChainError> {
        if head.vault != self.vault() {
            return Err(ChainError::ForeignVault);
        }
        let written_under = self.at(head.certificate_number).ok_or(ChainError::Gap(head.certificate_number))?;
        if written_under.id() != head.certificate {
            return Err(ChainError::OffBranch);
        }
        if !written_under.may(&head.device, Rights::WRITE) {
            return Err(ChainError::NoAuthority);
        }
        match self.tip().member(&head.device) {
            Some(member) if member.removed_after.is_none_or(|last| head.sequence <= last) => Ok(()),
            _ => Err(ChainError::NoAuthority),
        }
    }

    /// Says whether a share stands: its certificate is in the chain, and its device might write under it and still may. So whoever has the
    /// key of a removed device makes, changes and withdraws no link, and links that it made end unless another device takes them over.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn check_share(&self, share: &Share) -> Result<(), ChainError> {
        let ShareFields { vault, certificate_number, certificate, device, .. } = &share.fields;
        if *vault != self.vault() {
            return Err(ChainError::ForeignVault);
        }
        let made_under = self.at(*certificate_number).ok_or(ChainError::Gap(*certificate_number))?;
        if made_under.id() != *certificate {
            return Err(ChainError::OffBranch);
        }
        if made_under.may(device, Rights::WRITE) && self.tip().may(device, Rights::WRITE) { Ok(()) } else { Err(ChainError::NoAuthority) }
    }

    /// Returns the vault.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.tip().vault()
    }

    /// Returns the certificate in force.
    #[must_use]
    pub fn tip(&self) -> &Certificate {
        self.certificates.last().expect("invariant: a chain holds certificate 0")
    }

    /// Returns all certificates from 0 on.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Returns the certificate with this number, if the chain reaches that far.
    #[must_use]
    pub fn at(&self, number: u64) -> Option<&Certificate> {
        self.certificates.get(usize::try_from(number).ok()?)
    }

    /// Returns the certificates of branches that lost, oldest first.
    #[must_use]
    pub fn evidence(&self) -> &[Certificate] {
        &self.evidence
    }

    /// Says whether a peer is an active member or a carrier.
    #[must_use]
    pub fn knows(&self, peer: &PeerId) -> bool {
        let tip = self.tip();
        tip.carrier(peer).is_some() || tip.member(peer).is_some_and(|member| member.removed_after.is_none())
    }

    fn holds(&self, number: u64, id: &RecordId) -> bool {
        self.at(number).is_some_and(|known| known.id() == *id) || self.evidence.iter().any(|lost| lost.id() == *id)
    }

    /// Keeps what lost, the points where branches part before what follows them.
    fn keep_as_evidence(&mut self, lost: impl IntoIterator<Item = Certificate>) {
        self.evidence.extend(lost);
        sort::by_key(&mut self.evidence, |certificate| (certificate.number, certificate.id()));
        self.evidence.truncate(EVIDENCE_MAX);
    }
}

/// Where a certificate stands among its siblings, the smallest first: the number of the recovery phrase that signed it, else none; then its hash.
fn rank(parent: &Certificate, certificate: &Certificate) -> (bool, u16, RecordId) {
    match parent.member(&certificate.signer).filter(|signer| signer.paper) {
        Some(paper) => (false, paper.number, certificate.id()),
        None => (true, 0, certificate.id()),
    }
}

#[cfg(test)]
mod tests;
