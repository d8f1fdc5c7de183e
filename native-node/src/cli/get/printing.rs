//! A file's bytes on standard output.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachette_core::vault::tree::{Node, Path};

use super::range::range_of;
use super::{AHEAD, len_of, stat, unread};
use crate::cli::error::{CliError, ExitKind};
use crate::cli::paths::{printable, shown};
use crate::cli::session::Session;

/// Prints a file, or a range of it; gives up when nothing has come for as long as `wait`.
pub(super) async fn print(session: &Session, path: &Path, range: Option<&str>, wait: Duration) -> Result<(), CliError> {
    let counter = AtomicU64::new(0);
    tokio::select! {
        done = stream(session, path, range, &counter) => done,
        stalled = session.stalled(wait, &counter) => Err(stalled),
    }
}

async fn stream(session: &Session, path: &Path, range: Option<&str>, counter: &AtomicU64) -> Result<(), CliError> {
    let node = stat(session, path).await?;
    match &node {
        Node::File { .. } => {}
        Node::Symlink { target, .. } => {
            let target = printable(&String::from_utf8_lossy(target));
            return Err(CliError::new(ExitKind::Usage, format!("{} is a symlink to {target}, and symlinks are not followed", shown(path))));
        }
        _ => return Err(CliError::new(ExitKind::Usage, format!("{} is not a file", shown(path)))),
    }
    let (from, len) = match range {
        Some(range) => range_of(range, len_of(&node))?,
        None => (0, len_of(&node)),
    };
    let mut reading = session.client.read(path.clone(), from, Some(len));
    reading.pull(AHEAD);
    while let Some(bytes) = reading.next().await {
        reading.pull(bytes.len());
        counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // What stays in the buffer is lost without a word when the process ends.
        let mut output = std::io::stdout().lock();
        match output.write_all(&bytes).and_then(|()| output.flush()) {
            Ok(()) => {}
            // The reader has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(CliError::new(ExitKind::Environment, format!("standard output: {error}"))),
        }
    }
    reading.end().await.map_err(|error| unread(session, path, error))?;
    Ok(())
}
