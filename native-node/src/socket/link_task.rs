//! One task per connection: moves bytes between a socket and a link machine, and messages between the machine and the driver.
//!
//! Encryption, decryption and the verification of blocks happen here, so links use all threads of the runtime. Nothing grows without
//! a bound: the machine gets room for as many bytes as the socket took, messages that the driver has no place for stop the reading of the
//! socket, and a peer that does not read, or asks for more than it may have open, is closed.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use cachette_core::id::PeerId;
use cachette_core::limits::{LINK_WINDOW, SOCKET_MESSAGE_MAX};
use cachette_core::link::{CloseReason, Input, Link, Output};
use cachette_core::message::Message;
use cachette_core::node::LinkId;
use futures::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message as SocketMessage;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tracing::debug;

use super::Socket;
use crate::clock::Clock;
use crate::driver::links::LinkInfo;
use crate::metrics::Metrics;

/// A connection and its machine.
pub struct LinkTask {
    link: Link,
    clock: Clock,
    wire: Wire,
    /// What arrived and the driver has not taken yet; while there is any, the socket is not read.
    inbox: VecDeque<Message>,
    peer: Option<PeerId>,
    metrics: Arc<Metrics>,
}

/// What a link tells the driver.
pub enum FromLink {
    /// It is ready.
    Ready(Opened),
    /// The peer said something.
    Message(LinkId, Message),
    /// It is over; the last that is heard of it.
    Closed(LinkId, CloseReason),
}

/// A link that is ready.
pub struct Opened {
    /// Its number.
    pub link: LinkId,
    /// What is known of it.
    pub info: Arc<LinkInfo>,
    /// Takes what it should say.
    pub commands: mpsc::Sender<ToLink>,
}

/// What the driver tells a link.
pub enum ToLink {
    /// Say this.
    Send(Message),
    /// Say goodbye.
    Close,
}

/// The socket and what waits for it.
struct Wire {
    socket: Socket,
    outgoing: VecDeque<Bytes>,
    /// Bytes handed to the socket that have not all left yet.
    unflushed: usize,
    /// Messages in a row that carried nothing.
    idle_frames: u32,
    moved: Instant,
}

enum Happened {
    Received(Bytes),
    Drained(usize),
    Nothing,
    Gone(CloseCode),
}

enum Wake {
    Socket(Happened),
    Command(Option<ToLink>),
    Delivered,
    Deadline,
    Stalled,
}

impl LinkTask {
    /// Puts a machine on a socket.
    #[must_use]
    pub fn new(socket: Socket, mut link: Link, clock: Clock, metrics: Arc<Metrics>) -> Self {
        link.handle(clock.now(), Input::Room(ROOM));
        let wire = Wire { socket, outgoing: VecDeque::new(), unflushed: 0, idle_frames: 0, moved: Instant::now() };
        Self { link, clock, wire, inbox: VecDeque::new(), peer: None, metrics }
    }

    /// Runs until the peer has proven who it is.
    ///
    /// # Errors
    /// Why the link ended instead; the socket is closed then.
    pub async fn handshake(&mut self) -> Result<PeerId, CloseReason> {
        match self.advance(None).await {
            None => Ok(self.peer.expect("invariant: without a driver, the machine stops early only to name the peer")),
            Some(reason) => {
                self.wire.close(reason).await;
                Err(reason)
            }
        }
    }

    /// Runs a link whose handshake is done, until it ends. `remote` is where the other side called from.
    pub async fn run(mut self, link: LinkId, dialled: bool, remote: Option<SocketAddr>, driver: mpsc::Sender<FromLink>) {
        let Some(peer) = self.peer else { return };
        let info = Arc::new(LinkInfo::new(peer, dialled, remote, self.clock.now()));
        let (commands, mut inbox) = mpsc::channel(COMMANDS);
        if driver.send(FromLink::Ready(Opened { link, info: Arc::clone(&info), commands })).await.is_err() {
            return;
        }
        let ends = Ends { link, driver: &driver, commands: &mut inbox, info: &info };
        let reason = self.advance(Some(ends)).await.unwrap_or(CloseReason::Gone);
        debug!(?peer, %reason, "link ended");
        self.metrics.closed(reason);
        // The driver forgets the link before the socket's own goodbye, which a dead peer can draw out.
        let _ = driver.send(FromLink::Closed(link, reason)).await;
        self.wire.close(reason).await;
    }

