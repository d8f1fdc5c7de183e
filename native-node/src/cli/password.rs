//! Where a password comes from: a file, a command, or a question on the terminal; never the command line itself.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::error::{CliError, ExitKind};

/// Where the password of this device comes from.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PasswordArgs {
    /// Read this device's password from the first line of a file
    #[arg(long, value_name = "FILE", env = "CACHETTE_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Read this device's password from what a command prints
    #[arg(long, value_name = "COMMAND", env = "CACHETTE_PASSWORD_COMMAND", conflicts_with = "password_file")]
    password_command: Option<String>,
}

impl PasswordArgs {
    /// Says whether a file or command was named.
    pub(super) const fn is_given(&self) -> bool {
        self.password_file.is_some() || self.password_command.is_some()
    }

    /// Returns the password, asking for it when nothing else was said.
    pub(super) fn ask(&self) -> Result<Zeroizing<String>, CliError> {
        match self.given()? {
            Some(password) => Ok(password),
            None => prompt("Password of this device: "),
        }
    }

    /// Returns a password that is to be set: typed twice, when it is typed.
    pub(super) fn ask_new(&self) -> Result<Zeroizing<String>, CliError> {
        if let Some(password) = self.given()? {
            return Ok(password);
        }
        let (first, second) = (prompt("New password of this device: ")?, prompt("The same again: ")?);
        if first != second {
            return Err(CliError::new(ExitKind::Usage, "the two passwords differ").hint("nothing was made; run the command again"));
        }
        Ok(first)
    }

    fn given(&self) -> Result<Option<Zeroizing<String>>, CliError> {
        let text = match (&self.password_file, &self.password_command) {
            (Some(path), _) => std::fs::read_to_string(path)
                .map_err(|error| CliError::new(ExitKind::Environment, format!("the password file {}: {error}", path.display())))?,
            (None, Some(command)) => output_of(command)?,
            (None, None) => return Ok(None),
        };
        let text = Zeroizing::new(text);
        let password = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
        if password.is_empty() {
            return Err(CliError::new(ExitKind::Usage, "the password is empty").hint("put it on the first line"));
        }
        Ok(Some(password))
    }
}

fn output_of(command: &str) -> Result<String, CliError> {
    let failed = |why: String| CliError::new(ExitKind::Environment, format!("the password command failed: {why}"));
    let output = Command::new("sh").arg("-c").arg(command).stderr(Stdio::inherit()).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    String::from_utf8(output.stdout).map_err(|_| failed("it printed something that is no text".into()))
}

fn prompt(question: &str) -> Result<Zeroizing<String>, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::new(ExitKind::Usage, "a password is needed and there is no terminal to ask on")
            .hint("give --password-file or --password-command"));
    }
    rpassword::prompt_password(question)
        .map(Zeroizing::new)
        .map_err(|error| CliError::new(ExitKind::Environment, format!("the password could not be read: {error}")))
}
