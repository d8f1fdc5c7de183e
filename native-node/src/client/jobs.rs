//! Threads for a vault's heavy work: sealing and opening blocks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use cachette_core::vault::job::{Job, JobId, Outcome};

/// As many threads as there are processors. They end when this is dropped.
pub struct Jobs {
    queue: Sender<(JobId, Job)>,
}

impl Jobs {
    /// Starts the threads; `done` is called on them with each outcome. What waits is bounded by the vault's own windows.
    pub fn start(done: impl Fn(JobId, Outcome) + Clone + Send + 'static) -> Self {
        let (queue, jobs) = channel();
        let jobs: Arc<Mutex<Receiver<(JobId, Job)>>> = Arc::new(Mutex::new(jobs));
        let threads = thread::available_parallelism().map_or(2, usize::from);
        for number in 0..threads {
            let (jobs, done) = (Arc::clone(&jobs), done.clone());
            let work = move || {
                loop {
                    let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((id, job)) = next else { return };
                    done(id, contained(job, Job::run));
                }
            };
            if let Err(error) = thread::Builder::new().name(format!("seal-{number}")).spawn(work) {
                tracing::warn!(%error, "a thread for sealing could not be started");
            }
        }
        Self { queue }
    }

    /// Has a job done.
    pub fn push(&self, id: JobId, job: Job) {
        // The threads outlive the queue: they end only when it is dropped.
        let _ = self.queue.send((id, job));
    }
}

/// Runs a job. A panic is a bug of ours; whoever waits for the outcome must hear of it all the same.
fn contained(job: Job, run: impl FnOnce(Job) -> Outcome) -> Outcome {
    let failed = job.failed();
    catch_unwind(AssertUnwindSafe(|| run(job))).unwrap_or_else(|_| {
        tracing::error!("sealing or opening failed on its thread");
        failed
    })
}

#[cfg(test)]
mod tests {
    use cachette_core::vault::seal::{SealError, SealKey};

    use super::*;

    #[test]
    fn c13_a_job_that_panics_has_an_outcome() {
        let job = Job::Seal { key: Arc::new(SealKey::new([1; 32])), pack: vec![0; 4080] };
        let outcome = contained(job, |_| panic!("a bug in the cipher"));
        assert!(matches!(outcome, Outcome::Sealed(Err(SealError::Mismatch))));
        let job = Job::Seal { key: Arc::new(SealKey::new([1; 32])), pack: vec![0; 4080] };
        assert!(matches!(contained(job, Job::run), Outcome::Sealed(Ok(_))));
    }
}
