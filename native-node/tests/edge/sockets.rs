//! Peers that speak garbage, too much, or nothing.

use std::time::{Duration, Instant};

use cachette_core::identity::{Identity, Seed};
use cachette_core::link::{self, Input, Link, Output};
use cachette_core::message::{Message, Plain};
use cachette_core::time::Time;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as SocketMessage;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::support::{PATIENCE, Served};

type Socket = WebSocketStream<TcpStream>;

async fn open(node: &Served, receive_buffer: Option<u32>) -> Socket {
    let tcp = TcpSocket::new_v4().expect("a socket");
    if let Some(bytes) = receive_buffer {
        tcp.set_recv_buffer_size(bytes).expect("a buffer");
    }
    let tcp = tcp.connect(node.listen.parse().expect("an address")).await.expect("the node listens");
    client_async(format!("ws://{}/peer", node.listen), tcp).await.expect("an upgrade").0
}

/// Reads until the other side closes; returns the code that it gave, if any.
async fn close_code(socket: &mut Socket) -> Option<CloseCode> {
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

/// Shakes hands by hand; returns the link's machine and its socket.
async fn shake(node: &Served, receive_buffer: Option<u32>, seed: u8) -> (Link, Socket) {
    let mut socket = open(node, receive_buffer).await;
    let identity = Identity::from_seed(&Seed::new([seed; 32]));
    let role = link::Role::Dialer { expected: Some(node.peer) };
    let mut link = Link::new(Time(1), link::Config { identity: &identity, role, entropy: [3; 32] });
    link.handle(Time(1), Input::Room(usize::MAX / 2));
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

#[tokio::test]
async fn garbage_text_and_oversized_messages_end_the_connection_and_nothing_else() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let (_link, mut bystander) = shake(&node, None, 1).await;

    let mut socket = open(&node, None).await;
    socket.send(SocketMessage::binary(vec![0xc1; 500])).await.expect("sent");
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Policy), "garbage for a handshake");

    let mut socket = open(&node, None).await;
    socket.send(SocketMessage::text("hello")).await.expect("sent");
    assert!(close_code(&mut socket).await.is_some(), "text");

    for size in [(256 << 10) + 1, 16 << 20] {
        let mut socket = open(&node, None).await;
        // The node hangs up before it has read all of it.
        let _ = socket.send(SocketMessage::binary(vec![0; size])).await;
        close_code(&mut socket).await;
    }

    let (_link, mut socket) = shake(&node, None, 2).await;
    socket.send(SocketMessage::binary(vec![0x55; 4000])).await.expect("sent");
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Protocol), "garbage in an open link");

    let mut socket = open(&node, None).await;
    for _ in 0..1000 {
        if socket.send(SocketMessage::Ping(bytes::Bytes::new())).await.is_err() {
            break;
        }
    }
    close_code(&mut socket).await;

    node.assert_well().await;
    assert!(timeout(Duration::from_millis(50), bystander.next()).await.is_err(), "the link beside them is as it was");
}

#[tokio::test]
async fn x01_a_socket_that_never_shakes_hands_is_closed_in_time() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let start = Instant::now();
    let mut socket = open(&node, None).await;
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Policy));
    assert!(start.elapsed() < Duration::from_secs(7), "{:?}", start.elapsed());
}

#[tokio::test]
async fn x02_a_client_that_never_reads_is_closed_and_memory_stays_flat() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    node.assert_well().await;
    let before = node.memory();
    let (mut link, mut socket) = shake(&node, Some(16 << 10), 1).await;
    let mut most = 0;
    let flood = async {
        for number in 0.. {
            for _ in 0..2000 {
                link.handle(Time(3), Input::Send(Message::Plain(Plain::Ping(u64::MAX - number))));
            }
            while let Some(output) = link.poll() {
                let Output::Transmit(bytes) = output else { panic!("unexpected: {output:?}") };
                if socket.send(SocketMessage::Binary(bytes)).await.is_err() {
                    return;
                }
            }
            most = most.max(node.memory());
        }
    };
    timeout(Duration::from_secs(100), flood).await.expect("the node closes the connection");
    node.assert_well().await;
    let grown = most.saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for one client that does not read");
}

#[tokio::test]
async fn a_node_that_is_stopped_says_that_it_is_going_away() {
    let home = tempfile::tempdir().expect("a directory");
    let mut node = Served::start(home.path(), &[]);
    assert_eq!(node.next_event()["event"], "invitation");
    let (mut link, mut socket) = shake(&node, None, 3).await;
    node.signal("-TERM");
    let code = async {
        loop {
            match socket.next().await.expect("a goodbye").expect("readable") {
                SocketMessage::Binary(bytes) => link.handle(Time(4), Input::Received(bytes)),
                SocketMessage::Close(frame) => return frame.map(|frame| frame.code),
                _ => {}
            }
        }
    };
    assert_eq!(timeout(PATIENCE, code).await.expect("in time"), Some(CloseCode::Away));
    assert_eq!(node.next_event()["event"], "stopped");
    assert_eq!(node.ended(), Some(0));
    assert!(!home.path().join("node/node.json").exists());
}
