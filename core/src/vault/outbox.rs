//! What the vault's parts want done, and what each outstanding job and note is for.

use std::collections::VecDeque;

use super::job::{Job, JobId};
use super::pack::PackNumber;
use super::{CommandError, CommandId, KeepId, Note, Output, Reply};
use crate::id::{BlockId, RecordId};
use crate::map::Map;

/// The queue behind `poll`, shared by the vault's parts.
#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<Output>,
    next: u64,
    jobs: Map<JobId, JobFor>,
    keeps: Map<KeepId, KeepFor>,
}

/// What a job is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum JobFor {
    /// Seals a pack of the data stream.
    Seal(PackNumber),
    /// Opens a block that was fetched.
    Open(BlockId),
}

/// What notes are for.
#[derive(Debug)]
pub(super) enum KeepFor {
    /// Nothing waits for them.
    Journal,
    /// The head of the commit under way may be published.
    Head(RecordId),
    /// Newer heads may be acted on.
    Floor,
    /// The share record of the commit under way may be published.
    Share(RecordId),
    /// The certificate under way counts and may be published.
    Certificate,
}

impl Outbox {
    pub(super) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    pub(super) fn reply(&mut self, command: CommandId, result: Result<Reply, CommandError>) {
        self.push(Output::Reply(command, result));
    }

    pub(super) fn job(&mut self, purpose: JobFor, job: Job) {
        self.next += 1;
        self.jobs.insert(JobId(self.next), purpose);
        self.push(Output::Job(JobId(self.next), job));
    }

    pub(super) fn keep(&mut self, purpose: KeepFor, notes: Vec<Note>, durable: bool) -> KeepId {
        self.next += 1;
        self.keeps.insert(KeepId(self.next), purpose);
        self.push(Output::Keep(KeepId(self.next), notes, durable));
        KeepId(self.next)
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    pub(super) fn finish_job(&mut self, id: JobId) -> Option<JobFor> {
        self.jobs.remove(&id)
    }

    pub(super) fn finish_keep(&mut self, id: KeepId) -> Option<KeepFor> {
        self.keeps.remove(&id)
    }
}
