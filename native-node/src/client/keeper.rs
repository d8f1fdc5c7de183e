//! The thread that keeps a vault's notes, in the order in which they were given.

use std::sync::mpsc::{Sender, channel};
use std::thread;

use cachette_core::vault::{KeepId, Note};

use crate::notes::Notes;

/// Keeps notes on a thread of its own, which ends when this is dropped.
pub struct Keeper {
    queue: Sender<(KeepId, Vec<Note>, bool)>,
}

impl Keeper {
    /// Starts the thread; `kept` is called on it with whether the notes are kept.
    pub fn start(durable: Notes, relaxed: Notes, kept: impl Fn(KeepId, bool) + Send + 'static) -> std::io::Result<Self> {
        let (queue, work) = channel::<(KeepId, Vec<Note>, bool)>();
        thread::Builder::new().name("notes".into()).spawn(move || {
            while let Ok((id, notes, must_last)) = work.recv() {
                let result = if must_last { durable.keep(&notes) } else { relaxed.keep(&notes) };
                if let Err(error) = &result {
                    tracing::error!(%error, "notes could not be kept");
                }
                kept(id, result.is_ok());
            }
        })?;
        Ok(Self { queue })
    }

    /// Keeps notes; durably, if they must last.
    pub fn push(&self, id: KeepId, notes: Vec<Note>, must_last: bool) {
        // The thread outlives the queue: it ends only when that is dropped.
        let _ = self.queue.send((id, notes, must_last));
    }
}
