//! Bringing a vault back from its recovery words: a node that speaks as the words' own key finds the vault, and enrols this device.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cachette_core::address::Address;
use cachette_core::id::{PeerId, VaultId};
use cachette_core::identity::Identity;
use cachette_core::node::{self, Answer, AskId, Event, Request, Role, Trouble};
use cachette_core::record::Record;
use cachette_core::vault::keys::{self, AuthorityError, Enrolled, RestoreError};
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use super::open::{OpenError, entropy, network};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::driver::Handle;
use crate::notes::Note;

/// A vault that was found, with this device enrolled.
pub struct Restoring {
    /// What the device has to keep before it opens the vault.
    pub notes: Vec<Note>,
    /// The vault.
    pub vault: VaultId,
    /// Nodes that have taken the certificate that enrols the device.
    pub reached: usize,
    /// Nodes of the vault.
    pub of: usize,
}

/// A vault was not brought back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestoringError {
    /// The machine does not allow it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No node that was named answered.
    #[error("no node answered")]
    NoNode(Vec<(String, Trouble)>),
    /// The nodes know of no vault that these words open.
    #[error("the nodes that answered know no vault that these words open")]
    NotFound,
    /// The words open several vaults.
    #[error("these words open {0} vaults; that cannot be told apart here")]
    Several(usize),
    /// The records do not lead to the keys.
    #[error(transparent)]
    Records(#[from] RestoreError),
    /// The device was not enrolled.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The certificate is on fewer nodes than needed.
    #[error("only {reached} of {of} nodes took this device in; that is too few to be sure")]
    TooFew {
        /// Nodes that took it.
        reached: usize,
        /// Nodes of the vault.
        of: usize,
    },
    /// The node's task ended: a bug of ours.
    #[error("the connection task ended early")]
    Ended,
}

/// Finds the vault that the words open and enrols the device.
///
/// # Errors
/// [`RestoringError`]; nothing was changed unless a certificate was published.
pub async fn restore(
    dir: &DataDir,
    paper: Arc<Identity>,
    device: &Identity,
    addresses: &[Address],
    ca_file: Option<&Path>,
) -> Result<Restoring, RestoringError> {
    let fresh = || entropy().map_err(OpenError::from);
    let clock = Clock::start();
    let config = node::Config { me: paper.peer(), role: Role::Client, seed: fresh()? };
    let network = network(dir, Arc::clone(&paper), clock, ca_file).await?;
    let mut talk = Talk { handle: Handle::spawn(config, network, clock), asks: 0 };
    let result = talk.restore(&paper, device, addresses, &fresh()?).await;
    let Talk { handle, .. } = talk;
    // A node that is gone already has nobody to say goodbye to.
    let _ = handle.requests.send(Request::Drain).await;
    drop(handle.requests);
    drop(handle.events);
    let _ = tokio::time::timeout(GOODBYE, handle.task).await;
    result
}

/// A node without a vault, to ask one thing after the other.
struct Talk {
    handle: Handle,
    asks: u64,
}

impl Talk {
    async fn restore(
        &mut self,
        paper: &Identity,
        device: &Identity,
        addresses: &[Address],
        entropy: &[u8; 32],
    ) -> Result<Restoring, RestoringError> {
        let mut records: Vec<Record> = Vec::new();
        let mut failures = Vec::new();
        for address in addresses {
            let Some(peer) = address.peer else { continue };
            match self.find(paper, peer, address).await? {
                Ok(found) => records.extend(found),
                Err(trouble) => failures.push((address.url(), trouble)),
            }
        }
        if records.is_empty() && failures.len() == addresses.len() {
            return Err(RestoringError::NoNode(failures));
        }
        let vaults = keys::located(&paper.peer(), &records);
        let vault = match vaults.len() {
            0 => return Err(RestoringError::NotFound),
            1 => vaults.into_iter().next().ok_or(RestoringError::NotFound)?,
            several => return Err(RestoringError::Several(several)),
        };
        // The sheet's nodes may be behind: the vault's own carriers are asked too.
        let first = keys::restore(paper, vault, &records)?;
        self.send(Request::Follow(first.chain)).await?;
        records.extend(self.refresh(vault).await?);
        let restored = keys::restore(paper, vault, &records)?;
        let Enrolled { certificate, chain, notes } = restored.enrol(paper, device, &records, entropy)?;
        let of = chain.tip().carriers.len();
        self.send(Request::Follow(chain.clone())).await?;
        let reached = self.publish(Record::Certificate(certificate)).await?;
        if reached * 2 <= of {
            return Err(RestoringError::TooFew { reached, of });
        }
        Ok(Restoring { notes, vault, reached, of })
    }

