//! A storage node: everything that `cachette serve` puts together, and takes apart again in order.

pub mod desk;
pub mod layout;
pub mod settings;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use cachette_core::id::PeerId;
use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{self, Role};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;
use zeroize::Zeroizing;

pub use self::settings::{Settings, SettingsError};
use crate::api;
use crate::api::client::RunningNode;
use crate::api::token::ApiToken;
use crate::clock::Clock;
use crate::data_dir::{DataDir, DataDirError, SecretFileError, read_secret, write_secret};
use crate::descriptors;
use crate::disk::{self, Store};
use crate::driver;
use crate::driver::network::{self, Network};
use crate::metrics::Metrics;
use crate::serve::desk::{Answers, Desk};
use crate::socket::dialer::Dialer;
use crate::socket::gate::{Gate, GateLimits};
use crate::socket::listener::Listener;
use crate::socket::origin::Policy;
use crate::socket::tls::{ServerTls, TlsError};
use crate::socket::upgrade::Entrance;

/// A running node.
pub struct Serving {
    desk: Arc<Desk>,
    driver: JoinHandle<()>,
    listeners: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    tls: Option<Arc<ServerTls>>,
    directory: DataDir,
    is_new: bool,
}

/// A node cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Another process listens there.
    #[error("{0} is in use")]
    PortInUse(SocketAddr),
    /// Another process listens where commands of this machine are to be answered.
    #[error("{0} is in use")]
    LocalPortInUse(SocketAddr),
    /// The system does not let us listen there.
    #[error("{address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// Another process has the data directory.
    #[error("{error}")]
    DataDirInUse {
        /// Which, and who.
        error: DataDirError,
    },
    /// The data directory cannot be had.
    #[error(transparent)]
    DataDir(DataDirError),
    /// The node's identity cannot be read.
    #[error("the node's seed cannot be used: {error}")]
    Seed {
        /// Why.
        error: String,
    },
    /// A file that holds a secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] disk::OpenError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file of the data directory cannot be written.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The system has no entropy.
    #[error("the system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
}

impl Serving {
    /// Starts a node; on return it listens.
    ///
    /// # Errors
    /// [`ServeError`]; nothing is left running.
    pub async fn start(settings: Settings) -> Result<Self, ServeError> {
        let directory = DataDir::claim(&layout::node_dir(&settings.data_dir)).map_err(|error| match error {
            error @ (DataDirError::InUse { .. } | DataDirError::InUseBySomebody { .. }) => ServeError::DataDirInUse { error },
            error => ServeError::DataDir(error),
        })?;
        let tls = settings.tls.clone().map(ServerTls::load).transpose()?.map(Arc::new);
        let public = bind(settings.listen).await?;
        let local = bind(settings.local_listen).await.map_err(|error| match error {
            ServeError::PortInUse(address) => ServeError::LocalPortInUse(address),
            error => error,
        })?;
        let (seed, is_new) = open_seed(&directory)?;
        let token = ApiToken::open(&directory.join(layout::API_TOKEN))?;
        let options = disk::Options { reserve: Some(settings.reserve), verify: true, ..disk::Options::default() };
        let store = Arc::new(open_store(directory.clone(), options).await?);

        let identity = Arc::new(Identity::from_seed(&seed));
        let clock = Clock::start();
        let metrics = Arc::new(Metrics::default());
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy)?;
        let role = Role::Carrier { limit: settings.store_limit, zone: settings.zone.clone() };
        let config = node::Config { me: identity.peer(), role, seed: entropy };
        let dialer = Dialer::new(settings.ca_file.as_deref())?;
        let parts = network::Parts {
            identity: Arc::clone(&identity),
            clock,
            store: Some(Arc::clone(&store)),
            dialer,
            metrics: Arc::clone(&metrics),
        };
        let network = Network::new(parts);
        let (accepted, links) = (network.accepted(), network.links());
        let driver::Handle { requests, events, task: driver } = driver::Handle::spawn(config, network, clock);

