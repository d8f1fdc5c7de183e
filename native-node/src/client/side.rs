//! The application's side of a driver: what commands want of the vault, and where its outputs go.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use cachette_core::node::{Answer, AskId, Event, Request};
use cachette_core::vault::{Command, CommandError, CommandId, Input, Output, Reply};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::jobs::Jobs;
use super::keeper::Keeper;
use super::machine::Machine;
use super::troubles::Troubles;

/// What commands tell the driver. Bytes are bounded by what the vault invited, everything else by the number of commands.
pub enum FromApplication {
    /// A command for the vault.
    Command {
        /// Its number.
        id: CommandId,
        /// What is wanted.
        command: Command,
        /// Takes the reply.
        answer: oneshot::Sender<Result<Reply, CommandError>>,
        /// Takes the bytes of a read.
        bytes: Option<mpsc::UnboundedSender<Bytes>>,
        /// Gets a permit for every byte of a put that is invited.
        room: Option<Arc<Semaphore>>,
    },
    /// Bytes of a put.
    Bytes(CommandId, Bytes),
    /// The end of a put.
    End(CommandId),
    /// More bytes of a read are welcome.
    Pull(CommandId, usize),
    /// A put or read is given up.
    Cancel(CommandId),
    /// A numbered request for the node.
    Ask(AskId, Request, oneshot::Sender<Answer>),
    /// Somebody wants to look at the machines.
    Look(Box<dyn FnOnce(&Machine) + Send>),
}

/// What the driver is to do with something from the application.
pub enum Forward {
    /// Give it to the vault.
    Vault(Input),
    /// Give it to the node.
    Node(Request),
    /// Let somebody look.
    Look(Box<dyn FnOnce(&Machine) + Send>),
}

/// Who waits for what.
pub struct Side {
    replies: BTreeMap<CommandId, oneshot::Sender<Result<Reply, CommandError>>>,
    reads: BTreeMap<CommandId, mpsc::UnboundedSender<Bytes>>,
    puts: BTreeMap<CommandId, Arc<Semaphore>>,
    asks: BTreeMap<AskId, oneshot::Sender<Answer>>,
    troubles: Troubles,
    jobs: Jobs,
    /// None where nothing is kept.
    keeper: Option<Keeper>,
}

impl Side {
    /// Begins with nobody waiting.
    #[must_use]
    pub fn new(troubles: Troubles, jobs: Jobs, keeper: Option<Keeper>) -> Self {
        Self { replies: BTreeMap::new(), reads: BTreeMap::new(), puts: BTreeMap::new(), asks: BTreeMap::new(), troubles, jobs, keeper }
    }

    /// Takes something from the application.
    pub fn take(&mut self, from: FromApplication) -> Forward {
        Forward::Vault(match from {
            FromApplication::Command { id, command, answer, bytes, room } => {
                self.replies.insert(id, answer);
                bytes.map(|bytes| self.reads.insert(id, bytes));
                room.map(|room| self.puts.insert(id, room));
                Input::Command(id, command)
            }
            FromApplication::Bytes(id, bytes) => Input::Bytes(id, bytes),
            FromApplication::End(id) => Input::End(id),
            FromApplication::Pull(id, bytes) => Input::Pull(id, bytes),
            FromApplication::Cancel(id) => Input::Cancel(id),
            FromApplication::Ask(ask, request, answer) => {
                self.asks.insert(ask, answer);
                return Forward::Node(request);
            }
            FromApplication::Look(look) => return Forward::Look(look),
        })
    }

    /// Does what the vault wants of anybody but the node.
    pub fn vault(&mut self, output: Output) {
        match output {
            Output::Job(id, job) => self.jobs.push(id, job),
            Output::Keep(id, notes, must_last) => {
                if let Some(keeper) = &self.keeper {
                    keeper.push(id, notes, must_last);
                }
            }
            Output::More(id, bytes) => {
                if let Some(room) = self.puts.get(&id) {
                    room.add_permits(bytes);
                }
            }
            Output::Bytes(id, bytes) => {
                if let Some(read) = self.reads.get(&id) {
                    // A reader that went away cancels its read; until then nothing is lost by not hearing.
                    let _ = read.send(bytes);
                }
            }
            Output::Reply(id, reply) => {
                self.reads.remove(&id);
                if let Some(room) = self.puts.remove(&id) {
                    room.close();
                }
                if let Some(answer) = self.replies.remove(&id) {
                    let _ = answer.send(reply);
                }
            }
            Output::Alarm(alarm) => tracing::error!(%alarm, "the vault's records contradict one another"),
            // Routed to the node by the peer, so they never come here.
            Output::Place(_)
            | Output::Confirm(_)
            | Output::Need(_)
            | Output::NeedAgain(_)
            | Output::Cache(_)
            | Output::Forget(_)
            | Output::Publish(_)
            | Output::Refresh
            | Output::Follow(_) => {}
        }
    }

    /// Hears what the node tells.
    pub fn event(&mut self, event: Event) {
        match event {
            Event::Answered(ask, answer) => {
                if let Some(waiting) = self.asks.remove(&ask) {
                    let _ = waiting.send(answer);
                }
            }
            event => self.troubles.hear(&event),
        }
    }
}

impl Drop for Side {
    /// Whoever waits for room learns that there will be none; the others hear it from their dropped channels.
    fn drop(&mut self) {
        self.puts.values().for_each(|room| room.close());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::DataDir;
    use crate::notes::Notes;

    #[test]
    fn c13_a_put_does_not_wait_for_room_that_a_dead_driver_would_have_given() {
        let home = tempfile::tempdir().expect("a folder");
        let dir = DataDir::claim(home.path()).expect("nobody else has it");
        let (durable, relaxed) = (Notes::open(&dir).expect("notes"), Notes::open_relaxed(&dir).expect("notes"));
        let keeper = Keeper::start(durable, relaxed, |_, _| ()).expect("a thread");
        let mut side = Side::new(Troubles::default(), Jobs::start(|_, _| ()), Some(keeper));
        let (room, (answer, _reply)) = (Arc::new(Semaphore::new(0)), oneshot::channel());
        side.take(FromApplication::Command {
            id: CommandId(1),
            command: Command::Live,
            answer,
            bytes: None,
            room: Some(Arc::clone(&room)),
        });
        assert!(!room.is_closed());
        drop(side);
        assert!(room.is_closed());
    }
}
