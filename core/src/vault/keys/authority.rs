//! Founding a vault and changing who may do what: pure functions from a chain, a signer and entropy to the next certificate.

use thiserror::Error;

use super::epoch::EpochSecret;
use super::keyring::{Keyring, KeyringError};
use super::wrap::{UnusableKey, WrapContext, wrap};
use crate::id::{PeerId, RecordId, VaultId};
use crate::identity::Identity;
use crate::record::{Carrier, Certificate, CertificateDraft, Chain, ChainError, Locate, Member, Policy, RecordError, Rights, Wrap};

/// A vault that was just founded.
#[derive(Debug)]
pub struct Founding {
    /// Certificate 0 alone.
    pub chain: Chain,
    /// The secret of epoch 0.
    pub keyring: Keyring,
    /// Leads from the recovery phrase to the vault.
    pub locate: Locate,
}

/// A device or recovery phrase that is to become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    /// Its Ed25519 public key.
    pub peer: PeerId,
    /// Its X25519 public key.
    pub agree: [u8; 32],
    /// What it may do.
    pub rights: Rights,
    /// Whether it is a recovery phrase.
    pub paper: bool,
}

/// The next certificate in the making: begins as a copy of the one in force.
#[derive(Debug, Clone)]
pub struct Amendment<'a> {
    chain: &'a Chain,
    members: Vec<Member>,
    carriers: Vec<Carrier>,
    policy: Policy,
    rotate: bool,
}

/// A certificate was not issued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The signer cannot open the vault.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The certificate is out of bounds.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The certificate would not stand.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A member's key cannot be sealed to.
    #[error(transparent)]
    UnusableKey(#[from] UnusableKey),
    /// The device is a member already.
    #[error("this device is a member already")]
    KnownMember,
    /// No active member has this key.
    #[error("no such member")]
    NoSuchMember,
    /// The node is a carrier already.
    #[error("this node carries the vault already")]
    KnownCarrier,
    /// No carrier has this key.
    #[error("this node does not carry the vault")]
    NoSuchCarrier,
    /// Member numbers are used up.
    #[error("the vault has no numbers left for further members")]
    Full,
}

/// Founds a vault with its first device and its recovery phrase, and no carriers yet.
///
/// # Errors
/// [`AuthorityError`] when the policy is out of bounds or both identities are one.
pub fn found(device: &Identity, paper: &Identity, policy: Policy, entropy: &[u8; 32]) -> Result<Founding, AuthorityError> {
    let members = vec![Newcomer::device(device).into_member(0), Newcomer::paper(paper).into_member(1)];
    let secret = EpochSecret::fresh(device, entropy, &RecordId(paper.peer().0));
    let draft = CertificateDraft {
        vault: None,
        number: 0,
        previous: RecordId([0; 32]),
        epoch: 0,
        wraps: wraps(&secret, &members, (None, 0, 0), device, entropy)?,
        members,
        carriers: Vec::new(),
        policy,
        previous_epoch: None,
    };
    let chain = Chain::start(Certificate::sign(draft, device)?)?;
    let locate = Locate::sign(chain.vault(), paper)?;
    Ok(Founding { keyring: Keyring::founded(chain.vault(), secret), chain, locate })
}

impl Newcomer {
    /// Describes a device of the vault's owner.
    #[must_use]
    pub fn device(device: &Identity) -> Self {
        Self { peer: device.peer(), agree: device.agree_public(), rights: Rights::OWNER, paper: false }
    }

    /// Describes a recovery phrase.
    #[must_use]
    pub fn paper(paper: &Identity) -> Self {
        Self { peer: paper.peer(), agree: paper.agree_public(), rights: Rights::PAPER, paper: true }
    }

    const fn into_member(self, number: u16) -> Member {
        Member { number, peer: self.peer, agree: self.agree, rights: self.rights, paper: self.paper, removed_after: None }
    }
}

impl<'a> Amendment<'a> {
    /// Begins with everything as it is.
    #[must_use]
    pub fn of(chain: &'a Chain) -> Self {
        let tip = chain.tip();
        Self { chain, members: tip.members.clone(), carriers: tip.carriers.clone(), policy: tip.policy.clone(), rotate: false }
    }

    /// Adds a carrier.
    ///
    /// # Errors
    /// [`AuthorityError::KnownCarrier`].
    pub fn add_carrier(mut self, carrier: Carrier) -> Result<Self, AuthorityError> {
        if self.carriers.iter().any(|known| known.peer == carrier.peer) {
            return Err(AuthorityError::KnownCarrier);
        }
        self.carriers.push(carrier);
        Ok(self)
    }

