//! A vault's certificates from 0 on: what stands, what does not, and which of two branches wins.

use thiserror::Error;

use super::{Certificate, Head};
use crate::id::{PeerId, VaultId};

/// The certificates of one vault, each signed by an admin of the one before it. Holds at least certificate 0.
#[derive(Debug, Clone)]
pub struct Chain {
    certificates: Vec<Certificate>,
    /// Certificates of branches that lost, kept as evidence.
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
    /// Its signer was no admin of the certificate before it.
    #[error("its signer had no right to sign it")]
    NoAuthority,
    /// It changes what may not change: a member's keys, a number used before, the epoch going back.
    #[error("it changes what must stay: {0}")]
    Forbidden(&'static str),
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
    pub fn start(_first: Certificate) -> Result<Self, ChainError> {
        unimplemented!("record/chain.rs")
    }

    /// Takes one more certificate in.
    ///
    /// # Errors
    /// [`ChainError`]; the chain is as it was.
    pub fn extend(&mut self, _next: Certificate) -> Result<Extended, ChainError> {
        unimplemented!("record/chain.rs")
    }

    /// Says whether a head stands: its certificate is in the chain, its device may write and was not removed before its sequence.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn check_head(&self, _head: &Head) -> Result<(), ChainError> {
        unimplemented!("record/chain.rs")
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

    /// Returns the certificates of branches that lost.
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
}
