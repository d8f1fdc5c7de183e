//! Where log lines go and how they look. Fields never carry secrets, names of files, or contents.

use std::io::{IsTerminal, stderr};
use std::str::FromStr;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object to a line.
    Json,
}

/// A log format or filter that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The format is unknown.
    #[error("the log format is text or json")]
    Format,
    /// The filter has no such form.
    #[error("a log filter looks like `info` or `warn,cachette=debug`")]
    Filter,
}

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, LogError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(LogError::Format),
        }
    }
}

/// Sends log lines to standard error from now on. A second call changes nothing, for a process has one log.
///
/// # Errors
/// [`LogError::Filter`].
pub fn start(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|_| LogError::Filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_timer(SystemTime);
    // A second subscriber is refused; in tests, where several nodes share a process, the first one serves all.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_formats_are_checked_before_anything_runs() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert_eq!("xml".parse::<LogFormat>(), Err(LogError::Format));
        assert_eq!(start(LogFormat::Text, "cachette=louder"), Err(LogError::Filter));
    }
}