    /// Changes what is said of a carrier: addresses, name, weight, zone, draining.
    ///
    /// # Errors
    /// [`AuthorityError::NoSuchCarrier`].
    pub fn update_carrier(mut self, carrier: Carrier) -> Result<Self, AuthorityError> {
        let known = self.carriers.iter_mut().find(|known| known.peer == carrier.peer).ok_or(AuthorityError::NoSuchCarrier)?;
        *known = carrier;
        Ok(self)
    }

    /// Takes a carrier out; what it held must be elsewhere by then.
    ///
    /// # Errors
    /// [`AuthorityError::NoSuchCarrier`].
    pub fn remove_carrier(mut self, peer: &PeerId) -> Result<Self, AuthorityError> {
        let before = self.carriers.len();
        self.carriers.retain(|carrier| carrier.peer != *peer);
        if self.carriers.len() < before { Ok(self) } else { Err(AuthorityError::NoSuchCarrier) }
    }

    /// Makes a device or a recovery phrase a member: one more wrap, the epoch stays.
    ///
    /// # Errors
    /// [`AuthorityError::KnownMember`] when the key was ever a member's, [`AuthorityError::Full`].
    pub fn enrol(mut self, newcomer: Newcomer) -> Result<Self, AuthorityError> {
        if self.members.iter().any(|member| member.peer == newcomer.peer || member.agree == newcomer.agree) {
            return Err(AuthorityError::KnownMember);
        }
        let last = self.members.iter().map(|member| member.number).max().unwrap_or_default();
        self.members.push(newcomer.into_member(last.checked_add(1).ok_or(AuthorityError::Full)?));
        Ok(self)
    }

    /// Removes a member, whose heads count up to the sequence `last` (0 for none), and begins a new epoch, which it cannot read.
    ///
    /// # Errors
    /// [`AuthorityError::NoSuchMember`].
    pub fn remove_member(mut self, peer: &PeerId, last: u64) -> Result<Self, AuthorityError> {
        let member = self.members.iter_mut().find(|member| member.peer == *peer && member.is_active());
        member.ok_or(AuthorityError::NoSuchMember)?.removed_after = Some(last);
        self.rotate = true;
        Ok(self)
    }

    /// Sets how many copies are kept, and for how long.
    #[must_use]
    pub fn set_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Begins a new epoch though nobody left.
    #[must_use]
    pub const fn rotate(mut self) -> Self {
        self.rotate = true;
        self
    }

    /// Issues the certificate: wraps the epoch's secret for everybody who may read and signs.
    ///
    /// # Errors
    /// [`AuthorityError`]; what comes back stands in the chain.
    pub fn sign(self, signer: &Identity, entropy: &[u8; 32]) -> Result<Certificate, AuthorityError> {
        let tip = self.chain.tip();
        if !tip.may(&signer.peer(), Rights::ADMIN) {
            return Err(ChainError::NoAuthority.into());
        }
        let vault = tip.vault();
        let keyring = Keyring::open(self.chain, signer)?;
        let fresh = self.rotate.then(|| EpochSecret::fresh(signer, entropy, &tip.id()));
        let (epoch, previous_epoch) = match &fresh {
            Some(secret) => {
                let epoch = tip.epoch.checked_add(1).ok_or(AuthorityError::Full)?;
                (epoch, Some(secret.seal_previous(&vault, epoch, keyring.current())))
            }
            None => (tip.epoch, tip.previous_epoch.clone()),
        };
        let number = tip.number + 1;
        let secret = fresh.as_ref().unwrap_or(keyring.current());
        let draft = CertificateDraft {
            vault: Some(vault),
            number,
            previous: tip.id(),
            epoch,
            wraps: wraps(secret, &self.members, (Some(vault), number, epoch), signer, entropy)?,
            members: self.members,
            carriers: self.carriers,
            policy: self.policy,
            previous_epoch,
        };
        let certificate = Certificate::sign(draft, signer)?;
        self.chain.clone().extend(certificate.clone())?;
        Ok(certificate)
    }
}

fn wraps(
    secret: &EpochSecret,
    members: &[Member],
    (vault, number, epoch): (Option<VaultId>, u64, u32),
    signer: &Identity,
    entropy: &[u8; 32],
) -> Result<Vec<Wrap>, UnusableKey> {
    let readers = members.iter().filter(|member| member.may(Rights::READ));
    readers.map(|member| wrap(secret, &WrapContext::new(vault, number, epoch, member), signer, entropy)).collect()
}

#[cfg(test)]
mod tests;
