//! What a node's operator sees and may do: the one place behind the API, the command and the metrics.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cachette_core::id::PeerId;
use cachette_core::invitation::Invitation;
use cachette_core::node::{Answer, AskId, Event, Request, Trouble};
use cachette_core::store::{self, StoreFault, StoreOp, Usage};
use cachette_core::time::Time;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::api::model::{InvitationAnswer, PeerAnswer, PeersAnswer, StatusAnswer, StoreAnswer, VaultAnswer};
use crate::api::token::ApiToken;
use crate::clock::Clock;
use crate::disk::Store;
use crate::driver::links::LinkTable;
use crate::metrics::Metrics;
use crate::socket::gate::Gate;

/// The operator's view of a running node.
pub struct Desk {
    /// The node's id.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
    /// What it fails together with.
    pub zone: String,
    /// Where peers reach it.
    pub listen: SocketAddr,
    /// Where commands of this machine reach it.
    pub local: SocketAddr,
    /// What invitations say.
    pub addresses: Vec<String>,
    /// Bytes that all vaults together may take.
    pub store_limit: u64,
    /// Who may ask.
    pub token: ApiToken,
    pub(super) reserve: u64,
    pub(super) directory: PathBuf,
    pub(super) clock: Clock,
    pub(super) started: Time,
    pub(super) store: Arc<Store>,
    pub(super) links: LinkTable,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) answers: Answers,
    pub(super) gate: Arc<Gate>,
    pub(super) metrics: Arc<Metrics>,
}

/// Who waits for which answer of the node.
#[derive(Debug, Default)]
pub(super) struct Answers {
    next: AtomicU64,
    waiting: Mutex<BTreeMap<AskId, oneshot::Sender<Answer>>>,
}

/// Something the operator wanted was not done.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The store does not answer.
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreFault),
    /// The disk failed earlier.
    #[error("the disk failed: nothing is stored until the node is started anew")]
    Broken,
    /// The vaults' limit or the reserve is reached.
    #[error("no room is left: the store's limit or the reserve of free space is reached")]
    NoRoom,
    /// An invitation for nothing, or for more than there is.
    #[error("an invitation's limit is between 1 MiB and the node's own of {most} bytes")]
    Limit {
        /// The node's limit.
        most: u64,
    },
    /// The node did not store the invitation.
    #[error("the invitation could not be stored: {0}")]
    Invitation(Trouble),
    /// The system has no entropy.
    #[error("the system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
    /// The node is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

impl Desk {
    /// Issues an invitation to one vault.
    ///
    /// # Errors
    /// [`DeskError`]; on success the invitation is durable.
    pub async fn invite(&self, limit: u64) -> Result<InvitationAnswer, DeskError> {
        if !(INVITATION_MIN..=self.store_limit).contains(&limit) {
            return Err(DeskError::Limit { most: self.store_limit });
        }
        let mut token = [0; 16];
        getrandom::fill(&mut token)?;
        if let Answer::Failed(trouble) = self.ask(|ask| Request::Invite { ask, token, limit }).await? {
            return Err(DeskError::Invitation(trouble));
        }
        let (name, zone) = (self.name.clone(), self.zone.clone());
        let invitation = Invitation { peer: self.peer, addresses: self.addresses.clone(), token, limit, name, zone };
        Ok(InvitationAnswer { invitation: invitation.to_string(), limit, addresses: self.addresses.clone() })
    }

    /// Says whether the node takes new blocks.
    ///
    /// # Errors
    /// [`DeskError`]: why not.
    pub async fn ready(&self) -> Result<(), DeskError> {
        if self.store.is_broken() {
            return Err(DeskError::Broken);
        }
        let used = self.usage().await?;
        if used.bytes >= self.store_limit || self.disk_free() <= self.reserve { Err(DeskError::NoRoom) } else { Ok(()) }
    }

