//! The application above a device's vault: feeds the files that it puts, takes the files that it reads, remembers what came of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use cachette_core::vault::{Alarm, Command, CommandError, CommandId, Input, Output, Reply};

/// What the application of one host does and has seen.
#[derive(Debug, Default)]
pub struct App {
    next: u64,
    feeding: BTreeMap<CommandId, Bytes>,
    reading: BTreeMap<CommandId, Vec<u8>>,
    replies: BTreeMap<CommandId, Result<Reply, CommandError>>,
    /// What should never be, as the vault said it.
    pub alarms: Vec<Alarm>,
}

impl App {
    /// Begins a command; `content` is what a put will be fed.
    pub fn begin(&mut self, command: Command, content: Option<Bytes>) -> (CommandId, Vec<Input>) {
        let id = CommandId(self.next);
        self.next += 1;
        let mut inputs = Vec::new();
        let reads = matches!(command, Command::Read { .. });
        inputs.push(Input::Command(id, command));
        if let Some(content) = content {
            self.feeding.insert(id, content);
        }
        if reads {
            self.reading.insert(id, Vec::new());
            inputs.push(Input::Pull(id, APPETITE));
        }
        (id, inputs)
    }

    /// Takes in what the vault says to its application; returns what the application does about it.
    pub fn take(&mut self, output: Output) -> Vec<Input> {
        match output {
            Output::More(id, bytes) => {
                let Some(rest) = self.feeding.get_mut(&id) else { return Vec::new() };
                let part = rest.split_to(bytes.min(rest.len()));
                let mut inputs = Vec::new();
                if !part.is_empty() {
                    inputs.push(Input::Bytes(id, part));
                }
                if rest.is_empty() {
                    self.feeding.remove(&id);
                    inputs.push(Input::End(id));
                }
                inputs
            }
            Output::Bytes(id, bytes) => {
                self.reading.entry(id).or_default().extend_from_slice(&bytes);
                vec![Input::Pull(id, bytes.len())]
            }
            Output::Reply(id, reply) => {
                self.feeding.remove(&id);
                self.replies.insert(id, reply);
                Vec::new()
            }
            Output::Alarm(alarm) => {
                self.alarms.push(alarm);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Forgets what was under way: the process died.
    pub fn crash(&mut self) {
        self.feeding.clear();
        self.reading.clear();
    }

    /// Returns what came of a command.
    #[must_use]
    pub fn reply(&self, id: CommandId) -> Option<&Result<Reply, CommandError>> {
        self.replies.get(&id)
    }

    /// Returns the bytes that a read has given so far.
    #[must_use]
    pub fn bytes(&self, id: CommandId) -> &[u8] {
        self.reading.get(&id).map_or(&[], Vec::as_slice)
    }
}

/// Bytes that a reader asks for ahead.
const APPETITE: usize = 256 << 10;
