//! Callers in great numbers: what runs out is not the node.

use std::time::{Duration, Instant};

use cachette_core::limits::HANDSHAKE_TIMEOUT;
use cachette_core::link::{Input, Output};
use cachette_core::message::{Ask, Denial, Message, Plain, RecordBytes};
use cachette_core::time::Time;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as SocketMessage;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::raw::{Talk, begin, close_code, questions, shake};
use super::support::{PATIENCE, Served, until};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What has the node store something.
fn invite(node: &Served) -> String {
    let (body, token) = (r#"{"limit":1048576}"#, node.token());
    let head = format!("POST /api/v1/invitations HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", node.local);
    let what = format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    format!("{head}Authorization: Bearer {}\r\n{what}", token.trim())
}

async fn answer(tcp: &mut TcpStream) -> String {
    let mut answer = String::new();
    timeout(PATIENCE, tcp.read_to_string(&mut answer)).await.expect("in time").expect("readable");
    answer
}

/// Asks whether all is well over a connection of its own, if there is one to be had.
async fn is_served(node: &Served) -> bool {
    let Ok(mut tcp) = TcpStream::connect(&node.listen).await else { return false };
    let mut answer = String::new();
    tcp.write_all(HEALTH).await.is_ok() && tcp.read_to_string(&mut answer).await.is_ok() && answer.starts_with("HTTP/1.1 200")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn d04_x10_without_descriptors_accepting_pauses_and_what_is_open_goes_on() {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

    let home = tempfile::tempdir().expect("a directory");
    let mut node = Served::start(home.path(), &[]);
    assert_eq!(node.next_event()["event"], "invitation");
    let mut talk = Talk::with(&node, 1).await;
    let mut commands = TcpStream::connect(&node.local).await.expect("the node listens");
    let pid = i32::try_from(node.pid()).ok().and_then(Pid::from_raw).expect("a process");
    let none = Rlimit { current: Some(0), maximum: getrlimit(Resource::Nofile).maximum };
    let (start, before) = (Instant::now(), node.figure(FAILURES).await);
    let whole = prlimit(Some(pid), Resource::Nofile, none).expect("a limit that may be lowered");
    commands.write_all(invite(&node).as_bytes()).await.expect("written");
    let mut waiting = vec![commands];
    for _ in 0..8 {
        let mut tcp = TcpStream::connect(&node.listen).await.expect("the system takes it for the node");
        tcp.write_all(HEALTH).await.expect("written");
        waiting.push(tcp);
    }
    // The link is served meanwhile, for longer than a few pauses of the accept loop.
    while start.elapsed() < Duration::from_secs(1) {
        talk.say(Plain::Ping(1)).await;
        assert_eq!(talk.hear().await, Plain::Pong(1));
    }
    prlimit(Some(pid), Resource::Nofile, whole).expect("a limit that may be raised again");
    for tcp in &mut waiting {
        let answer = answer(tcp).await;
        assert!(answer.starts_with("HTTP/1.1 20"), "whoever waited is served in the end, the store too: {answer}");
    }
    let failures = node.figure(FAILURES).await - before;
    let pauses = u64::try_from(start.elapsed().as_millis()).expect("small") / 200 + 2;
    assert!(failures >= 1, "accepting failed at least once");
    assert!(failures <= 2 * pauses, "{failures} failures where {pauses} pauses fit on each of two ports: the node spins");
}

#[tokio::test]
async fn d04_connections_leave_descriptors_for_the_store() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start_limited(home.path(), 256, &[]);
    let mut held = Vec::new();
    for _ in 0..300 {
        held.push(TcpStream::connect(&node.listen).await.expect("the system takes it"));
    }
    until("connections are turned away", async || node.figure(TURNED_AWAY).await > 0).await;
    let (head, _) = node.ask(&node.local, &invite(&node)).await;
    assert!(head.starts_with("http/1.1 201"), "the store has its files: {head}");
    assert_eq!(node.figure(FAILURES).await, 0, "connections were turned away before descriptors ran out");
    drop(held);
    until("there is room again", async || is_served(&node).await).await;
}

#[tokio::test]
async fn x03_a_thousand_idle_links_cost_little_memory_each() {
    assert_eq!(cachette::descriptors::room_for(2000), 2000, "this process needs as many as the node");
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let mut links = Vec::new();
    for seed in 0..50 {
        links.push(shake(&node, None, seed).await);
    }
    let before = node.memory();
    for seed in 50..1000 {
        links.push(shake(&node, None, seed).await);
    }
    let each = node.memory().saturating_sub(before) / 950;
    println!("{each} bytes for an idle link");
    assert!(each < IDLE_LINK, "{each} bytes for an idle link");
    assert_eq!(node.figure("cachette_links_open").await, 1000);
}

#[tokio::test]
async fn x05_bad_signatures_cost_a_connection_each_and_others_are_served() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let mut bystander = Talk::with(&node, 1).await;
    for number in 100..200 {
        // The last message of a handshake bears the proof; one of its bits is another one.
        let (mut link, mut socket) = begin(&node, None, number).await;
        let (mut sent, mut closed) = (0, None);
        'shaking: loop {
            while let Some(output) = link.poll() {
                let Output::Transmit(bytes) = output else { break 'shaking };
                let mut bytes = bytes.to_vec();
                sent += 1;
                if sent == 2 {
                    *bytes.last_mut().expect("a byte") ^= 1;
                }
                socket.send(SocketMessage::binary(bytes)).await.expect("sent");
            }
            match socket.next().await.expect("open").expect("readable") {
                SocketMessage::Binary(bytes) => link.handle(Time(2), Input::Received(bytes)),
                SocketMessage::Close(frame) => {
                    closed = frame.map(|frame| frame.code);
                    break;
                }
                message => panic!("unexpected: {message:?}"),
            }
        }
        let code = if closed.is_some() { closed } else { close_code(&mut socket).await };
        assert_eq!(code, Some(CloseCode::Policy));
    }
    // Records for a vault that is not served are refused before their signatures are looked at, as long as anybody likes.
    let unknown = [&[0x95, 3, 1, 1, 0xc4, 32][..], &[9; 32], &[0xc0]].concat();
    for ask in 0..1000 {
        bystander.say(Plain::Publish((Ask(ask), RecordBytes(unknown.clone())))).await;
        assert_eq!(bystander.hear().await, Plain::Denied((Ask(ask), Denial::NotAdmitted)));
    }
    node.assert_well().await;
}

