//! What stands between a node machine and the world: link tasks, calls and the store. Does what the machine puts out, and knows what
//! happens next.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cachette_core::address::Address;
use cachette_core::id::PeerId;
use cachette_core::identity::Identity;
use cachette_core::link::{self, CloseReason, Link};
use cachette_core::node::{DialError, Input, LinkId, Output, Relayed, TunnelId, TunnelInput, TunnelOutput};
use cachette_core::store::{RequestId, StoreAnswer, StoreFault};
use cachette_core::tunnels::Tunnels;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::links::LinkTable;
use crate::clock::Clock;
use crate::disk::Store;
use crate::metrics::Metrics;
use crate::socket::Socket;
use crate::socket::dialer::Dialer;
use crate::socket::link_task::{FromLink, LinkTask, ToLink};
use crate::socket::upgrade::Accepted;

/// What a network needs.
pub struct Parts {
    /// Whose links they are.
    pub identity: Arc<Identity>,
    /// The machines' time.
    pub clock: Clock,
    /// What the machine stores on, if it stores anything.
    pub store: Option<Arc<Store>>,
    /// How it calls.
    pub dialer: Dialer,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The world of one node machine. Dropping it cuts every link off.
pub struct Network {
    shared: Arc<Shared>,
    store: Option<Arc<Store>>,
    links: LinkTable,
    /// Links that the machine knows; `None` when a link is given up and has not said its last word.
    open: BTreeMap<LinkId, Option<mpsc::Sender<ToLink>>>,
    /// Links whose sockets are tunnels.
    tunnels: Tunnels,
    /// Every link and every call has a task; a call that came to nothing ends with its reason.
    tasks: JoinSet<Option<(PeerId, DialError)>>,
    heard: Channel<FromLink>,
    sockets: Channel<Accepted>,
    /// Bounded by the machine, which leaves a bounded number of store operations unanswered.
    answers: Unbounded<(RequestId, StoreAnswer)>,
    /// What happened and was not asked for yet.
    pending: VecDeque<Input>,
    closing: bool,
}

type Channel<T> = (mpsc::Sender<T>, mpsc::Receiver<T>);
type Unbounded<T> = (mpsc::UnboundedSender<T>, mpsc::UnboundedReceiver<T>);

/// What tasks of links need to begin.
struct Shared {
    identity: Arc<Identity>,
    clock: Clock,
    dialer: Dialer,
    metrics: Arc<Metrics>,
    next: AtomicU64,
}

impl Network {
    /// Begins without any link.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { identity, clock, store, dialer, metrics } = parts;
        Self {
            shared: Arc::new(Shared { identity, clock, dialer, metrics, next: AtomicU64::new(0) }),
            store,
            links: LinkTable::default(),
            open: BTreeMap::new(),
            tunnels: Tunnels::default(),
            tasks: JoinSet::new(),
            heard: mpsc::channel(HEARD),
            sockets: mpsc::channel(SOCKETS),
            answers: mpsc::unbounded_channel(),
            pending: VecDeque::new(),
            closing: false,
        }
    }

