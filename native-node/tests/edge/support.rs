//! Nodes in processes, raw connections to them, and a client with the real machines.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cachette::clock::Clock;
use cachette::disk::{Options, Store};
use cachette::driver::Handle;
use cachette::driver::network::{Network, Parts};
use cachette::metrics::Metrics;
use cachette::socket::dialer::Dialer;
use cachette_core::id::PeerId;
use cachette_core::identity::{Identity, Seed};
use cachette_core::node::{self, Answer, AskId, Event, Request, Role};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// `cachette serve` in a process of its own; killed when dropped.
pub(crate) struct Served {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) peer: PeerId,
    pub(crate) listen: String,
    pub(crate) local: String,
    pub(crate) directory: PathBuf,
}

/// A client: the real machines, sockets and store, without a vault above them.
pub(crate) struct Client {
    pub(crate) handle: Handle,
    pub(crate) links: cachette::driver::links::LinkTable,
    asks: u64,
}

/// How long anything may take before a test gives up waiting: far more than it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `cachette` in an environment without anybody's configuration.
pub(crate) fn cachette(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachette"));
    command.env_clear().env("HOME", directory).arg("--data-dir").arg(directory);
    command
}

impl Served {
    pub(crate) fn start(directory: &Path, flags: &[&str]) -> Self {
        Self::run(cachette(directory), directory, flags)
    }

    /// Starts a node that may have no more than so many files and connections open.
    pub(crate) fn start_limited(directory: &Path, open: u32, flags: &[&str]) -> Self {
        let mut limited = Command::new("sh");
        limited.env_clear().env("HOME", directory).args(["-c", &format!("ulimit -n {open}; exec \"$0\" \"$@\"")]);
        limited.arg(env!("CARGO_BIN_EXE_cachette")).arg("--data-dir").arg(directory);
        Self::run(limited, directory, flags)
    }

    fn run(mut command: Command, directory: &Path, flags: &[&str]) -> Self {
        let mut child = command
            .args(["--json", "serve", "--listen", "127.0.0.1:0", "--store-limit", "1GiB", "--reserve", "0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let event = read_event(&mut stdout);
        assert_eq!(event["event"], "listening", "{event}");
        let text = |key: &str| event[key].as_str().expect("a text").to_owned();
        let peer = text("peer").parse().expect("a peer id");
        let (listen, local) = (text("listen"), text("local"));
        Self { child, stdout, peer, listen, local, directory: directory.to_owned() }
    }

    pub(crate) fn next_event(&mut self) -> Value {
        read_event(&mut self.stdout)
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.directory.join("node/api-token")).expect("a token")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads one of the node's figures; one that was never counted is 0.
    pub(crate) async fn figure(&self, name: &str) -> u64 {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.local);
        let (_, body) = self.ask(&self.local, &request).await;
        let line = body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |number| number.parse().expect("a number"))
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits until the process ends by itself; returns its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status.code();
            }
            assert!(Instant::now() < until, "the node does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the process runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line on memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    }

    /// Asks over a connection of its own; returns status line and headers, and the body.
    pub(crate) async fn ask(&self, address: &str, request: &str) -> (String, String) {
        let mut tcp = TcpStream::connect(address).await.expect("the node listens");
        tcp.write_all(request.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.expect("an answer in time").expect("readable");
        // What is compressed is no text, and its length says enough.
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP answer: {answer:?}"));
        (head.to_ascii_lowercase(), body.to_owned())
    }

    pub(crate) async fn get(&self, path: &str, headers: &str) -> (String, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n", self.listen);
        self.ask(&self.listen, &request).await
    }

    /// A node that is well answers this, whatever else goes on.
    pub(crate) async fn assert_well(&self) {
        let (head, body) = self.get("/healthz", "").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert_eq!(body, "ok\n");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_event(stdout: &mut impl BufRead) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("readable");
    serde_json::from_str(&line).unwrap_or_else(|_| {
        let mut rest = String::new();
        let _ = stdout.read_to_string(&mut rest);
        panic!("no event: {line}{rest}")
    })
}

impl Client {
    pub(crate) fn start(directory: &Path, ca_file: Option<&Path>, seed: u8) -> Self {
        let identity = Arc::new(Identity::from_seed(&Seed::new([seed; 32])));
        let clock = Clock::start();
        let store = Arc::new(Store::open(&directory.join(format!("client-{seed}")), Options::default()).expect("a store"));
        let config = node::Config { me: identity.peer(), role: Role::Client, seed: [seed; 32] };
        let dialer = Dialer::new(ca_file).expect("roots");
        let network = Network::new(Parts { identity, clock, store: Some(store), dialer, metrics: Arc::new(Metrics::default()) });
        let links = network.links();
        Self { handle: Handle::spawn(config, network, clock), links, asks: 0 }
    }

    /// Calls a peer and waits for what becomes of it.
    pub(crate) async fn connect(&mut self, peer: PeerId, address: &str) -> Answer {
        self.asks += 1;
        let ask = AskId(self.asks);
        let request = Request::Connect(ask, peer, vec![address.to_owned()]);
        self.handle.requests.send(request).await.expect("the driver runs");
        let answered = async {
            loop {
                match self.handle.events.recv().await.expect("the driver runs") {
                    Event::Answered(answered, answer) if answered == ask => return answer,
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, answered).await.expect("an answer in time")
    }

    pub(crate) async fn next_event(&mut self) -> Event {
        timeout(PATIENCE, self.handle.events.recv()).await.expect("an event in time").expect("the driver runs")
    }
}

/// Reads everything that is left of a connection; says whether it ended in time.
pub(crate) async fn ends_within(tcp: &mut TcpStream, limit: Duration) -> bool {
    let mut rest = Vec::new();
    timeout(limit, tcp.read_to_end(&mut rest)).await.is_ok()
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