#[tokio::test]
async fn p13_a_stranger_gets_little_more_than_it_sent() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    // All but the web app, which is there for whoever looks.
    for path in ["/peer", "/healthz", "/readyz", "/version", "/api/v1/status", "/api/v1/peers", "/metrics", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let (head, body) = node.ask(&node.listen, &request).await;
        let answer = head.len() + 4 + body.len();
        assert!(answer <= PAGE, "{answer} bytes for {request:?}");
    }
    // Before the handshake: one byte, or the first message and no more.
    let mut tcp = TcpStream::connect(&node.listen).await.expect("the node listens");
    tcp.write_all(b"\x16").await.expect("written");
    let mut early = Vec::new();
    let within = Duration::from_millis(HANDSHAKE_TIMEOUT.millis()) + PATIENCE;
    timeout(within, tcp.read_to_end(&mut early)).await.expect("closed in time").expect("readable");
    assert!(early.len() <= PAGE, "{early:?}");
    let (mut link, mut socket) = begin(&node, None, 4).await;
    let Some(Output::Transmit(first)) = link.poll() else { panic!("the dialler begins") };
    socket.send(SocketMessage::Binary(first.clone())).await.expect("sent");
    let Some(Ok(SocketMessage::Binary(second))) = socket.next().await else { panic!("an answer") };
    assert!(second.len() <= 10 * first.len(), "{} bytes for {}", second.len(), first.len());
    // After it: whatever a stranger asks, the answer is shorter than the question.
    let mut talk = Talk::with(&node, 5).await;
    for plain in questions() {
        let asked = Message::from(plain.clone());
        talk.say(plain).await;
        let answer = talk.hear().await;
        let (question, answer) = (length(&asked), length(&Message::from(answer)));
        assert!(answer <= question, "{answer} bytes for {question}: {asked:?}");
    }
}

fn length(message: &Message) -> usize {
    match message {
        Message::Plain(plain) => plain.encode().len(),
        Message::Block(_, block) => block.bytes().len(),
    }
}

/// The figure that counts what the system could not accept.
const FAILURES: &str = "cachette_accept_failures_total";
/// The figure that counts whom the gate turned away for want of places.
const TURNED_AWAY: &str = "cachette_connections_refused_total{reason=\"full\"}";
/// Bytes that an idle link may cost: what is read at once, and little beside it.
const IDLE_LINK: u64 = 40 << 10;
/// Bytes of an answer that anybody may have over HTTP.
const PAGE: usize = 1 << 10;
