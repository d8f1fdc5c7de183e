//! The secrets of all epochs of a vault, as far as one device may read: all of them, from the current one back to epoch 0.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::epoch::EpochSecret;
use super::wrap::{WrapContext, unwrap};
use crate::id::VaultId;
use crate::identity::Identity;
use crate::record::{Certificate, Chain, Rights};

/// The secrets of a vault's epochs 0 to the current one.
pub struct Keyring {
    vault: VaultId,
    /// The secret of epoch n at index n; never empty.
    epochs: Vec<EpochSecret>,
}

/// A device cannot open a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The certificate in force does not name the device as one that may read.
    #[error("this device may not read the vault")]
    NotAReader,
    /// The certificate's wrap does not open with the device's key.
    #[error("the vault's key does not open with this device's key")]
    NotUnwrapped,
    /// The secret of an older epoch does not open under the one after it.
    #[error("the key of epoch {0} does not open")]
    PastLost(u32),
}

impl Keyring {
    /// Opens the current epoch with the device's key and walks back to epoch 0.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn open(chain: &Chain, identity: &Identity) -> Result<Self, KeyringError> {
        let tip = chain.tip();
        let member = tip.member(&identity.peer()).filter(|member| member.may(Rights::READ)).ok_or(KeyringError::NotAReader)?;
        let wrap = tip.wrap(member.number).ok_or(KeyringError::NotAReader)?;
        let current = unwrap(wrap, &WrapContext::of(tip, member), identity).map_err(|_| KeyringError::NotUnwrapped)?;
        let mut epochs = vec![current];
        // Within an epoch every certificate carries the same sealed past, so only the first of each needs opening.
        for pair in chain.certificates().windows(2).rev() {
            let [before, first] = pair else { continue };
            if before.epoch == first.epoch {
                continue;
            }
            let past = open_past(epochs.last().expect("invariant: begins with the current epoch"), first);
            epochs.push(past.ok_or(KeyringError::PastLost(before.epoch))?);
        }
        epochs.reverse();
        Ok(Self { vault: chain.vault(), epochs })
    }

    pub(super) fn founded(vault: VaultId, first: EpochSecret) -> Self {
        Self { vault, epochs: vec![first] }
    }

    /// Returns the vault that the keys belong to.
    #[must_use]
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Returns the number of the current epoch.
    #[must_use]
    pub fn current_epoch(&self) -> u32 {
        u32::try_from(self.epochs.len() - 1).expect("invariant: epochs are counted in 32 bits")
    }

    /// Returns the secret of the current epoch, under which everything new is written.
    #[must_use]
    pub fn current(&self) -> &EpochSecret {
        self.epochs.last().expect("invariant: a keyring holds epoch 0")
    }

    /// Returns the secret of an epoch, if it has begun.
    #[must_use]
    pub fn epoch(&self, epoch: u32) -> Option<&EpochSecret> {
        self.epochs.get(usize::try_from(epoch).ok()?)
    }

    /// Returns the key by which equal chunks are recognised inside this vault: `derive_key(CHUNK, E_0)`, the same in every epoch.
    #[must_use]
    pub fn chunk_key(&self) -> Zeroizing<[u8; 32]> {
        self.epochs[0].chunk_key()
    }
}

fn open_past(present: &EpochSecret, certificate: &Certificate) -> Option<EpochSecret> {
    present.open_previous(&certificate.vault(), certificate.epoch, certificate.previous_epoch.as_deref()?)
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({:?}, epochs 0 to {})", self.vault, self.current_epoch())
    }
}
