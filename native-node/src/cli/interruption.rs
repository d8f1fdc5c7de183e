//! Ctrl-C in the middle of a command that takes long.

use super::error::{CliError, ExitKind};

/// Waits until a person interrupts the command, and says so. Only commands that are past asking for a password wait for it: until then
/// the system ends them at once.
pub(super) async fn interrupted() -> CliError {
    match tokio::signal::ctrl_c().await {
        Ok(()) => CliError::new(ExitKind::Interrupted, "interrupted"),
        // Without a handler of ours the system ends the process.
        Err(_) => std::future::pending().await,
    }
}
