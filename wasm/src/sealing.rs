//! Sealing and opening in workers beside this one, so that neither the machines nor the page wait for ciphers.
//!
//! ```text
//!   here --[number, header, payload, length]--> port --> serveSealing: runs the job
//!        <-[number, header, payload, length]---                or `null`, with its last breath
//! ```
//!
//! Payloads are transferred, not copied, in buffers that come back with the answer. A job stays here until its outcome came: should its
//! worker die, another does it, or this one when there is no other.

use std::collections::VecDeque;

use cachette_core::map::Map;
use cachette_core::time::{Span, Time};
use cachette_core::vault::job::{Job, JobId, Outcome};
use js_sys::{Array, Function, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::buffers::Buffers;
use crate::driver::{Happened, Post};
use crate::js::{bytes, number};
use crate::panics::on_panic;
use crate::timer::later;

#[wasm_bindgen]
extern "C" {
    /// One end of the way to a worker that seals: what `channel.ts` calls a port.
    #[derive(Debug, Clone)]
    pub type JobPort;

    #[wasm_bindgen(method, setter, js_name = onmessage)]
    fn set_listener(this: &JobPort, listener: Option<&Function>);

    #[wasm_bindgen(method, catch)]
    fn send(this: &JobPort, message: &JsValue, transferred: &Array) -> Result<(), JsValue>;
}

/// The workers and what waits for them. Bounded by the vault's own windows.
pub(crate) struct Sealing {
    post: Post,
    workers: Vec<Worker>,
    waiting: VecDeque<(JobId, Job)>,
    buffers: Buffers,
    /// A turn in which a job is done here is on its way.
    turn: bool,
}

struct Worker {
    port: JobPort,
    open: Map<JobId, Job>,
    /// When it was last heard, or got something to do.
    heard: Time,
    lost: bool,
    _on_message: Closure<dyn FnMut(JsValue)>,
}

impl Sealing {
    /// Begins with these workers, or without any.
    pub(crate) fn new(post: Post, ports: Vec<JobPort>) -> Self {
        let workers = ports.into_iter().enumerate().map(|(place, port)| Worker::new(&post, place, port)).collect();
        Self { post, workers, waiting: VecDeque::new(), buffers: Buffers::default(), turn: false }
    }

    /// Has a job done.
    pub(crate) fn push(&mut self, now: Time, id: JobId, job: Job) {
        self.waiting.push_back((id, job));
        self.hand_out(now);
    }

    /// Takes in what a worker said.
    pub(crate) fn heard(&mut self, now: Time, place: usize, said: &JsValue) -> Option<(JobId, Outcome)> {
        let worker = self.workers.get_mut(place)?;
        let outcome = match said.dyn_ref::<Array>() {
            Some(said) => {
                (worker.heard, worker.lost) = (now, false);
                let (id, header, payload) = read(said, &mut self.buffers)?;
                let known = worker.open.remove(&JobId(id)).is_some();
                Outcome::decode(&header, payload).filter(|_| known).map(|outcome| (JobId(id), outcome))
            }
            None => {
                self.lose(place);
                None
            }
        };
        self.hand_out(now);
        outcome
    }

    /// Does a job here.
    pub(crate) fn turn(&mut self) -> Option<(JobId, Outcome)> {
        self.turn = false;
        let (id, job) = self.waiting.pop_front()?;
        self.take_turn();
        Some((id, job.run()))
    }

    /// Returns when a worker that says nothing is given up.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.workers.iter().filter(|worker| !worker.open.is_empty()).map(|worker| worker.heard + PATIENCE).min()
    }

    /// Gives up workers that have said nothing for too long.
    pub(crate) fn tick(&mut self, now: Time) {
        let silent = |worker: &Worker| !worker.open.is_empty() && now >= worker.heard + PATIENCE;
        for place in 0..self.workers.len() {
            if silent(&self.workers[place]) {
                self.lose(place);
            }
        }
        self.hand_out(now);
    }

    fn lose(&mut self, place: usize) {
        let worker = &mut self.workers[place];
        worker.lost = true;
        for job in std::mem::take(&mut worker.open).into_iter().rev() {
            self.waiting.push_front(job);
        }
    }

    fn hand_out(&mut self, now: Time) {
        while !self.waiting.is_empty() {
            let free = self.workers.iter_mut().filter(|worker| !worker.lost && worker.open.len() < DEPTH);
            let Some(worker) = free.min_by_key(|worker| worker.open.len()) else { break };
            if let Some((id, job)) = self.waiting.pop_front() {
                worker.give(now, id, job, &mut self.buffers);
            }
        }
        self.take_turn();
    }

    fn take_turn(&mut self) {
        let alone = self.workers.iter().all(|worker| worker.lost);
        if alone && !self.waiting.is_empty() && !std::mem::replace(&mut self.turn, true) {
            let post = self.post.clone();
            later(move || post.tell(Happened::Turn));
        }
    }
}