        let total = descriptors::room_for(settings.gate.total);
        if total < settings.gate.total {
            warn!(connections = total, "fewer connections than configured: the system lets this process open too few files");
        }
        let gate = Gate::new(GateLimits { total, ..settings.gate });
        let addresses = settings.addresses(public.1);
        let desk = Arc::new(Desk {
            peer: identity.peer(),
            name: settings.name.clone(),
            zone: settings.zone.clone(),
            listen: public.1,
            local: local.1,
            addresses,
            store_limit: settings.store_limit,
            reserve: settings.reserve,
            directory: directory.path().to_owned(),
            clock,
            started: clock.now(),
            token,
            store,
            links,
            requests,
            answers: Answers::default(),
            gate: Arc::clone(&gate),
            metrics: Arc::clone(&metrics),
        });
        tokio::spawn(Arc::clone(&desk).listen(events));

        let hosts = settings.public_addresses.iter().map(|address| address.host.clone());
        let policy = Arc::new(Policy::new(hosts, settings.allow_origins.clone()));
        let (stop, stopped) = watch::channel(false);
        let entrance = Entrance { policy: Arc::clone(&policy), accepted };
        let public = Listener {
            tcp: public.0,
            tls: tls.clone(),
            gate,
            router: api::public_routes(Arc::clone(&desk), entrance),
            metrics: Arc::clone(&metrics),
        };
        let local_gate = Gate::new(GateLimits { total: LOCAL_CONNECTIONS, ..settings.gate });
        let local = Listener { tcp: local.0, tls: None, gate: local_gate, router: api::local_routes(Arc::clone(&desk), policy), metrics };
        let listeners = vec![tokio::spawn(public.run(stopped.clone())), tokio::spawn(local.run(stopped))];

        let running = RunningNode { pid: std::process::id(), peer: desk.peer.to_string(), listen: desk.listen, local: desk.local };
        running.write(directory.path()).map_err(|error| ServeError::Io { path: directory.join(layout::RUNNING_NODE), error })?;
        Ok(Self { desk, driver, listeners, stop, tls, directory, is_new })
    }

    /// Returns what the operator sees and may do.
    #[must_use]
    pub const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Returns the node's peer id.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.desk.peer
    }

    /// Says whether the node was made by this start.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Reads the TLS certificate again; without TLS there is nothing to do.
    ///
    /// # Errors
    /// [`TlsError`]; the old certificate stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Stops listening, says goodbye to every peer, answers what was submitted to the store and lets the data directory go.
    pub async fn shutdown(self) {
        let Self { desk, driver, listeners, stop, directory, .. } = self;
        RunningNode::forget(directory.path());
        // Listeners that are gone already need not be told.
        let _ = stop.send(true);
        desk.drain().await;
        // A driver that panicked has nothing more to say.
        let _ = driver.await;
        for listener in listeners {
            let _ = listener.await;
        }
        // Dropping the last hold on the store waits for its threads, which a runtime thread must not do.
        let _ = tokio::task::spawn_blocking(move || drop(desk)).await;
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortInUse(address),
        _ => ServeError::Listen { address, error },
    };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

/// Reads the node's seed, or makes one on its first start.
fn open_seed(directory: &DataDir) -> Result<(Seed, bool), ServeError> {
    let path = directory.join(layout::SEED);
    if path.exists() {
        let bytes = Zeroizing::new(read_secret(&path).map_err(|error| ServeError::Seed { error: error.to_string() })?);
        let seed = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| ServeError::Seed { error: "it is not 32 bytes long".into() })?;
        return Ok((Seed::new(seed), false));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut())?;
    write_secret(&path, bytes.as_ref())?;
    Ok((Seed::new(*bytes), true))
}

async fn open_store(directory: DataDir, options: disk::Options) -> Result<Store, ServeError> {
    let path = directory.path().to_owned();
    match tokio::task::spawn_blocking(move || Store::open_in(&directory, options)).await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(ServeError::Io { path, error: io::Error::other(error) }),
    }
}

/// Connections to the loopback port: a few commands and a collector of metrics.
const LOCAL_CONNECTIONS: usize = 64;
