//! Real processes: the `cachette` binary of this profile, run as a node or as a command, and watched through what it prints.
//!
//! Nothing here sleeps to wait: events are lines that arrive, conditions are polled, both with a deadline.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a process may take for something that usually takes milliseconds.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running node.
#[derive(Debug)]
pub struct Node {
    /// Where it keeps everything.
    pub data_dir: PathBuf,
    /// What it is called.
    pub name: String,
    /// `IP:PORT` for peers.
    pub listen: String,
    /// Where others reach it, with its peer id.
    pub address: String,
    /// `IP:PORT` on loopback for its metrics.
    pub local: String,
    arguments: Vec<String>,
    child: Child,
    events: Receiver<Value>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Done {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed with `--json`.
    pub events: Vec<Value>,
    /// What it said beside that.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

/// Somebody who runs commands on a data directory.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where keys and notes are.
    pub data_dir: PathBuf,
}

/// Finds the binary that was built with this one: it lies beside `deps` or `examples`, in which this one lies.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let here = std::env::current_exe().expect("a path of this program");
    let folder = here.parent().and_then(Path::parent).expect("a folder of this profile");
    let binary = folder.join("cachette").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        binary.exists(),
        "{} is not built: `cargo xtask test` builds it, as does `cargo build --workspace --all-targets`",
        binary.display()
    );
    binary
}

/// Makes a command of the binary with nothing of the caller's configuration, which speaks to machines.
pub fn command(data_dir: &Path) -> Command {
    let mut command = plain(data_dir);
    command.arg("--json");
    command
}

/// Makes one that speaks to people.
fn plain(data_dir: &Path) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CACHETTE_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", data_dir).env("HOME", data_dir).stdin(Stdio::null());
    command.arg("--data-dir").arg(data_dir);
    command
}

/// Polls a condition until it holds.
///
/// # Panics
/// When it does not hold within [`PATIENCE`].
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

impl Node {
    /// Starts a node on a port of its own and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::launch(data_dir.to_owned(), "127.0.0.1:0", arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }

    fn launch(data_dir: PathBuf, listen: &str, arguments: Vec<String>) -> Self {
        std::fs::create_dir_all(&data_dir).expect("a data directory");
        let mut child = command(&data_dir)
            .args(["serve", "--listen", listen, "--local-listen", "127.0.0.1:0"])
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(log(&data_dir))
            .spawn()
            .expect("the binary starts");
        let events = read(child.stdout.take().expect("invariant: the output is piped"));
        let mut node = Self {
            data_dir,
            name: String::new(),
            listen: String::new(),
            address: String::new(),
            local: String::new(),
            arguments,
            child,
            events,
        };
        let listening = node.event("listening");
        node.name = text(&listening, "name");
        node.listen = text(&listening, "listen");
        node.local = text(&listening, "local");
        node.address = format!("{}/#{}", listening["addresses"][0].as_str().unwrap_or_default(), text(&listening, "peer"));
        node
    }

    /// Waits for the next event of a kind and returns it, dropping those before it.
    ///
    /// # Panics
    /// When it does not come within [`PATIENCE`].
    pub fn event(&self, kind: &str) -> Value {
        let start = Instant::now();
        loop {
            match self.events.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(event) if event["event"] == kind => return event,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("the node said nothing of `{kind}` in {PATIENCE:?}{}", self.said()),
                Err(RecvTimeoutError::Disconnected) => panic!("the node ended before it said `{kind}`{}", self.said()),
            }
        }
    }

    /// Returns the invitation that a new node prints.
    ///
    /// # Panics
    /// When it prints none.
    #[must_use]
    pub fn invitation(&self) -> String {
        text(&self.event("invitation"), "invitation")
    }

    /// Reads one of its figures; one that was never counted is 0.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn figure(&self, name: &str) -> u64 {
        let mut tcp = TcpStream::connect(&self.local).expect("the node listens");
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.local);
        tcp.write_all(request.as_bytes()).expect("a connection");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).expect("text");
        let number = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        number.map_or(0, |number| number.parse().expect("a number"))
    }

    /// Returns its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL and waits until it is gone.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("a process of ours");
        self.child.wait().expect("a process of ours");
    }

    /// Asks it to end with SIGTERM and waits until it did.
    ///
    /// # Panics
    /// When it does not end, or not well.
    pub fn stop(&mut self) {
        let asked = Command::new("kill").arg(self.pid().to_string()).status().expect("a `kill` command");
        assert!(asked.success(), "the node is gone{}", self.said());
        let mut ended = None;
        eventually("the node ends when asked to", || {
            ended = self.child.try_wait().expect("a process of ours");
            ended.is_some()
        });
        assert!(ended.is_some_and(|status| status.success()), "the node ended with {ended:?}{}", self.said());
    }

    /// Starts it again after it ended, on the same data directory and port.
    #[must_use]
    pub fn again(mut self) -> Self {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let arguments = std::mem::take(&mut self.arguments);
        Self::launch(self.data_dir.clone(), &self.listen, arguments)
    }

    /// Starts it again as [`Node::again`] does, with other arguments.
    #[must_use]
    pub fn again_with(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.again()
    }

    fn said(&self) -> String {
        let log = std::fs::read_to_string(self.data_dir.join(LOG)).unwrap_or_default();
        if log.is_empty() { String::new() } else { format!(":\n{log}") }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Client {
    /// Runs commands on a data directory, which is made if need be.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(data_dir: &Path) -> Self {
        std::fs::create_dir_all(data_dir).expect("a data directory");
        Self { data_dir: data_dir.to_owned() }
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Done {
        let start = Instant::now();
        let mut child =
            command(&self.data_dir).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let events = read(child.stdout.take().expect("invariant: the output is piped"));
        let mut stderr = String::new();
        let mut said = child.stderr.take().expect("invariant: the output is piped");
        said.read_to_string(&mut stderr).expect("text");
        let status = child.wait().expect("a process of ours");
        Done { code: status.code(), events: events.iter().collect(), stderr, took: start.elapsed() }
    }

    /// Runs a command as a person does and returns all that it says, on both outputs.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn said<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let output = plain(&self.data_dir).args(arguments).output().expect("the binary starts");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// Runs a command that must succeed.
    ///
    /// # Panics
    /// When it does not, with what it said.
    pub fn well<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Done {
        let done = self.run(arguments);
        assert_eq!(done.code, Some(0), "{}\n{:#?}", done.stderr, done.events);
        done
    }
}

impl Done {
    /// Returns the last event of a kind.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn event(&self, kind: &str) -> &Value {
        let found = self.events.iter().rfind(|event| event["event"] == kind);
        found.unwrap_or_else(|| panic!("no event `{kind}`: {:#?}\n{}", self.events, self.stderr))
    }
}

/// Reads lines of JSON as they come; what is no JSON arrives as a string.
fn read(output: ChildStdout) -> Receiver<Value> {
    let (sender, events) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    events
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {event}")).to_owned()
}

fn log(data_dir: &Path) -> Stdio {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(data_dir.join(LOG));
    file.expect("a log in the data directory").into()
}

/// Where a node's standard error goes.
const LOG: &str = "stderr.log";