    /// Moves things until the link ends or, without a driver, until the peer is proven.
    async fn advance(&mut self, mut ends: Option<Ends<'_>>) -> Option<CloseReason> {
        let mut deadline = pin!(sleep_until(Instant::now()));
        let mut stall = pin!(sleep_until(Instant::now()));
        loop {
            if let Some(reason) = self.drain() {
                return Some(reason);
            }
            if ends.is_none() && self.peer.is_some() {
                return None;
            }
            if self.link.is_overfull() {
                debug!("the peer has more open than it may");
                return Some(CloseReason::Malformed);
            }
            let due = self.link.deadline().map(|deadline| self.clock.instant(deadline.at));
            if let Some(due) = due
                && due != deadline.deadline()
            {
                deadline.as_mut().reset(due);
            }
            let waiting = self.wire.is_waiting();
            if waiting {
                stall.as_mut().reset(self.wire.moved + STALL);
            }
            let wake = {
                let Self { wire, inbox, .. } = self;
                let read = inbox.is_empty();
                let number = ends.as_ref().map(|ends| ends.link);
                let (driver, commands) = match ends.as_mut() {
                    Some(ends) => (Some(ends.driver), Some(&mut *ends.commands)),
                    None => (None, None),
                };
                tokio::select! {
                    happened = poll_fn(|cx| wire.poll(cx, read)) => Wake::Socket(happened),
                    command = next_command(commands) => Wake::Command(command),
                    place = next_place(driver), if !read => match (place, number) {
                        (Some(place), Some(number)) => {
                            deliver(place, number, inbox, driver);
                            Wake::Delivered
                        }
                        _ => Wake::Command(None),
                    },
                    () = deadline.as_mut(), if due.is_some() => Wake::Deadline,
                    () = stall.as_mut(), if waiting => Wake::Stalled,
                }
            };
            let now = self.clock.now();
            match wake {
                Wake::Socket(Happened::Received(bytes)) => {
                    self.metrics.received.inc_by(bytes.len() as u64);
                    if let Some(ends) = &ends {
                        ends.info.count_received(bytes.len());
                    }
                    self.link.handle(now, Input::Received(bytes));
                }
                Wake::Socket(Happened::Drained(bytes)) => {
                    self.metrics.sent.inc_by(bytes as u64);
                    if let Some(ends) = &ends {
                        ends.info.count_sent(bytes);
                    }
                    self.link.handle(now, Input::Room(bytes));
                }
                Wake::Socket(Happened::Nothing) | Wake::Delivered => {}
                Wake::Socket(Happened::Gone(code)) => {
                    debug!(code = u16::from(code), "socket ended");
                    self.link.handle(now, Input::Gone);
                }
                Wake::Command(command) => {
                    self.obey(command);
                    // What waits already comes along: a wake-up costs more than a message.
                    for _ in 0..BATCH {
                        let Some(Ok(command)) = ends.as_mut().map(|ends| ends.commands.try_recv()) else { break };
                        if let Some(reason) = self.drain() {
                            return Some(reason);
                        }
                        self.obey(Some(command));
                    }
                }
                Wake::Deadline => self.link.handle(now, Input::Tick),
                Wake::Stalled => {
                    debug!("the peer does not read");
                    self.link.handle(now, Input::Gone);
                }
            }
        }
    }

    fn obey(&mut self, command: Option<ToLink>) {
        let input = match command {
            Some(ToLink::Send(message)) => Input::Send(message),
            Some(ToLink::Close) | None => Input::Close,
        };
        self.link.handle(self.clock.now(), input);
    }

    fn drain(&mut self) -> Option<CloseReason> {
        while let Some(output) = self.link.poll() {
            match output {
                Output::Transmit(bytes) => self.wire.outgoing.push_back(bytes),
                Output::Ready { peer, version } => {
                    debug!(?peer, version, "link ready");
                    self.peer = Some(peer);
                }
                Output::Message(message) => self.inbox.push_back(message),
                Output::Closed(reason) => return Some(reason),
            }
        }
        None
    }
}

/// A link's connections to the driver.
struct Ends<'a> {
    link: LinkId,
    driver: &'a mpsc::Sender<FromLink>,
    commands: &'a mut mpsc::Receiver<ToLink>,
    info: &'a LinkInfo,
}

async fn next_command(commands: Option<&mut mpsc::Receiver<ToLink>>) -> Option<ToLink> {
    match commands {
        Some(commands) => commands.recv().await,
        None => std::future::pending().await,
    }
}

