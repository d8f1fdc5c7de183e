//! The end of every command that changes the vault: what is staged becomes a snapshot and is waited for.

use std::time::{Duration, Instant};

use cachette_core::vault::{Command, CommandError, Committed, Reply};

use super::error::{CliError, ExitKind};
use super::movement::Movement;
use super::session::Session;

/// Commits what is staged and waits until it is safe, or nothing has moved for `wait`.
pub(super) async fn commit(session: &Session, message: String, wait: Duration) -> Result<Committed, CliError> {
    attempt(session, message, wait).await?.map_err(|error| session.why_not_safe(error))
}

/// Does the same, and leaves it to the caller what to make of the vault's answer.
pub(super) async fn attempt(session: &Session, message: String, wait: Duration) -> Result<Result<Committed, CommandError>, CliError> {
    let mut reply = std::pin::pin!(session.client.run(Command::Commit(message)));
    let (mut movement, mut last) = (Movement::of(session), Instant::now());
    loop {
        tokio::select! {
            reply = &mut reply => return match reply {
                Ok(Reply::Committed(committed)) => Ok(Ok(committed)),
                Ok(_) => Err(CliError::new(ExitKind::Internal, "the commit got another command's reply")),
                Err(error) => Ok(Err(error)),
            },
            () = tokio::time::sleep(LOOK) => {}
        }
        if movement.goes_on(session) {
            last = Instant::now();
        } else if last.elapsed() > wait {
            return Err(session.not_safe_yet().await);
        }
    }
}

/// How often is looked whether something moved.
const LOOK: Duration = Duration::from_millis(200);
