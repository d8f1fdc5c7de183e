//! Peers that speak garbage, too much, or nothing.

use std::time::Duration;

use cachette_core::limits::SOCKET_MESSAGE_MAX;
use cachette_core::link::{Input, Output};
use cachette_core::message::{Message, Plain};
use cachette_core::time::Time;
use futures::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as SocketMessage;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::raw::{close_code, open, shake};
use super::support::{PATIENCE, Served, ends_within};

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
async fn p03_a_frame_that_claims_to_be_huge_is_refused_at_its_header() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    node.assert_well().await;
    let before = node.memory();
    for (seed, length) in [(1, 1 << 62), (2, u64::MAX), (3, SOCKET_MESSAGE_MAX as u64 + 1)] {
        // In a link, because an unfinished handshake would be closed soon for its own sake.
        let (_link, socket) = shake(&node, None, seed).await;
        let mut tcp = socket.into_inner();
        let header = [&[0x82, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat();
        tcp.write_all(&header).await.expect("written");
        assert!(ends_within(&mut tcp, PATIENCE).await, "{length} bytes were announced");
    }
    let grown = node.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes for what was only announced");
    node.assert_well().await;
}

#[tokio::test]
async fn x01_half_a_frame_is_waited_for_no_longer_than_a_handshake() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let mut waiting = Vec::new();
    for part in [&[0x82][..], &[0x82, 0xa0, 1, 2, 3, 4], &[0x02, 0x84, 1, 2, 3, 4, 5, 6, 7, 8]] {
        let mut tcp = open(&node, None).await.into_inner();
        tcp.write_all(part).await.expect("written");
        waiting.push((part, tcp));
    }
    for (part, tcp) in &mut waiting {
        assert!(ends_within(tcp, PATIENCE).await, "{part:02x?} and no more");
    }
    node.assert_well().await;
}

#[tokio::test]
async fn x01_a_socket_that_never_shakes_hands_is_closed_in_time() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let mut socket = open(&node, None).await;
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Policy));
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
