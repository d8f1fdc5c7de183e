//! `cachette completions`.

use clap::CommandFactory;
use clap_complete::Shell;

/// Prints completions for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

impl Args {
    pub(super) fn run(&self) {
        clap_complete::generate(self.shell, &mut super::Cli::command(), "cachette", &mut std::io::stdout());
    }
}
