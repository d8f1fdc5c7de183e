//! `cachette man`.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;

use super::error::{CliError, ExitKind};

/// Writes the man pages into a folder, one for every command
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, such as ~/.local/share/man/man1; it is made if it does not exist
    folder: PathBuf,
}

impl Args {
    pub(super) fn run(&self) -> Result<(), CliError> {
        fs::create_dir_all(&self.folder).and_then(|()| clap_mangen::generate_to(super::Cli::command(), &self.folder)).map_err(|error| {
            CliError::new(ExitKind::Environment, format!("the man pages cannot be written: {error}"))
                .hint(format!("name a folder that this user may write to, not {}", self.folder.display()))
        })
    }
}