    /// Waits for the next thing that happens to the machine. Nothing is lost when the wait is given up. `None` only after
    /// [`Self::close`], when every link is closed.
    pub async fn next(&mut self) -> Option<Input> {
        loop {
            if let Some(input) = self.pending.pop_front() {
                return Some(input);
            }
            if self.closing && self.tasks.is_empty() && self.heard.1.is_empty() {
                return None;
            }
            let due = self.tunnels.deadline().map(|at| self.shared.clock.instant(at));
            tokio::select! {
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.tunnels.tick(self.shared.clock.now(), &mut self.pending);
                }
                Some((request, answer)) = self.answers.1.recv() => return Some(Input::Answer(request, answer)),
                Some(word) = self.heard.1.recv() => self.hear(word),
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                Some(accepted) = self.sockets.1.recv(), if !self.closing => {
                    self.tasks.spawn(Arc::clone(&self.shared).welcome(accepted, self.heard.0.clone()));
                }
            }
        }
    }

    /// Does what the machine wants done; events are not the network's.
    pub fn execute(&mut self, output: Output) {
        match output {
            Output::Send(link, message) => {
                let now = self.shared.clock.now();
                if let Err(message) = self.tunnels.send(now, link, message, &mut self.pending) {
                    self.tell(link, ToLink::Send(message));
                }
            }
            Output::Close(link) => {
                self.tunnels.close(self.shared.clock.now(), link, &mut self.pending);
                self.tell(link, ToLink::Close);
            }
            Output::Tunnel(tunnel, TunnelOutput::Begin { expected }) => self.begin_in(tunnel, expected),
            Output::Tunnel(tunnel, output) => self.tunnels.execute(self.shared.clock.now(), tunnel, output, &mut self.pending),
            Output::Dial(peer, _) if self.closing => self.pending.push_back(Input::Unreachable(peer, DialError::NoRoute)),
            Output::Dial(peer, addresses) => {
                self.tasks.spawn(Arc::clone(&self.shared).dial(peer, addresses, self.heard.0.clone()));
            }
            Output::Store(request, op) => {
                let answers = self.answers.0.clone();
                // Nobody waits for an answer any more when the network is gone.
                let answer = move |answer| drop(answers.send((request, answer)));
                match &self.store {
                    Some(store) => store.submit(op, answer),
                    None => answer(StoreAnswer::Failed(StoreFault::Failed)),
                }
            }
            Output::Event(event) => debug_assert!(false, "an event has nothing to do here: {event:?}"),
        }
    }

    /// Closes every link, for a machine that knows of none and asked for nothing: what the store still answers to the one before it, and
    /// what its links still say, does not reach the new one.
    pub(super) fn begin_anew(&mut self) {
        self.answers = mpsc::unbounded_channel();
        self.pending.clear();
        self.tunnels.clear();
        for link in std::mem::take(&mut self.open).into_keys() {
            // Its sender is gone, so it closes.
            self.links.remove(link);
        }
    }

    /// Counts what the machine has relayed.
    pub(super) fn relayed(&self, before: Relayed, now: Relayed) {
        if before != now {
            self.shared.metrics.relayed(before, now);
        }
    }

    /// Closes every link and opens no more; what still happens is to be had from [`Self::next`].
    pub fn close(&mut self) {
        self.closing = true;
        // A link whose queue is full closes when its sender goes away; so does one that said goodbye already.
        for link in self.open.values_mut() {
            if let Some(commands) = link.take() {
                let _ = commands.try_send(ToLink::Close);
            }
        }
    }

    /// Returns where sockets go that peers opened.
    #[must_use]
    pub fn accepted(&self) -> mpsc::Sender<Accepted> {
        self.sockets.0.clone()
    }

    /// Returns a view of the open links.
    #[must_use]
    pub fn links(&self) -> LinkTable {
        self.links.clone()
    }

    /// Starts a link inside a tunnel.
    fn begin_in(&mut self, tunnel: TunnelId, expected: Option<PeerId>) {
        let role = match expected {
            Some(_) => link::Role::Dialer { expected },
            None => link::Role::Listener,
        };
        match self.shared.machine(role) {
            Some(link) => self.tunnels.begin(tunnel, self.shared.number(), link, expected, &mut self.pending),
            None => {
                self.pending.push_back(Input::Tunnel(tunnel, TunnelInput::Closed));
                self.pending.extend(expected.map(|peer| Input::Unreachable(peer, DialError::NoRoute)));
            }
        }
    }

    fn tell(&mut self, link: LinkId, word: ToLink) {
        let Some(commands) = self.open.get_mut(&link) else { return };
        if commands.as_ref().is_some_and(|commands| commands.try_send(word).is_err()) {
            debug!(link = link.0, "a link does not take what it is given");
            // Without a sender the link closes; it says so itself.
            *commands = None;
        }
    }

    fn hear(&mut self, word: FromLink) {
        match word {
            FromLink::Ready(opened) => {
                self.open.insert(opened.link, (!self.closing).then_some(opened.commands));
                let (peer, dialled) = (opened.info.peer, opened.info.dialled);
                self.links.insert(opened.link, opened.info);
                self.pending.push_back(Input::Linked { link: opened.link, peer, dialled });
            }
            FromLink::Message(link, message) if self.open.contains_key(&link) => self.pending.push_back(Input::Received(link, message)),
            FromLink::Message(..) => {}
            FromLink::Closed(link, reason) => self.over(link, reason),
        }
    }

    fn over(&mut self, link: LinkId, reason: CloseReason) {
        self.links.remove(link);
        if self.open.remove(&link).is_some() {
            self.pending.push_back(Input::Unlinked(link, reason));
        }
    }

    fn ended(&mut self, ended: Result<Option<(PeerId, DialError)>, JoinError>) {
        match ended {
            Ok(Some((peer, error))) => self.pending.push_back(Input::Unreachable(peer, error)),
            Ok(None) => {}
            // A task that was given up with the runtime has not failed. A panic in a link's task is a bug of ours that must not take the
            // other links with it. Either left without a last word.
            Err(error) => {
                if error.is_panic() {
                    warn!(%error, "a link's task failed");
                }
                let is_dead = |commands: &Option<mpsc::Sender<_>>| commands.as_ref().is_none_or(mpsc::Sender::is_closed);
                let dead: Vec<LinkId> = self.open.iter().filter(|(_, commands)| is_dead(commands)).map(|(link, _)| *link).collect();
                dead.into_iter().for_each(|link| self.over(link, CloseReason::Gone));
            }
        }
    }
}

