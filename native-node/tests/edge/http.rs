//! What a node says over HTTP, and to whom it says nothing.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::support::{PATIENCE, Served, ends_within};

const UPGRADE: &str = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Opens a WebSocket by hand and returns the first line of the answer.
async fn open(node: &Served, host: &str, headers: &str) -> String {
    let mut tcp = TcpStream::connect(&node.listen).await.expect("the node listens");
    let request = format!("GET /peer HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\n{headers}\r\n");
    tcp.write_all(request.as_bytes()).await.expect("written");
    let mut answer = [0; 64];
    let length = tcp.read(&mut answer).await.expect("readable");
    String::from_utf8_lossy(&answer[..length]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn w01_w03_pages_of_strangers_get_no_socket_and_learn_why() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &["--allow-origin", "https://app.example"]);
    let own = node.listen.clone();
    let with_origin = |origin: &str| format!("{UPGRADE}Origin: {origin}\r\n");

    assert_eq!(open(&node, &own, UPGRADE).await, "HTTP/1.1 101 Switching Protocols", "a native client names no origin");
    for allowed in [format!("http://{own}"), "https://app.example".to_owned(), "http://localhost:5173".to_owned()] {
        assert!(open(&node, &own, &with_origin(&allowed)).await.contains(" 101 "), "{allowed}");
    }
    for refused in ["https://evil.example", "null", "https://app.example.evil", "http://app.example", "https://app.example:8443"] {
        assert!(open(&node, &own, &with_origin(refused)).await.contains(" 403 "), "{refused}");
    }
    let cookie = format!("{}Cookie: session=1\r\nAuthorization: Bearer {}\r\n", with_origin("https://evil.example"), node.token());
    assert!(open(&node, &own, &cookie).await.contains(" 403 "), "no credentials change that");

    for refused in ["https://evil.example", "null"] {
        let (head, body) = node.get("/peer", &format!("Origin: {refused}\r\n")).await;
        assert!(head.starts_with("http/1.1 403") && head.contains("content-type: application/problem+json"), "{head}");
        assert!(head.contains("access-control-allow-origin: *"), "the page can read the answer");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains("origin")), "{body}");
        assert!(answer["hint"].as_str().is_some_and(|hint| hint.contains("--allow-origin")), "{body}");
    }
    let (head, body) = node.get("/peer", "Origin: https://app.example\r\n").await;
    assert!(head.starts_with("http/1.1 200") && head.contains("access-control-allow-origin: *"), "{head}");
    assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON")["allowed"], true);
    let (head, _) = node.get("/version", "Origin: https://evil.example\r\n").await;
    assert!(head.starts_with("http/1.1 403"), "{head}");
}

#[tokio::test]
async fn w01_the_nodes_own_pages_and_this_machines_come_in_under_every_name_of_the_node() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &["--public-address", "wss://attic.example:443"]);
    let with_origin = |origin: &str| format!("{UPGRADE}Origin: {origin}\r\n");
    for (host, origin, status) in [
        ("attic.example", "https://attic.example", " 101 "),
        ("attic.example:443", "https://attic.example", " 101 "),
        ("attic.example", "https://attic.example:8443", " 403 "),
        ("attic.example", "https://evil.attic.example", " 403 "),
        ("attic.example", "http://localhost:5173", " 101 "),
        ("attic.example", "http://127.0.0.1:8080", " 101 "),
        ("attic.example", "http://[::1]:8080", " 101 "),
        ("attic.example", "http://10.0.0.7:8080", " 403 "),
        ("attic.example", "http://localhost.evil.example", " 403 "),
    ] {
        assert!(open(&node, host, &with_origin(origin)).await.contains(status), "{origin} at {host}");
    }
}

