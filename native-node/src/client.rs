//! A client: an open vault with its own store, notes, jobs and connections, for commands to use.
//!
//! ```text
//!   command --Client--> driver task [ Peer = vault + node ] --Job--> threads      --Keep--> notes
//!                                                           --Dial, Send--> links --Store--> disk
//! ```

pub mod device;
pub mod driver;
pub mod jobs;
pub mod keeper;
pub mod landing;
pub mod machine;
mod mark;
pub mod open;
pub mod restore;
pub mod side;
pub mod transfer;
pub mod troubles;
pub mod visit;

use std::sync::Arc;

use bytes::Bytes;
use cachette_core::node::{Answer, AskId, Request};
use cachette_core::vault::tree::Path;
use cachette_core::vault::{Command, CommandError, CommandId, New, Reply, ShareContents};
use tokio::sync::{Semaphore, mpsc, oneshot};

use self::machine::Machine;
use self::side::FromApplication;

/// An open vault. Clones use the same one.
#[derive(Clone)]
pub struct Client {
    inbox: mpsc::UnboundedSender<FromApplication>,
    numbers: Arc<std::sync::atomic::AtomicU64>,
}

/// The client's driver is gone: a bug of ours, or the process is ending.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the vault was closed while the command ran")]
pub struct Closed;

/// A file that is being put.
pub struct Putting {
    /// The command.
    pub id: CommandId,
    /// Bytes that the vault invites.
    pub room: Arc<Semaphore>,
    inbox: mpsc::UnboundedSender<FromApplication>,
    reply: oneshot::Receiver<Result<Reply, CommandError>>,
}

/// A file that is being read.
pub struct Reading {
    id: CommandId,
    inbox: mpsc::UnboundedSender<FromApplication>,
    bytes: mpsc::UnboundedReceiver<Bytes>,
    reply: oneshot::Receiver<Result<Reply, CommandError>>,
}

impl Client {
    pub(crate) fn new(inbox: mpsc::UnboundedSender<FromApplication>) -> Self {
        Self { inbox, numbers: Arc::default() }
    }

    /// Runs a command that moves no file bytes.
    ///
    /// # Errors
    /// [`CommandError`]; [`CommandError::Cancelled`] when the client is closed meanwhile.
    pub async fn run(&self, command: Command) -> Result<Reply, CommandError> {
        let (answer, reply) = oneshot::channel();
        self.tell(FromApplication::Command { id: self.number(), command, answer, bytes: None, room: None });
        reply.await.unwrap_or(Err(CommandError::Cancelled))
    }

    /// Begins to put a file.
    #[must_use]
    pub fn put(&self, path: Path, new: New) -> Putting {
        let (answer, reply) = oneshot::channel();
        let (id, room) = (self.number(), Arc::new(Semaphore::new(0)));
        let command = Command::Put(path, new);
        self.tell(FromApplication::Command { id, command, answer, bytes: None, room: Some(Arc::clone(&room)) });
        Putting { id, room, inbox: self.inbox.clone(), reply }
    }

    /// Begins to read a file.
    #[must_use]
    pub fn read(&self, path: Path, from: u64, len: Option<u64>) -> Reading {
        let (answer, reply) = oneshot::channel();
        let (sender, bytes) = mpsc::unbounded_channel();
        let id = self.number();
        let command = Command::Read { path, from, len };
        self.tell(FromApplication::Command { id, command, answer, bytes: Some(sender), room: None });
        Reading { id, inbox: self.inbox.clone(), bytes, reply }
    }

    /// Asks the node something and waits for its answer.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn ask(&self, request: impl FnOnce(AskId) -> Request) -> Result<Answer, Closed> {
        let (answer, reply) = oneshot::channel();
        let ask = AskId(self.number().0);
        self.tell(FromApplication::Ask(ask, request(ask), answer));
        reply.await.map_err(|_| Closed)
    }

    /// Looks at the vault as it is now.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn look<T: Send + 'static>(&self, look: impl FnOnce(&cachette_core::peer::Peer) -> T + Send + 'static) -> Result<T, Closed> {
        let (answer, reply) = oneshot::channel();
        let look = Box::new(move |machine: &Machine| {
            if let Machine::Peer(peer) = machine {
                // Nobody may be waiting any more.
                let _ = answer.send(look(peer));
            }
        });
        self.tell(FromApplication::Look(look));
        reply.await.map_err(|_| Closed)
    }

    /// Returns what a link leads to, once its record was found; nothing for a vault.
    ///
    /// # Errors
    /// [`Closed`].
    pub async fn shared(&self) -> Result<Option<ShareContents>, Closed> {
        let (answer, reply) = oneshot::channel();
        let look = Box::new(move |machine: &Machine| {
            let contents = match machine {
                Machine::Peer(_) => None,
                Machine::Visitor(visitor) => visitor.contents().cloned(),
            };
            let _ = answer.send(contents);
        });
        self.tell(FromApplication::Look(look));
        reply.await.map_err(|_| Closed)
    }

    fn number(&self) -> CommandId {
        CommandId(self.numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    /// Tells the driver; when it is gone, whoever waits for an answer hears it from the dropped channel.
    fn tell(&self, what: FromApplication) {
        let _ = self.inbox.send(what);
    }
}

impl Putting {
    /// Hands over bytes; take as many permits of [`Putting::room`] before.
    pub fn bytes(&self, bytes: Bytes) {
        let _ = self.inbox.send(FromApplication::Bytes(self.id, bytes));
    }

    /// Ends the file and waits until it is staged.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn end(self) -> Result<Reply, CommandError> {
        let _ = self.inbox.send(FromApplication::End(self.id));
        self.reply.await.unwrap_or(Err(CommandError::Cancelled))
    }

    /// Gives the put up.
    pub fn cancel(self) {
        let _ = self.inbox.send(FromApplication::Cancel(self.id));
    }
}

impl Reading {
    /// Says how many more bytes are welcome.
    pub fn pull(&self, bytes: usize) {
        let _ = self.inbox.send(FromApplication::Pull(self.id, bytes));
    }

    /// Waits for the next bytes; `None` at the end, whose reason [`Reading::end`] tells.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.bytes.recv().await
    }

    /// Returns how the read ended, once there are no more bytes.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn end(self) -> Result<Reply, CommandError> {
        self.reply.await.unwrap_or(Err(CommandError::Cancelled))
    }
}
