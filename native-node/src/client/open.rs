//! Opening a client: the data directory, its notes and store, the machines above them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{self, Node, Role};
use cachette_core::peer::Peer;
use cachette_core::vault::{self, Input, Opening, Vault};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Client;
use super::driver::Driver;
use super::jobs::Jobs;
use super::keeper::Keeper;
use super::machine::Machine;
use super::side::Side;
use super::troubles::Troubles;
use crate::clock::Clock;
use crate::data_dir::{DataDir, DataDirError};
use crate::disk::{self, Store};
use crate::driver::links::LinkTable;
use crate::driver::network::{Network, Parts};
use crate::metrics::Metrics;
use crate::notes::{Notes, NotesError};
use crate::socket::dialer::Dialer;
use crate::socket::tls::TlsError;

/// A client cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be had.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The notes cannot be read.
    #[error(transparent)]
    Notes(#[from] NotesError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] disk::OpenError),
    /// The vault cannot be opened from the notes.
    #[error(transparent)]
    Vault(#[from] vault::OpenError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system has no entropy.
    #[error("the system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
    /// The system has no more threads.
    #[error("no threads can be started: {0}")]
    Threads(std::io::Error),
}

/// A client and the task that drives it.
pub struct Opened {
    /// The client.
    pub client: Client,
    /// Its open links.
    pub links: LinkTable,
    /// What is wrong with the vault's nodes.
    pub troubles: Troubles,
    /// What this machine keeps, for as long as the client is open; nothing for a link.
    pub store: Weak<Store>,
    /// Ends when every clone of the client is gone.
    pub task: JoinHandle<()>,
}

/// Returns the directory of the vault in a data directory, beside which a node of the same machine lies.
#[must_use]
pub fn vault_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("vault")
}

/// Returns the path of the device's file.
#[must_use]
pub fn device_file(vault_dir: &Path) -> PathBuf {
    vault_dir.join("device")
}

/// Opens the vault in a directory that this process has claimed.
///
/// # Errors
/// [`OpenError`].
pub async fn open(dir: &DataDir, seed: Seed, ca_file: Option<&Path>) -> Result<Opened, OpenError> {
    let (durable, relaxed) = (Notes::open(dir)?, Notes::open_relaxed(dir)?);
    let mut notes = durable.load_all()?;
    notes.extend(relaxed.load_all()?);
    let notes = notes.into_iter().collect();
    let identity = Arc::new(Identity::from_seed(&seed));
    let clock = Clock::start();
    let vault = Vault::open(clock.now(), Opening { seed, notes, entropy: entropy()? })?;
    let config = node::Config { me: identity.peer(), role: Role::Client, seed: entropy()? };
    let peer = Peer::new(vault, Node::new(clock.now(), config));

    let (network, store) = network(dir, identity, clock, ca_file).await?;
    let links = network.links();
    let (inbox, application) = mpsc::unbounded_channel();
    let (done, outcomes) = mpsc::unbounded_channel();
    let troubles = Troubles::default();
    // The driver may be gone when a job ends: then nobody needs its outcome.
    let jobs = Jobs::start({
        let done = done.clone();
        move |id, outcome| drop(done.send(Input::Done(id, outcome)))
    });
    let keeper = Keeper::start(durable, relaxed, move |id, kept| drop(done.send(Input::Kept(id, kept)))).map_err(OpenError::Threads)?;
    let driver = Driver { machine: Machine::Peer(Box::new(peer)), network, clock, side: Side::new(troubles.clone(), jobs, Some(keeper)) };
    let task = tokio::spawn(driver.run(application, outcomes));
    Ok(Opened { client: Client::new(inbox), links, troubles, store: Arc::downgrade(&store), task })
}

/// Puts a network together for whoever this is, over the store of this directory.
pub(crate) async fn network(
    dir: &DataDir,
    identity: Arc<Identity>,
    clock: Clock,
    ca_file: Option<&Path>,
) -> Result<(Network, Arc<Store>), OpenError> {
    let claimed = dir.clone();
    let opening = tokio::task::spawn_blocking(move || Store::open_in(&claimed, disk::Options::default()));
    let store = Arc::new(opening.await.map_err(|error| OpenError::Threads(error.into()))??);
    let dialer = Dialer::new(ca_file)?;
    let parts = Parts { identity, clock, store: Some(Arc::clone(&store)), dialer, metrics: Arc::new(Metrics::default()) };
    Ok((Network::new(parts), store))
}

/// Returns fresh entropy of the system.
///
/// # Errors
/// The system's.
pub fn entropy() -> Result<[u8; 32], getrandom::Error> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy)?;
    Ok(entropy)
}