impl Shared {
    /// Runs a link that a peer opened.
    async fn welcome(self: Arc<Self>, accepted: Accepted, network: mpsc::Sender<FromLink>) -> Option<(PeerId, DialError)> {
        let Accepted { socket, caller } = accepted;
        let mut task = self.link(socket, link::Role::Listener)?;
        match task.handshake().await {
            Ok(_) => task.run(self.number(), false, Some(caller.remote), network).await,
            Err(reason) => self.metrics.closed(reason),
        }
        None
    }

    /// Calls a peer at one address after the other and runs the link.
    async fn dial(self: Arc<Self>, peer: PeerId, addresses: Vec<String>, network: mpsc::Sender<FromLink>) -> Option<(PeerId, DialError)> {
        let mut failure = DialError::NoAddress;
        for address in addresses.iter().filter_map(|text| Address::of(peer, text).ok()) {
            match self.call(peer, &address).await {
                Ok(task) => {
                    self.metrics.dialled(Ok(()));
                    task.run(self.number(), true, None, network).await;
                    return None;
                }
                Err(error) => failure = error,
            }
        }
        self.metrics.dialled(Err(failure));
        Some((peer, failure))
    }

    async fn call(&self, peer: PeerId, address: &Address) -> Result<LinkTask, DialError> {
        let socket = self.dialer.call(address).await?;
        let mut task = self.link(socket, link::Role::Dialer { expected: Some(peer) }).ok_or(DialError::NoRoute)?;
        task.handshake().await.map_err(DialError::Handshake)?;
        Ok(task)
    }

    /// Puts a machine on a socket; nothing comes of it when the system has no entropy.
    fn link(&self, socket: Socket, role: link::Role) -> Option<LinkTask> {
        Some(LinkTask::new(socket, self.machine(role)?, self.clock, Arc::clone(&self.metrics)))
    }

    fn machine(&self, role: link::Role) -> Option<Link> {
        let mut entropy = [0; 32];
        getrandom::fill(&mut entropy).inspect_err(|error| warn!(%error, "no entropy")).ok()?;
        Some(Link::new(self.clock.now(), link::Config { identity: &self.identity, role, entropy }))
    }

    fn number(&self) -> LinkId {
        LinkId(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Sockets that wait for their handshake to begin.
const SOCKETS: usize = 64;
/// Messages of all links that wait for the machine: a few blocks at most, for the machine is faster than links.
const HEARD: usize = 32;

#[cfg(test)]
mod tests {
    use cachette_core::identity::Seed;

    use super::*;

    #[tokio::test]
    async fn a_task_that_was_given_up_is_not_said_to_have_failed_and_one_that_panicked_is() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut network = Network::new(Parts {
            identity: Arc::new(Identity::from_seed(&Seed::new([1; 32]))),
            clock: Clock::start(),
            store: None,
            dialer: Dialer::new(None).expect("public roots"),
            metrics: Arc::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(std::future::pending());
        tasks.abort_all();
        let given_up = tasks.join_next().await.expect("a task");
        tasks.spawn(async { panic!("a bug of ours") });
        let panicked = tasks.join_next().await.expect("a task");
        let mut said = |name: &str, ended| {
            let path = home.path().join(name);
            let log = Arc::new(std::fs::File::create(&path).expect("a file"));
            tracing::subscriber::with_default(tracing_subscriber::fmt().with_writer(log).finish(), || network.ended(ended));
            std::fs::read_to_string(&path).expect("text")
        };
        assert_eq!(said("given up", given_up), "");
        assert!(said("panicked", panicked).contains("a link's task failed"));
    }
}
