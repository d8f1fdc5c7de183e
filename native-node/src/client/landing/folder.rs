//! A folder on its way to its final name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cachette_core::vault::tree::Node;

use super::{LandingError, beside, make_folder, version};

/// Where the content of a folder is written. One that stands there already is written into as it is; a new one has its name only when
/// everything is in it, so that the same get finds what an interrupted one left.
pub struct FolderLanding {
    target: PathBuf,
    part: Option<PathBuf>,
}

impl FolderLanding {
    /// Begins a folder, or goes on with the same version of it where a get was interrupted.
    ///
    /// # Errors
    /// [`LandingError`].
    pub fn begin(target: &Path, node: &Node) -> Result<Self, LandingError> {
        let part = fs::symlink_metadata(target).is_err().then(|| beside(target, &version(node, None), "part"));
        make_folder(part.as_deref().unwrap_or(target))?;
        Ok(Self { target: target.to_owned(), part })
    }

    /// Returns where to write.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.part.as_deref().unwrap_or(&self.target)
    }

    /// Says whether it is this get's own, so that nothing of anybody else is in it.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.part.is_some()
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// [`LandingError`]; everything is still there then, under the name of the part.
    pub fn finish(self) -> Result<(), LandingError> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let Self { target, part: Some(part) } = self else { return Ok(()) };
        let renamed = match renameat_with(CWD, &part, CWD, &target, RenameFlags::NOREPLACE).map_err(io::Error::from) {
            // Not every file system can promise that. An empty folder would be replaced by this one, anything else is not.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => fs::rename(&part, &target),
            renamed => renamed,
        };
        renamed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => LandingError::Exists(target),
            _ => LandingError::Io { path: target, error },
        })
    }
}

#[cfg(test)]
mod tests {
    use cachette_core::vault::tree::Meta;

    use super::*;

    #[test]
    fn a_folder_has_its_name_only_when_everything_is_in_it_and_is_found_again_until_then() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (target, node) = (home.path().join("photos"), Node::Dir { meta: Meta::default(), pages: None });
        let landing = FolderLanding::begin(&target, &node).expect("begun");
        assert!(landing.is_own() && !target.exists());
        fs::write(landing.path().join("a"), "a").expect("written");
        let landing = FolderLanding::begin(&target, &node).expect("begun again");
        assert!(landing.path().join("a").exists(), "what was there is found");
        landing.finish().expect("whole");
        assert_eq!(fs::read(target.join("a")).expect("there"), b"a");
        assert_eq!(fs::read_dir(home.path()).expect("listed").count(), 1, "nothing is left beside it");
        let landing = FolderLanding::begin(&target, &node).expect("begun");
        assert!(!landing.is_own() && landing.path() == target, "what stands there is written into");
    }

    #[test]
    fn what_appears_under_the_name_in_the_meantime_stays() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (target, node) = (home.path().join("photos"), Node::Dir { meta: Meta::default(), pages: None });
        let landing = FolderLanding::begin(&target, &node).expect("begun");
        fs::write(&target, "mine").expect("written");
        assert!(matches!(landing.finish(), Err(LandingError::Exists(_))));
        assert_eq!(fs::read(&target).expect("there"), b"mine");
    }
}
