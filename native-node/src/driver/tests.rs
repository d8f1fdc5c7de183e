//! Bugs of ours that a peer finds: a panic in a link's task ends that link, a panic in the machine ends no more than all links.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use cachette_core::id::PeerId;
use cachette_core::identity::{Identity, Seed};
use cachette_core::link::{self, Link};
use cachette_core::message::{Message, Plain};
use cachette_core::node::{LinkId, Role};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role as SocketRole;

use super::network::Parts;
use super::*;
use crate::disk::{Options, Store};
use crate::metrics::Metrics;
use crate::socket::dialer::Dialer;
use crate::socket::gate::{Gate, GateLimits};
use crate::socket::link_task::{FromLink, LinkTask, ToLink};
use crate::socket::upgrade::{Accepted, Caller};
use crate::socket::{Duplex, Side, Socket, limits};

/// A connection whose reading panics once it is armed.
struct Trap {
    io: DuplexStream,
    armed: Arc<AtomicBool>,
}

impl AsyncRead for Trap {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        assert!(!self.armed.load(Ordering::Relaxed), "a bug in the handling of a message");
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Trap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A peer with a link to the node.
struct Caught {
    commands: mpsc::Sender<ToLink>,
    heard: mpsc::Receiver<FromLink>,
}

impl Caught {
    /// Opens a link to the node through `accepted`; the node's end panics once `armed`.
    async fn link(node: PeerId, accepted: &mpsc::Sender<Accepted>, armed: &Arc<AtomicBool>, seed: u8) -> Self {
        let (ours, theirs) = duplex(1 << 16);
        let gate = Gate::new(GateLimits { total: 9, per_ip: 9, rate_per_ip: 9 });
        let remote = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let ticket = Arc::new(gate.admit(remote.ip(), std::time::Instant::now()).expect("a place"));
        let socket = socket(Trap { io: theirs, armed: Arc::clone(armed) }, SocketRole::Server).await;
        assert!(accepted.send(Accepted { socket, caller: Caller { remote, ticket } }).await.is_ok(), "the node listens");

        let (identity, clock) = (Identity::from_seed(&Seed::new([seed; 32])), Clock::start());
        let role = link::Role::Dialer { expected: Some(node) };
        let link = Link::new(clock.now(), link::Config { identity: &identity, role, entropy: [seed; 32] });
        let mut task = LinkTask::new(socket_of(ours).await, link, clock, Arc::default());
        task.handshake().await.expect("a link");
        let (told, mut heard) = mpsc::channel(8);
        tokio::spawn(task.run(LinkId(0), true, None, told));
        let Some(FromLink::Ready(opened)) = heard.recv().await else { panic!("a link begins with its number") };
        Self { commands: opened.commands, heard }
    }

    async fn ping(&self) {
        self.commands.send(ToLink::Send(Message::Plain(Plain::Ping(7)))).await.expect("an open link");
    }

    async fn is_answered(&mut self) -> bool {
        matches!(self.next().await, FromLink::Message(_, Message::Plain(Plain::Pong(7))))
    }

    async fn is_closed(&mut self) -> bool {
        matches!(self.next().await, FromLink::Closed(..))
    }

    async fn next(&mut self) -> FromLink {
        timeout(PATIENCE, self.heard.recv()).await.expect("in time").expect("a last word comes first")
    }
}

async fn socket(io: impl Duplex + 'static, role: SocketRole) -> Socket {
    WebSocketStream::from_raw_socket(Box::new(io) as Box<dyn Duplex>, role, Some(limits(Side::Listener))).await
}

async fn socket_of(io: DuplexStream) -> Socket {
    socket(io, SocketRole::Client).await
}

fn driver(home: &std::path::Path) -> (PeerId, Driver) {
    let identity = Arc::new(Identity::from_seed(&Seed::new([1; 32])));
    let (me, clock) = (identity.peer(), Clock::start());
    let store = Arc::new(Store::open(home, Options { reserve: Some(0), ..Options::default() }).expect("a store"));
    let dialer = Dialer::new(None).expect("roots");
    let network = Network::new(Parts { identity, clock, store: Some(store), dialer, metrics: Arc::new(Metrics::default()) });
    let role = Role::Carrier { limit: 1 << 30, zone: String::new() };
    (me, Driver::new(node::Config { me, role, seed: [5; 32] }, network, clock))
}

#[tokio::test]
async fn c13_a_panic_in_the_handling_of_a_link_ends_that_link_only() {
    let home = tempfile::tempdir().expect("a folder");
    let (me, driver) = driver(home.path());
    let (accepted, links) = (driver.network.accepted(), driver.network.links());
    let (_requests, requested) = mpsc::channel(1);
    let (told, _events) = mpsc::channel(8);
    tokio::spawn(driver.run(requested, told));
    let (trap, never) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let mut guilty = Caught::link(me, &accepted, &trap, 2).await;
    let mut bystander = Caught::link(me, &accepted, &never, 3).await;
    guilty.ping().await;
    assert!(guilty.is_answered().await);

    trap.store(true, Ordering::Relaxed);
    guilty.ping().await;
    assert!(guilty.is_closed().await);
    bystander.ping().await;
    assert!(bystander.is_answered().await, "the link beside it goes on");
    let gone = async {
        while links.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the node forgets the link");
    let mut again = Caught::link(me, &accepted, &never, 2).await;
    again.ping().await;
    assert!(again.is_answered().await, "the peer is not locked out");
}

#[tokio::test]
async fn c13_a_panic_in_the_machine_closes_the_links_and_the_node_goes_on() {
    let home = tempfile::tempdir().expect("a folder");
    let (me, mut driver) = driver(home.path());
    let (accepted, links) = (driver.network.accepted(), driver.network.links());
    let never = Arc::default();
    let mut before = {
        let mut linking = pin!(Caught::link(me, &accepted, &never, 2));
        let mut linked = None;
        loop {
            tokio::select! {
                caught = &mut linking, if linked.is_none() => linked = Some(caught),
                Some(input) = driver.network.next() => driver.handle(input),
            }
            if let Some(caught) = linked.take_if(|_| links.len() == 1) {
                break caught;
            }
        }
    };
    driver.contained(|_| panic!("a bug in the machine"));
    assert!(links.is_empty());

    let (requests, requested) = mpsc::channel(1);
    let (told, _events) = mpsc::channel(8);
    let task = tokio::spawn(driver.run(requested, told));
    assert!(before.is_closed().await, "what the machine promised on this link nobody knows any more");
    let mut after = Caught::link(me, &accepted, &never, 2).await;
    after.ping().await;
    assert!(after.is_answered().await);
    requests.send(Request::Drain).await.expect("it runs");
    timeout(PATIENCE, task).await.expect("in time").expect("the driver ends well");
}

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