async fn next_place(driver: Option<&mpsc::Sender<FromLink>>) -> Option<mpsc::Permit<'_, FromLink>> {
    match driver {
        Some(driver) => driver.reserve().await.ok(),
        None => std::future::pending().await,
    }
}

/// Hands over what arrived, as far as there are places.
fn deliver(place: mpsc::Permit<'_, FromLink>, link: LinkId, inbox: &mut VecDeque<Message>, driver: Option<&mpsc::Sender<FromLink>>) {
    let mut place = Some(place);
    while let Some(free) = place.take() {
        let Some(message) = inbox.pop_front() else { return };
        free.send(FromLink::Message(link, message));
        place = driver.and_then(|driver| driver.try_reserve().ok());
    }
}

impl Wire {
    fn is_waiting(&self) -> bool {
        self.unflushed > 0 || !self.outgoing.is_empty()
    }

    /// Writes what waits and, if asked, reads. Bytes count as gone when the kernel has them all.
    fn poll(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Happened> {
        if self.is_waiting()
            && let Poll::Ready(written) = self.poll_write(cx)
        {
            return Poll::Ready(written);
        }
        if read { self.poll_read(cx) } else { Poll::Pending }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        if self.unflushed == 0 {
            let taken = ready!(self.socket.poll_ready_unpin(cx)).and_then(|()| {
                let Some(bytes) = self.outgoing.pop_front() else { return Ok(()) };
                self.moved = Instant::now();
                self.unflushed = bytes.len();
                self.socket.start_send_unpin(SocketMessage::Binary(bytes))
            });
            if taken.is_err() {
                return Poll::Ready(Happened::Gone(CloseCode::Abnormal));
            }
        }
        match ready!(self.socket.poll_flush_unpin(cx)) {
            Ok(()) => Poll::Ready(Happened::Drained(std::mem::take(&mut self.unflushed))),
            Err(_) => Poll::Ready(Happened::Gone(CloseCode::Abnormal)),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Happened> {
        let Some(Ok(message)) = ready!(self.socket.poll_next_unpin(cx)) else {
            return Poll::Ready(Happened::Gone(CloseCode::Abnormal));
        };
        Poll::Ready(match message {
            SocketMessage::Binary(bytes) if !bytes.is_empty() => {
                self.idle_frames = 0;
                Happened::Received(bytes)
            }
            SocketMessage::Close(_) => Happened::Gone(CloseCode::Normal),
            SocketMessage::Text(_) => Happened::Gone(CloseCode::Unsupported),
            _ => {
                self.idle_frames += 1;
                if self.idle_frames > IDLE_FRAMES { Happened::Gone(CloseCode::Policy) } else { Happened::Nothing }
            }
        })
    }

    /// Sends what is left to say, says goodbye, and lets the other side do the same for a moment.
    async fn close(&mut self, reason: CloseReason) {
        let goodbye = async {
            for bytes in std::mem::take(&mut self.outgoing) {
                self.socket.send(SocketMessage::Binary(bytes)).await?;
            }
            self.socket.close(Some(close_frame(reason))).await?;
            while let Some(message) = self.socket.next().await {
                message?;
            }
            Ok::<(), tokio_tungstenite::tungstenite::Error>(())
        };
        // Whoever does not listen any more needs no goodbye.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

fn close_frame(reason: CloseReason) -> CloseFrame {
    let code = match reason {
        CloseReason::Bye | CloseReason::Gone => CloseCode::Normal,
        CloseReason::Asked => CloseCode::Away,
        CloseReason::HandshakeTimeout | CloseReason::Handshake | CloseReason::WrongPeer | CloseReason::Version => CloseCode::Policy,
        _ => CloseCode::Protocol,
    };
    CloseFrame { code, reason: reason.to_string().into() }
}

/// Bytes that a machine may have on their way into the socket: the kernel is never idle, and a heartbeat waits for no more than this.
const ROOM: usize = 4 * SOCKET_MESSAGE_MAX;
/// Commands of the driver that a link has not taken yet: a whole window of the smallest blocks twice over.
const COMMANDS: usize = 2 * LINK_WINDOW / (4 << 10);
/// Commands taken at one wake-up, so that a busy driver does not keep the socket waiting.
const BATCH: usize = 64;
/// Frames without payload in a row: proxies ping, and heartbeats of ours come between.
const IDLE_FRAMES: u32 = 64;
/// A socket that takes none of a message for so long has nobody who reads.
const STALL: Duration = Duration::from_secs(60);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
