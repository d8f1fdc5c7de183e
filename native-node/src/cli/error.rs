//! How a command fails: a kind that scripts can act on, a sentence, what was observed, and what to do next.

use crate::api::client::ClientError;
use crate::config::ConfigError;
use crate::logging::LogError;
use crate::serve::{ServeError, SettingsError};

/// The exit code of a command, by kind of failure. 0 is success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitKind {
    /// The command line is wrong.
    Usage = 2,
    /// The configuration is wrong.
    Config = 3,
    /// The machine, its disk or the network does not allow it now.
    Environment = 4,
    /// It was done, but has fewer lasting copies than agreed.
    NotSafeYet = 5,
    /// What was asked for does not exist.
    NotFound = 6,
    /// Something is damaged, missing or forged.
    Damaged = 7,
    /// A node, a password or a right said no.
    Refused = 8,
    /// A bug of ours.
    Internal = 70,
    /// A person ended it.
    Interrupted = 130,
}

/// A failed command.
#[derive(Debug)]
pub struct CliError {
    /// What kind of failure.
    pub kind: ExitKind,
    /// What happened, in one sentence without a full stop.
    pub message: String,
    /// What was observed, a line each.
    pub details: Vec<String>,
    /// What to do next, a line each.
    pub hints: Vec<String>,
}

impl ExitKind {
    /// Returns the name that `--json` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Environment => "environment",
            Self::NotSafeYet => "not-safe-yet",
            Self::NotFound => "not-found",
            Self::Damaged => "damaged",
            Self::Refused => "refused",
            Self::Internal => "internal",
            Self::Interrupted => "interrupted",
        }
    }
}

impl CliError {
    /// Starts a failure with its kind and sentence.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a sentence is given away")]
    pub fn new(kind: ExitKind, message: impl ToString) -> Self {
        Self { kind, message: message.to_string(), details: Vec::new(), hints: Vec::new() }
    }

    /// Adds a line on what was observed.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a sentence is given away")]
    pub fn detail(mut self, detail: impl ToString) -> Self {
        self.details.push(detail.to_string());
        self
    }

    /// Adds a line on what to do next.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a sentence is given away")]
    pub fn hint(mut self, hint: impl ToString) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        let failure = Self::new(ExitKind::Config, &error);
        match error {
            ConfigError::UnknownKey { nearest: Some(nearest), .. } => failure.hint(format!("did you mean `{nearest}`?")),
            ConfigError::UnknownKey { .. } => failure.hint("`cachette config` lists all keys"),
            ConfigError::NoHome => failure.hint("set HOME, or give --config and --data-dir"),
            _ => failure,
        }
    }
}

impl From<SettingsError> for CliError {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Config(error) => error.into(),
            other => Self::new(ExitKind::Config, &other).hint("`cachette config` shows where each value came from"),
        }
    }
}

impl From<LogError> for CliError {
    fn from(error: LogError) -> Self {
        Self::new(ExitKind::Config, &error)
    }
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        let failure = Self::new(ExitKind::Environment, &error);
        match error {
            ServeError::PortInUse(_) => failure.hint("another process listens there; stop it, or give another port with --listen"),
            ServeError::LocalPortInUse(_) => {
                failure.hint("another process listens there; stop it, or give another loopback port with --local-listen")
            }
            ServeError::DataDirInUse { .. } => failure.hint("stop the other process, or give this one a place of its own with --data-dir"),
            ServeError::Seed { .. } => failure.hint("the seed is the node's identity: restore it from a backup rather than deleting it"),
            _ => failure,
        }
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::Refused(_) => ExitKind::Refused,
            _ => ExitKind::Environment,
        };
        let failure = Self::new(kind, &error);
        match error {
            ClientError::NotRunning(_) => failure.hint("start it with `cachette serve`, or name its directory with --data-dir"),
            ClientError::Unreachable(_) => failure.hint("the node may have just stopped; look at its log"),
            ClientError::Token(_) => failure.hint("run this as the user who runs the node"),
            _ => failure,
        }
    }
}