    /// Asks one node for everything that these words lead to.
    async fn find(&mut self, paper: &Identity, peer: PeerId, address: &Address) -> Result<Result<Vec<Record>, Trouble>, RestoringError> {
        let url = address.url();
        if let Answer::Failed(trouble) = self.ask(|ask| Request::Connect(ask, peer, vec![url])).await? {
            return Ok(Err(trouble));
        }
        let mut records = match self.ask(|ask| Request::FindVault(ask, peer, paper.peer())).await? {
            Answer::Records(records) => records,
            Answer::Failed(trouble) => return Ok(Err(trouble)),
            _ => Vec::new(),
        };
        for vault in keys::located(&paper.peer(), &records) {
            match self.ask(|ask| Request::RecordsFrom(ask, peer, vault)).await? {
                Answer::Records(more) => records.extend(more),
                Answer::Failed(trouble) => return Ok(Err(trouble)),
                _ => {}
            }
        }
        Ok(Ok(records))
    }

    /// Asks all carriers for the vault's records.
    async fn refresh(&mut self, vault: VaultId) -> Result<Vec<Record>, RestoringError> {
        self.asks += 1;
        let ask = AskId(self.asks);
        self.send(Request::Refresh(ask, vault)).await?;
        let mut records = Vec::new();
        loop {
            match self.next().await? {
                Event::Records(of, _, more) if of == vault => records.extend(more),
                Event::Answered(answered, _) if answered == ask => return Ok(records),
                _ => {}
            }
        }
    }

    /// Publishes a record and returns on how many nodes it is, once it is on all or nothing more is heard.
    async fn publish(&mut self, record: Record) -> Result<usize, RestoringError> {
        let id = record.id();
        self.send(Request::Publish(record)).await?;
        let until = Instant::now() + PUBLISH;
        let (mut reached, mut missed, mut of) = (0, 0, usize::MAX);
        while reached + missed < of
            && let Ok(event) = timeout_at(until, self.next()).await
        {
            match event? {
                Event::Published(published, copies) if published == id => {
                    (reached, of) = (usize::from(copies.durable), usize::from(copies.wanted));
                }
                Event::Unpublished(unpublished, ..) if unpublished == id => missed += 1,
                _ => {}
            }
        }
        Ok(reached)
    }

    async fn ask(&mut self, request: impl FnOnce(AskId) -> Request) -> Result<Answer, RestoringError> {
        self.asks += 1;
        let ask = AskId(self.asks);
        self.send(request(ask)).await?;
        loop {
            if let Event::Answered(answered, answer) = self.next().await?
                && answered == ask
            {
                return Ok(answer);
            }
        }
    }

    async fn send(&self, request: Request) -> Result<(), RestoringError> {
        self.handle.requests.send(request).await.map_err(|_| RestoringError::Ended)
    }

    async fn next(&mut self) -> Result<Event, RestoringError> {
        self.handle.events.recv().await.ok_or(RestoringError::Ended)
    }
}

/// How long nodes get to take the certificate that enrols a device.
const PUBLISH: Duration = Duration::from_secs(10);
/// How long links get for their goodbyes.
const GOODBYE: Duration = Duration::from_secs(2);