    /// Returns the node's state.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn status(&self) -> Result<StatusAnswer, DeskError> {
        let store = Arc::clone(&self.store);
        let owners = tokio::task::spawn_blocking(move || store.owners()).await.map_err(|_| DeskError::ShuttingDown)??;
        let used = self.usage().await?;
        let ready = self.ready().await;
        Ok(StatusAnswer {
            version: env!("CARGO_PKG_VERSION").into(),
            peer: self.peer.to_string(),
            name: self.name.clone(),
            zone: self.zone.clone(),
            listen: self.listen.to_string(),
            addresses: self.addresses.clone(),
            uptime: self.clock.now().since(self.started).millis() / 1000,
            links: self.links.len(),
            ready: ready.is_ok(),
            not_ready_because: ready.err().map(|error| error.to_string()),
            store: StoreAnswer {
                bytes: used.bytes,
                blocks: used.blocks,
                limit: self.store_limit,
                disk_free: self.disk_free(),
                reserve: self.reserve,
            },
            vaults: owners
                .into_iter()
                .map(|(vault, usage)| VaultAnswer { vault: vault.to_string(), bytes: usage.bytes, blocks: usage.blocks })
                .collect(),
        })
    }

    /// Returns who is linked.
    #[must_use]
    pub fn peers(&self) -> PeersAnswer {
        let now = self.clock.now();
        let peer = |link: Arc<crate::driver::links::LinkInfo>| {
            let (received, sent) = link.traffic();
            PeerAnswer {
                peer: link.peer.to_string(),
                direction: if link.dialled { "out" } else { "in" }.into(),
                remote: link.remote.map(|remote| remote.to_string()),
                seconds: now.since(link.since).millis() / 1000,
                received,
                sent,
            }
        };
        PeersAnswer { peers: self.links.all().into_iter().map(peer).collect() }
    }

    /// Returns all figures for Prometheus.
    pub async fn metrics_text(&self) -> String {
        let figure = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let metrics = &self.metrics;
        // A store that does not answer keeps its last figures; readiness says that it is not well.
        if let Ok(used) = self.usage().await {
            metrics.store_bytes.set(figure(used.bytes));
            metrics.store_blocks.set(figure(used.blocks));
        }
        metrics.store_limit.set(figure(self.store_limit));
        metrics.disk_free.set(figure(self.disk_free()));
        metrics.connections.set(figure(self.gate.open() as u64));
        metrics.links.set(figure(self.links.len() as u64));
        metrics.text()
    }

    /// Hands the node's answers to those who wait for them, for as long as the node runs.
    pub(super) async fn listen(self: Arc<Self>, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            if let Event::Answered(ask, answer) = event
                && let Some(waiting) = self.answers.lock().remove(&ask)
            {
                // Who asked may have gone.
                let _ = waiting.send(answer);
            }
        }
    }

    /// Tells the node to say goodbye to everybody.
    pub(super) async fn drain(&self) {
        // A driver that is gone already has nothing to drain.
        let _ = self.requests.send(Request::Drain).await;
    }

    async fn ask(&self, request: impl FnOnce(AskId) -> Request) -> Result<Answer, DeskError> {
        let ask = AskId(self.answers.next.fetch_add(1, Ordering::Relaxed));
        let (sender, answer) = oneshot::channel();
        self.answers.lock().insert(ask, sender);
        let sent = self.requests.send(request(ask)).await;
        let answered = match sent {
            Ok(()) => tokio::time::timeout(ANSWER_WITHIN, answer).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        self.answers.lock().remove(&ask);
        answered.ok_or(DeskError::ShuttingDown)
    }

    async fn usage(&self) -> Result<Usage, DeskError> {
        let (sender, answer) = oneshot::channel();
        let store = Arc::clone(&self.store);
        // A store with a full queue makes its caller wait, which a thread of the runtime must not do.
        let submit = move || store.submit(StoreOp::Usage(None), move |answer| drop(sender.send(answer)));
        tokio::task::spawn_blocking(submit).await.map_err(|_| DeskError::ShuttingDown)?;
        match answer.await {
            Ok(store::StoreAnswer::Usage(usage)) => Ok(usage),
            Ok(store::StoreAnswer::Failed(fault)) => Err(fault.into()),
            _ => Err(DeskError::ShuttingDown),
        }
    }

    /// Returns the bytes that are free for us on the store's disk; none when the system does not say.
    fn disk_free(&self) -> u64 {
        rustix::fs::statvfs(&self.directory).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl Answers {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AskId, oneshot::Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes below which a vault could not even keep its own records and one large block.
const INVITATION_MIN: u64 = 1 << 20;
/// A node that does not answer for so long is not well.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(8);
