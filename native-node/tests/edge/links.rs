//! Peers that mean well: linking, TLS, addresses that do not answer, a node that comes back.

use std::path::{Path, PathBuf};

use cachette_core::id::PeerId;
use cachette_core::link::CloseReason;
use cachette_core::node::{Answer, DialError, Event, Trouble};

use super::support::{Client, Served, cachette, until};

const UNREACHABLE: fn(DialError) -> Answer = |error| Answer::Failed(Trouble::Unreachable(error));

fn certificate(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    (certificate, key)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test]
async fn a_client_links_to_two_nodes_and_they_see_it() {
    let (one, two, own) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (attic, cellar) = (Served::start(one.path(), &[]), Served::start(two.path(), &[]));
    let mut client = Client::start(own.path(), None, 7);
    assert_eq!(client.connect(attic.peer, &format!("ws://{}", attic.listen)).await, Answer::Done);
    assert_eq!(client.connect(cellar.peer, &format!("ws://{}", cellar.listen)).await, Answer::Done);
    assert_eq!(client.links.len(), 2);

    let output = cachette(one.path()).args(["--json", "peers"]).output().expect("it runs");
    let line = String::from_utf8(output.stdout).expect("text");
    let peer: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("one peer, not {line:?}"));
    assert_eq!((&peer["event"], &peer["direction"]), (&"peer".into(), &"in".into()));
    assert!(peer["received"].is_u64() && peer["remote"].is_string(), "{peer}");

    client.handle.requests.send(cachette_core::node::Request::Drain).await.expect("the driver runs");
    until("the nodes have forgotten the client", async || {
        let output = cachette(one.path()).args(["--json", "peers"]).output().expect("it runs");
        output.status.success() && output.stdout.is_empty()
    })
    .await;
    client.handle.task.await.expect("the driver ends");
}

#[tokio::test]
async fn who_answers_with_another_identity_is_not_linked() {
    let (home, own) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let node = Served::start(home.path(), &[]);
    let mut client = Client::start(own.path(), None, 7);
    let somebody = PeerId([0x11; 32]);
    let wrong = UNREACHABLE(DialError::Handshake(CloseReason::WrongPeer));
    assert_eq!(client.connect(somebody, &format!("ws://{}", node.listen)).await, wrong);
    assert!(client.links.is_empty());
    node.assert_well().await;
}

#[tokio::test]
async fn tls_links_when_the_certificate_is_trusted_and_only_then() {
    let (home, own) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (cert, key) = certificate(home.path(), "tls");
    let node = Served::start(home.path(), &["--tls-cert", text(&cert), "--tls-key", text(&key)]);
    let port = node.listen.rsplit(':').next().expect("a port").to_owned();
    let mut trusting = Client::start(own.path(), Some(&cert), 7);
    assert_eq!(trusting.connect(node.peer, &format!("wss://localhost:{port}")).await, Answer::Done);
    let mut strict = Client::start(own.path(), None, 8);
    assert_eq!(strict.connect(node.peer, &format!("wss://localhost:{port}")).await, UNREACHABLE(DialError::Tls));
    let mut plain = Client::start(own.path(), None, 9);
    assert_eq!(plain.connect(node.peer, &format!("ws://localhost:{port}")).await, UNREACHABLE(DialError::NotANode));
}

#[tokio::test]
async fn a_new_certificate_is_taken_on_sighup_without_a_restart() {
    let (home, own) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (cert, key) = certificate(home.path(), "tls");
    let node = Served::start(home.path(), &["--tls-cert", text(&cert), "--tls-key", text(&key)]);
    let port = node.listen.rsplit(':').next().expect("a port").to_owned();
    certificate(home.path(), "tls");
    node.signal("-HUP");
    let mut seed = 10;
    until("the new certificate is in use", async || {
        seed += 1;
        let mut client = Client::start(own.path(), Some(&cert), seed);
        client.connect(node.peer, &format!("wss://localhost:{port}")).await == Answer::Done
    })
    .await;
}

#[tokio::test]
async fn a_client_hears_that_a_node_died() {
    let (home, own) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let node = Served::start(home.path(), &[]);
    let mut client = Client::start(own.path(), None, 7);
    let peer = node.peer;
    assert_eq!(client.connect(peer, &format!("ws://{}", node.listen)).await, Answer::Done);
    node.signal("-KILL");
    loop {
        if let Event::Down(down, _) = client.next_event().await {
            assert_eq!(down, peer);
            break;
        }
    }
    assert!(client.links.is_empty());
}
