//! Bringing a vault back from its recovery words: drives the machine that does it, and the node that it stands on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cachette_core::address::Address;
use cachette_core::identity::Identity;
use cachette_core::node::{self, Request, Role};
use cachette_core::restorer::{Input, Output, Restored, Restorer, RestorerError};
use thiserror::Error;
use tokio::time::{Instant, sleep_until, timeout};

use super::open::{OpenError, entropy, network};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::driver::Handle;

/// A vault was not brought back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The machine does not allow it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The nodes do not.
    #[error(transparent)]
    Restorer(#[from] RestorerError),
    /// The node's task ended: a bug of ours.
    #[error("the connection task ended early")]
    Ended,
}

/// Finds the vault that the words open and enrols the device.
///
/// # Errors
/// [`RestoreError`]; nothing was changed unless a certificate was published.
pub async fn restore(
    dir: &DataDir,
    paper: Arc<Identity>,
    device: &Identity,
    addresses: &[Address],
    ca_file: Option<&Path>,
) -> Result<Restored, RestoreError> {
    let fresh = || entropy().map_err(OpenError::from);
    let clock = Clock::start();
    let config = node::Config { me: paper.peer(), role: Role::Client, seed: fresh()? };
    let (network, _) = network(dir, Arc::clone(&paper), clock, ca_file).await?;
    let mut handle = Handle::spawn(config, network, clock);
    let result = drive(Restorer::new(&paper, device, fresh()?, addresses), &mut handle, clock).await;
    // A node that is gone already has nobody to say goodbye to.
    let _ = handle.requests.send(Request::Drain).await;
    drop(handle.requests);
    drop(handle.events);
    let _ = timeout(GOODBYE, handle.task).await;
    result
}

async fn drive(mut restorer: Restorer<'_>, handle: &mut Handle, clock: Clock) -> Result<Restored, RestoreError> {
    loop {
        while let Some(output) = restorer.poll() {
            match output {
                Output::Request(request) => handle.requests.send(request).await.map_err(|_| RestoreError::Ended)?,
                Output::Ended(result) => return Ok(result?),
            }
        }
        let due = restorer.deadline().map(|deadline| clock.instant(deadline.at));
        let input = tokio::select! {
            event = handle.events.recv() => Input::Event(event.ok_or(RestoreError::Ended)?),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Input::Tick,
        };
        restorer.handle(clock.now(), input);
    }
}

/// How long links get for their goodbyes.
const GOODBYE: Duration = Duration::from_secs(2);
