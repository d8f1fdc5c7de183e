//! A vault's keys: epochs, recovery phrase, password, and the certificates and heads that they sign.
//!
//! ```text
//!   24 words --> seed --> Identity (paper)          seed --> Identity (device) <-- password, on this device only
//!                             |  HPKE                           |  HPKE
//!                             v                                 v
//!                E_0 <-- sealed under -- E_1 <-- sealed under -- E_2          one secret per epoch
//!                 |                                               |
//!              chunk key                               seal key, head key
//! ```
//!
//! Everything here is a pure function of records, identities and entropy that the caller brings. Entropy is mixed with the signer's
//! own secret and with what is sealed, so that a broken generator or a cloned machine never makes two messages share a key and nonce.

pub mod authority;
pub mod epoch;
pub mod heads;
pub mod keyring;
pub mod password;
pub mod phrase;
pub mod restore;
pub mod shares;
mod synthetic;
pub mod wrap;

pub use authority::{Amendment, AuthorityError, Founding, Newcomer, found};
pub use epoch::EpochSecret;
pub use heads::{HeadError, Standing, open_head, standing, write_head};
pub use keyring::{Keyring, KeyringError};
pub use password::{Cost, Locked, PasswordError};
pub use phrase::{PhraseError, parse_phrase, phrase};
pub use restore::{Enrolled, RestoreError, Restored, located, restore};
pub use shares::{ShareError, fresh_secret, open_contents, open_owner, withdraw_share, write_share};

#[cfg(test)]
mod vectors;
