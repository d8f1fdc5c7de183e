//! `cachette completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::output::Output;

/// Prints completions for a shell
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// bash, zsh, fish, elvish or powershell
    shell: Shell,
}

impl Args {
    pub(super) fn run(&self, output: Output) {
        // Written at once: the generator panics when whoever reads goes away.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "cachette", &mut script);
        output.text(&String::from_utf8_lossy(&script));
    }
}
