//! Links that are driven by hand, so that a test may say anything at any time.

use cachette_core::id::{BlockId, Partition, PeerId, VaultId};
use cachette_core::identity::{Identity, Seed};
use cachette_core::link::{self, Input, Link, Output};
use cachette_core::message::{Ask, Has, Ids, Message, Offer, Plain, RecordBytes, Redeem, Scan, Summarise};
use cachette_core::time::Time;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as SocketMessage;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::support::{PATIENCE, Served};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// An open link.
pub(crate) struct Talk {
    link: Link,
    socket: Socket,
}

/// Opens a socket on which nobody has said anything.
pub(crate) async fn open(node: &Served, receive_buffer: Option<u32>) -> Socket {
    let tcp = TcpSocket::new_v4().expect("a socket");
    if let Some(bytes) = receive_buffer {
        tcp.set_recv_buffer_size(bytes).expect("a buffer");
    }
    let tcp = tcp.connect(node.listen.parse().expect("an address")).await.expect("the node listens");
    client_async(format!("ws://{}/peer", node.listen), tcp).await.expect("an upgrade").0
}

/// Reads until the other side closes; returns the code that it gave, if any.
pub(crate) async fn close_code(socket: &mut Socket) -> Option<CloseCode> {
    let closing = async {
        loop {
            match socket.next().await {
                Some(Ok(SocketMessage::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    timeout(PATIENCE, closing).await.expect("the node closes the connection")
}

/// Opens a socket with a machine for it that has said nothing yet. Equal seeds are the same peer.
pub(crate) async fn begin(node: &Served, receive_buffer: Option<u32>, seed: u16) -> (Link, Socket) {
    let socket = open(node, receive_buffer).await;
    let mut bytes = [3; 32];
    bytes[..2].copy_from_slice(&seed.to_le_bytes());
    let identity = Identity::from_seed(&Seed::new(bytes));
    let role = link::Role::Dialer { expected: Some(node.peer) };
    let mut link = Link::new(Time(1), link::Config { identity: &identity, role, entropy: bytes });
    link.handle(Time(1), Input::Room(usize::MAX / 2));
    (link, socket)
}

/// Shakes hands by hand; returns the link's machine and its socket.
pub(crate) async fn shake(node: &Served, receive_buffer: Option<u32>, seed: u16) -> (Link, Socket) {
    let (mut link, mut socket) = begin(node, receive_buffer, seed).await;
    loop {
        while let Some(output) = link.poll() {
            match output {
                Output::Transmit(bytes) => socket.send(SocketMessage::Binary(bytes)).await.expect("sent"),
                Output::Ready { peer, .. } => {
                    assert_eq!(peer, node.peer);
                    return (link, socket);
                }
                output => panic!("unexpected: {output:?}"),
            }
        }
        match socket.next().await.expect("open").expect("readable") {
            SocketMessage::Binary(bytes) => link.handle(Time(2), Input::Received(bytes)),
            message => panic!("unexpected: {message:?}"),
        }
    }
}

impl Talk {
    pub(crate) async fn with(node: &Served, seed: u16) -> Self {
        let (link, socket) = shake(node, None, seed).await;
        Self { link, socket }
    }

    pub(crate) async fn say(&mut self, plain: Plain) {
        self.link.handle(Time(3), Input::Send(Message::Plain(plain)));
        while let Some(output) = self.link.poll() {
            let Output::Transmit(bytes) = output else { panic!("unexpected: {output:?}") };
            self.socket.send(SocketMessage::Binary(bytes)).await.expect("sent");
        }
    }

    /// Waits for what the node says next, but for its heartbeats.
    pub(crate) async fn hear(&mut self) -> Plain {
        loop {
            match self.link.poll() {
                Some(Output::Message(Message::Plain(Plain::Ping(_)))) => {}
                Some(Output::Message(Message::Plain(plain))) => return plain,
                Some(output) => panic!("unexpected: {output:?}"),
                None => match timeout(PATIENCE, self.socket.next()).await.expect("in time").expect("open").expect("readable") {
                    SocketMessage::Binary(bytes) => self.link.handle(Time(3), Input::Received(bytes)),
                    message => panic!("unexpected: {message:?}"),
                },
            }
        }
    }
}

/// One of every question that a peer may put to a carrier.
pub(crate) fn questions() -> Vec<Plain> {
    let (vault, id, paper) = (VaultId([7; 32]), BlockId([8; 32]), PeerId([9; 32]));
    let (first, last) = (Partition::new(0).expect("in range"), Partition::new(4095).expect("in range"));
    let ids = vec![id];
    vec![
        Plain::Ping(1 << 40),
        Plain::Fetch(Ids { vault, ids: ids.clone() }),
        Plain::Offer(Offer { vault, blocks: vec![(id, cachette_core::block::SizeLog::MAX)], sources: vec![paper] }),
        Plain::Has(Has { ask: Ask(1), vault, ids }),
        Plain::Summarise(Summarise { ask: Ask(2), vault, from: first, to: last }),
        Plain::Scan(Scan { ask: Ask(3), vault, partition: first, after: None }),
        Plain::Records((Ask(4), vault)),
        Plain::Status((Ask(5), vault)),
        Plain::Locate((Ask(6), paper)),
        Plain::Publish((Ask(7), RecordBytes(vec![0x91, 1]))),
        Plain::Redeem(Redeem { ask: Ask(8), token: [6; 16], certificates: Vec::new() }),
    ]
}