#[tokio::test]
async fn w02_a_name_rebound_to_this_node_gets_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &["--public-address", "wss://attic.example:443"]);
    for path in ["/", "/healthz", "/peer", "/api/v1/status", "/nothing"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example:4747\r\nConnection: close\r\n\r\n");
        let (head, body) = node.ask(&node.listen, &request).await;
        assert!(head.starts_with("http/1.1 421"), "{path}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{path}: {head}");
        assert!(!body.contains(&node.peer.to_string()), "{path}");
    }
    assert!(open(&node, "evil.example", UPGRADE).await.contains(" 421 "));
    assert!(open(&node, "attic.example", UPGRADE).await.contains(" 101 "));
    let request = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert!(node.ask(&node.local, request).await.0.starts_with("http/1.1 421"));
    let (head, _) = node.ask(&node.listen, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 400"), "{head}");
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused_in_words() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    for (headers, status) in [
        (UPGRADE.replace("13", "8"), " 426 "),
        (UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"), " 400 "),
        (format!("{UPGRADE}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), " 400 "),
        ("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n".to_owned(), " 400 "),
        ("Upgrade: h2c\r\n".to_owned(), " 200 "),
    ] {
        assert!(open(&node, &node.listen, &headers).await.contains(status), "{headers}");
    }
}

#[tokio::test]
async fn x04_a_head_of_a_megabyte_or_of_ten_thousand_headers_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    node.assert_well().await;
    let before = node.memory();
    let bombs = [
        format!("X: {}\r\n", "x".repeat(1 << 20)),
        (0..10_000).map(|i| format!("X-{i}: y\r\n")).collect(),
        (0..65).map(|i| format!("X-{i}: y\r\n")).collect::<String>(),
    ];
    for bomb in &bombs {
        for _ in 0..8 {
            let mut tcp = TcpStream::connect(&node.listen).await.expect("the node listens");
            let request = format!("GET / HTTP/1.1\r\nHost: {}\r\n{bomb}\r\n", node.listen);
            // The node hangs up before it has read all of it.
            let _ = tcp.write_all(request.as_bytes()).await;
            let mut answer = Vec::new();
            let hung_up = tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut answer)).await;
            assert!(hung_up.is_ok(), "the node still waits for the rest");
            assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
    }
    node.assert_well().await;
    let grown = node.memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes stay behind");
}

#[tokio::test]
async fn x01_half_handshakes_are_dropped_within_their_time_and_others_are_served() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    let mut half = Vec::new();
    for i in 0..300 {
        let mut tcp = TcpStream::connect(&node.listen).await.expect("the node listens");
        match i % 3 {
            0 => {}
            1 => tcp.write_all(b"GET /peer HTTP/1.1\r\nHo").await.expect("written"),
            // These get their socket and then never say a word of the handshake.
            _ => {
                let request = format!("GET /peer HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n{UPGRADE}\r\n", node.listen);
                tcp.write_all(request.as_bytes()).await.expect("written");
            }
        }
        half.push(tcp);
    }
    let drip = tokio::spawn({
        let listen = node.listen.clone();
        async move {
            let mut tcp = TcpStream::connect(listen).await.expect("the node listens");
            for byte in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: and so on, a byte at a time, for ever and ever" {
                if tcp.write_all(&[*byte]).await.is_err() {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            false
        }
    });
    let mut ended = std::pin::pin!(async {
        for tcp in &mut half {
            assert!(ends_within(tcp, PATIENCE).await, "a half handshake is still open");
        }
    });
    // Others are served all the time until the last of them is gone.
    loop {
        tokio::select! {
            () = &mut ended => break,
            () = node.assert_well() => {}
        }
    }
    assert!(drip.await.expect("no panic"), "a request that drips in is cut off before its end");
}

#[tokio::test]
async fn connections_beyond_the_bound_are_turned_away_until_a_place_is_free() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(home.path().join(".config/cachette")).expect("a directory");
    std::fs::write(home.path().join(".config/cachette/config.toml"), "[serve]\nmax_connections = 4\n").expect("written");
    let node = Served::start(home.path(), &[]);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(TcpStream::connect(&node.listen).await.expect("the node listens"));
    }
    super::support::until("the node is full", async || {
        let mut tcp = TcpStream::connect(&node.listen).await.expect("the node listens");
        let mut answer = [0; 12];
        let read = tokio::time::timeout(Duration::from_millis(200), tcp.read(&mut answer)).await;
        matches!(read, Ok(Ok(12))) && &answer == b"HTTP/1.1 503"
    })
    .await;
    drop(held);
    super::support::until("the node serves again", async || {
        let mut tcp = TcpStream::connect(&node.listen).await.expect("the node listens");
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.listen);
        let mut answer = String::new();
        tcp.write_all(request.as_bytes()).await.is_ok()
            && tcp.read_to_string(&mut answer).await.is_ok()
            && answer.starts_with("HTTP/1.1 200")
    })
    .await;
    let metrics = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.local);
    let (_, text) = node.ask(&node.local, &metrics).await;
    assert!(text.contains("cachette_connections_refused_total{reason=\"full\"}"), "{text}");
}