impl Worker {
    fn new(post: &Post, place: usize, port: JobPort) -> Self {
        let post = post.clone();
        let on_message = Closure::<dyn FnMut(JsValue)>::new(move |said| post.tell(Happened::Sealed(place, said)));
        port.set_listener(Some(on_message.as_ref().unchecked_ref()));
        Self { port, open: Map::new(), heard: Time::default(), lost: false, _on_message: on_message }
    }

    fn give(&mut self, now: Time, id: JobId, job: Job, buffers: &mut Buffers) {
        self.heard = if self.open.is_empty() { now } else { self.heard };
        self.lost = !send(&self.port, id.0, &job.header(), job.payload(), buffers);
        self.open.insert(id, job);
    }
}

impl Drop for Sealing {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.port.set_listener(None);
        }
    }
}

/// Does the jobs that come over a port, in a worker that does nothing else.
#[wasm_bindgen(js_name = serveSealing)]
#[expect(clippy::needless_pass_by_value, reason = "what JavaScript gives comes as values")]
pub fn serve_sealing(port: JobPort) {
    let dying = port.clone();
    // Whoever is at the other end has the jobs done elsewhere.
    on_panic(move |_| drop(dying.send(&JsValue::NULL, &Array::new())));
    let back = port.clone();
    let mut buffers = Buffers::default();
    let on_message = Closure::<dyn FnMut(JsValue)>::new(move |said: JsValue| {
        let Some((id, header, payload)) = said.dyn_ref().and_then(|said| read(said, &mut buffers)) else { return };
        let Some(job) = Job::decode(&header, payload) else { return };
        let outcome = job.map_or_else(|outcome| outcome, Job::run);
        send(&back, id, &outcome.header(), outcome.payload(), &mut buffers);
    });
    port.set_listener(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}

/// Says something over a port; the payload's one copy goes with it.
fn send(port: &JobPort, id: u64, header: &[u8], payload: &[u8], buffers: &mut Buffers) -> bool {
    let buffer = buffers.fill(payload);
    let said = Array::of4(&number(id), &bytes(header), &buffer, &number(payload.len()));
    port.send(&said, &Array::of1(&buffer)).is_ok()
}

fn read(said: &Array, buffers: &mut Buffers) -> Option<(u64, Vec<u8>, Vec<u8>)> {
    let id = said.get(0).as_f64()? as u64;
    let header = said.get(1).dyn_into::<Uint8Array>().ok()?.to_vec();
    let len = said.get(3).as_f64()? as u32;
    Some((id, header, buffers.empty(said.get(2).dyn_into().ok()?, len)))
}

/// Jobs that a worker has at once: one is done while the next one travels.
const DEPTH: usize = 3;
/// A worker that says nothing for so long is dead, or so slow that this one is faster.
const PATIENCE: Span = Span::seconds(5);
