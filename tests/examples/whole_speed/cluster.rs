//! Processes that are measured: nodes, commands, what they took of time, memory and bytes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use cachette_tests::files;
use cachette_tests::process::{self, Client, Node};
use serde_json::Value;

/// Three nodes, and folders for whoever talks to them.
pub(crate) struct Cluster {
    pub(crate) home: PathBuf,
    pub(crate) nodes: Vec<Node>,
}

/// A command that succeeded.
pub(crate) struct Run {
    pub(crate) seconds: f64,
    /// Largest resident set, in bytes.
    pub(crate) peak: u64,
    pub(crate) events: Vec<Value>,
}

impl Cluster {
    pub(crate) fn start(home: &Path) -> Self {
        let names = ["attic", "cellar", "paris"];
        let nodes = names.iter().map(|name| Node::start(&home.join(name), &["--name", name, "--zone", name])).collect();
        Self { home: home.to_owned(), nodes }
    }

    /// A device with a vault of its own on all nodes, and its words.
    pub(crate) fn join(&self, name: &str) -> (Client, String) {
        let client = Client::new(&self.home.join(name));
        let mut arguments = vec!["init".to_owned()];
        for node in &self.nodes {
            let invited = Client::new(&node.data_dir).well(["invite"]);
            let invitation = invited.event("invitation")["invitation"].as_str().expect("an invitation").to_owned();
            arguments.extend(["--join".to_owned(), invitation]);
        }
        let made = client.well(&arguments);
        let words = made.event("recovery-sheet")["words"].as_str().expect("words").to_owned();
        (client, words)
    }

    /// A device that knows nothing but the words.
    pub(crate) fn restore(&self, name: &str, words: &str) -> Client {
        let client = Client::new(&self.home.join(name));
        let paper = client.data_dir.join("words");
        fs::write(&paper, words).expect("a disk");
        let node = self.nodes[0].address.as_str();
        client.well(["init", "--restore", "--node", node, "--phrase-file", paper.to_str().expect("a plain path")]);
        client
    }

    /// Bytes of files that each node keeps.
    pub(crate) fn stored(&self) -> Vec<u64> {
        self.nodes.iter().map(|node| files::stored(&node.data_dir).expect("a node's files")).collect()
    }

    /// Bytes that nodes have sent to peers.
    pub(crate) fn sent(&self) -> u64 {
        self.nodes.iter().map(|node| metric(node, "cachette_link_sent_bytes_total")).sum()
    }

    /// The largest resident set of a node so far.
    pub(crate) fn peak(&self) -> u64 {
        self.nodes.iter().filter_map(|node| status(node.pid(), "VmHWM:")).max().unwrap_or_default()
    }
}

impl Run {
    pub(crate) fn number(&self, event: &str, field: &str) -> u64 {
        let found = self.events.iter().rfind(|candidate| candidate["event"] == event);
        found
            .and_then(|event| event[field].as_u64())
            .unwrap_or_else(|| panic!("no number `{field}` in an event `{event}`: {:?}", self.events))
    }
}

/// Runs a command that must succeed, and watches it.
pub(crate) fn run(client: &Client, arguments: &[&str]) -> Run {
    let begun = Instant::now();
    let log = fs::File::create(client.data_dir.join("stderr.log")).expect("a disk");
    let output = client.data_dir.join("stdout.log");
    let to = fs::File::create(&output).expect("a disk");
    let mut command = process::command(&client.data_dir);
    let mut child = command.args(arguments).stdout(Stdio::from(to)).stderr(log).spawn().expect("the binary starts");
    let mut peak = 0;
    let ended = loop {
        peak = peak.max(status(child.id(), "VmHWM:").unwrap_or_default());
        if let Some(ended) = child.try_wait().expect("a process of ours") {
            break ended;
        }
        thread::park_timeout(Duration::from_millis(5));
    };
    let seconds = begun.elapsed().as_secs_f64();
    let said = || fs::read_to_string(client.data_dir.join("stderr.log")).unwrap_or_default();
    assert!(ended.success(), "{arguments:?} ended with {ended}: {}", said());
    let text = fs::read(&output).unwrap_or_default();
    let events = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Run { seconds, peak, events }
}

/// Processor time of a process, in seconds.
pub(crate) fn processor(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process of ours");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields behind the name").split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    ticks as f64 / TICKS
}

/// One number of kilobytes of `/proc/PID/status`, in bytes.
fn status(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? << 10)
}

fn metric(node: &Node, name: &str) -> u64 {
    let mut stream = TcpStream::connect(&node.local).expect("a node that listens");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.local).expect("taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no metric {name} in {answer}"))
}

/// Linux counts processor time in hundredths, on every architecture.
const TICKS: f64 = 100.0;
