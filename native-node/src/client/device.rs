//! The device's own file: its seed, bare or under a password. Whoever reads it is the device.

use std::path::Path;

use cachette_core::identity::Seed;
use cachette_core::vault::keys::{Locked, PasswordError};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::data_dir::{SecretFileError, read_secret, write_secret};

/// The device's file cannot be written or opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is none.
    #[error("no vault is set up in {0}")]
    None(std::path::PathBuf),
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// The password is wrong, or the file is damaged.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The file is neither of the two kinds.
    #[error("{0} is damaged: it is no device's seed")]
    Damaged(std::path::PathBuf),
}

/// Writes the seed, under a password if there is one; with fresh entropy for that.
///
/// # Errors
/// [`DeviceError`].
pub fn write(path: &Path, seed: &Seed, password: Option<&str>, entropy: &[u8; 32]) -> Result<(), DeviceError> {
    let bytes = match password {
        None => Zeroizing::new([BARE, seed.expose().as_slice()].concat()),
        Some(password) => Zeroizing::new([LOCKED, Locked::lock(seed, password, entropy)?.encode().as_slice()].concat()),
    };
    Ok(write_secret(path, &bytes)?)
}

/// Reads the seed; asks for the password only when there is one.
///
/// # Errors
/// [`DeviceError`], or the asker's own.
pub fn read<E: From<DeviceError>>(path: &Path, ask: impl FnOnce() -> Result<Zeroizing<String>, E>) -> Result<Seed, E> {
    if !path.exists() {
        return Err(DeviceError::None(path.parent().unwrap_or(path).to_owned()).into());
    }
    let bytes = Zeroizing::new(read_secret(path).map_err(DeviceError::from)?);
    if let Some(seed) = bytes.strip_prefix(BARE) {
        let seed = seed.try_into().map_err(|_| DeviceError::Damaged(path.to_owned()))?;
        return Ok(Seed::new(seed));
    }
    let locked = bytes.strip_prefix(LOCKED).ok_or_else(|| DeviceError::Damaged(path.to_owned()))?;
    let locked = Locked::decode(locked).map_err(DeviceError::from)?;
    Ok(locked.open(&ask()?).map_err(DeviceError::from)?)
}

/// What the file of a bare seed begins with; the seed's 32 bytes follow.
const BARE: &[u8] = b"cachette device 1\n";
/// What the file of a seed under a password begins with; its encoding follows.
const LOCKED: &[u8] = b"cachette locked device 1\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_comes_back_bare_and_locked_and_no_other_way() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("device");
        let seed = Seed::new([7; 32]);
        let never = || -> Result<Zeroizing<String>, DeviceError> { panic!("there is no password") };
        assert!(matches!(read(&path, never), Err(DeviceError::None(_))));
        write(&path, &seed, None, &[1; 32]).expect("written");
        assert_eq!(read(&path, never).expect("read").expose(), seed.expose());
        write(&path, &seed, Some("correct horse"), &[1; 32]).expect("written");
        let say = |word: &str| {
            let word = word.to_owned();
            move || Ok::<_, DeviceError>(Zeroizing::new(word))
        };
        assert_eq!(read(&path, say("correct horse")).expect("read").expose(), seed.expose());
        assert!(matches!(read(&path, say("battery")), Err(DeviceError::Password(_))));
        write_secret(&path, b"something else").expect("written");
        assert!(matches!(read(&path, never), Err(DeviceError::Damaged(_))));
    }
}