#[tokio::test]
async fn the_api_wants_its_token_and_says_no_as_a_problem() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &["--name", "attic", "--zone", "cellar"]);
    for (path, headers, status) in [
        ("/api/v1/status", String::new(), 401),
        ("/api/v1/status", "Authorization: Bearer wrong\r\n".to_owned(), 401),
        ("/api/v1/peers", "Authorization: Basic dXNlcg==\r\n".to_owned(), 401),
        ("/api/v1/nothing", String::new(), 404),
        ("/api/v1/invitations", format!("Authorization: Bearer {}\r\n", node.token()), 405),
    ] {
        let (head, body) = node.get(path, &headers).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        let problem: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(problem["status"], status, "{body}");
        assert!(problem["detail"].is_string() && problem["code"].is_string(), "{body}");
    }
    let (head, body) = node.get("/api/v1/status", &format!("Authorization: Bearer {}\r\n", node.token())).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let status: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&status["name"], &status["zone"]), (&"attic".into(), &"cellar".into()));
    assert_eq!(status["store"]["limit"], 1 << 30);

    let post = |body: &str, token: &str| {
        format!(
            "POST /api/v1/invitations HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\nAuthorization: Bearer {token}\r\n\r\n{body}",
            node.listen,
            body.len()
        )
    };
    for (body, token, status) in [
        ("{\"limit\": 10485760}", node.token(), 201),
        ("{\"limit\": 10485760}", "wrong".to_owned(), 401),
        ("{\"limit\": 1}", node.token(), 400),
        ("{\"limits\": 10485760}", node.token(), 422),
        ("{", node.token(), 400),
    ] {
        let (head, _) = node.ask(&node.listen, &post(body, &token)).await;
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{body}: {head}");
    }
    let (head, _) = node.ask(&node.listen, &post(&" ".repeat(20_000), &node.token())).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
}

#[tokio::test]
async fn metrics_are_on_the_loopback_port_only_and_pages_are_strict() {
    let home = tempfile::tempdir().expect("a directory");
    let node = Served::start(home.path(), &[]);
    assert!(node.get("/metrics", "").await.0.starts_with("http/1.1 404"));
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.local);
    let (head, text) = node.ask(&node.local, &request).await;
    assert!(head.contains("application/openmetrics-text"), "{head}");
    assert!(text.contains("cachette_store_limit_bytes 1073741824"), "{text}");
    assert!(node.local.starts_with("127.0.0.1:"));

    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.local);
    let (head, body) = node.ask(&node.local, &request).await;
    for header in ["default-src 'none'", "frame-ancestors 'none'", "x-content-type-options: nosniff", "referrer-policy: no-referrer"] {
        assert!(head.contains(header), "{head}");
    }
    assert!(body.contains("the node cannot read them"));
    assert!(!body.contains(&node.peer.to_string()), "a page needs no token and tells no secrets");
    assert!(node.get("/readyz", "").await.0.starts_with("http/1.1 200"));
    assert!(node.get("/version", "").await.1.contains(env!("CARGO_PKG_VERSION")));
}
